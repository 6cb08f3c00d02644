"""A classifier by what a person calls it: a name of the zoo, or the path of a model file."""

from pathlib import Path
from typing import TYPE_CHECKING

from explainers.models import zoo

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


def open_named(named: str, labels: str | Path | None = None, scaling: str = "auto") -> "Classifier":
    """The classifier of a name, or in a file.

    Parameters
    ----------
    named : str
        One of `zoo.CLASSIFIERS`, or the path of a model file.
    labels : path, optional
        A file with the names of a model file's classes.
    scaling : str
        What a model file is fed; see `open_classifier`.

    Raises
    ------
    ModelError
        If it cannot be had; the text says why.
    """
    if named in zoo.CLASSIFIERS:
        return zoo.load_classifier(named)
    from explainers.models.model_file import open_classifier

    return open_classifier(named, None if labels is None else Path(labels), scaling)
