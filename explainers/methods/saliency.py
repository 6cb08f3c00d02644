"""Smoothed saliency: which pixels, nudged, would change the score most."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy

from explainers.classifiers.prediction import Target
from explainers.explanation import Cost, Explainer, Explanation, Kind, Observation
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier, Score

BATCH = 16

_REDUCTIONS = {
    "largest absolute": lambda gradient: np.abs(gradient).max(axis=-1),
    "mean absolute": lambda gradient: np.abs(gradient).mean(axis=-1),
    "red": lambda gradient: np.abs(gradient[..., 0]),
    "green": lambda gradient: np.abs(gradient[..., 1]),
    "blue": lambda gradient: np.abs(gradient[..., 2]),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanGradient(Observation):
    """The gradient of each class's score by the pixels, ``(classes, h, w, 3)``, mean so far."""

    gradients: np.ndarray


@dataclass(frozen=True)
class Saliency(Explainer):
    """The gradient of the score by the pixels [1]_, averaged over noisy copies [2]_ and smoothed.

    Parameters
    ----------
    samples : int
        Noisy copies to average over; 1 is the plain gradient, without noise.
    noise : float
        Standard deviation of the noise, as a share of the picture's range of values.
    sigma : float
        Of the Gaussian that smooths the map, in pixels of the network; 0 for none.
    reduction : str
        How three channels become one: the largest or the mean absolute value, or one channel's.
    of : {"logit", "probability"}
        What is differentiated.
    seed : int
        Of the noise.

    Notes
    -----
    With :math:`y` the logit of the class, :math:`x` the pixels and :math:`n` samples,

    .. math::
        M = G_\\sigma * \\max_c \\Big| \\frac{1}{n} \\sum_{i=1}^{n}
        \\frac{\\partial y}{\\partial x_c}\\big(x + \\mathcal{N}(0, s^2)\\big) \\Big|, \\qquad
        s = \\mathrm{noise} \\cdot (\\max x - \\min x).

    The map tells sensitivity, not direction: it has no sign, for one class as for the difference
    of two.

    References
    ----------
    .. [1] K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks: Visualising
       Image Classification Models and Saliency Maps", ICLR workshop 2014.
    .. [2] D. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.
    """

    name: ClassVar[str] = "saliency"
    title: ClassVar[str] = "Smoothed saliency"
    kind: ClassVar[Kind] = "Gradients"
    answers: ClassVar[str] = "Pixels that would move its score most"
    heat: ClassVar[str] = "moves the score of"
    needs: ClassVar[str] = "Gradients all the way back to the pixels."
    blind_to: ClassVar[str] = (
        "Whether a pixel speaks for or against; and what many pixels do together, or what has "
        "saturated: it tells how the score begins to change, not how it came about."
    )

    samples: int = setting(
        50, "Noisy samples", "1 is the plain gradient; more give a calmer map.",
        minimum=1, maximum=500, step=1,
    )  # fmt: skip
    noise: float = setting(
        0.15, "Noise", "Standard deviation, as a share of the picture's range of values.",
        minimum=0.0, maximum=1.0, step=0.01,
    )  # fmt: skip
    sigma: float = setting(
        3.0, "Smoothing", "Gaussian sigma in pixels of the network; 0 for none.",
        minimum=0.0, maximum=30.0, step=0.5, measured=False,
    )  # fmt: skip
    reduction: str = setting(
        "largest absolute", "Channels", "How red, green and blue become one value.",
        choices=tuple(_REDUCTIONS), measured=False,
    )  # fmt: skip
    of: "Score" = setting(
        "logit",
        "Gradient of",
        "The probability hardly moves where the network is sure; the logit still does.",
        choices=("logit", "probability"),
    )
    seed: int = setting(
        0, "Seed", "Of the noise: the same seed gives the same map.",
        minimum=0, maximum=2**31 - 1, step=1,
    )  # fmt: skip

    @property
    def random(self) -> bool:
        return self.samples > 1 and self.noise > 0

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        return Cost(forward=self.samples, backward=self.samples * classes)

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[MeanGradient]:
        total = np.zeros((len(classes), *pixels.shape), np.float32)
        done = 0
        for batch in self._noisy(pixels):
            (local,) = classifier.gradients(batch, classes, of=self.of)
            total += local.gradients.sum(axis=1)
            done += len(batch)
            yield MeanGradient(
                classifier=classifier.name,
                classes=classes,
                done=done,
                total=self.samples,
                gradients=total / done,
            )

    def interpret(self, observation: MeanGradient, target: Target) -> Explanation:
        gradient = target.of_classes(observation.classes, observation.gradients)
        heatmap = _REDUCTIONS[self.reduction](gradient)
        if self.sigma:
            heatmap = scipy.ndimage.gaussian_filter(heatmap, self.sigma, mode="nearest")
        return Explanation(
            self,
            observation.classifier,
            target,
            heatmap,
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank=self._why_blank(gradient),
        )

    def _why_blank(self, gradient: np.ndarray) -> str:
        if gradient.any():
            return f"The pixels' {self.reduction} does not move the score; other colours do."
        return (
            "No pixel moves the score at all: its gradient is zero everywhere, as it is where a "
            "network is saturated."
        )

    def _noisy(self, pixels: np.ndarray) -> Iterator[np.ndarray]:
        if self.samples == 1:
            yield pixels[None]
            return
        random = np.random.default_rng(self.seed)
        deviation = np.float32(self.noise * np.ptp(pixels))
        for start in range(0, self.samples, BATCH):
            count = min(BATCH, self.samples - start)
            yield pixels + deviation * random.standard_normal((count, *pixels.shape), np.float32)
