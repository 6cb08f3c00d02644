"""SHA-256 of what a record rests on: pictures, files, names and weights."""

import hashlib
import json
import os
from collections.abc import Sequence

import numpy as np


def digest_of(pixels: np.ndarray) -> str:
    """Of pixels and their shape; equal pictures have equal digests, whatever file they come from.

    Parameters
    ----------
    pixels : (H, W, 3) ndarray
        RGB in 0..255; whole numbers, of any dtype.
    """
    content = repr(tuple(pixels.shape)).encode()
    return hashlib.sha256(content + pixels.astype(np.uint8).tobytes()).hexdigest()


def names_digest(labels: Sequence[str]) -> str:
    """Of the names of the classes, in their order."""
    return hashlib.sha256(json.dumps(list(labels)).encode()).hexdigest()


def file_digest(source: str | os.PathLike[str] | bytes) -> str:
    """Of a file, by its path, or of its content.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
