"""The smallest region that, hidden, changes the decision."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explainers.explanation import Explanation, resample
from explainers.images.regions import fill_picture

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


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
    probabilities : (n + 1, C) float32 ndarray
        On the way: of the whole picture, and after each superpixel that was hidden in order.
    after : (C,) float32 ndarray
        When just the region is hidden.
    winner : int or None
        The class that wins then; None if nothing changed the decision.
    """

    hidden: tuple[int, ...]
    region: np.ndarray
    probabilities: np.ndarray
    after: np.ndarray
    winner: int | None

    @property
    def share(self) -> float:
        """The region's share of the picture's area, in 0..1."""
        return float(self.region.mean())


def flip(
    classifier: "Classifier",
    pixels: np.ndarray,
    segments: np.ndarray,
    strengths: np.ndarray,
    fill: str = "superpixel mean",
    until: int | None = None,
) -> Flip:
    """Hide superpixels, the strongest first, until another class wins; then show what need not be.

    The prefix of the order that changes the decision is found first; then its superpixels, the
    weakest first, are shown again as long as the decision stays changed. Where superpixels act one
    by one on the difference of the two logits, and the strengths are their true effects, no region
    of fewer superpixels does it.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    segments : (h, w) int ndarray
        The superpixel of every pixel, 0 to k - 1.
    strengths : (k,) ndarray
        How much each speaks for the decision; see `strengths_of`.
    fill : str
        What is seen where something is hidden; one of `FILLS`.
    until : int, optional
        The class that is to win; any other than the first if None.

    Raises
    ------
    ValueError
        If that class wins already.
    """
    count = int(segments.max()) + 1
    order = np.argsort(-np.asarray(strengths), kind="stable")
    filled = fill_picture(pixels, fill, segments)

    def ask(rows: np.ndarray) -> np.ndarray:
        return classifier.masked_probabilities(pixels, filled, segments, rows)

    rows = np.ones((count + 1, count), bool)
    for step, superpixel in enumerate(order, 1):
        rows[step:, superpixel] = False
    probabilities = ask(rows)
    winners = probabilities.argmax(axis=1)
    if until is not None and winners[0] == until:
        raise ValueError(f"{classifier.labels[until]} wins already: there is nothing to change.")
    flipped = winners != winners[0] if until is None else winners == until
    if not flipped.any():
        nothing = np.zeros(segments.shape, bool)
        return Flip((), nothing, probabilities, probabilities[0], None)
    step = int(flipped.argmax())
    hidden, after = [int(superpixel) for superpixel in order[:step]], probabilities[step]
    while True:
        without = np.ones((len(hidden), count), bool)
        for number in range(len(hidden)):
            without[number, hidden[:number] + hidden[number + 1 :]] = False
        answers = ask(without)
        winners_now = answers.argmax(axis=1)
        needless = winners_now == until if until is not None else winners_now != winners[0]
        if not needless.any() or len(hidden) == 1:
            break
        last = int(np.flatnonzero(needless)[-1])
        after = answers[last]
        del hidden[last]
    region = np.isin(segments, hidden)
    return Flip(tuple(hidden), region, probabilities, after, int(after.argmax()))


def strengths_of(explanation: Explanation, segments: np.ndarray) -> np.ndarray:
    """The mean of a map over each superpixel, ``(k,)`` float64.

    Parameters
    ----------
    explanation : Explanation
    segments : (h, w) int ndarray
        The superpixel of every pixel, 0 to k - 1.
    """
    surrogate = explanation.surrogate
    if surrogate is not None and np.array_equal(surrogate.segments, segments):
        return surrogate.coefficients
    heatmap = resample(explanation.heatmap, (segments.shape[0], segments.shape[1]))
    flat = segments.ravel()
    return np.bincount(flat, heatmap.ravel()) / np.bincount(flat)
