"""Any nesting of Keras models laid flat, with every layer inside reachable.

A model is replayed, layer by layer, entering the layers that are models themselves. Nothing in it
is patched, so that threads can share it, and "Graph disconnected" cannot happen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

Watch = Callable[[str, Any, Any], None]

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)


class UnsupportedModelError(ValueError):
    """A model that cannot be explained; the text says why."""


@dataclass(frozen=True)
class Layer:
    """A layer whose output keeps a grid.

    Parameters
    ----------
    path : str
        Its name, behind the names of the models it lies in: ``"backbone/block5_conv3"``.
    kind : str
        Its class in Keras.
    grid : tuple of int
        Rows and columns of its output.
    channels : int
        Channels of its output.
    convolution : bool
        Whether it is a convolution.
    """

    path: str
    kind: str
    grid: tuple[int, int]
    channels: int
    convolution: bool


class Graph:
    """A Keras model as a function from inputs to logits that can be watched on its way.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, with one input and one output, nested at any depth. A softmax or
        sigmoid at its end, in the last layer or as a layer of its own, is left out of the replay.

    Attributes
    ----------
    activation : {"softmax", "sigmoid", "linear"}
        What turns the logits into the model's own outputs.

    Raises
    ------
    UnsupportedModelError
        If the model cannot be replayed.
    """

    def __init__(self, model: keras.Model) -> None:
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise UnsupportedModelError(
                f"The model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
                "Triptych explains models with one of each."
            )
        self.model = model
        self._head = _last_layer(model)
        self.activation, self._linear_head = _without_activation(self._head)

    def __call__(self, inputs: Any, watch: Watch | None = None) -> Any:
        """Logits of a batch; `watch` is shown the path, the layer and the output of each step."""
        return self._replay(self.model, inputs, "", watch)

    def _replay(self, model: keras.Model, inputs: Any, prefix: str, watch: Watch | None) -> Any:
        def step(layer: Any) -> Callable:
            def call(*args: Any, **kwargs: Any) -> Any:
                if layer is self._head:
                    return self._linear_head(*args, **kwargs)
                if isinstance(layer, keras.Model):
                    return self._replay(layer, args[0], f"{prefix}{layer.name}/", watch)
                output = layer(*args, **kwargs)
                if watch is not None:
                    watch(prefix + layer.name, layer, output)
                return output

            return call

        outputs = _functional(model)._run_through_graph(inputs, operation_fn=step)
        return keras.tree.flatten(outputs)[0]


def describe(path: str, layer: Any, output: Any) -> Layer | None:
    """The entry of one step in the list of layers; None if its output has no grid."""
    shape: tuple = tuple(getattr(output, "shape", ()))
    if len(shape) != 4 or None in shape[1:] or not isinstance(layer, keras.layers.Layer):
        return None
    _, height, width, channels = shape
    return Layer(
        path,
        type(layer).__name__,
        (int(height), int(width)),
        int(channels),
        isinstance(layer, CONVOLUTIONS),
    )


def _functional(model: keras.Model) -> Any:
    functional = getattr(model, "_functional", None) or model
    if not hasattr(functional, "_run_through_graph"):
        raise UnsupportedModelError(
            f"The model {model.name!r} is written as a Python class, whose layers cannot be "
            "reached from outside; Triptych explains Functional and Sequential models."
        )
    return functional


def _last_layer(model: keras.Model) -> Any:
    operation = _functional(model).outputs[0]._keras_history.operation
    return _last_layer(operation) if isinstance(operation, keras.Model) else operation


def _without_activation(head: Any) -> tuple[str, Callable]:
    """The name of the activation at the end, and the last layer without it."""
    if isinstance(head, keras.layers.Softmax):
        return "softmax", _identity
    name = getattr(getattr(head, "activation", None), "__name__", "linear")
    if name not in ("softmax", "sigmoid"):
        return "linear", head
    if isinstance(head, keras.layers.Activation):
        return name, _identity
    copy = type(head).from_config({**head.get_config(), "activation": "linear"})
    copy.build_from_config(head.get_build_config())
    copy.set_weights(head.get_weights())
    return name, copy


def _identity(inputs: Any, **_: Any) -> Any:
    return inputs
