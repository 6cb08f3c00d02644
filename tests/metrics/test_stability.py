"""Asking again: the same seed says the same, other seeds and noise are told apart."""

from dataclasses import replace

import numpy as np
import pytest

from explainers import Classifier, Explanation, GradCam, LimeSuperpixels, Saliency, Target
from explainers.explanation import Surrogate
from explainers.images.superpixels import Slic
from explainers.metrics.agreement import agree
from explainers.metrics.stability import Repeats, ask_again

LIME = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=120)


@pytest.mark.parametrize("change", ["seed", "noise"])
def test_another_answer_is_what_the_method_says_by_itself(
    smooth: Classifier, pixels: np.ndarray, change: str
) -> None:
    first = LIME.explain(smooth, pixels, 1)
    *_, found = ask_again(first, smooth, pixels, change, times=3, noise=0.05, seed=4)
    assert found.explanations[0] is first
    assert found.done == found.total == 2 * 120
    if change == "seed":
        expected = [replace(LIME, seed=seed).explain(smooth, pixels, 1) for seed in (1, 2)]
    else:
        random = np.random.default_rng(4)
        seen = [
            np.clip(pixels + random.normal(0, 255 * 0.05, pixels.shape), 0, 255) for _ in range(2)
        ]
        expected = [LIME.explain(smooth, each.astype(np.float32), 1) for each in seen]
    for ours, theirs in zip(found.explanations[1:], expected, strict=True):
        np.testing.assert_array_equal(ours.heatmap, theirs.heatmap)
    grids = [each.grid(14) for each in found.explanations]
    assert found.correlations.tolist() == [
        agree(grids[one], grids[other]).correlation for one, other in ((0, 1), (0, 2), (1, 2))
    ]


def test_the_same_seed_says_the_same(smooth: Classifier, pixels: np.ndarray) -> None:
    first, again = (LIME.explain(smooth, pixels, 1) for _ in range(2))
    same = Repeats((first, again), 1, 1)
    np.testing.assert_array_equal(same.correlations, [1.0])
    assert same.flipping is not None
    assert not same.flipping.any()


def test_a_method_without_chance_does_not_care_for_seeds(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    assert not GradCam().random
    assert Saliency().random
    assert not Saliency(samples=1).random
    assert not Saliency(noise=0.0).random
    first = GradCam().explain(smooth, pixels, 0)
    with pytest.raises(ValueError, match="Grad-CAM draws nothing here"):
        next(ask_again(first, smooth, pixels, "seed"))
    with pytest.raises(ValueError, match="at least 2 times, not 1"):
        next(ask_again(first, smooth, pixels, "noise", times=1))
    *_, quiet = ask_again(first, smooth, pixels, "noise", noise=0.0, times=2)
    np.testing.assert_array_equal(quiet.correlations, [1.0])


def _fitted(coefficients: list[float], segments: np.ndarray) -> Explanation:
    array = np.array(coefficients)
    surrogate = Surrogate(segments, array, 0.0, 1.0, 1.0, 1.0)
    heatmap = array.astype(np.float32)[segments]
    return Explanation(LIME, "x", Target(0), heatmap, signed=True, surrogate=surrogate)


def test_pieces_whose_sign_flips_are_found_by_hand() -> None:
    segments = np.repeat(np.arange(4, dtype=np.int32), 3).reshape(4, 3)
    runs = [[0.1, -0.2, 0.3, 0.0], [0.2, 0.1, 0.1, -0.1], [0.3, -0.1, 0.2, -0.2]]
    found = Repeats(tuple(_fitted(run, segments) for run in runs), 1, 1)
    np.testing.assert_array_equal(found.flipping, segments == 1)
    other = _fitted(runs[0], segments[::-1].copy())
    assert Repeats((found.explanations[0], other), 1, 1).flipping is None


def test_blank_answers_are_the_same_and_not_nan() -> None:
    segments = np.zeros((4, 3), np.int32)
    blank = _fitted([0.0], segments)
    np.testing.assert_array_equal(Repeats((blank, blank), 1, 1).correlations, [1.0])


def test_the_last_seed_is_followed_by_the_first(smooth: Classifier, pixels: np.ndarray) -> None:
    first = replace(LIME, seed=2**31 - 1).explain(smooth, pixels, 1)
    *_, found = ask_again(first, smooth, pixels, "seed", times=2)
    assert found.explanations[1].explainer == replace(LIME, seed=0)
