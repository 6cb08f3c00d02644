"""Agreement of maps, by hand where it can be, and never a NaN."""

import numpy as np
import pytest
from scipy import stats

from explainers import Classifier, Explanation, GradCam, LimeSuperpixels, Saliency, Target
from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import (
    agree,
    agreements,
    centred_blob,
    consensus,
    correlation,
    disagreement,
    ranks,
)
from tests.conftest import Hold


@pytest.fixture
def grid() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(14, 14)).astype(np.float32)


def test_a_map_agrees_with_itself_and_with_any_monotone_rescaling(grid: np.ndarray) -> None:
    for other in (grid, np.exp(grid), 3 * grid - 7):
        found = agree(grid, other)
        assert found.correlation == pytest.approx(1)
        assert found.overlap == (1, 1)
    assert agree(grid, -grid).correlation == pytest.approx(-1)
    assert agree(grid, -grid).overlap == (0, 0)


def test_correlation_is_that_of_scipy(grid: np.ndarray, held: Hold) -> None:
    others = {
        "unlike": np.random.default_rng(1).normal(size=grid.shape),
        "many ties": np.round(grid),
        "almost all zero": np.maximum(grid - 2, 0),
        "a blob": centred_blob(),
    }
    differences = {
        name: abs(correlation(grid, other) - stats.spearmanr(grid, other, axis=None).statistic)
        for name, other in others.items()
    }
    held("Rank correlation of two maps", "SciPy's spearmanr", max(differences.values()), 1e-12)


def test_overlap_is_counted_by_hand() -> None:
    one, other = np.zeros((14, 14)), np.zeros((14, 14))
    one.ravel()[:20] = np.arange(20, 0, -1)
    other.ravel()[10:30] = np.arange(20, 0, -1)
    assert agree(one, other).overlap[0] == pytest.approx(10 / 30)


def test_zero_is_not_hot_where_a_map_is_zero_almost_everywhere() -> None:
    one, other = np.zeros((14, 14)), np.zeros((14, 14))
    one[0, :5], other[13, :5] = 1, 1
    assert agree(one, other).overlap == (0, 0)
    assert agree(one, one).overlap == (1, 1)


def test_flat_maps_agree_with_nothing(grid: np.ndarray) -> None:
    found = agree(np.zeros((14, 14)), grid)
    assert (found.correlation, found.overlap) == (0.0, (0.0, 0.0))


def _explanation(explainer, heatmap: np.ndarray) -> Explanation:
    return Explanation(explainer, "none", Target(0), heatmap, signed=True)


def test_pairs_and_the_blob(grid: np.ndarray) -> None:
    blob = centred_blob().astype(np.float32)
    maps = [_explanation(GradCam(), blob), _explanation(LimeSuperpixels(), grid)]
    found = agreements(maps)
    assert [each.names for each in found] == [
        ("Grad-CAM", "LIME superpixels"),
        ("Grad-CAM", "blob in the middle"),
        ("LIME superpixels", "blob in the middle"),
    ]
    assert found[1].correlation == pytest.approx(1)
    assert found[0].correlation == pytest.approx(found[2].correlation)


def test_zero_is_not_what_maps_of_different_pictures_get(
    lite0: Classifier, cat: np.ndarray
) -> None:
    coffee = lite0.prepare(SAMPLES["coffee"].read())
    of_cat = GradCam().explain(lite0, cat, 285).grid()
    of_coffee = Saliency(samples=8).explain(lite0, coffee, 967).grid()
    assert agree(of_cat, of_coffee).correlation > 0.4
    assert agree(of_cat, centred_blob()).correlation > 0.4


def test_where_all_agree_and_where_they_do_not(grid: np.ndarray) -> None:
    same = [_explanation(GradCam(), grid), _explanation(LimeSuperpixels(), 2 * grid)]
    np.testing.assert_allclose(consensus(same), ranks(same[0]), atol=1e-6)
    assert not disagreement(same).any()
    opposite = [same[0], _explanation(LimeSuperpixels(), -grid)]
    assert disagreement(opposite).max() == 1
    assert consensus(opposite).max() <= 0.5 + 1e-6
