"""Which pictures have rows already, and one table made of all the parts."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from explainers.survey.pictures import Found
from explainers.survey.table import ROW_GROUP, TABLE, Stored, each_row, replacing, writing

UNEXPECTED = "Looking at it failed in a way that nobody foresaw"
"""What an error begins with that is worth another try."""


class Known:
    """Which pictures have rows, as a sorted array of numbers: 8 bytes each."""

    def __init__(self, keys: np.ndarray) -> None:
        self._keys = np.sort(keys)

    @classmethod
    def of(cls, files: Iterable[Path]) -> "Known":
        """Those of all rows in some files, but for what may go better another time."""
        names = ["path", "bytes", "label", "error"]
        keys = (
            _key(row["path"], row["bytes"], row["label"])
            for row in each_row(files, names)
            if not (row["error"] or "").startswith(UNEXPECTED)
        )
        return cls(np.fromiter(keys, np.uint64))

    def __contains__(self, picture: Found) -> bool:
        """Whether there is a row of a picture of that name, size and label."""
        key = np.uint64(_key(picture.path, picture.bytes, picture.label))
        place = int(np.searchsorted(self._keys, key))
        return place < len(self._keys) and bool(self._keys[place] == key)


def _key(*told: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(told).encode(), digest_size=8).digest())


def _newest(files: Sequence[Path]) -> list[np.ndarray]:
    """For each file, which of its rows no later file has."""
    keys = [
        np.fromiter((_key(row["path"]) for row in each_row([file], ["path"])), np.uint64)
        for file in files
    ]
    backwards = np.concatenate(keys)[::-1]
    _, last = np.unique(backwards, return_index=True)
    keep = np.zeros(len(backwards), bool)
    keep[len(backwards) - 1 - last] = True
    return np.split(keep, np.cumsum([len(each) for each in keys])[:-1])


def _kept(files: Iterable[Path], keep: Iterable[np.ndarray], kind: pa.Schema) -> Iterator[pa.Table]:
    """The rows of some files that are marked, a few at a time; of columns since then, nothing."""
    for file, marks in zip(files, keep, strict=True):
        start = 0
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(ROW_GROUP):
                part = marks[start : start + len(batch)]
                start += len(batch)
                rows = pa.Table.from_batches([batch]).filter(pa.array(part))
                yield pa.table(
                    [
                        rows[field.name].cast(field.type)
                        if field.name in rows.column_names
                        else pa.nulls(len(rows), field.type)
                        for field in kind
                    ],
                    schema=kind,
                )


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in groups large enough for a file."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= ROW_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def gather(stored: Stored, kind: pa.Schema) -> None:
    """One table of all rows; a part that it holds then may go.

    Whenever this is interrupted, no row is lost: a row that stands twice counts once.
    """
    if stored.parts:
        _put_together(stored, kind)


def renew(stored: Stored, kind: pa.Schema) -> None:
    """One table with all columns that there are by now, if what was begun before has others."""
    if any(pq.read_schema(file).names != kind.names for file in stored.files):
        _put_together(stored, kind)


def _put_together(stored: Stored, kind: pa.Schema) -> None:
    keep = _newest(stored.files)
    with (
        writing(stored.folder),
        replacing(stored.folder / TABLE) as unfinished,
        pq.ParquetWriter(unfinished, kind, compression="zstd") as table,
    ):
        for group in _grouped(_kept(stored.files, keep, kind)):
            table.write_table(group)
    for part in stored.parts:
        part.unlink()
