"""What a map alone tells, as numbers: its two sides, and how much of it lies in few places."""

from dataclasses import dataclass

import numpy as np

from explainers.explanation import Explanation

CELLS = 14


@dataclass(frozen=True)
class Evidence:
    """The two sides of a map.

    Parameters
    ----------
    towards, against : float
        The sums of the positive and of the negative values, as shares of the sum of all absolute
        values; both 0 for a blank map, else they add up to 1.
    strongest_for, strongest_against : tuple of int or None
        Row and column of the strongest cell of the 14 x 14 grid on each side.
    """

    towards: float
    against: float
    strongest_for: tuple[int, int] | None
    strongest_against: tuple[int, int] | None


def evidence(explanation: Explanation) -> Evidence:
    """How much of a map speaks for its target, and how much against.

    An unsigned map has one side, and what that tells is its method's to say: of Grad-CAM what
    speaks for the target, of saliency only what its score is sensitive to.
    """
    heatmap = explanation.heatmap.astype(np.float64)
    whole = np.abs(heatmap).sum() or 1.0
    grid = explanation.grid(CELLS)
    return Evidence(
        float(heatmap.clip(min=0).sum() / whole),
        float(abs(heatmap.clip(max=0).sum()) / whole),
        _strongest(grid),
        _strongest(-grid),
    )


def hottest_share(grid: np.ndarray, share: float) -> float:
    """How much of all heat lies in the hottest share of the cells, in 0..1.

    Heat is on both sides of zero. A map that is the same everywhere gets the share itself, and a
    blank one 0.
    """
    heat = np.abs(grid, dtype=np.float64).ravel()
    count = round(share * heat.size)
    return float(np.partition(heat, -count)[-count:].sum() / (heat.sum() or 1.0))


def _strongest(grid: np.ndarray) -> tuple[int, int] | None:
    if grid.max() <= 0:
        return None
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    return int(row), int(column)
