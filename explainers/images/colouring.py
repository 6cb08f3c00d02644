"""A map over a picture: colour maps, fading, blending, outlines."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explainers.images.regions import resized
from explainers.images.superpixels import outlines

COLOUR_MAPS = ("inferno", "viridis", "magma", "cividis", "turbo", "jet")
"""First those that are even to the eye and safe for the colour-blind; the field knows the rest."""
DIVERGING = "RdBu_r"
STEPS = 256
STRIPES = (30, 32, 44)
BLACK, WHITE = "#000", "#fff"
EVEN = 0.179
"""The luminance on which black and white stand out alike, 4.58 to 1: none reads worse."""

# Rows blended at a time: a picture of 40 million pixels would take gigabytes at once.
STRIP = 256


@dataclass(frozen=True)
class Style:
    """How the values of a map become colours.

    Parameters
    ----------
    colour_map : str
        One of `COLOUR_MAPS`. A signed map takes blue for against and red for instead.
    opacity : float
        Of the colours over the picture, in 0..1.
    fading : bool
        Whether the opacity rises with the value, so that cold regions show the bare picture, or
        is the same everywhere.
    """

    colour_map: str = COLOUR_MAPS[0]
    opacity: float = 0.8
    fading: bool = True

    def colours(self, signed: bool) -> np.ndarray:
        """RGBA in 0..1 for values at even steps over 0..1, or -1..1 if signed, ``(256, 4)``."""
        import matplotlib

        steps = np.linspace(0, 1, STEPS)
        colours = matplotlib.colormaps[DIVERGING if signed else self.colour_map](steps)
        strength = np.abs(2 * steps - 1) if signed else steps
        colours[:, 3] = self.opacity * (strength if self.fading else 1.0)
        return colours

    @property
    def opaque(self) -> "Style":
        """The same colours with no picture behind them."""
        return Style(self.colour_map, opacity=1.0, fading=False)


def overlay(image: np.ndarray, values: np.ndarray, style: Style, *, signed: bool) -> np.ndarray:
    """A map blended over a picture.

    Parameters
    ----------
    image : (H, W, 3) uint8 ndarray
    values : (H, W) float ndarray
        In 0..1, or -1..1 if signed.
    style : Style
    signed : bool

    Returns
    -------
    (H, W, 3) uint8 ndarray
    """
    colours = style.colours(signed).astype(np.float32)
    blended = np.empty_like(image)
    for top in range(0, len(image), STRIP):
        rows = slice(top, top + STRIP)
        position = (values[rows] + 1) / 2 if signed else values[rows]
        index = np.rint(np.clip(position, 0, 1) * (STEPS - 1)).astype(np.intp)
        colour, alpha = colours[index, :3], colours[index, 3:]
        blended[rows] = np.rint((1 - alpha) * image[rows] + alpha * 255 * colour)
    return blended


def coloured(values: np.ndarray, style: Style, *, signed: bool) -> np.ndarray:
    """A map in opaque colours without a picture, ``(H, W)`` to ``(H, W, 3)`` uint8."""
    nothing = np.zeros((*values.shape, 3), np.uint8)
    return overlay(nothing, values, style.opaque, signed=signed)


def ink_on(colours: np.ndarray) -> np.ndarray:
    """Black or white, whichever stands out from each of some ``(..., 3)`` RGB colours in 0..1.

    By their relative luminance (WCAG 2.2).
    """
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return np.where(linear @ (0.2126, 0.7152, 0.0722) > EVEN, BLACK, WHITE)


def outline_layer(segments: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The borders of superpixels as a see-through layer, ``(*shape, 4)`` uint8.

    The segments are enlarged first, so that the lines stay one pixel wide.
    """
    height, width = shape
    enlarged = Image.fromarray(segments.astype(np.int32)).resize(
        (width, height), Image.Resampling.NEAREST
    )
    layer = np.zeros((height, width, 4), np.uint8)
    layer[outlines(np.asarray(enlarged))] = (255, 255, 255, 150)
    return layer


def with_outlines(image: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """An ``(H, W, 3)`` uint8 picture with the borders of superpixels drawn over it."""
    height, width = image.shape[:2]
    layer = Image.fromarray(outline_layer(segments, (height, width)))
    picture = Image.fromarray(image).convert("RGBA")
    return np.asarray(Image.alpha_composite(picture, layer).convert("RGB"))


def hatched(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    """An ``(H, W, 3)`` uint8 picture with dark stripes over a region of any resolution."""
    height, width = image.shape[:2]
    period = max(8, max(height, width) // 40)
    stripes = (np.arange(height)[:, None] + np.arange(width)) % period < period // 3
    marked = image.copy()
    marked[stripes & resized(region, (height, width))] = STRIPES
    return marked


def encode(image: np.ndarray, kind: str = "PNG", *, quality: int = 92) -> bytes:
    """An RGB or RGBA uint8 array as the bytes of a PNG, JPEG or WebP file.

    The quality is that of JPEG and WebP, 0 to 100; a PNG loses nothing.
    """
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, quality=quality)
    return file.getvalue()
