"""A region that, hidden, changes the decision, and how small one was found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from explainers.explanation import Explanation
from explainers.images.regions import fill_picture
from explainers.metrics.faithfulness import hottest_first, strengths_of

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

PAIRED = 64
"""How many superpixels are tried in pairs, the strongest: 2,016 passes at most."""

TOGETHER = 64

Sets = np.ndarray | list[np.ndarray] | list[list[int]]


@dataclass(frozen=True, eq=False)
class Flip:
    """What had to be hidden for another class to win, or how far hiding everything came.

    Parameters
    ----------
    hidden : tuple of int
        The superpixels of the region, in the order in which they were hidden. Empty if nothing
        changed the decision.
    region : (h, w) bool ndarray
        Where they lie.
    order : (k,) int ndarray
        All superpixels, the strongest first.
    probabilities : (k + 1, C) float32 ndarray
        On the way: of the whole picture, and after each superpixel that was hidden in order.
    after : (C,) float32 ndarray
        When just the region is hidden.
    winner : int or None
        The class that wins then; None if nothing changed the decision.
    fill : str
        What is seen where something is hidden.
    until : int or None
        The class that was to win; any other than the first if None.
    """

    hidden: tuple[int, ...]
    region: np.ndarray
    order: np.ndarray
    probabilities: np.ndarray
    after: np.ndarray
    winner: int | None
    fill: str
    until: int | None

    @property
    def share(self) -> float:
        """The region's share of the picture's area, in 0..1."""
        return float(self.region.mean())


@dataclass(frozen=True, eq=False)
class Tried:
    """What trying pairs has found so far.

    Parameters
    ----------
    flip : Flip
        The pair of least area that does it, or what was found before.
    done, total : int
        How many pairs have been tried, and will be.
    """

    flip: Flip
    done: int
    total: int


def flip(
    classifier: "Classifier",
    pixels: np.ndarray,
    segments: np.ndarray,
    strengths: np.ndarray,
    fill: str = "superpixel mean",
    until: int | None = None,
) -> Flip:
    """Hide superpixels until another class wins, and look for a small region that does it.

    Superpixels are hidden in order, the strongest first, until the decision changes. Of those, the
    weakest first, what need not be hidden is shown again: each that stays is needed. Then every
    single superpixel with less area is tried, and the smallest that does it is taken instead. So
    no single superpixel does it with less area; a pair may (see `try_pairs`), and so may three and
    more, which are tried in this order alone.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    segments : (h, w) int ndarray
        The superpixel of every pixel, 0 to k - 1.
    strengths : (k,) ndarray
        How much each speaks for the decision; see `effects_of`. Ties are in a seeded random order.
    fill : str
        What is seen where something is hidden; one of `FILLS`.
    until : int, optional
        The class that is to win; any other than the first if None.

    Raises
    ------
    ValueError
        If that class wins already.
    """
    ask = _asker(classifier, pixels, segments, fill)
    order = hottest_first(strengths, np.random.default_rng(0))
    probabilities = ask([order[:step] for step in range(len(order) + 1)])
    if until is not None and probabilities[0].argmax() == until:
        raise ValueError(f"{classifier.labels[until]} wins already: there is nothing to change.")
    nothing = np.zeros(segments.shape, bool)
    found = Flip((), nothing, order, probabilities, probabilities[0], None, fill, until)
    changed = _changes(found, probabilities)
    if changed.any():
        step = int(changed.argmax())
        found = _hiding(found, segments, order[:step], probabilities[step])
    while len(found.hidden) > 1:
        without = [[each for each in found.hidden if each != one] for one in found.hidden]
        answers = ask(without)
        needless = np.flatnonzero(_changes(found, answers))
        if not len(needless):
            break
        found = _hiding(found, segments, without[needless[-1]], answers[needless[-1]])
    singles = _with_less(found, segments, [(int(each),) for each in order])
    if len(singles):
        answers = ask(singles)
        changed = _changes(found, answers)
        if changed.any():
            first = int(changed.argmax())
            found = _hiding(found, segments, singles[first], answers[first])
    return found


def pairs_with_less(found: Flip, segments: np.ndarray) -> np.ndarray:
    """The pairs of superpixels that have less area than the region, ``(n, 2)`` int.

    The smallest first. Where there are more than 64 superpixels, the pairs of the strongest 64.
    """
    pairs = combinations((int(each) for each in found.order[:PAIRED]), 2)
    return _with_less(found, segments, list(pairs))


def try_pairs(
    classifier: "Classifier", pixels: np.ndarray, segments: np.ndarray, found: Flip
) -> Iterator[Tried]:
    """Look for a pair of superpixels that does with less area what a region does.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    segments : (h, w) int ndarray
    found : Flip
        The region, or that none was found; its fill and its class are asked about.

    Yields
    ------
    Tried
        As the work goes on. It tries `pairs_with_less`, the smallest first, and ends with the
        first that does it. Nothing where there are none to try.
    """
    ask = _asker(classifier, pixels, segments, found.fill)
    pairs = pairs_with_less(found, segments)
    for start in range(0, len(pairs), TOGETHER):
        part = pairs[start : start + TOGETHER]
        answers = ask(part)
        changed = _changes(found, answers)
        done = start + len(part)
        if changed.any():
            first = int(changed.argmax())
            yield Tried(_hiding(found, segments, part[first], answers[first]), done, done)
            return
        yield Tried(found, done, len(pairs))


def effects_of(explanation: Explanation, segments: np.ndarray) -> np.ndarray:
    """How much each superpixel speaks for the target, ``(k,)`` float64: what `flip` goes by.

    LIME's coefficients of all superpixels, also of those that its map leaves out: a search should
    know all that is known. Of other maps the mean over each superpixel.

    Parameters
    ----------
    explanation : Explanation
    segments : (h, w) int ndarray
        The superpixel of every pixel, 0 to k - 1.
    """
    surrogate = explanation.surrogate
    if surrogate is not None and np.array_equal(surrogate.segments, segments):
        return surrogate.coefficients
    return strengths_of(explanation, segments)


def _asker(
    classifier: "Classifier", pixels: np.ndarray, segments: np.ndarray, fill: str
) -> Callable[[Sets], np.ndarray]:
    """What gives the probabilities, ``(n, C)``, when each of n sets of superpixels is hidden."""
    filled = fill_picture(pixels, fill, segments)

    def ask(sets: Sets) -> np.ndarray:
        rows = np.ones((len(sets), int(segments.max()) + 1), bool)
        for row, hidden in zip(rows, sets, strict=True):
            row[np.asarray(hidden, int)] = False
        return classifier.masked_probabilities(pixels, filled, segments, rows)

    return ask


def _changes(found: Flip, answers: np.ndarray) -> np.ndarray:
    """Which answers are the changed decision, ``(n,)`` bool."""
    winners = answers.argmax(axis=1)
    if found.until is not None:
        return winners == found.until
    return winners != found.probabilities[0].argmax()


def _hiding(
    found: Flip, segments: np.ndarray, hidden: Sequence[int] | np.ndarray, after: np.ndarray
) -> Flip:
    """The same with another region."""
    return replace(
        found,
        hidden=tuple(int(each) for each in hidden),
        region=np.isin(segments, hidden),
        after=after,
        winner=int(after.argmax()),
    )


def _with_less(found: Flip, segments: np.ndarray, sets: Sequence[tuple[int, ...]]) -> np.ndarray:
    """The sets of superpixels with less area than the region, ``(n, size)``, the smallest first."""
    if not sets:
        return np.empty((0, 2), int)
    candidates = np.array(sets)
    areas = np.bincount(segments.ravel())[candidates].sum(axis=1)
    order = np.argsort(areas, kind="stable")
    limit = np.inf if found.winner is None else found.region.sum()
    return candidates[order[areas[order] < limit]]
