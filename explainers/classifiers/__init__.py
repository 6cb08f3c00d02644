"""Pixels -> probabilities, gradients, activations; the only room that knows TensorFlow."""
