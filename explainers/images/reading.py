"""Any picture people bring -> (H, W, 3) uint8 RGB pixels, or one sentence on what is wrong with it.

The bytes are not trusted: only common raster formats are tried, and size and proportions are
judged from the header, before anything is decoded.
"""

import os
import struct
import zlib
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps

MAX_BYTES = 25 * 2**20
MAX_PIXELS = 40_000_000

MIN_SIDE = 8
"""Pixels; a smaller picture has no parts that a map could tell apart."""

MAX_RATIO = 20
"""Longer side over shorter; a longer strip, squeezed into a classifier's square, is only noise."""

Image.init()
FORMATS = tuple(
    name for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF") if name in Image.OPEN
)

# What Pillow raises on damaged or hostile bytes, found by fuzzing and by reading its decoders.
DECODER_ERRORS = (
    OSError,  # cut short, broken stream, unknown compression
    EOFError,  # frames that are missing
    SyntaxError,  # a header that contradicts itself
    struct.error,  # fields that end early, in EXIF data above all
    zlib.error,  # broken compression outside the pixels
    ValueError,  # sizes, offsets and text chunks out of bounds
    TypeError,  # tags of the wrong kind
    LookupError,  # tags that are missing, tables that are too short
    AssertionError,  # a palette that is missing
    AttributeError,  # the same, where Python runs without assertions
    ArithmeticError,  # numbers too large, fractions over zero
    RuntimeError,  # whatever the AVIF decoder objects to
    MemoryError,  # sizes that only the decoder sees
    ImageCms.PyCMSError,  # Lab pixels that cannot be converted
    Warning,  # remarks on damage, where the process's warning filters make them raise
)


class ImageError(ValueError):
    """A picture that cannot be used; the text is one sentence for whoever brought it."""


def read_image(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Read a picture, upright, as 8-bit RGB.

    Parameters
    ----------
    source : str, path, bytes or binary file
        A path, or the picture itself. A file is read from its beginning if it can seek.
    max_bytes : int, optional
        The largest file accepted; not more than one byte beyond it is read.
    max_pixels : int, optional
        The largest width times height accepted, by what the header declares.

    Returns
    -------
    (H, W, 3) uint8 ndarray
        RGB, contiguous, turned as its EXIF orientation says. Of an animation, the first frame.
        Transparent parts lie over white. Colour profiles are not applied. Grey values wider than
        8 bits are scaled: 16-bit ones by 65535; 32-bit and floating-point ones by the first of
        1, 255 and 65535 that none exceeds, or, beyond those or below zero, from their own
        minimum to their own maximum.

    Raises
    ------
    ImageError
        If there is no such file, if it is too large, or if it is not a picture that can be
        decoded whole, with both sides at least `MIN_SIDE` pixels and neither over `MAX_RATIO`
        times the other.
    """
    data = _read_bytes(source, max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageError(
            f"The file is larger than the {max_bytes / 2**20:g} MiB allowed: "
            "make the picture smaller and try again."
        )
    if not data:
        raise ImageError("The file is empty, it has zero bytes: choose another one.")
    name = _format_of(data)
    try:
        # Not Image.open: it judges the size as well, by a warning, and whether that is shown or
        # raised depends on filters that all threads share.
        picture = Image.OPEN[name][0](BytesIO(data), "")
        _check_size(*picture.size, max_pixels)
        return _upright_rgb(picture)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # WebP and TIFF judge some sizes themselves
        raise ImageError(
            f"The picture declares far more pixels than the {max_pixels / 1e6:g} million allowed: "
            "make it smaller and try again."
        ) from error
    except DECODER_ERRORS as error:
        raise ImageError(
            f"The file looks like {name} but is damaged, cut short or of an unusual "
            "kind: save it again, for example as an 8-bit PNG."
        ) from error


def _read_bytes(source: str | os.PathLike[str] | bytes | BinaryIO, count: int) -> bytes:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, str | os.PathLike):
        if source.seekable():
            source.seek(0)
        return source.read(count)
    try:
        with open(source, "rb") as file:
            return file.read(count)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError("There is no file at this path: check its spelling.") from error
    except IsADirectoryError as error:
        raise ImageError("This path is a folder: name a picture inside it.") from error
    except PermissionError as error:
        raise ImageError("This file may not be read: allow it, or choose another one.") from error
    except (OSError, ValueError) as error:
        raise ImageError("This path cannot be opened: check its spelling.") from error


def _format_of(data: bytes) -> str:
    for name in FORMATS:
        accept = Image.OPEN[name][1]
        # Pillow answers with a text, not True, if it was built without that format.
        if accept and accept(data[:16]) is True:
            return name
    raise ImageError(
        "The file is not a picture of a known format: "
        f"use {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
    )


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageError(
            f"The picture is {width:,} × {height:,} pixels, more than the {max_pixels / 1e6:g} "
            "million allowed: make it smaller and try again."
        )
    short, long = sorted((width, height))
    if short < MIN_SIDE:
        raise ImageError(
            f"The picture is {width:,} × {height:,} pixels, too small to explain: "
            f"use one with both sides at least {MIN_SIDE} pixels long."
        )
    if long > MAX_RATIO * short:
        raise ImageError(
            f"The picture is {width:,} × {height:,} pixels, too long a strip to explain: "
            f"cut it so that neither side is over {MAX_RATIO} times the other."
        )


def _upright_rgb(picture: ImageFile.ImageFile) -> np.ndarray:
    picture.load()
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation == 1:
        return np.array(_rgb(picture))
    # A picture with that tag alone: exif_transpose rewrites all tags, and fails on odd ones.
    bare = Image.fromarray(_rgb(picture))
    bare.getexif()[ExifTags.Base.Orientation] = orientation
    ImageOps.exif_transpose(bare, in_place=True)
    return np.array(bare)


def _rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):
        return np.stack([_eight_bit(picture)] * 3, axis=-1)
    if not picture.has_transparency_data:
        return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    colours = picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(colours, mask=colours)
    return np.asarray(paper)


def _eight_bit(picture: Image.Image) -> np.ndarray:
    """(H, W) uint8 from grey values wider than that."""
    values = np.asarray(picture)
    if not np.isfinite(values).all():
        raise ImageError(
            "The picture holds values that are not finite numbers: "
            "replace them, or save it as an 8-bit PNG."
        )
    values = values.astype(np.float64)
    black, white = values.min(), values.max()
    if picture.mode.startswith("I;16"):
        black, white = 0, 65535
    elif black >= 0 and white <= 65535:
        black, white = 0, next(limit for limit in (1, 255, 65535) if white <= limit)
    values -= black
    values *= 255 / ((white - black) or 1)
    return np.rint(values, out=values).astype(np.uint8)
