"""Sheets of many small pictures."""

import numpy as np

from explainers.images.contact_sheet import GROUND, contact_sheet


def test_tiles_stand_in_rows_one_pixel_apart() -> None:
    tiles = np.stack([np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)])
    sheet = contact_sheet(tiles, 2)
    assert sheet.shape == (7, 9, 3)
    assert (sheet[1:3, 1:4] == 10).all()
    assert (sheet[1:3, 5:8] == 20).all()
    assert (sheet[4:6, 1:4] == 30).all()
    assert (sheet[4:6, 5:8] == GROUND).all()
    assert (sheet[0] == GROUND).all()


def test_small_tiles_keep_their_own_cells_and_large_ones_are_averaged() -> None:
    tile = np.array([[[0, 0, 0], [200, 200, 200]]], np.uint8)[None]
    large = contact_sheet(tile, 1, 8)
    assert large.shape == (6, 10, 3)
    assert set(np.unique(large[1:5, 1:9])) == {0, 200}
    small = contact_sheet(np.repeat(tile, 4, axis=2), 1, 2)
    assert small[1:-1, 1:-1].shape[1] == 2
