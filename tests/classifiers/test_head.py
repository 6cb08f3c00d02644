"""Whatever a model ends in, the probabilities are its own, and there is a score to explain."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, GradCam, check_up, open_classifier
from explainers.classifiers.graph import UnsupportedModelError
from tests.conftest import Hold

SHAPE = (12, 16, 3)
End = Callable[[keras.KerasTensor], keras.KerasTensor]


def _features(inputs: keras.KerasTensor) -> keras.KerasTensor:
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    return layers.Conv2D(6, 3, activation="relu", name="only")(x)


def _pooled(inputs: keras.KerasTensor) -> keras.KerasTensor:
    return layers.GlobalAveragePooling2D()(_features(inputs))


def _wide(classes: int, activation: str | None = None) -> layers.Dense:
    """A last layer that is sure of what it says, so that a second softmax would show."""
    return layers.Dense(classes, activation, kernel_initializer=keras.initializers.Orthogonal(9))


def linear_after_softmax(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Activation("linear", dtype="float32")(_wide(4, "softmax")(_pooled(x)))


def dropout_after_softmax(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Dropout(0.3)(_wide(4, "softmax")(_pooled(x)))


def nested_softmax_and_identity(x: keras.KerasTensor) -> keras.KerasTensor:
    inner = keras.Sequential([keras.Input((6,)), _wide(4), layers.Softmax()], name="inner")
    outer = keras.Sequential([keras.Input((6,)), inner, layers.Identity()], name="outer")
    return layers.GaussianNoise(0.1)(outer(_pooled(x)))


def softmax_then_flatten(x: keras.KerasTensor) -> keras.KerasTensor:
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(_features(x))
    scores = layers.Conv2D(4, 1, kernel_initializer=keras.initializers.Orthogonal(9))(squeezed)
    return layers.Flatten()(layers.Softmax()(scores))


def softmax_then_pooled_single_place(x: keras.KerasTensor) -> keras.KerasTensor:
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(_features(x))
    return layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1, activation="softmax")(squeezed))


def sigmoids_then_dropout(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Dropout(0.3)(_wide(4, "sigmoid")(_pooled(x)))


def one_sigmoid_then_linear(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Activation("linear")(_wide(1, "sigmoid")(_pooled(x)))


def average_of_softmaxes(x: keras.KerasTensor) -> keras.KerasTensor:
    pooled = _pooled(x)
    return layers.Average()([_wide(4, "softmax")(pooled), layers.Dense(4, "softmax")(pooled)])


def softmax_everywhere_then_pooled(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1, activation="softmax")(_features(x)))


def one_network_twice(x: keras.KerasTensor) -> keras.KerasTensor:
    """Asked of the picture and of its mirror image, as test-time augmentation does."""
    inner_inputs = keras.Input(SHAPE)
    inner = keras.Model(inner_inputs, _wide(4, "softmax")(_pooled(inner_inputs)), name="network")
    return layers.Average()([inner(x), inner(keras.ops.flip(x, axis=2))])


def both_sides_of_one_sigmoid(x: keras.KerasTensor) -> keras.KerasTensor:
    yes = _wide(1, "sigmoid")(_pooled(x))
    return layers.Concatenate()([layers.Rescaling(-1.0, offset=1.0)(yes), yes])


def experts_weighed_by_a_gate(x: keras.KerasTensor) -> keras.KerasTensor:
    pooled = _pooled(x)
    gate = layers.Dense(2, "softmax")(pooled)
    experts = layers.Softmax()(layers.Reshape((2, 4))(_wide(8)(pooled)))
    return layers.Dot(axes=(1, 1))([gate, experts])


def average_of_sigmoids(x: keras.KerasTensor) -> keras.KerasTensor:
    pooled = _pooled(x)
    return layers.Average()([_wide(4, "sigmoid")(pooled), layers.Dense(4, "sigmoid")(pooled)])


def average_of_single_sigmoids(x: keras.KerasTensor) -> keras.KerasTensor:
    pooled = _pooled(x)
    return layers.Average()([_wide(1, "sigmoid")(pooled), layers.Dense(1, "sigmoid")(pooled)])


def hard_sigmoids(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Dense(4, "hard_sigmoid")(_pooled(x))


LOGITS_INSIDE: dict[End, str] = {
    linear_after_softmax: "softmax",
    dropout_after_softmax: "softmax",
    nested_softmax_and_identity: "softmax",
    softmax_then_flatten: "softmax",
    softmax_then_pooled_single_place: "softmax",
    sigmoids_then_dropout: "sigmoid",
    one_sigmoid_then_linear: "sigmoid",
}
DERIVED: dict[End, str] = {
    average_of_softmaxes: "softmax",
    softmax_everywhere_then_pooled: "softmax",
    one_network_twice: "softmax",
    both_sides_of_one_sigmoid: "softmax",
    experts_weighed_by_a_gate: "softmax",
    average_of_sigmoids: "sigmoid",
    average_of_single_sigmoids: "sigmoid",
    hard_sigmoids: "sigmoid",
}
ENDS = LOGITS_INSIDE | DERIVED


def _model(end: End, seed: int = 5) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, end(inputs))


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.random.default_rng(2).uniform(0, 255, (5, *SHAPE)).astype(np.float32)


def _own(model: keras.Model, batch: np.ndarray) -> np.ndarray:
    """What the unmodified model answers; a single unit tells two classes apart."""
    answers = model.predict(batch, verbose=0)
    return np.concatenate([1 - answers, answers], axis=1) if answers.shape[1] == 1 else answers


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_the_probabilities_are_the_models_own(end: End, batch: np.ndarray, held: Hold) -> None:
    model = _model(end)
    classifier = Classifier(model, name="ends")
    own, logits = _own(model, batch), classifier.logits(batch).astype(np.float64)
    assert classifier.activation == ENDS[end]
    assert classifier.derived == (end in DERIVED)
    difference = np.abs(classifier.probabilities(batch) - own).max()
    held("Probabilities, however a model ends", "the unmodified Keras model", difference, 1e-5)
    maps = [GradCam().explain(classifier, batch[0], index).heatmap for index in (0, 1)]
    assert np.any(maps)
    said = check_up(classifier, batch[0]).head
    if not classifier.derived:
        assert "no logits" not in said
        if classifier.activation == "softmax":  # whose own logarithms would sum to 1 taken back
            assert np.abs(np.exp(logits).sum(axis=1) - 1).max() > 0.01
    elif classifier.activation == "softmax":
        assert "their logarithm stands for" in said
        np.testing.assert_allclose(logits, np.log(own), atol=1e-4)
    else:
        assert "the logarithm of the odds stands for" in said
        np.testing.assert_allclose(logits, np.log(own) - np.log1p(-own), atol=1e-4)


@pytest.mark.parametrize(
    ("end", "ending"),
    [
        (linear_after_softmax, "keras"),
        (softmax_then_flatten, "h5"),
        (nested_softmax_and_identity, "h5"),
        (average_of_softmaxes, "keras"),
        (one_network_twice, "keras"),
        (average_of_single_sigmoids, "h5"),
    ],
)
def test_the_probabilities_of_an_opened_file_are_the_models_own(
    end: End, ending: str, batch: np.ndarray, tmp_path: Path, held: Hold
) -> None:
    model = _model(end, seed=71)
    model.save(tmp_path / f"model.{ending}")
    classifier = open_classifier(tmp_path / f"model.{ending}", scaling="inside", tried=False)
    difference = np.abs(classifier.probabilities(batch) - _own(model, batch)).max()
    held("Probabilities of opened files", "the unmodified Keras model", difference, 1e-5)


def test_the_gradient_of_a_derived_logit_agrees_with_finite_differences(batch: np.ndarray) -> None:
    classifier = Classifier(_model(average_of_softmaxes), name="ends")
    (local,) = classifier.gradients(batch[:1], 2)
    step = local.gradients[0] / np.linalg.norm(local.gradients)
    pair = np.stack([batch[0] + step, batch[0] - step])
    forward, backward = np.log(_own(_model(average_of_softmaxes), pair)[:, 2].astype(np.float64))
    assert (forward - backward) / 2 == pytest.approx(float((local.gradients[0] * step).sum()), 0.02)


def test_sigmoids_that_happen_to_sum_to_one_are_no_softmax(batch: np.ndarray) -> None:
    """The biases make them sum to 1 on the first picture, whatever they do on others."""
    inputs = keras.Input(SHAPE)
    keras.utils.set_random_seed(5)
    pooled = _pooled(inputs)
    first, second = (layers.Dense(3, "sigmoid") for _ in range(2))
    model = keras.Model(inputs, layers.Average()([first(pooled), second(pooled)]))
    wanted = np.array([0.5, 0.3, 0.2])
    features = keras.Model(inputs, pooled).predict(batch[:1], verbose=0)
    for dense in (first, second):
        kernel = np.asarray(dense.kernel)
        dense.set_weights([kernel, np.log(wanted / (1 - wanted)) - (features @ kernel)[0]])
    assert _own(model, batch[:1]).sum() == pytest.approx(1, abs=1e-6)
    classifier = Classifier(model, name="several")
    assert (classifier.activation, classifier.derived) == ("sigmoid", True)
    assert "several classes can be true at once" in check_up(classifier, batch[0]).head
    np.testing.assert_allclose(classifier.probabilities(batch), _own(model, batch), atol=1e-5)


def test_logits_are_not_taken_for_probabilities(batch: np.ndarray) -> None:
    """A network that learns behind a softmax of its own, and leaves the last one to the loss."""
    inputs = keras.Input(SHAPE)
    keras.utils.set_random_seed(5)
    attended = layers.Dense(6, "softmax")(_pooled(inputs))
    model = keras.Model(inputs, layers.Dense(3)(attended))
    classifier = Classifier(model, name="logits")
    assert (classifier.activation, classifier.derived) == ("linear", False)
    np.testing.assert_allclose(classifier.logits(batch), _own(model, batch), atol=1e-5)
    assert "which the model leaves out" in check_up(classifier, batch[0]).head


def test_probabilities_that_were_made_into_something_else_are_refused() -> None:
    inputs = keras.Input(SHAPE)
    percent = layers.Rescaling(100.0)(_wide(4, "softmax")(_pooled(inputs)))
    with pytest.raises(UnsupportedModelError, match=r"goes on computing .* let it end in its soft"):
        Classifier(keras.Model(inputs, percent), name="percent")


@pytest.mark.parametrize(
    ("policy", "end"),
    [("mixed_float16", linear_after_softmax), ("mixed_bfloat16", average_of_softmaxes)],
)
def test_a_mixed_policy_is_explained_too(policy: str, end: End, batch: np.ndarray) -> None:
    """Half precision has three digits; the map must be that of the same network in float32."""
    exact = _model(end)
    standard = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = _model(end)
    finally:
        keras.config.set_dtype_policy(standard)
    mixed.set_weights(exact.get_weights())
    classifier = Classifier(mixed, name=policy)
    own = np.asarray(mixed.predict(batch, verbose=0), np.float32)
    np.testing.assert_allclose(classifier.probabilities(batch), own, atol=5e-3)
    mine = GradCam().explain(classifier, batch[0], 2).heatmap
    other = GradCam().explain(Classifier(exact, name="exact"), batch[0], 2).heatmap
    assert mine.dtype == np.float32
    assert np.corrcoef(mine.ravel(), other.ravel())[0, 1] > 0.99
    (local,) = classifier.gradients(batch[:1], 2)
    assert np.isfinite(local.gradients).all()
    assert classifier.activations(batch[:1], "only")[0].dtype == np.float32
