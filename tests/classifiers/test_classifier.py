"""The classifier's gradients, masks and scalings, against arithmetic that is not its own."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.applications.imagenet_utils import preprocess_input

from explainers import Classifier, Prediction, Target
from explainers.classifiers import scaling
from explainers.classifiers.classifier import INPUT, Score, centre_square
from tests.conftest import Hold

STEP = 0.5


def _score(classifier: Classifier, batch: np.ndarray, target: Target, of: Score) -> np.ndarray:
    answers = classifier.logits(batch) if of == "logit" else classifier.probabilities(batch)
    return answers.astype(np.float64) @ target.weights(3)


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize("target", [Target(1), Target(2, rather_than=0)])
def test_gradients_agree_with_finite_differences(
    smooth_model: keras.Model, target: Target, of: Score, held: Hold
) -> None:
    classifier = Classifier(smooth_model, name="smooth", labels="abc", scaling=scaling.SIGNED)
    random = np.random.default_rng(4)
    pixels = random.uniform(0, 255, (*classifier.size, 3)).astype(np.float32)
    (local,) = classifier.gradients(pixels[None], target, of=of)
    direction = local.gradients[0] / np.linalg.norm(local.gradients[0])
    for along in (direction, direction * random.integers(0, 2, direction.shape)):
        forward, backward = _score(
            classifier, np.stack([pixels + STEP * along, pixels - STEP * along]), target, of
        )
        slope = (forward - backward) / (2 * STEP)
        difference = abs(slope / float((local.gradients[0] * along).sum()) - 1)
        held("Gradients by the pixels", "finite differences, relative", difference, 0.02)


def test_layer_gradients_agree_with_a_tape_on_the_split_model(
    smooth_model: keras.Model, smooth: Classifier, pixels: np.ndarray, held: Hold
) -> None:
    early = keras.Model(smooth_model.inputs, smooth_model.get_layer("early").output)
    activations = tf.constant(early.predict(pixels[None] / 255, verbose=0))
    answer = smooth_model.get_layer("answer")
    with tf.GradientTape() as tape:
        tape.watch(activations)
        pooled = tf.reduce_mean(smooth_model.get_layer("late")(activations), axis=(1, 2))
        logit = (pooled @ answer.kernel + answer.bias)[0, 2]
    (local,) = smooth.gradients(pixels[None], 2, at=("early",))
    np.testing.assert_allclose(local.values, activations, atol=1e-5)
    difference = np.abs(local.gradients - tape.gradient(logit, activations)).max()
    held("Gradients by a layer", "a tape on the split Keras model", difference, 1e-7)


def test_both_gradients_come_in_one_pass(smooth: Classifier, pixels: np.ndarray) -> None:
    together = smooth.gradients(pixels[None], 0, at=("late", INPUT))
    apart = [smooth.gradients(pixels[None], 0, at=(place,))[0] for place in ("late", INPUT)]
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-6)
        np.testing.assert_allclose(one.gradients, other.gradients, atol=1e-8)


def test_another_class_compiles_nothing(smooth: Classifier, pixels: np.ndarray) -> None:
    smooth.gradients(pixels[None], 0)
    compiled = smooth._compiled.cache_info().misses
    for target in (1, 2, Target(0, rather_than=2)):
        smooth.gradients(np.stack([pixels] * 3), target)
    assert smooth._compiled.cache_info().misses == compiled


def test_masked_pictures_are_composed_as_numpy_would(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    random = np.random.default_rng(6)
    segments = random.integers(0, 7, smooth.size)
    fill = random.uniform(0, 255, pixels.shape).astype(np.float32)
    rows = random.integers(0, 2, (70, 7)).astype(bool)
    composed = np.stack([np.where(row[segments][..., None], pixels, fill) for row in rows])
    np.testing.assert_allclose(
        smooth.masked_probabilities(pixels, fill, segments, rows),
        smooth.probabilities(composed),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("ours", "mode"), [(scaling.SIGNED, "tf"), (scaling.TORCH, "torch"), (scaling.CAFFE, "caffe")]
)
def test_scalings_are_those_of_keras(
    ours: scaling.Scaling, mode: str, pixels: np.ndarray, held: Hold
) -> None:
    difference = np.abs(ours(pixels) - preprocess_input(pixels.copy(), mode=mode)).max()
    held("Scaling of pixels", "Keras's preprocess_input", difference, 1e-4)


def test_threads_share_one_classifier(smooth_model: keras.Model, pixels: np.ndarray) -> None:
    classifier = Classifier(smooth_model, name="shared", labels="abc", scaling=scaling.UNIT)
    answers: dict[int, np.ndarray] = {}
    start = threading.Barrier(8)

    def ask(number: int) -> None:
        start.wait()
        (local,) = classifier.gradients(pixels[None], number % 3, at=("late",))
        answers[number] = local.gradients

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    for number, answer in answers.items():
        (alone,) = classifier.gradients(pixels[None], number % 3, at=("late",))
        np.testing.assert_allclose(answer, alone.gradients, atol=1e-7)


def test_a_picture_is_squeezed_whole_or_cut_to_its_middle(smooth: Classifier) -> None:
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 200
    assert smooth.prepare(image).shape == (24, 32, 3)
    assert smooth.prepare(image)[12, 2].max() == 0
    np.testing.assert_array_equal(smooth.prepare(image, crop=True), 200)
    assert centre_square(image).shape == (20, 20, 3)


def test_a_prediction_ranks_all_classes() -> None:
    prediction = Prediction(np.array([0.2, 0.5, 0.2, 0.1], np.float32), tuple("abcd"))
    assert [answer.label for answer in prediction.top(3)] == ["b", "a", "c"]
    assert [answer.label for answer in prediction.bottom(2)] == ["d", "c"]
    assert [prediction.rank(index) for index in range(4)] == [2, 1, 3, 4]
    with pytest.raises(ValueError, match="read-only"):
        prediction.probabilities[0] = 1
    with pytest.raises(ValueError, match="2 labels"):
        Prediction(np.zeros(3, np.float32), ("a", "b"))


def test_targets_that_make_no_sense_are_refused(smooth: Classifier, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="against itself"):
        Target(3, rather_than=3)
    with pytest.raises(IndexError, match="has 3 classes, numbered 0 to 2"):
        smooth.gradients(pixels[None], 3)
    with pytest.raises(IndexError, match="Class -1"):
        smooth.gradients(pixels[None], Target(0, rather_than=-1))
    with pytest.raises(IndexError, match="Class -1"):
        Target(-1).of_answers(np.zeros((2, 3)))


def test_the_answer_to_a_target_is_that_of_its_weights(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    answers = smooth.probabilities(np.stack([pixels, pixels / 2]))
    for target in (Target(1), Target(2, rather_than=0)):
        wanted = (answers.astype(float) * target.weights(3)).sum(axis=-1)
        np.testing.assert_allclose(target.of_answers(answers), wanted, rtol=0, atol=1e-7)
        np.testing.assert_allclose(target.of_answers(answers[0]), wanted[0], rtol=0, atol=1e-7)


def test_layers_that_are_not_there_are_named(smooth: Classifier) -> None:
    with pytest.raises(LookupError, match="no layer 'conv9'"):
        smooth.layer("conv9")
    dense = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(LookupError, match="has no convolution"):
        Classifier(dense, name="dense", labels="ab").layer()


def test_what_does_not_change_is_not_built_again(smooth: Classifier) -> None:
    assert smooth.layers is smooth.layers
    assert smooth.convolutions is smooth.convolutions
    assert smooth.variant(scaling=scaling.SIGNED).layers is smooth.layers
    assert smooth.layer("early") is smooth.layers[0]


def test_hiding_pieces_compiles_nothing(smooth_model: keras.Model, pixels: np.ndarray) -> None:
    classifier = Classifier(smooth_model, name="smooth", labels="abc", scaling=scaling.UNIT)
    rows = np.random.default_rng(6).integers(0, 2, (20, 4)).astype(bool)
    segments = np.random.default_rng(7).integers(0, 4, classifier.size)
    classifier.masked_probabilities(pixels, np.zeros_like(pixels), segments, rows)
    assert classifier._compiled.cache_info().misses == 0
