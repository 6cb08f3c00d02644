"""A user's file, opened: screened, built, given its weights, and asked once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from scipy.special import expit, softmax

from explainers.classifiers.check_up import find_scaling
from explainers.classifiers.classifier import BATCH, Classifier
from explainers.classifiers.errors import ModelError, PassingError, SizeError
from explainers.classifiers.labels import read_labels
from explainers.classifiers.natural_noise import natural_noise
from explainers.classifiers.scaling import NAMED, Scaling
from explainers.models.apart import open_apart
from explainers.models.deserializing import Result, asking_keras, build
from explainers.models.sources import Source, name_of, screened
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
    source: Source,
    labels: str | bytes | Path | Sequence[str] | Mapping | None = None,
    scaling: Scaling | str = "auto",
    *,
    size: tuple[int, int] | None = None,
    name: str | None = None,
    tried: bool = True,
) -> Classifier:
    """A classifier from a model file.

    Nothing in the file is run. The model itself may still ask for any work and any memory, so it is
    first opened and asked in a process of its own, see `open_apart`; there a stranger's model can
    stay as well.

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
    tried : bool
        Whether to do that, which takes some seconds; not needed for a model of one's own.

    Raises
    ------
    ModelError
        If the file is refused, the model asks for too much, or it cannot be explained; the text
        says why.

    Examples
    --------
    >>> open_classifier("my.keras", labels=["cat", "dog"])  # doctest: +SKIP
    """
    if not isinstance(source, str | Path | bytes):
        source = source.read()
    own = open_model(source)
    at_once = BATCH
    if tried:
        there = open_apart(source, size=size)
        at_once = there.at_once
        there.end()
    name = name or name_of(source)
    named = None if labels is None else read_labels(labels)
    return explain_as(own, name, named, scaling, size, at_once=at_once)


def open_model(source: Source) -> OpenedModel:
    """The model in a file; the parameter and the error are those of `open_classifier`."""
    with screened(source) as found:
        return built(found.whole, found.keras, found.weights, found.labels)


def built(config: dict, keras_version: str, weights: Path, labels: bytes | None) -> OpenedModel:
    """The model of what was recognised in a file; the parameters are those of `Screened`."""
    model = build(config, keras_version)
    load_weights(model, weights)
    return OpenedModel(model, keras_version, None if labels is None else read_labels(labels))


def explain_as(
    own: OpenedModel,
    name: str,
    labels: Sequence[str] | None = None,
    scaling: Scaling | str = "auto",
    size: tuple[int, int] | None = None,
    at_once: int = BATCH,
) -> Classifier:
    """A classifier of an opened model; the parameters are those of `open_classifier`.

    No more pictures than `at_once` go through it together.
    """
    if not isinstance(scaling, Scaling) and scaling not in (*NAMED, "auto"):
        raise ModelError(
            f"There is no scaling {scaling!r}; there are auto, {', '.join(NAMED)}, or a Scaling "
            "of your own."
        )

    def ask() -> Classifier:
        classifier = Classifier(
            own.model, name=name, labels=labels or own.labels, size=size, at_once=at_once
        )
        chosen = NAMED[scaling] if isinstance(scaling, str) and scaling != "auto" else scaling
        if not isinstance(chosen, Scaling):
            chosen = find_scaling(classifier)
        classifier = classifier.variant(scaling=chosen, name=name)
        _check_answers(classifier, natural_noise(classifier.size)[:1])
        return classifier

    return at_size(own, size, ask)


def at_size(own: OpenedModel, size: tuple[int, int] | None, ask: Callable[[], Result]) -> Result:
    """Run a model; what it objects to is put in a sentence, and laid to the size if that may be.

    Raises
    ------
    SizeError
        If it takes pictures of any size, and not of this one.
    ModelError
        If it cannot be run otherwise.
    """
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


def load_weights_file(model: keras.Model, source: Source) -> None:
    """Give a known network the weights from a file, screened like any other.

    Raises
    ------
    ModelError
        If the file is refused, or the weights are another network's.
    """
    with screened(source) as found:
        load_weights(model, found.weights)
