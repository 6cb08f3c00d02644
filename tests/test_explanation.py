"""A heatmap at other resolutions: unchanged, averaged by area, or interpolated."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import block_reduce

from explainers import Explanation, GradCam, LimeSuperpixels, Target
from explainers.explanation import Surrogate, resample

RANDOM = np.random.default_rng(0)


def explanation(heatmap: np.ndarray, **facts: object) -> Explanation:
    return Explanation(GradCam(), "none", Target(0), heatmap, **facts)  # type: ignore[arg-type]


def test_a_map_of_that_size_comes_back_bit_for_bit() -> None:
    heatmap = RANDOM.random((14, 14), np.float32)
    np.testing.assert_array_equal(explanation(heatmap).grid(14), heatmap)


def test_a_finer_map_is_averaged_by_area() -> None:
    heatmap = RANDOM.random((224, 28), np.float32)
    expected = block_reduce(heatmap, (16, 2), np.mean)
    np.testing.assert_allclose(explanation(heatmap).grid(14), expected, rtol=1e-5)


def test_areas_that_do_not_divide_are_shared() -> None:
    np.testing.assert_allclose(
        resample(np.array([[1.0, 2.0, 4.0]]), (1, 2)), [[(1 + 2 / 2) / 1.5, (2 / 2 + 4) / 1.5]]
    )
    heatmap = RANDOM.random((260, 37))
    assert resample(heatmap, (14, 14)).mean() == pytest.approx(heatmap.mean())


def test_a_coarser_map_is_interpolated_between_the_centres_of_its_cells() -> None:
    heatmap = RANDOM.random((7, 9), np.float32)
    shape = (20, 31)
    rows, columns = (
        (np.arange(size) + 0.5) * own / size - 0.5
        for size, own in zip(shape, heatmap.shape, strict=True)
    )
    at = np.meshgrid(rows, columns, indexing="ij")
    expected = ndimage.map_coordinates(heatmap, at, order=1, mode="nearest")
    np.testing.assert_allclose(explanation(heatmap).resized(shape), expected, atol=1e-6)


def test_superpixels_keep_their_edges() -> None:
    segments = np.array([[0, 0, 1], [2, 2, 1]], np.int32)
    coefficients = np.array([0.5, -0.25, 0.0])
    lime = Explanation(
        LimeSuperpixels(),
        "none",
        Target(0),
        coefficients[segments].astype(np.float32),
        signed=True,
        surrogate=Surrogate(segments, coefficients, 0.1, 0.9, 0.4, 0.5),
    )
    larger = lime.resized((8, 9))
    assert set(np.unique(larger)) == {-0.25, 0.0, 0.5}
    np.testing.assert_array_equal(larger[:4, :6], 0.5)
    np.testing.assert_array_equal(larger[:, 6:], -0.25)
    np.testing.assert_array_equal(lime.normalised(), lime.heatmap * 2)
    assert (lime.r2, lime.progress) == (0.9, 1.0)


def test_zero_stays_zero_when_a_map_is_scaled() -> None:
    heatmap = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)
    np.testing.assert_array_equal(explanation(heatmap).normalised(), heatmap / 4)
    blank = explanation(np.zeros((3, 3), np.float32))
    np.testing.assert_array_equal(blank.normalised(), 0)
    assert blank.blank_reason == "It is zero everywhere."


def test_a_map_that_is_the_same_everywhere_says_so() -> None:
    said = "This map says the same everywhere, so it points to no place."
    for value in (0.7, -0.2):
        flat = np.full((9, 9), value, np.float32)
        assert explanation(flat, signed=True).blank_reason == said
        rounded = flat * (1 + np.float32(1e-7) * RANDOM.standard_normal((9, 9), np.float32))
        assert explanation(rounded, signed=True).blank_reason == said
    assert explanation(np.full((1, 1), 3, np.float32)).blank_reason == said
    faint = np.full((9, 9), 0.7, np.float32)
    faint[4, 4] = 0.70001
    assert explanation(faint).blank_reason is None
