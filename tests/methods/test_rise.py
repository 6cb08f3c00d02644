"""RISE: masks made one by one, a network that adds up, and xplique under the same masks."""

import dataclasses
import time

import numpy as np
import pytest
import scipy

from explainers import Classifier, Rise, Target
from explainers.methods.rise import MaskedAnswers, Masks
from tests.conftest import Hold
from tests.methods.peers import hiding

SHAPE = (20, 27)


@pytest.fixture(scope="module")
def masks() -> Masks:
    """Of a picture that cells do not fit."""
    return Masks.draw(60, 4, 0.4, SHAPE, seed=2)


def test_a_mask_is_the_grid_enlarged_and_shifted(masks: Masks, held: Hold) -> None:
    """By SciPy: 5 x 5 pixels a cell down, 7 across, room for one cell more than the picture has."""
    enlarged = masks.enlarged()
    assert enlarged.shape == (60, *SHAPE)
    assert enlarged.min() >= 0
    assert enlarged.max() <= 1
    assert masks.shifts.max(axis=0).tolist() == [4, 6]
    differences = []
    for grid, (down, right), mask in zip(masks.grids, masks.shifts, enlarged, strict=True):
        rows, columns = (
            (np.arange(start, start + side) + 0.5) * 4 / (5 * cell) - 0.5
            for start, side, cell in zip((down, right), SHAPE, (5, 7), strict=True)
        )
        places = np.meshgrid(rows, columns, indexing="ij")
        expected = scipy.ndimage.map_coordinates(
            grid.astype(float), places, order=1, mode="nearest"
        )
        differences.append(np.abs(mask - expected).max())
    held("RISE's masks", "SciPy's map_coordinates", max(differences), 1e-6)


def test_the_total_of_masks_is_their_total(masks: Masks) -> None:
    weights = np.random.default_rng(1).normal(size=60)
    expected = np.tensordot(weights, masks.enlarged(), axes=1)
    np.testing.assert_allclose(masks.total(weights), expected, atol=1e-5)


def test_masks_show_their_share_of_every_place() -> None:
    many = Masks.draw(4000, 5, 0.3, SHAPE, seed=0)
    seen = many.total(np.ones(4000)) / 4000
    np.testing.assert_allclose(seen, 0.3, atol=0.04)


def observed(masks: Masks, second: np.ndarray) -> MaskedAnswers:
    """As if a network of two classes had said the second with these probabilities."""
    return MaskedAnswers(
        classifier="told", classes=(1,), done=len(second), total=len(second), masks=masks,
        probabilities=np.stack([1 - second, second], axis=1),
    )  # fmt: skip


def test_the_map_is_the_mean_while_a_place_is_seen(masks: Masks, held: Hold) -> None:
    told = np.random.default_rng(3).uniform(size=60)
    asked, enlarged = observed(masks, told), masks.enlarged()
    mean = np.tensordot(told, enlarged, axes=1) / enlarged.sum(axis=0)
    signed = Rise().interpret(asked, Target(1))
    plain = Rise(against="nothing").interpret(asked, Target(1))
    assert signed.signed
    assert not plain.signed
    differences = (
        np.abs(signed.heatmap - (mean - told.mean())).max(),
        np.abs(plain.heatmap - mean).max(),
    )
    held("RISE", "the weighted mean of masks made one by one", max(differences), 1e-5)


def test_what_is_seen_for_a_class_is_seen_against_the_other(masks: Masks) -> None:
    asked = observed(masks, np.random.default_rng(3).uniform(size=60))
    yes, no, either = (
        Rise().interpret(asked, target).heatmap
        for target in (Target(1), Target(0), Target(1, rather_than=0))
    )
    np.testing.assert_allclose(no, -yes, atol=1e-6)
    np.testing.assert_allclose(either, yes - no, atol=1e-6)


def test_the_one_place_that_matters_is_the_hottest() -> None:
    many = Masks.draw(1500, 4, 0.5, SHAPE, seed=1)
    told = 0.1 + 0.8 * many.enlarged()[:, 5, 20]
    heatmap = Rise().interpret(observed(many, told), Target(1)).heatmap
    row, column = np.unravel_index(heatmap.argmax(), SHAPE)
    assert abs(row - 5) <= 2
    assert abs(column - 20) <= 3
    assert abs(np.median(heatmap)) < heatmap.max() / 10


def test_a_network_that_does_not_care_leaves_a_blank_and_a_reason(masks: Masks) -> None:
    still = Rise().interpret(observed(masks, np.full(60, 0.77123, np.float32)), Target(1))
    assert still.blank_reason == "The probability stayed exactly the same, whatever was hidden."
    plain = Rise(against="nothing").interpret(observed(masks, np.full(60, 0.7)), Target(1))
    assert "says the same everywhere" in str(plain.blank_reason)


def test_thousands_of_masks_are_read_while_one_looks() -> None:
    """At every update of the screen; the masks themselves would be 800 MB."""
    many = Masks.draw(4000, 7, 0.5, (224, 224), seed=0)
    asked = observed(many, np.random.default_rng(0).uniform(size=4000))
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        Rise().interpret(asked, Target(1))
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.1


def test_the_reading_asks_nothing_anew() -> None:
    assert Rise(against="nothing").observer == Rise()
    assert dataclasses.replace(Rise(), share=0.4).observer != Rise()


@pytest.fixture(scope="module")
def peers() -> dict[str, np.ndarray]:
    return dict(np.load(hiding.FIGURES))


def test_the_same_masks_give_the_map_of_xplique(
    peers: dict[str, np.ndarray], lite0: Classifier, cat: np.ndarray, held: Hold
) -> None:
    """Of the bundled network one pixel in eight each way. Differences are of a map's own range."""
    for name, explainer, network, pixels, index, step, at_most in (
        ("rise", hiding.RISE, hiding.classifier(peers), hiding.picture(), hiding.FIRST, 1, 1e-3),
        ("lite0_rise", hiding.RISE_LITE0, lite0, cat, hiding.CAT, 8, 1e-3),
    ):
        plain = dataclasses.replace(explainer, against="nothing")
        ours = plain.explain(network, pixels, index).heatmap[::step, ::step]
        difference = np.abs(ours - peers[name]).max() / np.ptp(ours)
        held("RISE", "xplique 2.0.2 under the same masks, relative", difference, at_most)
        assert np.corrcoef(ours.ravel(), peers[name].ravel())[0, 1] > 0.9999
