"""Where a map points, and what the probability makes of that place being hidden."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from explainers.explanation import Explanation
from explainers.images import regions

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

CELLS = 14
SHARE = 0.1
TOGETHER = 0.8
TRIES = 19
"""If a place does not matter, all of 19 random ones fall short of it once in 20 times."""


@dataclass(frozen=True)
class Place:
    """The hottest cells of a map.

    Parameters
    ----------
    centre : tuple of float
        Row and column of their centre of mass, in cells of the 14 x 14 grid.
    rows, columns : tuple of int
        The first and the last row, and column, that any of them lies in.
    count : int
        How many they are: the hottest share, and what ties with its last.
    together : float
        How much of their heat lies in the largest group of neighbours, in 0..1.
    """

    centre: tuple[float, float]
    rows: tuple[int, int]
    columns: tuple[int, int]
    count: int
    together: float

    @property
    def scattered(self) -> bool:
        """Whether the cells lie in several places: their centre would point to none of them."""
        return self.together < TOGETHER


def place(explanation: Explanation, share: float = SHARE) -> Place | None:
    """Where a map points: its hottest cells.

    None for a map without positive values, or one that is the same everywhere.

    Parameters
    ----------
    explanation : Explanation
    share : float
        How many of the 196 cells count as the hottest, in 0..1.
    """
    if explanation.blank_reason:
        return None
    grid = explanation.grid(CELLS)
    hot = regions.hottest(grid, share)
    if not hot.any():
        return None
    weights = np.where(hot, grid, 0.0)
    rows, columns = np.nonzero(hot)
    down, across = (weights.sum(axis=axis) / weights.sum() for axis in (1, 0))
    numbers = np.arange(CELLS)
    groups, count = scipy.ndimage.label(hot, np.ones((3, 3)))
    heat = scipy.ndimage.sum_labels(weights, groups, np.arange(1, count + 1))
    return Place(
        (float(down @ numbers), float(across @ numbers)),
        (int(rows.min()), int(rows.max())),
        (int(columns.min()), int(columns.max())),
        int(hot.sum()),
        float(heat.max() / heat.sum()),
    )


@dataclass(frozen=True, eq=False)
class Hiding:
    """What hiding the hottest part of a map does, and hiding as much at random places.

    Parameters
    ----------
    region : (h, w) bool ndarray
        What was hidden; nothing where a map points nowhere.
    before, after : float
        The probability of the target's class, in 0..1. The lower it falls, the more of what
        matters the map has found.
    elsewhere : (n,) float32 ndarray
        The same after hiding the region at each of n random places instead.
    """

    region: np.ndarray
    before: float
    after: float
    elsewhere: np.ndarray

    @property
    def share(self) -> float:
        """The region's share of the area; superpixels are hidden whole, so it can be larger."""
        return float(self.region.mean())

    @property
    def matched(self) -> int:
        """How many of the random places leave as little as the hottest part does, or less."""
        return int((self.elsewhere <= self.after).sum())

    @property
    def luck(self) -> float:
        """How often, at most, none of them does if the place does not matter: 1 / (n + 1)."""
        return 1 / (len(self.elsewhere) + 1)


def hide_hottest(
    classifier: "Classifier",
    pixels: np.ndarray,
    explanation: Explanation,
    *,
    share: float = SHARE,
    fill: str = "blur",
    tries: int = TRIES,
    seed: int = 0,
) -> Hiding:
    """Hide the hottest part of a map and ask again; then the same part at random places.

    The random places are what chance is for this map. The part is moved as it is, by any number of
    rows and columns, and what leaves the picture on one side comes back on the other: its area and
    its shape stay, and only its place is drawn. Scattered cells of the same area are no match for
    it, since many small holes hurt otherwise than one large one. If the place does not matter, the
    hottest part is one draw more of the same kind, so that none of n random ones leaves as little
    at most once in n + 1 times.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    explanation : Explanation
        Of this decision; the class followed is its target's.
    share : float
        Of the area, in 0..1.
    fill : str
        What is seen instead; one of `FILLS`.
    tries : int
        How many random places.
    seed : int
        Of the random places.
    """
    shape = pixels.shape[0], pixels.shape[1]
    region = np.zeros(shape, bool)
    if not explanation.blank_reason:
        region = regions.hottest(explanation.resized(shape), share)
    moves = np.random.default_rng(seed).integers(0, shape, (tries, 2))
    hidden = np.stack([region, *(np.roll(region, move, (0, 1)) for move in moves)])
    filled = regions.fill_picture(pixels, fill, explanation.segments)
    pictures = np.where(hidden[..., None], filled, pixels)
    answers = classifier.probabilities(np.concatenate([pixels[None], pictures]))
    before, after, *elsewhere = answers[:, explanation.target.index]
    return Hiding(region, float(before), float(after), np.array(elsewhere))
