"""What a model is, and whether it is fed right: told when it opens, before anyone believes it."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from explainers.classifiers.classifier import Classifier
from explainers.classifiers.graph import Layer
from explainers.classifiers.prediction import Answer
from explainers.classifiers.scaling import AS_THEY_ARE, COMMON, UNIT, Scaling

SCALERS = ("Rescaling", "Normalization", "TrueDivide", "Divide", "Subtract", "Multiply")
PICTURES = 8


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
        fed = classifier.fed(scaling)
        (answer,) = fed.predict(pixels).top(1)
        feedings.append(Fed(scaling, answer, fed.surprise(typical_pictures(classifier.size))))
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
    pictures = typical_pictures(classifier.size)
    surprises = [(classifier.fed(scaling).surprise(pictures), scaling) for scaling in COMMON]
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


@cache
def typical_pictures(size: tuple[int, int]) -> np.ndarray:
    """Seeded noise with the statistics of photographs, ``(PICTURES, h, w, 3)`` float32 in 0..255.

    Amplitudes fall with one over the frequency [1]_ and the three channels rise and fall mostly
    together; the mean and the spread of brightness are those that ImageNet is scaled by.

    References
    ----------
    .. [1] D. J. Field, "Relations between the statistics of natural images and the response
       properties of cortical cells", Journal of the Optical Society of America A, 1987.
    """
    random = np.random.default_rng(0)
    rows, columns = (np.fft.fftfreq(side) for side in size)
    frequency = np.hypot(rows[:, None], columns)
    frequency[0, 0] = np.inf
    noise = np.fft.fft2(random.normal(size=(PICTURES, 4, *size)))
    waves = np.fft.ifft2(noise / frequency).real
    waves /= waves.std(axis=(2, 3), keepdims=True)
    colours = waves[:, :1] + 0.35 * waves[:, 1:]
    colours /= colours.std(axis=(1, 2, 3), keepdims=True)
    brightness = random.normal(0, 25, (PICTURES, 1, 1, 1))
    pictures = np.clip(114 + brightness + 63 * colours, 0, 255)
    return np.ascontiguousarray(np.moveaxis(pictures, 1, -1), np.float32)


def _head(classifier: Classifier) -> str:
    classes = len(classifier.labels)
    if classifier.paired:
        where = "" if classifier.activation == "sigmoid" else ", which the model leaves out"
        return f"one logit for two classes, through a sigmoid{where}"
    if classifier.activation == "sigmoid":
        return f"{classes:,} independent sigmoids: several classes can be true at once"
    where = "" if classifier.activation == "softmax" else ", which the model leaves out"
    return f"{classes:,} logits through a softmax{where}"


def _order(scaling: Scaling) -> int:
    return COMMON.index(scaling) if scaling in COMMON else len(COMMON)
