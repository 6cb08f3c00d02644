"""Any picture people bring -> (H, W, 3) uint8 RGB pixels, or one sentence on what is wrong with it.

Pictures are decoded in small processes of their own, which are kept. One that breaks a limit ends
with its process, and the next picture gets a new one; nothing that a decoder does to memory, to the
processor or to itself reaches the process that asked.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from typing import BinaryIO

import numpy as np

from explainers.images import decoding
from explainers.images.decoding import (
    ANSWER,
    FORMATS,
    MAX_PIXELS,
    REQUEST,
    ImageError,
    decode,
)

__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "ImageError", "read_image", "read_trusted"]

MAX_BYTES = 25 * 2**20

SECONDS = 4.0
"""Of processor time to decode a picture; ordinary ones of `MAX_PIXELS` take about one."""
PATIENCE = 60
"""Seconds to decode a picture, however busy the machine."""
MEMORY = 800_000_000
"""Bytes to decode a picture."""

AT_ONCE = 4
"""Pictures that are decoded at the same time; what comes more waits."""


def read_image(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Read a picture, upright, as 8-bit RGB.

    It is decoded in another process, within 4 s of processor time and 800 MB of memory (`SECONDS`,
    `MEMORY`), where the system can keep it to that: Linux and, but for memory, macOS.

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
        If there is no such file, if it is too large, if it takes too long or too much memory, or
        if it is not a picture that can be decoded whole, with both sides at least
        `decoding.MIN_SIDE` pixels and neither over `decoding.MAX_RATIO` times the other.
    """
    data = _read_bytes(source, max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageError(
            f"The file is larger than the {max_bytes / 2**20:g} MiB allowed: "
            "make the picture smaller and try again."
        )
    if not data:
        raise ImageError("The file is empty, it has zero bytes: choose another one.")
    if sys.platform == "win32":
        return np.array(decode(data, max_pixels))
    with _slots:
        decoder = _waiting_decoder() or _Decoder()
        try:
            return decoder.decode(data, max_pixels)
        finally:
            _put_back(decoder)


def read_trusted(data: bytes) -> np.ndarray:
    """Read a picture of ours within this process, as `read_image` does in another."""
    return np.array(decode(data))


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


def stand_by() -> None:
    """Start the process that decodes, so that the first picture does not wait for it."""
    if sys.platform != "win32" and not _idle:
        with contextlib.suppress(ImageError):  # told when there is a picture to decode
            _idle.append(_Decoder())


class _Decoder:
    """A process that decodes pictures, one after another.

    Attributes
    ----------
    ready : bool
        Whether it waits for the next one: not while it decodes, nor after it broke off.
    """

    def __init__(self) -> None:
        self.ready = True
        self._connection, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-W", "ignore", decoding.__file__],
                    stdin=theirs, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            self._connection.close()
            raise ImageError(
                "The picture cannot be decoded at the moment, since this machine starts no more "
                "processes: try again later."
            ) from error

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def decode(self, data: bytes, max_pixels: int) -> np.ndarray:
        """What `decoding.decode` answers there; see `read_image`."""
        self.ready = False
        try:
            limits = (max_pixels, SECONDS, PATIENCE, MEMORY)
            self._connection.sendall(REQUEST.pack(len(data), *limits))
            self._connection.sendall(data)
            height, width = ANSWER.unpack(self._received(ANSWER.size))
            answer = self._received(3 * height * width if height else width)
        except (EOFError, ConnectionError) as error:
            raise ImageError(self._why_it_ended()) from error
        self.ready = True
        if not height:
            raise ImageError(answer.tobytes().decode())
        return answer.reshape(height, width, 3)

    def end(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def _received(self, count: int) -> np.ndarray:
        received = np.empty(count, np.uint8)
        rest = memoryview(received)
        while rest:
            # All at once: between two pieces, other threads of Python would each take their turn.
            arrived = self._connection.recv_into(rest, 0, socket.MSG_WAITALL)
            if not arrived:
                raise EOFError
            rest = rest[arrived:]
        return received

    def _why_it_ended(self) -> str:
        code = self._process.wait()
        match -code:
            case signal.SIGPROF:
                return (
                    f"The picture takes longer than {SECONDS:g} s of processor time to decode: "
                    "make it smaller, or save it again as an 8-bit PNG."
                )
            case signal.SIGALRM:
                return (
                    f"The picture was not decoded within {PATIENCE} s, which may be because this "
                    "machine is busy: try again later, or make the picture smaller."
                )
            case signal.SIGSEGV | signal.SIGBUS | signal.SIGABRT | signal.SIGFPE | signal.SIGILL:
                return (
                    "The picture makes its decoder break down: save it again, for example as an "
                    "8-bit PNG."
                )
        logging.getLogger(__name__).warning("A process that decodes pictures ended: %s", code)
        return (
            "The process that was decoding the picture was ended from outside, which happens when "
            "a machine runs out of memory: try again later."
        )


def _begin() -> None:
    """No process is waiting yet; a fork must not talk to those of the process it came from."""
    global _idle, _slots
    _idle = deque()
    _slots = threading.BoundedSemaphore(AT_ONCE)


_idle: deque[_Decoder]
_slots: threading.BoundedSemaphore
_begin()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def _waiting_decoder() -> _Decoder | None:
    while _idle:
        with contextlib.suppress(IndexError):  # another thread took it
            decoder = _idle.pop()
            if decoder.alive:
                return decoder
            decoder.end()
    return None


def _put_back(decoder: _Decoder) -> None:
    if decoder.ready:
        _idle.append(decoder)
    else:
        decoder.end()
