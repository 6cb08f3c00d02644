"""What a model is, and whether it is fed right: told when it opens, before anyone believes it."""

from dataclasses import dataclass

import numpy as np

from explainers.classifiers.classifier import Classifier
from explainers.classifiers.graph import Layer
from explainers.classifiers.prediction import Answer
from explainers.classifiers.scaling import AS_THEY_ARE, COMMON, UNIT, Scaling

SCALERS = ("Rescaling", "Normalization", "TrueDivide", "Divide", "Subtract", "Multiply")


@dataclass(frozen=True)
class Fed:
    """What a classifier says when its pixels are scaled in one way.

    Parameters
    ----------
    scaling : Scaling
    answer : Answer
        The most probable class.
    surprise : float or None
        How unlike its training such pixels are to the network, see `Classifier.surprise`; lower
        is more alike.
    """

    scaling: Scaling
    answer: Answer
    surprise: float | None


@dataclass(frozen=True)
class CheckUp:
    """What there is to know of a classifier before one believes it.

    Parameters
    ----------
    kind : str
        The model and the models nested in it, from the outside in: ``"Sequential > Functional"``.
    head : str
        How it comes to its probabilities.
    input : tuple of int
        Rows, columns and channels.
    rescaling : str or None
        The path of the layer that scales the pixels inside the model, if there is one.
    parameters : int
        All its weights.
    layers : tuple of Layer
        Every layer inside.
    feedings : tuple of Fed
        Its answer to one picture under each of the common scalings, and the one in use.
    """

    kind: str
    head: str
    input: tuple[int, int, int]
    rescaling: str | None
    parameters: int
    layers: tuple[Layer, ...]
    feedings: tuple[Fed, ...]

    @property
    def likeliest(self) -> Fed | None:
        """The feeding that surprises the network least; None if it cannot tell."""
        known = [fed for fed in self.feedings if fed.surprise is not None]
        return min(known, key=lambda fed: fed.surprise or 0.0, default=None)


def check_up(classifier: Classifier, pixels: np.ndarray) -> CheckUp:
    """Look a classifier over.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
        A picture from `classifier.prepare`, to compare the scalings by.
    """
    scalings = [classifier.scaling, *(entry for entry in COMMON if entry != classifier.scaling)]
    feedings = []
    for scaling in scalings:
        variant = classifier.variant(scaling=scaling)
        (answer,) = variant.predict(pixels).top(1)
        feedings.append(Fed(scaling, answer, variant.surprise))
    return CheckUp(
        classifier.nesting,
        _head(classifier),
        (*classifier.size, classifier.channels),
        rescaling_inside(classifier),
        sum(layer.parameters for layer in classifier.summary),
        classifier.summary,
        tuple(sorted(feedings, key=lambda fed: _order(fed.scaling))),
    )


def find_scaling(classifier: Classifier) -> Scaling:
    """The scaling that a network was most likely trained with.

    None if it scales its pixels itself; else the one under which typical pictures surprise its
    first batch normalisation least; else, for want of evidence, 0..1.
    """
    if rescaling_inside(classifier):
        return AS_THEY_ARE
    surprises = [(classifier.variant(scaling=scaling).surprise, scaling) for scaling in COMMON]
    known = [(surprise, scaling) for surprise, scaling in surprises if surprise is not None]
    return min(known, key=lambda pair: pair[0])[1] if known else UNIT


def rescaling_inside(classifier: Classifier) -> str | None:
    """The path of the first layer that scales pixels, if it comes before all that is trained."""
    for layer in classifier.summary:
        if layer.kind in SCALERS:
            return layer.path
        if layer.parameters:
            return None
    return None


def _head(classifier: Classifier) -> str:
    classes = len(classifier.labels)
    left_out = ", which the model leaves out" if classifier.activation == "linear" else ""
    odds = "with no logits behind them: the logarithm of the odds stands for each"
    if classifier.paired and classifier.derived:
        return f"one probability for two classes, {odds}"
    if classifier.paired:
        return f"one logit for two classes, through a sigmoid{left_out}"
    if classifier.activation == "sigmoid" and classifier.derived:
        return f"{classes:,} probabilities {odds}; several classes can be true at once"
    if classifier.activation == "sigmoid":
        return f"{classes:,} independent sigmoids: several classes can be true at once"
    if classifier.derived:
        return (
            f"{classes:,} probabilities that add up to 1, with no logits behind them: their "
            "logarithm stands for these"
        )
    return f"{classes:,} logits through a softmax{left_out}"


def _order(scaling: Scaling) -> int:
    return COMMON.index(scaling) if scaling in COMMON else len(COMMON)
