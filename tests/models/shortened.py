"""Keras's networks with the fewest rounds of their loops that make all their blocks and ties."""

import importlib
import inspect
from collections.abc import Callable
from itertools import chain, repeat

import keras
import pytest
from keras import applications

Build = Callable[..., keras.Model]

ROUNDS = {"convnext": (1, 2, 2), "efficientnet": (1, 1, 1, 3), "efficientnet_v2": (1, 2, 1, 3)}
"""How often to go round the loops of a family in turn, before once is enough: what ties a block to
those before it is made in a second and a third round, of each kind of block in one loop."""


def builders() -> dict[str, Build]:
    """All that builds a network, in `keras.applications` and the modules below it."""
    modules = [applications, *(m for _, m in inspect.getmembers(applications, inspect.ismodule))]
    found = (pair for module in modules for pair in inspect.getmembers(module, inspect.isfunction))
    return {name: build for name, build in found if name[0].isupper()}


def family_of(build: Build) -> str:
    """The module of Keras that a network is built in."""
    return build.__module__.rsplit(".", 1)[-1]


def shorten(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """Have a builder of a family go round each loop as often as it takes, once in a test."""
    rounds = chain(ROUNDS.get(family, ()), repeat(1))
    for module in map(importlib.import_module, {made.__module__ for made in builders().values()}):
        monkeypatch.setattr(
            module, "range", lambda *ends: range(*ends)[: next(rounds)], raising=False
        )
