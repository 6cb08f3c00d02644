"""A Keras model behind arrays: the one object that every method asks.

Compiled once, shared by all sessions and threads; nothing in it is patched or mutated.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from explainers.classifiers.graph import Graph, Layer, UnsupportedModelError, describe
from explainers.classifiers.prediction import Prediction, Target
from explainers.classifiers.scaling import AS_THEY_ARE, Scaling

INPUT = "input"

# Small batches stay in the processor's caches; while one of two waits in a small layer, the other
# keeps the cores busy.
BATCH = 8
AT_ONCE = 2

Score = Literal["logit", "probability"]


@dataclass(frozen=True, eq=False)
class Local:
    """What flows through one place of the network, and how the score depends on it.

    Parameters
    ----------
    values : (n, h', w', c) float32 ndarray
        The activations there; at the input, the pixels.
    gradients : (n, h', w', c) float32 ndarray
        The gradient of the target's score by them, image by image.
    """

    values: np.ndarray
    gradients: np.ndarray


class Classifier:
    """A Keras model as a function on arrays.

    All methods take `pixels` in 0..255; the scaling that the network wants happens inside, so
    that every explanation method perturbs the same thing.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential, nested at any depth, with one input and one output.
    name : str
        What it is called.
    labels : sequence of str
        One name for each class. A single sigmoid unit counts as two classes: not it, and it.
    scaling : Scaling
        From 0..255 to what the network was trained on.

    Attributes
    ----------
    name : str
    labels : tuple of str
    size : tuple of int
        Rows and columns of the pixels.
    activation : {"softmax", "sigmoid", "linear"}
        What the model ends in. Logits without an activation are taken through a softmax.
    layers : tuple of Layer
        Every layer inside whose output keeps a grid, early to late.

    Raises
    ------
    UnsupportedModelError
        If the model is not an image classifier of this kind; the text says why.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        name: str,
        labels: Sequence[str],
        scaling: Scaling = AS_THEY_ARE,
    ) -> None:
        self.name = name
        self.labels = tuple(labels)
        self.scaling = scaling
        self._graph = Graph(model)
        self.activation = self._graph.activation
        self.size = _input_size(model)
        self._images = tf.TensorSpec((None, *self.size, 3), tf.float32)
        self._compiling = threading.RLock()
        self._compiled = lru_cache(maxsize=24)(self._compile)
        self.layers = self._look_inside()

    def __repr__(self) -> str:
        return (
            f"<Classifier {self.name}: {self.size[0]} x {self.size[1]}, {len(self.labels)} classes>"
        )

    @property
    def convolutions(self) -> tuple[Layer, ...]:
        """The layers that are convolutions, early to late."""
        return tuple(layer for layer in self.layers if layer.convolution)

    def layer(self, path: str | None = None) -> Layer:
        """The layer of that path; None stands for the last convolution.

        Raises
        ------
        LookupError
            If there is no such layer, or no convolution at all.
        """
        if path is None:
            if not self.convolutions:
                raise LookupError(
                    f"{self.name} has no convolution, so there is no grid of features to look at; "
                    "choose a method that needs none."
                )
            return self.convolutions[-1]
        for layer in self.layers:
            if layer.path == path:
                return layer
        raise LookupError(f"{self.name} has no layer {path!r} whose output keeps a grid.")

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
        """
        return Prediction(self.probabilities(pixels[None])[0], self.labels)

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        """The probabilities of all classes, ``(n, h, w, 3)`` to ``(n, C)`` float32."""
        return _in_batches(lambda part: self._answer(tf.constant(part, tf.float32)), batch)[0]

    def logits(self, batch: np.ndarray) -> np.ndarray:
        """The logits of all classes, ``(n, h, w, 3)`` to ``(n, C)`` float32."""
        forward = self._compiled("logits")
        return _in_batches(lambda part: forward(tf.constant(part, tf.float32)), batch)[0]

    def activations(self, batch: np.ndarray, layer: str) -> np.ndarray:
        """The output of one layer, ``(n, h, w, 3)`` to ``(n, h', w', c)`` float32."""
        forward = self._compiled("activations", self.layer(layer).path)
        return _in_batches(lambda part: forward(tf.constant(part, tf.float32)), batch)[0]

    def gradients(
        self,
        batch: np.ndarray,
        target: Target | int,
        at: Sequence[str] = (INPUT,),
        of: Score = "logit",
    ) -> list[Local]:
        """The gradient of a target's score at one or more places, in one pass.

        Parameters
        ----------
        batch : (n, h, w, 3) float32 ndarray
            Pixels.
        target : Target or int
            A class, or the difference of two. It is a tensor: another class compiles nothing.
        at : sequence of str
            Paths of layers, and `INPUT` for the pixels themselves.
        of : {"logit", "probability"}
            What is differentiated. A softmax flattens the gradient of the probability to nothing
            where the network is sure, so the logit is the usual choice.

        Returns
        -------
        list of Local
            One for each place, in the order asked for.
        """
        weights = Target.of(target).weights(len(self.labels))
        places = tuple(p if p == INPUT else self.layer(p).path for p in at)
        backward = self._compiled("gradients", places, of)
        arrays = _in_batches(
            lambda part: backward(tf.constant(part, tf.float32), tf.constant(weights)), batch
        )
        return [Local(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True)]

    def masked_probabilities(
        self, pixels: np.ndarray, fill: np.ndarray, segments: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """The probabilities when some segments of a picture are hidden.

        The masked pictures are composed inside the graph; only the rows travel.

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
        """
        forward = self._compiled("masked")
        scene = [
            tf.constant(array, dtype)
            for array, dtype in ((pixels, tf.float32), (fill, tf.float32), (segments, tf.int32))
        ]
        return _in_batches(lambda part: forward(*scene, tf.constant(part, tf.bool)), rows)[0]

    def _look_inside(self) -> tuple[Layer, ...]:
        """Compile the forward pass, and note the layers on the way."""
        found: dict[str, Layer] = {}

        def watch(path: str, layer: Any, output: Any) -> None:
            entry = describe(path, layer, output)
            if entry is not None:
                found[path] = entry

        def forward(images: Any) -> Any:
            return self._probabilities(self._forward(images, watch))

        self._answer = self._traced(forward, self._images)
        classes = self._answer.outputs[0].shape[-1]
        if classes != len(self.labels):
            raise UnsupportedModelError(
                f"The model has {classes} classes, but {len(self.labels)} labels were given."
            )
        return tuple(found.values())

    def _forward(self, images: Any, watch: Any = None) -> Any:
        """Logits, ``(n, C)``. One sigmoid unit z becomes two classes, -z and z."""
        logits = self._graph(self.scaling(images), watch)
        if self.activation == "sigmoid" and logits.shape[-1] == 1:
            return tf.concat([-logits, logits], axis=-1)
        return logits

    def _probabilities(self, logits: Any) -> Any:
        return tf.sigmoid(logits) if self.activation == "sigmoid" else tf.nn.softmax(logits)

    def _compile(self, kind: str, *settings: Any) -> Callable:
        return getattr(self, f"_compile_{kind}")(*settings)

    def _compile_logits(self) -> Callable:
        return self._traced(self._forward, self._images)

    def _compile_activations(self, path: str) -> Callable:
        def forward(images: Any) -> Any:
            seen: dict[str, Any] = {}
            self._forward(images, lambda at, _, output: seen.update({at: output}))
            return seen[path]

        return self._traced(forward, self._images)

    def _compile_masked(self) -> Callable:
        def forward(pixels: Any, fill: Any, segments: Any, rows: Any) -> Any:
            shown = tf.gather(rows, segments, axis=1)[..., None]
            return self._probabilities(self._forward(tf.where(shown, pixels, fill)))

        picture = tf.TensorSpec((*self.size, 3), tf.float32)
        return self._frozen(
            forward,
            picture,
            picture,
            tf.TensorSpec(self.size, tf.int32),
            tf.TensorSpec((None, None), tf.bool),
        )

    def _compile_gradients(self, places: tuple[str, ...], of: Score) -> Callable:
        def backward(images: Any, weights: Any) -> list[Any]:
            seen = {INPUT: images}
            logits = self._forward(images, lambda at, _, output: seen.update({at: output}))
            scores = logits if of == "logit" else self._probabilities(logits)
            values = [seen[place] for place in places]
            gradients = tf.gradients(tf.reduce_sum(scores * weights), values)
            return [tensor for pair in zip(values, gradients, strict=True) for tensor in pair]

        weights = tf.TensorSpec((len(self.labels),), tf.float32)
        return self._traced(backward, self._images, weights)

    def _traced(self, function: Callable, *signature: tf.TensorSpec) -> Any:
        """The function as one graph, for batches of any length."""
        with self._compiling:
            return tf.function(function, input_signature=signature).get_concrete_function()

    def _frozen(self, function: Callable, *signature: tf.TensorSpec) -> Any:
        """The same with the weights as constants: a fifth faster, but slow to make, and large."""
        return convert_variables_to_constants_v2(self._traced(function, *signature))


def centre_square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an ``(H, W, 3)`` picture."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


_workers = ThreadPoolExecutor(AT_ONCE, "classifier")


def _in_batches(forward: Callable, batch: np.ndarray) -> list[np.ndarray]:
    """The outputs of a compiled function for a batch of any length, each as one array."""

    def run(start: int) -> list[np.ndarray]:
        outputs = forward(batch[start : start + BATCH])
        return [tensor.numpy() for tensor in tf.nest.flatten(outputs)]

    parts = _workers.map(run, range(0, len(batch), BATCH))
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _input_size(model: keras.Model) -> tuple[int, int]:
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[-1] != 3 or None in shape[1:]:
        raise UnsupportedModelError(
            f"The model wants inputs of shape {shape[1:]}; Triptych explains models of pictures "
            "with a fixed height and width and three channels, the channels last."
        )
    return shape[1], shape[2]
