"""Pictures with some pieces hidden, and what the network said to each.

LIME and KernelSHAP read the same: which superpixels were shown, and the answers. They differ in how
they draw what is shown, and each can be observed as the other one draws.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import PIECE, Cost, Observation, Observer
from explainers.images.regions import FILLS, fill_picture
from explainers.images.superpixels import Felzenszwalb, Quickshift, Segmentation, Slic
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbourhood(Observation):
    """Pictures with some superpixels hidden, and what the network said to each.

    Parameters
    ----------
    segments : (h, w) int32 ndarray
        The superpixel of every pixel, 0 to k - 1.
    rows : (n, k) ndarray of bool or 0 and 1
        For each picture, which superpixels are shown. The first shows all.
    probabilities : (n, C) float32 ndarray
        The network's answers.
    """

    segments: np.ndarray
    rows: np.ndarray
    probabilities: np.ndarray

    def answers(self, target: Target) -> np.ndarray:
        """The target's probability for each picture, ``(n,)`` float32."""
        return target.of_answers(self.probabilities)


def ask(
    classifier: "Classifier",
    pixels: np.ndarray,
    fill: np.ndarray,
    segments: np.ndarray,
    rows: np.ndarray,
    classes: tuple[int, ...],
) -> Iterator[Neighbourhood]:
    """Ask about pictures with some pieces hidden, a few at a time, and yield all that is known.

    Parameters
    ----------
    classifier : Classifier
    pixels, fill : (h, w, 3) float32 ndarray
        The picture, and what is seen where it is hidden.
    segments : (h, w) int32 ndarray
        The piece of every pixel, 0 to k - 1.
    rows : (n, k) ndarray of bool or 0 and 1
        For each picture, which pieces are shown.
    classes : tuple of int
        The classes that are watched; the answers serve every other as well.
    """
    probabilities = np.empty((len(rows), len(classifier.labels)), np.float32)
    for start in range(0, len(rows), PIECE):
        done = min(start + PIECE, len(rows))
        probabilities[start:done] = classifier.masked_probabilities(
            pixels, fill, segments, rows[start:done]
        )
        yield Neighbourhood(
            classifier=classifier.name,
            classes=classes,
            done=done,
            total=len(rows),
            segments=segments,
            rows=rows[:done],
            probabilities=probabilities[:done],
        )


@dataclass(frozen=True)
class HiddenSuperpixels(Observer):
    """Pictures with superpixels hidden at random.

    Parameters
    ----------
    segmentation : Segmentation
        How the picture is cut.
    samples : int
        Pictures to ask about.
    fill : str
        What is seen where a superpixel is hidden.
    seed : int
        Of the sampling.
    """

    segmentation: Segmentation = setting(
        Quickshift(), "Superpixels by", "How the picture is cut into pieces.",
        choices=(Quickshift(), Slic(), Felzenszwalb()),
    )  # fmt: skip
    samples: int = setting(
        1000, "Samples", "Pictures with random pieces hidden; more give steadier coefficients.",
        minimum=10, maximum=10_000, step=10,
    )  # fmt: skip
    fill: str = setting(
        "superpixel mean", "Hidden pieces show", "What stands where a piece is hidden.",
        choices=FILLS,
    )  # fmt: skip
    seed: int = setting(
        0, "Seed", "Of the sampling: the same seed gives the same map.",
        minimum=0, maximum=2**31 - 1, step=1,
    )  # fmt: skip

    @property
    def all_classes(self) -> bool:
        return True

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        return Cost(forward=self.samples)

    @abstractmethod
    def rows(self, superpixels: int) -> np.ndarray:
        """Which superpixels are shown, ``(samples, superpixels)``, all of them in the first."""

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[Neighbourhood]:
        segments = self.segmentation.segments(pixels)
        fill = fill_picture(pixels, self.fill, segments)
        rows = self.rows(int(segments.max()) + 1)
        yield from ask(classifier, pixels, fill, segments, rows, classes)


@dataclass(frozen=True)
class CoinTosses(HiddenSuperpixels):
    """Each superpixel is shown or hidden as a coin falls: the draws of the `lime` package."""

    def rows(self, superpixels: int) -> np.ndarray:
        random = np.random.RandomState(self.seed)
        random.randint(0, high=1000)  # what `lime` spends on the seed of its own segmentation
        rows = random.randint(0, 2, self.samples * superpixels)
        rows = rows.reshape(self.samples, superpixels)
        rows[0] = 1
        return rows


@dataclass(frozen=True)
class Coalitions(HiddenSuperpixels):
    """As many superpixels are shown as the Shapley kernel has it, and then those that were hidden.

    Of :math:`M` superpixels :math:`k` are shown with a probability proportional to
    :math:`(M - 1) / (k (M - k))` [1]_, all choices of :math:`k` alike. Each picture is followed by
    its complement, which makes the draws steadier [2]_. The first shows all, the second none.

    References
    ----------
    .. [1] S. M. Lundberg, S.-I. Lee, "A Unified Approach to Interpreting Model Predictions",
       NeurIPS 2017.
    .. [2] I. Covert, S.-I. Lee, "Improving KernelSHAP: Practical Shapley Value Estimation Using
       Linear Regression", AISTATS 2021.
    """

    def rows(self, superpixels: int) -> np.ndarray:
        random = np.random.default_rng(self.seed)
        sizes = np.arange(1, max(superpixels, 2))
        odds = 1 / (sizes * np.maximum(superpixels - sizes, 1))
        pairs = -(-self.samples // 2)
        shown = random.choice(sizes, pairs, p=odds / odds.sum())
        places = random.random((pairs, superpixels)).argsort(axis=1)
        rows = np.empty((pairs, 2, superpixels), bool)
        rows[:, 0] = places < shown[:, None]
        rows[0, 0] = True
        rows[:, 1] = ~rows[:, 0]
        return rows.reshape(2 * pairs, superpixels)[: self.samples]
