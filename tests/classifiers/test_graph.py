"""Any nesting of models is replayed to the same answer, with every layer inside within reach."""

import json
from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier
from explainers.classifiers.errors import UnsupportedModelError
from explainers.classifiers.graph import Graph
from explainers.classifiers.scaling import SIGNED, UNIT
from explainers.models.screening import ModelError
from tests.conftest import Hold

SHAPE = (12, 16, 3)


def _backbone(name: str = "backbone") -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(inputs)
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 1, name="second")(x))
    return keras.Model(inputs, layers.Add(name="sum")([x, y]), name=name)


def _tail() -> list:
    return [
        layers.GlobalAveragePooling2D(name="average"),
        layers.Dropout(0.5, name="dropout"),
        layers.Dense(3, activation="softmax", name="answer"),
    ]


def flat_functional() -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, name="only")(inputs)
    for layer in _tail():
        x = layer(x)
    return keras.Model(inputs, x)


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3, name="only"), *_tail()])


def functional_in_sequential() -> keras.Model:
    return keras.Sequential([keras.Input(SHAPE), _backbone(), *_tail()])


def functional_in_functional() -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = _backbone()(layers.Rescaling(1 / 255, name="rescale")(inputs))
    for layer in _tail():
        x = layer(x)
    return keras.Model(inputs, x)


def sequential_in_sequential_in_functional() -> keras.Model:
    inner = keras.Sequential([keras.Input(SHAPE), _backbone("core")], name="inner")
    outer = keras.Sequential([keras.Input(SHAPE), inner, *_tail()], name="outer")
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, outer(inputs))


def shared_layer() -> keras.Model:
    inputs = keras.Input(SHAPE)
    convolution = layers.Conv2D(3, 3, padding="same", name="twice")
    x = convolution(convolution(inputs))
    for layer in _tail():
        x = layer(x)
    return keras.Model(inputs, x)


def augmented() -> keras.Model:
    augmentation = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.3)], name="turn")
    inner = [augmentation, layers.GaussianNoise(0.9), layers.Conv2D(4, 3, name="only")]
    return keras.Sequential([keras.Input(SHAPE), *inner, *_tail()])


NESTINGS: dict[Callable[[], keras.Model], list[str]] = {
    flat_functional: ["only"],
    sequential: ["only"],
    functional_in_sequential: ["backbone/first", "backbone/second"],
    functional_in_functional: ["backbone/first", "backbone/second"],
    sequential_in_sequential_in_functional: ["outer/inner/core/first", "outer/inner/core/second"],
    shared_layer: ["twice"],
    augmented: ["only"],
}


@pytest.fixture(params=NESTINGS, ids=lambda build: build.__name__)
def nested(request: pytest.FixtureRequest) -> tuple[keras.Model, list[str]]:
    keras.utils.set_random_seed(3)
    return request.param(), NESTINGS[request.param]


def _state(model: keras.Model) -> tuple:
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    return json.dumps(model.get_config(), default=str), nodes


def test_a_nested_model_answers_as_keras_does_and_is_left_alone(
    nested: tuple[keras.Model, list[str]], held: Hold
) -> None:
    model, paths = nested
    batch = np.random.default_rng(1).uniform(0, 255, (5, *SHAPE)).astype(np.float32)
    expected = model.predict(batch, verbose=0)
    weights, state = model.get_weights(), _state(model)
    classifier = Classifier(model, name="nested", labels="abc")
    difference = np.abs(classifier.probabilities(batch) - expected).max()
    held("Probabilities at any nesting", "the unmodified Keras model", difference, 1e-6)
    assert [layer.path for layer in classifier.convolutions] == paths
    (local,) = classifier.gradients(batch[:1], 1, at=(paths[0],))
    assert local.gradients.any()
    assert _state(model) == state
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_inner_activations_are_those_of_keras(held: Hold) -> None:
    keras.utils.set_random_seed(5)
    model = functional_in_sequential()
    backbone = model.get_layer("backbone")
    batch = np.random.default_rng(1).uniform(0, 1, (2, *SHAPE)).astype(np.float32)
    classifier = Classifier(model, name="nested", labels="abc")
    inner = keras.Model(backbone.inputs, backbone.get_layer("second").output)
    (found,) = classifier.activations(batch, "backbone/second")
    difference = np.abs(found - inner.predict(batch, verbose=0)).max()
    held("Outputs of inner layers", "a Keras model that ends there", difference, 1e-6)
    layer = classifier.layer("backbone/sum")
    assert (layer.grid, layer.channels, layer.convolution) == ((12, 16), 4, False)


HEADS = {
    "softmax in the last layer": ([layers.Dense(3, activation="softmax")], "softmax"),
    "softmax of its own": ([layers.Dense(3), layers.Softmax()], "softmax"),
    "activation of its own": ([layers.Dense(3), layers.Activation("softmax")], "softmax"),
    "several sigmoids": ([layers.Dense(3, activation="sigmoid")], "sigmoid"),
    "sigmoids of their own": ([layers.Dense(3), layers.Activation("sigmoid")], "sigmoid"),
}


@pytest.mark.parametrize("head", HEADS)
def test_logits_are_what_the_activation_is_given(head: str) -> None:
    ends, activation = HEADS[head]
    keras.utils.set_random_seed(7)
    copies = [type(end).from_config(end.get_config()) for end in ends]
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), *copies])
    batch = np.random.default_rng(2).uniform(0, 1, (4, *SHAPE)).astype(np.float32)
    classifier = Classifier(model, name="head", labels="abc")
    dense = copies[0]
    logits = batch.reshape(4, -1) @ np.asarray(dense.kernel) + np.asarray(dense.bias)
    assert classifier.activation == activation
    np.testing.assert_allclose(classifier.logits(batch), logits, atol=1e-4)
    np.testing.assert_allclose(
        classifier.probabilities(batch), model.predict(batch, verbose=0), atol=1e-6
    )


def test_logits_without_an_activation_go_through_a_softmax() -> None:
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(3)])
    batch = np.random.default_rng(2).uniform(0, 1, (4, *SHAPE)).astype(np.float32)
    classifier = Classifier(model, name="logits", labels="abc")
    raw = model.predict(batch, verbose=0)
    np.testing.assert_allclose(classifier.logits(batch), raw, atol=1e-5)
    exponentials = np.exp(raw - raw.max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(batch), expected, atol=1e-5)


def test_one_sigmoid_unit_becomes_two_classes() -> None:
    model = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
    )
    batch = np.random.default_rng(2).uniform(0, 1, (4, *SHAPE)).astype(np.float32)
    classifier = Classifier(model, name="binary", labels=("not a dog", "a dog"))
    dog = model.predict(batch, verbose=0)[:, 0]
    np.testing.assert_allclose(
        classifier.probabilities(batch), np.stack([1 - dog, dog], axis=1), atol=1e-6
    )
    (against,) = classifier.gradients(batch, 0)
    (towards,) = classifier.gradients(batch, 1)
    np.testing.assert_allclose(against.gradients, -towards.gradients, atol=1e-7)


def test_two_inputs_are_refused_in_a_sentence() -> None:
    first, second = keras.Input(SHAPE, name="left"), keras.Input(SHAPE, name="right")
    model = keras.Model([first, second], layers.Add()([first, second]))
    with pytest.raises(UnsupportedModelError, match=r"2 inputs \(left, right\) and 1 output;"):
        Graph(model)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((12, 16, 4), "shape \\(12, 16, 4\\); .* one or three channels"),
        ((3, 12, 16), "its channels first"),
        ((12, 16), "shape \\(12, 16\\)"),
        ((None, 16, 3), "pictures of any size: choose one"),
    ],
)
def test_inputs_that_are_no_pictures_are_refused(shape: tuple, said: str) -> None:
    inputs = keras.Input(shape)
    pool = layers.Flatten() if len(shape) == 2 else layers.GlobalAveragePooling2D()
    model = keras.Model(inputs, layers.Dense(3)(pool(inputs)))
    with pytest.raises(UnsupportedModelError, match=said):
        Classifier(model, name="odd", labels="abc")


@pytest.mark.parametrize("size", [(12, 16), (31, 20)])
def test_a_model_of_any_size_is_asked_at_one(size: tuple[int, int]) -> None:
    keras.utils.set_random_seed(8)
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3, name="only", activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    batch = np.random.default_rng(2).uniform(0, 1, (4, *size, 3)).astype(np.float32)
    classifier = Classifier(model, name="any", labels="abc", size=size)
    assert classifier.size == size
    assert classifier.layer("only").grid == (size[0] - 2, size[1] - 2)
    np.testing.assert_allclose(
        classifier.probabilities(batch), model.predict(batch, verbose=0), atol=1e-6
    )


def test_a_size_that_the_model_does_not_take_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="wants pictures of 12 x 16, and 16 x 16 was"):
        Classifier(sequential(), name="fixed", size=(16, 16))


def test_one_channel_is_the_luminance_of_the_pixels() -> None:
    keras.utils.set_random_seed(8)
    model = keras.Sequential(
        [
            keras.Input((12, 16, 1)),
            layers.Conv2D(4, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    classifier = Classifier(model, name="grey", labels="abc", scaling=SIGNED)
    pixels = np.random.default_rng(2).uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    grey = pixels @ [0.299, 0.587, 0.114]
    expected = model.predict(grey[..., None] / 127.5 - 1, verbose=0)
    np.testing.assert_allclose(classifier.probabilities(pixels), expected, atol=1e-6)
    (local,) = classifier.gradients(pixels, 1)
    assert local.gradients.shape == pixels.shape
    step = local.gradients[:1] / np.linalg.norm(local.gradients[0])
    forward, backward = classifier.logits(np.concatenate([pixels[:1] + step, pixels[:1] - step]))
    slope = float(forward[1] - backward[1]) / 2
    assert slope == pytest.approx(float((local.gradients[0] * step[0]).sum()), rel=0.02)


def test_one_unit_without_an_activation_is_a_sigmoids() -> None:
    keras.utils.set_random_seed(8)
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(1)])
    batch = np.random.default_rng(2).uniform(0, 1, (4, *SHAPE)).astype(np.float32)
    classifier = Classifier(model, name="binary", labels=["dog"])
    assert classifier.labels == ("not dog", "dog")
    raw = model.predict(batch, verbose=0)[:, 0]
    np.testing.assert_allclose(classifier.probabilities(batch)[:, 1], 1 / (1 + np.exp(-raw)), 1e-5)


def test_the_same_network_fed_otherwise_compiles_nothing(
    smooth: Classifier, smooth_model: keras.Model, pixels: np.ndarray
) -> None:
    signed = smooth.variant(scaling=SIGNED)
    assert signed.name != smooth.name
    np.testing.assert_allclose(
        signed.probabilities(pixels[None]),
        smooth_model.predict(pixels[None] / 127.5 - 1, verbose=0),
        atol=1e-6,
    )
    assert signed._answer is smooth._answer
    assert smooth.scaling == UNIT


def test_outputs_that_are_no_classes_are_refused() -> None:
    model = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(3, 3)])
    with pytest.raises(UnsupportedModelError, match="array of shape \\(10, 14, 3\\)"):
        Classifier(model, name="segmenter")


def test_a_network_too_large_for_a_picture_is_refused_before_it_is_run() -> None:
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 1)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    with pytest.raises(UnsupportedModelError, match=r"100000 x 100000 takes 2\.56e\+03 GB"):
        Classifier(model, name="huge", size=(100_000, 100_000))


def test_a_wrong_number_of_labels_says_both_numbers() -> None:
    with pytest.raises(ModelError, match="3 classes, but 2 labels"):
        Classifier(sequential(), name="short", labels="ab")
