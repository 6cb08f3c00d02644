"""What is named on the command line: pictures, networks, classes, and methods with settings."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainers.classifiers.errors import ModelError
from explainers.command_line.telling import tell
from explainers.explanation import Explainer
from explainers.images.reading import read_image
from explainers.images.samples import SAMPLES
from explainers.methods import METHODS
from explainers.models import zoo
from explainers.models.hushing import hushed
from explainers.models.imagenet import classes_named
from explainers.models.opening import open_named
from explainers.words import legible

if TYPE_CHECKING:
    import numpy as np

    from explainers.classifiers.classifier import Classifier

AUTO = "auto"
"""The scaling that a model file is asked for itself."""
NEAR = 3
"""Names that are offered instead of one that there is not."""


class Method(click.ParamType):
    """A method, with settings of its own if one likes: ``lime:samples=500,fill=blur``."""

    name = "method"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Explainer:
        name, *settings = re.split("[:,]", value)
        return method_named(name, settings)


class Methods(click.ParamType):
    """Several methods: ``grad-cam,saliency:samples=16:sigma=0``."""

    name = "methods"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Explainer, ...]:
        return methods_named(value) if isinstance(value, str) else value


class Model(click.ParamType):
    """A model file, or the name of a network of the zoo."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in zoo.CLASSIFIERS and not Path(value).is_file():
            raise click.BadParameter(
                f"there is no file {value!r}, and no network of that name; there are "
                f"{', '.join(zoo.CLASSIFIERS)}"
            )
        return str(value)


def methods_named(text: str) -> tuple[Explainer, ...]:
    """Methods from ``grad-cam,saliency:samples=16:sigma=0``; nothing from an empty text.

    Raises
    ------
    click.BadParameter
        If there is no such method or setting, or a value is not allowed.
    """
    named = (part.split(":") for part in text.split(",") if part)
    return tuple(method_named(name, settings) for name, *settings in named)


def method_named(name: str, settings: Sequence[str] = ()) -> Explainer:
    """A method from its name and ``setting=value``; the error is that of `methods_named`."""
    known = {method.name: method for method in METHODS}
    if name not in known:
        raise click.BadParameter(f"there is no method {name!r}; there are {', '.join(known)}")
    method: Explainer = known[name]()
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in method.settings():
            raise click.BadParameter(
                f"{name} has no setting {key!r}; it has {', '.join(method.settings())}"
            )
        try:
            changed: dict[str, Any] = {key: _value(getattr(method, key), value)}
            method = replace(method, **changed)
        except ValueError as reason:
            raise click.BadParameter(f"{setting}: {reason}") from reason
    return method


def class_named(name: str, labels: tuple[str, ...]) -> int:
    """A class from its name, its number or, of ImageNet, its WordNet identifier.

    Raises
    ------
    click.UsageError
        If there is none; the text names those that are near.
    """
    known = classes_named(labels)
    if name.casefold() in known:
        return known[name.casefold()]
    within = [label for label in labels if name.casefold() in label.casefold()]
    near = (within or difflib.get_close_matches(name, labels, NEAR))[:NEAR]
    offered = f"; did you mean {' or '.join(map(legible, near))}?" if near else "."
    raise click.UsageError(f"There is no class {name!r}{offered}")


def only_for_files(model: str, labels: Path | None, scaling: str) -> None:
    """A network that Triptych knows has its own labels and scaling: no others are taken for it.

    Raises
    ------
    click.UsageError
        If some are named.
    """
    if model in zoo.CLASSIFIERS and (labels is not None or scaling != AUTO):
        raise click.UsageError(
            f"{zoo.CLASSIFIERS[model]} has its own labels and scaling; others are for model files."
        )


def classifier_named(model: str, labels: Path | None, scaling: str) -> "Classifier":
    """A classifier from a name or a file; weights that are not here are fetched, and that is told.

    Raises
    ------
    click.ClickException
        If it cannot be had; the text says why.
    """
    try:
        if model in zoo.CLASSIFIERS and zoo.whereabouts(model) == "elsewhere":
            for share in zoo.download(model):
                tell(f"Fetching {zoo.CLASSIFIERS[model]}: {share:.0%} of {zoo.mebibytes(model)} MB")
        tell("Waking TensorFlow …")
        with hushed():
            return open_named(model, labels, scaling)
    except ModelError as reason:
        raise click.ClickException(str(reason)) from reason


def picture_named(name: str) -> "np.ndarray":
    """A picture from its path, or where there is none from its name in the gallery.

    Raises
    ------
    ImageError
        If it cannot be read; the text says why.
    """
    return SAMPLES[name].read() if is_sample(name) else read_image(name)


def is_sample(name: str) -> bool:
    """Whether a name means a picture of the gallery: a file of that name comes first."""
    return name in SAMPLES and not Path(name).exists()


def _value(now: object, text: str) -> object:
    """A text as what the setting is now."""
    if isinstance(now, bool):
        if text not in ("true", "false"):
            raise ValueError("say true or false")
        return text == "true"
    if isinstance(now, int | float):
        try:
            return type(now)(text)
        except ValueError:
            kind = "whole number" if isinstance(now, int) else "number"
            raise ValueError(f"that is no {kind}") from None
    if isinstance(now, str) or now is None:
        return text
    raise ValueError("this setting cannot be named here; use the library")
