"""A user's file, opened: screened, built, given its weights, and asked once."""

import errno
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import keras
import numpy as np
from scipy.special import expit, softmax

from explainers.classifiers.check_up import find_scaling
from explainers.classifiers.classifier import Classifier
from explainers.classifiers.errors import ModelError, PassingError, SizeError
from explainers.classifiers.labels import read_labels
from explainers.classifiers.natural_noise import natural_noise
from explainers.classifiers.scaling import NAMED, Scaling
from explainers.models.deserializing import asking_keras, build
from explainers.models.screening import screen
from explainers.models.weights import load_weights

SAME = 1e-3
"""How far two ways of computing the same probabilities may lie apart: networks with hardly any
spread to divide by magnify roundings to 1e-4, and what is computed wrongly is further off."""


@dataclass(frozen=True, eq=False)
class OpenedModel:
    """A model from a file.

    Parameters
    ----------
    model : keras.Model
    keras : str
        The version of Keras that wrote it.
    labels : tuple of str or None
        The names of its classes, where they lay beside it in a zip.
    """

    model: keras.Model
    keras: str
    labels: tuple[str, ...] | None

    @property
    def any_size(self) -> bool:
        """Whether it takes pictures of any size, so that one has to be chosen."""
        return None in self.model.inputs[0].shape[1:]

    @property
    def sides(self) -> tuple[int | None, ...]:
        """Rows and columns of its pictures; None for any number."""
        return tuple(self.model.inputs[0].shape[1:3])


def open_classifier(
    source: str | Path | bytes | BinaryIO,
    labels: str | bytes | Path | Sequence[str] | Mapping | None = None,
    scaling: Scaling | str = "auto",
    *,
    size: tuple[int, int] | None = None,
    name: str | None = None,
) -> Classifier:
    """A classifier from a model file.

    Parameters
    ----------
    source : path, bytes or binary file
        ``.keras``; ``.h5`` of Keras 1, 2 or 3; or a zip with one of these and its labels, as
        Teachable Machine exports it.
    labels : sequence, mapping, text, bytes or Path, optional
        The names of the classes, see `read_labels`. Those in the zip, or numbers, if None.
    scaling : Scaling or str
        From 0..255 to what the network was trained on: a `Scaling`; ``"0..1"``, ``"-1..1"``,
        ``"0..255"``, ``"torch"``, ``"caffe"``, ``"tf"``; ``"inside"`` where the model scales its
        pixels itself; or ``"auto"``, see `find_scaling`.
    size : tuple of int, optional
        Rows and columns, for a model that takes pictures of any size.
    name : str, optional
        What it is called; the file's name if None.

    Raises
    ------
    ModelError
        If the file is refused, or the model cannot be explained; the text says why.

    Examples
    --------
    >>> open_classifier("my.keras", labels=["cat", "dog"])  # doctest: +SKIP
    """
    own = open_model(source)
    if name is None:
        name = Path(source).stem if isinstance(source, str | Path) else "your model"
    return explain_as(own, name, None if labels is None else read_labels(labels), scaling, size)


def open_model(source: str | Path | bytes | BinaryIO) -> OpenedModel:
    """The model in a file; the parameter and the error are those of `open_classifier`."""
    with _workplace() as folder:
        screened = screen(_on_disk(source, folder), folder)
        if screened.config is None:
            raise ModelError(
                "The file holds weights alone, without the network that they belong to: "
                "save the whole model with model.save(...)."
            )
        model = build(screened.config, screened.keras)
        load_weights(model, screened.weights)
        labels = None if screened.labels is None else read_labels(screened.labels)
        return OpenedModel(model, screened.keras, labels)


def explain_as(
    own: OpenedModel,
    name: str,
    labels: Sequence[str] | None = None,
    scaling: Scaling | str = "auto",
    size: tuple[int, int] | None = None,
    title: str | None = None,
) -> Classifier:
    """A classifier of an opened model; the parameters are those of `open_classifier`."""
    if not isinstance(scaling, Scaling) and scaling not in (*NAMED, "auto"):
        raise ModelError(
            f"There is no scaling {scaling!r}; there are auto, {', '.join(NAMED)}, or a Scaling "
            "of your own."
        )

    def ask() -> Classifier:
        classifier = Classifier(
            own.model, name=name, labels=labels or own.labels, title=title, size=size
        )
        chosen = NAMED[scaling] if isinstance(scaling, str) and scaling != "auto" else scaling
        if not isinstance(chosen, Scaling):
            chosen = find_scaling(classifier)
        classifier = classifier.variant(scaling=chosen, name=name)
        _check_answers(classifier, natural_noise(classifier.size)[:1])
        return classifier

    try:
        return asking_keras(ask, "cannot run the model")
    except PassingError:
        raise
    except ModelError as reason:
        if not own.any_size or size is None:
            raise
        rows, columns = ("any number" if side is None else side for side in own.sides)
        raise SizeError(
            f"The model cannot be used with pictures of {size[0]} x {size[1]}: choose another "
            f"size, of {rows} of rows and {columns} of columns. {reason}"
        ) from reason


def _check_answers(classifier: Classifier, pictures: np.ndarray) -> None:
    """Whether there are any, and whether they are those of the model itself."""
    own = classifier.unmodified(pictures)
    if not np.isfinite(own).all():
        raise ModelError("The model answers with values that are not finite numbers.")
    if classifier.activation == "linear":
        own = expit(own) if classifier.paired else softmax(own, axis=1)
    units = slice(1 if classifier.paired else 0, None)
    difference = np.abs(classifier.probabilities(pictures)[:, units] - own).max()
    if difference > SAME:
        raise ModelError(
            "The model, laid flat to be looked into, answers otherwise than as Keras runs it "
            f"(by {difference:.2g}), so no explanation of it would be true."
        )


def load_weights_file(model: keras.Model, source: str | Path | bytes | BinaryIO) -> None:
    """Give a known network the weights from a file, screened like any other.

    Raises
    ------
    ModelError
        If the file is refused, or the weights are another network's.
    """
    with _workplace() as folder:
        load_weights(model, screen(_on_disk(source, folder), folder).weights)


@contextmanager
def _workplace() -> Iterator[Path]:
    """A folder for what is taken out of a file, as long as it is needed."""
    try:
        with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
            yield Path(folder)
    except OSError as error:
        fault = error.errno or errno.EIO
        raise PassingError.of(fault, "use its folder for temporary files") from error


def _on_disk(source: str | Path | bytes | BinaryIO, folder: Path) -> Path:
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            there = path.is_file()
        except OSError as error:
            raise PassingError.of(
                error.errno or errno.EIO, f"look for the file {path.name[:80]!r}"
            ) from error
        if not there:
            raise PassingError(
                f"There is no file {path.name[:80]!r} at this path: it was never there, or it was "
                "moved or taken away since."
            )
        return path
    path = folder / "upload"
    path.write_bytes(source if isinstance(source, bytes) else source.read())
    return path
