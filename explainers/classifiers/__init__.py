"""Pixels -> probabilities, gradients, activations; TensorFlow's room, with `models`."""

import os

# TensorFlow reads both when it is first imported. Its fast CPU kernels are on by default only for
# the newest processors, and twice as fast on others too; its remarks on graphics cards are noise.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
