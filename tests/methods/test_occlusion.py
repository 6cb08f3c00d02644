"""Occlusion of a network that adds up, worked out by hand, and against xplique."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from explainers import Classifier, Occlusion, Target
from tests.conftest import Hold
from tests.methods.peers import hiding

GREY = np.full((9, 12, 3), 127.5, np.float32)
EFFECTS = np.random.default_rng(3).uniform(-0.02, 0.04, (4, 4))


def adding(effects: np.ndarray = EFFECTS) -> Classifier:
    """What every cell adds to the second probability while it is shown."""

    def masked_probabilities(pixels, fill, segments, rows):
        assert segments.max() + 1 == effects.size
        second = 0.3 + rows @ effects.ravel()
        return np.stack([1 - second, second], axis=1).astype(np.float32)

    return cast(
        Classifier,
        SimpleNamespace(
            name="adding", labels=("no", "yes"), size=(9, 12),
            masked_probabilities=masked_probabilities,
        ),
    )  # fmt: skip


def covering(cells: int, patch: int) -> np.ndarray:
    """How many patches lie over each cell, ``(cells, cells)``."""
    places = np.arange(cells)
    first = np.maximum(places - patch + 1, 0)
    last = np.minimum(places, cells - patch)
    return np.outer(last - first + 1, last - first + 1)


def test_a_patch_of_one_cell_finds_what_each_adds() -> None:
    for index, sign in ((1, 1), (0, -1)):
        explanation = Occlusion(stride=4, patch=1).explain(adding(), GREY, index)
        assert explanation.signed
        np.testing.assert_allclose(explanation.heatmap, sign * EFFECTS, atol=1e-6)


def test_a_cell_is_the_mean_of_the_patches_that_lie_over_it(held: Hold) -> None:
    explanation = Occlusion(stride=4, patch=2).explain(adding(), GREY, 1)
    blocks = sum(EFFECTS[a : a + 3, b : b + 3] for a in (0, 1) for b in (0, 1))
    total = np.zeros((4, 4))
    for a in (0, 1):
        for b in (0, 1):
            total[a : a + 3, b : b + 3] += blocks
    difference = np.abs(explanation.heatmap - total / covering(4, 2)).max()
    held("Occlusion", "a sum over cells, worked out by hand", difference, 1e-6)


def test_a_difference_of_classes_is_the_difference_of_their_maps() -> None:
    occlusion = Occlusion(stride=4, patch=2)
    yes, no, either = (
        occlusion.explain(adding(), GREY, target).heatmap
        for target in (Target(1), Target(0), Target(1, rather_than=0))
    )
    np.testing.assert_allclose(either, yes - no, atol=1e-6)


def test_a_patch_over_everything_points_nowhere() -> None:
    explanation = Occlusion(stride=4, patch=5).explain(adding(), GREY, 1)
    np.testing.assert_allclose(explanation.heatmap, EFFECTS.sum(), atol=1e-6)
    assert "says the same everywhere" in str(explanation.blank_reason)


def test_a_picture_smaller_than_the_steps_has_a_cell_for_each_pixel() -> None:
    explanation = Occlusion(stride=32, patch=1).explain(adding(np.ones((9, 12)) / 200), GREY, 1)
    assert explanation.heatmap.shape == (9, 12)


def test_nothing_moved_is_said() -> None:
    explanation = Occlusion(stride=4, patch=2).explain(adding(np.zeros((4, 4))), GREY, 1)
    assert explanation.blank_reason == (
        "The probability stayed exactly the same, wherever the patch lay."
    )


def test_the_first_tiling_covers_the_picture_before_patches_overlap() -> None:
    first = next(Occlusion(stride=10, patch=2).refine(adding(np.ones((9, 10)) / 200), GREY, 1))
    assert first.done == 32 < first.total
    assert (first.heatmap > 0).mean() > 0.8


@pytest.fixture(scope="module")
def peers() -> dict[str, np.ndarray]:
    return dict(np.load(hiding.FIGURES))


@pytest.mark.parametrize("patch", hiding.PATCHES)
def test_its_map_is_that_of_xplique(peers: dict[str, np.ndarray], patch: int, held: Hold) -> None:
    """xplique paints sums, which are cold at the border; times the patches there ours is its."""
    occlusion = Occlusion(stride=hiding.STRIDE, patch=patch)
    explanation = occlusion.explain(hiding.classifier(peers), hiding.picture(), hiding.FIRST)
    down, across = (side // hiding.STRIDE for side in hiding.SIZE)
    theirs = peers[f"occlusion_{patch}"][down // 2 :: down, across // 2 :: across]
    theirs = theirs / covering(hiding.STRIDE, patch)
    assert explanation.scale > 0.01
    difference = np.abs(explanation.heatmap - theirs).max() / explanation.scale
    held("Occlusion", "xplique 2.0.2, relative", difference, 1e-4)
    assert np.corrcoef(explanation.heatmap.ravel(), theirs.ravel())[0, 1] > 0.9999


def test_its_map_of_the_bundled_network_is_that_of_xplique(
    peers: dict[str, np.ndarray], lite0: Classifier, cat: np.ndarray, held: Hold
) -> None:
    explanation = Occlusion(stride=hiding.COARSE, patch=1).explain(lite0, cat, hiding.CAT)
    theirs = peers["lite0_occlusion"]
    difference = np.abs(explanation.heatmap - theirs).max() / explanation.scale
    held("Occlusion of EfficientNet-Lite0", "xplique 2.0.2, relative", difference, 1e-3)
    assert np.corrcoef(explanation.heatmap.ravel(), theirs.ravel())[0, 1] > 0.9999
