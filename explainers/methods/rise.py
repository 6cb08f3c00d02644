"""RISE: how probable the class is while a place is seen, through random masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import PIECE, Cost, Explainer, Explanation, Kind, Observation, resample
from explainers.images.regions import PLAIN_FILLS, fill_picture, seen_through
from explainers.settings import setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Against = Literal["the average", "nothing"]


@dataclass(frozen=True, eq=False)
class Masks:
    """Large, soft, shifted masks, kept as the small grids that they are enlarged from.

    Parameters
    ----------
    grids : (n, s, s) bool ndarray
        Which cells of each mask are open.
    shifts : (n, 2) int ndarray
        How many pixels down and across the enlarged grid the mask begins; less than a cell.
    shape : tuple of int
        Rows and columns of the picture.
    """

    grids: np.ndarray
    shifts: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def draw(cls, count: int, cells: int, share: float, shape: tuple[int, int], seed: int) -> Self:
        """Every cell open with the same probability, every shift as likely as another."""
        random = np.random.default_rng(seed)
        grids = random.random((count, cells, cells)) < share
        most = [_cell(side, cells) for side in shape]
        return cls(grids, random.integers(0, most, (count, 2)), shape)

    def __getitem__(self, some: slice) -> Self:
        return type(self)(self.grids[some], self.shifts[some], self.shape)

    def enlarged(self) -> np.ndarray:
        """The masks at the size of the picture, ``(n, h, w)`` float32 in 0..1."""
        down, across = (
            reach[moved].astype(np.float32)
            for reach, moved in zip(self._reach(), self.shifts.T, strict=True)
        )
        masks: np.ndarray = down.swapaxes(1, 2) @ self.grids.astype(np.float32) @ across
        return masks

    def total(self, weights: np.ndarray) -> np.ndarray:
        """The sum of all masks, each times its weight, ``(h, w)`` float64.

        Without making one: cells that are moved alike are summed first, which leaves about as many
        sums as the picture has pixels, and two products of matrices.
        """
        down, across = self._reach()
        cells = self.grids.shape[1]
        high, wide = len(down) * cells, len(across) * cells
        begins = cells * (self.shifts[:, 0] * wide + self.shifts[:, 1])
        within = np.arange(cells)[:, None] * wide + np.arange(cells)
        places = begins[:, None, None] + within
        added = weights[:, None, None] * self.grids
        sums = np.bincount(places.ravel(), added.ravel(), high * wide).reshape(high, wide)
        total: np.ndarray = down.reshape(high, -1).T @ sums @ across.reshape(wide, -1)
        return total

    def _reach(self) -> list[np.ndarray]:
        """How much each cell gives to each row and each column, by how far it is shifted.

        The grid is enlarged bilinearly, to one cell more than the picture has room for.

        Returns
        -------
        list of (shifts, s, h or w) float64 ndarray
        """
        cells = self.grids.shape[1]
        reaches = []
        for side in self.shape:
            most = _cell(side, cells)
            enlarging = resample(np.eye(cells), ((cells + 1) * most, cells))
            windows = np.lib.stride_tricks.sliding_window_view(enlarging, side, axis=0)
            reaches.append(windows[:most])
        return reaches


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedAnswers(Observation):
    """The masks, and what the network said to the picture seen through each, ``(n, C)``."""

    masks: Masks
    probabilities: np.ndarray


@dataclass(frozen=True)
class Rise(Explainer):
    """The mean probability over pictures seen through random masks that show a place [1]_.

    Parameters
    ----------
    masks : int
        Pictures to ask about.
    cells : int
        How many cells a mask has each way before it is enlarged.
    share : float
        How probable it is that a cell is open, which is the share of the picture that is seen.
    fill : str
        What is seen where a mask is closed.
    seed : int
        Of the masks.
    against : {"the average", "nothing"}
        Whether the mean probability over all masks is subtracted.

    Notes
    -----
    With :math:`f` the probability of the class, :math:`x` the picture, :math:`b` what it is filled
    with and :math:`m_i \\in [0, 1]^{h \\times w}` the masks, which are drawn small, open with
    probability `share`, enlarged bilinearly and shifted at random,

    .. math::
        M = \\frac{\\sum_i f_i m_i}{\\sum_i m_i} - \\bar f, \\qquad
        f_i = f(m_i \\odot x + (1 - m_i) \\odot b).

    The paper divides by the expectation of :math:`\\sum_i m_i` instead of itself, which adds noise,
    and does not subtract the mean: its map is positive everywhere, and most of it is a constant.
    Against the average, zero means that to see a place makes no difference. The order of places is
    the same either way.

    References
    ----------
    .. [1] V. Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input Sampling for Explanation of
       Black-box Models", BMVC 2018.
    """

    name: ClassVar[str] = "rise"
    title: ClassVar[str] = "RISE"
    kind: ClassVar[Kind] = "Hiding parts"
    answers: ClassVar[str] = "Places that make it more probable while they are seen"
    heat: ClassVar[str] = "raises the probability of"
    needs: ClassVar[str] = "Nothing but the network's answers."
    blind_to: ClassVar[str] = (
        "What is much smaller than a cell; parts that count only together; and what the network "
        "says of whole pictures, since it sees none."
    )

    masks: int = setting(
        1000, "Masks", "Pictures to ask about; more give a calmer map.",
        minimum=10, maximum=10_000, step=10,
    )  # fmt: skip
    cells: int = setting(
        7, "Cells", "Of a mask, across and down: more see finer, and need more masks.",
        minimum=2, maximum=32, step=1,
    )  # fmt: skip
    share: float = setting(
        0.5, "Share seen", "How much of the picture a mask shows, on average.",
        minimum=0.05, maximum=0.95, step=0.05,
    )  # fmt: skip
    fill: str = setting(
        "grey", "Hidden parts show", "What stands where a mask is closed.", choices=PLAIN_FILLS
    )
    seed: int = setting(
        0, "Seed", "Of the masks: the same seed gives the same map.",
        minimum=0, maximum=2**31 - 1, step=1,
    )  # fmt: skip
    against: Against = setting(
        "the average", "Compared with", "What places are held against: the mean over all masks, "
        "or nothing, as in the paper, where every place is positive.",
        choices=("the average", "nothing"), measured=False,
    )  # fmt: skip

    @property
    def all_classes(self) -> bool:
        return True

    def cost(self, classifier: "Classifier", classes: int = 1) -> Cost:
        return Cost(forward=self.masks)

    def observe(
        self, classifier: "Classifier", pixels: np.ndarray, classes: tuple[int, ...]
    ) -> Iterator[MaskedAnswers]:
        filled = fill_picture(pixels, self.fill)
        shape = (pixels.shape[0], pixels.shape[1])
        masks = Masks.draw(self.masks, self.cells, self.share, shape, self.seed)
        probabilities = np.empty((self.masks, len(classifier.labels)), np.float32)
        for start in range(0, self.masks, PIECE):
            done = min(start + PIECE, self.masks)
            pictures = seen_through(pixels, filled, masks[start:done].enlarged())
            probabilities[start:done] = classifier.probabilities(pictures)
            yield MaskedAnswers(
                classifier=classifier.name,
                classes=classes,
                done=done,
                total=self.masks,
                masks=masks[:done],
                probabilities=probabilities[:done],
            )

    def interpret(self, observation: MaskedAnswers, target: Target) -> Explanation:
        masks, probabilities = observation.masks, observation.probabilities
        answers = target.of_answers(probabilities).astype(float)
        usual = 0.0
        if self.against == "the average":
            usual = answers.mean() if np.ptp(answers) else answers[0]
        seen = masks.total(np.ones(len(answers)))
        mean = masks.total(answers - usual) / np.where(seen, seen, 1.0)
        return Explanation(
            self,
            observation.classifier,
            target,
            mean.astype(np.float32),
            signed=target.signed or self.against == "the average",
            done=observation.done,
            total=observation.total,
            seconds=observation.seconds,
            why_blank="The probability stayed exactly the same, whatever was hidden.",
        )


def _cell(side: int, cells: int) -> int:
    """The pixels that a cell takes of a side of the picture, and so how many shifts there are."""
    return -(-side // cells)
