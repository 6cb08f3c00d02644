"""Score-CAM: what the network says to the picture seen through each channel of a layer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy

from explainers.classifiers.prediction import Target
from explainers.explanation import PIECE, Cost, Explainer, Explanation, Kind, Observation, resample
from explainers.images.regions import PLAIN_FILLS, fill_picture, seen_through
from explainers.observing.layer import CANCELLED, SILENT, OfLayer
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier, Score
    from explainers.classifiers.graph import Layer

_WEIGHTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "increase": lambda scores, unseen: scores - unseen,
    "score": lambda scores, unseen: scores,
    "softmax": lambda scores, unseen: scipy.special.softmax(scores, axis=0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenThroughChannels(Observation):
    """What the network says to a picture seen through each of some channels of a layer.

    Parameters
    ----------
    activations : (h', w', n) float32 ndarray
        The channels, in the order in which they were asked about.
    scores : (n, C) float32 ndarray
        Of all classes, for the picture seen through each.
    unseen : (C,) float32 ndarray
        The scores where nothing of the picture is seen.
    channels : int
        How many the layer has.
    covered : float
        The share of the layer's variance over places, added up over its channels, that is theirs.
    """

    activations: np.ndarray
    scores: np.ndarray
    unseen: np.ndarray
    channels: int
    covered: float


@dataclass(frozen=True)
class ScoreCam(OfLayer, Explainer):
    """Class activation without gradients: each channel of a layer is tried as a mask [1]_.

    The channels that differ most between places are asked about, the one with the largest standard
    deviation first: what a channel adds to the differences in the map is its weight times that.
    The order knows no class, so all classes share what was seen.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do. A convolution is read where its output is activated: what it gives itself has both
        signs, and a mask is how much of something there is.
    channels : int
        How many are asked about, of those that the layer has.
    of : {"probability", "logit"}
        The score that is asked for.
    fill : str
        What is seen where a mask is 0.
    weights : {"increase", "score", "softmax"}
        What a score becomes as the weight of its channel.

    Notes
    -----
    With :math:`x` the picture, :math:`x_b` the fill, :math:`A^k` the k-th channel of the layer's
    output, :math:`U` bilinear interpolation to the size of the picture and :math:`f` the score of
    the class,

    .. math::
        L = \\mathrm{ReLU}\\Big(\\sum_k w_k A^k\\Big), \\qquad
        f_k = f\\big(x_b + H_k (x - x_b)\\big), \\qquad
        H_k = \\frac{U(A^k) - \\min U(A^k)}{\\max U(A^k) - \\min U(A^k)}.

    The weight is the increase :math:`w_k = f_k - f(x_b)`, as the paper defines it; the score
    :math:`w_k = f_k`, as its authors' code has it; or :math:`w_k = e^{f_k} / \\sum_l e^{f_l}`, as
    its algorithm has it. A channel that is the same everywhere shows nothing: its mask is 0.

    For the difference of two classes the weights are subtracted, channel by channel, and nothing
    is cut off.

    References
    ----------
    .. [1] H. Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural
       Networks", CVPR workshops 2020.

    Examples
    --------
    >>> ScoreCam(channels=64).explain(classifier, pixels, 285)  # doctest: +SKIP
    """

    name: ClassVar[str] = "score-cam"
    title: ClassVar[str] = "Score-CAM"
    kind: ClassVar[Kind] = "Class activation"
    answers: ClassVar[str] = "Places of the channels that, seen alone, give it"
    heat: ClassVar[str] = "speaks for"
    needs: ClassVar[str] = "A layer that keeps a grid of places. No gradients."
    blind_to: ClassVar[str] = (
        "Details finer than the layer's grid; the channels that were not asked about; and what "
        "channels show only together, since each is tried alone."
    )

    channels: int = setting(
        128, "Channels", "Those that differ most between places; each is one question.",
        minimum=1, maximum=4096, step=1,
    )  # fmt: skip
    of: "Score" = setting(
        "probability", "Score", "What the network is asked for, seen through each channel.",
        choices=("probability", "logit"),
    )  # fmt: skip
    fill: str = setting(
        "grey", "Around it shows", "What stands where a channel lets nothing through.",
        choices=PLAIN_FILLS,
    )  # fmt: skip
    weights: str = setting(
        "increase", "Weight of a channel", "By how much the score is higher than where nothing is "
        "seen; the score itself; or its softmax over the channels.",
        choices=tuple(_WEIGHTS), measured=False,
    )  # fmt: skip

    @property
    def all_classes(self) -> bool:
        return True

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        try:
            channels = self._read(classifier).channels
        except LookupError:  # which `observe` says before it asks
            return Cost()
        return Cost(forward=2 + min(self.channels, channels))

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[SeenThroughChannels]:
        (answers,) = classifier.activations(pixels[None], self._read(classifier).path)
        variances = answers[0].var(axis=(0, 1), dtype=np.float64)
        strongest = np.argsort(-variances, kind="stable")[: self.channels]
        activations = answers[0][..., strongest]
        filled = fill_picture(pixels, self.fill)
        ask = classifier.logits if self.of == "logit" else classifier.probabilities
        (unseen,) = ask(filled[None])
        scores = np.empty((len(strongest), len(unseen)), np.float32)
        for start in range(0, len(strongest), PIECE):
            done = min(start + PIECE, len(strongest))
            masks = _masks(activations[..., start:done], classifier.size)
            scores[start:done] = ask(seen_through(pixels, filled, masks))
            yield SeenThroughChannels(
                classifier=classifier.name,
                classes=classes,
                done=done,
                total=len(strongest),
                activations=activations[..., :done],
                scores=scores[:done],
                unseen=unseen,
                channels=len(variances),
                covered=float(variances[strongest[:done]].sum() / (variances.sum() or 1)),
            )

    def interpret(self, observation: SeenThroughChannels, target: Target) -> Explanation:
        weights = _WEIGHTS[self.weights](observation.scores, observation.unseen)
        channel_weights = target.of_answers(weights)
        summed = observation.activations @ channel_weights
        return Explanation(
            self,
            observation.classifier,
            target,
            summed if target.signed else np.maximum(summed, 0),
            signed=target.signed,
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank=self._why_blank(observation.activations, channel_weights, summed),
            notes=(
                f"It is made of {observation.done:,} of the layer's {observation.channels:,} "
                f"channels, which hold {observation.covered:.0%} of how it varies between places "
                "(of its variance).",
            ),
        )

    def _why_blank(
        self, activations: np.ndarray, channel_weights: np.ndarray, summed: np.ndarray
    ) -> str:
        if not activations.any():
            return SILENT
        if not channel_weights.any() and self.weights == "increase":
            return "Through whichever channel the picture is seen, the score is as if nothing were."
        if not channel_weights.any():
            return "No channel of this layer weighs anything."
        if not summed.any():
            return CANCELLED
        return (
            "Nowhere in this layer do the channels through which the class is seen outweigh those "
            "through which it is not, so nothing is left to show."
        )

    def _read(self, classifier: "Classifier") -> "Layer":
        """The layer whose channels are the masks."""
        layer = classifier.layer(self.layer)
        return classifier.activated(layer.path) or layer


def _masks(activations: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Channels as masks in 0..1 at the size of a picture, ``(h', w', n)`` to ``(n, h, w)``."""
    fine = np.stack([resample(channel, size) for channel in np.moveaxis(activations, -1, 0)])
    fine -= fine.min(axis=(1, 2), keepdims=True)
    highest = fine.max(axis=(1, 2), keepdims=True)
    return np.divide(fine, highest, out=fine, where=highest > 0)
