"""The region that changes a decision, on models for which it can be found by brute force."""

from itertools import combinations

import numpy as np
import pytest

from explainers import Classifier, Explanation, GradCam, LimeSuperpixels, Target
from explainers.explanation import Surrogate
from explainers.metrics.evidence import evidence
from explainers.metrics.faithfulness import strengths_of
from explainers.metrics.flipping import (
    PAIRED,
    Flip,
    effects_of,
    flip,
    pairs_with_less,
    try_pairs,
)
from tests.conftest import Hold
from tests.metrics.conftest import EFFECTS, SEGMENTS, Table


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


AREAS = np.array([5, 9, 3, 8, 2, 7, 4])
UNEQUAL = np.repeat(np.arange(7, dtype=np.int32), AREAS)[None]
BLACK = np.zeros((*UNEQUAL.shape, 3), np.float32)


def _all_ways(asked: Table, until: int | None) -> dict[frozenset[int], bool]:
    """Every set of pieces, and whether hiding it changes the decision, straight from the table."""
    first = asked.answers[-1].argmax()
    ways = {}
    for count in range(8):
        for hidden in combinations(range(7), count):
            shown = ~np.isin(np.arange(7), hidden)
            winner = asked.of(shown[None])[0].argmax()
            ways[frozenset(hidden)] = bool(winner != first if until is None else winner == until)
    return ways


def _area(hidden: frozenset[int]) -> int:
    return int(AREAS[list(hidden)].sum())


@pytest.mark.parametrize("other", [False, True])
def test_no_single_piece_and_no_pair_does_it_with_less_area(other: bool, held: Hold) -> None:
    """Networks whose 128 answers are drawn, clinging to the first: all subsets are known."""
    apart, before, kinds = 0, [], set()
    for seed in range(300):
        asked = Table(7, 5, seed)
        asked.answers[:, asked.answers[-1].argmax()] += asked.shown / 10
        first, second = asked.answers[-1].argsort()[::-1][:2]
        until = None if other else int(second)
        strengths = np.random.default_rng(seed).normal(size=7)
        ways = _all_ways(asked, until)
        start = flip(asked, BLACK, UNEQUAL, strengths, "black", until)  # type: ignore
        price, so_far = len(pairs_with_less(start, UNEQUAL)), asked.asked
        tried = list(try_pairs(asked, BLACK, UNEQUAL, start))  # type: ignore
        found = tried[-1].flip if tried else start
        assert asked.asked - so_far <= price
        assert not tried or tried[-1].done == tried[-1].total
        small = [way for way, does in ways.items() if does and len(way) <= 2]
        single = [way for way in small if len(way) == 1]
        if start.winner is None:
            assert not single
        else:
            assert ways[frozenset(start.hidden)]
            assert all(_area(way) >= start.region.sum() for way in single)
            assert not any(ways[frozenset(start.hidden) - {each}] for each in start.hidden)
        if found.winner is None:
            assert not small
            continue
        hidden = frozenset(found.hidden)
        assert ways[hidden]
        np.testing.assert_array_equal(found.region, np.isin(UNEQUAL, found.hidden))
        np.testing.assert_array_equal(found.after, asked.of(~np.isin(np.arange(7), found.hidden)))
        assert (found.winner != first) if other else found.winner == second
        least = min([_area(way) for way in small] + [int(start.region.sum() or UNEQUAL.size)])
        apart = max(apart, abs(int(found.region.sum()) - least))
        before.append(found.region.sum() < start.region.sum())
        kinds.add(len(hidden))
    assert any(before)
    assert {1, 2, 3} <= kinds
    what = "Least area of single pieces and pairs that change an answer"
    held(what, "all 128 subsets of 7 pieces, 300 drawn networks", apart, 0)


def test_of_many_pieces_the_strongest_are_paired() -> None:
    count = PAIRED + 6
    segments = np.arange(count, dtype=np.int32)[None]
    order = np.random.default_rng(0).permutation(count)
    answers = np.array([[0.6, 0.4]], np.float32)
    found = Flip((), segments < 0, order, answers, answers[0], None, "black", None)
    pairs = pairs_with_less(found, segments)
    assert len(pairs) == PAIRED * (PAIRED - 1) // 2 == 2016
    assert set(pairs.ravel()) == set(order[:PAIRED])


def test_a_search_goes_by_all_coefficients_a_test_by_the_map() -> None:
    """LIME fitted six pieces and shows one: the others are zero in the map, not in the search."""
    shown = np.where(EFFECTS.max() == EFFECTS, EFFECTS, 0)[SEGMENTS].astype(np.float32)
    surrogate = Surrogate(SEGMENTS, EFFECTS.copy(), 0.0, 1.0, 1.0, 1.0)
    explanation = Explanation(
        LimeSuperpixels(shown=1), "none", Target(0), shown, signed=True, surrogate=surrogate
    )
    np.testing.assert_array_equal(effects_of(explanation, SEGMENTS), EFFECTS)
    np.testing.assert_array_equal(strengths_of(explanation, SEGMENTS), [0, 3, 0, 0, 0, 0])
    other = SEGMENTS[::-1].copy()
    np.testing.assert_array_equal(effects_of(explanation, other), [0, 0, 0, 0, 3, 0])


def test_the_balance_is_of_both_sides() -> None:
    heatmap = np.zeros((14, 14))
    heatmap[3, 4], heatmap[9, 1], heatmap[9, 2] = 6.0, -1.5, -0.5
    found = evidence(_explanation(heatmap, signed=True))
    assert (found.towards, found.against) == (0.75, 0.25)
    assert (found.strongest_for, found.strongest_against) == ((3, 4), (9, 1))
    blank = evidence(_explanation(np.zeros((7, 7)), signed=False))
    assert (blank.towards, blank.against) == (0, 0)
    assert f"{blank.against:.0%}" == "0%", "Nobody reads a zero with a minus."
    assert blank.strongest_for is None
