"""What a classifier answers, and what one asks it to explain."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Target:
    """What is explained: a class, or why one class rather than another.

    Parameters
    ----------
    index : int
        The class.
    rather_than : int, optional
        The class it is set against; the target is then the difference of the two.
    """

    index: int
    rather_than: int | None = None

    def __post_init__(self) -> None:
        if self.index == self.rather_than:
            raise ValueError(
                f"Class {self.index} cannot be set against itself; name two different classes."
            )

    @classmethod
    def of(cls, target: "Target | int") -> "Target":
        """A target as it is, or the target that a class index stands for."""
        return target if isinstance(target, Target) else cls(int(target))

    @property
    def classes(self) -> tuple[int, ...]:
        """The classes that it is about: one, or the two of a difference."""
        return (self.index,) if self.rather_than is None else (self.index, self.rather_than)

    def of_classes(self, classes: tuple[int, ...], arrays: Any) -> Any:
        """The target's array, from those of some classes: one of them, or a difference of two."""
        array = arrays[classes.index(self.index)]
        if self.rather_than is None:
            return array
        return array - arrays[classes.index(self.rather_than)]

    @property
    def signed(self) -> bool:
        """Whether evidence against the target is evidence for something: another class."""
        return self.rather_than is not None

    def weights(self, classes: int) -> np.ndarray:
        """The target as weights over the classes: 1, and -1 for the class it is set against.

        Returns
        -------
        (classes,) float32 ndarray

        Raises
        ------
        IndexError
            If the classifier has no such class.
        """
        self._must_be_among(classes)
        weights = np.zeros(classes, np.float32)
        weights[self.index] = 1.0
        if self.rather_than is not None:
            weights[self.rather_than] = -1.0
        return weights

    def of_answers(self, answers: np.ndarray) -> np.ndarray:
        """What some answers give the target: one of their numbers, or the difference of two.

        Parameters
        ----------
        answers : (..., classes) ndarray

        Returns
        -------
        (...) ndarray

        Raises
        ------
        IndexError
            If the classifier has no such class.
        """
        self._must_be_among(answers.shape[-1])
        answer: np.ndarray = answers[..., self.index]
        return answer if self.rather_than is None else answer - answers[..., self.rather_than]

    def _must_be_among(self, classes: int) -> None:
        for index in self.classes:
            if not 0 <= index < classes:
                raise IndexError(
                    f"Class {index} does not exist: the classifier has {classes} classes, "
                    f"numbered 0 to {classes - 1}."
                )


@dataclass(frozen=True)
class Answer:
    """One class of a prediction.

    Parameters
    ----------
    index : int
        The class.
    label : str
        Its name.
    probability : float
        In 0..1.
    """

    index: int
    label: str
    probability: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """The probabilities of all classes for one picture.

    Parameters
    ----------
    probabilities : (C,) float32 ndarray
        In 0..1; they sum to 1 unless the classifier allows several classes at once.
    labels : tuple of str
        The C names.
    """

    probabilities: np.ndarray
    labels: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.labels),):
            raise ValueError(
                f"{len(self.labels)} labels cannot name probabilities of shape "
                f"{self.probabilities.shape}."
            )
        self.probabilities.setflags(write=False)

    @cached_property
    def ranking(self) -> np.ndarray:
        """(C,) class indices, the most probable first; ties in the order of the classes."""
        return np.argsort(-self.probabilities, kind="stable")

    @cached_property
    def _places(self) -> np.ndarray:
        return np.argsort(self.ranking) + 1

    def __getitem__(self, index: int) -> Answer:
        return Answer(int(index), self.labels[index], float(self.probabilities[index]))

    def top(self, k: int = 5) -> list[Answer]:
        """The `k` most probable classes, the most probable first."""
        return [self[index] for index in self.ranking[:k]]

    def bottom(self, k: int = 5) -> list[Answer]:
        """The `k` least probable classes, the least probable first."""
        return [self[index] for index in self.ranking[::-1][:k]]

    def rank(self, index: int) -> int:
        """The place of a class in the ranking: 1 for the most probable."""
        return int(self._places[index])
