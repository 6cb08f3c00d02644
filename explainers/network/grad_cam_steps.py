"""How Grad-CAM comes about, step by step, with every number on the way."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.prediction import Target

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier, Score


@dataclass(frozen=True, eq=False)
class GradCamSteps:
    """What Grad-CAM sees, and what it makes of that [1]_.

    Parameters
    ----------
    layer : str
        The path of the layer.
    target : Target
    activations : (h', w', c) float32 ndarray
        Step 1, the channels :math:`A^k` of the layer's output.
    gradients : (h', w', c) float32 ndarray
        :math:`\\partial y / \\partial A^k_{ij}` of the target's score.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-based Localization", ICCV 2017.
    """

    layer: str
    target: Target
    activations: np.ndarray
    gradients: np.ndarray

    @cached_property
    def weights(self) -> np.ndarray:
        """(c,) step 2, the mean of each channel's gradient: :math:`\\alpha_k`."""
        return self.gradients.mean(axis=(0, 1))

    @cached_property
    def weighted(self) -> np.ndarray:
        """(h', w', c) step 3, each channel times its weight: :math:`\\alpha_k A^k`."""
        return self.activations * self.weights

    @cached_property
    def total(self) -> np.ndarray:
        """(h', w') step 4, the sum over all channels."""
        return self.activations @ self.weights

    @cached_property
    def rectified(self) -> np.ndarray:
        """(h', w') step 5, what speaks for the target: the ReLU of the sum.

        For the difference of two classes nothing is cut off.
        """
        return self.total if self.target.signed else np.maximum(self.total, 0)

    @cached_property
    def order(self) -> np.ndarray:
        """(c,) channels by how much they move the map, the most first.

        That is the mean absolute value of :math:`\\alpha_k A^k`.
        """
        return np.argsort(-np.abs(self.weighted).mean(axis=(0, 1)), kind="stable")

    def partial(self, count: int) -> np.ndarray:
        """The sum over the first `count` channels of `order`, ``(h', w')``."""
        chosen = self.order[:count]
        return self.activations[..., chosen] @ self.weights[chosen]


def grad_cam_steps(
    classifier: "Classifier",
    pixels: np.ndarray,
    target: Target | int,
    layer: str | None = None,
    of: "Score" = "logit",
) -> GradCamSteps:
    """Take what Grad-CAM takes: one forward and one backward pass.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    target : Target or int
    layer : str, optional
        The path of a layer that keeps a grid; the last convolution if None.
    of : {"logit", "probability"}
        What is differentiated.

    Raises
    ------
    LookupError
        If there is no such layer, or no convolution at all.
    """
    path = classifier.layer(layer).path
    (local,) = classifier.gradients(pixels[None], target, at=(path,), of=of)
    return GradCamSteps(path, Target.of(target), local.values[0], local.gradients[0])
