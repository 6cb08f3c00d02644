"""Where a map points, by hand, and what hiding that place does on an additive model."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from explainers import Classifier, Explanation, GradCam, Target
from explainers.metrics.pointing import TRIES, hide_hottest, place
from tests.conftest import Hold
from tests.metrics.conftest import EFFECTS, SEGMENTS


def _map(grid: np.ndarray) -> Explanation:
    return Explanation(GradCam(), "x", Target(0), grid.astype(np.float32), signed=True)


def test_the_hottest_cells_say_where() -> None:
    grid = np.full((14, 14), -1.0)
    grid[2:4, 9:12] = 1.0
    grid[3, 11] = 3.0
    found = place(_map(grid))
    assert found is not None
    assert (found.rows, found.columns) == ((2, 3), (9, 11))
    assert found.centre == pytest.approx(((3 * 2 + 5 * 3) / 8, (2 * 9 + 2 * 10 + 4 * 11) / 8))
    assert not found.scattered
    assert found.count == 6
    assert found.together == 1


def test_two_wheels_are_two_places() -> None:
    grid = np.zeros((14, 14))
    grid[10:12, 1:4] = grid[10:12, 10:13] = 1.0
    found = place(_map(grid))
    assert found is not None
    assert found.together == pytest.approx(0.5)
    assert found.scattered


def test_corners_are_scattered_and_nothing_hot_is_nowhere() -> None:
    grid = np.zeros((14, 14))
    grid[0, 0] = grid[13, 13] = 1.0
    found = place(_map(grid))
    assert found is not None
    assert found.scattered
    assert place(_map(-np.ones((14, 14)))) is None
    assert place(_map(np.zeros((14, 14)))) is None


@pytest.mark.parametrize("shape", [(1, 1), (14, 14)])
def test_a_map_that_is_the_same_everywhere_points_nowhere(
    additive: Classifier, white: np.ndarray, shape: tuple[int, int]
) -> None:
    flat = _map(np.full(shape, 0.7))
    assert place(flat) is None
    found = hide_hottest(additive, white, flat)
    assert not found.region.any()
    assert found.after == pytest.approx(found.before)


def _probability(hidden: np.ndarray) -> float:
    """What the additive model says with black pixels, by hand: each piece counts by its pixels."""
    lead = (EFFECTS[SEGMENTS] / 16)[~hidden].sum() - 1
    return float(np.exp(lead) / (np.exp(lead) + 1 + np.exp(-9)))


def test_hiding_the_hottest_part_takes_away_its_effect(
    additive: Classifier, white: np.ndarray, held: Hold
) -> None:
    strongest = int(EFFECTS.argmax())
    explanation = _map((strongest == SEGMENTS).astype(float))
    found = hide_hottest(additive, white, explanation, share=1 / 6, fill="black")
    np.testing.assert_array_equal(found.region, strongest == SEGMENTS)
    assert found.before == pytest.approx(_probability(np.zeros_like(found.region)), abs=1e-5)
    assert found.after == pytest.approx(_probability(found.region), abs=1e-5)
    assert found.share == pytest.approx(1 / 6)
    moves = np.random.default_rng(0).integers(0, SEGMENTS.shape, (TRIES, 2))
    by_hand = [_probability(_moved(found.region, *move)) for move in moves]
    difference = np.abs(found.elsewhere - by_hand).max()
    held("The hottest part at random places", "an additive model, by hand", difference, 1e-5)
    assert found.matched == sum(np.array(by_hand) <= found.after + 1e-5)


def _moved(region: np.ndarray, down: int, across: int) -> np.ndarray:
    """A region pixel by pixel at another place, around the edges."""
    moved = np.zeros_like(region)
    for row, column in np.argwhere(region):
        moved[(row + down) % region.shape[0], (column + across) % region.shape[1]] = True
    return moved


def test_random_places_keep_the_area_and_what_helps_is_matched_by_all(
    additive: Classifier, white: np.ndarray
) -> None:
    shown: list[np.ndarray] = []

    def probabilities(batch: np.ndarray) -> np.ndarray:
        shown.append(batch)
        return additive.probabilities(batch)

    watched: Any = SimpleNamespace(probabilities=probabilities)
    lowest = _map((EFFECTS.argmin() == SEGMENTS).astype(float))
    found = hide_hottest(watched, white, lowest, share=1 / 6, fill="black")
    (batch,) = shown
    assert len(batch) == 2 + TRIES
    np.testing.assert_array_equal((batch[1:, ..., 0] == 0).sum(axis=(1, 2)), 16)
    assert found.after > found.before
    assert found.matched == TRIES


def test_if_places_do_not_matter_all_random_ones_fall_short_as_often_as_luck_says() -> None:
    random = np.random.default_rng(1)
    pixels = np.ones((14, 14, 3), np.float32)
    first = np.zeros((14, 14))
    first[:3, :4] = 1
    unbeaten = []
    for seed in range(600):
        effects = random.random((14, 14, 3))
        network: Any = SimpleNamespace(
            probabilities=lambda batch, by=effects: (batch * by).sum(axis=(1, 2, 3))[:, None]
        )
        anywhere = _map(np.roll(first, random.integers(0, 14, 2), (0, 1)))
        found = hide_hottest(network, pixels, anywhere, share=12 / 196, fill="black", seed=seed)
        unbeaten.append(found.matched == 0)
    assert found.luck == pytest.approx(0.05)
    assert 0.02 < np.mean(unbeaten) < 0.08
