"""Grad-CAM: which places of a convolution's output speak for the class."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import Cost, Explainer, Explanation, Observation
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier, Score


def _layers(classifier: "Classifier") -> tuple[str | None, ...]:
    """Convolutions first, the last of them first; then all else that keeps a grid."""
    late_first = classifier.layers[::-1]
    convolutions = [layer.path for layer in late_first if layer.convolution]
    others = [layer.path for layer in late_first if not layer.convolution]
    return None, *convolutions, *others


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureGradients(Observation):
    """A layer's activations, ``(h', w', c)``, and the gradients of each class's score by them."""

    activations: np.ndarray
    gradients: np.ndarray


@dataclass(frozen=True)
class GradCam(Explainer):
    """Class activation from gradients [1]_.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do.
    of : {"logit", "probability"}
        What is differentiated.

    Notes
    -----
    With :math:`A^k` the k-th channel of the layer's output, on a grid of :math:`h' \\times w'`
    places, and :math:`y` the logit of the class,

    .. math::
        L = \\mathrm{ReLU}\\Big(\\sum_k \\alpha_k A^k\\Big), \\qquad
        \\alpha_k = \\frac{1}{h' w'} \\sum_{i,j} \\frac{\\partial y}{\\partial A^k_{ij}}.

    The values are kept as they come, on the layer's own grid. For the difference of two classes
    nothing is cut off: what speaks against the one speaks for the other.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-based Localization", ICCV 2017.

    Examples
    --------
    >>> GradCam(layer="block5_conv3").explain(classifier, pixels, 285)  # doctest: +SKIP
    """

    name: ClassVar[str] = "grad-cam"
    title: ClassVar[str] = "Grad-CAM"
    answers: ClassVar[str] = "Places whose features speak for it"
    heat: ClassVar[str] = "speaks for"

    layer: str | None = setting(
        None,
        "Layer",
        "Early ones see edges on a fine grid, late ones see parts of things on a coarse grid.",
        choices=_layers,
    )
    of: "Score" = setting(
        "logit",
        "Gradient of",
        "The probability hardly moves where the network is sure; the logit still does.",
        choices=("logit", "probability"),
    )

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        return Cost(forward=1, backward=classes)

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[FeatureGradients]:
        layer = classifier.layer(self.layer).path
        (local,) = classifier.gradients(pixels[None], classes, at=(layer,), of=self.of)
        yield FeatureGradients(
            classifier=classifier.name,
            classes=classes,
            activations=local.values[0],
            gradients=local.gradients[:, 0],
        )

    def observe_batch(
        self, classifier: "Classifier", batch: np.ndarray, classes: Sequence[int] | np.ndarray
    ) -> list[FeatureGradients]:
        return self._observe_together(classifier, batch, classes)[1]

    def observe_answers(
        self, classifier: "Classifier", batch: np.ndarray
    ) -> tuple[np.ndarray, list[FeatureGradients]]:
        return self._observe_together(classifier, batch)

    def _observe_together(
        self,
        classifier: "Classifier",
        batch: np.ndarray,
        classes: Sequence[int] | np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[FeatureGradients]]:
        """One pass for all pictures, each for the class given or for its answer."""
        started = time.perf_counter()
        layer = classifier.layer(self.layer).path
        probabilities, (local,) = classifier.answers_and_gradients(
            batch, at=(layer,), of=self.of, classes=classes
        )
        if classes is None:
            classes = probabilities.argmax(axis=1)
        seconds = (time.perf_counter() - started) / len(batch)
        seen = zip(classes, local.values, local.gradients, strict=True)
        return probabilities, [
            FeatureGradients(
                classifier=classifier.name,
                classes=(int(index),),
                seconds=seconds,
                activations=activations,
                gradients=gradients[None],
            )
            for index, activations, gradients in seen
        ]

    def interpret(self, observation: FeatureGradients, target: Target) -> Explanation:
        gradients = target.of_classes(observation.classes, observation.gradients)
        channel_weights = gradients.mean(axis=(0, 1))
        summed = observation.activations @ channel_weights
        return Explanation(
            self,
            observation.classifier,
            target,
            summed if target.signed else np.maximum(summed, 0),
            signed=target.signed,
            seconds=observation.seconds,
            why_blank=_why_blank(observation.activations, gradients, summed),
        )


def _why_blank(activations: np.ndarray, gradients: np.ndarray, summed: np.ndarray) -> str:
    if not gradients.any():
        return (
            "The score does not change with this layer at all: its gradient is zero everywhere, "
            "as it is where a network is saturated."
        )
    if not activations.any():
        return "This layer is silent: it answers zero everywhere."
    if not summed.any():
        return "What the channels of this layer say adds up to exactly zero everywhere."
    return (
        "Nowhere in this layer does what speaks for this class outweigh what speaks against it, "
        "so nothing is left to show."
    )
