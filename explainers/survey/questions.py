"""Questions about a survey's rows: which, in what order, and a page of what is found.

A page is found in two steps. The order and the filters read a few columns of numbers; what they
find is a row of a file, and only of these are the matrices read.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from explainers.survey.rows import asked, columns_of, opened, quoted
from explainers.survey.survey import SurveyError, method_named
from explainers.survey.table import N, Stored, prefix

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MIDDLE = (N - 1) / 2


@dataclass(frozen=True)
class Order:
    """An order that answers a question about the pictures.

    Parameters
    ----------
    meaning : str
        What comes first.
    by : str
        What is sorted by, in SQL; ``{method}`` stands for the method whose maps are shown.
    column : str
        The column without which there is no such order.
    descending : bool
        Whether the largest come first.
    only : str
        Of which rows, in SQL.
    """

    meaning: str
    by: str
    column: str
    descending: bool = False
    only: str = "true"

    def fits(self, method: str, columns: Container[str]) -> bool:
        """Whether a table has what it needs."""
        return self.column.format(method=prefix(method)) in columns


ORDERS = {
    "Least agreement": Order(
        "The methods agree least.", "agreement", "agreement",
        only="agreement is not null",
    ),
    "Wrong": Order(
        "The answer is not the label; the most certain first.", "probability", "correct",
        descending=True, only="not correct",
    ),
    "Nearly wrong": Order(
        "Right, or not known to be wrong, by the smallest margin.", "margin",
        "margin", only="correct is distinct from false and margin is not null",
    ),
    "Off the centre": Order(
        "The map's centre of mass is farthest from the middle.",
        f"sqrt(pow({{method}}_centre_row - {MIDDLE}, 2)"
        f" + pow({{method}}_centre_column - {MIDDLE}, 2))",
        "{method}_centre_row", descending=True, only="{method}_centre_row is not null",
    ),
    "Hottest at the border": Order(
        "The largest part of the heat is in the outermost ring of cells.",
        "{method}_border", "{method}_border", descending=True,
        only="{method}_border is not null",
    ),
    "Poor LIME fit": Order(
        "LIME's linear model fits worst, by its R².", "lime_r2", "lime_r2",
        only="lime_r2 is not null",
    ),
    "Worse than random": Order(
        "Hiding what the map calls hottest beats the fewest random orders.",
        "{method}_deletion_beaten", "{method}_deletion_beaten",
        only="{method}_deletion_beaten is not null",
    ),
}  # fmt: skip
"""The named orders."""


@dataclass(frozen=True)
class Question:
    """Which rows are asked for, and in what order; what is None asks for all.

    Parameters
    ----------
    order : str
        A name of `ORDERS`, or a column.
    descending : bool
        For a column: whether the largest come first.
    method : str, optional
        The method whose maps are shown, which some orders are about; the first if None.
    label, answer, chosen : str, optional
    correct : bool, optional
    failed : bool, optional
        Whether the picture has an error in place of an answer.
    text : str
        What stands in the path.
    between : tuple of (str, float or None, float or None)
        Columns with the least and the largest value.
    """

    order: str = "Least agreement"
    descending: bool = False
    method: str | None = None
    label: str | None = None
    answer: str | None = None
    chosen: str | None = None
    correct: bool | None = None
    failed: bool | None = None
    text: str = ""
    between: tuple[tuple[str, float | None, float | None], ...] = ()


@dataclass(frozen=True)
class Page:
    """Some rows of many.

    Parameters
    ----------
    rows : tuple of dict
        All columns but the matrices, and the matrices that were asked for, ``(14, 14)`` float32
        under their column's name.
    total : int
        How many rows the question finds.
    """

    rows: tuple[Mapping[str, Any], ...]
    total: int


def in_words(question: Question, stored: Stored) -> tuple[str, ...]:
    """Which rows a question is about, and in what order, in sentences."""
    return tuple(filter(None, (_filter_in_words(question), _order_in_words(question, stored))))


def sortable(stored: Stored) -> list[str]:
    """The columns that rows can be sorted by: those of one value each."""
    return [name for name, (kind, _) in columns_of(stored).items() if not _is_list(kind)]


def measured(stored: Stored) -> list[str]:
    """The columns of numbers, which can be asked to lie between two."""
    return [
        name
        for name, (kind, _) in columns_of(stored).items()
        if pa.types.is_integer(kind) or pa.types.is_floating(kind)
    ]


def orders_of(stored: Stored, method: str) -> dict[str, Order]:
    """The named orders that the table has the columns for."""
    have = columns_of(stored)
    return {name: order for name, order in ORDERS.items() if order.fits(method, have)}


def counted(stored: Stored, column: str) -> list[tuple[str, int]]:
    """The values of a column with how many rows have each, the commonest first."""

    def ask(rows: "DuckDBPyConnection") -> list[tuple[str, int]]:
        name = quoted(columns_of(stored), column)
        return rows.execute(
            f"select {name}, count(*) as n from rows where {name} is not null "
            "group by all order by n desc, 1"
        ).fetchall()

    return asked(stored, ask)


def page(
    stored: Stored,
    question: Question,
    offset: int = 0,
    limit: int = 24,
    matrices: Sequence[str] = (),
) -> Page:
    """Some of the rows that a question finds.

    Parameters
    ----------
    stored : Stored
    question : Question
    offset, limit : int
        How many are left out before, and how many are read.
    matrices : sequence of str
        The methods whose matrices are read as well.

    Raises
    ------
    SurveyError
        If the question names a column, a method or an order that the table does not have.
    """

    def ask(rows: "DuckDBPyConnection") -> Page:
        fields = columns_of(stored)
        where, order, values = _in_sql(stored, fields, question)
        listed = [f'"{name}"' for name, (kind, _) in fields.items() if not _is_matrix(kind)]
        listed += [quoted(fields, f"{prefix(method)}_matrix") for method in matrices]
        (total,) = rows.execute(f"select count(*) from rows where {where}", values).fetchone() or (
            0,
        )
        places = rows.execute(
            f"select file, place from rows where {where} order by {order}"
            f" limit {int(limit)} offset {int(offset)}",
            values,
        ).fetchall()
        files: dict[str, list[int]] = {}
        for file, place in places:
            files.setdefault(file, []).append(place)
        read: dict[tuple[str, int], Mapping[str, Any]] = {}
        for file, mine in files.items():
            found = rows.sql(
                f"select place, {', '.join(listed)} from rows"
                f" where file = ? and place in ({', '.join(str(int(each)) for each in mine)})",
                params=[file],
            ).to_arrow_table()
            read |= {(file, row.pop("place")): _shaped(row) for row in found.to_pylist()}
        return Page(tuple(read[place] for place in places), total)

    return asked(stored, ask)


def batches(
    stored: Stored, question: Question, columns: Sequence[str] | None = None, size: int = 1000
) -> Iterator[pa.RecordBatch]:
    """All rows that a question finds, in its order, some at a time.

    Parameters
    ----------
    stored : Stored
    question : Question
    columns : sequence of str, optional
        All if None.
    size : int
        Rows at a time.

    Raises
    ------
    SurveyError
        As `page` does.
    """
    with opened(rows=stored) as rows:
        fields = columns_of(stored)
        where, order, values = _in_sql(stored, fields, question)
        listed = ", ".join(quoted(fields, name) for name in (columns or fields))
        yield from rows.sql(
            f"select {listed} from rows where {where} order by {order}", params=values
        ).to_arrow_reader(size)


def _order_in_words(question: Question, stored: Stored) -> str:
    named = ORDERS.get(question.order)
    if named is None:
        largest = "largest" if question.descending else "smallest"
        return f"In order of {question.order}, the {largest} first."
    if "{method}" not in named.by:
        return f"What comes first: {named.meaning}"
    map = method_named(question.method or stored.methods[0]).title
    return f"What comes first, of the maps of {map}: {named.meaning}"


def _filter_in_words(question: Question) -> str:
    said = [] if question.answer is None else [f"called {question.answer}"]
    said += [] if question.label is None else [f"truly {question.label}"]
    if question.correct is not None:
        said.append("whose answer is right" if question.correct else "whose answer is wrong")
    if question.failed is not None:
        said.append("that failed" if question.failed else "that did not fail")
    if question.chosen is not None:
        why = {"worst": "being among the worst", "random": "being drawn at random"}
        said.append(f"looked at closer for {why.get(question.chosen, question.chosen)}")
    if question.text:
        said.append(f"with {question.text!r} in the path")
    for column, least, most in question.between:
        ends = [("at least", least), ("at most", most)]
        bounds = [f"{word} {value:g}" for word, value in ends if value is not None]
        if bounds:
            said.append(f"whose {column} is {' and '.join(bounds)}")
    return f"Only pictures {', '.join(said)}." if said else ""


def _in_sql(
    stored: Stored, fields: Mapping[str, Any], question: Question
) -> tuple[str, str, list[Any]]:
    """Conditions, order and the values in their places; names come from the table alone."""
    method = question.method or stored.methods[0]
    if method not in (*stored.methods, *stored.closer):
        raise SurveyError("The survey has no such method.")
    named = ORDERS.get(question.order)
    if named is not None and named.fits(method, fields):
        only, by, descending = named.only, named.by, named.descending
        only, by = (text.format(method=prefix(method)) for text in (only, by))
    else:
        only, by, descending = "true", quoted(fields, question.order), question.descending
    conditions, values = [only], list[Any]()
    for column in ("label", "answer", "chosen", "correct"):
        if getattr(question, column) is not None:
            conditions.append(f"{column} = ?")
            values.append(getattr(question, column))
    if question.failed is not None:
        conditions.append(f"error is {'not null' if question.failed else 'null'}")
    if question.text:
        conditions.append("contains(lower(path), lower(?))")
        values.append(question.text)
    for column, least, most in question.between:
        for value, sign in ((least, ">="), (most, "<=")):
            if value is not None:
                conditions.append(f"{quoted(fields, column)} {sign} ?")
                values.append(value)
    order = f"{by} {'desc' if descending else 'asc'} nulls last, path"
    return " and ".join(f"({each})" for each in conditions), order, values


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or _is_matrix(kind)


def _is_matrix(kind: pa.DataType) -> bool:
    return pa.types.is_fixed_size_list(kind)


def _shaped(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its matrices as arrays."""
    return {
        name: np.array(value, np.float32).reshape(N, N)
        if name.endswith("_matrix") and value is not None
        else value
        for name, value in row.items()
    }
