"""Occlusion: how far the probability falls when a patch of the picture is hidden."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import Cost, Explainer, Explanation, Kind
from explainers.images.regions import PLAIN_FILLS, cells, fill_picture
from explainers.observing.hidden_superpixels import Neighbourhood, ask
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


@dataclass(frozen=True)
class Occlusion(Explainer):
    """The fall of the probability when a patch is hidden, wherever it may lie [1]_.

    Parameters
    ----------
    stride : int
        How many steps the patch would take across the picture, and as many down: the map has that
        many cells each way. At most one for each pixel.
    patch : int
        How many of these cells a patch is wide and high; the whole picture where it has no more.
    fill : str
        What is seen where the patch lies.

    Notes
    -----
    With :math:`f` the probability of the class, :math:`x` the picture, :math:`x_{\\setminus p}` the
    same with patch :math:`p` hidden and :math:`P_{ij}` the patches that lie over cell
    :math:`(i, j)`,

    .. math::
        M_{ij} = \\frac{1}{|P_{ij}|} \\sum_{p \\in P_{ij}}
        \\big(f(x) - f(x_{\\setminus p})\\big).

    Patches lie within the picture, so fewer of them reach its border; the mean makes up for that,
    and a sum, which others take, would be cold there. Below zero the class is more probable without
    the patch. Patches are asked about in tilings, each of which covers almost all of the picture;
    a cell that none has covered yet is 0.

    References
    ----------
    .. [1] M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV
       2014.
    """

    name: ClassVar[str] = "occlusion"
    title: ClassVar[str] = "Occlusion"
    kind: ClassVar[Kind] = "Hiding parts"
    answers: ClassVar[str] = "Places whose hiding lowers its probability"
    heat: ClassVar[str] = "raises the probability of"
    needs: ClassVar[str] = "Nothing but the network's answers."
    blind_to: ClassVar[str] = (
        "Parts that can stand in for each other, since one patch at a time is hidden; what is much "
        "smaller or larger than the patch; and what the edges of the patch themselves say."
    )

    stride: int = setting(
        14, "Steps", "Of the patch across the picture, and down: as many cells has the map.",
        minimum=2, maximum=32, step=1,
    )  # fmt: skip
    patch: int = setting(
        3, "Patch", "How many cells it is wide and high.", minimum=1, maximum=16, step=1,
    )  # fmt: skip
    fill: str = setting(
        "grey", "Hidden parts show", "What stands where the patch lies.", choices=PLAIN_FILLS
    )

    @property
    def all_classes(self) -> bool:
        return True

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        return Cost(forward=len(self._rows(classifier.size)))

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[Neighbourhood]:
        shape = (pixels.shape[0], pixels.shape[1])
        segments = cells(shape, self.stride)
        fill = fill_picture(pixels, self.fill)
        yield from ask(classifier, pixels, fill, segments, self._rows(shape), classes)

    def interpret(self, observation: Neighbourhood, target: Target) -> Explanation:
        answers = observation.answers(target).astype(float)
        hidden = 1.0 - observation.rows
        falls = (answers[0] - answers) @ hidden / np.maximum(1, hidden.sum(axis=0))
        return Explanation(
            self,
            observation.classifier,
            target,
            falls.reshape(self._grid(observation.segments.shape)).astype(np.float32),
            signed=True,
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank="The probability stayed exactly the same, wherever the patch lay.",
        )

    def _grid(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of the map."""
        return min(self.stride, shape[0]), min(self.stride, shape[1])

    def _rows(self, shape: tuple[int, int]) -> np.ndarray:
        """Which cells are shown in each picture, ``(n, cells)`` bool; in the first all are."""
        rows, columns = self._grid(shape)
        ends = (max(1, side - self.patch + 1) for side in (rows, columns))
        corners = sorted(
            product(*map(range, ends)),
            key=lambda corner: (corner[0] % self.patch, corner[1] % self.patch),
        )
        shown = np.ones((1 + len(corners), rows, columns), bool)
        for picture, (top, left) in zip(shown[1:], corners, strict=True):
            picture[top : top + self.patch, left : left + self.patch] = False
        return shown.reshape(len(shown), -1)
