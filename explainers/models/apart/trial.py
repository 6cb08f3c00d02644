"""What one picture takes of a network, measured by running it: forward, and backward to the pixels.

What a network declares is no measure of that: layers keep what they do not declare.
"""

import ctypes
import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import psutil
import tensorflow as tf

from explainers.classifiers.classifier import input_shape
from explainers.classifiers.errors import MEMORY_LIMIT, UnsupportedModelError, in_bytes
from explainers.classifiers.natural_noise import natural_noise

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Trial:
    """What one picture took.

    Parameters
    ----------
    bytes : int
        Of memory at the peak, beyond the network itself; 0 where the system does not tell.
    seconds : float
        Of processor time, forward and backward.
    """

    bytes: int
    seconds: float

    @property
    def at_once(self) -> int:
        """How many pictures fit into memory together."""
        return max(1, MEMORY_LIMIT // max(1, self.bytes))


def try_out(model: keras.Model, size: tuple[int, int] | None) -> Trial:
    """Run a model on one picture, forward and backward to its pixels, and see what that takes.

    It is run as Keras runs it, before anything is made of it: TensorFlow keeps what it once had, so
    that only the first pass tells.

    Parameters
    ----------
    model : keras.Model
    size : tuple of int or None
        Rows and columns of the picture; None where the model knows them.

    Raises
    ------
    UnsupportedModelError
        If it takes more memory than is allowed, or pictures are nothing that it takes.
    """
    rows, columns, channels = input_shape(model, size)
    picture = tf.constant(natural_noise((rows, columns))[:1, ..., :channels])

    def run() -> None:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            answer = model(picture, training=False)
        tape.gradient(answer, picture)

    taken = _measured(run)
    if taken.bytes > MEMORY_LIMIT:
        raise UnsupportedModelError(
            f"One picture of {rows} x {columns} took {in_bytes(taken.bytes)} of memory, "
            f"forward and backward through the network, and {in_bytes(MEMORY_LIMIT)} are "
            "allowed: train it on smaller pictures, or with fewer channels."
        )
    return Trial(taken.bytes, _measured(run).seconds)  # the first prepared much, too


def _measured(run: Callable[[], None]) -> Trial:
    _tidy()
    before, started = psutil.Process().memory_info().rss, time.process_time()
    with _peak() as peak:
        run()
        seconds = time.process_time() - started
        return Trial(max(0, peak() - before), seconds)


@contextmanager
def _peak() -> Iterator[Callable[[], int]]:
    """The most memory that this process has had from here on, in bytes."""
    try:
        FORGET.write_text("5")
    except OSError:  # not Linux, or it may not
        yield lambda: 0
        return

    def peak() -> int:
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return 1024 * int(lines["VmHWM"].split()[0])

    yield peak


def _tidy() -> None:
    """Give back what is no longer used, so that it is not taken again unseen."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)
