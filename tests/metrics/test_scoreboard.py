"""The scoreboard: figures as the tests found them, and an order only where chance allows one."""

from dataclasses import replace

import numpy as np
import pytest

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency
from explainers.images.superpixels import Slic
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import (
    RANDOM,
    Curve,
    Kind,
    Tested,
    beaten,
    cells,
    curves,
    strengths_of,
)
from explainers.metrics.randomisation import Randomisation, Spread, Stage
from explainers.metrics.scoreboard import (
    ONCE_IN,
    Findings,
    Score,
    least_difference,
    scores,
    standing,
)
from explainers.metrics.stability import ask_again
from tests.conftest import Hold
from tests.metrics.conftest import table

METHODS = (
    GradCam(),
    Saliency(samples=4),
    LimeSuperpixels(segmentation=Slic(n_segments=12), samples=60),
)
PIECES = np.arange(10, dtype=np.int32).reshape(2, 5)


def curve(name: str, kind: Kind, *areas: float) -> Curve:
    """A flat curve: its area is its height."""
    return Curve(name, kind, np.array([0.0, 1.0]), np.array([[each] * 2 for each in areas]), PIECES)


def outcome(*found: Curve, total: int = 1) -> Findings:
    """What a test has found that has followed one order of so many."""
    return Findings(Tested(found, 1, total))


def test_maps_are_told_apart_by_more_than_any_two_random_orders_differ() -> None:
    """By hand: random areas from 0.4 to 0.6, so maps must differ by more than 0.2."""
    chance = (0.4, 0.5, 0.6)
    deletion = [
        curve(name, "deletion", area)
        for name, area in (("a", 0.1), ("b", 0.25), ("c", 0.35), ("d", 0.8), (BLOB, 0.2))
    ]
    insertion = [curve(each.name, "insertion", each.area) for each in deletion]
    found = outcome(
        *deletion, curve(RANDOM, "deletion", *chance),
        *insertion, curve(RANDOM, "insertion", *chance),
    )  # fmt: skip
    lowest, highest = standing(found, "deletion"), standing(found, "insertion")
    assert lowest is not None
    assert highest is not None
    assert (lowest.best, lowest.area, lowest.close) == ("a", 0.1, ("b",))
    assert (highest.best, highest.area, highest.close) == ("d", 0.8, ())
    assert lowest.least == highest.least == pytest.approx(0.2)
    assert (lowest.apart, lowest.pairs) == (4, 6)  # a and c, and d and each other one
    assert lowest.lead == pytest.approx(0.1)
    assert highest.lead == pytest.approx(0.6)


def test_a_blob_that_does_better_leads() -> None:
    found = outcome(curve("a", "deletion", 0.3), curve(BLOB, "deletion", 0.2),
                   curve(RANDOM, "deletion", 0.5, 0.6))  # fmt: skip
    alone = standing(found, "deletion")
    assert alone is not None
    assert alone.lead == pytest.approx(-0.1)
    assert (alone.close, alone.apart, alone.pairs) == ((), 0, 0)
    assert least_difference(curve(RANDOM, "deletion", 0.5)) == np.inf


def test_nothing_is_said_before_all_random_orders_are_followed() -> None:
    orders = [curve(name, "deletion", 0.1) for name in ("a", BLOB, RANDOM)]
    assert standing(outcome(*orders, total=2), "deletion") is None
    assert outcome(*orders, total=2).random_orders == 0
    assert standing(Findings(), "insertion") is None


def test_two_orders_that_know_nothing_are_seldom_told_apart(held: Hold) -> None:
    trials, apart = 500, 0
    flat = {"one": np.zeros(10), "other": np.zeros(10)}
    grey = np.full((2, 5, 3), 128, np.float32)
    for trial in range(trials):
        *_, found = curves(
            table(10, 2, seed=trial), grey, 0, flat, PIECES, fill="black", steps=5,
            kinds=("deletion",), seed=trial,
        )  # fmt: skip
        told = standing(Findings(found), "deletion")
        assert told is not None
        apart += told.apart
    held(
        "How often two maps that know nothing are told apart",
        "at most 1 in 20, 500 pairs of random orders beside 19",
        apart / trials,
        1 / ONCE_IN,
    )
    assert apart


def test_a_row_holds_what_the_tests_have_found(smooth: Classifier, pixels: np.ndarray) -> None:
    maps = [each.explain(smooth, pixels, 1) for each in METHODS]
    segments = cells(smooth.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in maps}
    *_, areas = curves(smooth, pixels, 1, strengths, segments, steps=5)
    *_, noise = ask_again(maps[2], smooth, pixels, "noise", times=3)
    *_, seed = ask_again(maps[2], smooth, pixels, "seed", times=2)
    title = METHODS[2].title
    found = Findings(areas, {(title, "noise"): noise, (title, "seed"): seed})
    cam, saliency, lime, blob, random = scores(maps, smooth, found)
    assert [row.name for row in (cam, saliency, lime, blob, random)] == [
        *(each.title for each in METHODS), BLOB, RANDOM,
    ]  # fmt: skip
    for row in (cam, saliency, lime, blob):
        for kind, area, count in (
            ("deletion", row.deletion, row.deletion_beaten),
            ("insertion", row.insertion, row.insertion_beaten),
        ):
            by_name = areas.of(kind)
            assert area == by_name[row.name].area
            assert count == beaten(by_name[row.name], by_name[RANDOM])
    assert random == Score(
        RANDOM, deletion=areas.of("deletion")[RANDOM].area,
        insertion=areas.of("insertion")[RANDOM].area,
    )  # fmt: skip
    assert lime.noise == Spread.of(noise.correlations)
    assert lime.noise is not None
    assert lime.noise.count == 3
    assert lime.seed == Spread.of(seed.correlations)
    assert (cam.noise, cam.seed, cam.forgotten, cam.stayed) == (None,) * 4
    assert (cam.places, saliency.places) == (maps[0].heatmap.size, 24 * 32)
    assert lime.places == maps[2].segments.max() + 1  # superpixels, not pixels
    assert (cam.passes, saliency.passes, lime.passes) == (3, 12, 60)
    assert cam.seconds == maps[0].seconds
    asked = replace(noise, done=noise.done - 1)
    assert Findings(repeats={(title, "noise"): asked}).again(title, "noise") is None


def test_what_copies_forgot_counts_when_all_are_there(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    """By hand: one copy keeps the map, the other reverses it; other pictures reverse it too."""
    original = Saliency(samples=4).explain(smooth, pixels, 1)
    reverse = replace(original, heatmap=original.heatmap.max() - original.heatmap)
    title = original.explainer.title
    stage = Stage(1.0, "early", (0.5, 0.5), {title: (original, reverse)})
    broken = Randomisation({title: original}, {title: (reverse,) * 3}, (stage,), 2, 5, 5)
    row, *_ = scores([original], smooth, Findings(broken=broken))
    assert row.forgotten is not None
    assert (row.forgotten.lowest, row.forgotten.highest) == pytest.approx((-1, 1))
    assert row.stayed == 2
    partly = replace(broken, copies=3)
    row, *_ = scores([original], smooth, Findings(broken=partly))
    assert (row.forgotten, row.stayed) == (None, None)
    assert Findings(broken=broken).forgotten("another method") is None
