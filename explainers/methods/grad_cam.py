"""Grad-CAM: which places of a convolution's output speak for the class."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import Explanation
from explainers.observing.layer_gradients import ClassActivation, FeatureGradients


@dataclass(frozen=True)
class GradCam(ClassActivation):
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
    blind_to: ClassVar[str] = (
        "Details finer than the layer's grid; and a channel that speaks for the class in one place "
        "and against it in another, since its gradient is averaged over all places."
    )

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
