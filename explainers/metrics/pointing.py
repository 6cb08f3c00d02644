"""Where a map points, and what the probability makes of that place being hidden."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from explainers.explanation import Explanation
from explainers.images import regions

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

CELLS = 14
SHARE = 0.1
TOGETHER = 0.8


@dataclass(frozen=True)
class Place:
    """The hottest cells of a map.

    Parameters
    ----------
    centre : tuple of float
        Row and column of their centre of mass, in cells of the 14 x 14 grid.
    rows, columns : tuple of int
        The first and the last row, and column, that any of them lies in.
    share : float
        How many of all cells they are, in 0..1: superpixels are taken whole.
    together : float
        How much of their heat lies in the largest group of neighbours, in 0..1.
    """

    centre: tuple[float, float]
    rows: tuple[int, int]
    columns: tuple[int, int]
    share: float
    together: float

    @property
    def scattered(self) -> bool:
        """Whether the cells lie in several places: their centre would point to none of them."""
        return self.together < TOGETHER


def place(explanation: Explanation, share: float = SHARE) -> Place | None:
    """Where a map points: its hottest cells; None for a map without positive values.

    Parameters
    ----------
    explanation : Explanation
    share : float
        How many of the 196 cells count as the hottest, in 0..1.
    """
    grid = explanation.grid(CELLS)
    hot = regions.hottest(grid, share)
    if not hot.any():
        return None
    weights = np.where(hot, grid, 0.0)
    rows, columns = np.nonzero(hot)
    down, across = (weights.sum(axis=axis) / weights.sum() for axis in (1, 0))
    numbers = np.arange(CELLS)
    groups, count = ndimage.label(hot, np.ones((3, 3)))
    heat = ndimage.sum_labels(weights, groups, np.arange(1, count + 1))
    return Place(
        (float(down @ numbers), float(across @ numbers)),
        (int(rows.min()), int(rows.max())),
        (int(columns.min()), int(columns.max())),
        float(hot.mean()),
        float(heat.max() / heat.sum()),
    )


@dataclass(frozen=True, eq=False)
class Hiding:
    """What hiding the hottest part of a map does.

    Parameters
    ----------
    region : (h, w) bool ndarray
        What was hidden.
    before, after : float
        The probability of the target's class, in 0..1. The lower it falls, the more of what
        matters the map has found.
    """

    region: np.ndarray
    before: float
    after: float

    @property
    def share(self) -> float:
        """The region's share of the area; superpixels are hidden whole, so it can be larger."""
        return float(self.region.mean())


def hide_hottest(
    classifier: "Classifier",
    pixels: np.ndarray,
    explanation: Explanation,
    *,
    share: float = SHARE,
    fill: str = "blur",
) -> Hiding:
    """Hide the hottest part of a map and ask again.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    explanation : Explanation
        Of this decision; the class followed is its target's.
    share : float
        Of the area, in 0..1.
    fill : str
        What is seen instead; one of `REGION_FILLS`.
    """
    region = regions.hottest(explanation.resized((pixels.shape[0], pixels.shape[1])), share)
    pictures = np.stack([pixels, regions.hide(pixels, region, fill)])
    before, after = classifier.probabilities(pictures)[:, explanation.target.index]
    return Hiding(region, float(before), float(after))
