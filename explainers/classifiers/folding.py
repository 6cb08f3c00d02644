"""Batch normalisations settled: folded into the convolution before them, or one multiply and add.

Once a network has learnt, a normalisation multiplies each channel by a number and adds another. A
convolution's kernel and bias can do that as well, and what is left is one operation instead of six.
What lies between the two is then nowhere to be seen: who looks there leaves that pair alone.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from explainers.classifiers.graph import Step, steps


@dataclass(frozen=True, eq=False)
class Settled:
    """A normalisation, and the convolution that it was folded into, if any.

    Parameters
    ----------
    paths : frozenset of str
        Of the layers whose outputs are computed otherwise, or not at all.
    instead : mapping of keras.Operation to callable
        What stands for each of these layers. The arrays are TensorFlow's own, so that all graphs
        share them.
    """

    paths: frozenset[str]
    instead: Mapping[Any, Callable]


def settle(model: keras.Model) -> tuple[Settled, ...]:
    """All of a model's batch normalisations that can be settled, with its weights of this moment.

    With :math:`\\gamma, \\beta, \\mu, \\sigma^2, \\epsilon` of the normalisation and
    :math:`K, b` of the convolution, output channel by output channel,

    .. math::
        \\gamma \\frac{K * x + b - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}} + \\beta
        = (sK) * x + (b - \\mu) s + \\beta, \\qquad
        s = \\frac{\\gamma}{\\sqrt{\\sigma^2 + \\epsilon}}.

    A convolution takes part if it is a plain or depthwise one without an activation, has the
    channels last, is used once, and is used by that normalisation alone. What computes in half
    precision or hands a mask on is left as it is, and so are subclasses, which may do anything.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, nested at any depth.

    References
    ----------
    .. [1] B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
       Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2.
    """
    flat = steps(model)
    uses = Counter(step.operation for step in flat)
    users = Counter(source for step in flat for source in step.sources)
    once = {step for step in flat if uses[step.operation] == 1}
    found = []
    for step in flat:
        if not _normalises_channels(step.operation) or len(step.sources) > 1:  # a mask comes, too
            continue
        stretch, shift = _factors(step.operation)
        if not np.isfinite([stretch, shift]).all():
            continue
        (before,) = step.sources or (step,)
        folds = {before, step} <= once and users[before] == 1 and before is not flat[-1]
        if folds and _convolves(before.operation):
            found.append(_folded(before, step, stretch, shift))
        else:
            found.append(_alone(step, stretch, shift))
    return tuple(found)


def _normalises_channels(layer: Any) -> bool:
    return (
        type(layer) is keras.layers.BatchNormalization
        and layer.axis in (-1, layer.input_spec.ndim - 1)
        and _single_precision(layer)
    )


def _convolves(layer: Any) -> bool:
    return (
        type(layer) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
        and _single_precision(layer)
    )


def _single_precision(layer: Any) -> bool:
    return {layer.compute_dtype, *(weight.dtype for weight in layer.weights)} == {"float32"}


def _factors(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """By what a normalisation multiplies each channel, and what it adds then; float64."""
    with np.errstate(invalid="ignore", divide="ignore"):
        stretch = 1 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        stretch = stretch * _array(layer.gamma)
    shift = -_array(layer.moving_mean) * stretch
    return stretch, shift + _array(layer.beta) if layer.center else shift


def _folded(before: Step, step: Step, stretch: np.ndarray, shift: np.ndarray) -> Settled:
    layer = before.operation
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    kernel = _array(layer.kernel)
    stretched = kernel * (stretch.reshape(kernel.shape[2:]) if depthwise else stretch)
    if layer.use_bias:
        shift = shift + _array(layer.bias) * stretch
    convolve = keras.ops.depthwise_conv if depthwise else keras.ops.conv
    weights, bias = _tensor(stretched), _tensor(shift)

    def act(inputs: Any, **_: Any) -> Any:
        outputs = convolve(
            tf.cast(inputs, tf.float32),
            weights,
            strides=layer.strides,
            padding=layer.padding,
            data_format=layer.data_format,
            dilation_rate=layer.dilation_rate,
        )
        return tf.nn.bias_add(outputs, bias)

    return Settled(
        frozenset({before.path, step.path}), {layer: act, step.operation: lambda x, **_: x}
    )


def _alone(step: Step, stretch: np.ndarray, shift: np.ndarray) -> Settled:
    factor, summand = _tensor(stretch), _tensor(shift)

    def act(inputs: Any, **_: Any) -> Any:
        return tf.cast(inputs, tf.float32) * factor + summand

    return Settled(frozenset({step.path}), {step.operation: act})


def _array(variable: Any) -> np.ndarray:
    return variable.numpy().astype(np.float64)


def _tensor(array: np.ndarray) -> Any:
    return tf.constant(array, tf.float32)
