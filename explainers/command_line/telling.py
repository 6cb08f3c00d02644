"""What a command says beside its answer: how far it is, on a terminal alone."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

STDERR = 2


def on_terminal() -> bool:
    """Whether anybody sees how far it is."""
    return sys.stderr.isatty()


def tell(text: str = "") -> None:
    """Put this into the line of the terminal that changes; nothing clears it."""
    if on_terminal():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)


@contextmanager
def hushed() -> Iterator[None]:
    """Meanwhile what code below Python writes to stderr goes nowhere; Python's own still comes.

    While TensorFlow wakes it remarks on processors and graphics cards, whatever it is told.
    """
    with os.fdopen(os.dup(STDERR), "w") as own, redirect_stderr(own):
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(own.fileno(), STDERR)
