"""Breaking the network: a linear model, whose maps are its weights."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats

from explainers import Classifier, Explanation, GradCam, LimeSuperpixels, Saliency, Target
from explainers.classifiers.randomised import RandomisedClassifier
from explainers.images.superpixels import Slic
from explainers.metrics.randomisation import CARELESS, randomisation

SIZE = (14, 14)
PLAIN = Saliency(samples=1, sigma=0.0, reduction="red")


@pytest.fixture
def linear() -> Classifier:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.Flatten(), layers.Dense(2)])
    return Classifier(model, name="linear")


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (*SIZE, 3)).astype(np.float32)


def test_the_map_of_a_linear_model_changes_with_its_weights(
    linear: Classifier, picture: np.ndarray
) -> None:
    first = PLAIN.explain(linear, picture, 1)
    *_, found = randomisation([first], linear, picture, stages=3, seed=5)
    (stage,) = found.stages
    assert stage.forgotten == 1
    copy = RandomisedClassifier(linear)
    copy.randomise(1, seed=5)
    weights = copy.gradients(picture[None], 1)[0].gradients[0, ..., 0]
    original = linear.gradients(picture[None], 1)[0].gradients[0, ..., 0]
    np.testing.assert_array_equal(stage.explanations[PLAIN.title].heatmap, np.abs(weights))
    expected = stats.spearmanr(np.abs(weights).ravel(), np.abs(original).ravel()).statistic
    assert found.remaining(PLAIN.title) == pytest.approx(expected)
    assert abs(expected) < CARELESS
    assert stage.probability == pytest.approx(copy.predict(picture)[1].probability)


def test_the_shared_network_is_never_touched(smooth: Classifier, pixels: np.ndarray) -> None:
    before = smooth.logits(pixels[None])
    methods = [GradCam(), LimeSuperpixels(segmentation=Slic(n_segments=12), samples=60)]
    maps = [method.explain(smooth, pixels, 2) for method in methods]
    *_, found = randomisation(maps, smooth, pixels, stages=3)
    np.testing.assert_array_equal(smooth.logits(pixels[None]), before)
    assert [round(stage.forgotten, 2) for stage in found.stages] == [0.33, 0.67, 1.0]
    assert [stage.layer for stage in found.stages] == ["answer", "late", "early"]
    assert found.done == found.total == 6


def test_a_copy_remembers_until_it_forgets_from_the_top_down(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    copy = RandomisedClassifier(smooth)
    early, late = (smooth.activations(pixels[None], layer)[0] for layer in ("early", "late"))
    np.testing.assert_array_equal(copy.logits(pixels[None]), smooth.logits(pixels[None]))
    copy.randomise(1)
    np.testing.assert_array_equal(copy.activations(pixels[None], "late")[0], late)
    assert (copy.logits(pixels[None]) != smooth.logits(pixels[None])).all()
    copy.randomise(2)
    np.testing.assert_array_equal(copy.activations(pixels[None], "early")[0], early)
    assert (copy.activations(pixels[None], "late")[0] != late).any()
    masked = copy.masked_probabilities(
        pixels, pixels, np.zeros(smooth.size, np.int32), np.ones((1, 1), bool)
    )
    np.testing.assert_allclose(masked[0], copy.predict(pixels).probabilities, atol=1e-6)
    copy.randomise(0)
    np.testing.assert_array_equal(copy.logits(pixels[None]), smooth.logits(pixels[None]))


def test_statistics_of_training_are_kept_and_a_nested_frozen_network_forgets_too() -> None:
    keras.utils.set_random_seed(3)
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Normalization(name="scaled"),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
        ],
        name="inner",
    )
    inner.trainable = False
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), inner, layers.GlobalMaxPooling2D(), layers.Dense(1, "sigmoid")]
    )
    inner.get_layer("norm").moving_variance.assign([1e-3, 2.0, 3.0, 4.0])
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    inner.get_layer("scaled").adapt(pictures)
    original = Classifier(model, name="nested")
    copy = RandomisedClassifier(original)
    np.testing.assert_array_equal(copy.logits(pictures), original.logits(pictures))
    np.testing.assert_allclose(
        original.probabilities(pictures)[:, 1], model.predict(pictures, verbose=0)[:, 0], atol=1e-6
    )
    assert copy.learnt[:2] == ("inner/conv", "inner/norm")
    copy.randomise(3)
    norm = copy._acting["inner/norm"]
    np.testing.assert_allclose(norm.moving_variance, [1e-3, 2.0, 3.0, 4.0])
    assert not inner.get_layer("conv").trainable
    kernel, drawn = (
        np.asarray(layer.kernel) for layer in (inner.get_layer("conv"), copy._acting["inner/conv"])
    )
    assert abs(stats.pearsonr(kernel.ravel(), drawn.ravel()).statistic) < 0.4
    assert drawn.std() == pytest.approx(kernel.std(), rel=0.3)


@dataclass(frozen=True)
class Edges(Saliency):
    """A map that shows the picture and calls it an explanation."""

    title = "Edges"

    def explain(self, classifier, pixels, target) -> Explanation:
        heatmap = np.abs(np.gradient(pixels.mean(-1))[0]).astype(np.float32)
        return Explanation(self, classifier.name, Target.of(target), heatmap)


def test_a_map_that_does_not_care_is_called_out(linear: Classifier, picture: np.ndarray) -> None:
    first = Edges().explain(linear, picture, 0)
    *_, found = randomisation([first], linear, picture)
    remaining = found.remaining("Edges")
    assert remaining == 1.0
    assert remaining >= CARELESS


def test_a_network_that_has_learnt_nothing_says_so(picture: np.ndarray) -> None:
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.GlobalAveragePooling2D()])
    classifier = Classifier(model, name="mean")
    first = PLAIN.explain(classifier, picture, 0)
    with pytest.raises(LookupError, match="mean has learnt nothing"):
        next(randomisation([first], classifier, picture))
