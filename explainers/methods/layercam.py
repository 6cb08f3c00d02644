"""LayerCAM: which places of a layer hold something that would raise the score by being more."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explainers.observing.layer_gradients import ClassActivation


@dataclass(frozen=True)
class LayerCam(ClassActivation):
    """Class activation from the positive gradients of each place [1]_.

    Made for layers of any depth: the maps of early ones stay clear, since what would lower the
    score is left out before the channels are added up.

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
        L_{ij} = \\mathrm{ReLU}\\Big(\\sum_k \\mathrm{ReLU}\\Big(
        \\frac{\\partial y}{\\partial A^k_{ij}}\\Big) A^k_{ij}\\Big).

    For the difference of two classes the sums over the channels are made for each class by itself
    and subtracted, and nothing more is cut off. The gradient of the difference is not what is
    read: of that, both signs would count, and the map would be HiResCAM's.

    References
    ----------
    .. [1] P.-T. Jiang, C.-B. Zhang, Q. Hou, M.-M. Cheng, Y. Wei, "LayerCAM: Exploring Hierarchical
       Class Activation Maps for Localization", IEEE Transactions on Image Processing 30, 2021.

    Examples
    --------
    >>> LayerCam(layer="block3_conv1").explain(classifier, pixels, 285)  # doctest: +SKIP
    """

    name: ClassVar[str] = "layercam"
    title: ClassVar[str] = "LayerCAM"
    answers: ClassVar[str] = "Places that raise its score, in layers of any depth"
    heat: ClassVar[str] = "raises the score of"
    blind_to: ClassVar[str] = (
        "Whatever speaks against the class: a gradient below zero counts as none, so places that "
        "lower the score look like places that do nothing."
    )
    raising_only: ClassVar[bool] = True

    def summed(self, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        return (activations * np.maximum(gradients, 0)).sum(axis=-1)
