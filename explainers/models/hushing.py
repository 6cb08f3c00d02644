"""What wakes TensorFlow does not fill the terminal of whoever waits for an answer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

STDERR = 2


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
