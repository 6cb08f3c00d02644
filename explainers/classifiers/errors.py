"""What a classifier refuses, each time in one sentence, and how much it may ask for.

The process that takes strangers' files apart reads this, so it imports nothing slow.
"""

import errno
import os
import re
from typing import Self

MEMORY_LIMIT = 2**30
"""Bytes of weights, of one declared shape, and of what flows through the network for a picture."""

MACHINE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM),
        *(errno.EROFS, errno.ENAMETOOLONG, errno.EIO, errno.EMFILE, errno.ENFILE),
        *(errno.ENOMEM, errno.EAGAIN, errno.E2BIG),
    }
)
"""The system's errors that tell of disks, folders, rights and memory, not of what a file holds."""


class ModelError(ValueError):
    """A model, or a file of one, that cannot be used; the text is one sentence that says why."""


class UnsupportedModelError(ModelError):
    """A model that cannot be explained; the text says why."""


class PassingError(ModelError):
    """A model that could not be opened for a reason outside of it; another time it may be."""

    @classmethod
    def of(cls, fault: int, doing: str) -> Self:
        """What the system objected to, by its number, while something was being done."""
        reason = os.strerror(fault)
        return cls(
            f"This machine could not {doing}: {reason[:1].lower()}{reason[1:]}. Nothing need be "
            "wrong with the model: try again later."
        )


class SizeError(ModelError):
    """A model of any size that cannot be used at the size that was chosen; another may do."""


class DamagedWeightsError(ModelError):
    """Weights in Keras's cache that are not those of their network; they can be fetched again."""


class NoAnswerError(ValueError):
    """A network whose answer is not made of finite numbers; the text is a sentence that says so."""


class EndedError(ModelError, NoAnswerError):
    """A model whose process has ended, because it asked for too much or broke down."""


class KilledError(EndedError, PassingError):
    """A model whose process was ended, and not for what it is."""


def fault_of(error: BaseException) -> int | None:
    """The number of the system's error behind an exception, if this machine is to blame.

    HDF5 tells it in words alone: ``... errno = 28, error message = 'No space left on device' ...``.
    """
    told = re.search(r"errno = (\d+)", str(error))
    fault = getattr(error, "errno", None) or (int(told[1]) if told else None)
    return fault if fault in MACHINE else None


def in_bytes(count: float) -> str:
    """A number of bytes in words."""
    if count > 1e18:
        return "over a billion GB"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:,.3g} {unit}"
    return f"{count:g} bytes"
