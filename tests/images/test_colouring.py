"""Colours of values, and maps blended over pictures, worked out by hand."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from explainers.images.colouring import (
    COLOUR_MAPS,
    Style,
    coloured,
    encode,
    outline_layer,
    overlay,
    with_outlines,
)

GREY = np.full((300, 2, 3), 100, np.uint8)


def test_a_fading_map_leaves_cold_regions_bare_and_colours_hot_ones() -> None:
    values = np.zeros((300, 2), np.float32)
    values[:, 1] = 1
    blended = overlay(GREY, values, Style("viridis", 0.8, fading=True), signed=False)
    np.testing.assert_array_equal(blended[:, 0], 100)
    hottest = np.array(matplotlib.colormaps["viridis"](1.0)[:3]) * 255
    np.testing.assert_allclose(blended[:, 1], np.tile(0.2 * 100 + 0.8 * hottest, (300, 1)), atol=1)


def test_jet_at_two_fifths_is_the_same_everywhere() -> None:
    values = np.tile(np.linspace(0, 1, 2, dtype=np.float32), (300, 1))
    blended = overlay(GREY, values, Style("jet", 0.4, fading=False), signed=False)
    for column, value in enumerate((0.0, 1.0)):
        colour = np.array(matplotlib.colormaps["jet"](value)[:3]) * 255
        np.testing.assert_allclose(blended[0, column], 0.6 * 100 + 0.4 * colour, atol=1)


def test_a_signed_map_is_red_for_blue_against_and_clear_at_zero() -> None:
    values = np.tile(np.array([-1.0, 1.0], np.float32), (300, 1))
    against, towards = overlay(GREY, values, Style(), signed=True)[0].astype(int)
    assert towards[0] > towards[2] + 50
    assert against[2] > against[0] + 50
    still = overlay(GREY, np.zeros((300, 2), np.float32), Style(), signed=True)
    np.testing.assert_allclose(still, GREY, atol=1)


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_every_colour_map_has_a_colour_for_every_value(colour_map: str) -> None:
    steps = np.linspace(0, 1, 256, dtype=np.float32)[None]
    expected = matplotlib.colormaps[colour_map](np.linspace(0, 1, 256))[None, :, :3] * 255
    np.testing.assert_allclose(coloured(steps, Style(colour_map), signed=False), expected, atol=1)


def test_outlines_run_where_superpixels_meet() -> None:
    segments = np.array([[0, 1], [0, 1]], np.int32)
    layer = outline_layer(segments, (10, 20))
    assert layer.shape == (10, 20, 4)
    columns = np.flatnonzero(layer[..., 3].any(axis=0))
    assert set(columns) <= {9, 10}
    assert len(columns) >= 1
    drawn = with_outlines(np.zeros((10, 20, 3), np.uint8), segments)
    assert drawn[:, columns].min() > 100
    assert drawn[:, 0].max() == 0


def test_files_hold_what_they_were_given() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode(image, "PNG")))), image)
    assert Image.open(io.BytesIO(encode(image, "JPEG"))).size == (9, 8)
