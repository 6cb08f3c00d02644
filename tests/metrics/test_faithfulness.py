"""Deletion and insertion, on a model whose best and worst orders are known."""

from itertools import permutations

import numpy as np
import pytest

from explainers import Classifier
from explainers.classifiers.scaling import UNIT
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, Curve, beats, cells, curves
from tests.metrics.conftest import EFFECTS, SEGMENTS
from tests.metrics.peers import make


def _all(classifier: Classifier, pixels: np.ndarray, maps: dict, **settings) -> dict:
    found = curves(classifier, pixels, 0, maps, SEGMENTS, fill="black", steps=6, **settings)
    return {(curve.name, curve.kind): curve for curve in found}


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
        assert random.spread == pytest.approx(random.areas.std())
        assert beats(found["true", kind], random)
        assert not beats(found["reverse", kind], random)
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
    found = list(curves(additive, white, 0, {"true": EFFECTS}, SEGMENTS, steps=2, fill="black"))
    np.testing.assert_allclose(found[0].shares, [0, 0.5, 1])


def test_cells_are_numbered_row_by_row() -> None:
    found = cells((28, 42))
    assert found.max() == 195
    assert (found[2:4, 3:6] == 15).all()
    small = cells((8, 20))
    assert np.unique(small).tolist() == list(range(8 * 14))


def test_areas_are_those_of_trapezoids() -> None:
    curve = Curve(
        "x", "deletion", np.array([0, 0.5, 1]), np.array([[1, 0.5, 0]], np.float32), np.arange(2)
    )
    assert curve.area == pytest.approx(0.5)
    np.testing.assert_allclose(curve.mean, [1, 0.5, 0])


def test_deletion_and_insertion_are_those_of_xplique() -> None:
    """The same map, steps and fill, each pixel a unit: only the rounding of float32 differs."""
    theirs = np.load(make.FIGURES)
    model = make.network()
    model.set_weights([theirs[f"weight_{number}"] for number in range(len(model.weights))])
    classifier = Classifier(model, name="peer", scaling=UNIT)
    count = theirs["heatmap"].size
    segments = np.arange(count, dtype=np.int32).reshape(make.SIZE)
    found = curves(
        classifier, theirs["pixels"], make.CLASS, {"map": theirs["heatmap"].ravel()}, segments,
        fill="black", steps=make.STEPS, random_runs=1,
    )  # fmt: skip
    ours = {curve.kind: curve for curve in found if curve.name == "map"}
    for kind, curve in ours.items():
        np.testing.assert_allclose(curve.mean, theirs[kind], atol=1e-5)
        assert curve.area == pytest.approx(float(theirs[f"{kind}_area"]), abs=1e-5)
