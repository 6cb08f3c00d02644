"""Integrated gradients: what each pixel adds to the score on the way from a baseline."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy

from explainers.classifiers.prediction import Target
from explainers.explanation import Cost, Explainer, Explanation, Kind, Observation, Observer
from explainers.images.regions import fill_picture
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier, Score

BATCH = 16

_BASELINES = {
    "black": "a black picture",
    "grey": "a grey picture",
    "white": "a white picture",
    "blur": "the picture blurred",
    "random": "pictures of noise",
}
_SCORES = {
    "logit": ("the logit", "the difference of the logits"),
    "probability": ("the probability", "the difference of the probabilities"),
}
_REDUCTIONS = {
    "sum": lambda added: added.sum(axis=-1),
    "sum of absolute values": lambda added: np.abs(added).sum(axis=-1),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class PathGradients(Observation):
    """What was seen on the way from the baselines to the picture, so far.

    Parameters
    ----------
    added : (classes, h, w, 3) float32 ndarray
        What each pixel adds to the score of each class, the mean over the baselines.
    rises : (classes,) float32 ndarray
        By how much each score is higher at the picture than at the baselines, on average.
    moved : bool
        Whether the picture is another than the baselines.
    """

    added: np.ndarray
    rises: np.ndarray
    moved: bool


@dataclass(frozen=True)
class IntegratedGradients(Explainer):
    """The gradient by the pixels, averaged on the straight way from a baseline to the picture [1]_.

    Parameters
    ----------
    baseline : {"black", "grey", "white", "blur", "random"}
        The picture that stands for nothing. Blur is the picture itself under a Gaussian of a
        twentieth of its longer side; random ones are uniform noise.
    baselines : int
        How many random ones to average over [2]_.
    steps : int
        Points on each way, both ends included.
    reduction : {"sum", "sum of absolute values"}
        How three channels become one; the sum keeps the sign.
    sigma : float
        Of the Gaussian that smooths the map, in pixels of the network; 0 for none. What it adds up
        to stays the same.
    of : {"logit", "probability"}
        What is explained.
    seed : int
        Of the random baselines.

    Notes
    -----
    With :math:`x` the pixels, :math:`b` the baseline, :math:`c` a channel and :math:`y` the logit
    of the class,

    .. math::
        M = \\sum_c (x_c - b_c) \\int_0^1 \\frac{\\partial y}{\\partial x_c}
        \\big(b + t (x - b)\\big) \\, dt, \\qquad \\sum_{i,j} M_{ij} = y(x) - y(b).

    The integral is taken by the rule of trapezoids. The second equation is its completeness: how
    near the sum comes tells whether the steps are enough, and a note says it. The points are
    visited in an order that is spread over the way at any time, so what is drawn before the last
    is an estimate of the whole.

    For the difference of two classes the maps are subtracted.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    .. [2] P. Sturmfels, S. Lundberg, S.-I. Lee, "Visualizing the Impact of Feature Attribution
       Baselines", Distill 2020.

    Examples
    --------
    >>> IntegratedGradients(baseline="blur").explain(classifier, pixels, 285)  # doctest: +SKIP
    """

    name: ClassVar[str] = "integrated-gradients"
    title: ClassVar[str] = "Integrated gradients"
    kind: ClassVar[Kind] = "Gradients"
    answers: ClassVar[str] = "What each pixel adds to its score, from a baseline on"
    heat: ClassVar[str] = "adds to the score of"
    needs: ClassVar[str] = "Gradients all the way back to the pixels, and a picture for nothing."
    blind_to: ClassVar[str] = (
        "What looks like the baseline: a black pixel counts for nothing beside a black one, "
        "whatever it means. Another baseline is another question."
    )

    baseline: str = setting(
        "black", "Baseline", "What stands for nothing: what looks like it gets nothing.",
        choices=tuple(_BASELINES),
    )  # fmt: skip
    baselines: int = setting(
        5, "Random baselines", "How many to average over; of the others there is one.",
        minimum=1, maximum=50, step=1,
    )  # fmt: skip
    steps: int = setting(
        50, "Steps", "Points between baseline and picture; more come nearer to completeness.",
        minimum=2, maximum=1000, step=1,
    )  # fmt: skip
    reduction: str = setting(
        "sum", "Channels", "How red, green and blue become one value.",
        choices=tuple(_REDUCTIONS), measured=False,
    )  # fmt: skip
    sigma: float = setting(
        3.0, "Smoothing", "Gaussian sigma in pixels of the network; 0 for none.",
        minimum=0.0, maximum=30.0, step=0.5, measured=False,
    )  # fmt: skip
    of: "Score" = setting(
        "logit", "Score", "What the pixels add to. A probability often stays at 0 for most of the "
        "way and rises all at once.",
        choices=("logit", "probability"),
    )  # fmt: skip
    seed: int = setting(
        0, "Seed", "Of the random baselines: the same seed gives the same map.",
        minimum=0, maximum=2**31 - 1, step=1,
    )  # fmt: skip

    @property
    def random(self) -> bool:
        return self.baseline == "random"

    @property
    def observer(self) -> Observer:
        plain: Any = super().observer
        if self.random:
            return plain
        return replace(plain, baselines=type(self).baselines, seed=type(self).seed)

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        ways = self.baselines if self.random else 1
        return Cost(forward=ways * (self.steps + 1) + 1, backward=ways * self.steps * classes)

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[PathGradients]:
        starts = self._starts(pixels)
        ask = classifier.logits if self.of == "logit" else classifier.probabilities
        scores = ask(np.concatenate([pixels[None], starts]))[:, list(classes)]
        points = [(step, way) for step in _spread_out(self.steps) for way in range(len(starts))]
        total = np.zeros((len(classes), *pixels.shape), np.float32)
        weight = 0.0
        for start in range(0, len(points), BATCH):
            steps, ways = np.array(points[start : start + BATCH]).T
            differences = pixels - starts[ways]
            shares = (steps / (self.steps - 1)).astype(np.float32)[:, None, None, None]
            (local,) = classifier.gradients(
                starts[ways] + shares * differences, classes, of=self.of
            )
            weights = np.where((steps == 0) | (steps == self.steps - 1), 0.5, 1.0)
            weighed = weights.astype(np.float32)[:, None, None, None] * differences
            total += (local.gradients * weighed).sum(axis=1)
            weight += float(weights.sum())
            yield PathGradients(
                classifier=classifier.name,
                classes=classes,
                done=start + len(steps),
                total=len(points),
                added=total / weight,
                rises=scores[0] - scores[1:].mean(axis=0),
                moved=bool((starts != pixels).any()),
            )

    def interpret(self, observation: PathGradients, target: Target) -> Explanation:
        added = target.of_classes(observation.classes, observation.added)
        heatmap = _REDUCTIONS[self.reduction](added)
        if self.sigma:
            heatmap = scipy.ndimage.gaussian_filter(heatmap, self.sigma, mode="reflect")
        return Explanation(
            self,
            observation.classifier,
            target,
            heatmap,
            signed=self.reduction == "sum",
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank=_why_blank(observation.moved, added),
            notes=(self._completeness(observation, target, added),),
        )

    def _completeness(self, observation: PathGradients, target: Target, added: np.ndarray) -> str:
        """What the map adds up to, and what it should."""
        found = float(added.sum(dtype=np.float64))
        rise = float(target.of_classes(observation.classes, observation.rises))
        score = _SCORES[self.of][target.signed]
        return (
            f"The pixels add up to {found:+.3f}. From {_BASELINES[self.baseline]} to this one "
            f"{score} changes by {rise:+.3f}. With steps enough the two are the same; here they "
            f"differ by {abs(rise - found):.2g}."
        )

    def _starts(self, pixels: np.ndarray) -> np.ndarray:
        """The baselines, ``(n, h, w, 3)`` float32."""
        if not self.random:
            return fill_picture(pixels, self.baseline)[None]
        random = np.random.default_rng(self.seed)
        return random.uniform(0, 255, (self.baselines, *pixels.shape)).astype(np.float32)


def _spread_out(count: int) -> list[int]:
    """0 to ``count - 1``, in an order that is spread over all of them at any time.

    They are sorted by their binary digits read backwards, as van der Corput's sequence is made.
    """
    digits = count.bit_length()
    return sorted(range(count), key=lambda number: f"{number:0{digits}b}"[::-1])


def _why_blank(moved: bool, added: np.ndarray) -> str:
    if not moved:
        return "The picture is the baseline itself, so no pixel has anything to add."
    if not added.any():
        return "On the way from the baseline to the picture, no pixel moves the score on balance."
    return "At each pixel, what red, green and blue add to the score cancels out exactly."
