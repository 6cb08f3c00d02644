"""Survey: what is asked of many pictures, as a method is what is asked of one."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainers.environment import VERSIONS, version
from explainers.explanation import Explainer
from explainers.methods import BY_NAME, GradCam, LimeSuperpixels, Saliency
from explainers.models import zoo
from explainers.models.opening import open_named

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


class SurveyError(ValueError):
    """A survey that cannot be run or read; the text is one sentence for whoever asked for it."""


@dataclass(frozen=True)
class Survey:
    """What is asked of each picture of a folder.

    Parameters
    ----------
    classifier : str
        One of `zoo.CLASSIFIERS`, or the path of a model file.
    names : str, optional
        The path of a file with the names of a model file's classes.
    scaling : str
        What a model file is fed; see `open_classifier`.
    methods : tuple of Explainer
        With their settings; they look at every picture. One of each kind.
    closer : tuple of Explainer
        Those that take too long for all: they look at the worst pictures and at a random sample.
    worst : int
        How many pictures on which the methods agree least are looked at closer.
    sample : int
        How many pictures drawn at random are, so that there is something to hold the worst against.
    square : bool
        Whether the network is shown the middle square, or the whole picture squeezed into one.
    seed : int
        Of the random sample, and of what is asked again.
    """

    classifier: str = next(iter(zoo.CLASSIFIERS))
    names: str | None = None
    scaling: str = "auto"
    methods: tuple[Explainer, ...] = (GradCam(), Saliency())
    closer: tuple[Explainer, ...] = (LimeSuperpixels(),)
    worst: int = 20
    sample: int = 20
    square: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.methods:
            raise SurveyError("A survey needs a method: name at least one.")
        kinds = [method.name for method in (*self.methods, *self.closer)]
        twice = [name for name in kinds if kinds.count(name) > 1]
        if twice:
            raise SurveyError(f"{twice[0]} is asked for twice: a survey has one of each kind.")
        if min(self.worst, self.sample) < 0:
            raise SurveyError("How many pictures are looked at closer cannot be below zero.")

    def open(self) -> "Classifier":
        """The classifier.

        Raises
        ------
        ModelError
            If it cannot be had; the text says why.
        """
        return open_named(self.classifier, self.names, self.scaling)

    def described(self) -> dict[str, Any]:
        """All that its figures depend on, in JSON's types: what tells it from other surveys."""
        files = {
            "classifier": self.classifier
            if self.classifier in zoo.CLASSIFIERS
            else _digest(self.classifier),
            "names": None if self.names is None else _digest(self.names),
        }
        versions = {name: version(name) for name in VERSIONS}
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("methods", "closer", *files)
        }
        methods = {
            field: {method.name: settings_of(method) for method in getattr(self, field)}
            for field in ("methods", "closer")
        }
        return files | plain | methods | {"versions": versions}

    @property
    def fingerprint(self) -> str:
        """Of all that its figures depend on."""
        told = json.dumps(self.described(), sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:20]


def settings_of(method: Explainer) -> dict[str, Any]:
    """The settings of a method in JSON's types; what is no number or text is told as it prints."""
    return {
        name: value if isinstance(value, bool | int | float | str | None) else repr(value)
        for name, value in ((name, getattr(method, name)) for name in method.settings())
    }


def method_named(name: str) -> type[Explainer]:
    """The kind of method that a column is of."""
    return BY_NAME[name]


def _digest(path: str) -> str:
    """What a file holds, in 20 letters."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:20]
    except OSError as error:
        raise SurveyError(f"{Path(path).name} cannot be read: {error.strerror}.") from error
