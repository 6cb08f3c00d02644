"""Many pictures at once say what each says alone: every method, on several kinds of classifier."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from explainers import (
    METHODS,
    Classifier,
    Explainer,
    GradCam,
    GradCamPlusPlus,
    HiResCam,
    IntegratedGradients,
    KernelShap,
    LayerCam,
    LimeSuperpixels,
    Occlusion,
    Rise,
    Saliency,
    ScoreCam,
    Target,
)
from explainers.classifiers.classifier import LUMINANCE
from explainers.classifiers.errors import NoAnswerError
from explainers.classifiers.scaling import UNIT
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Felzenszwalb, Slic
from tests.conftest import SIZE, Hold

QUICK: list[Explainer] = [
    GradCam(),
    GradCam(layer="early", of="probability"),
    HiResCam(layer="early"),
    LayerCam(layer="early"),
    GradCamPlusPlus(layer="early"),
    ScoreCam(channels=2),
    Saliency(samples=3),
    IntegratedGradients(steps=3),
    LimeSuperpixels(segmentation=Slic(n_segments=12), samples=50),
    KernelShap(segmentation=Felzenszwalb(min_size=30), samples=10),
    Occlusion(stride=3),
    Rise(masks=10),
]
HEADS = {
    "softmax": (3, 5, "softmax"),
    "sigmoid": (3, 4, "sigmoid"),
    "a single unit": (3, 1, "sigmoid"),
    "grey": (1, 3, "softmax"),
}


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """More than go through the network at once, each of another colour and brightness."""
    random = np.random.default_rng(5)
    colours = random.uniform(0, 205, (19, 1, 1, 3))
    return (colours + random.uniform(0, 50, (19, *SIZE, 3))).astype(np.float32)


@pytest.fixture(scope="module", params=HEADS)
def model(request: pytest.FixtureRequest, pictures: np.ndarray) -> keras.Model:
    """Untrained, its bias such that no class is the answer to all pictures."""
    channels, units, activation = HEADS[request.param]
    keras.utils.set_random_seed(3)
    strong = keras.initializers.RandomNormal(stddev=6.0)
    model = keras.Sequential(
        [
            keras.Input((*SIZE, channels)),
            layers.Conv2D(4, 3, strides=2, activation="tanh", name="early"),
            layers.Conv2D(6, 3, activation="softplus", name="late"),
            layers.GlobalAveragePooling2D(name="pooled"),
            layers.Dense(units, activation=activation, kernel_initializer=strong, name="answer"),
        ],
        name=request.param.replace(" ", "_"),
    )
    pooled = keras.Model(model.inputs, model.get_layer("pooled").output)
    kernel = model.get_layer("answer").kernel.numpy()
    bias = -(pooled.predict(pictures[..., :channels] / 255, verbose=0) @ kernel).mean(axis=0)
    model.get_layer("answer").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def tiny(model: keras.Model) -> Classifier:
    return Classifier(model, name=model.name, scaling=UNIT)


@pytest.fixture(scope="module")
def gallery(lite0: Classifier) -> np.ndarray:
    return np.stack([lite0.prepare(sample.read()) for sample in SAMPLES.values()])


def _largest_difference(explainer: Explainer, classifier: Classifier, batch: np.ndarray) -> float:
    """Of what is seen together from what is seen alone: of each map, relative to its scale."""
    probabilities, observations = explainer.observe_answers(classifier, batch)
    np.testing.assert_allclose(probabilities, classifier.probabilities(batch), atol=1e-6)
    answers = [int(classifier.predict(pixels).ranking[0]) for pixels in batch]
    others = [(answer + 1) % len(classifier.labels) for answer in answers]
    second = explainer.observe_batch(classifier, batch, others)
    differences = []
    for classes, seen in ((answers, observations), (others, second)):
        for pixels, index, observation in zip(batch, classes, seen, strict=True):
            assert index in observation.classes
            assert observation.seconds > 0
            together = explainer.interpret(observation, Target(index))
            alone = explainer.explain(classifier, pixels, index)
            assert together.blank_reason == alone.blank_reason
            difference = np.abs(together.heatmap - alone.heatmap).max()
            differences.append(difference / (alone.scale or 1.0))
    return max(differences)


def test_every_method_is_under_test() -> None:
    assert {type(explainer) for explainer in QUICK} == set(METHODS)


@pytest.mark.parametrize("explainer", QUICK, ids=repr)
def test_a_batch_says_what_each_picture_says_alone(
    tiny: Classifier, pictures: np.ndarray, explainer: Explainer
) -> None:
    answers = tiny.probabilities(pictures).argmax(axis=1)
    assert len(set(answers)) > 1, "All pictures get the same answer: nothing could be mixed up."
    assert _largest_difference(explainer, tiny, pictures) <= 1e-5


@pytest.mark.parametrize(
    "explainer",
    [
        GradCam(),
        GradCam(layer="stem_convolution"),
        Saliency(samples=2),
        LimeSuperpixels(segmentation=Slic(), samples=20),
    ],
    ids=repr,
)
def test_a_batch_of_the_gallery_says_what_each_picture_says_alone(
    lite0: Classifier, gallery: np.ndarray, explainer: Explainer
) -> None:
    assert _largest_difference(explainer, lite0, gallery) <= 1e-5


def test_a_batch_agrees_with_a_tape(
    tiny: Classifier, model: keras.Model, pictures: np.ndarray, held: Hold
) -> None:
    """The gradient of each picture's own logit by what Keras says of the early layer."""
    probabilities, (local,) = tiny.answers_and_gradients(pictures, at=("early",))
    early = keras.Model(model.inputs, model.get_layer("early").output)
    grey = pictures @ LUMINANCE[:, None]
    seen = tf.constant(early.predict((grey if tiny.channels == 1 else pictures) / 255, verbose=0))
    answer = model.get_layer("answer")
    with tf.GradientTape() as tape:
        tape.watch(seen)
        pooled = model.get_layer("pooled")(model.get_layer("late")(seen))
        logits = pooled @ answer.kernel + answer.bias
        logits = tf.concat([-logits, logits], axis=1) if tiny.paired else logits
        own = tf.reduce_max(logits, axis=1)
    np.testing.assert_allclose(local.values, seen, atol=1e-5)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), tf.argmax(logits, axis=1))
    difference = np.abs(local.gradients - tape.gradient(own, seen)).max()
    held(
        "Gradients of each picture's own class", "a tape on the split Keras model", difference, 1e-6
    )


def test_of_answers_that_tie_the_first_is_explained() -> None:
    """As `Prediction.ranking` has it: several sigmoids can be sure at once."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(2, 1, name="colours"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(9, activation="sigmoid", bias_initializer="ones"),
        ]
    )
    model.layers[0].set_weights([np.ones((1, 1, 3, 2)), np.zeros(2)])
    slopes = np.zeros((2, 9))
    slopes[:, 3:8] = [2, 3, 4, 5, 6]
    model.layers[2].set_weights([slopes, np.zeros(9)])
    sure = Classifier(model, name="sure of five")
    pixels = np.full((8, 8, 3), 200, np.float32)
    assert sure.predict(pixels).ranking[0] == 3
    probabilities, (local,) = sure.answers_and_gradients(pixels[None], at=("colours",))
    assert (probabilities[0, 3:8] == 1).all()
    np.testing.assert_allclose(local.gradients, 2 / 64, rtol=1e-6)
    _, (observation,) = GradCam().observe_answers(sure, pixels[None])
    assert observation.classes == (3,)


def test_other_classes_and_other_lengths_compile_nothing(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    smooth.answers_and_gradients(pixels[None])
    smooth.answers_and_gradients(pixels[None], classes=[0])
    compiled = smooth._compiled.cache_info().misses
    for count in (2, 9):
        batch = np.stack([pixels] * count)
        smooth.answers_and_gradients(batch)
        smooth.answers_and_gradients(batch, classes=[2] * count)
        smooth.gradients(batch, 1)
    assert smooth._compiled.cache_info().misses == compiled


def test_classes_that_make_no_sense_are_refused(smooth: Classifier, pixels: np.ndarray) -> None:
    with pytest.raises(IndexError, match="has 3 classes, numbered 0 to 2"):
        smooth.answers_and_gradients(pixels[None], classes=[3])
    with pytest.raises(ValueError, match="zip"):
        smooth.answers_and_gradients(pixels[None], classes=[0, 1])


def test_a_picture_without_an_answer_is_said_to_have_none(tiny: Classifier) -> None:
    broken = np.full((2, *SIZE, 3), 100, np.float32)
    broken[1] = np.nan
    with pytest.raises(NoAnswerError, match="The network answered nan for"):
        GradCam().observe_answers(tiny, broken)
