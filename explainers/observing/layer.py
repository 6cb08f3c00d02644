"""The layer that a method looks at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from explainers.explanation import Observer
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

SILENT = "This layer is silent: it answers zero everywhere."
CANCELLED = "What the channels of this layer say adds up to exactly zero everywhere."
"""Why a map made of a layer's channels is blank, whatever weighs them."""


def _layers(classifier: "Classifier") -> tuple[str | None, ...]:
    """Convolutions first, the last of them first; then all else that keeps a grid."""
    late_first = classifier.layers[::-1]
    convolutions = [layer.path for layer in late_first if layer.convolution]
    others = [layer.path for layer in late_first if not layer.convolution]
    return None, *convolutions, *others


@dataclass(frozen=True)
class OfLayer(Observer):
    """What is asked about one layer.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do.
    """

    layer: str | None = setting(
        None,
        "Layer",
        "Early ones see edges on a fine grid, late ones see parts of things on a coarse grid.",
        choices=_layers,
    )
