"""Grad-CAM step by step ends where Grad-CAM ends."""

import keras
import numpy as np
import pytest

from explainers import Classifier, GradCam, Target
from explainers.network.grad_cam_steps import grad_cam_steps


@pytest.mark.parametrize("layer", [None, "early"])
@pytest.mark.parametrize("target", [Target(1), Target(2, rather_than=0)], ids=str)
def test_the_steps_end_in_grad_cam(
    smooth: Classifier, pixels: np.ndarray, layer: str | None, target: Target
) -> None:
    steps = grad_cam_steps(smooth, pixels, target, layer)
    expected = GradCam(layer=layer).explain(smooth, pixels, target)
    np.testing.assert_allclose(steps.rectified, expected.heatmap, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(steps.weighted.sum(axis=-1), steps.total, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(steps.weights, steps.gradients.mean(axis=(0, 1)))


def test_it_ends_in_grad_cam_on_the_bundled_network(lite0: Classifier, cat: np.ndarray) -> None:
    steps = grad_cam_steps(lite0, cat, 285)
    assert steps.layer == lite0.layer().path
    expected = GradCam().explain(lite0, cat, 285)
    np.testing.assert_allclose(steps.rectified, expected.heatmap, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(steps.partial(1280), steps.total, rtol=1e-3, atol=1e-5)


def test_channels_are_added_those_that_move_the_map_most_first(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    steps = grad_cam_steps(smooth, pixels, 0)
    moves = np.abs(steps.weighted).mean(axis=(0, 1))[steps.order]
    assert (np.diff(moves) <= 0).all()
    first = steps.order[0]
    np.testing.assert_allclose(steps.partial(1), steps.weighted[..., first], rtol=1e-6)
    np.testing.assert_array_equal(steps.partial(0), 0)


def test_a_model_without_convolutions_says_so() -> None:
    flat = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(LookupError, match="has no convolution"):
        grad_cam_steps(Classifier(flat, name="flat"), np.zeros((4, 4, 3), np.float32), 0)
