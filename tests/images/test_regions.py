"""Regions are where they are said to be, and what hides them is what it is called."""

import numpy as np
import pytest

from explainers.images.regions import (
    REGION_FILLS,
    as_boxes,
    box,
    cell,
    hide,
    hottest,
    lasso,
    of_boxes,
    resized,
    seen_through,
)

SHAPE = (28, 42)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (*SHAPE, 3)).astype(np.float32)


def test_cells_tile_the_picture() -> None:
    cells = [cell(SHAPE, row, column) for row in range(14) for column in range(14)]
    np.testing.assert_array_equal(np.sum(cells, axis=0), 1)
    assert cell(SHAPE, 1, 2)[2:4, 6:9].all()


def test_a_box_holds_the_pixels_whose_centres_it_holds_in_either_order() -> None:
    found = box(SHAPE, (2.5, 4.5), (0.5, 1.5))
    expected = np.zeros(SHAPE, bool)
    expected[2:4, 9:15] = True
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(box(SHAPE, (4.5, 2.5), (1.5, 0.5)), found)


def test_a_lasso_around_a_box_is_that_box() -> None:
    xs, ys = [2.5, 4.5, 4.5, 2.5], [0.5, 0.5, 1.5, 1.5]
    np.testing.assert_array_equal(lasso(SHAPE, xs, ys), box(SHAPE, (2.5, 4.5), (0.5, 1.5)))
    assert not lasso(SHAPE, [1, 2], [1, 2]).any()


def test_the_hottest_part_is_as_large_as_asked_and_never_cold() -> None:
    heatmap = np.arange(100, dtype=np.float32).reshape(10, 10)
    assert hottest(heatmap, 0.1).sum() == 10
    assert hottest(heatmap, 0.1)[9].all()
    assert hottest(heatmap - 98, 0.5).sum() == 1
    assert not hottest(np.zeros((5, 5)), 0.2).any()
    assert not hottest(np.ones((5, 5)), 0.2).any()


def test_a_region_is_the_same_at_another_resolution() -> None:
    region = box(SHAPE, (2.5, 4.5), (0.5, 1.5))
    assert resized(region, (280, 420)).mean() == pytest.approx(region.mean())
    np.testing.assert_array_equal(resized(resized(region, (56, 84)), SHAPE), region)


@pytest.mark.parametrize("fill", REGION_FILLS)
def test_only_the_region_changes(fill: str, pixels: np.ndarray) -> None:
    region, before = box(SHAPE, (3, 8), (4, 9)), pixels.copy()
    hidden = hide(pixels, region, fill)
    np.testing.assert_array_equal(pixels, before)
    np.testing.assert_array_equal(hidden[~region], pixels[~region])
    assert (hidden[region] != pixels[region]).any()
    assert hidden.dtype == np.float32
    assert hidden.min() >= 0
    assert hidden.max() <= 255
    np.testing.assert_array_equal(hide(pixels, np.zeros(SHAPE, bool), fill), pixels)
    assert np.isfinite(hide(pixels, np.ones(SHAPE, bool), fill)).all()


def test_fills_are_what_they_are_called(pixels: np.ndarray) -> None:
    region = box(SHAPE, (3, 8), (4, 9))
    for fill, value in (
        ("black", 0),
        ("white", 255),
        ("grey", 127.5),
        ("picture mean", pixels.mean(axis=(0, 1))),
        ("region mean", pixels[region].mean(axis=0)),
    ):
        expected = np.broadcast_to(value, pixels[region].shape)
        np.testing.assert_allclose(hide(pixels, region, fill)[region], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="not with 'pink'"):
        hide(pixels, region, "pink")


def test_inpainting_continues_a_slope_exactly() -> None:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    slope = np.stack([3.0 * rows, 2.0 * columns, rows + columns], axis=-1).astype(np.float32)
    region = box(SHAPE, (3, 8), (4, 9))
    np.testing.assert_allclose(hide(slope, region, "inpainting"), slope, atol=1e-3)


def test_through_a_mask_the_filling_is_seen_where_it_is_closed(pixels: np.ndarray) -> None:
    filled = np.full_like(pixels, 90)
    masks = np.stack([np.ones(pixels.shape[:2]), np.zeros(pixels.shape[:2]), np.full(SHAPE, 0.25)])
    whole, nothing, quarter = seen_through(pixels, filled, masks)
    np.testing.assert_allclose(whole, pixels, atol=1e-4)
    np.testing.assert_array_equal(nothing, filled)
    np.testing.assert_allclose(quarter, 0.25 * pixels + 0.75 * filled, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_a_region_is_the_boxes_that_it_is_made_of(seed: int) -> None:
    random = np.random.default_rng(seed)
    region = np.kron(random.random((6, 7)) < 0.6, np.ones((3, 2), bool))
    region[4, :3] = ~region[4, :3]
    boxes = as_boxes(region)
    assert boxes == sorted(boxes)
    assert np.array_equal(of_boxes(region.shape, boxes), region)
    areas = [(end - top) * (right - left) for top, end, left, right in boxes]
    assert sum(areas) == region.sum()  # so that no two share a pixel


def test_a_box_is_one_box_and_nothing_is_none() -> None:
    assert as_boxes(box((24, 32), (2, 6), (3, 8))) == [(6, 15, 6, 15)]
    assert as_boxes(np.zeros((5, 5), bool)) == []
    assert as_boxes(np.ones((5, 7), bool)) == [(0, 5, 0, 7)]
