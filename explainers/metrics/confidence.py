"""What becomes of the probability where only what a map calls hot is seen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.classifiers.scaling import TORCH
from explainers.explanation import Explanation, resample
from explainers.images.regions import seen_through
from explainers.metrics.agreement import centred_blob

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

UNSEEN = TORCH.mean
"""What is seen where a map is 0: the mean colour of ImageNet, whatever the network's own scaling.

It is what networks of `torchvision` are fed as zero, so figures compare between networks, and with
those that torch-cam publishes.
"""


@dataclass(frozen=True)
class Confidence:
    """The probability of the target, before and after the picture is seen through a map.

    Parameters
    ----------
    before, after : float
        In 0..1.
    """

    before: float
    after: float

    @property
    def drop(self) -> float:
        """The share of the probability that is lost, in 0..1; lower is better.

        .. math:: \\max(0, p - p') / p

        Its mean over pictures is the average drop [1]_. 0 where there was nothing to lose.

        References
        ----------
        .. [1] A. Chattopadhay et al., "Grad-CAM++: Improved Visual Explanations for Deep
           Convolutional Networks", WACV 2018.
        """
        return max(0.0, self.before - self.after) / self.before if self.before else 0.0

    @property
    def increased(self) -> bool:
        """Whether the probability is higher after, :math:`p' > p`; better where it is.

        The share of the pictures where it is, is the increase in confidence.
        """
        return self.after > self.before


def seen_of(explanation: Explanation, shape: tuple[int, int]) -> np.ndarray | None:
    """How much of the picture a map lets through, ``shape`` float32 in 0..1.

    Its positive part, less the least of it, over what is then the most: at the map's own
    resolution, as torch-cam does, and only then at the picture's. Evidence against the target is
    as unseen as what says nothing. None where that is flat, which tells no places apart.

    Parameters
    ----------
    explanation : Explanation
    shape : tuple of int
        Rows and columns of the picture.
    """
    if explanation.blank_reason:
        return None
    positive = np.maximum(explanation.heatmap, 0)
    spread = np.ptp(positive)
    if not spread:
        return None
    share = (positive - positive.min()) / spread
    return replace(explanation, heatmap=share, signed=False).resized(shape)


def blob_seen(shape: tuple[int, int]) -> np.ndarray:
    """The same of a blob in the middle, which knows nothing of the picture."""
    blob = centred_blob()
    return resample((blob - blob.min()) / np.ptp(blob), shape).astype(np.float32)


def passes(maps: int) -> int:
    """The forward passes that some maps take, with the whole picture and a blob."""
    return maps + 2


def confidences(
    classifier: "Classifier",
    pixels: np.ndarray,
    target: Target | int,
    masks: Mapping[str, np.ndarray],
) -> dict[str, Confidence]:
    """What the network makes of a picture that is seen through each of some masks.

    Takes a pass for each mask, and one for the whole picture.

    Parameters
    ----------
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    target : Target or int
        Whose probability is followed; of a difference, the first class's.
    masks : mapping of str to (h, w) float32 ndarray
        How much is seen at each place, in 0..1; see `seen_of`. Where it is 0, `UNSEEN` is.

    Returns
    -------
    dict of str to Confidence

    References
    ----------
    .. [1] torch-cam, `ClassificationMetric` in ``torchcam/metrics.py``.
    """
    filled = np.broadcast_to(np.array(UNSEEN, np.float32), pixels.shape)
    through = seen_through(pixels, filled, np.stack(list(masks.values())))
    asked = np.concatenate([pixels[None], through])
    before, *after = classifier.probabilities(asked)[:, Target.of(target).index].tolist()
    return {name: Confidence(before, each) for name, each in zip(masks, after, strict=True)}
