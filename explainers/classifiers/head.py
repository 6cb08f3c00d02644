"""What a model ends in: where its logits are, and what makes probabilities of them.

Most models end in a softmax or in sigmoids, and what these are given are the logits. Others pass
their probabilities on, average them, or leave the softmax to the loss. So a model is read from its
end, and where that does not settle it, the model itself is asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from explainers.classifiers.errors import UnsupportedModelError
from explainers.classifiers.graph import Graph, Step, steps

SMALLEST = 1e-30
"""Probabilities below this have the logarithm of this, which is finite."""

EXACT, HALF = 1e-5, 5e-3
"""How far what is rebuilt may lie from what a model answers, by the precision that it computes in:
near 1 a hundred roundings of float32, five of float16, or one of bfloat16."""


@dataclass(frozen=True, eq=False)
class Head:
    """How a model comes to its probabilities.

    Parameters
    ----------
    activation : {"softmax", "sigmoid", "linear"}
        What makes probabilities of the logits; linear where the model leaves that out.
    instead : mapping of keras.Operation to callable
        The layer with the activation, and what does the same without it.
    derived : bool
        Whether the model answers with probabilities that have no logits behind them, such as an
        average of several softmaxes. Then the inverse of the activation stands for the logits:
        :math:`\\log p` where classes exclude each other, so that its softmax is p, and
        :math:`\\log p - \\log(1 - p)` where they do not, so that its sigmoid is.
    last : bool
        Whether the activation is the very last thing that the model does.
    """

    activation: Literal["softmax", "sigmoid", "linear"]
    instead: Mapping[Any, Callable] = field(default_factory=dict)
    derived: bool = False
    last: bool = False

    def logits(self, outputs: Any) -> Any:
        """The logits, from what the replay without the activation gives."""
        outputs = tf.cast(outputs, tf.float32)
        if not self.derived:
            return outputs
        return _logarithm(outputs) - (
            0.0 if self.activation == "softmax" else _logarithm(1.0 - outputs)
        )


def find_head(graph: Graph) -> Head:
    """What a model ends in, as far as its layers tell.

    An activation that is not the last operation is a guess: what follows it may pass on what it is
    given, or make something else of it. `settle_head` tells.
    """
    end = step = steps(graph.model)[-1]
    while _may_pass_on(step):
        (step,) = step.sources
    activation = _activation(step.operation)
    if activation in ("softmax", "sigmoid"):
        instead = {step.operation: _without_activation(step.operation)}
        return Head(activation, instead, last=step is end)  # type: ignore[arg-type]
    return Head("linear")


def settle_head(graph: Graph, head: Head, answers: np.ndarray, rebuilt: np.ndarray) -> Head:
    """What a model ends in, settled by what it answers.

    Parameters
    ----------
    graph : Graph
    head : Head
        From `find_head`.
    answers : (n, units) float32 ndarray
        What the unmodified model answers to some pictures.
    rebuilt : (n, units) float32 ndarray
        The probabilities that the head makes for the same.

    Raises
    ------
    UnsupportedModelError
        If the model makes something else of its probabilities.
    """
    usable = np.isfinite(answers).all(axis=1)
    answers, rebuilt = answers[usable], rebuilt[usable]
    precise = all(layer.compute_dtype == "float32" for layer in graph.model._flatten_layers())
    near = EXACT if precise else HALF
    confirmed = head.activation != "linear" and np.allclose(answers, rebuilt, rtol=0, atol=near)
    if confirmed or not len(answers):
        return head
    low, high = float(answers.min()), float(answers.max())
    within = low >= -near and high <= 1 + near
    count = answers.shape[1]
    if within and count > 1 and np.abs(answers.sum(axis=1) - 1).max() <= count * near:
        return Head("softmax", derived=True)
    if not _made_of_probabilities(steps(graph.model)[-1]):
        return Head("linear")
    if within:
        return Head("sigmoid", derived=True)
    raise UnsupportedModelError(
        f"The model goes on computing with its probabilities, and what it answers with, {low:.3g} "
        f"to {high:.3g}, are none: let it end in its softmax or its sigmoids, or in logits."
    )


def _logarithm(probabilities: Any) -> Any:
    """Finite for 0; what is no number stays none."""
    return tf.math.log(tf.where(probabilities < SMALLEST, SMALLEST, probabilities))


def _may_pass_on(step: Step) -> bool:
    return (
        len(step.sources) == 1
        and _activation(step.operation) == "linear"
        and not _learnt(step.operation)
    )


def _made_of_probabilities(end: Step) -> bool:
    """Whether all that a step is computed from, without anything learnt, are probabilities."""
    waiting, seen = [end], {end}
    while waiting:
        step = waiting.pop()
        if _activation(step.operation) in ("softmax", "sigmoid", "hard_sigmoid"):
            continue
        if _learnt(step.operation) or not step.sources:
            return False
        waiting += step.sources - seen
        seen |= step.sources
    return True


def _learnt(operation: Any) -> bool:
    return bool(getattr(operation, "weights", ()))


def _activation(layer: Any) -> str:
    kind = type(layer).__name__
    if kind in ("Softmax", "Sigmoid", "HardSigmoid"):
        return {"HardSigmoid": "hard_sigmoid"}.get(kind, kind.lower())
    return getattr(getattr(layer, "activation", None), "__name__", "linear")


def _without_activation(layer: Any) -> Callable:
    """The same layer without its activation; the original is left as it is."""
    if isinstance(layer, keras.layers.Activation) or not hasattr(layer, "activation"):
        return _identity
    copy = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    copy.build_from_config(layer.get_build_config())
    copy.set_weights(layer.get_weights())
    return copy


def _identity(inputs: Any, **_: Any) -> Any:
    return inputs
