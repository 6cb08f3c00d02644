"""A screened config built by Keras, once it is known that the network fits into memory."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import keras
import tensorflow as tf
from keras.src.backend.common import global_state

from explainers.classifiers.errors import MEMORY_LIMIT, ModelError, PassingError, fault_of
from explainers.models.legacy_config import mend
from explainers.models.vocabulary import MODELS

CALLS_LIMIT = 5_000
"""How often layers are called in all, counting those in nested models each time."""

Result = TypeVar("Result")


def build(config: dict[str, Any], keras_version: str) -> keras.Model:
    """The model that a screened config describes, with weights as they are initialised.

    Parameters
    ----------
    config : dict
        From `screen`.
    keras_version : str
        The version of Keras that wrote it.

    Raises
    ------
    ModelError
        If the network is too large, or nothing that Keras can build.
    """
    mended = asking_keras(lambda: mend(config, keras_version), "cannot read the model's config")
    if asking_keras(lambda: _calls(mended), "cannot read the model's config") > CALLS_LIMIT:
        raise ModelError(f"The model calls its layers more than {CALLS_LIMIT:,} times.")
    try:
        _check_size(mended)
        return _afresh(lambda: _deserialized(mended), "cannot rebuild the model")
    except ModelError as reason:
        if not isinstance(reason.__cause__, RecursionError):
            raise
        raise ModelError(
            f"The model calls {_longest_chain(mended):,} layers one after another, and Keras "
            f"follows about {sys.getrecursionlimit() - 50:,} at most, so it cannot be rebuilt."
        ) from reason


def _afresh(ask: Callable[[], Result], failure: str) -> Result:
    """Ask Keras in a thread of its own.

    There the stack is empty, so how deep a network may be depends on nothing else; and what Keras
    notes for the thread goes with it.
    """
    with ThreadPoolExecutor(1) as fresh:
        return asking_keras(lambda: fresh.submit(ask).result(), failure)


def _longest_chain(config: dict[str, Any]) -> int:
    """How many layers follow on one another, in that one of all models where it is most."""
    lengths: dict[str, int] = {}
    longest = 0
    for layer in config["config"]["layers"]:
        if layer["class_name"] in MODELS:
            longest = max(longest, _longest_chain(layer))
        before = {*_strings(layer.get("inbound_nodes"))} & lengths.keys()
        name = layer.get("name") or layer["config"].get("name")
        lengths[name] = 1 + max((lengths[each] for each in before), default=0)
    if config["class_name"] == "Sequential":
        return max(longest, len(lengths))
    return max(longest, *lengths.values())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def asking_keras(ask: Callable[[], Result], failure: str) -> Result:
    """Ask Keras something about a model from outside, and put what it objects to in a sentence."""
    try:
        return ask()
    except (ModelError, MemoryError, tf.errors.ResourceExhaustedError):
        raise  # whoever set the limit knows whose fault it is
    except Exception as error:
        fault = fault_of(error)
        if fault is not None:
            raise PassingError.of(fault, "open the model") from error
        # Keras writes in bold, and ends with the arguments of its own functions.
        told = re.sub(r"\x1b\[\d*m", "", str(error)).split("Arguments received by")[0]
        lines = [line.strip() for line in told.splitlines() if line.strip()]
        reason = (lines or [type(error).__name__])[-1]
        raise ModelError(f"Keras {failure}: {reason[:300]}") from error


def _deserialized(config: dict[str, Any]) -> keras.Model:
    copy = json.loads(json.dumps(config))  # Keras takes it apart while it reads
    model = keras.saving.deserialize_keras_object(copy, safe_mode=True)
    if not model.built or not model.inputs:
        raise ModelError("The model does not know the shape of its input.")
    return model


def _calls(config: dict[str, Any]) -> int:
    total = 0
    for layer in config["config"]["layers"]:
        inside = _calls(layer) if layer["class_name"] in MODELS else 1
        total += inside * max(1, len(layer.get("inbound_nodes", ())))
    return total


def _check_size(config: dict[str, Any]) -> None:
    """Refuse a network too large for the memory, before any of it is there.

    Within a stateless scope Keras builds a network without its weights, and within a graph it
    computes nothing.
    """

    def measure() -> tuple[dict[str, float], dict[str, float]]:
        with tf.Graph().as_default(), keras.StatelessScope(initialize_variables=False):
            model = _deserialized(config)
            made = global_state.get_global_attribute("uninitialized_variables", [])
            weights = {f"{number} {weight.path}": _bytes(weight.shape)
                       for number, weight in enumerate(made)}  # fmt: skip
            return weights, dict(_flow(model, ""))

    measured = _afresh(measure, "cannot rebuild the model")
    for sizes, what in zip(measured, ("weights", "outputs for one picture"), strict=True):
        if sum(sizes.values()) > MEMORY_LIMIT:
            largest = max(sizes, key=sizes.__getitem__).split(" ", 1)[-1]
            raise ModelError(
                f"The model's {what} take {sum(sizes.values()) / 1e9:,.3g} GB, most of all those "
                f"of {largest!r}, and {MEMORY_LIMIT / 1e9:.3g} GB are allowed."
            )


def _flow(model: keras.Model, prefix: str) -> Iterator[tuple[str, float]]:
    """The bytes of each layer's outputs for one picture, and of what attention compares."""
    for layer in getattr(model, "operations", None) or model.layers:
        path = prefix + layer.name
        if isinstance(layer, keras.Model):
            yield from _flow(layer, f"{path}/")
            continue
        for number, node in enumerate(layer._inbound_nodes):
            for tensor in node.output_tensors:
                size = _bytes(tensor.shape[1:])
                if "Attention" in type(layer).__name__:
                    size *= max(1, _bytes(tensor.shape[1:-1]) / 4)
                yield f"{number} {path}", size


def _bytes(shape: tuple) -> float:
    """Of an array of four-byte numbers; sides that are not known count once."""
    size = 4.0
    for side in shape:
        size *= side or 1
    return size
