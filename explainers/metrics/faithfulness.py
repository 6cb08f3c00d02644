"""Whether the probability falls when what a map calls important is taken away, and how fast."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import Explanation, resample
from explainers.images.regions import cells as cells
from explainers.images.regions import fill_picture
from explainers.metrics.agreement import BLOB, centred_blob

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Kind = Literal["deletion", "insertion"]
KINDS: tuple[Kind, ...] = ("deletion", "insertion")
RANDOM = "random order"
RANDOM_ORDERS = 19
"""So many that a random order does better than all of them once in 20."""

STEPS = 50


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
    def deviation(self) -> np.ndarray:
        """(n + 1,) the standard deviation of the runs, from a sample of at least two."""
        return self.runs.std(axis=0, ddof=1)

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
        """The standard deviation of the areas, from a sample of at least two runs."""
        return float(self.areas.std(ddof=1))


@dataclass(frozen=True, eq=False)
class Tested:
    """The curves so far.

    Parameters
    ----------
    curves : tuple of Curve
        Each kind in turn; of each the maps in their order, the blob, and the random order with as
        many runs as there are yet.
    done, total : int
        How many orders have been followed, and how many there are; each costs the same.
    """

    curves: tuple[Curve, ...]
    done: int
    total: int

    def of(self, kind: Kind) -> dict[str, Curve]:
        """The curves of a kind, by name."""
        return {curve.name: curve for curve in self.curves if curve.kind == kind}


def beaten(curve: Curve, random: Curve) -> int:
    """How many runs of the random order an order does better than.

    An order that knows nothing is one more random order, and takes each place among them equally
    often. So it does better than at least k of n with probability (n + 1 - k) / (n + 1), and
    better than all n once in n + 1 [1]_. That holds for one map and one kind. Where several are
    asked, each has that chance: of m maps that know nothing, m / (n + 1) beat all on average.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, "Permutation P-values Should Never Be Zero", Statistical
       Applications in Genetics and Molecular Biology 9(1), 2010.
    """
    better = random.areas > curve.area if curve.kind == "deletion" else random.areas < curve.area
    return int(better.sum())


def passes(
    maps: int,
    segments: np.ndarray,
    *,
    steps: int = STEPS,
    kinds: Sequence[Kind] = KINDS,
    random_runs: int = RANDOM_ORDERS,
) -> int:
    """The forward passes that `curves` takes for some maps, before it is run."""
    ends = 2
    orders = _orders(maps, kinds, random_runs)
    return ends + orders * (len(_hidden(segments, steps)) - ends)


def curves(
    classifier: "Classifier",
    pixels: np.ndarray,
    target: Target | int,
    maps: Mapping[str, np.ndarray],
    segments: np.ndarray,
    *,
    fill: str = "blur",
    steps: int = STEPS,
    kinds: Sequence[Kind] = KINDS,
    random_runs: int = RANDOM_ORDERS,
    seed: int = 0,
) -> Iterator[Tested]:
    """Deletion and insertion curves [1]_ of some maps, of a blob, and of random orders.

    To show units in an order is to hide them in the reverse order, read backwards. A random order
    reversed is as random, so each is followed once and serves both kinds. The whole picture and
    the one that is all hidden, where every curve begins or ends, are asked about once.

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
        How many random orders; see `beaten`. They take as many steps as the maps, so that a random
        order and a map are measured alike.
    seed : int
        Of the random orders, and of how ties are broken.

    Yields
    ------
    Tested
        After each order; the last has all curves.

    References
    ----------
    .. [1] V. Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input Sampling for Explanation of
       Black-box Models", BMVC 2018.
    """
    index = Target.of(target).index
    random = np.random.default_rng(seed)
    filled = fill_picture(pixels, fill, segments)
    hidden = _hidden(segments, steps)
    units, between = hidden[-1], hidden[1:-1]

    def ask(rows: np.ndarray) -> np.ndarray:
        return classifier.masked_probabilities(pixels, filled, segments, rows)[:, index]

    whole, nothing = ask(np.array([[True] * units, [False] * units]))

    def follow(order: np.ndarray) -> np.ndarray:
        """The probabilities while the units are hidden in an order, (n + 1,)."""
        answers = ask(_shown(order, between)) if len(between) else ()
        return np.array([whole, *answers, nothing], np.float32)

    def curve(name: str, kind: Kind, order: np.ndarray, runs: list[np.ndarray]) -> Curve:
        """Of units hidden in an order, or of the same read backwards: shown in the reverse."""
        if kind == "deletion":
            return Curve(name, kind, hidden / units, np.stack(runs), order)
        backwards = np.stack([run[::-1] for run in runs])
        return Curve(name, kind, (units - hidden[::-1]) / units, backwards, order[::-1])

    found: dict[Kind, dict[str, Curve]] = {kind: {} for kind in kinds}
    total = _orders(len(maps), kinds, random_runs)

    def tested(done: int) -> Tested:
        each = (curve for by_name in found.values() for curve in by_name.values())
        return Tested(tuple(each), done, total)

    done = 0
    chance = [random.permutation(units) for _ in range(random_runs)]
    for name, strengths in {**maps, BLOB: _blob(segments)}.items():
        order = hottest_first(strengths, random)
        for kind in kinds:
            hiding = order if kind == "deletion" else order[::-1]
            found[kind][name] = curve(name, kind, hiding, [follow(hiding)])
            done += 1
            yield tested(done)
    runs: list[np.ndarray] = []
    for order in chance:
        runs.append(follow(order))
        for kind in kinds:
            found[kind][RANDOM] = curve(RANDOM, kind, chance[0], runs)
        done += 1
        yield tested(done)


def strengths_of(explanation: Explanation, segments: np.ndarray) -> np.ndarray:
    """The mean of a map over each unit, ``(k,)`` float64.

    Of the map as it is shown: superpixels that LIME fitted but the map leaves out are zero.

    Parameters
    ----------
    explanation : Explanation
    segments : (h, w) int ndarray
        The unit of every pixel, 0 to k - 1.
    """
    heatmap = resample(explanation.heatmap, (segments.shape[0], segments.shape[1]))
    flat = segments.ravel()
    return np.bincount(flat, heatmap.ravel()) / np.bincount(flat)


def hottest_first(strengths: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The units from the hottest to the coldest, ``(k,)`` int.

    Ties are in a random order: so are the units that a map leaves out, and all of a flat one.
    """
    return np.lexsort((random.random(len(strengths)), -np.asarray(strengths, np.float64)))


def _hidden(segments: np.ndarray, steps: int) -> np.ndarray:
    """How many units are hidden at each point of a curve, 0 and all among them."""
    units = int(segments.max()) + 1
    return np.unique(np.linspace(0, units, steps + 1).round().astype(int))


def _orders(maps: int, kinds: Sequence[Kind], random_runs: int) -> int:
    """How many orders are followed: those of the maps and of the blob for each kind."""
    return (maps + 1) * len(kinds) + random_runs


def _shown(order: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Which units are shown when so many are hidden, the first of the order first."""
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    return place >= hidden[:, None]


def _blob(segments: np.ndarray) -> np.ndarray:
    grid = centred_blob(64)
    rows, columns = (np.arange(side) * 64 // side for side in segments.shape)
    flat = segments.ravel()
    return np.bincount(flat, grid[np.ix_(rows, columns)].ravel()) / np.bincount(flat)
