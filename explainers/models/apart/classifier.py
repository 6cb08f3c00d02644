"""A classifier whose network is in a process of its own: what is asked of it, is asked there."""

import errno
import weakref
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from explainers.classifiers.classifier import INPUT, Classifier, Local, Score
from explainers.classifiers.errors import EndedError, ModelError, PassingError, SizeError
from explainers.classifiers.graph import Layer
from explainers.classifiers.labels import read_labels
from explainers.classifiers.prediction import Target
from explainers.classifiers.randomised import RandomisedClassifier, Way, randomised
from explainers.classifiers.scaling import Scaling
from explainers.models.apart.process import Limit, Process, taken
from explainers.models.sources import Source, name_of, screened

BUILDING = Limit(
    60, "To read and build the model", "save it without what only training needs, or take a "
    "smaller model",
)  # fmt: skip
ASKING = Limit(
    20, "To go forward and backward through the network for one picture",
    "train it on smaller pictures, or take a smaller model",
)  # fmt: skip
LAYING_FLAT = Limit(
    120, "To look into the model, and to ask it how it wants its pixels",
    "take a model of fewer layers, or a faster one",
)  # fmt: skip
PATIENCE = 5.0
"""How much longer than on trial a picture may take: other graphs, other layers, other sizes."""


class ApartClassifier(Classifier):
    """A classifier that is asked through a process of its own, and cannot slow down any other.

    It answers as its network would here: the arrays travel, the model does not.

    Parameters
    ----------
    process : Process
        Where it was opened.
    told : dict
        What the process told of it, see `serving.facts`.
    number : int
        Which of the classifiers there it is.
    """

    apart = True

    def __init__(
        self, process: Process, told: Mapping[str, Any], number: int = 0
    ) -> None:  # nothing of the base class: there is no network here
        self.name, self.title = told["name"], told["title"]
        self.labels = tuple(told["labels"])
        self.scaling = scaling_of(told["scaling"])
        self.size = told["size"][0], told["size"][1]
        self.any_size, self.channels, self.paired = (
            told[fact] for fact in ("any_size", "channels", "paired")
        )
        self.summary = tuple(
            Layer(path, kind, tuple(shape), parameters, convolution)
            for path, kind, shape, parameters, convolution in told["summary"]
        )
        self._process, self._told, self._number = process, told, number

    def end(self) -> None:
        """End its process, which else ends with the last that could ask it."""
        self._process.end()

    @property
    def ended(self) -> EndedError | None:  # type: ignore[override]
        return self._process.ended

    @property
    def at_once(self) -> int:
        """How many pictures may go through its network together, as it was measured."""
        return int(self._told["at_once"])

    @property
    def activation(self) -> str:
        return str(self._told["activation"])

    @property
    def derived(self) -> bool:
        return bool(self._told["derived"])

    @property
    def nesting(self) -> str:
        return str(self._told["nesting"])

    @cached_property
    def _activated(self) -> dict[str, Layer]:
        found = self._told["activated"]
        return {path: self._by_path[after] for path, after in found.items()}

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        return self._ask("probabilities", batch)

    def unmodified(self, batch: np.ndarray) -> np.ndarray:
        return self._ask("unmodified", batch)

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self._ask("logits", batch)

    def activations(self, batch: np.ndarray, *layers: str) -> list[np.ndarray]:
        return list(self._ask("activations", batch, *layers))

    def responses(
        self, batch: np.ndarray, units: Sequence[int], layer: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        values, gradients = self._ask("responses", batch, [int(unit) for unit in units], layer)
        return values, gradients

    def gradients(
        self,
        batch: np.ndarray,
        target: Target | int | Sequence[Target | int],
        at: Sequence[str] = (INPUT,),
        of: Score = "logit",
    ) -> list[Local]:
        one = isinstance(target, Target | int | np.integer)
        targets: Sequence[Any] = [target] if one else target  # type: ignore[assignment]
        whole = [Target.of(each) for each in targets]
        pairs = [(each.index, each.rather_than) for each in whole]
        found = self._ask("gradients", batch, pairs, list(at), of, times=len(pairs))
        return [Local(values, by[0] if one else by) for values, by in found]

    def answers_and_gradients(
        self,
        batch: np.ndarray,
        at: Sequence[str] = (INPUT,),
        of: Score = "logit",
        classes: Sequence[int] | np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[Local]]:
        wanted = None if classes is None else [int(index) for index in classes]
        probabilities, found = self._ask("answers_and_gradients", batch, list(at), of, wanted)
        return probabilities, [Local(*each) for each in found]

    def masked_probabilities(
        self, pixels: np.ndarray, fill: np.ndarray, segments: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        return self._ask("masked_probabilities", pixels, fill, segments, rows, times=len(rows))

    @property
    def surprise(self) -> float | None:
        return self._ask("surprise")

    def _ask(self, method: str, *arguments: Any, times: int = 1) -> Any:
        """Ask the network there, as this classifier is fed and labelled."""
        labels = None if self.labels == tuple(self._told["labels"]) else self.labels
        pixels = arguments[0].size if arguments else 0
        pictures = times * max(1.0, pixels / (3 * prod(self.size)))
        limit = Limit(
            ASKING.seconds + pictures * PATIENCE * self._told["seconds"],
            f"To answer about {pictures:,.0f} picture{'s' if pictures > 1 else ''}",
            "the model was ended; choose it again, and ask less of it",
        )
        return self._process.ask(
            {
                "do": "ask",
                "of": self._number,
                "method": method,
                "scaling": vars(self.scaling),
                "labels": labels,
                "arguments": list(arguments),
            },
            answering=limit,
        )


class ApartRandomised(ApartClassifier, RandomisedClassifier):
    """The copy of such a classifier that can lose what it has learnt, in the same process."""

    def __init__(self, original: ApartClassifier, pictures: np.ndarray) -> None:
        process = original._process
        told = process.ask({"do": "randomised", "pictures": pictures}, copying=LAYING_FLAT)
        number = told["number"]
        super().__init__(process, {**original._told, **told}, number)
        self.learnt = tuple(told["learnt"])
        weakref.finalize(self, process.forget, number)

    def randomise(self, layers: int, seed: int = 0, way: Way = "untrained") -> None:
        """Let some layers forget; see `RandomisedClassifier`."""
        self._process.ask(
            {"do": "randomise", "of": self._number, "layers": layers, "seed": seed, "way": way},
            forgetting=LAYING_FLAT,
        )


@randomised.register
def _(original: ApartClassifier, pictures: np.ndarray) -> ApartRandomised:
    return ApartRandomised(original, pictures)


def open_apart(
    source: Source,
    labels: str | bytes | Path | Sequence[str] | Mapping | None = None,
    scaling: Scaling | str = "auto",
    *,
    size: tuple[int, int] | None = None,
    any_size: tuple[int, int] | None = None,
    name: str | None = None,
) -> ApartClassifier:
    """A classifier from a model file that need not be trusted, in a process of its own.

    It is opened, and asked once forward and backward, within 1 GiB beyond its weights and some
    seconds of processor time; it shares no thread with other networks, and when it breaks down
    nothing else does. Opening takes some seconds longer than `open_classifier`, and a process
    a few hundred megabytes.

    Parameters
    ----------
    source, labels, scaling, size, name
        As for `open_classifier`.
    any_size : tuple of int, optional
        Rows and columns for a model that takes pictures of any size, and no other.

    Raises
    ------
    PassingError
        If what went wrong may go right next time.
    ModelError
        If the file is refused, the model asks for too much, or it cannot be explained; the text
        says why.
    """
    with screened(source) as found:
        config = found.whole
        try:
            process = taken()
        except OSError as error:
            fault = error.errno or errno.EIO
            raise PassingError.of(fault, "start a process for the model") from error
        question = {
            "do": "open",
            "config": config,
            "keras_version": found.keras,
            "weights": str(found.weights),
            "own_labels": None if found.labels is None else read_labels(found.labels),
            "name": name or name_of(source),
            "labels": None if labels is None else read_labels(labels),
            "scaling": vars(scaling) if isinstance(scaling, Scaling) else scaling,
            "size": size,
            "any_size": any_size,
        }
        limits = {"building": BUILDING, "trying": ASKING, "laying_flat": LAYING_FLAT}
        try:
            return ApartClassifier(process, process.ask(question, **limits))
        except (PassingError, SizeError):
            raise
        except ModelError as reason:
            chosen = process.told.get("size")
            if chosen is None:
                raise
            raise SizeError(
                f"The model cannot be used with pictures of {chosen[0]} x {chosen[1]}: choose "
                f"another size. {reason}"
            ) from reason


def scaling_of(told: Mapping[str, Any]) -> Scaling:
    """A scaling from what one process told another of it: `vars` of it, with lists for tuples."""
    return Scaling(told["name"], tuple(told["mean"]), tuple(told["deviation"]), told["bgr"])
