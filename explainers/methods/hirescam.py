"""HiResCAM: Grad-CAM without averaging, so that each place keeps a gradient of its own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explainers.explanation import ROUNDING
from explainers.observing.layer_gradients import ClassActivation


@dataclass(frozen=True)
class HiResCam(ClassActivation):
    """Class activation from the gradients of each place [1]_.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do.
    of : {"logit", "probability"}
        What is differentiated.

    Notes
    -----
    With :math:`A^k` the k-th channel of the layer's output, :math:`i, j` a place on its grid, and
    :math:`y` the logit of the class,

    .. math::
        L_{ij} = \\mathrm{ReLU}\\Big(\\sum_k \\frac{\\partial y}{\\partial A^k_{ij}}
        A^k_{ij}\\Big).

    The paper leaves the rectifier out; here it stands as in Grad-CAM, so that the two can be
    compared. They are equal where each channel's gradient is the same at all places, as it is
    where the layer's output goes straight into an average over all places and a linear layer; a
    note says whether it is. Where nothing but linear layers without bias follow, the map before
    the rectifier adds up to the logit.

    For the difference of two classes nothing is cut off: what speaks against the one speaks for
    the other.

    References
    ----------
    .. [1] R. L. Draelos, L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
       convolutional neural networks", 2020.

    Examples
    --------
    >>> HiResCam(layer="block5_conv3").explain(classifier, pixels, 285)  # doctest: +SKIP
    """

    name: ClassVar[str] = "hirescam"
    title: ClassVar[str] = "HiResCAM"
    answers: ClassVar[str] = "Places that add to its score, each by its own gradient"
    heat: ClassVar[str] = "adds to the score of"
    blind_to: ClassVar[str] = (
        "Details finer than the layer's grid; and what the layers after it make of places "
        "together, as far as that is not linear."
    )

    def summed(self, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        return (activations * gradients).sum(axis=-1)

    def notes(self, gradients: np.ndarray) -> tuple[str, ...]:
        if not gradients.any():
            return ()
        means = gradients.mean(axis=(0, 1))
        if np.abs(gradients - means).max() <= ROUNDING * np.abs(gradients).max():
            return (
                "Each channel's gradient is the same at all places of this layer, so Grad-CAM's "
                "map is the same.",
            )
        kept = np.square(means).sum() / np.square(gradients).mean(axis=(0, 1)).sum()
        return (
            "Grad-CAM averages each channel's gradient over all places, which keeps "
            f"{kept:.0%} of its squares here; this map keeps all.",
        )
