"""How a network wants its pixels: from 0..255 to the numbers it was trained on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Scaling:
    """``(pixels - mean) / deviation`` for each channel.

    Parameters
    ----------
    name : str
        What it is called.
    mean, deviation : tuple of three floats
        For red, green and blue, in the units of 0..255.
    bgr : bool
        Whether the network wants blue first.
    """

    name: str
    mean: Channels = (0.0, 0.0, 0.0)
    deviation: Channels = (1.0, 1.0, 1.0)
    bgr: bool = False

    def __call__(self, pixels: Any) -> Any:
        """Scale ``(..., 3)`` pixels; arrays and TensorFlow's tensors alike."""
        scaled = (pixels - self.mean) / self.deviation
        return scaled[..., ::-1] if self.bgr else scaled

    def undo(self, scaled: np.ndarray) -> np.ndarray:
        """The pixels that are scaled to ``(..., 3)`` numbers: the inverse."""
        straight = scaled[..., ::-1] if self.bgr else scaled
        return (straight * self.deviation + self.mean).astype(np.float32)

    def pull_back(self, gradients: np.ndarray) -> np.ndarray:
        """Gradients by the pixels, from ``(..., 3)`` gradients by the scaled numbers."""
        straight = gradients[..., ::-1] if self.bgr else gradients
        return (straight / self.deviation).astype(np.float32)


def even(name: str, mean: float, deviation: float) -> Scaling:
    """A scaling that treats all channels alike."""
    return Scaling(name, (mean,) * 3, (deviation,) * 3)


AS_THEY_ARE = Scaling("0..255")
UNIT = even("0..1", 0.0, 255.0)
SIGNED = even("-1..1", 127.5, 127.5)
TORCH = Scaling("torch", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
CAFFE = Scaling("caffe", (123.68, 116.779, 103.939), bgr=True)
LITE = even("(pixels - 127) / 128", 127.0, 128.0)

COMMON = (UNIT, SIGNED, AS_THEY_ARE, TORCH, CAFFE)
"""The scalings that networks were commonly trained with."""

NAMED = {scaling.name: scaling for scaling in COMMON} | {"tf": SIGNED, "inside": AS_THEY_ARE}
"""What a scaling can be asked for by: ``"inside"`` where the model scales its pixels itself."""


def centre_square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of an ``(H, W, 3)`` picture."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
