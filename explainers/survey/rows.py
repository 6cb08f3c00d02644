"""The rows of surveys, to be asked in SQL: DuckDB reads their files and never holds all of them."""

import tempfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from explainers.survey.survey import SurveyError
from explainers.survey.table import Stored

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Found = TypeVar("Found")

MEMORY = "512MB"
"""What DuckDB may hold of the rows; beyond, it keeps them in files of its own."""


def columns_of(stored: Stored) -> dict[str, tuple[pa.DataType, str]]:
    """Type and meaning of the columns that the table has: all that may be named in a question."""

    def look() -> dict[str, tuple[pa.DataType, str]]:
        return {
            field.name: (field.type, ((field.metadata or {}).get(b"meaning") or b"").decode())
            for field in pq.read_schema(_files(stored)[-1])
        }

    return read(look, stored)


def quoted(columns: Container[str], name: str) -> str:
    """A column's name in SQL, if the table has it.

    Raises
    ------
    SurveyError
        If it has not.
    """
    if name not in columns:
        raise SurveyError("The table has no such column.")
    return f'"{name}"'


def asked(stored: Stored, ask: "Callable[[DuckDBPyConnection], Found]") -> Found:
    """What is answered by a survey's rows, which are the view ``rows``; see `view`."""

    def look() -> Found:
        with opened(rows=stored) as database:
            return ask(database)

    return read(look, stored)


def read(look: Callable[[], Found], *surveys: Stored) -> Found:
    """What is read of some surveys; once more if a run put parts together meanwhile.

    Raises
    ------
    SurveyError
        If a table cannot be read.
    """
    import duckdb

    for last in (False, True):
        files = [stored.files for stored in surveys]
        try:
            return look()
        except (duckdb.IOException, duckdb.InvalidInputException, pa.ArrowInvalid, OSError) as why:
            if last or [stored.files for stored in surveys] == files:
                names = " or ".join(stored.folder.name for stored in surveys)
                raise SurveyError(
                    f"The table of {names} cannot be read: its files are not whole."
                ) from why
    raise AssertionError


@contextmanager
def opened(**surveys: Stored) -> "Iterator[DuckDBPyConnection]":
    """A connection with a view of each survey's rows, each picture once.

    A view has the columns of the table, and ``file`` and ``place``, where a row stands.
    """
    import duckdb

    with duckdb.connect() as database:
        database.execute(
            f"set memory_limit = '{MEMORY}'; set temp_directory = '{tempfile.gettempdir()}'"
        )
        for name, stored in surveys.items():
            _view(database, stored, name)
        yield database


def _view(database: "DuckDBPyConnection", stored: Stored, name: str) -> None:
    files = [str(path) for path in _files(stored)]
    read = f"read_{name}"
    database.read_parquet(files, filename=True, file_row_number=True).create_view(read)
    named = f"{read}.* rename (filename as file, file_row_number as place)"
    twice = len(files) > 1 and database.execute(
        f"select count(*) > count(distinct path) from {read}"
    ).fetchone() == (True,)
    if not twice:
        database.execute(f"create view {name} as select {named} from {read}")
        return
    database.execute(
        f"create temp table older_{name} as select filename, file_row_number from {read} qualify"
        " row_number() over (partition by path order by list_position(?, filename) desc) > 1",
        [files],
    )
    database.execute(
        f"create view {name} as select {named} from {read}"
        f" anti join older_{name} using (filename, file_row_number)"
    )


def _files(stored: Stored) -> list[Path]:
    files = stored.files
    if not files:
        raise SurveyError(f"{stored.folder.name} has no rows yet.")
    return files
