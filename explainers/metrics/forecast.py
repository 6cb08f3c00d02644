"""What a linear model expects when a region is hidden, and what the network says to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explainers.explanation import Explanation
from explainers.images.regions import fill_picture

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


@dataclass(frozen=True)
class Forecast:
    """An expectation, and what came of it.

    Parameters
    ----------
    expected : float
        The linear model's answer. Nothing keeps it within 0..1.
    happened : float
        The network's answer, the region hidden as pieces were when the model was fitted: the
        nearer to `expected`, the better the model.
    fill : str
        What stood where something was hidden; one of `FILLS`.
    cut : int
        How many superpixels are hidden in part. The model counts them in part; the network never
        saw such a picture while the model was fitted.
    """

    expected: float
    happened: float
    fill: str
    cut: int


def forecast(
    classifier: "Classifier", pixels: np.ndarray, explanation: Explanation, region: np.ndarray
) -> Forecast:
    """Hold the linear model behind an explanation against the network, on the model's own terms.

    Asking the network under another fill asks another question: a network can be sure of a shape
    on blur and see nothing in the same shape on black.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    explanation : Explanation
        Of this decision, with a surrogate.
    region : (h, w) bool ndarray
        What is hidden.

    Raises
    ------
    ValueError
        If there is no surrogate.
    """
    surrogate = explanation.surrogate
    if surrogate is None:
        raise ValueError(f"{explanation.explainer.title} has no linear model to hold to its word.")
    filled = fill_picture(pixels, surrogate.fill, surrogate.segments)
    answers = classifier.probabilities(np.where(region[..., None], filled, pixels)[None])[0]
    shares = surrogate.hidden_shares(region)
    return Forecast(
        surrogate.expected(region),
        float(explanation.target.of_answers(answers)),
        surrogate.fill,
        int(((shares > 0) & (shares < 1)).sum()),
    )
