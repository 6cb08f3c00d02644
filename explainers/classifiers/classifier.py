"""A Keras model behind arrays: the one object that every method asks.

Compiled once, shared by all sessions and threads; nothing in it is patched or mutated. Its weights
are not to change any more: some are kept folded.
"""

import copy
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, Self

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from explainers.classifiers.activating import activated_after
from explainers.classifiers.errors import (
    MEMORY_LIMIT,
    EndedError,
    NoAnswerError,
    UnsupportedModelError,
)
from explainers.classifiers.folding import Settled, settle
from explainers.classifiers.graph import Graph, Layer, describe
from explainers.classifiers.head import find_head, settle_head
from explainers.classifiers.labels import name_classes
from explainers.classifiers.natural_noise import natural_noise
from explainers.classifiers.prediction import Prediction, Target
from explainers.classifiers.scaling import AS_THEY_ARE, UNIT, Scaling, centre_square
from explainers.classifiers.threads import workers

INPUT = "input"

# Small batches stay in the processor's caches.
BATCH = 8

# A backward pass to the pixels keeps all that flowed forward: half as many pictures take 220 MB
# less of Lite0, and 4 % more time. One to a late layer keeps little.
BACKWARD = 4

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""The shares of red, green and blue in a grey picture (ITU-R BT.601)."""

Score = Literal["logit", "probability"]


@dataclass(frozen=True, eq=False)
class Local:
    """What flows through one place of the network, and how the score depends on it.

    Parameters
    ----------
    values : (n, h', w', c) float32 ndarray
        The activations there; at the input, the pixels.
    gradients : (n, h', w', c) float32 ndarray
        The gradient of the target's score by them, image by image; ``(t, n, h', w', c)`` for t
        targets.
    """

    values: np.ndarray
    gradients: np.ndarray


class _Reached(Exception):
    """A layer's output is there, and nothing more is wanted."""


class Classifier:
    """A Keras model as a function on arrays.

    All methods take `pixels` in 0..255; the scaling that the network wants happens here, so that
    every explanation method perturbs the same thing.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, nested at any depth, with one input and one output. Its input is
        a picture with one or three channels, the channels last.
    name : str
        Tells it from other classifiers.
    labels : sequence of str, optional
        One name for each class; numbers if None. A single sigmoid unit counts as two classes: not
        it, and it. One label then names the latter.
    scaling : Scaling
        From 0..255 to what the network was trained on.
    title : str, optional
        What people call it.
    size : tuple of int, optional
        Rows and columns of the pixels, for a model that takes pictures of any size.
    at_once : int
        How many pictures go through the network together at most.

    Attributes
    ----------
    name, title : str
    labels : tuple of str
    scaling : Scaling
    size : tuple of int
        Rows and columns of the pixels.
    any_size : bool
        Whether the model would take pictures of any other size.
    channels : int
        What the network is fed: 3, or 1 for the luminance of the pixels.
    activation : {"softmax", "sigmoid", "linear"}
        What makes probabilities of the logits. Where the model leaves that out, they are taken
        through a softmax, or a single one through a sigmoid.
    derived : bool
        Whether the model answers with probabilities that have no logits behind them, whose
        logarithms stand for these; see `Head`.
    paired : bool
        Whether a single unit tells two classes apart: its sigmoid is the second's probability.
    summary : tuple of Layer
        Every layer inside, early to late.
    apart : bool
        Whether its network is in a process of its own.
    ended : EndedError or None
        Why it will not answer any more, if that process has ended.

    Raises
    ------
    UnsupportedModelError
        If the model is not an image classifier of this kind; the text says why.
    """

    apart = False
    ended: EndedError | None = None

    def __init__(
        self,
        model: keras.Model,
        *,
        name: str,
        labels: Sequence[str] | None = None,
        scaling: Scaling = AS_THEY_ARE,
        title: str | None = None,
        size: tuple[int, int] | None = None,
        at_once: int = BATCH,
    ) -> None:
        self.name = name
        self.title = title or name
        self.scaling = scaling
        self._graph = Graph(model)
        self._head = find_head(self._graph)
        units = _units(model)
        self.paired = units == 1
        self.labels = name_classes(labels, 2 if self.paired else units, paired=self.paired)
        self.any_size = None in model.inputs[0].shape[1:]
        rows, columns, self.channels = input_shape(model, size)
        self.size = rows, columns
        self._inputs = tf.TensorSpec((None, *self.size, self.channels), tf.float32)
        self._compiling = threading.RLock()
        self._compiled = lru_cache(maxsize=24)(self._compile)
        self._surprises = lru_cache(maxsize=24)(self._surprise)
        self._settled = self._settle()
        self.summary = self._look_inside()
        self._batch = max(1, min(BATCH, at_once, MEMORY_LIMIT // self._flow()))
        if not self._head.last:
            self._settle_head()
        _check_choice(units, self.activation)

    def __repr__(self) -> str:
        return (
            f"<Classifier {self.name}: {self.size[0]} x {self.size[1]}, {len(self.labels)} classes>"
        )

    def variant(
        self,
        *,
        name: str | None = None,
        labels: Sequence[str] | None = None,
        scaling: Scaling | None = None,
        title: str | None = None,
    ) -> Self:
        """The same network called, labelled or fed otherwise; nothing is compiled again."""
        twin = copy.copy(self)
        twin.scaling = scaling or self.scaling
        twin.name = name or f"{self.name} at {twin.scaling.name}"
        twin.title = title or self.title
        if labels is not None:
            twin.labels = name_classes(labels, len(self.labels), paired=self.paired)
        return twin

    @property
    def activation(self) -> str:
        return self._head.activation

    @property
    def derived(self) -> bool:
        return self._head.derived

    @property
    def nesting(self) -> str:
        """The model and the models nested in it, from the outside in, each path once."""
        return self._graph.nesting

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers whose output keeps a grid, early to late."""
        return tuple(layer for layer in self.summary if layer.keeps_grid)

    @cached_property
    def convolutions(self) -> tuple[Layer, ...]:
        """The layers that are convolutions, early to late."""
        return tuple(layer for layer in self.layers if layer.convolution)

    def layer(self, path: str | None = None) -> Layer:
        """The layer of that path; None stands for the last convolution that tells places apart.

        Some networks end in convolutions on a single cell, of which no map can be made.

        Raises
        ------
        LookupError
            If there is no such layer, or no convolution at all.
        """
        if path is None:
            if not self.convolutions:
                raise LookupError(
                    f"{self.title} has no convolution, so there is no grid of features to look at; "
                    "choose a method that needs none."
                )
            wide = [layer for layer in self.convolutions if max(layer.grid) > 1]
            return (wide or self.convolutions)[-1]
        if path in self._by_path:
            return self._by_path[path]
        raise LookupError(f"{self.title} has no layer {path!r} whose output keeps a grid.")

    @cached_property
    def _by_path(self) -> dict[str, Layer]:
        return {layer.path: layer for layer in self.layers}

    def activated(self, path: str) -> Layer | None:
        """The layer after which a convolution's output is activated, as `activated_after` finds it.

        It is the convolution itself where the activation is built in, and None where no activation
        of its own follows.
        """
        return self._activated.get(path)

    @cached_property
    def _activated(self) -> dict[str, Layer]:
        found = activated_after(self._graph.model)
        return {path: self.layer(at) for path, at in found.items() if at in self._by_path}

    def prepare(self, image: np.ndarray, *, crop: bool = False) -> np.ndarray:
        """A picture at the network's size.

        Parameters
        ----------
        image : (H, W, 3) uint8 ndarray
            RGB.
        crop : bool
            Whether to take the largest square in the middle instead of the whole picture, whose
            proportions change otherwise.

        Returns
        -------
        (h, w, 3) float32 ndarray
            RGB in 0..255, resized by bicubic interpolation.
        """
        height, width = self.size
        picture = Image.fromarray(centre_square(image) if crop else image)
        return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC), np.float32)

    def predict(self, pixels: np.ndarray) -> Prediction:
        """The answer for one picture.

        Parameters
        ----------
        pixels : (h, w, 3) float32 ndarray
            From `prepare`.

        Raises
        ------
        NoAnswerError
            If the network answers with anything that is no finite number.
        """
        return Prediction(self.probabilities(pixels[None])[0], self.labels)

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        """The probabilities of all classes, ``(n, h, w, 3)`` to ``(n, C)`` float32.

        Raises
        ------
        NoAnswerError
            If there is anything among them that is no finite number.
        """
        return self._answered(self._in_batches(self._answer, batch)[0])

    def unmodified(self, batch: np.ndarray) -> np.ndarray:
        """What the model itself answers, as Keras runs it: ``(n, h, w, 3)`` to ``(n, units)``.

        One picture at a time, which spares memory; the judge of everything that is rebuilt here.
        """
        model = self._graph.model
        answers = [model(self._feed(picture[None]), training=False) for picture in batch]
        return np.concatenate([tf.cast(answer, tf.float32).numpy() for answer in answers])

    def logits(self, batch: np.ndarray) -> np.ndarray:
        """The logits of all classes, ``(n, h, w, 3)`` to ``(n, C)`` float32.

        Raises
        ------
        NoAnswerError
            If there is anything among them that is no finite number.
        """
        return self._answered(self._in_batches(self._compiled("logits"), batch)[0])

    def activations(self, batch: np.ndarray, *layers: str) -> list[np.ndarray]:
        """The outputs of some layers in one pass, each ``(n, h, w, 3)`` to ``(n, h', w', c)``."""
        paths = tuple(self.layer(layer).path for layer in layers)
        return self._in_batches(self._compiled("activations", paths), batch)

    def responses(
        self, batch: np.ndarray, units: Sequence[int], layer: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What one unit says to each picture, and the gradient of that by the pixels.

        Parameters
        ----------
        batch : (n, h, w, 3) float32 ndarray
            Pixels in 0..255; for a layer, of any size.
        units : sequence of int
            For each picture, a channel of the layer, or a class.
        layer : str, optional
            The path of a layer, whose channels answer with their mean over all places. Without
            one, classes answer with their logits, and pictures have the network's size.

        Returns
        -------
        values : (n,) float32 ndarray
        gradients : (n, h, w, 3) float32 ndarray

        Raises
        ------
        LookupError
            If there is no such layer or unit, or what leads to the layer takes no other size.
        """
        path = None if layer is None else self.layer(layer).path
        count = len(self.labels) if layer is None else self.layer(layer).channels
        for unit in units:
            if not 0 <= unit < count:
                kind = "class" if layer is None else f"channel of {path}"
                raise LookupError(f"There is no {kind} {unit}: they are numbered 0 to {count - 1}.")
        size = (batch.shape[1], batch.shape[2])
        forward = self._compiled("responses", path, size)
        chosen = np.asarray(units, np.int32)
        share = math.prod(size) / math.prod(self.size)
        at_once = max(1, min(BACKWARD, int(MEMORY_LIMIT // (self._flow() * share))))

        def run(part: np.ndarray, own: np.ndarray) -> Any:
            return forward(self._feed(part), tf.constant(own))

        values, gradients = _in_batches(run, at_once, batch, chosen)
        return values, self._by_pixels(gradients)

    def gradients(
        self,
        batch: np.ndarray,
        target: Target | int | Sequence[Target | int],
        at: Sequence[str] = (INPUT,),
        of: Score = "logit",
    ) -> list[Local]:
        """The gradient of a target's score at one or more places, in one pass.

        Parameters
        ----------
        batch : (n, h, w, 3) float32 ndarray
            Pixels.
        target : Target, int, or sequence of these
            A class, or the difference of two. It is a tensor: another class compiles nothing.
            Several share the forward pass.
        at : sequence of str
            Paths of layers, and `INPUT` for the pixels themselves.
        of : {"logit", "probability"}
            What is differentiated. A softmax flattens the gradient of the probability to nothing
            where the network is sure, so the logit is the usual choice.

        Returns
        -------
        list of Local
            One for each place, in the order asked for. For several targets, gradients have one
            axis more, the first.

        Raises
        ------
        LookupError
            If there is no such layer.
        NoAnswerError
            If the network gives anything that is no finite number.
        """
        several = not isinstance(target, Target | int | np.integer)
        targets: Sequence[Any] = target if several else [target]  # type: ignore[assignment]
        weights = np.stack([Target.of(each).weights(len(self.labels)) for each in targets])
        shared = np.broadcast_to(weights, (len(batch), *weights.shape))
        _, found = self._differentiate(batch, shared, at, of)
        return found if several else [_of_one(local) for local in found]

    def answers_and_gradients(
        self,
        batch: np.ndarray,
        at: Sequence[str] = (INPUT,),
        of: Score = "logit",
        classes: Sequence[int] | np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[Local]]:
        """The answer to each picture, and the gradient of a class of its own, in one pass.

        Parameters
        ----------
        batch : (n, h, w, 3) float32 ndarray
            Pixels.
        at, of
            As for `gradients`.
        classes : (n,) ints, optional
            The class of each picture; its most probable one if None, of several the first.

        Returns
        -------
        probabilities : (n, C) float32 ndarray
        list of Local
            One for each place, in the order asked for.

        Raises
        ------
        IndexError
            If the classifier has no such class.
        LookupError
            If there is no such layer.
        NoAnswerError
            If the network gives anything that is no finite number.
        """
        count = len(self.labels)
        weights = np.zeros((len(batch), 0, count), np.float32)
        if classes is not None:
            own = [
                Target(int(index)).weights(count) for _, index in zip(batch, classes, strict=True)
            ]
            weights = np.stack(own)[:, None]
        probabilities, found = self._differentiate(batch, weights, at, of)
        return probabilities, [_of_one(local) for local in found]

    def _differentiate(
        self, batch: np.ndarray, weights: np.ndarray, at: Sequence[str], of: Score
    ) -> tuple[np.ndarray, list[Local]]:
        """The answers, and the gradients of each picture's targets, in one pass.

        `weights` are ``(n, t, C)``: each picture's targets over the classes. Where there is none,
        its most probable class is the only one.
        """
        places = tuple(p if p == INPUT else self.layer(p).path for p in at)
        backward = self._compiled("gradients", places, of, weights.shape[1])
        probabilities, *arrays = _in_batches(
            lambda part, own: backward(self._feed(part), tf.constant(own)),
            min(self._batch, BACKWARD if INPUT in places else BATCH),
            batch,
            weights,
        )
        self._answered(probabilities)
        if not all(np.isfinite(array).all() for array in arrays):
            raise NoAnswerError(
                "The gradients of the network's answer by what it saw are not all finite numbers, "
                "so they say nothing: try another picture, class or layer."
            )
        found = []
        for place, values, gradients in zip(places, arrays[::2], arrays[1::2], strict=True):
            by_target = np.moveaxis(gradients, 1, 0)
            by_target = self._by_pixels(by_target) if place == INPUT else by_target
            found.append(Local(batch if place == INPUT else values, by_target))
        return probabilities, found

    def masked_probabilities(
        self, pixels: np.ndarray, fill: np.ndarray, segments: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """The probabilities when some segments of a picture are hidden.

        The masked pictures are composed where they are answered; only the rows travel.

        Parameters
        ----------
        pixels, fill : (h, w, 3) float32 ndarray
            The picture, and what is seen where it is hidden.
        segments : (h, w) int ndarray
            The segment of every pixel, 0 to k - 1.
        rows : (n, k) ndarray of bool or 0 and 1
            For each picture to compose, which segments are shown.

        Returns
        -------
        (n, C) float32 ndarray

        Raises
        ------
        NoAnswerError
            If there is anything among them that is no finite number.
        """
        shown, hidden = self._feed(pixels), self._feed(fill)
        places = tf.constant(segments, tf.int32)

        def run(part: np.ndarray) -> Any:
            visible = tf.gather(tf.constant(part, tf.bool), places, axis=1)[..., None]
            return self._answer(tf.where(visible, shown, hidden))

        return self._answered(_in_batches(run, self._batch, rows)[0])

    @property
    def surprise(self) -> float | None:
        """How unlike its training pictures are to the network, as they are scaled.

        The network's first batch normalisation remembers the mean and the variance of what it was
        given in training. With :math:`m_c` and :math:`v_c` those of channel c for
        `natural_noise`, in units of what it remembers, this is the divergence of the two normal
        distributions,

        .. math:: \\tfrac12 (v_c + m_c^2 - 1 - \\ln v_c),

        and of all channels the median. At least 0, lower is more alike; None if the network
        normalises no batches.
        """
        return self._surprises(self.scaling)

    def _surprise(self, scaling: Scaling) -> float | None:
        if not any(layer.kind == "BatchNormalization" for layer in self.summary):
            return None
        fed = self._feed(natural_noise(self.size), scaling)
        values = self._compiled("remembered")(fed).numpy().astype(np.float64)
        values = values.reshape(-1, values.shape[-1])
        mean, variance = values.mean(0), values.var(0) + 1e-12
        return float(np.median((variance + mean**2 - 1 - np.log(variance)) / 2))

    def _feed(self, pixels: np.ndarray, scaling: Scaling | None = None) -> Any:
        """What the network is fed for ``(..., 3)`` pixels."""
        scaled = (scaling or self.scaling)(tf.constant(pixels, tf.float32))
        return scaled if self.channels == 3 else tf.linalg.matvec(scaled, LUMINANCE)[..., None]

    def _by_pixels(self, gradients: np.ndarray) -> np.ndarray:
        """Gradients by the pixels, from gradients by what the network is fed."""
        if self.channels == 1:
            gradients = gradients * LUMINANCE
        return self.scaling.pull_back(gradients)

    def _in_batches(
        self, forward: Callable, batch: np.ndarray, at_most: int = BATCH
    ) -> list[np.ndarray]:
        size = min(self._batch, at_most)
        return _in_batches(lambda part: forward(self._feed(part)), size, batch)

    def _answered(self, answers: np.ndarray) -> np.ndarray:
        """The same, unless there is no answer in it."""
        missing = ~np.isfinite(answers)
        if missing.any():
            answer = answers[missing.any(axis=1).argmax()]
            classes = np.flatnonzero(~np.isfinite(answer))
            said = ", ".join(f"{answer[index]} for {self.labels[index]}" for index in classes[:3])
            rest = f" and {len(classes) - 3:,} more" if len(classes) > 3 else ""
            raise NoAnswerError(
                f"The network answered {said}{rest}: that is no number, so there is nothing to "
                "explain. Some networks divide by how much a picture varies, and what it was "
                "shown may not vary at all: try another picture, or hide less of this one."
            )
        return answers

    def _settle(self) -> tuple[Settled, ...]:
        """What is computed in fewer steps, wherever nobody looks."""
        return settle(self._graph.model)

    def _unseen(self, *places: str) -> dict[Any, Callable]:
        """What stands for layers in a pass that looks at some places and at no others."""
        instead = dict(self._head.instead)
        for settled in self._settled:
            if settled.paths.isdisjoint(places):
                instead.update(settled.instead)
        return instead

    def _look_inside(self) -> tuple[Layer, ...]:
        """Compile the forward pass, and note the layers on the way."""
        found: dict[str, Layer] = {}
        self._acting: dict[str, Any] = {}

        def watch(path: str, layer: Any, output: Any) -> None:
            self._acting[path] = layer
            if hasattr(output, "shape") and None not in output.shape[1:]:
                found[path] = describe(path, layer, output)

        def forward(inputs: Any) -> Any:
            return self._probabilities(self._forward(inputs, watch, self._unseen()))

        self._answer = self._traced(forward, self._inputs)
        return tuple(found.values())

    def _settle_head(self) -> None:
        """Ask the model what its layers leave open; what was read wrongly is compiled anew."""
        pictures = natural_noise(self.size)
        read, answers, rebuilt = self._head, [], []
        for scaling in (UNIT, AS_THEY_ARE):
            fed = self.variant(scaling=scaling)
            answers.append(fed.unmodified(pictures))
            rebuilt.append(fed._in_batches(self._answer, pictures)[0])
        units = slice(1 if self.paired else 0, None)
        self._head = settle_head(
            self._graph, read, np.concatenate(answers), np.concatenate(rebuilt)[:, units]
        )
        if self._head is not read:
            self.summary = self._look_inside()

    def _flow(self) -> int:
        """The bytes of all layers' outputs for one picture: what a backward pass keeps."""
        flow = 4 * sum(math.prod(layer.shape) for layer in self.summary)
        if flow > MEMORY_LIMIT:
            raise UnsupportedModelError(
                f"One picture of {self.size[0]} x {self.size[1]} takes {flow / 1e9:.3g} GB inside "
                f"the network, and {MEMORY_LIMIT / 1e9:.3g} GB are allowed."
            )
        return max(1, flow)

    def _forward(
        self, inputs: Any, watch: Any = None, instead: Mapping[Any, Callable] | None = None
    ) -> Any:
        """Logits, ``(n, C)``. One sigmoid unit z becomes two classes, -z and z.

        Without `instead`, every layer gives what it gives in Keras, and can be watched.
        """
        instead = self._head.instead if instead is None else instead
        logits = self._head.logits(self._graph(inputs, watch, instead))
        return tf.concat([-logits, logits], axis=-1) if self.paired else logits

    def _probabilities(self, logits: Any) -> Any:
        independent = self.activation == "sigmoid" or self.paired
        return tf.sigmoid(logits) if independent else tf.nn.softmax(logits)

    def _compile(self, kind: str, *settings: Any) -> Callable:
        return getattr(self, f"_compile_{kind}")(*settings)

    def _compile_logits(self) -> Callable:
        return self._traced(lambda x: self._forward(x, instead=self._unseen()), self._inputs)

    def _compile_activations(self, paths: tuple[str, ...]) -> Callable:
        def forward(inputs: Any) -> Any:
            seen: dict[str, Any] = {}
            self._forward(inputs, lambda at, _, output: seen.update({at: output}))
            return _float32([seen[path] for path in paths])

        return self._traced(forward, self._inputs)

    def _compile_responses(self, path: str | None, size: tuple[int, int]) -> Callable:
        def backward(inputs: Any, units: Any) -> list[Any]:
            if path is None:
                answers = self._forward(inputs, instead=self._unseen())
            else:
                answers = self._outputs_at(path, inputs)
            answers = tf.cast(answers, tf.float32)
            by_unit = tf.reduce_mean(answers, range(1, len(answers.shape) - 1))
            values = tf.gather(by_unit, units, batch_dims=1)
            return [values, *tf.gradients(tf.reduce_sum(values), [inputs])]

        inputs = tf.TensorSpec((None, *size, self.channels), tf.float32)
        try:
            return self._traced(backward, inputs, tf.TensorSpec((None,), tf.int32))
        except ValueError as reason:
            if size == self.size:
                raise
            raise LookupError(
                f"{path or 'The answer'} can only be reached by pictures of the network's own "
                f"size, {self.size[0]} x {self.size[1]}."
            ) from reason

    def _outputs_at(self, path: str, inputs: Any) -> Any:
        """The output of one layer; what follows it is not even traced, so any size will do."""

        def watch(at: str, _: Any, output: Any) -> None:
            if at == path:
                raise _Reached(output)

        try:
            self._graph(inputs, watch, self._unseen(path))
        except _Reached as reached:
            return reached.args[0]
        raise LookupError(f"{self.title} has no layer {path!r}.")

    def _compile_remembered(self) -> Callable:
        """What the first batch normalisation is given, in units of what it remembers."""

        def forward(inputs: Any) -> Any:
            seen: list[Any] = []

            def watch(_: str, layer: Any, output: Any) -> None:
                if not seen and isinstance(layer, keras.layers.BatchNormalization):
                    shift = layer.beta if layer.center else 0.0
                    stretch = layer.gamma if layer.scale else 1.0
                    (output,) = _float32([output])
                    seen.append(tf.math.divide_no_nan(output - shift, stretch))

            self._forward(inputs, watch)
            return seen[0]

        return self._traced(forward, self._inputs)

    def _compile_gradients(self, places: tuple[str, ...], of: Score, targets: int) -> Callable:
        def backward(inputs: Any, weights: Any) -> list[Any]:
            seen = {INPUT: inputs}
            logits = self._forward(
                inputs, lambda at, _, output: seen.update({at: output}), self._unseen(*places)
            )
            probabilities = self._probabilities(logits)
            if not targets:
                best = tf.math.top_k(probabilities).indices
                weights = tf.one_hot(best, len(self.labels))
            scores = logits if of == "logit" else probabilities
            values = [seen[place] for place in places]
            by_target = [
                tf.gradients(tf.reduce_sum(scores * weights[:, number]), values)
                for number in range(targets or 1)
            ]
            gradients = [tf.stack(each, axis=1) for each in zip(*by_target, strict=True)]
            pairs = zip(values, gradients, strict=True)
            return _float32([probabilities, *(each for pair in pairs for each in pair)])

        weights = tf.TensorSpec((None, targets, len(self.labels)), tf.float32)
        return self._traced(backward, self._inputs, weights)

    def _traced(self, function: Callable, *signature: tf.TensorSpec) -> Any:
        """The function as one graph, for batches of any length."""
        with self._compiling:
            compiled = tf.function(function, input_signature=signature, autograph=False)
            return compiled.get_concrete_function()


def _float32(tensors: list[Any]) -> list[Any]:
    """What a network that computes in half precision gives, as NumPy knows it."""
    return [tf.cast(tensor, tf.float32) for tensor in tensors]


def _in_batches(forward: Callable, size: int, *batches: np.ndarray) -> list[np.ndarray]:
    """The outputs of a compiled function for batches of any one length, each as one array."""

    def run(start: int) -> list[np.ndarray]:
        outputs = forward(*(batch[start : start + size] for batch in batches))
        return [tensor.numpy() for tensor in tf.nest.flatten(outputs)]

    length = len(batches[0])
    if length <= size:
        return run(0)
    parts = workers().map(run, range(0, length, size))
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _of_one(local: Local) -> Local:
    """The same where there was one target, without the axis of targets."""
    return Local(local.values, local.gradients[0])


def input_shape(model: keras.Model, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Rows, columns and channels of what a model is fed; `size` is for one that takes any.

    Raises
    ------
    UnsupportedModelError
        If that are no pictures, or pictures of another size.
    """
    shape = tuple(model.inputs[0].shape)[1:]
    if len(shape) != 3 or shape[-1] not in (1, 3):
        first = len(shape) == 3 and shape[0] in (1, 3)
        raise UnsupportedModelError(
            f"The model wants inputs of shape {shape}{', its channels first' if first else ''}; "
            "Triptych explains models of pictures with one or three channels, the channels last."
        )
    rows, columns, channels = shape
    if size is None and None in (rows, columns):
        raise UnsupportedModelError(
            "The model takes pictures of any size: choose one, for example size=(224, 224)."
        )
    wanted = size or (rows, columns)
    if any(own not in (None, side) for own, side in zip((rows, columns), wanted, strict=True)):
        raise UnsupportedModelError(
            f"The model wants pictures of {rows} x {columns}, and {wanted[0]} x {wanted[1]} was "
            "asked for."
        )
    return int(wanted[0]), int(wanted[1]), int(channels)


def _units(model: keras.Model) -> int:
    """How many numbers the model answers with."""
    shape = tuple(model.outputs[0].shape)[1:]
    if len(shape) != 1 or shape[0] is None:
        raise UnsupportedModelError(
            f"The model answers with an array of shape {shape}; a classifier answers with one "
            "number for each class."
        )
    return int(shape[0])


def _check_choice(units: int, activation: str) -> None:
    if units == 1 and activation == "softmax":
        raise UnsupportedModelError(
            "The model's only class always gets 1, which is what a softmax makes of one number: "
            "end it in a sigmoid, or give it two classes."
        )
