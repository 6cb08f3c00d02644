"""The bytes of a picture -> its pixels in RGB, upright, or one sentence on what is wrong with them.

The bytes are not trusted. Only common raster formats are tried, and size and proportions are judged
from the header, before anything is decoded. What is legal but ruinous cannot be told from a header:
`reading` runs this very script as a process of its own, and here the process sets itself a limit of
time and of memory for each picture. So it imports Pillow and little else.
"""

import signal
import socket
import struct
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

MAX_PIXELS = 40_000_000

MIN_SIDE = 8
"""Pixels; a smaller picture has no parts that a map could tell apart."""

MAX_RATIO = 20
"""Longer side over shorter; a longer strip, squeezed into a classifier's square, is only noise."""

STRIP = 2**15
"""Pixels that are sent at a time."""

REQUEST = struct.Struct("<QQdIQ")
"""How many bytes follow, and what is allowed: pixels, seconds of processor time, seconds on the
clock, bytes of memory."""
ANSWER = struct.Struct("<II")
"""Height and width of the pixels that follow; or zero, and how many bytes of a sentence do."""

FORMATS = tuple(
    name for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF") if name in Image.OPEN
)
OTHERS = {
    b"%PDF": "a PDF",
    b"%!PS": "an EPS drawing",
    b"\xc5\xd0\xd3\xc6": "an EPS drawing",
    b"<svg": "an SVG drawing",
    b"<?xml": "an SVG drawing or another text in XML",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"\0\0\1\0": "an icon",
}
"""What people take for pictures, by how it begins."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture upright, by its EXIF orientation."""

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
    ImageCms.PyCMSError,  # Lab pixels that cannot be converted
    Warning,  # remarks on damage, where the process's warning filters make them raise
)


class ImageError(ValueError):
    """A picture that cannot be used; the text is one sentence for whoever brought it."""


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a picture within this process, whatever time and memory that takes.

    Parameters
    ----------
    data : bytes
    max_pixels : int, optional
        The largest width times height accepted, by what the header declares.

    Returns
    -------
    PIL.Image.Image
        RGB, upright; see `reading.read_image`.

    Raises
    ------
    ImageError
        As `reading.read_image`.
    """
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
            f"The picture declares more pixels than the {max_pixels / 1e6:g} million allowed: "
            "make it smaller and try again."
        ) from error
    except DECODER_ERRORS as error:
        raise ImageError(
            f"The file looks like {name} but is damaged, cut short or of an unusual "
            "kind: save it again, for example as an 8-bit PNG."
        ) from error


def _format_of(data: bytes) -> str:
    for name in FORMATS:
        accept = Image.OPEN[name][1]
        # Pillow answers with a text, not True, if it was built without that format.
        if accept and accept(data[:16]) is True and (name != "AVIF" or _says_avif(data)):
            return name
    known = f"use {', '.join(FORMATS[:-1])} or {FORMATS[-1]}."
    kind = "an HEIC picture or a video" if data[4:8] == b"ftyp" else None
    kind = next((kind for start, kind in OTHERS.items() if data.startswith(start)), kind)
    if kind:
        raise ImageError(f"The file is {kind}, which is not read: {known}")
    raise ImageError(f"The file is not a picture of a known format: {known}")


def _says_avif(data: bytes) -> bool:
    """Whether a container that may hold HEIC as well says that it holds AVIF."""
    brands = data[8 : min(256, int.from_bytes(data[:4], "big"))]
    return b"avif" in brands or b"avis" in brands


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


def _upright_rgb(picture: ImageFile.ImageFile) -> Image.Image:
    picture.load()
    turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    colours = _rgb(picture)
    return colours if turn is None else colours.transpose(turn)


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        return _eight_bit(picture).convert("RGB")
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    colours = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(colours, mask=colours)
    return paper


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Grey values wider than that, scaled."""
    import numpy as np  # for them alone: it takes as long to import as all the rest

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
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _serve(connection: socket.socket) -> None:
    """Decode one picture after another, until whoever asks for them has gone."""
    while len(asked := connection.recv(REQUEST.size, socket.MSG_WAITALL)) == REQUEST.size:
        size, max_pixels, seconds, patience, memory = REQUEST.unpack(asked)
        data = connection.recv(size, socket.MSG_WAITALL)
        Image.MAX_IMAGE_PIXELS = max_pixels // 2  # Pillow refuses twice as many
        _limit(seconds, patience, memory)
        picture, refusal = _decoded(data, max_pixels, memory)
        _limit(0, 0, None)
        if picture is None:
            connection.sendall(ANSWER.pack(0, len(refusal.encode())) + refusal.encode())
        else:
            connection.sendall(ANSWER.pack(picture.height, picture.width))
            for strip in _strips(picture):
                connection.sendall(strip)
        del data, picture  # nothing is kept while waiting


def _decoded(data: bytes, max_pixels: int, memory: int) -> tuple[Image.Image | None, str]:
    """The picture, or what is wrong with it."""
    try:
        return decode(data, max_pixels), ""
    except ImageError as reason:
        return None, str(reason)
    except MemoryError:
        return None, (
            f"The picture asks for more memory than the {memory / 1e6:g} MB that it may take to "
            "decode: make it smaller, or save it as an 8-bit PNG."
        )


def _strips(picture: Image.Image) -> Iterator[bytes]:
    """The pixels from above, some at a time: sent while they are in the processor's cache."""
    rows = 1 + STRIP // picture.width
    for top in range(0, picture.height, rows):
        bottom = min(top + rows, picture.height)
        yield picture.crop((0, top, picture.width, bottom)).tobytes()


def _limit(seconds: float, patience: int, memory: int | None) -> None:
    """Have the system end this process after a time, and refuse it memory; zero takes that back."""
    import resource

    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(patience)
    if sys.platform == "linux":
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        with open("/proc/self/statm", "rb") as told:
            size = int(told.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (most if memory is None else size + memory, most))


if __name__ == "__main__":
    _serve(socket.socket(fileno=sys.stdin.fileno()))
