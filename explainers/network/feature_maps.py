"""What the channels of a layer see in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from explainers.classifiers.prediction import Target

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Order = Literal["number", "strongest", "most varied", "most important"]
ORDERS: tuple[Order, ...] = ("number", "strongest", "most varied", "most important")


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The output of one layer for one picture.

    Parameters
    ----------
    layer : str
        Its path.
    maps : (h', w', c) float32 ndarray
        What each channel says at each place.
    importance : (c,) float32 ndarray
        What each channel contributes to the target's logit, to first order: gradient times
        activation, summed over all places. Negative where it speaks against.
    """

    layer: str
    maps: np.ndarray
    importance: np.ndarray

    @cached_property
    def dead(self) -> np.ndarray:
        """(c,) bool, the channels that are zero everywhere in this picture."""
        return (self.maps == 0).all(axis=(0, 1))

    def ranked(self, order: Order) -> np.ndarray:
        """The channels in some order, ``(c,)`` int; ties keep the order of their numbers.

        Parameters
        ----------
        order : {"number", "strongest", "most varied", "most important"}
            By number; by the largest absolute response; by the standard deviation over all places;
            by importance.
        """
        keys = {
            "number": -np.arange(self.maps.shape[-1]),
            "strongest": np.abs(self.maps).max(axis=(0, 1)),
            "most varied": self.maps.std(axis=(0, 1)),
            "most important": self.importance,
        }
        return np.argsort(-keys[order], kind="stable")

    def strongest_cell(self, channel: int) -> tuple[int, int]:
        """Row and column, on the layer's own grid, of a channel's largest absolute response."""
        flat = int(np.abs(self.maps[..., channel]).argmax())
        row, column = divmod(flat, self.maps.shape[1])
        return row, column


def feature_maps(
    classifier: "Classifier", pixels: np.ndarray, layer: str, target: Target | int
) -> FeatureMaps:
    """What the channels of a layer see, and what they mean for a target: one pass, and one back.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    layer : str
        The path of a layer that keeps a grid. What the network goes on with behind a convolution
        is seen at `classifier.activated`.
    target : Target or int
        Whose logit importance is measured by.

    Raises
    ------
    LookupError
        If there is no such layer, or it keeps no grid.
    """
    (local,) = classifier.gradients(pixels[None], target, at=(layer,))
    importance = np.einsum("nhwc,nhwc->c", local.values, local.gradients)
    return FeatureMaps(layer, local.values[0], importance)


def strongest_maps(
    classifier: "Classifier", pixels: np.ndarray, layers: Sequence[str], count: int = 8
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The channels that respond most, of many layers in one pass.

    Returns
    -------
    dict of str to (numbers, maps)
        For each layer the numbers of its `count` channels with the largest absolute response, the
        strongest first and ties in the order of their numbers, and their maps,
        ``(h', w', count)``.
    """
    found = {}
    outputs = classifier.activations(pixels[None], *layers)
    for layer, (maps,) in zip(layers, outputs, strict=True):
        strengths = np.abs(maps).max(axis=(0, 1))
        numbers = np.argsort(-strengths, kind="stable")[:count]
        found[layer] = numbers, maps[..., numbers]
    return found
