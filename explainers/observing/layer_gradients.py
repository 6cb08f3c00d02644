"""A layer's activations and the gradients by them: what class activation maps are made of."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from explainers.explanation import Cost, Explainer, Kind, Observation, Observer
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
class LayerGradients(Observer):
    """One pass forward, and one backward to a layer for each class.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do.
    of : {"logit", "probability"}
        What is differentiated.
    """

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


@dataclass(frozen=True)
class ClassActivation(LayerGradients, Explainer):
    """A method that reads the gradients of a layer: between such methods nothing is asked anew."""

    kind: ClassVar[Kind] = "Class activation"
    needs: ClassVar[str] = "A layer that keeps a grid of places, and gradients back to it."

    @property
    def observer(self) -> LayerGradients:
        return LayerGradients(layer=self.layer, of=self.of)
