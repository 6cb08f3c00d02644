"""How far explanations agree: free, from maps that are there already.

Agreement is not correctness: methods that share an error agree on it. Nor is 0 what maps without
anything in common get: pictures have their subject in the middle, and so most maps are hot there.
Hold a figure against what the maps get with a blob in the middle, which knows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from explainers.explanation import Explanation

CELLS = 14
SHARES = (0.10, 0.25)
BLOB = "blob in the middle"


@dataclass(frozen=True)
class Agreement:
    """How far two maps agree on the common grid.

    Parameters
    ----------
    names : tuple of str
        The two.
    correlation : float
        Spearman's rank correlation of the cells, in -1..1; higher is more alike. 0 where a map is
        flat and so ranks nothing.
    overlap : tuple of float
        For each of `SHARES`, the hottest cells that both maps have over those that either has, in
        0..1; higher is more alike.
    """

    names: tuple[str, str]
    correlation: float
    overlap: tuple[float, ...]


def agree(one: np.ndarray, other: np.ndarray, names: tuple[str, str] = ("", "")) -> Agreement:
    """How far two ``(n, n)`` grids agree; unchanged by any monotone rescaling of either.

    References
    ----------
    .. [1] C. Spearman, "The Proof and Measurement of Association between Two Things", American
       Journal of Psychology 15(1), 1904.
    .. [2] P. Jaccard, "The Distribution of the Flora in the Alpine Zone", New Phytologist 11(2),
       1912.
    """
    overlap = tuple(_overlap(one, other, share) for share in SHARES)
    return Agreement(names, correlation(one, other), overlap)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two grids; 0 where one is flat and so ranks nothing.

    Pearson's of the ranks, ties sharing their mean rank: in -1..1, higher is more alike.
    """
    first, second = (places - places.mean() for places in (_places(one), _places(other)))
    spread = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / spread) if spread else 0.0


def agreements(explanations: Sequence[Explanation]) -> list[Agreement]:
    """Each pair of explanations, and then each with a blob in the middle that knows nothing."""
    grids = {each.explainer.title: each.grid(CELLS) for each in explanations}
    pairs = [agree(grids[a], grids[b], (a, b)) for a, b in combinations(grids, 2)]
    blob = centred_blob()
    return pairs + [agree(grid, blob, (name, BLOB)) for name, grid in grids.items()]


def ranks(explanation: Explanation) -> np.ndarray:
    """The place of each cell among all, ``(n, n)`` in 0..1, 1 for the hottest; ties share one."""
    grid = explanation.grid(CELLS)
    return _places(grid).reshape(grid.shape) / (grid.size - 1)


def consensus(explanations: Sequence[Explanation]) -> np.ndarray:
    """The least rank that any explanation gives a cell, ``(n, n)``: hot where all agree on it."""
    return np.min([ranks(each) for each in explanations], axis=0).astype(np.float32)


def disagreement(explanations: Sequence[Explanation]) -> np.ndarray:
    """The range of the ranks that a cell gets, ``(n, n)`` in 0..1: hot where they disagree."""
    return np.ptp([ranks(each) for each in explanations], axis=0).astype(np.float32)


def centred_blob(n: int = CELLS) -> np.ndarray:
    """A Gaussian in the middle, a quarter of the side wide, ``(n, n)``."""
    along = np.exp(-((np.arange(n) - (n - 1) / 2) ** 2) / (2 * (n / 4) ** 2))
    return np.outer(along, along)


def _places(grid: np.ndarray) -> np.ndarray:
    """The place of each cell among all, flat, 0 for the coldest; those that tie share the mean."""
    _, level, count = np.unique(grid, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count + 1) / 2)[level.ravel()]


def _overlap(one: np.ndarray, other: np.ndarray, share: float) -> float:
    first, second = (_hottest(grid, share) for grid in (one, other))
    either = (first | second).sum()
    return float((first & second).sum() / either) if either else 0.0


def _hottest(grid: np.ndarray, share: float) -> np.ndarray:
    """The cells among the hottest share; those that tie with the last are in, but none that is as
    cold as the coldest: of a map that is zero almost everywhere, zero is not hot.
    """
    count = round(share * grid.size)
    return (grid >= np.partition(grid.ravel(), -count)[-count]) & (grid > grid.min())
