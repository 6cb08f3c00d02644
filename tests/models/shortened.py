"""Keras's networks with the fewest rounds of their loops that make all their blocks and ties."""

import importlib
import inspect
from collections.abc import Callable

import keras
import pytest
from keras import applications

Build = Callable[..., keras.Model]

TIED_FROM_THE_SECOND_ROUND = ("convnext", "efficientnet", "efficientnet_v2")


def builders() -> dict[str, Build]:
    """All that builds a network, in `keras.applications` and the modules below it."""
    modules = [applications, *(m for _, m in inspect.getmembers(applications, inspect.ismodule))]
    found = (pair for module in modules for pair in inspect.getmembers(module, inspect.isfunction))
    return {name: build for name, build in found if name[0].isupper()}


def family_of(build: Build) -> str:
    """The module of Keras that a network is built in."""
    return build.__module__.rsplit(".", 1)[-1]


def shorten(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """Have the builders of a family go round each loop as often as it takes, and no more."""
    rounds = 2 if family in TIED_FROM_THE_SECOND_ROUND else 1
    for module in map(importlib.import_module, {made.__module__ for made in builders().values()}):
        monkeypatch.setattr(module, "range", lambda *ends: range(*ends)[:rounds], raising=False)
