"""Weights of a screened file for a network: all of them, or which layer they do not fit."""

from collections.abc import Iterable
from pathlib import Path

import h5py
import keras
import numpy as np

from explainers.classifiers.errors import ModelError, PassingError
from explainers.models.deserializing import asking_keras

Shape = tuple[int, ...]
ANOTHER = (
    "The weights are another network's, or some are missing: save the network and its weights "
    "together with model.save(...)."
)


def load_weights(model: keras.Model, path: Path) -> None:
    """Give a network the weights of a screened file, all of which are finite, and miss none.

    Raises
    ------
    ModelError
        If they are not its own; the text says which layer wants which shapes, and which are there.
    """
    weights = [weight for weight in model.weights if "float" in weight.dtype]
    for weight in weights:
        weight.assign(np.full(weight.shape, np.nan, np.float32))
    try:
        asking_keras(lambda: model.load_weights(path), "cannot read the weights")
    except PassingError:
        raise
    except ModelError as reason:
        told = _by_order(model, path) if path.name == "weights.h5" else _by_name(model, path)
        raise ModelError(f"{told} {ANOTHER}" if told else str(reason)) from reason
    missed = [weight.path for weight in weights if np.isnan(weight.numpy()).any()]
    if missed:
        raise ModelError(f"The file holds no weights for {missed[0]!r} ({len(missed)} missing).")
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # Keras forgets to, in models nested in an HDF5 file


def _by_name(model: keras.Model, path: Path) -> str | None:
    """The first layer that got no weights; in files of Keras 3 it goes on after each failure."""
    missed = [weight for weight in model.weights if np.isnan(weight.numpy()).any()]
    if not missed:
        return None
    layer = _owner(model, missed[0])
    found: list[tuple[str, list[Shape]]] = []

    def note(_: str, group: h5py.Group | h5py.Dataset) -> None:
        if "name" in group.attrs:
            found.append((group.attrs["name"], [item.shape for item in group.values()]))

    with h5py.File(path) as file:
        file.visititems(note)
    own = [shapes for name, shapes in found if name == layer.name]
    clear = found and len(own) < 2  # else the file is of an early Keras 3, or has namesakes
    return _misfit(layer.name, layer.weights, [*own, []][0] if clear else None)


def _by_order(model: keras.Model, path: Path) -> str | None:
    """The first layer that the next weights of an HDF5 file do not fit, read in their order."""
    own = [layer for layer in model.layers if layer.weights]
    with h5py.File(path) as file:
        kept = {name: file[name] for name in _names(file, "layer_names") if name in file}
        listed = {name: _names(group, "weight_names") for name, group in kept.items()}
        saved = {
            name: [kept[name][key].shape for key in keys if key in kept[name]]
            for name, keys in listed.items()
            if keys
        }
    if len(own) != len(saved):
        return (
            f"The network has weights in {len(own)} layers ({_few(layer.name for layer in own)}), "
            f"and the file for {len(saved)} ({_few(saved)})."
        )
    for layer, shapes in zip(own, saved.values(), strict=True):
        weights = layer.trainable_weights + layer.non_trainable_weights
        if [tuple(weight.shape) for weight in weights] == shapes:
            continue
        if len(weights) != len(shapes) and _owner(model, weights[0]) is not layer:
            return (
                f"The layers of {layer.name!r} want {len(weights)} arrays, and the file has "
                f"{len(shapes)} for them."
            )
        return _misfit(layer.name, weights, shapes)
    return None


def _names(group: h5py.Group, key: str) -> list[str]:
    """A list of names beside a group, which HDF5 may have split into several."""
    parts = [group.attrs[part] for part in sorted(group.attrs) if part.rstrip("0123456789") == key]
    return [
        name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in part
    ]


def _owner(model: keras.Model, weight: keras.Variable) -> keras.layers.Layer:
    """The innermost layer that has a weight."""
    layers = [each for each in model._flatten_layers() if any(w is weight for w in each.weights)]
    return min(layers, key=lambda layer: len(layer.weights))


def _misfit(name: str, weights: list[keras.Variable], found: list[Shape] | None) -> str:
    wanted = ", ".join(f"{weight.name} {_sides(tuple(weight.shape))}" for weight in weights)
    if found is None:
        return f"The layer {name!r} wants {wanted}, and what the file has for it is something else."
    there = ", ".join(map(_sides, found)) or "nothing"
    return f"The layer {name!r} wants {wanted}, and the file has {there} for it."


def _sides(shape: Shape) -> str:
    return " × ".join(map(str, shape)) or "a number"


def _few(names: Iterable[str]) -> str:
    first, *rest = [*names][:4] or ["none"]
    return ", ".join([first, *rest[:2], *(["..."] if len(rest) > 2 else [])])
