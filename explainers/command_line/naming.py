"""What is named on the command line: pictures, networks, classes, and methods with settings.

A setting that has settings itself is named, and these after a dot:
``lime:segmentation=slic,segmentation.n_segments=80``.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from explainers.classifiers.errors import ModelError
from explainers.command_line.telling import tell
from explainers.explanation import Explainer
from explainers.images.reading import read_image
from explainers.images.samples import SAMPLES
from explainers.methods import BY_NAME
from explainers.models import zoo
from explainers.models.hushing import hushed
from explainers.models.imagenet import classes_named
from explainers.models.opening import open_named
from explainers.settings import Settings
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
    if name not in BY_NAME:
        raise click.BadParameter(f"there is no method {name!r}; there are {', '.join(BY_NAME)}")
    method: Explainer = BY_NAME[name]()
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            method = _set(name, method, key.split("."), value)
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


Kind = TypeVar("Kind", bound=Settings)


def _set(name: str, settings: Kind, keys: Sequence[str], text: str) -> Kind:
    """The same but for one setting, named by itself or within another: ``segmentation.sigma``."""
    key, *inner = keys
    entries = settings.settings()
    now = getattr(settings, key) if key in entries else None
    if key not in entries or (inner and not isinstance(now, Settings)):
        raise click.BadParameter(
            f"{name} has no setting {'.'.join(keys)!r}; it has {', '.join(_names(settings))}"
        )
    changed: dict[str, Any] = {
        key: _set(f"{name}:{key}", now, inner, text)
        if inner and isinstance(now, Settings)
        else _value(settings, key, text)
    }
    return replace(settings, **changed)  # type: ignore[type-var]


def _names(settings: Settings) -> Iterator[str]:
    """What can be set, those within another behind it."""
    for name in settings.settings():
        yield name
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from (f"{name}.{inner}" for inner in _names(value))


def _value(settings: Settings, key: str, text: str) -> object:
    """A text as what the setting may be."""
    (field,) = (each for each in fields(settings) if each.name == key)  # type: ignore[arg-type]
    choices = settings.settings()[key].choices
    if isinstance(field.default, Settings) and isinstance(choices, tuple):
        kinds = {each.title.casefold(): each for each in choices}
        if text.casefold() not in kinds:
            raise ValueError(f"there are {', '.join(kinds)}")
        return kinds[text.casefold()]
    if field.type is bool:
        if text not in ("true", "false"):
            raise ValueError("say true or false")
        return text == "true"
    if field.type not in (int, float):
        return text
    default: Any = field.default
    for kind in (type(default), field.type):  # as the default is written, if it can be
        with suppress(ValueError):
            return kind(text)
    raise ValueError(f"say a {'whole ' if field.type is int else ''}number")
