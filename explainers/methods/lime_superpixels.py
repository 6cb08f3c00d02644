"""LIME superpixels: which pieces of the picture, hidden, would lower the probability."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import PIECE, Explainer, Explanation, Kind, Observer, Surrogate
from explainers.observing.hidden_superpixels import CoinTosses, Neighbourhood
from explainers.settings import setting

if TYPE_CHECKING:
    from lime.lime_image import LimeImageExplainer

    from explainers.classifiers.classifier import Classifier

CHUNK = 3 * PIECE
STRONGEST = 5
IN_A_ROW = 4


@dataclass(frozen=True)
class LimeSuperpixels(CoinTosses, Explainer):
    """A linear model of which superpixels matter, fitted around one picture [1]_.

    The random sampling, the weights and the regression are those of the `lime` package; only the
    pictures are composed where they are answered, a few at a time. So the coefficients are those of
    ``LimeImageExplainer(random_state=seed).explain_instance(...)`` with the same segmentation.

    Parameters
    ----------
    segmentation : Segmentation
        How the picture is cut.
    samples : int
        Pictures to ask about.
    fill : str
        What is seen where a superpixel is hidden.
    seed : int
        Of the sampling.
    kernel_width : float
        How fast the weight of a picture falls with its cosine distance from the whole one.
    shown : int
        How many superpixels the map shows, those with the largest coefficients.
    positive_only : bool
        Whether only superpixels that speak for the class are shown.
    until_stable : bool
        Whether to stop before all samples are taken, as soon as the strongest superpixels of the
        classes that are explained stay the same; see `settled_at`.

    Notes
    -----
    With :math:`z \\in \\{0, 1\\}^k` telling which superpixels are shown, :math:`f` the
    probability of the class and :math:`d` the cosine distance from :math:`\\mathbf{1}`,

    .. math::
        \\min_{\\beta} \\sum_i e^{-d_i^2 / 2 w^2} \\big(f(z_i) - \\beta_0 - \\beta^\\top
        z_i\\big)^2 + \\lVert \\beta \\rVert^2 .

    The map gives every pixel the coefficient of its superpixel. For the difference of two classes
    the difference of their probabilities is fitted, which is the difference of their coefficients.

    References
    ----------
    .. [1] M. T. Ribeiro, S. Singh, C. Guestrin, "Why Should I Trust You?: Explaining the
       Predictions of Any Classifier", KDD 2016.
    """

    name: ClassVar[str] = "lime"
    title: ClassVar[str] = "LIME superpixels"
    kind: ClassVar[Kind] = "Hiding parts"
    answers: ClassVar[str] = "Pieces that raise or lower its probability"
    heat: ClassVar[str] = "raises the probability of"
    needs: ClassVar[str] = "Nothing but the network's answers."
    blind_to: ClassVar[str] = (
        "What lies within a superpixel; and pieces that count only together, since its model of "
        "the network is a sum."
    )

    kernel_width: float = setting(
        0.25, "Kernel width", "Smaller trusts pictures with few pieces hidden more.",
        minimum=0.01, maximum=5.0, step=0.01, measured=False,
    )  # fmt: skip
    shown: int = setting(
        10, "Pieces shown", "Those with the largest coefficients.",
        minimum=1, maximum=400, step=1, measured=False,
    )  # fmt: skip
    positive_only: bool = setting(
        False, "Only what speaks for the class", "Leave out pieces that speak against it.",
        measured=False,
    )  # fmt: skip
    until_stable: bool = setting(
        False, "Stop when stable", f"As soon as the {STRONGEST} strongest pieces stay the same "
        f"{IN_A_ROW} times in a row, {CHUNK} samples apart.",
    )  # fmt: skip

    @property
    def all_classes(self) -> bool:
        return not self.until_stable

    @property
    def observer(self) -> Observer:
        if self.until_stable:
            plain: Any = super().observer
            return replace(plain, kernel_width=self.kernel_width)
        return CoinTosses(self.segmentation, self.samples, self.fill, self.seed)

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[Neighbourhood]:
        strongest: list[Any] = []
        for seen in super().observe(classifier, pixels, classes):
            if self.until_stable and (seen.done % CHUNK == 0 or seen.done == seen.total):
                strongest.append([self._strongest(seen, index) for index in classes])
                if _settled(strongest):
                    yield replace(seen, total=seen.done)
                    return
            yield seen

    def settled_at(self, observation: Neighbourhood, target: Target | int) -> int | None:
        """How many samples it takes until the strongest superpixels stay the same.

        Parameters
        ----------
        observation : Neighbourhood
        target : Target or int

        Returns
        -------
        int or None
            The first number of samples, in steps of 96, at which the set of the five superpixels
            with the largest absolute coefficients has been the same four times in a row. None if
            that is not among the samples observed.
        """
        strongest: list[Any] = []
        for done in range(CHUNK, observation.done + 1, CHUNK):
            strongest.append(self._strongest(_first(observation, done), target))
            if _settled(strongest):
                return done
        return None

    def interpret(self, observation: Neighbourhood, target: Target) -> Explanation:
        surrogate = self._fit(observation, target)
        signed = target.signed or not self.positive_only
        strength = np.abs(surrogate.coefficients) if signed else surrogate.coefficients
        strongest = np.argsort(-strength, kind="stable")[: self.shown]
        painted = np.zeros(len(strength), np.float32)
        painted[strongest] = surrogate.coefficients[strongest]
        return Explanation(
            self,
            observation.classifier,
            target,
            (painted if signed else np.maximum(painted, 0))[observation.segments],
            signed=signed,
            surrogate=surrogate,
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank=_why_blank(observation.answers(target), surrogate),
        )

    def _strongest(self, observation: Neighbourhood, target: Target | int) -> frozenset[int]:
        strengths = np.abs(self._fit(observation, Target.of(target)).coefficients)
        return frozenset(np.argsort(-strengths, kind="stable")[:STRONGEST].tolist())

    def _fit(self, observation: Neighbourhood, target: Target) -> Surrogate:
        from sklearn.metrics import pairwise_distances

        rows = observation.rows
        answers = observation.answers(target)
        distances = pairwise_distances(rows, rows[:1], metric="cosine").ravel()
        intercept, fitted, r2, predicted = self._lime().base.explain_instance_with_data(
            rows, answers[:, None], distances, label=0, num_features=rows.shape[1],
            feature_selection="highest_weights",
        )  # fmt: skip
        coefficients = np.zeros(rows.shape[1])
        for superpixel, coefficient in fitted:
            coefficients[superpixel] = coefficient
        if not np.ptp(answers):
            coefficients[:], r2 = 0.0, 1.0  # without what rounding leaves of nothing
        return Surrogate(
            segments=observation.segments,
            coefficients=coefficients,
            intercept=float(intercept),
            r2=float(r2),
            predicted=float(predicted[0]),
            observed=float(answers[0]),
            fill=self.fill,
        )

    def _lime(self) -> "LimeImageExplainer":
        from lime.lime_image import LimeImageExplainer  # slow, and for LIME alone

        return LimeImageExplainer(kernel_width=self.kernel_width, random_state=self.seed)


def _why_blank(answers: np.ndarray, surrogate: Surrogate) -> str:
    if not np.ptp(answers):
        return "The probability stayed exactly the same, whatever was hidden."
    if surrogate.coefficients.min() < 0:
        return "No superpixel raises the probability; show both signs to see what lowers it."
    return "The linear model gives no superpixel any weight."


def _settled(strongest: list[Any]) -> bool:
    """Whether what was strongest is the same the last few times one looked."""
    latest = strongest[-IN_A_ROW:]
    return len(latest) == IN_A_ROW and all(each == latest[0] for each in latest)


def _first(observation: Neighbourhood, done: int) -> Neighbourhood:
    """What had been seen after so many samples."""
    return replace(
        observation,
        done=done,
        rows=observation.rows[:done],
        probabilities=observation.probabilities[:done],
    )
