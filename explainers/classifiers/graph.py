"""Any nesting of Keras models laid flat, with every layer inside reachable.

A model is replayed, layer by layer, entering the layers that are models themselves. Nothing in it
is patched, so that threads can share it, and "Graph disconnected" cannot happen.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras

from explainers.classifiers.errors import UnsupportedModelError

Watch = Callable[[str, Any, Any], None]

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)


@dataclass(frozen=True)
class Layer:
    """A layer inside a model.

    Parameters
    ----------
    path : str
        Its name, behind the names of the models it lies in: ``"backbone/block5_conv3"``.
    kind : str
        Its class in Keras.
    shape : tuple of int
        Of its output for one picture.
    parameters : int
        How many weights it has.
    convolution : bool
        Whether it is a convolution.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    convolution: bool

    @property
    def keeps_grid(self) -> bool:
        """Whether its output has rows, columns and channels."""
        return len(self.shape) == 3

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of its output."""
        return self.shape[0], self.shape[1]

    @property
    def channels(self) -> int:
        """Channels of its output."""
        return self.shape[-1]


class Graph:
    """A Keras model as a function from inputs to outputs that can be watched on its way.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, with one input and one output, nested at any depth.

    Raises
    ------
    UnsupportedModelError
        If the model cannot be replayed.
    """

    def __init__(self, model: keras.Model) -> None:
        _functional(model)
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise UnsupportedModelError(
                f"The model has {_count(model.inputs, 'input')} and "
                f"{_count(model.outputs, 'output')}; Triptych explains models with one of each."
            )
        self.model = model

    @property
    def nesting(self) -> str:
        """The model, and the models nested in it, from the outside in."""
        return _nesting(self.model)

    def __call__(
        self,
        inputs: Any,
        watch: Watch | None = None,
        instead: Mapping[Any, Callable] = MappingProxyType({}),
    ) -> Any:
        """The outputs for a batch; `watch` is shown each step's path, layer and output.

        The layer is the one that acts: what stands for it in `instead`, if anything does.
        """
        return self._replay(self.model, inputs, "", watch, instead)

    def _replay(
        self,
        model: keras.Model,
        inputs: Any,
        prefix: str,
        watch: Watch | None,
        instead: Mapping[Any, Callable],
    ) -> Any:
        def step(layer: Any) -> Callable:
            def call(*args: Any, **kwargs: Any) -> Any:
                if isinstance(layer, keras.Model):
                    return self._replay(layer, args[0], f"{prefix}{layer.name}/", watch, instead)
                if "training" in inspect.signature(layer.call).parameters:
                    kwargs["training"] = False  # augmentation takes the opposite for granted
                act = instead.get(layer, layer)
                output = act(*args, **kwargs)
                if watch is not None:
                    acting = act if isinstance(act, keras.Operation) else layer
                    watch(prefix + layer.name, acting, output)
                return output

            return call

        outputs = _functional(model)._run_through_graph(inputs, operation_fn=step)
        return keras.tree.flatten(outputs)[0]


def describe(path: str, layer: Any, output: Any) -> Layer:
    """The entry of one step in the list of layers."""
    return Layer(
        path,
        type(layer).__name__,
        tuple(int(side) for side in output.shape[1:]),
        sum(math.prod(weight.shape) for weight in getattr(layer, "weights", ())),
        isinstance(layer, CONVOLUTIONS),
    )


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a model laid flat.

    Parameters
    ----------
    path : str
        As in `Layer`.
    operation : keras.Operation
        A layer, or a function of Keras.
    sources : frozenset of Step
        Those whose outputs it takes; the model's input is none.
    """

    path: str
    operation: Any
    sources: frozenset["Step"]


def steps(model: keras.Model) -> list[Step]:
    """The operations of a model in the order of a replay, the one that gives the output last.

    Nothing is computed.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, nested at any depth.
    """
    found: list[Step] = []

    def replay(model: keras.Model, given: Any, prefix: str) -> Any:
        def step(operation: Any) -> Callable:
            def call(*args: Any, **kwargs: Any) -> Any:
                if isinstance(operation, keras.Model):
                    return replay(operation, args[0], f"{prefix}{operation.name}/")
                sources = (
                    each for each in keras.tree.flatten((args, kwargs)) if isinstance(each, Step)
                )
                found.append(Step(prefix + operation.name, operation, frozenset(sources)))
                return [found[-1]] * len(keras.tree.flatten(operation.output))

            return call

        return _functional(model)._run_through_graph(given, operation_fn=step)

    (end,) = keras.tree.flatten(replay(model, model.inputs, ""))
    return [*(step for step in found if step is not end), end]


def _count(tensors: list, noun: str) -> str:
    names = ", ".join(tensor._keras_history.operation.name for tensor in tensors[:4])
    return f"{len(tensors)} {noun}{'' if len(tensors) == 1 else f's ({names})'}"


def _functional(model: keras.Model) -> Any:
    functional = getattr(model, "_functional", None) or model
    if not hasattr(functional, "_run_through_graph"):
        raise UnsupportedModelError(
            f"The model {model.name!r} is written as a Python class, whose layers cannot be "
            "reached from outside; Triptych explains Functional and Sequential models."
        )
    return functional


def _nesting(model: keras.Model) -> str:
    inner = [_nesting(layer) for layer in model.layers if isinstance(layer, keras.Model)]
    kind = type(model).__name__
    if len(inner) > 1:
        return f"{kind} > ({', '.join(inner)})"
    return " > ".join([kind, *inner])
