"""Smoothed saliency on a linear model, whose gradient is its weights wherever one stands."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from scipy import ndimage

from explainers import Classifier, Saliency, Target
from tests.conftest import Hold

SHAPE = (10, 14, 3)


@pytest.fixture(scope="module")
def linear() -> tuple[Classifier, np.ndarray]:
    """A linear model, and its weights as pictures, one a class."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(3)])
    weights = np.moveaxis(np.asarray(model.layers[1].kernel).reshape(*SHAPE, 3), -1, 0)
    return Classifier(model, name="linear", labels="abc"), weights


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, SHAPE).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.15, 1.0])
@pytest.mark.parametrize("samples", [1, 7, 23])
def test_the_map_of_a_linear_model_is_its_weights_at_any_noise(
    linear: tuple[Classifier, np.ndarray],
    picture: np.ndarray,
    noise: float,
    samples: int,
    held: Hold,
) -> None:
    classifier, weights = linear
    explainer = Saliency(samples=samples, noise=noise, sigma=0.0)
    for index in range(3):
        heatmap = explainer.explain(classifier, picture, index).heatmap
        difference = np.abs(heatmap / np.abs(weights[index]).max(axis=-1) - 1).max()
        held("Smoothed saliency", "a linear model's weights, relative", difference, 1e-4)
    between = explainer.explain(classifier, picture, Target(0, rather_than=2)).heatmap
    np.testing.assert_allclose(between, np.abs(weights[0] - weights[2]).max(axis=-1), rtol=1e-4)


def test_channels_become_one_as_asked(
    linear: tuple[Classifier, np.ndarray], picture: np.ndarray
) -> None:
    classifier, weights = linear
    expected = {
        "mean absolute": np.abs(weights[1]).mean(axis=-1),
        "red": np.abs(weights[1][..., 0]),
        "green": np.abs(weights[1][..., 1]),
        "blue": np.abs(weights[1][..., 2]),
    }
    for reduction, heatmap in expected.items():
        explainer = Saliency(samples=1, sigma=0.0, reduction=reduction)
        shown = explainer.explain(classifier, picture, 1).heatmap
        np.testing.assert_allclose(shown, heatmap, rtol=1e-5)


def test_smoothing_is_a_gaussian(smooth: Classifier, pixels: np.ndarray) -> None:
    rough = Saliency(samples=4, sigma=0.0)
    *_, seen = rough.observations(smooth, pixels, 1)
    smoothed = dataclasses.replace(rough, sigma=5.0).interpret(seen, Target(1)).heatmap
    expected = ndimage.gaussian_filter(rough.interpret(seen, Target(1)).heatmap, 5, mode="nearest")
    np.testing.assert_allclose(smoothed, expected, rtol=1e-5)


def test_the_mean_of_the_samples_is_the_mean_of_gradients_at_the_same_noise(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    explainer = Saliency(samples=23, noise=0.3, sigma=0.0, reduction="green", seed=5)
    random = np.random.default_rng(5)
    deviation = 0.3 * (pixels.max() - pixels.min())
    noisy = pixels + deviation * random.standard_normal((23, *pixels.shape), np.float32)
    (local,) = smooth.gradients(noisy, 2)
    expected = np.abs(local.gradients.mean(axis=0)[..., 1])
    np.testing.assert_allclose(
        explainer.explain(smooth, pixels, 2).heatmap, expected, rtol=1e-3, atol=1e-9
    )


def test_a_blank_map_tells_what_was_seen(picture: np.ndarray) -> None:
    model = keras.Sequential([keras.Input(SHAPE), layers.Flatten(), layers.Dense(2)])
    greens = np.zeros((*SHAPE, 2), np.float32)
    greens[..., 1, :] = 1
    model.layers[1].set_weights([greens.reshape(-1, 2), np.zeros(2)])
    green = Classifier(model, name="green")
    reds = Saliency(samples=1, reduction="red").explain(green, picture, 0)
    assert reds.blank_reason == "The pixels' red does not move the score; other colours do."
    nothing = Saliency(samples=1).explain(green, picture, Target(0, rather_than=1))
    assert nothing.blank_reason == (
        "No pixel moves the score at all: its gradient is zero everywhere, as it is where a "
        "network is saturated."
    )
    same = Saliency(samples=1, reduction="green").explain(green, picture, 0)
    assert same.heatmap.any()
    assert "says the same everywhere" in str(same.blank_reason)
