"""Where a model file comes from, and what was recognised in it as long as somebody reads that."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from explainers.classifiers.errors import PassingError
from explainers.models.screening import Screened, screen

Source = str | Path | bytes | BinaryIO
"""The path of a file, its content, or the file itself, opened for reading."""


@contextmanager
def screened(source: Source) -> Iterator[Screened]:
    """What was recognised in a model file; its weights lie on disk until the context ends.

    Raises
    ------
    ModelError
        If the file is refused; see `screen`.
    PassingError
        If there is none, or no room for what is in it.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
            yield screen(_on_disk(source, Path(folder)), Path(folder))
    except OSError as error:
        fault = error.errno or errno.EIO
        raise PassingError.of(fault, "use its folder for temporary files") from error


def name_of(source: Source) -> str:
    """What a classifier from there is called, unless it is told."""
    return Path(source).stem if isinstance(source, str | Path) else "your model"


def _on_disk(source: Source, folder: Path) -> Path:
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            there = path.is_file()
        except OSError as error:
            raise PassingError.of(
                error.errno or errno.EIO, f"look for the file {path.name[:80]!r}"
            ) from error
        if not there:
            raise PassingError(
                f"There is no file {path.name[:80]!r} at this path: it was never there, or it was "
                "moved or taken away since."
            )
        return path
    path = folder / "upload"
    path.write_bytes(source if isinstance(source, bytes) else source.read())
    return path
