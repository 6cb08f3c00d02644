"""Where a map points, by hand, and what hiding that place does on an additive model."""

import numpy as np
import pytest

from explainers import Classifier, Explanation, GradCam, Target
from explainers.metrics.pointing import hide_hottest, place
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
    assert found.share == pytest.approx(6 / 196)
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


def test_hiding_the_hottest_part_takes_away_its_effect(
    additive: Classifier, white: np.ndarray
) -> None:
    strongest = int(EFFECTS.argmax())
    explanation = _map((strongest == SEGMENTS).astype(float))
    found = hide_hottest(additive, white, explanation, share=1 / 6, fill="black")
    np.testing.assert_array_equal(found.region, strongest == SEGMENTS)
    lead = np.array([EFFECTS.sum(), EFFECTS.sum() - EFFECTS[strongest]]) - 1
    scores = np.exp(np.stack([lead, np.zeros(2), np.full(2, -9.0)]))
    before, after = scores[0] / scores.sum(0)
    assert found.before == pytest.approx(before, abs=1e-5)
    assert found.after == pytest.approx(after, abs=1e-5)
    assert found.share == pytest.approx(1 / 6)
