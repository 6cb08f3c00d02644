"""Grad-CAM++: Grad-CAM whose average over places gives places of their own weight."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from explainers.observing.layer_gradients import ClassActivation
from explainers.settings import setting


@dataclass(frozen=True)
class GradCamPlusPlus(ClassActivation):
    """Class activation from positive gradients, weighed place by place [1]_.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do.
    of : {"logit", "probability"}
        What is differentiated.
    normalised : bool
        Whether the weights of a channel's places with a positive gradient are divided by their
        sum, as the authors' code does and the paper does not.

    Notes
    -----
    With :math:`A^k` the k-th channel of the layer's output, :math:`i, j` and :math:`a, b` places
    on its grid, :math:`y` the logit of the class and :math:`g^k_{ij} = \\partial y / \\partial
    A^k_{ij}`,

    .. math::
        L_{ij} = \\mathrm{ReLU}\\Big(\\sum_k w_k A^k_{ij}\\Big), \\qquad
        w_k = \\sum_{a,b} \\alpha^k_{ab} \\, \\mathrm{ReLU}(g^k_{ab}), \\qquad
        \\alpha^k_{ij} = \\frac{(g^k_{ij})^2}{2 (g^k_{ij})^2 + (g^k_{ij})^3 \\sum_{a,b}
        A^k_{ab}}.

    That is the paper's closed form: it explains :math:`e^y`, takes the network after the layer for
    piecewise linear, so that the second and third derivatives of :math:`e^y` are :math:`e^y g^2`
    and :math:`e^y g^3`, and :math:`e^y` cancels in :math:`\\alpha`. What is left of it is one
    factor of the whole map; it is left out, or a logit of 90 would be beyond float32. Where
    :math:`\\alpha` has nothing in its denominator it is 0.

    For the difference of two classes the sums over the channels are made for each class by itself
    and subtracted, and nothing is cut off; both are without their factors, which would let the
    more probable class alone be seen.

    References
    ----------
    .. [1] A. Chattopadhay, A. Sarkar, P. Howlader, V. N. Balasubramanian, "Grad-CAM++: Generalized
       Gradient-based Visual Explanations for Deep Convolutional Networks", WACV 2018.

    Examples
    --------
    >>> GradCamPlusPlus(layer="block5_conv3").explain(classifier, pixels, 285)  # doctest: +SKIP
    """

    name: ClassVar[str] = "grad-cam-plus-plus"
    title: ClassVar[str] = "Grad-CAM++"
    answers: ClassVar[str] = "Places whose features raise it, several things of a kind alike"
    heat: ClassVar[str] = "speaks for"
    blind_to: ClassVar[str] = (
        "Details finer than the layer's grid; and whatever speaks against the class: a gradient "
        "below zero counts as none."
    )
    raising_only: ClassVar[bool] = True

    normalised: bool = setting(
        False, "Weights that sum to 1", "In each channel, as the code of the method's authors has "
        "it; the paper has not.", measured=False,
    )  # fmt: skip

    def summed(self, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        raising = np.maximum(gradients, 0)
        denominators = 2 + gradients * activations.sum(axis=(0, 1))
        counts = (raising > 0) & (denominators != 0)
        shares = np.divide(1, denominators, out=np.zeros_like(denominators), where=counts)
        channel_weights = (shares * raising).sum(axis=(0, 1))
        if self.normalised:
            whole = shares.sum(axis=(0, 1))
            channel_weights = np.divide(
                channel_weights, whole, out=np.zeros_like(whole), where=whole != 0
            )
        return activations @ channel_weights
