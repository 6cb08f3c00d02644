"""How long a network takes on this machine."""

import time
from typing import TYPE_CHECKING

from explainers.classifiers.natural_noise import PICTURES, natural_noise

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

PASSES = 1 + PICTURES
"""What it takes to measure: one that warms up, and some together."""


def pace(classifier: "Classifier") -> float:
    """The seconds that a forward pass takes, a few pictures together."""
    pictures = natural_noise(classifier.size)
    classifier.probabilities(pictures[:1])
    started = time.perf_counter()
    classifier.probabilities(pictures)
    return (time.perf_counter() - started) / len(pictures)
