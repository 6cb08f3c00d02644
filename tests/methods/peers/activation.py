"""Write `activation.npz`: class activation maps of xplique and tf-keras-vis.

    python -m tests.methods.peers.activation      (needs both, see benchmarks/requirements.txt)

Only the figures are kept, so that the tests need neither: of the tiny networks their weights and
the maps, of the bundled one the maps of the cat, each at the layer's own resolution. Where a peer
is not of one mind with a method's paper, it is asked for what both say:

- xplique's Grad-CAM++ takes means where the paper has sums. Of n places, its map of n times a logit
  is the paper's map of that logit, so its networks answer with n times the logits.
- tf-keras-vis's Grad-CAM++ normalises over all places, the authors' code over those with a positive
  gradient, so it is asked where the gradients of a channel have one sign.
- tf-keras-vis's Score-CAM interpolates from corner to corner of a layer's grid, the authors' code
  from middle to middle of its cells. Where the grid is not the picture's, SciPy is told so.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import scipy
from keras import layers

from explainers import load_classifier
from explainers.classifiers.scaling import UNIT, even
from explainers.images.samples import SAMPLES

FIGURES = Path(__file__).with_suffix(".npz")
SIZE = (12, 15)
CLASS, CAT = 1, 285
SEEDS = {"crossing": 3, "rising": 5}
"""The tiny networks; gradients by the late layer have both signs in the one, none below 0 in the
other."""
TINY = {"early": "early", "late": "late"}
LITE0 = {
    "early": "block5_project_convolution", "late": "head_convolution", "last": "head_relu6",
}  # fmt: skip
GREY = even("grey is 0", 127.5, 128.0)
"""Lite0's scaling, shifted by half a level: what the peer multiplies by 0 is grey then."""
ONE_SIGN = ("rising late", "lite0 last")
"""Where the gradients of each channel have one sign."""
BARE, ACTIVATED = "lite0 late", "lite0 last"
"""A convolution whose activation is a layer of its own: that is what Score-CAM makes masks of."""


def channels(model: keras.Model, layer: str) -> int:
    """How many Score-CAM asks about: not all, so that they have to be chosen."""
    return min(24, model.get_layer(layer).output.shape[-1] - 1)


def network(name: str, activation: str | None = "softmax") -> keras.Model:
    keras.utils.set_random_seed(SEEDS[name])
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, padding="same", activation="tanh", name="early"),
            layers.Conv2D(6, 3, strides=3, activation="softplus", name="late"),
            layers.Flatten(),
            layers.Dense(3, activation=activation, name="answer"),
        ]
    )
    if name == "rising":
        kernel, bias = model.layers[-1].get_weights()
        model.layers[-1].set_weights([np.abs(kernel), bias])
    return model


def without_softmax(model: keras.Model) -> keras.Model:
    linear = keras.Model(model.inputs, layers.Dense(1000)(model.layers[-2].output))
    linear.layers[-1].set_weights(model.layers[-1].get_weights())
    return linear


def _times(model: keras.Model, factor: int) -> keras.Model:
    """The same network with its logits multiplied."""
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.layers[-1].set_weights([factor * weight for weight in model.layers[-1].get_weights()])
    return twin


def _grad_cam_plus_plus(
    model: keras.Model, layer: str, scaled: np.ndarray, index: int
) -> np.ndarray:
    """xplique's, which it only gives resized: its steps before that."""
    from xplique.attributions import GradCAMPP

    places = int(np.prod(model.get_layer(layer).output.shape[1:3]))
    explainer = GradCAMPP(_times(model, places), conv_layer=layer)
    one_hot = np.eye(model.output_shape[-1], dtype=np.float32)[[index]]
    activations, gradients = explainer._gradient(scaled[None], one_hot)
    weights = explainer._compute_weights(gradients, activations)
    return explainer._apply_weights(weights, activations)[0].numpy()


def _vis(
    method: Any, model: keras.Model, layer: str, scaled: np.ndarray, index: int, **settings: Any
) -> np.ndarray:
    """A method of tf-keras-vis, neither resized nor stretched to 0..1."""
    from tf_keras_vis.utils.scores import CategoricalScore

    found = method(model, clone=False)(
        CategoricalScore([index]), scaled[None], penultimate_layer=layer, expand_cam=False,
        seek_penultimate_conv_layer=False, normalize_cam=False, **settings,
    )  # fmt: skip
    return np.asarray(found, np.float32)[0]


def _score_cam(model: keras.Model, layer: str, scaled: np.ndarray, index: int) -> np.ndarray:
    from tf_keras_vis import scorecam

    from_the_middle = partial(scipy.ndimage.zoom, grid_mode=True)
    with mock.patch.object(scorecam, "zoom", from_the_middle):
        return _vis(scorecam.Scorecam, model, layer, scaled, index, max_N=channels(model, layer))


def _maps(
    name: str, model: keras.Model, at: dict[str, str], scaled: np.ndarray, index: int
) -> Iterator[tuple[str, np.ndarray]]:
    """What the peers show at some layers, by method, network and layer."""
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.layercam import Layercam

    for place, layer in at.items():
        asked = (model, layer, scaled.astype(np.float32), index)
        yield f"grad-cam-plus-plus {name} {place}", _grad_cam_plus_plus(*asked)
        yield f"hirescam {name} {place}", _vis(Layercam, *asked, gradient_modifier=None)
        yield f"layercam {name} {place}", _vis(Layercam, *asked)
        if f"{name} {place}" != BARE:
            yield f"score-cam {name} {place}", _score_cam(*asked)
        if f"{name} {place}" in ONE_SIGN:
            yield f"normalised {name} {place}", _vis(GradcamPlusPlus, *asked)


def main() -> None:
    pixels = np.random.default_rng(1).uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    figures = {"pixels": pixels}
    for name in SEEDS:
        model = network(name, activation=None)
        figures |= {f"{name} {number}": each for number, each in enumerate(model.get_weights())}
        figures |= _maps(name, model, TINY, UNIT(pixels), CLASS)
    classifier = load_classifier("efficientnet-lite0")
    cat = classifier.prepare(SAMPLES["cat"].read())
    linear = without_softmax(classifier._graph.model)
    figures |= _maps("lite0", linear, LITE0, GREY(cat), CAT)
    np.savez_compressed(FIGURES, **figures)
    for name, figure in figures.items():
        print(f"{name:40}{figure.shape!s:20}{np.abs(figure).max():.3g}")


if __name__ == "__main__":
    main()
