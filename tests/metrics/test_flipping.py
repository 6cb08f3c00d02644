"""The region that changes a decision, on a model for which it can be found by hand."""

from itertools import combinations

import numpy as np
import pytest

from explainers import Classifier, Explanation, GradCam, Target
from explainers.metrics.balance import balance
from explainers.metrics.flipping import flip, strengths_of
from tests.metrics.conftest import EFFECTS, SEGMENTS


def test_the_region_is_the_smallest_there_is(additive: Classifier, white: np.ndarray) -> None:
    found = flip(additive, white, SEGMENTS, EFFECTS, "black", until=1)
    lead = EFFECTS.sum() - 1
    smallest = next(
        set(some)
        for count in range(1, 7)
        for some in combinations(range(6), count)
        if lead - EFFECTS[list(some)].sum() < 0
    )
    assert set(found.hidden) == smallest == {1}
    assert found.share == pytest.approx(16 / 96)
    assert found.winner == 1
    np.testing.assert_array_equal(found.region, SEGMENTS == 1)
    leads = np.log(found.probabilities[:, 0] / found.probabilities[:, 1])
    in_order = np.sort(EFFECTS)[::-1]
    np.testing.assert_allclose(leads, lead - np.cumsum([0, *in_order]), atol=1e-4)


def test_what_need_not_be_hidden_is_shown_again(additive: Classifier, white: np.ndarray) -> None:
    backwards = flip(additive, white, SEGMENTS, -EFFECTS, "black", until=1)
    lead = EFFECTS.sum() - 1
    assert lead - EFFECTS[list(backwards.hidden)].sum() < 0
    for superpixel in backwards.hidden:
        others = [each for each in backwards.hidden if each != superpixel]
        assert lead - EFFECTS[others].sum() >= 0


def test_any_other_class_will_do(additive: Classifier, white: np.ndarray) -> None:
    found = flip(additive, white, SEGMENTS, EFFECTS, "black")
    assert (found.winner, found.hidden) == (1, (1,))
    assert found.after.argmax() == 1


def test_nothing_changes_it_is_said(additive: Classifier, white: np.ndarray) -> None:
    found = flip(additive, white, SEGMENTS, EFFECTS, "black", until=2)
    assert found.winner is None
    assert found.hidden == ()
    assert not found.region.any()
    assert len(found.probabilities) == 7


def test_a_class_that_wins_already_is_refused(additive: Classifier, white: np.ndarray) -> None:
    with pytest.raises(ValueError, match="said wins already"):
        flip(additive, white, SEGMENTS, EFFECTS, "black", until=0)


def _explanation(heatmap: np.ndarray, *, signed: bool) -> Explanation:
    return Explanation(GradCam(), "none", Target(0), heatmap.astype(np.float32), signed=signed)


def test_the_strength_of_a_superpixel_is_its_mean() -> None:
    heatmap = EFFECTS[SEGMENTS] + np.tile([0.1, -0.1], 6)
    np.testing.assert_allclose(
        strengths_of(_explanation(heatmap, signed=True), SEGMENTS), EFFECTS, atol=1e-6
    )


def test_the_balance_is_of_both_sides() -> None:
    heatmap = np.zeros((14, 14))
    heatmap[3, 4], heatmap[9, 1], heatmap[9, 2] = 6.0, -1.5, -0.5
    found = balance(_explanation(heatmap, signed=True))
    assert (found.towards, found.against) == (0.75, 0.25)
    assert (found.strongest_for, found.strongest_against) == ((3, 4), (9, 1))
    blank = balance(_explanation(np.zeros((7, 7)), signed=False))
    assert (blank.towards, blank.against) == (0, 0)
    assert blank.strongest_for is None
