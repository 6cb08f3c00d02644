"""A picture of a survey, small, under its map."""

import numpy as np
from PIL import Image

from explainers.explanation import resample
from explainers.images.colouring import Style, overlay

SIDE = 240
"""Of a tile's longer side, in pixels."""


def tile(image: np.ndarray, matrix: np.ndarray | None, style: Style, *, signed: bool) -> np.ndarray:
    """A small picture under its map, on the map's own scale."""
    share = SIDE / max(image.shape[:2])
    height, width = (max(1, round(side * share)) for side in image.shape[:2])
    small = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
    if matrix is None:
        return small
    scale = float(np.abs(matrix).max()) or 1.0
    return overlay(small, resample(matrix / scale, (height, width)), style, signed=signed)
