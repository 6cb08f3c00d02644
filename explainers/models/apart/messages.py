"""What two processes tell each other: JSON with arrays behind it. Nothing in it can be run."""

import json
import struct
from math import prod
from typing import Any, BinaryIO

import numpy as np

from explainers.classifiers.errors import MEMORY_LIMIT

HEAD = struct.Struct("<Q")
LONGEST = 64 * 2**20
"""Bytes of JSON; a thousand layers and a hundred thousand labels are a tenth of it."""
LARGEST = 4 * MEMORY_LIMIT
"""Bytes of arrays."""
ARRAY = "array of"


def write(pipe: BinaryIO, content: Any) -> None:
    """Write a message.

    Parameters
    ----------
    pipe : binary file
    content : object
        Numbers, texts, None, lists, tuples and dicts of these, and arrays of numbers. What reads
        it finds lists for tuples.
    """
    arrays: list[np.ndarray] = []

    def packed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays.append(np.ascontiguousarray(value))
            return {ARRAY: value.dtype.str, "shape": value.shape}
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"{type(value).__name__} is nothing to tell another process.")

    head = json.dumps(content, default=packed).encode()
    pipe.write(HEAD.pack(len(head)) + head)
    for array in arrays:
        pipe.write(array.reshape(-1).view(np.uint8).data)
    pipe.flush()


def read(pipe: BinaryIO) -> Any:
    """Read a message.

    Raises
    ------
    EOFError
        If the other side has gone.
    ValueError
        If it is none, or larger than any that is ever written.
    """
    (length,) = HEAD.unpack(_exactly(pipe, HEAD.size))
    if length > LONGEST:
        raise ValueError("A message is longer than any that is written.")
    left = LARGEST

    def unpacked(value: dict[str, Any]) -> Any:
        nonlocal left
        if ARRAY not in value:
            return value
        kind, shape = np.dtype(value[ARRAY]), [int(side) for side in value["shape"]]
        size = kind.itemsize * prod(shape)
        if kind.kind not in "fiub" or min(shape, default=0) < 0 or size > left:
            raise ValueError("A message holds an array that is never written.")
        left -= size
        return np.frombuffer(_exactly(pipe, size), kind).reshape(shape)

    return json.loads(_exactly(pipe, length), object_hook=unpacked)


def _exactly(pipe: BinaryIO, size: int) -> bytearray:
    content = bytearray(size)
    rest = memoryview(content)
    while rest:
        count = pipe.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            raise EOFError("The other side has gone.")
        rest = rest[count:]
    return content
