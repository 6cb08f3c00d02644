"""Grad-CAM on every network of the zoo, against tf-keras-vis and xplique on the same weights.

    python -m benchmarks.zoo

Each network is built with seeded random weights (nothing is downloaded) at the smallest pictures
that leave it a grid, and asked for the class whose map is least blank. Printed is the correlation
of the maps at the layer's own resolution: 1 where the peer computes the same.
"""

import importlib.metadata
from collections.abc import Callable

import numpy as np

from explainers import Classifier, GradCam
from explainers.models.applications import APPLICATIONS

import keras  # isort: skip
import tensorflow as tf  # isort: skip
from tf_keras_vis.gradcam import Gradcam  # isort: skip
from tf_keras_vis.utils.scores import CategoricalScore  # isort: skip
from xplique.attributions import GradCAM as XpliqueGradCam  # isort: skip

SIDE = 96
CLASSES = 5


def _maps(name: str) -> tuple[np.ndarray, dict[str, Callable[[], np.ndarray]]]:
    """Triptych's map, and the peers'."""
    network = APPLICATIONS[name]
    keras.utils.set_random_seed(1)
    model = network.build(weights=None, input_shape=(SIDE, SIDE, 3), classes=CLASSES)
    classifier = Classifier(model, name=name, scaling=network.scaling)
    pixels = np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)
    layer = classifier.layer().path
    maps = [
        GradCam(layer=layer).explain(classifier, pixels, target).heatmap
        for target in range(CLASSES)
    ]
    target = int(np.argmax([(heatmap > 0).mean() for heatmap in maps]))
    linear = _with_linear_head(model)
    scaled = network.scaling(pixels)[None].astype(np.float32)
    one_hot = np.eye(CLASSES, dtype=np.float32)[[target]]

    def vis() -> np.ndarray:
        cam = Gradcam(linear, clone=False)
        return cam(
            CategoricalScore([target]), scaled, penultimate_layer=layer,
            seek_penultimate_conv_layer=False, expand_cam=False, normalize_cam=False,
        )[0]  # fmt: skip

    def xplique() -> np.ndarray:
        cam = XpliqueGradCam(linear, conv_layer=layer)
        activations, gradients = cam._gradient(cam.model, tf.constant(scaled), tf.constant(one_hot))
        weights = cam._compute_weights(gradients, activations)
        return cam._apply_weights(weights, activations)[0]

    return maps[target], {"tf-keras-vis": vis, "xplique": xplique}


def _with_linear_head(model: keras.Model) -> keras.Model:
    """The same weights without the softmax at the end, which the peers would explain."""
    config = model.get_config()
    for layer in config["layers"][-2:]:
        if layer["config"].get("activation") == "softmax":
            layer["config"]["activation"] = "linear"
    linear = keras.Model.from_config(config)
    linear.set_weights(model.get_weights())
    return linear


def main() -> None:
    peers = ("tf-keras-vis", "xplique")
    versions = [f"{peer} {importlib.metadata.version(peer)}" for peer in peers]
    print(f"{'':20} {'grid':>7} {versions[0]:>20} {versions[1]:>20}")
    for name in APPLICATIONS:
        ours, theirs = _maps(name)
        rows, columns = ours.shape
        said = []
        for peer in peers:
            try:
                correlation = np.corrcoef(ours.ravel(), np.asarray(theirs[peer]()).ravel())[0, 1]
                said.append(f"{correlation:.6f}")
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                said.append(type(error).__name__)
        print(f"{name:20} {rows:3}x{columns:<3} {said[0]:>20} {said[1]:>20}", flush=True)


if __name__ == "__main__":
    main()
