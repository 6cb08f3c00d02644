"""Controls for settings, drawn from what the settings say of themselves."""

import dataclasses
from typing import TYPE_CHECKING, Any

import streamlit as st

from explainers.settings import Setting, Settings

if TYPE_CHECKING:
    from explainers import Classifier

FINEST_SLIDER = 100


def draw(kind: type[Settings], classifier: "Classifier", key: str) -> Any:
    """A control for every setting of a dataclass; the instance that they stand for.

    Parameters
    ----------
    kind : type of Settings
    classifier : Classifier
        Whose layers there are to choose from.
    key : str
        Tells these controls from others.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {
        name: _control(entry, fields[name].default, classifier, f"{key}-{name}")
        for name, entry in kind.settings().items()
    }
    return kind(**values)


def as_set(kind: type[Settings], key: str) -> Any:
    """The instance that a person's controls stood for last, with nothing drawn; see `draw`."""
    values: dict[str, Any] = {}
    for name, entry in kind.settings().items():
        told = st.session_state.get(f"{key}-{name}")
        if told is None:
            continue
        kinds = {kind.title: kind for kind in map(type, _nested(entry))}  # type: ignore[attr-defined]
        values[name] = as_set(kinds[told], f"{key}-{name}-{told}") if kinds else told
    return kind(**values)


def _nested(entry: Setting) -> list[Settings]:
    """The choices of a setting that have settings of their own."""
    choices = () if entry.choices is None or callable(entry.choices) else entry.choices
    return [choice for choice in choices if isinstance(choice, Settings)]


def _control(entry: Setting, default: Any, classifier: "Classifier", key: str) -> Any:
    shared: dict[str, Any] = {"help": entry.help, "key": key, "persist_state": "session"}
    if entry.choices is not None:
        return _choice(entry, default, classifier, shared)
    if isinstance(default, bool):
        return st.toggle(entry.label, default, **shared)
    bounds = {
        "min_value": type(default)(entry.minimum),
        "max_value": type(default)(entry.maximum),
        "value": default,
        "step": type(default)(entry.step),
    }
    steps = (entry.maximum - entry.minimum) / entry.step  # type: ignore[operator]
    if steps <= FINEST_SLIDER:
        return st.slider(entry.label, **bounds, **shared)
    return st.number_input(entry.label, **bounds, **shared)


def _choice(entry: Setting, default: Any, classifier: "Classifier", shared: dict[str, Any]) -> Any:
    choices = entry.choices(classifier) if callable(entry.choices) else entry.choices or ()
    if not isinstance(default, Settings):
        layers = _layers_in_words(classifier) if callable(entry.choices) else {}
        return st.selectbox(
            entry.label,
            choices,
            choices.index(default),
            format_func=lambda choice: layers.get(choice, str(choice).capitalize()),
            **shared,
        )
    kinds = {type(choice).title: type(choice) for choice in choices}
    title = st.selectbox(entry.label, list(kinds), **shared)
    return draw(kinds[title], classifier, f"{shared['key']}-{title}")


def _layers_in_words(classifier: "Classifier") -> dict[str | None, str]:
    """Layers as a person reads them, with their grid and channels; None stands for the last."""
    words: dict[str | None, str] = {
        layer.path: f"{layer.path} · {' × '.join(map(str, layer.grid))} · {layer.channels} channels"
        for layer in classifier.layers
    }
    if classifier.convolutions:
        words[None] = f"The last: {words[classifier.layer().path]}"
    return words
