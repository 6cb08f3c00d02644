"""What a model is, and whether it is fed right: told when it opens, before anyone believes it."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.errors import NoAnswerError
from explainers.classifiers.natural_noise import natural_noise
from explainers.classifiers.prediction import Answer
from explainers.classifiers.scaling import AS_THEY_ARE, COMMON, SIGNED, UNIT, Scaling

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier
    from explainers.classifiers.graph import Layer

PASSES = 60
"""Forward passes that a check-up takes, roughly."""
SCALERS = ("Rescaling", "Normalization", "TrueDivide", "Divide", "Subtract", "Multiply")
LARGEST, NARROWEST = 5.0, 0.5
"""Networks are usually given numbers of about -5 to 5: twice the -2.1 to 2.6 of the widest common
scaling, torch's, whose deviation is 1. And they are spread over no less than half of the narrowest,
0 to 1: what is scaled twice comes as 0 to 0.004."""


@dataclass(frozen=True)
class Fed:
    """What a classifier says when its pixels are scaled in one way.

    Parameters
    ----------
    scaling : Scaling
    answer : Answer or None
        The most probable class; None if the answer is not made of finite numbers.
    given : tuple of float
        The least and the largest number that the network is given of typical pictures then, behind
        the layers that scale inside it.
    surprise : float or None
        How unlike its training such pixels are to the network, see `Classifier.surprise`; lower
        is more alike.
    """

    scaling: Scaling
    answer: Answer | None
    given: tuple[float, float]
    surprise: float | None

    @property
    def usual(self) -> bool:
        """Whether networks are usually given numbers like these."""
        low, high = self.given
        return low >= -LARGEST and high <= LARGEST and high - low >= NARROWEST


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
    fed : Fed
        That in use.
    """

    kind: str
    head: str
    input: tuple[int, int, int]
    rescaling: str | None
    parameters: int
    layers: tuple["Layer", ...]
    feedings: tuple[Fed, ...]
    fed: Fed

    @property
    def likeliest(self) -> Fed | None:
        """The feeding that surprises the network least; None if it cannot tell."""
        known = [fed for fed in self.feedings if fed.surprise is not None]
        return min(known, key=lambda fed: fed.surprise or 0.0, default=None)


def check_up(classifier: "Classifier", pixels: np.ndarray) -> CheckUp:
    """Look a classifier over.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
        A picture from `classifier.prepare`, to compare the scalings by.
    """
    scalings = [classifier.scaling, *(entry for entry in COMMON if entry != classifier.scaling)]
    fed, *others = [_fed(classifier.variant(scaling=scaling), pixels) for scaling in scalings]
    return CheckUp(
        classifier.nesting,
        _head(classifier),
        (*classifier.size, classifier.channels),
        next(iter(scaling_layers(classifier)), None),
        sum(layer.parameters for layer in classifier.summary),
        classifier.summary,
        tuple(sorted([fed, *others], key=lambda each: _order(each.scaling))),
        fed,
    )


def find_scaling(classifier: "Classifier") -> Scaling:
    """The scaling that a network was most likely trained with.

    Where it scales its pixels itself, the first of 0..255, 0..1 and -1..1 of which it makes numbers
    as networks are usually given; 0..255 if none is. Else the one under which typical pictures
    surprise its first batch normalisation least; else, for want of evidence, 0..1.
    """
    if scaling_layers(classifier):
        usual = (
            scaling
            for scaling in (AS_THEY_ARE, UNIT, SIGNED)
            if _fed(classifier.variant(scaling=scaling)).usual
        )
        return next(usual, AS_THEY_ARE)
    surprises = [(classifier.variant(scaling=scaling).surprise, scaling) for scaling in COMMON]
    known = [(surprise, scaling) for surprise, scaling in surprises if surprise is not None]
    return min(known, key=lambda pair: pair[0])[1] if known else UNIT


def scaling_layers(classifier: "Classifier") -> tuple[str, ...]:
    """The paths of the layers that scale pixels before anything is learnt of them."""
    found = []
    for layer in classifier.summary:
        if layer.kind in SCALERS:
            found.append(layer.path)
        elif layer.parameters:
            break
    return tuple(found)


def _fed(classifier: "Classifier", pixels: np.ndarray | None = None) -> Fed:
    answer = None
    if pixels is not None:
        with contextlib.suppress(NoAnswerError):
            (answer,) = classifier.predict(pixels).top(1)
    typical = natural_noise(classifier.size)
    inside = scaling_layers(classifier)
    given = classifier.activations(typical, inside[-1])[0] if inside else None
    if given is None:
        given = classifier.scaling(typical)
    low, high = float(given.min()), float(given.max())
    return Fed(classifier.scaling, answer, (low, high), classifier.surprise)


def _head(classifier: "Classifier") -> str:
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
