"""Explanation, and the contract that every method meets.

A method works in two steps. It *observes* the classifier, which takes forward and backward passes
and may go on for a while, each observation better than the last; and it *interprets* what it has
seen, which is arithmetic. So a result can be drawn while it grows, stopping is not asking for the
next, and a setting that only concerns the reading costs nothing to change.
"""

import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.settings import Settings

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What a method has seen of a classifier so far; methods add their own arrays.

    Parameters
    ----------
    classifier : str
        The name of the classifier.
    classes : tuple of int
        The classes that it was watched for; targets made of them can be interpreted.
    done, total : int
        How many samples have been taken, and how many there will be.
    seconds : float
        The time that it took, waiting for the reader left out.
    """

    classifier: str
    classes: tuple[int, ...]
    done: int = 1
    total: int = 1
    seconds: float = 0.0


Kind = Literal["Class activation", "Gradients", "Hiding parts"]

PIECE = 32
"""Pictures asked about at a time: so few that whoever waits for the network, waits shortly."""

ROUNDING = 8 * np.finfo(np.float32).eps
"""Differences in a map that are no larger, as shares of its largest value, are rounding."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A simple model that imitates the classifier around one picture.

    Parameters
    ----------
    segments : (h, w) int32 ndarray
        The superpixel of every pixel, 0 to k - 1.
    coefficients : (k,) float64 ndarray
        What each superpixel adds to the probability when it is shown.
    intercept : float
        The surrogate's prediction when every superpixel is hidden.
    r2 : float
        The share of the variance of the explained class's probability that it accounts for; at
        most 1, higher is better, and 1 where nothing varies.
    predicted, observed : float
        The target's probability for the whole picture: the surrogate's, and the network's.
    fill : str
        What stood where a superpixel was hidden when it was fitted; one of `FILLS`.
    """

    segments: np.ndarray
    coefficients: np.ndarray
    intercept: float
    r2: float
    predicted: float
    observed: float
    fill: str = "superpixel mean"

    def __post_init__(self) -> None:
        for array in (self.segments, self.coefficients):
            array.setflags(write=False)

    def hidden_shares(self, region: np.ndarray) -> np.ndarray:
        """How much of each superpixel an ``(h, w)`` bool region covers, ``(k,)`` in 0..1."""
        pieces = self.segments.ravel()
        return np.bincount(pieces, region.ravel()) / np.bincount(pieces)

    def expected(self, region: np.ndarray) -> float:
        """The surrogate's prediction when a region is hidden.

        A superpixel that is hidden in part counts in part. The surrogate is linear: nothing keeps
        what it predicts within 0..1.

        Parameters
        ----------
        region : (h, w) bool ndarray
            What is hidden.
        """
        return float(self.intercept + self.coefficients @ (1 - self.hidden_shares(region)))


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where a classifier looked, according to one method.

    Parameters
    ----------
    explainer : Explainer
        The method with its exact settings.
    classifier : str
        The name of the classifier.
    target : Target
        What is explained.
    heatmap : (h', w') float32 ndarray
        Raw, finite and unnormalised, at the method's own resolution.
    signed : bool
        Whether negative values are evidence against the target. An unsigned map has none.
    surrogate : Surrogate, optional
        The model behind the map, where there is one.
    done, total : int
        Samples taken, and to be taken.
    seconds : float
        The time that it took.
    why_blank : str
        Why it is zero everywhere, if it is: a sentence that is true of what was observed.
    notes : tuple of str
        What else was found while observing that bears on the map: sentences, with figures.

    Raises
    ------
    ValueError
        If the heatmap is not two-dimensional and finite, or unsigned with negative values.
    """

    explainer: "Explainer"
    classifier: str
    target: Target
    heatmap: np.ndarray
    signed: bool = False
    surrogate: Surrogate | None = None
    done: int = 1
    total: int = 1
    seconds: float = 0.0
    why_blank: str = "It is zero everywhere."
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.heatmap.ndim != 2 or self.heatmap.dtype != np.float32:
            raise ValueError(
                "A heatmap has two axes and dtype float32; this one has shape "
                f"{self.heatmap.shape} and dtype {self.heatmap.dtype}."
            )
        if not np.isfinite(self.heatmap).all():
            raise ValueError("The heatmap holds values that are not finite.")
        if not self.signed and self.heatmap.min() < 0:
            raise ValueError(f"An unsigned heatmap holds the value {self.heatmap.min()}.")
        self.heatmap.setflags(write=False)

    @property
    def progress(self) -> float:
        """The share of the work that is done, in 0..1."""
        return self.done / self.total

    @property
    def segments(self) -> np.ndarray | None:
        """The superpixels behind the map, ``(h', w')`` int32, where there are any."""
        return None if self.surrogate is None else self.surrogate.segments

    @property
    def r2(self) -> float | None:
        """The surrogate's R² for the target, where there is a surrogate."""
        return None if self.surrogate is None else self.surrogate.r2

    @property
    def blank_reason(self) -> str | None:
        """Why there is nothing to see, in a sentence; None if there is something.

        A map that is the same everywhere, as one of a single cell is, tells no places apart.
        """
        if np.ptp(self.heatmap) > ROUNDING * self.scale:
            return None
        if not self.heatmap.any():
            return self.why_blank
        return "This map says the same everywhere, so it points to no place."

    @property
    def scale(self) -> float:
        """The largest absolute value: what `normalised` divides by. 0 for a blank map."""
        return float(np.abs(self.heatmap).max())

    def normalised(self) -> np.ndarray:
        """The heatmap divided by its largest absolute value.

        Zero stays zero: it means no evidence, and the picture of a map should not hide that.

        Returns
        -------
        (h', w') float32 ndarray
            In 0..1, or -1..1 if signed.
        """
        return self.heatmap / (self.scale or 1.0)

    def resized(self, shape: tuple[int, int]) -> np.ndarray:
        """The heatmap at another resolution, ``shape`` float32.

        Averaged by area where it shrinks and interpolated where it grows; superpixels keep their
        edges.
        """
        if self.segments is None:
            return resample(self.heatmap, shape)
        rows, columns = (
            ((np.arange(size) + 0.5) * own / size).astype(int)
            for size, own in zip(shape, self.heatmap.shape, strict=True)
        )
        return self.heatmap[np.ix_(rows, columns)]

    def grid(self, n: int = 14) -> np.ndarray:
        """The heatmap as an ``(n, n)`` float32 matrix of raw values.

        A map whose own resolution is n x n comes back unchanged, a finer one is averaged by area,
        a coarser one interpolated.
        """
        return resample(self.heatmap, (n, n))

    def _repr_png_(self) -> bytes:
        """The map alone, with what its colours mean: what a notebook shows.

        Over its picture, and beside others, `SideBySide` shows it.
        """
        from explainers.images.colouring import Style, coloured, encode
        from explainers.images.poster import NOTEBOOK, Bar, Panel, poster

        rows, columns = self.heatmap.shape
        values = self.resized((round(NOTEBOOK * rows / columns), NOTEBOOK)) / (self.scale or 1.0)
        drawn = coloured(values, Style(), signed=self.signed)
        bar = Bar.of(Style(), self.scale, signed=self.signed)
        return encode(poster([Panel(drawn, self.explainer.title, bar=bar)]))


@dataclass(frozen=True)
class Cost:
    """How many passes through the network an explanation takes."""

    forward: int = 0
    backward: int = 0

    @property
    def passes(self) -> int:
        """Both kinds as forward passes: a backward one takes as long as two, roughly."""
        return self.forward + 2 * self.backward


@dataclass(frozen=True)
class Observer(Settings, ABC):
    """What asks a classifier, with its settings: equal, printed and cached by them.

    What several methods read is an observer of its own, in `explainers.observing`.
    """

    @property
    def all_classes(self) -> bool:
        """Whether what it observes serves every class, whatever classes it was watched for."""
        return False

    @abstractmethod
    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        """How many passes it will take for some classes together, before it is run."""

    @abstractmethod
    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[Any]:
        """Yield ever better observations, for some classes together; the last is final."""

    def observations(
        self, classifier: "Classifier", pixels: np.ndarray, *targets: Target | int
    ) -> Iterator[Any]:
        """Yield ever better observations that serve all targets, each with the time it took."""
        seconds, started = 0.0, time.perf_counter()
        classes = tuple(sorted({index for each in targets for index in Target.of(each).classes}))
        for observation in self.observe(classifier, pixels, classes):
            seconds += time.perf_counter() - started
            yield replace(observation, seconds=seconds)
            started = time.perf_counter()

    def observe_batch(
        self, classifier: "Classifier", batch: np.ndarray, classes: Sequence[int] | np.ndarray
    ) -> list[Any]:
        """The final observation of each of several pictures, each for a class of its own.

        One picture after the other, unless a method can do better.

        Parameters
        ----------
        classifier : Classifier
        batch : (n, h, w, 3) float32 ndarray
            Pixels.
        classes : (n,) ints
            The class of each picture.

        Returns
        -------
        list of Observation
            With the time that each took, or its share of what the batch took.
        """
        finals = []
        for pixels, index in zip(batch, classes, strict=True):
            *_, final = self.observations(classifier, pixels, index)
            finals.append(final)
        return finals

    def observe_answers(
        self, classifier: "Classifier", batch: np.ndarray
    ) -> tuple[np.ndarray, list[Any]]:
        """What the classifier answers to several pictures, and each observed for its answer.

        Parameters
        ----------
        classifier : Classifier
        batch : (n, h, w, 3) float32 ndarray
            Pixels.

        Returns
        -------
        probabilities : (n, C) float32 ndarray
        list of Observation
            As `observe_batch` gives them, each for the first class in the picture's ranking.
        """
        probabilities = classifier.probabilities(batch)
        return probabilities, self.observe_batch(classifier, batch, probabilities.argmax(axis=1))


@dataclass(frozen=True)
class Explainer(Observer):
    """A method with its settings.

    A subclass is a frozen dataclass whose fields are made with `setting`. It says how it observes
    and how it interprets; the rest follows.
    """

    name: ClassVar[str]
    """What the address bar and files call it."""
    title: ClassVar[str]
    """What a person calls it."""
    kind: ClassVar[Kind]
    """What it looks at to tell places apart."""
    answers: ClassVar[str]
    """What its map shows of the class, in plain words."""
    heat: ClassVar[str]
    """What its hot places do to the class, as a verb that the class follows."""
    needs: ClassVar[str]
    """What a network must have or give for it, in a sentence."""
    blind_to: ClassVar[str]
    """What it cannot see of how the network decides, in a sentence or two."""

    @property
    def random(self) -> bool:
        """Whether another seed can change what it says."""
        return "seed" in self.settings()

    @abstractmethod
    def interpret(self, observation: Any, target: Target) -> Explanation:
        """Read an observation: no passes through the network."""

    @property
    def observer(self) -> Observer:
        """What observes for this method: itself, the settings of the reading at their defaults.

        Methods with equal observers can read each other's observations.
        """
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        readings = [name for name, entry in self.settings().items() if not entry.measured]
        return replace(self, **{name: defaults[name] for name in readings})

    def refine(
        self, classifier: "Classifier", pixels: np.ndarray, target: Target | int
    ) -> Iterator[Explanation]:
        """Yield ever better explanations; the last is final.

        Parameters
        ----------
        classifier : Classifier
        pixels : (h, w, 3) float32 ndarray
            From `classifier.prepare`.
        target : Target or int
            A class, or the difference of two.
        """
        for observation in self.observations(classifier, pixels, target):
            yield self.interpret(observation, Target.of(target))

    def explain(
        self, classifier: "Classifier", pixels: np.ndarray, target: Target | int
    ) -> Explanation:
        """The last of `observations`, interpreted; the parameters are those of `refine`."""
        *_, final = self.observations(classifier, pixels, target)
        return self.interpret(final, Target.of(target))


def resample(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map at another resolution: area averages where an axis shrinks, lines where it grows.

    Both are separable, ``rows @ array @ columns.T``. Means are kept where axes shrink, and an axis
    that keeps its length is left as it is.

    Parameters
    ----------
    array : (h, w) ndarray
    shape : tuple of int

    Returns
    -------
    ``shape`` ndarray of the same dtype
    """
    rows, columns = (_weights(own, size) for own, size in zip(array.shape, shape, strict=True))
    return (rows @ array @ columns.T).astype(array.dtype)


def _weights(own: int, size: int) -> np.ndarray:
    """The share of each of `own` cells in each of `size` cells, ``(size, own)``; rows sum to 1."""
    if size >= own:
        centres = np.clip((np.arange(size) + 0.5) * own / size - 0.5, 0, own - 1)
        return np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(own)))
    edges = np.arange(size + 1) * own / size
    cells = np.arange(own)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return np.maximum(0, overlap) * size / own
