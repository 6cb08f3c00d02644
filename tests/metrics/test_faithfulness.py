"""Deletion and insertion, on a model whose best and worst orders are known."""

from itertools import permutations

import numpy as np
import pytest
from scipy import integrate, stats

from explainers import Classifier, Explanation, GradCam, LimeSuperpixels, Target
from explainers.classifiers.scaling import UNIT
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import (
    RANDOM,
    RANDOM_ORDERS,
    Curve,
    beaten,
    cells,
    curves,
    hottest_first,
    passes,
    strengths_of,
)
from explainers.observing.hidden_superpixels import Neighbourhood
from tests.conftest import Hold
from tests.metrics.conftest import EFFECTS, SEGMENTS, Table, table
from tests.metrics.peers import make


def _all(classifier: Classifier, pixels: np.ndarray, maps: dict, **settings) -> dict:
    *_, found = curves(classifier, pixels, 0, maps, SEGMENTS, fill="black", steps=6, **settings)
    return {(curve.name, curve.kind): curve for curve in found.curves}


def _area(order: tuple[int, ...], *, insertion: bool = False) -> float:
    """By hand: the sigmoid of the lead, the third class being out of reach."""
    gone = np.cumsum([0.0, *EFFECTS[list(order)]])
    lead = -1 + (gone if insertion else EFFECTS.sum() - gone)
    scores = np.stack([lead, np.zeros(7), np.full(7, -9.0)])
    probabilities = np.exp(scores[0]) / np.exp(scores).sum(0)
    return float(((probabilities[1:] + probabilities[:-1]) / 12).sum())


def test_the_true_order_is_the_best_and_its_reverse_the_worst(
    additive: Classifier, white: np.ndarray
) -> None:
    found = _all(additive, white, {"true": EFFECTS, "reverse": -EFFECTS}, random_runs=20)
    every = [_area(order) for order in permutations(range(6))]
    assert found["true", "deletion"].area == pytest.approx(min(every), abs=1e-5)
    assert found["reverse", "deletion"].area == pytest.approx(max(every), abs=1e-5)
    shown = [_area(order, insertion=True) for order in permutations(range(6))]
    assert found["true", "insertion"].area == pytest.approx(max(shown), abs=1e-5)
    assert found["reverse", "insertion"].area == pytest.approx(min(shown), abs=1e-5)
    for kind in ("deletion", "insertion"):
        random = found[RANDOM, kind]
        assert random.runs.shape == (20, 7)
        bounds = every if kind == "deletion" else shown
        assert min(bounds) < random.area < max(bounds)
        assert random.spread == pytest.approx(np.sqrt(random.areas.var() * 20 / 19))
        np.testing.assert_allclose(random.deviation, random.runs.std(axis=0) * np.sqrt(20 / 19))
        assert beaten(found["true", kind], random) == 20
        assert beaten(found["reverse", kind], random) == 0
        assert (BLOB, kind) in found


def test_every_curve_starts_whole_or_hidden_and_ends_in_the_other(
    additive: Classifier, white: np.ndarray
) -> None:
    found = _all(additive, white, {"true": EFFECTS})
    whole = additive.predict(white)[0].probability
    nothing = additive.predict(np.zeros_like(white))[0].probability
    for (_, kind), curve in found.items():
        ends = (whole, nothing) if kind == "deletion" else (nothing, whole)
        np.testing.assert_allclose(curve.runs[:, [0, -1]], [ends] * len(curve.runs), atol=1e-6)
        np.testing.assert_allclose(curve.shares, np.arange(7) / 6)


def test_only_the_order_counts_and_ties_are_drawn(additive: Classifier, white: np.ndarray) -> None:
    maps = {"a": EFFECTS, "b": np.exp(EFFECTS), "flat": np.zeros(6)}
    found = _all(additive, white, maps, kinds=("deletion",))
    np.testing.assert_array_equal(found["a", "deletion"].runs, found["b", "deletion"].runs)
    again = _all(additive, white, maps, kinds=("deletion",))
    other = [_all(additive, white, maps, kinds=("deletion",), seed=seed) for seed in range(1, 5)]
    flat = found["flat", "deletion"].runs
    np.testing.assert_array_equal(again["flat", "deletion"].runs, flat)
    assert any((each["flat", "deletion"].runs != flat).any() for each in other)


def test_fewer_steps_keep_both_ends(additive: Classifier, white: np.ndarray) -> None:
    *_, found = curves(additive, white, 0, {"true": EFFECTS}, SEGMENTS, steps=2, fill="black")
    for curve in found.curves:
        np.testing.assert_allclose(curve.shares, [0, 0.5, 1])


def test_insertion_of_an_order_is_deletion_of_its_reverse_read_backwards(
    additive: Classifier, white: np.ndarray
) -> None:
    """Asked anew, point by point; with 4 steps for 6 units the points are not at equal shares."""
    *_, found = curves(additive, white, 0, {}, SEGMENTS, fill="black", steps=4, random_runs=3)
    for curve in found.curves:
        for share, probability in zip(curve.shares, curve.runs[0], strict=True):
            reached = np.isin(SEGMENTS, curve.order[: round(share * 6)])
            shown = reached if curve.kind == "insertion" else ~reached
            alone = additive.predict(white * shown[..., None])[0].probability
            assert probability == pytest.approx(alone, abs=1e-6)
    deletion, insertion = (found.of(kind)[RANDOM] for kind in ("deletion", "insertion"))
    np.testing.assert_array_equal(deletion.runs, insertion.runs[:, ::-1])
    np.testing.assert_allclose(deletion.shares, 1 - insertion.shares[::-1])


PIECES = np.arange(10, dtype=np.int32)[None]
GREY = np.zeros((1, 10, 3), np.float32)


@pytest.mark.parametrize("kinds", [("deletion",), ("insertion",), ("deletion", "insertion")])
@pytest.mark.parametrize(("steps", "maps"), [(3, 0), (50, 2)])
def test_it_takes_the_passes_that_it_says(kinds: tuple, steps: int, maps: int) -> None:
    asked = Table(10, 2, seed=0)
    strengths = {str(number): np.arange(10) for number in range(maps)}
    stages = list(
        curves(asked, GREY, 0, strengths, PIECES, fill="black", steps=steps, kinds=kinds)  # type: ignore
    )
    assert asked.asked == passes(maps, PIECES, steps=steps, kinds=kinds)
    assert [stage.done for stage in stages] == list(range(1, stages[-1].total + 1))
    assert len(stages[-1].of(kinds[0])[RANDOM].runs) == RANDOM_ORDERS == 19


def test_a_single_piece_is_tested_by_its_two_ends() -> None:
    one = np.zeros((1, 10), np.int32)
    asked = Table(1, 2, seed=1)
    *_, found = curves(asked, GREY, 0, {"map": np.ones(1)}, one, fill="black")  # type: ignore
    assert asked.asked == passes(1, one) == 2
    for kind in ("deletion", "insertion"):
        assert beaten(found.of(kind)["map"], found.of(kind)[RANDOM]) == 0


def test_a_random_order_beats_all_others_once_in_twenty(held: Hold) -> None:
    """A flat map is one more random order: every count of beaten ones is as frequent as another."""
    trials = 2000
    counts: dict[str, list[int]] = {"deletion": [], "insertion": []}
    for trial in range(trials):
        asked = table(10, 2, seed=trial)
        *_, found = curves(
            asked, GREY, 0, {"flat": np.zeros(10)}, PIECES, fill="black", steps=5, seed=trial
        )
        for kind, each in counts.items():
            by_name = found.of(kind)
            each.append(beaten(by_name["flat"], by_name[RANDOM]))
    once = 1 / (RANDOM_ORDERS + 1)
    few, many = stats.binom.interval(0.999, trials, once)
    for each in counts.values():
        assert few <= each.count(RANDOM_ORDERS) <= many
        assert stats.chisquare(np.bincount(each, minlength=RANDOM_ORDERS + 1)).pvalue > 0.001
        held(
            "How often a random order does better than 19 others",
            "1 in 20, 2,000 random orders of each kind",
            abs(each.count(RANDOM_ORDERS) / trials - once),
            (many - few) / 2 / trials,
        )


def test_a_network_that_does_not_care_is_no_success(white: np.ndarray) -> None:
    """All areas are equal to the last digit, whatever is summed first: nothing is beaten."""
    asked = Table(6, 3, seed=0)
    asked.answers[:] = asked.answers[0]
    *_, found = curves(asked, white, 0, {"true": EFFECTS}, SEGMENTS, fill="black")  # type: ignore
    for kind in ("deletion", "insertion"):
        assert beaten(found.of(kind)["true"], found.of(kind)[RANDOM]) == 0


def test_a_map_is_ranked_as_it_is_shown() -> None:
    """Six pieces fitted, the two that speak most for the class shown: four come in any order."""
    lime = LimeSuperpixels(shown=2, positive_only=True)
    rows = np.random.default_rng(0).integers(0, 2, (60, 6))
    rows[0] = 1
    lead = (rows @ EFFECTS / 10)[:, None] * [1, -1] + 0.5
    seen = Neighbourhood(
        classifier="x", classes=(0,), segments=SEGMENTS, rows=rows, probabilities=lead
    )
    explanation = lime.interpret(seen, Target(0))
    assert explanation.surrogate is not None
    assert (explanation.surrogate.coefficients != 0).all()
    strengths = strengths_of(explanation, SEGMENTS)
    assert np.flatnonzero(strengths).tolist() == [1, 3]
    orders = [hottest_first(strengths, np.random.default_rng(seed)) for seed in range(30)]
    assert {tuple(order[:2]) for order in orders} == {(1, 3)}
    assert {order[2] for order in orders} == {0, 2, 4, 5}


def test_the_strength_of_a_superpixel_is_its_mean() -> None:
    heatmap = (EFFECTS[SEGMENTS] + np.tile([0.1, -0.1], 6)).astype(np.float32)
    explanation = Explanation(GradCam(), "none", Target(0), heatmap, signed=True)
    np.testing.assert_allclose(strengths_of(explanation, SEGMENTS), EFFECTS, atol=1e-6)


def test_cells_are_numbered_row_by_row() -> None:
    found = cells((28, 42))
    assert found.max() == 195
    assert (found[2:4, 3:6] == 15).all()
    small = cells((8, 20))
    assert np.unique(small).tolist() == list(range(8 * 14))


def test_areas_are_those_of_trapezoids(held: Hold) -> None:
    random = np.random.default_rng(0)
    shares = np.array([0, *np.sort(random.random(20)), 1])
    runs = random.random((7, 22)).astype(np.float32)
    curve = Curve("x", "deletion", shares, runs, np.arange(22))
    theirs = integrate.trapezoid(runs.astype(np.float64), shares)
    apart = np.abs(curve.areas - theirs).max()
    held("Area under a curve", "scipy.integrate.trapezoid", apart, 1e-7)
    held("Spread of areas", "scipy.stats.tstd", abs(curve.spread - stats.tstd(theirs)), 1e-7)


def test_deletion_and_insertion_are_those_of_xplique(held: Hold) -> None:
    """The same map, steps and fill, each pixel a unit: only the rounding of float32 differs."""
    theirs = np.load(make.FIGURES)
    model = make.network()
    model.set_weights([theirs[f"weight_{number}"] for number in range(len(model.weights))])
    classifier = Classifier(model, name="peer", scaling=UNIT)
    count = theirs["heatmap"].size
    segments = np.arange(count, dtype=np.int32).reshape(make.SIZE)
    *_, found = curves(
        classifier, theirs["pixels"], make.CLASS, {"map": theirs["heatmap"].ravel()}, segments,
        fill="black", steps=make.STEPS, random_runs=1,
    )  # fmt: skip
    for kind in ("deletion", "insertion"):
        curve = found.of(kind)["map"]
        apart = np.abs(curve.mean - theirs[kind]).max()
        held("Deletion and insertion curves", "xplique 1.3.3", apart, 1e-5)
        held(
            "Areas under both curves",
            "xplique 1.3.3",
            abs(curve.area - theirs[f"{kind}_area"]),
            1e-5,
        )
