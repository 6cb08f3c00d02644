"""The table of a survey: a row a picture, in Parquet, put in place whole or not at all.

A survey's folder holds ``survey.json``, which says what was asked, and the rows: ``survey.parquet``
and, while there are rows that are not in it yet, ``parts/*.parquet`` of the same columns. A picture
may stand in both; the part is newer.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from explainers.survey.survey import Survey, SurveyError

N = 14
"""Rows and columns of a matrix."""
TOP = 5
ROW_GROUP = 2_000
"""Rows that are written, and read, together: of 85 columns about 5 MB."""
SETTINGS, TABLE, PARTS = "survey.json", "survey.parquet", "parts"

MATRIX = pa.list_(pa.float32(), N * N)
GENERAL: dict[str, tuple[pa.DataType, str]] = {
    "path": (pa.string(), "where the picture is, below the folder that was surveyed"),
    "digest": (pa.string(), "SHA-256 of its file"),
    "bytes": (pa.int64(), "size of its file"),
    "height": (pa.int32(), "pixels"),
    "width": (pa.int32(), "pixels"),
    "error": (pa.string(), "why there is nothing else, in a sentence; empty (null) for most"),
    "label": (pa.string(), "what it truly shows, where that is known"),
    "label_index": (pa.int32(), "the class of that name; null if the classifier has none"),
    "label_probability": (pa.float32(), "what the network gives that class"),
    "answer": (pa.string(), "the most probable class"),
    "answer_index": (pa.int32(), "its number"),
    "probability": (pa.float32(), "what the network gives it"),
    "correct": (pa.bool_(), "whether the answer is the label; null where there is none"),
    "top_labels": (pa.list_(pa.string()), "the five most probable classes"),
    "top_probabilities": (pa.list_(pa.float32()), "theirs"),
    "margin": (pa.float32(), "first probability less the second"),
    "entropy": (pa.float32(), "of the probabilities that sum to 1, in bits"),
    "agreement": (pa.float32(), "mean Spearman of all pairs of methods that saw every picture"),
    "chosen": (pa.string(), "why it was looked at closer: worst or random; null if it was not"),
    "seconds": (pa.float32(), "what it took, its share of the batch"),
}
"""What each column is, in the order of the table."""
OF_METHOD: dict[str, tuple[pa.DataType, str]] = {
    "matrix": (MATRIX, "the 14 x 14 matrix of raw values, row by row"),
    "row": (pa.int16(), "of the hottest cell, from 0 at the top"),
    "column": (pa.int16(), "of the hottest cell, from 0 at the left"),
    "centre_row": (pa.float32(), "centre of mass of the absolute values, 0 to 13"),
    "centre_column": (pa.float32(), "the same across"),
    "share": (pa.float32(), "the part of all heat that lies in the hottest tenth of the cells"),
    "border": (pa.float32(), "the part of all heat that lies in the outermost ring of cells"),
    "blob": (pa.float32(), "Spearman with a blob in the middle, which knows nothing"),
    "blank": (pa.string(), "why the map says nothing, if it does"),
    "label_matrix": (MATRIX, "the matrix for the label's class, where that is not the answer"),
    "seconds": (pa.float32(), "what was observed for it took, its share of the batch"),
    "deletion": (pa.float32(), "area under the deletion curve, lower is better; if tested"),
    "insertion": (pa.float32(), "area under the insertion curve, higher is better; if tested"),
    "deletion_beaten": (pa.int16(), "random orders that it does better than; if tested"),
    "insertion_beaten": (pa.int16(), "the same for insertion"),
    "drop": (pa.float32(), "probability lost where only the map is seen, as a share; if tested"),
    "increase": (pa.bool_(), "whether the probability is higher then, which is better"),
    "again": (pa.float32(), "Spearman with itself asked again with another seed; if tested"),
    "again_overlap": (pa.float32(), "overlap of the hottest tenth with itself asked again"),
    "again_shift": (pa.float32(), "how far the centre of mass moved then, in cells"),
}
"""What each method adds, after its name: ``grad_cam_matrix``."""
OF_SURROGATE: dict[str, tuple[pa.DataType, str]] = {
    "r2": (pa.float32(), "R² of the linear model"),
    "samples": (pa.int32(), "how many pictures it was fitted to"),
}
"""What LIME adds."""
OF_PAIR: dict[str, tuple[pa.DataType, str]] = {
    "spearman": (pa.float32(), "rank correlation of the two matrices"),
    "overlap": (pa.float32(), "hottest tenth: cells of both over cells of either"),
}
"""What each pair of methods adds, after both names: ``grad_cam_saliency_spearman``."""
OF_TEST: dict[str, tuple[pa.DataType, str]] = {
    "random_orders": (pa.int16(), "how many random orders each curve was held against"),
    "random_deletion": (pa.float32(), "mean area of their deletion curves"),
    "random_insertion": (pa.float32(), "mean area of their insertion curves"),
    "blob_deletion": (pa.float32(), "area under the deletion curve of a blob in the middle"),
    "blob_insertion": (pa.float32(), "the same for insertion"),
    "blob_drop": (pa.float32(), "probability lost where only that blob is seen, as a share"),
    "blob_increase": (pa.bool_(), "whether the probability is higher then"),
}


def prefix(name: str) -> str:
    """What the columns of a method begin with."""
    return name.replace("-", "_")


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each two methods, as their columns are ordered."""
    return list(combinations(names, 2))


def columns(survey: Survey) -> dict[str, tuple[pa.DataType, str]]:
    """The type and the meaning of every column of a survey's table, in order."""
    named = dict(GENERAL)
    kinds = (*survey.methods, *survey.closer)
    for method in kinds:
        own = OF_METHOD | (OF_SURROGATE if method.name == "lime" else {})
        named |= {f"{prefix(method.name)}_{name}": entry for name, entry in own.items()}
    for one, other in pairs([method.name for method in kinds]):
        named |= {f"{prefix(one)}_{prefix(other)}_{name}": entry for name, entry in OF_PAIR.items()}
    return named | OF_TEST


def schema(survey: Survey) -> pa.Schema:
    """The columns with what they mean, readable in the file itself."""
    return pa.schema(
        [
            pa.field(name, kind, metadata={"meaning": meaning})
            for name, (kind, meaning) in columns(survey).items()
        ]
    )


def write(rows: pa.Table | Sequence[dict[str, Any]], path: Path, kind: pa.Schema) -> None:
    """Put rows in place whole: nobody ever sees half a file.

    Raises
    ------
    OSError
        If they cannot be written; what stood at the path stands there still.
    """
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), kind)
    with replacing(path) as unfinished:
        pq.write_table(table, unfinished, ROW_GROUP, compression="zstd")


def each_row(files: Iterable[Path], names: list[str]) -> Iterator[dict[str, Any]]:
    """Some columns of all rows, one row after the other."""
    for file in files:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(ROW_GROUP, columns=names):
                yield from batch.to_pylist()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside another, which it takes the place of when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What a full disk, or a folder that may not be written to, is called."""
    try:
        yield
    except OSError as error:
        raise SurveyError(
            f"The rows cannot be written to {folder}: {error.strerror or error}. What is done is "
            "kept: make room, and run the same command again."
        ) from error


@dataclass(frozen=True)
class Stored:
    """A survey as it lies in its folder, done or not.

    Parameters
    ----------
    folder : Path
    told : dict
        What `Survey.described` said, and under ``root`` where the pictures are, under ``labels``
        the classifier's, under ``title`` its title.
    """

    folder: Path
    told: dict[str, Any]

    @classmethod
    def at(cls, folder: Path) -> "Stored":
        """The survey in a folder.

        Raises
        ------
        SurveyError
            If there is none.
        """
        try:
            told = json.loads((folder / SETTINGS).read_text())
        except (OSError, ValueError) as error:
            raise SurveyError(f"There is no survey in {folder.name}.") from error
        return cls(folder, told)

    @property
    def root(self) -> Path:
        """Where the pictures are."""
        return Path(self.told["root"])

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods that looked at every picture."""
        return tuple(self.told["methods"])

    @property
    def closer(self) -> tuple[str, ...]:
        """The names of those that looked at some."""
        return tuple(self.told["closer"])

    @property
    def parts(self) -> list[Path]:
        """Rows that are not in the table yet."""
        return sorted((self.folder / PARTS).glob("*.parquet"))

    @property
    def files(self) -> list[Path]:
        """All rows; of a picture that stands in two files, the later file counts."""
        table = self.folder / TABLE
        return [*([table] if table.exists() else []), *self.parts]

    @property
    def state(self) -> tuple[tuple[str, int, int], ...]:
        """What the files are now: equal as long as they hold the same rows."""
        found = [(path, path.stat()) for path in self.files]
        return tuple((path.name, told.st_size, told.st_mtime_ns) for path, told in found)
