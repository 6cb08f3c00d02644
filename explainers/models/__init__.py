"""Where classifiers come from: bundled, of `keras.applications`, or a stranger's file."""

import explainers.classifiers  # noqa: F401  before Keras: it says how TensorFlow starts
