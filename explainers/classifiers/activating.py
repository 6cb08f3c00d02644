"""Where a convolution's output is activated: the layer whose output a reader of the field expects.

A convolution gives numbers of both signs. What the network goes on with is what an activation makes
of them, mostly after a normalisation.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import keras

from explainers.classifiers.graph import CONVOLUTIONS, Step, steps

NONE = {"linear", "softmax", "logsoftmax", "sparsemax"}
"""What activates nothing: the last three compare channels, at the end of a network."""

ACTIVATIONS = {name.replace("_", "") for name in dir(keras.activations)} - NONE | {"prelu"}
"""The kinds of operation, in small letters, that are an activation."""

VALUE_BY_VALUE = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
    keras.layers.UnitNormalization,
    keras.layers.Rescaling,
    keras.layers.Identity,
    keras.layers.ActivityRegularization,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)
"""What normalises values or passes them on, and leaves each in its place and channel."""

ARITHMETIC = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide"}
"""What some activations are spelled out in, as in x · relu6(x + 3) / 6."""


def activated_after(model: keras.Model) -> dict[str, str]:
    """For each convolution, the path of the layer after which its output is activated.

    That is the first layer at which everything that has become of the output, value by value, has
    been through an activation: behind a normalisation, or the convolution itself where the
    activation is built in. A convolution whose output is first added to another branch, or
    convolved again, has none. Neither has one whose activation layer is used again later, since
    what is seen at a layer is its last use.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, nested at any depth.

    Returns
    -------
    dict of str to str
        Without the convolutions that have no such layer.
    """
    flat = steps(model)
    users: dict[Step, set[Step]] = defaultdict(set)
    for step in flat:
        for source in step.sources:
            users[source].add(step)
    seen = {step.path: step for step in flat}
    found = {}
    for place, step in enumerate(flat):
        if isinstance(step.operation, CONVOLUTIONS) and seen[step.path] is step:
            end = _end(step, flat[place + 1 :], users)
            if end is not None and seen[end.path] is end:
                found[step.path] = end.path
    return found


def _end(step: Step, later: Sequence[Step], users: dict[Step, set[Step]]) -> Step | None:
    """The first step at which all that has become of an output has been activated."""
    if _activates(step.operation):
        return step
    own, activated = {step}, set[Step]()
    for other in later:
        if other.sources and other.sources <= own and _value_by_value(other.operation):
            own.add(other)
            if _activates(other.operation) or other.sources & activated:
                activated.add(other)
                if all(users[each] <= own for each in own - {other}):
                    return other
    return None


def _activates(operation: Any) -> bool:
    """Whether it is an activation, or ends in one."""
    function = getattr(operation, "activation", None)
    if function is None:
        return _kind(operation) in ACTIVATIONS
    return getattr(function, "__name__", _kind(function)).replace("_", "") not in NONE


def _value_by_value(operation: Any) -> bool:
    return (
        isinstance(operation, VALUE_BY_VALUE)
        or _kind(operation) in ACTIVATIONS
        or type(operation).__name__ in ARITHMETIC
    )


def _kind(operation: Any) -> str:
    return type(operation).__name__.casefold()
