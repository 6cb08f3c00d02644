"""Which layer activates a convolution: the usual blocks of the field, and what is none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

from explainers import Classifier, GradCam, open_classifier
from explainers.classifiers.activating import activated_after
from explainers.classifiers.graph import steps

SHAPE = (12, 16, 3)
LEGACY = Path(__file__).parents[1] / "models" / "legacy"


def conv(name: str = "conv", **settings: Any) -> layers.Layer:
    return layers.Conv2D(3, 3, padding="same", name=name, **settings)


def norm() -> layers.Layer:
    return layers.BatchNormalization()


def add(x: Any) -> Any:
    return layers.Add()([x, conv("other")(x)])


def shared(x: Any) -> Any:
    act = layers.ReLU(name="act")
    return act(conv("again")(act(conv()(x))))


def both_ways(x: Any) -> Any:
    """Activated for one user and as it is for another."""
    x = conv()(x)
    return layers.Concatenate()([layers.ReLU(name="act")(x), x])


def spelled_out(x: Any) -> Any:
    """A hard swish in arithmetic: the output has no user that has not been through it."""
    x = norm()(conv()(x))
    return layers.Multiply(name="act")([x, layers.ReLU(6.0)(x + 3.0) * (1 / 6)])


def swish(x: Any) -> Any:
    x = conv()(x)
    return layers.Multiply(name="act")([x, layers.Activation("sigmoid")(x)])


def gated(x: Any) -> Any:
    """Squeeze and excitation of what is not activated: the gate comes of all places."""
    x = conv()(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Activation("sigmoid")(gate)])


def in_a_row(*row: layers.Layer) -> Callable[[Any], Any]:
    def build(x: Any) -> Any:
        for layer in row:
            x = layer(x)
        return x

    return build


BLOCKS: dict[str, tuple[Callable[[], Callable[[Any], Any]], dict[str, str]]] = {
    "normalised, then a layer": (
        lambda: in_a_row(conv(), norm(), layers.ReLU(6.0, name="act")), {"conv": "act"},
    ),
    "a function": (
        lambda: in_a_row(conv(), norm(), layers.Activation("swish", name="act")), {"conv": "act"},
    ),
    "of Keras's operations": (
        lambda: lambda x: keras.ops.gelu(norm()(conv()(x))), {"conv": "gelu"},
    ),
    "leaky": (lambda: in_a_row(conv(), layers.LeakyReLU(name="act")), {"conv": "act"}),
    "learnt": (lambda: in_a_row(conv(), layers.PReLU(name="act")), {"conv": "act"}),
    "behind what acts in training": (
        lambda: in_a_row(
            conv(), layers.Dropout(0.1), layers.GaussianNoise(0.1), layers.Activation("linear"),
            layers.LayerNormalization(), layers.ELU(name="act"),
        ),
        {"conv": "act"},
    ),
    "built in": (lambda: in_a_row(conv(activation="relu"), norm()), {"conv": "conv"}),
    "built in as a layer": (
        lambda: in_a_row(conv(activation=layers.LeakyReLU())), {"conv": "conv"},
    ),
    "spelled out": (lambda: spelled_out, {"conv": "act"}),
    "swish by hand": (lambda: swish, {"conv": "act"}),
    "the first of two": (
        lambda: in_a_row(conv(), layers.ReLU(name="act"), norm(), layers.ReLU()), {"conv": "act"},
    ),
    "depthwise, and separable": (
        lambda: in_a_row(
            layers.DepthwiseConv2D(3, name="conv"), norm(), layers.ReLU(name="act"),
            layers.SeparableConv2D(3, 3, name="late"), layers.Activation("tanh", name="end"),
        ),
        {"conv": "act", "late": "end"},
    ),
    "convolved again": (
        lambda: in_a_row(conv(), norm(), conv("late"), layers.ReLU(name="act")), {"late": "act"},
    ),
    "added to another branch": (lambda: in_a_row(conv(), norm(), add, layers.ReLU()), {}),
    "pooled first": (lambda: in_a_row(conv(), layers.MaxPooling2D(), layers.ReLU()), {}),
    "used as it is, too": (lambda: both_ways, {}),
    "gated from all places": (lambda: gated, {}),
    "one activation for two": (lambda: shared, {"again": "act"}),
    "a softmax": (lambda: in_a_row(conv(activation="softmax"), layers.Softmax()), {}),
}  # fmt: skip


def model_of(block: Callable[[Any], Any]) -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(block(inputs))
    return keras.Model(inputs, layers.Dense(2)(x))


@pytest.mark.parametrize("name", BLOCKS)
def test_the_activation_that_follows_a_convolution(name: str) -> None:
    build, expected = BLOCKS[name]
    assert activated_after(model_of(build())) == expected


def test_it_is_found_across_the_borders_of_nested_models() -> None:
    inner = keras.Sequential([keras.Input(SHAPE), conv()], name="inner")
    middle = keras.Sequential([keras.Input(SHAPE), inner, norm()], name="middle")
    model = model_of(in_a_row(middle, layers.ReLU(name="act"), conv("late"), layers.ReLU()))
    assert activated_after(model)["middle/inner/conv"] == "act"
    assert activated_after(model)["late"].startswith("re_lu")


def test_other_models_of_the_same_layers_change_nothing() -> None:
    """Keras notes every use of a layer; only those inside the model count."""
    model = model_of(in_a_row(conv(), layers.ReLU(name="act")))
    keras.Model(model.inputs, layers.Softmax()(model.get_layer("conv").output))
    assert activated_after(model) == {"conv": "act"}


@pytest.mark.parametrize("name", ["frozen_transfer", "gates", "grey_sigmoid", "three_deep"])
def test_steps_are_those_that_are_watched(name: str) -> None:
    classifier = open_classifier(LEGACY / f"{name}.h5", tried=False)
    taken = [step.path for step in steps(classifier._graph.model)]
    watched = [layer.path for layer in classifier.summary]
    assert [path for path in taken if path in watched] == watched


def test_the_hard_swish_of_an_older_file_is_seen_through() -> None:
    classifier = open_classifier(LEGACY / "gates.h5", tried=False)
    after = classifier.activated("expanded_conv_Conv")
    assert after is not None
    assert (after.path, after.kind) == ("tf.math.multiply_1", "Multiply")
    gate = classifier.activated("squeeze_excite_Conv_1")
    assert gate is not None
    assert gate.path == "squeeze_excite_Conv_1"


def test_linear_bottlenecks_have_none_and_grad_cam_stays_at_the_convolution(
    lite0: Classifier,
) -> None:
    found = {layer.path: lite0.activated(layer.path) for layer in lite0.convolutions}
    projected = {path for path, after in found.items() if after is None}
    assert projected == {path for path in found if "_project_" in path}
    for path, after in found.items():
        assert after is None or after.path == path.replace("_convolution", "_relu6")
    assert lite0.layer().path == "head_convolution"
    assert lite0.activated("no such layer") is None
    assert GradCam().layer is None
