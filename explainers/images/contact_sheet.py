"""Many small pictures on one sheet."""

import numpy as np
from PIL import Image

GROUND = (128, 131, 142)


def contact_sheet(tiles: np.ndarray, columns: int, side: int | None = None) -> np.ndarray:
    """Tiles in rows, one pixel apart.

    Parameters
    ----------
    tiles : (n, h, w, 3) uint8 ndarray
    columns : int
        How many stand in a row.
    side : int, optional
        The longer side of a tile on the sheet, in pixels; as it is if None. Small tiles are
        enlarged without smoothing, so that their own resolution shows.

    Returns
    -------
    (H, W, 3) uint8 ndarray
    """
    count, height, width = tiles.shape[:3]
    if side is not None:
        share = side / max(height, width)
        height, width = max(1, round(height * share)), max(1, round(width * share))
    kind = Image.Resampling.NEAREST if height >= tiles.shape[1] else Image.Resampling.BOX
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * (width + 1) + 1, rows * (height + 1) + 1), GROUND)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        small = Image.fromarray(tile).resize((width, height), kind)
        sheet.paste(small, (1 + column * (width + 1), 1 + row * (height + 1)))
    return np.asarray(sheet)
