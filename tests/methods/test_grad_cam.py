"""Grad-CAM on networks whose map can be worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, GradCam, Saliency, Target
from explainers.observing.layer_gradients import FeatureGradients
from tests.conftest import Hold

MIX = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
WEIGHTS = np.array([[2.0, -1.0], [-0.5, -3.0]])


@pytest.fixture(scope="module")
def by_hand() -> Classifier:
    """Channel 0 is red, channel 1 is green; each logit is a weighted sum of their means."""
    model = keras.Sequential(
        [
            keras.Input((4, 6, 3)),
            layers.Conv2D(2, 1, use_bias=False, name="colours"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.layers[0].set_weights([MIX[None, None]])
    model.layers[2].set_weights([WEIGHTS, np.zeros(2)])
    return Classifier(model, name="by hand", labels=("first", "second"))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (4, 6, 3)).astype(np.float32)


def _sum(picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted channels: the gradient of a mean over 24 places is a 24th at each."""
    return (picture[..., 0] * weights[0] + picture[..., 1] * weights[1]) / 24


def test_the_map_is_the_positive_part_of_the_weighted_channels(
    by_hand: Classifier, picture: np.ndarray, held: Hold
) -> None:
    explanation = GradCam().explain(by_hand, picture, 0)
    expected = np.maximum(_sum(picture, WEIGHTS[:, 0]), 0)
    assert expected.any()
    assert (expected == 0).any()
    difference = np.abs(explanation.heatmap - expected).max() / expected.max()
    held("Grad-CAM", "the map worked out by hand, relative", difference, 1e-5)
    assert not explanation.signed


def test_nothing_but_negative_contributions_leaves_a_blank_and_a_reason(
    by_hand: Classifier, picture: np.ndarray
) -> None:
    explanation = GradCam().explain(by_hand, picture, 1)
    assert not explanation.heatmap.any()
    assert explanation.blank_reason is not None
    assert explanation.blank_reason.startswith("Nowhere in this layer does what speaks for this")
    np.testing.assert_array_equal(explanation.normalised(), 0)


def test_the_difference_of_two_classes_keeps_both_signs(
    by_hand: Classifier, picture: np.ndarray
) -> None:
    explanation = GradCam().explain(by_hand, picture, Target(1, rather_than=0))
    expected = _sum(picture, WEIGHTS[:, 1] - WEIGHTS[:, 0])
    np.testing.assert_allclose(explanation.heatmap, expected, rtol=1e-5)
    assert explanation.signed
    assert explanation.blank_reason is None


def test_a_blank_map_tells_what_was_seen(by_hand: Classifier, picture: np.ndarray) -> None:
    def reason(activations: np.ndarray, gradients: np.ndarray) -> str | None:
        seen = FeatureGradients(
            classifier="x", classes=(0,), activations=activations, gradients=gradients[None]
        )
        return GradCam().interpret(seen, Target(0)).blank_reason

    ones, zeros = np.ones((3, 4, 2), np.float32), np.zeros((3, 4, 2), np.float32)
    opposed = ones * np.array([1, -1], np.float32)
    mixed = np.dstack([np.arange(12).reshape(3, 4)] * 2).astype(np.float32)
    assert reason(mixed, zeros) == (
        "The score does not change with this layer at all: its gradient is zero everywhere, as it "
        "is where a network is saturated."
    )
    assert reason(zeros, ones) == "This layer is silent: it answers zero everywhere."
    assert reason(mixed, opposed) == (
        "What the channels of this layer say adds up to exactly zero everywhere."
    )
    assert reason(mixed * opposed, -opposed) == reason(mixed, -ones)
    assert reason(mixed, ones) is None


def test_a_saturated_network_is_not_said_to_speak_against(picture: np.ndarray) -> None:
    model = keras.Sequential(
        [
            keras.Input((4, 6, 3)),
            layers.Conv2D(2, 1, name="colours"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="sigmoid", bias_initializer="ones"),
        ]
    )
    model.layers[2].set_weights([np.zeros((2, 2)), np.full(2, 9.0)])
    flat = Classifier(model, name="flat")
    assert "gradient is zero everywhere" in str(GradCam().explain(flat, picture, 0).blank_reason)
    assert "gradient is zero everywhere" in str(
        Saliency(samples=2).explain(flat, picture, 0).blank_reason
    )


def test_a_layer_of_one_cell_points_nowhere(picture: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 6, 3)),
            layers.Conv2D(5, (4, 6), name="single"),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    single = Classifier(model, name="single")
    explanation = GradCam().explain(single, picture, Target(0, rather_than=1))
    assert explanation.heatmap.shape == (1, 1)
    assert explanation.heatmap.any()
    assert "says the same everywhere" in str(explanation.blank_reason)


def test_the_last_convolution_is_the_default(smooth: Classifier, pixels: np.ndarray) -> None:
    default = GradCam().explain(smooth, pixels, 1)
    named = GradCam(layer="late").explain(smooth, pixels, 1)
    np.testing.assert_array_equal(default.heatmap, named.heatmap)
    assert default.heatmap.shape == smooth.layer("late").grid == (9, 13)
    assert GradCam(layer="early").explain(smooth, pixels, 1).heatmap.shape == (11, 15)
