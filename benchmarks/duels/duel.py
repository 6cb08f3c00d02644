"""A duel, and what is explained in all of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explainers import Classifier, Explainer
from explainers.classifiers.scaling import LITE, Scaling
from explainers.images.samples import SAMPLES
from explainers.models.efficientnet_lite import VARIANTS, build
from explainers.models.imagenet import imagenet_labels

import keras  # isort: skip

CAT = 285
LAYER = "head_convolution"
Map = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Duel:
    """A peer to be measured against, and by how much Triptych means to be faster."""

    peer: str
    peers: Map
    ours: Map
    to_reach: float | None
    repetitions: int


Duels = Iterable[tuple[str, Duel]]
"""With the name of the method that is timed."""


class Subject:
    """The Egyptian cat and the network that sees it, in the forms that the peers want.

    Parameters
    ----------
    samples : int
        Of LIME and of what else hides parts.
    repetitions : int
        Of what is quick; what is slow is repeated less often.

    Attributes
    ----------
    model : keras.Model
        EfficientNet-Lite0 with its trained weights.
    classifier : Classifier
        The same.
    pixels : (h, w, 3) float32 ndarray
        In 0..255.
    scaled : (1, h, w, 3) float32 ndarray
        As the model is fed.
    one_hot : (1, 1000) float32 ndarray
        The cat among the classes.
    """

    def __init__(self, samples: int, repetitions: int) -> None:
        self.samples, self.repetitions = samples, repetitions
        self.model = build(VARIANTS["efficientnet-lite0"])
        self.classifier = Classifier(
            self.model, name="lite0", labels=imagenet_labels(), scaling=LITE
        )
        self.pixels = self.classifier.prepare(SAMPLES["cat"].read())
        self.scaled = LITE(self.pixels)[None].astype(np.float32)
        self.one_hot = np.eye(1000, dtype=np.float32)[[CAT]]

    @property
    def fewer(self) -> int:
        """Repetitions of what takes a second or so."""
        return max(3, self.repetitions // 3)

    @cached_property
    def linear(self) -> keras.Model:
        """The model without its softmax: what peers that explain the logit are given."""
        return self.times(1)

    def times(self, factor: float) -> keras.Model:
        """The linear model with its logits multiplied."""
        head = keras.layers.Dense(1000)
        linear = keras.Model(self.model.inputs, head(self.model.layers[-2].output))
        head.set_weights([factor * weight for weight in self.model.layers[-1].get_weights()])
        return linear

    def explain(self, explainer: Explainer, scaling: Scaling = LITE) -> Map:
        """Our map of the cat, whenever it is asked for."""
        classifier = self.classifier.variant(scaling=scaling)
        return lambda: explainer.explain(classifier, self.pixels, CAT).heatmap
