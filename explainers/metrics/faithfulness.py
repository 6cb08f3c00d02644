"""Whether the probability falls when what a map calls important is taken away, and how fast."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.images.regions import fill_picture
from explainers.metrics.agreement import BLOB, centred_blob

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Kind = Literal["deletion", "insertion"]
KINDS: tuple[Kind, ...] = ("deletion", "insertion")
RANDOM = "random order"


@dataclass(frozen=True, eq=False)
class Curve:
    """The probability of the target while units of the picture are hidden or shown in an order.

    Parameters
    ----------
    name : str
        What gave the order.
    kind : {"deletion", "insertion"}
        Whether the hottest units are hidden first, or shown first on a hidden picture.
    shares : (n + 1,) float64 ndarray
        How many of the units were, in 0..1.
    runs : (r, n + 1) float32 ndarray
        The probabilities; several runs for the random order, one for others.
    order : (k,) int ndarray
        The units as they were reached, in the first run.
    """

    name: str
    kind: Kind
    shares: np.ndarray
    runs: np.ndarray
    order: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(n + 1,) the mean of the runs."""
        return self.runs.mean(axis=0)

    @property
    def areas(self) -> np.ndarray:
        """(r,) the area under each run, in 0..1."""
        return np.trapezoid(self.runs, self.shares, axis=1)

    @property
    def area(self) -> float:
        """The mean area. Of a deletion lower is better, of an insertion higher."""
        return float(self.areas.mean())

    @property
    def spread(self) -> float:
        """The standard deviation of the areas of the runs."""
        return float(self.areas.std())


def beats(curve: Curve, random: Curve) -> bool:
    """Whether an order does better than every run of the random one."""
    if curve.kind == "deletion":
        return curve.area < float(random.areas.min())
    return curve.area > float(random.areas.max())


def curves(
    classifier: "Classifier",
    pixels: np.ndarray,
    target: Target | int,
    maps: Mapping[str, np.ndarray],
    segments: np.ndarray,
    *,
    fill: str = "blur",
    steps: int = 50,
    kinds: Sequence[Kind] = KINDS,
    random_runs: int = 5,
    seed: int = 0,
) -> Iterator[Curve]:
    """Deletion and insertion curves [1]_ of some maps, of random orders, and of a blob.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    target : Target or int
        Whose probability is followed; of a difference, the first class's.
    maps : mapping of str to (k,) ndarray
        How hot each method finds each unit; see `strengths_of`.
    segments : (h, w) int ndarray
        The unit of every pixel, 0 to k - 1: superpixels, or `cells`.
    fill : str
        What is seen where something is hidden; one of `FILLS`. The choice matters.
    steps : int
        In how many steps all units are hidden.
    kinds : sequence of {"deletion", "insertion"}
    random_runs : int
    seed : int
        Of the random orders, and of how ties are broken.

    Yields
    ------
    Curve
        The maps in their order, then the blob, then the random order; each kind in turn.

    References
    ----------
    .. [1] V. Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input Sampling for Explanation of
       Black-box Models", BMVC 2018.
    """
    count = int(segments.max()) + 1
    index = Target.of(target).index
    random = np.random.default_rng(seed)
    filled = fill_picture(pixels, fill, segments)
    hidden = np.unique(np.linspace(0, count, steps + 1).round().astype(int))
    chance = [random.permutation(count) for _ in range(random_runs)]
    named = {**maps, BLOB: _blob(segments)}
    orders = {name: [_order(strengths, random)] for name, strengths in named.items()}
    orders[RANDOM] = chance
    for kind in kinds:
        for name, each in orders.items():
            rows = np.concatenate([_rows(order, hidden, kind) for order in each])
            answers = classifier.masked_probabilities(pixels, filled, segments, rows)
            runs = answers[:, index].reshape(len(each), len(hidden))
            yield Curve(name, kind, hidden / count, runs, each[0])


def cells(shape: tuple[int, int], n: int = 14) -> np.ndarray:
    """The cell of an n x n grid that every pixel lies in, ``shape`` int32.

    Where a side has fewer pixels than n, each of them is a cell.
    """
    rows, columns = (np.arange(side) * min(n, side) // side for side in shape)
    return (rows[:, None] * min(n, shape[1]) + columns).astype(np.int32)


def _rows(order: np.ndarray, counts: np.ndarray, kind: Kind) -> np.ndarray:
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    reached = place[None] < counts[:, None]
    return ~reached if kind == "deletion" else reached


def _order(strengths: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The hottest first; ties in a random order, so that a flat map is a random one."""
    return np.lexsort((random.random(len(strengths)), -np.asarray(strengths, np.float64)))


def _blob(segments: np.ndarray) -> np.ndarray:
    grid = centred_blob(64)
    rows, columns = (np.arange(side) * 64 // side for side in segments.shape)
    flat = segments.ravel()
    return np.bincount(flat, grid[np.ix_(rows, columns)].ravel()) / np.bincount(flat)
