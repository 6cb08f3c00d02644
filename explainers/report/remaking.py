"""A method's settings as JSON, and the method made of them again.

What a file says is held against the settings' own types, bounds and choices; nothing in it is run.
"""

import dataclasses
import math
from typing import Any

from explainers.explanation import Explainer
from explainers.images.superpixels import Segmentation
from explainers.methods import BY_NAME
from explainers.observing.hidden_superpixels import HiddenSuperpixels
from explainers.report.plain import RecordError
from explainers.settings import Setting, Settings

KIND = "kind"
"""What says which of several kinds of settings an object holds."""


def told(settings: Settings) -> dict[str, Any]:
    """All settings by their names, in JSON's types; those of a cut are an object of their own."""
    values = {name: getattr(settings, name) for name in settings.settings()}
    plain = {
        name: told(value) if isinstance(value, Settings) else value
        for name, value in values.items()
    }
    return {KIND: settings.title} | plain if isinstance(settings, Segmentation) else plain


def method_of(name: str, settings: dict[str, Any]) -> Explainer:
    """The method that was told.

    Raises
    ------
    RecordError
        If there is no such method, or it has other settings, or does not allow these.
    """
    if name not in BY_NAME:
        raise RecordError(f"There is no method {name[:40]!r} here.")
    return _remade(BY_NAME[name], settings, BY_NAME[name].title)


def segmentation_of(settings: dict[str, Any]) -> Segmentation:
    """The cut into superpixels that was told; it fails as `method_of` does."""
    entry = HiddenSuperpixels.settings()["segmentation"]
    found = _one_of(entry, settings, "The cut")
    assert isinstance(found, Segmentation)
    return found


def _remade(kind: Any, settings: dict[str, Any], said: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if strange := sorted(set(settings) ^ set(fields)):
        word = "has no" if strange[0] in settings else "has the"
        lacks = "" if strange[0] in settings else ", of which the record says nothing"
        raise RecordError(f"{said} {word} setting {strange[0][:40]!r} here{lacks}.")
    values = {
        name: _value(field, kind.settings()[name], settings[name], f"{said}, {name},")
        for name, field in fields.items()
    }
    try:
        return kind(**values)
    except ValueError as reason:
        raise RecordError(f"{said}: {reason}") from reason


def _value(field: Any, entry: Setting, value: Any, said: str) -> Any:
    choices = entry.choices if isinstance(entry.choices, tuple) else ()
    if any(isinstance(choice, Settings) for choice in choices):
        return _one_of(entry, value, said)
    allowed = {bool: (bool,), int: (int,), float: (int, float)}.get(field.type, (str,))
    optional = field.default is None and value is None
    fitting = isinstance(value, allowed) and (isinstance(value, bool) == (field.type is bool))
    if not (optional or fitting) or (isinstance(value, float) and not math.isfinite(value)):
        raise RecordError(f"{said} cannot be {value!r:.40}.")
    return value


def _one_of(entry: Setting, value: Any, said: str) -> Any:
    """Settings of one of the kinds that may be chosen."""
    kinds = {type(each).title: type(each) for each in entry.choices or ()}  # type: ignore[union-attr]
    if not isinstance(value, dict) or value.get(KIND) not in kinds:
        raise RecordError(f"{said} must be one of {', '.join(kinds)}.")
    rest = {name: each for name, each in value.items() if name != KIND}
    return _remade(kinds[value[KIND]], rest, value[KIND])
