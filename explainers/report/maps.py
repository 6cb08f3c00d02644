"""An explanation as a picture: its map over what it explains, or alone, and its strongest cells."""

import numpy as np

from explainers.explanation import Explanation
from explainers.images.colouring import Style, coloured, overlay, with_outlines

HOTTEST = 0.9


def overlay_image(
    explanation: Explanation, image: np.ndarray, style: Style, limit: float | None = None
) -> np.ndarray:
    """The map over the picture, at the picture's own size.

    Parameters
    ----------
    explanation : Explanation
    image : (H, W, 3) uint8 ndarray
    style : Style
    limit : float, optional
        Where the colours end, an absolute raw value; at the map's own largest if None.

    Returns
    -------
    (H, W, 3) uint8 ndarray
    """
    values = _values(explanation, (image.shape[0], image.shape[1]), limit)
    blended = overlay(image, values, style, signed=explanation.signed)
    if explanation.segments is None:
        return blended
    return with_outlines(blended, explanation.segments)


def heatmap_image(
    explanation: Explanation, shape: tuple[int, int], style: Style, limit: float | None = None
) -> np.ndarray:
    """The same without the picture, ``(*shape, 3)`` uint8."""
    values = _values(explanation, shape, limit)
    return coloured(values, style, signed=explanation.signed)


def bold_from(*matrices: np.ndarray) -> float:
    """The absolute value from which a cell is among the strongest tenth; zero never is."""
    strengths = np.abs(matrices) if matrices else np.zeros(1)
    return max(float(np.quantile(strengths, HOTTEST)), float(np.finfo(np.float32).tiny))


def _values(explanation: Explanation, shape: tuple[int, int], limit: float | None) -> np.ndarray:
    return explanation.resized(shape) / (limit or explanation.scale or 1.0)
