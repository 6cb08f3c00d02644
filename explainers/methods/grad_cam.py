"""Grad-CAM: which places of a convolution's output speak for the class."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explainers.observing.layer_gradients import ClassActivation


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

    def summed(self, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        channel_weights = gradients.mean(axis=(0, 1))
        return activations @ channel_weights
