"""A layer's activations and the gradients by them: what class activation maps are made of."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import Cost, Explainer, Explanation, Kind, Observation
from explainers.observing.layer import CANCELLED, SILENT, OfLayer
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier, Score


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureGradients(Observation):
    """A layer's activations, ``(h', w', c)``, and the gradients of each class's score by them."""

    activations: np.ndarray
    gradients: np.ndarray


@dataclass(frozen=True)
class LayerGradients(OfLayer):
    """One pass forward, and one backward to a layer for each class.

    Parameters
    ----------
    layer : str, optional
        The path of a convolution; the last one if None. Any layer whose output keeps a grid will
        do.
    of : {"logit", "probability"}
        What is differentiated.
    """

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
    """A method that reads the gradients of a layer: between such methods nothing is asked anew.

    It weighs the channels of the layer and adds them up, place by place. For one class what is
    below zero is cut off then. For the difference of two classes the sum of the one is taken from
    that of the other and nothing is cut off: what speaks against the one speaks for the other.
    """

    kind: ClassVar[Kind] = "Class activation"
    needs: ClassVar[str] = "A layer that keeps a grid of places, and gradients back to it."
    raising_only: ClassVar[bool] = False
    """Whether a gradient below zero counts as none."""

    @property
    def observer(self) -> LayerGradients:
        return LayerGradients(layer=self.layer, of=self.of)

    @abstractmethod
    def summed(self, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
        """What the channels of a layer say for a class, added up at each place.

        Parameters
        ----------
        activations : (h', w', c) float32 ndarray
            What the layer answers.
        gradients : (h', w', c) float32 ndarray
            Of the score of the class by them.

        Returns
        -------
        (h', w') float32 ndarray
        """

    def notes(self, gradients: np.ndarray) -> tuple[str, ...]:
        """What the gradients of the target's score, ``(h', w', c)``, tell of the map."""
        return ()

    def interpret(self, observation: FeatureGradients, target: Target) -> Explanation:
        activations = observation.activations
        by_class = [
            observation.gradients[observation.classes.index(index)] for index in target.classes
        ]
        sums = [self.summed(activations, gradients) for gradients in by_class]
        summed = target.of_classes(target.classes, sums)
        gradients = target.of_classes(target.classes, by_class)
        raised = not self.raising_only or any((each > 0).any() for each in by_class)
        return Explanation(
            self,
            observation.classifier,
            target,
            summed if target.signed else np.maximum(summed, 0),
            signed=target.signed,
            seconds=observation.seconds,
            why_blank=_why_blank(activations, gradients, summed, raised),
            notes=self.notes(gradients),
        )


def _why_blank(
    activations: np.ndarray, gradients: np.ndarray, summed: np.ndarray, raised: bool
) -> str:
    if not gradients.any():
        return (
            "The score does not change with this layer at all: its gradient is zero everywhere, "
            "as it is where a network is saturated."
        )
    if not activations.any():
        return SILENT
    if not raised:
        return (
            "No channel of this layer would raise the score by answering more, and this method "
            "counts none but those."
        )
    if not summed.any():
        return CANCELLED
    return (
        "Nowhere in this layer does what speaks for this class outweigh what speaks against it, "
        "so nothing is left to show."
    )
