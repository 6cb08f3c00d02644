"""KernelSHAP: what each piece of the picture adds, averaged over all the company it can be in."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import scipy

from explainers.classifiers.prediction import Target
from explainers.explanation import Explainer, Explanation, Kind, Surrogate
from explainers.observing.hidden_superpixels import (
    Coalitions,
    CoinTosses,
    HiddenSuperpixels,
    Neighbourhood,
)
from explainers.settings import setting

Sampling = Literal["Shapley kernel", "coin tosses"]
ENOUGH = 10
"""Samples that a superpixel needs, by the rule of thumb of those who use LIME (lime #524)."""


@dataclass(frozen=True)
class KernelShap(HiddenSuperpixels, Explainer):
    """The Shapley values of the superpixels, by weighted least squares [1]_.

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
    sampling : {"Shapley kernel", "coin tosses"}
        How pictures are drawn: see `Coalitions`, or as LIME draws them. Then what `LimeSuperpixels`
        with the same four settings above has observed is read, and nothing asked.

    Notes
    -----
    With :math:`z \\in \\{0, 1\\}^M` telling which of :math:`M` superpixels are shown and :math:`f`
    the probability of the class,

    .. math::
        \\min_\\phi \\sum_i w_i \\big(f(z_i) - \\phi_0 - \\phi^\\top z_i\\big)^2, \\qquad
        \\phi_0 = f(\\mathbf 0), \\quad \\phi_0 + \\sum_j \\phi_j = f(\\mathbf 1).

    Where every :math:`z` is asked about and weighs what the Shapley kernel gives it,

    .. math:: \\pi(z) = \\frac{M - 1}{\\binom{M}{k} \\, k \\, (M - k)}, \\qquad k = \\sum_j z_j,

    :math:`\\phi_j` is the Shapley value of superpixel :math:`j`: what it adds when it appears, the
    mean over all orders in which the superpixels can appear. Pictures drawn in proportion to
    :math:`\\pi` all weigh the same. LIME's are drawn with equal probability and weigh :math:`\\pi`;
    those that weigh most show nearly all or nearly nothing, and there are few of them. All of
    LIME's are worth :math:`(\\sum w)^2 / \\sum w^2` samples, and where that is less than ten for
    each superpixel, nothing is shown.

    LIME hardly ever hides everything. Where it has not, :math:`\\phi_0` is fitted as well. If that
    is wrong by :math:`\\delta`, every :math:`\\phi_j` is wrong by :math:`-\\delta / M`, so what
    superpixels add still compares as it should.

    While answers are fewer than superpixels there are many solutions; the one that differs least
    from equal shares is taken.

    References
    ----------
    .. [1] S. M. Lundberg, S.-I. Lee, "A Unified Approach to Interpreting Model Predictions",
       NeurIPS 2017.
    """

    name: ClassVar[str] = "kernel-shap"
    title: ClassVar[str] = "KernelSHAP"
    kind: ClassVar[Kind] = "Hiding parts"
    answers: ClassVar[str] = "Pieces, each with its fair share of the probability"
    heat: ClassVar[str] = "raises the probability of"
    needs: ClassVar[str] = "Nothing but the network's answers."
    blind_to: ClassVar[str] = (
        "What lies within a superpixel; and which pieces count only together, since what they add "
        "together is shared out among them."
    )

    sampling: Sampling = setting(
        "Shapley kernel", "Samples drawn by", "The kernel suits it best. Coin tosses are how LIME "
        "draws: they cost nothing where LIME has asked already, and suffice for few pieces.",
        choices=("Shapley kernel", "coin tosses"),
    )  # fmt: skip

    @property
    def observer(self) -> HiddenSuperpixels:
        drawn = Coalitions if self.sampling == "Shapley kernel" else CoinTosses
        return drawn(self.segmentation, self.samples, self.fill, self.seed)

    def rows(self, superpixels: int) -> np.ndarray:
        return self.observer.rows(superpixels)

    def interpret(self, observation: Neighbourhood, target: Target) -> Explanation:
        rows = np.asarray(observation.rows, float)
        weights = self._weights(rows)
        worth = weights.sum() ** 2 / ((weights**2).sum() or 1.0)
        needed = ENOUGH * rows.shape[1]
        refused = self.sampling == "coin tosses" and worth < needed
        surrogate = None if refused else self._fit(observation, rows, weights, target)
        coefficients = np.zeros(rows.shape[1]) if surrogate is None else surrogate.coefficients
        return Explanation(
            self,
            observation.classifier,
            target,
            coefficients.astype(np.float32)[observation.segments],
            signed=True,
            surrogate=surrogate,
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank=(
                f"LIME's {observation.done:,} samples were drawn otherwise than Shapley values "
                f"want them: they are worth {worth:,.0f} of its own, and {needed:,} are needed, "
                f"{ENOUGH} for each superpixel. Take its own samples, or far fewer superpixels."
                if refused
                else "The probability stayed exactly the same, whatever was hidden."
            ),
            notes=() if surrogate is None else self._notes(observation, surrogate, worth),
        )

    def _weights(self, rows: np.ndarray) -> np.ndarray:
        """The Shapley kernel over the probability of being drawn, up to a factor, ``(n,)``.

        It is infinite where all or nothing is shown, which the fit meets exactly; 0 here.
        """
        superpixels, shown = rows.shape[1], rows.sum(axis=1)
        between = (shown > 0) & (shown < superpixels)
        if self.sampling == "Shapley kernel":
            return between.astype(float)
        weights = np.zeros(len(rows))
        logarithms = scipy.special.betaln(shown[between], superpixels - shown[between])
        weights[between] = np.exp(logarithms - logarithms.max(initial=-np.inf))
        return weights

    def _fit(
        self, observation: Neighbourhood, rows: np.ndarray, weights: np.ndarray, target: Target
    ) -> Surrogate:
        """Weighted least squares of the difference from equal shares, which sums to zero."""
        answers = observation.answers(target).astype(float)
        whole = answers[0]
        hidden = 1 - rows.mean(axis=1)
        unequal = rows - rows.mean(axis=1, keepdims=True)
        beyond = answers - (1 - hidden) * whole
        empty = np.flatnonzero(hidden == 1)
        if len(empty):
            intercept = answers[empty[0]]
            differences = _least_squares(unequal, beyond - hidden * intercept, weights)
        else:
            fitted = _least_squares(np.column_stack([unequal, hidden]), beyond, weights)
            differences, intercept = fitted[:-1], fitted[-1]
        coefficients = (whole - intercept) / rows.shape[1] + differences
        r2 = _share_explained(answers, intercept + rows @ coefficients, weights)
        if not np.ptp(answers):
            coefficients[:], r2 = 0.0, 1.0  # without what rounding leaves of nothing
        return Surrogate(
            segments=observation.segments,
            coefficients=coefficients,
            intercept=float(intercept),
            r2=r2,
            predicted=float(intercept + coefficients.sum()),
            observed=float(whole),
            fill=self.fill,
        )

    def _notes(
        self, observation: Neighbourhood, surrogate: Surrogate, worth: float
    ) -> tuple[str, ...]:
        """What the coefficients sum to, and of what is read of LIME what it is worth."""
        asked = bool((observation.rows.sum(axis=1) == 0).any())
        total = (
            f"The coefficients sum to {surrogate.coefficients.sum():+.3f}: "
            f"{surrogate.observed:.3f} with every piece shown, less {surrogate.intercept:.3f} with "
            f"none{'' if asked else ', which LIME did not ask and is fitted'}."
        )
        if self.sampling == "Shapley kernel":
            return (total,)
        return (
            total,
            f"LIME's {observation.done:,} samples are worth {worth:,.0f} of its own here, "
            f"{worth / len(surrogate.coefficients):.0f} for each superpixel.",
        )


def _least_squares(design: np.ndarray, answers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of the solutions of a weighted regression the shortest, by the normal equations."""
    weighted = design.T * weights
    return np.linalg.lstsq(weighted @ design, weighted @ answers, rcond=1e-10)[0]


def _share_explained(answers: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """The share of the answers' weighted variance; 1 where nothing varies."""
    if not weights.any():
        return 1.0
    apart = answers - np.average(answers, weights=weights)
    variance = weights @ apart**2
    return float(1 - weights @ (answers - predicted) ** 2 / variance) if variance else 1.0
