"""The curves of deletion and insertion as lines of a drawing: numbers that SVG takes."""

from dataclasses import dataclass

import numpy as np

from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import KINDS, RANDOM, Curve, Kind
from explainers.metrics.scoreboard import Findings

WIDTH, HEIGHT = 300, 180
"""Of the drawing, in its own units."""


@dataclass(frozen=True)
class Line:
    """A curve: whose it is, its area, its place among the maps, and its points for SVG.

    Its number stands at `mark`; those of all lines at other shares, so that each can be read.
    """

    name: str
    area: float
    place: int
    points: str
    mark: tuple[str, str]


@dataclass(frozen=True)
class Drawing:
    """All curves of a kind: of the maps and of the blob as lines, of the random orders as a band.

    The band holds all of them at each share; its line is their mean.
    """

    kind: Kind
    lines: tuple[Line, ...]
    band: str
    random: Line
    largest: float


def drawn_curves(findings: Findings) -> list[Drawing]:
    """A drawing of each kind, of what has been tested; the maps first, then the blob."""
    return [
        _drawing(kind, list(found.values())) for kind in KINDS if (found := findings.curves(kind))
    ]


def _drawing(kind: Kind, curves: list[Curve]) -> Drawing:
    largest = float(max(curve.runs.max() for curve in curves)) or 1.0
    random = next(curve for curve in curves if curve.name == RANDOM)
    others = sorted((each for each in curves if each is not random), key=lambda e: e.name == BLOB)
    low, high = (
        _points(random.shares, end(random.runs, axis=0), largest) for end in (np.min, np.max)
    )
    return Drawing(
        kind,
        tuple(_line(each, place, len(others), largest) for place, each in enumerate(others)),
        " ".join([*high, *reversed(low)]),
        _line(random, len(others), len(others), largest),
        largest,
    )


def _line(curve: Curve, place: int, lines: int, largest: float) -> Line:
    points = _points(curve.shares, curve.mean, largest)
    across, up = points[(place + 1) * (len(points) - 1) // (lines + 1)].split(",")
    return Line(curve.name, curve.area, place, " ".join(points), (across, up))


def _points(shares: np.ndarray, values: np.ndarray, largest: float) -> list[str]:
    """Places in the drawing, as SVG writes them."""
    places = zip(WIDTH * shares, HEIGHT * (1 - values / largest), strict=True)
    return [f"{x:.1f},{y:.1f}" for x, y in places]
