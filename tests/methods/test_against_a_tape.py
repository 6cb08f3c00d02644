"""The bundled network's maps, against gradients that a tape takes of the unmodified Keras model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from explainers import Classifier, GradCam, Saliency
from explainers.images.samples import SAMPLES
from tests.conftest import Hold


@pytest.fixture(scope="module", params=["coffee", "rocket"])
def seen(request: pytest.FixtureRequest, lite0: Classifier) -> np.ndarray:
    return lite0.prepare(SAMPLES[request.param].read())


def _by_hand(lite0: Classifier, pixels: np.ndarray, index: int) -> dict[str, np.ndarray]:
    """What the unmodified model's layers give, called one after the other under a tape.

    The logit is the last layer's kernel and bias; its softmax is never called.
    """
    model = lite0._graph.model
    layer, answer = model.get_layer("head_convolution"), model.get_layer("probabilities")
    inner = keras.Model(model.inputs, [layer.output, answer.input])
    with tf.GradientTape(persistent=True) as tape:
        inputs = tf.constant((pixels[None] - 127) / 128)
        tape.watch(inputs)
        activations, features = inner(inputs, training=False)
        logit = (features @ answer.kernel + answer.bias)[0, index]
    return {
        "activations": activations[0].numpy(),
        "gradients": tape.gradient(logit, activations)[0].numpy(),
        "by pixels": tape.gradient(logit, inputs)[0].numpy() / 128,
    }


@pytest.mark.parametrize("index", [967, 657])
def test_maps_are_those_of_a_tape(
    lite0: Classifier, seen: np.ndarray, index: int, held: Hold
) -> None:
    by_hand = _by_hand(lite0, seen, index)
    weights = by_hand["gradients"].mean(axis=(0, 1))
    expected = np.maximum(by_hand["activations"] @ weights, 0)
    found = GradCam().explain(lite0, seen, index).heatmap
    difference = np.abs(found - expected).max() / expected.max()
    held("Grad-CAM of EfficientNet-Lite0", "a tape on the Keras model, relative", difference, 1e-4)
    plain = Saliency(samples=1, noise=0.0, sigma=0.0).explain(lite0, seen, index).heatmap
    expected = np.abs(by_hand["by pixels"]).max(axis=-1)
    difference = np.abs(plain - expected).max() / expected.max()
    held("Saliency of EfficientNet-Lite0", "a tape on the Keras model, relative", difference, 1e-4)
