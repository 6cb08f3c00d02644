"""Normalisations are folded only where nobody looks, and nobody can tell from what is seen."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier
from explainers.classifiers.folding import Settled, settle
from tests.conftest import Hold

SHAPE = (12, 16, 3)
Body = Callable[[keras.KerasTensor], keras.KerasTensor]
convolution, depthwise, normalisation = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.BatchNormalization,
)


class Unsettled(Classifier):
    """Every layer computed as it stands."""

    def _settle(self) -> tuple[Settled, ...]:
        return ()


class Doubling(layers.BatchNormalization):
    """A stranger's, which does something else."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


def one_after_the_other(x: keras.KerasTensor) -> keras.KerasTensor:
    x = normalisation(name="n1")(convolution(4, 3, use_bias=False, name="c1")(x))
    x = layers.ReLU(6.0, name="r1")(x)
    x = normalisation(name="n2")(depthwise(3, padding="same", use_bias=False, name="c2")(x))
    return layers.ReLU(6.0, name="r2")(x)


def odd_settings(x: keras.KerasTensor) -> keras.KerasTensor:
    x = normalisation(scale=False, name="n1")(convolution(6, 3, 2, "same", name="c1")(x))
    x = normalisation(center=False, name="n2")(depthwise(2, 2, depth_multiplier=3, name="c2")(x))
    x = convolution(4, 2, dilation_rate=2, padding="same", name="c3")(x)
    x = normalisation(scale=False, center=False, epsilon=0.1, name="n3")(x)
    return normalisation(axis=3, name="n4")(convolution(4, 1, groups=2, name="c4")(x))


def an_activation_between(x: keras.KerasTensor) -> keras.KerasTensor:
    return normalisation(name="n1")(convolution(4, 3, activation="tanh", name="c1")(x))


def two_consumers(x: keras.KerasTensor) -> keras.KerasTensor:
    x = convolution(4, 3, name="c1")(x)
    return layers.Add(name="sum")([x, normalisation(name="n1")(x)])


def one_convolution_twice(x: keras.KerasTensor) -> keras.KerasTensor:
    shared = convolution(3, 3, padding="same", name="c1")
    x = normalisation(name="n1")(shared(x))
    return normalisation(name="n2")(shared(x))


def one_normalisation_twice(x: keras.KerasTensor) -> keras.KerasTensor:
    shared = normalisation(name="n1")
    return shared(convolution(3, 3, name="c2")(shared(convolution(3, 3, name="c1")(x))))


def one_kernel_for_two(x: keras.KerasTensor) -> keras.KerasTensor:
    first, second = (convolution(3, 3, padding="same", name=name) for name in ("c1", "c2"))
    x = normalisation(name="n1")(first(x))
    x = second(x)
    second._tracker.unlock()
    second._kernel = first._kernel
    return normalisation(name="n2")(x)


def other_axes(x: keras.KerasTensor) -> keras.KerasTensor:
    x = normalisation(axis=1, name="n1")(convolution(4, 3, name="c1")(x))
    return normalisation(axis=2, name="n2")(convolution(4, 3, name="c2")(x))


def other_convolutions(x: keras.KerasTensor) -> keras.KerasTensor:
    x = normalisation(name="n1")(layers.Conv2DTranspose(4, 3, name="c1")(x))
    return normalisation(name="n2")(layers.SeparableConv2D(4, 3, name="c2")(x))


def half_precision(x: keras.KerasTensor) -> keras.KerasTensor:
    half = "mixed_float16"
    x = normalisation(name="n1", dtype=half)(convolution(4, 3, name="c1", dtype=half)(x))
    x = normalisation(name="n2")(convolution(4, 3, name="c2", dtype=half)(x))
    return layers.Activation("relu", name="r", dtype="float32")(x)


def a_strangers_normalisation(x: keras.KerasTensor) -> keras.KerasTensor:
    return Doubling(name="n1")(convolution(4, 3, name="c1")(x))


def nested(x: keras.KerasTensor) -> keras.KerasTensor:
    inputs = keras.Input(SHAPE)
    inner = keras.Model(inputs, convolution(4, 3, name="c1")(inputs), name="inner")
    return normalisation(name="n1")(inner(x))


def one_network_twice(x: keras.KerasTensor) -> keras.KerasTensor:
    inputs = keras.Input(SHAPE)
    y = normalisation(name="n1")(convolution(4, 3, name="c1")(inputs))
    inner = keras.Model(inputs, y, name="inner")
    return layers.Maximum(name="larger")([inner(x), inner(keras.ops.flip(x, axis=2))])


def before_any_convolution(x: keras.KerasTensor) -> keras.KerasTensor:
    return convolution(4, 3, activation="relu", name="c1")(normalisation(name="n1")(x))


def masked(x: keras.KerasTensor) -> keras.KerasTensor:
    """Only some places count in the mean, which the normalisation has to pass on."""
    places = layers.Reshape((SHAPE[0] * SHAPE[1], 3))(layers.ReLU(threshold=0.6)(x))
    x = normalisation(name="n1")(layers.Masking()(places))
    return layers.Reshape((1, 1, 3))(layers.GlobalAveragePooling1D()(x))


def nothing_learnt_to_divide_by(x: keras.KerasTensor) -> keras.KerasTensor:
    return normalisation(epsilon=1e-30, name="n1")(convolution(4, 3, name="c1")(x))


BODIES: dict[Body, list[set[str]]] = {
    one_after_the_other: [{"c1", "n1"}, {"c2", "n2"}],
    odd_settings: [{"c1", "n1"}, {"c2", "n2"}, {"c3", "n3"}, {"c4", "n4"}],
    an_activation_between: [{"n1"}],
    two_consumers: [{"n1"}],
    one_convolution_twice: [{"n1"}, {"n2"}],
    one_normalisation_twice: [{"n1"}, {"n1"}],
    one_kernel_for_two: [{"c1", "n1"}, {"c2", "n2"}],
    other_axes: [],
    other_convolutions: [{"n1"}, {"n2"}],
    half_precision: [{"n2"}],
    a_strangers_normalisation: [],
    nested: [{"inner/c1", "n1"}],
    one_network_twice: [{"inner/n1"}, {"inner/n1"}],
    before_any_convolution: [{"n1"}],
    masked: [],
}


def _network(body: Body) -> keras.Model:
    """The body under a head, with no weight as it was made."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D(name="average")(body(inputs))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="answer")(x))
    drawn = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(drawn.uniform(0.3, 2.0, weight.shape))
    return model


@pytest.fixture(params=BODIES, ids=lambda body: body.__name__)
def body(request: pytest.FixtureRequest) -> Body:
    return request.param


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (3, *SHAPE)).astype(np.float32)


def test_only_pairs_that_nothing_else_uses_are_folded(body: Body) -> None:
    assert [set(settled.paths) for settled in settle(_network(body))] == BODIES[body]


def test_a_folded_network_answers_as_keras_does(body: Body, batch: np.ndarray, held: Hold) -> None:
    model = _network(body)
    weights = model.get_weights()
    classifier = Classifier(model, name="folded")
    difference = np.abs(classifier.probabilities(batch) - classifier.unmodified(batch)).max()
    bound = 1e-3 if body is half_precision else 1e-6
    held("Probabilities of a folded network", "the unmodified Keras model", difference, bound)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_what_is_looked_at_is_what_keras_gives_there(
    body: Body, batch: np.ndarray, held: Hold
) -> None:
    model = _network(body)
    classifier, unsettled = Classifier(model, name="folded"), Unsettled(model, name="as it is")
    assert classifier.summary == unsettled.summary
    once = {layer.name: layer for layer in model.layers if len(layer._inbound_nodes) == 1}
    atol = 2e-3 if body is half_precision else 2e-6
    for path in (layer.path for layer in classifier.layers):
        own = classifier.activations(batch, path)[0]
        (local,) = classifier.gradients(batch, 1, at=(path,))
        (expected,) = unsettled.gradients(batch, 1, at=(path,))
        np.testing.assert_allclose(local.values, expected.values, rtol=1e-5, atol=atol)
        np.testing.assert_allclose(local.gradients, expected.gradients, rtol=1e-5, atol=atol)
        np.testing.assert_allclose(own, expected.values, rtol=1e-5, atol=atol)
        if path in once:
            end = keras.Model(model.input, once[path].output)
            difference = np.abs(own - end(batch, training=False)).max()
            held("Outputs beside a fold", "a Keras model that ends there", difference, 1e-5)


@pytest.mark.parametrize("path", ["c1", "n1", "r1", "c2", "n2", "r2"])
def test_channels_answer_as_they_would_unfolded(path: str, batch: np.ndarray) -> None:
    model = _network(one_after_the_other)
    classifier, unsettled = Classifier(model, name="folded"), Unsettled(model, name="as it is")
    for own, expected in zip(
        classifier.responses(batch, (0, 1, 2), path),
        unsettled.responses(batch, (0, 1, 2), path),
        strict=True,
    ):
        np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_divided_by_is_left_to_keras(batch: np.ndarray) -> None:
    model = _network(nothing_learnt_to_divide_by)
    model.get_layer("n1").moving_variance.assign(np.full(4, -1.0))
    assert settle(model) == ()


def test_every_normalisation_of_the_bundled_network_is_folded(lite0: Classifier) -> None:
    kinds = [layer.kind for layer in lite0.summary]
    pairs = [settled for settled in settle(lite0._graph.model) if len(settled.paths) == 2]
    assert len(pairs) == kinds.count("BatchNormalization") == 49
