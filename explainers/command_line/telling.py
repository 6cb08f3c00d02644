"""What a command says beside its answer: how far it is, on a terminal alone."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


def tell(text: str = "") -> None:
    """Put this into the line of the terminal that changes; nothing clears it."""
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)


@contextmanager
def hushed() -> Iterator[None]:
    """Meanwhile what libraries write to stderr goes nowhere.

    While TensorFlow wakes it remarks on processors and graphics cards, whatever it is told. What
    fails is still raised.
    """
    sys.stderr.flush()
    kept = os.dup(STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
