"""The rows that a question finds, written to a file some at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from explainers.survey.questions import Question, batches
from explainers.survey.rows import columns_of
from explainers.survey.table import MATRIX, Stored

GROUP = 2000
"""Rows that are held at a time."""


def write_parquet(stored: Stored, question: Question, path: Path) -> None:
    """Write all columns of the rows that a question finds, in its order, with what they mean.

    Raises
    ------
    SurveyError
        If the question names what the table does not have.
    """
    kind = pq.read_schema(stored.files[-1])
    with pq.ParquetWriter(path, kind, compression="zstd") as file:
        for batch in batches(stored, question, list(kind.names), GROUP):
            file.write_table(pa.Table.from_batches([batch]).cast(kind))


def plain_rows(stored: Stored, question: Question) -> Iterator[list[Any]]:
    """The rows that a question finds without their matrices, the names of the columns first.

    Lists are texts with ``" | "`` between; a matrix's 196 numbers have no place in a sheet.

    Raises
    ------
    SurveyError
        As `write_parquet` does.
    """
    names = [name for name, (kind, _) in columns_of(stored).items() if kind != MATRIX]
    yield names
    for batch in batches(stored, question, names, GROUP):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield [_flat(value) for value in row]


def _flat(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return " | ".join(f"{each:.9g}" if isinstance(each, float) else str(each) for each in value)
