"""What one survey's table shows: asked of its files by DuckDB, which never holds all of them.

A page of rows is found in two steps. The order and the filters read a few columns of numbers; what
they find is a row of a file, and only of these are the matrices read.
"""

import math
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import scipy

from explainers.survey.survey import SurveyError
from explainers.survey.table import N, Stored, prefix

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Found = TypeVar("Found")

CELLS = N * N
BATCH = 10_000
"""Matrices that are held at a time: 8 MB of a method."""
DEALS = 19
"""Random deals of the classes: what beats all of them happens once in 20 by chance."""
FEWEST = 5
"""Pictures of a class below which its mean is shown and not judged: one of them is over a fifth."""
CONFUSIONS = 20
BINS = 20
MIDDLE = (N - 1) / 2
Z = 1.959964
"""Of the standard normal distribution, 95 % lies within this many deviations."""


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


@dataclass(frozen=True)
class Overview:
    """A survey in numbers.

    Parameters
    ----------
    pictures, failed : int
        All rows, and those with an error.
    reasons : tuple of (str, int)
        The errors and how many have each, the commonest first.
    labelled, correct : int
        Pictures with an answer and a label, and those where they are the same.
    commonest : (str, int) or None
        The commonest label, and how many have it: what always saying it would get.
    strangers : int
        Pictures with a label that is no class of the classifier's.
    confusions : tuple of (str, str, int, int)
        Label, another answer, how often, and of how many with that label; the commonest first.
    mistaken : int
        How many such pairs there are in all.
    """

    pictures: int
    failed: int
    reasons: tuple[tuple[str, int], ...]
    labelled: int
    correct: int
    commonest: tuple[str, int] | None
    strangers: int
    confusions: tuple[tuple[str, str, int, int], ...]
    mistaken: int

    @property
    def accuracy(self) -> tuple[float, float, float] | None:
        """The share that is correct, and Wilson's 95 % interval for it; None without labels.

        References
        ----------
        .. [1] E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
           Inference", Journal of the American Statistical Association 22, 1927.
        """
        n = self.labelled
        if not n:
            return None
        share = self.correct / n
        centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
        return share, max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, eq=False)
class Distribution:
    """How the values of a column are spread.

    Parameters
    ----------
    counts : (20,) int ndarray
        In even steps over -1..1; each step holds its lower end, and the last both.
    median : float
    pictures : int
        How many have a value.
    """

    counts: np.ndarray
    median: float
    pictures: int


@dataclass(frozen=True, eq=False)
class BesideBlob:
    """How far the methods agree with each other, beside how far each agrees with a blob.

    Parameters
    ----------
    agreement : Distribution
        The mean Spearman of all pairs of methods, picture by picture.
    blobs : dict of str to Distribution
        That of each method with a blob in the middle, which knows nothing.
    less : int
        Pictures where the methods agree less with each other than each of them does with the blob.
    """

    agreement: Distribution
    blobs: dict[str, Distribution]
    less: int


@dataclass(frozen=True, eq=False)
class Look:
    """Where a method looks in the pictures of one class, beside all others.

    Each map is divided by its own largest absolute value, as it is shown.

    Parameters
    ----------
    name : str
        The class.
    pictures, others : int
        How many maps there are behind the means.
    mean, deviation : (14, 14) ndarray
        Over the pictures of the class; the deviation is NaN where there is one picture.
    others_mean, others_deviation : (14, 14) ndarray
        Over all other pictures.
    score : (14, 14) ndarray
        The difference of the means in standard errors: Student's t with both sides' variances
        pooled. Positive where the class is hotter.
    judged : bool
        Whether both sides have at least `FEWEST` pictures.
    """

    name: str
    pictures: int
    others: int
    mean: np.ndarray
    deviation: np.ndarray
    others_mean: np.ndarray
    others_deviation: np.ndarray
    score: np.ndarray
    judged: bool

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column where the class is hotter than all others by most standard errors."""
        row, column = np.unravel_index(self.score.argmax(), self.score.shape)
        return int(row), int(column)

    @property
    def largest(self) -> float:
        """The difference there, in standard errors."""
        return float(self.score[self.cell])

    @property
    def hotter(self) -> float:
        """The difference there, in shares of a map's largest value."""
        return float(self.mean[self.cell] - self.others_mean[self.cell])


@dataclass(frozen=True, eq=False)
class Looks:
    """Where a method looks for each class.

    Parameters
    ----------
    classes : tuple of Look
        Those that stand out most first; then those that are not judged.
    chance : tuple of float
        The largest difference of any judged class in any cell, when the same pictures are dealt
        out to classes of the same sizes at random; once for each deal.
    blank : int
        Maps that say nothing and are left out.
    """

    classes: tuple[Look, ...]
    chance: tuple[float, ...]
    blank: int

    @property
    def bar(self) -> float:
        """What no random deal exceeds: beyond it is chance once in 20, for all classes together."""
        return max(self.chance, default=math.inf)

    def stands_out(self, look: Look) -> bool:
        """Whether some cell is hotter for this class than for the others, beyond chance."""
        return look.judged and look.largest > self.bar

    @property
    def standing_out(self) -> tuple[Look, ...]:
        """The classes that do."""
        return tuple(look for look in self.classes if self.stands_out(look))


def columns_of(stored: Stored) -> dict[str, tuple[pa.DataType, str]]:
    """Type and meaning of the columns that the table has: all that may be named in a question."""
    return _read(stored, lambda: _fields(stored))


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
        name = _quoted(_fields(stored), column)
        return rows.execute(
            f"select {name}, count(*) as n from rows where {name} is not null "
            "group by all order by n desc, 1"
        ).fetchall()

    return _asked(stored, ask)


def overview(stored: Stored) -> Overview:
    """A survey in numbers."""

    def ask(rows: "DuckDBPyConnection") -> Overview:
        numbers = rows.execute(
            "select count(*), count(error), count(correct), count_if(correct),"
            " count_if(label is not null and label_index is null) from rows"
        ).fetchone()
        assert numbers is not None
        pictures, failed, labelled, correct, strangers = numbers
        reasons = rows.execute(
            "select error, count(*) as n from rows where error is not null"
            " group by error order by n desc, error"
        ).fetchall()
        commonest = rows.execute(
            "select label, count(*) as n from rows where correct is not null"
            " group by label order by n desc, label limit 1"
        ).fetchone()
        confused = rows.execute(
            "select label, answer, count(*) as n,"
            " cast(sum(count(*)) over (partition by label) as bigint), correct"
            " from rows where correct is not null group by label, answer, correct"
            " qualify not correct order by n desc, label, answer"
        ).fetchall()
        confusions = tuple(entry[:4] for entry in confused[:CONFUSIONS])
        return Overview(
            pictures, failed, tuple(reasons), labelled, correct, commonest, strangers, confusions,
            len(confused),
        )  # fmt: skip

    return _asked(stored, ask)


def beside_blob(stored: Stored) -> BesideBlob | None:
    """How far the methods agree, beside a blob in the middle; None if only one was asked."""
    if len(stored.methods) < 2:
        return None
    blobs = {method: f"{prefix(method)}_blob" for method in stored.methods}

    def ask(rows: "DuckDBPyConnection") -> BesideBlob | None:
        agreement = _distribution(rows, "agreement")
        if agreement is None:
            return None
        (less,) = rows.execute(
            f"select count_if(agreement < least({', '.join(blobs.values())})) from rows"
        ).fetchone() or (0,)
        spread = {method: _distribution(rows, column) for method, column in blobs.items()}
        told = {method: each for method, each in spread.items() if each is not None}
        return BesideBlob(agreement, told, less)

    return _asked(stored, ask)


def looks(stored: Stored, method: str, by: str = "answer", seed: int = 0) -> Looks:
    """Where a method looks for each class, and how far that is from all other pictures.

    The statistic is the difference of two means in standard errors, cell by cell. What it reaches
    by chance is found by dealing the same maps out at random to classes of the same sizes, since
    the maps' cells are neither normal nor independent; the largest of all classes and cells is
    kept of each deal, so that having looked at so many does not make a difference.

    Parameters
    ----------
    stored : Stored
    method : str
        One of those that looked at every picture.
    by : {"answer", "label"}
        The pictures that are called so, and the map of that class; or those that truly show it,
        with the map of that class whatever the answer was.
    seed : int
        Of the deals.

    References
    ----------
    .. [1] P. H. Westfall, S. S. Young, "Resampling-Based Multiple Testing", Wiley 1993.
    """
    if method not in stored.methods or by not in ("answer", "label"):
        raise SurveyError("There are no such maps in this survey.")
    own = prefix(method)
    matrix = f"{own}_matrix"
    if by == "label":
        matrix = f"case when correct then {own}_matrix else {own}_label_matrix end"

    def ask(rows: "DuckDBPyConnection") -> Looks:
        names = [name for (name,) in rows.execute(
            f"select distinct {by} from rows where {by} is not null order by 1"
        ).fetchall()]  # fmt: skip
        reader = rows.sql(
            f"select {by} as class, {matrix} as map from rows"
            f" where {by} is not null and ({matrix}) is not null"
        ).to_arrow_reader(BATCH)
        return _compared(names, reader, seed)

    return _asked(stored, ask)


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
        fields = _fields(stored)
        where, order, values = _in_sql(stored, fields, question)
        listed = [f'"{name}"' for name, (kind, _) in fields.items() if not _is_matrix(kind)]
        listed += [_quoted(fields, f"{prefix(method)}_matrix") for method in matrices]
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

    return _asked(stored, ask)


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
    with _opened(stored) as rows:
        fields = _fields(stored)
        where, order, values = _in_sql(stored, fields, question)
        listed = ", ".join(_quoted(fields, name) for name in (columns or fields))
        yield from rows.sql(
            f"select {listed} from rows where {where} order by {order}", params=values
        ).to_arrow_reader(size)


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
        only, by, descending = "true", _quoted(fields, question.order), question.descending
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
                conditions.append(f"{_quoted(fields, column)} {sign} ?")
                values.append(value)
    order = f"{by} {'desc' if descending else 'asc'} nulls last, path"
    return " and ".join(f"({each})" for each in conditions), order, values


def _quoted(fields: Container[str], column: str) -> str:
    """A column's name in SQL, if the table has it."""
    if column not in fields:
        raise SurveyError("The table has no such column.")
    return f'"{column}"'


def _fields(stored: Stored) -> dict[str, tuple[pa.DataType, str]]:
    files = stored.files
    if not files:
        raise SurveyError(f"{stored.folder.name} has no rows yet.")
    return {
        field.name: (field.type, ((field.metadata or {}).get(b"meaning") or b"").decode())
        for field in pq.read_schema(files[-1])
    }


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


def _asked(stored: Stored, ask: "Callable[[DuckDBPyConnection], Found]") -> Found:
    """What the rows answer."""

    def opened() -> Found:
        with _opened(stored) as rows:
            return ask(rows)

    return _read(stored, opened)


def _read(stored: Stored, read: Callable[[], Found]) -> Found:
    """What is read of the files; once more if a run put its parts together meanwhile."""
    import duckdb

    for last in (False, True):
        files = stored.files
        try:
            return read()
        except (duckdb.IOException, duckdb.InvalidInputException, pa.ArrowInvalid, OSError) as why:
            if last or stored.files == files:
                raise SurveyError(
                    f"The table of {stored.folder.name} cannot be read: its files are not whole."
                ) from why
    raise AssertionError


@contextmanager
def _opened(stored: Stored) -> "Iterator[DuckDBPyConnection]":
    """A connection with the view ``rows``, each picture once, with its ``file`` and ``place``."""
    import duckdb

    files = [str(path) for path in stored.files]
    if not files:
        raise SurveyError(f"{stored.folder.name} has no rows yet.")
    with duckdb.connect() as rows:
        rows.read_parquet(files, filename=True, file_row_number=True).create_view("read")
        named = "read.* rename (filename as file, file_row_number as place)"
        double = len(files) > 1 and rows.execute(
            "select count(*) > count(distinct path) from read"
        ).fetchone() == (True,)
        if double:
            rows.execute(
                "create temp table older as select filename, file_row_number from read qualify"
                " row_number() over (partition by path order by list_position(?, filename) desc)"
                " > 1",
                [files],
            )
            rows.execute(
                f"create view rows as select {named} from read"
                " anti join older using (filename, file_row_number)"
            )
        else:
            rows.execute(f"create view rows as select {named} from read")
        yield rows


def _distribution(rows: "DuckDBPyConnection", column: str) -> Distribution | None:
    """Of a column of correlations."""
    found = rows.execute(
        f"select least(floor(({column} + 1) / 2 * {BINS}), {BINS - 1})::int as step, count(*)"
        f" from rows where {column} is not null group by step"
    ).fetchall()
    if not found:
        return None
    counts = np.zeros(BINS, int)
    for step, count in found:
        counts[max(0, step)] = count
    (median,) = rows.execute(f"select median({column}) from rows").fetchone() or (math.nan,)
    return Distribution(counts, float(median), int(counts.sum()))


def _compared(names: list[str], reader: pa.RecordBatchReader, seed: int) -> Looks:
    """Means of maps by class, each beside the rest, and what chance makes of them."""
    random = np.random.default_rng(seed)
    known = pa.array(names, pa.string())
    count = np.zeros(len(names))
    sums = np.zeros((1 + DEALS, len(names), CELLS))
    squares = np.zeros((len(names), CELLS))
    blank = 0
    for batch in reader:
        codes = pc.index_in(batch.column("class").cast(pa.string()), known).to_numpy()
        maps = batch.column("map").flatten().to_numpy().reshape(-1, CELLS).astype(float)
        scales = np.abs(maps).max(axis=1)
        told = (scales > 0) & (np.ptp(maps, axis=1) > 0)
        blank += int((~told).sum())
        codes, maps = codes[told], maps[told] / scales[told, None]
        dealt = np.stack([codes, *(random.permutation(codes) for _ in range(DEALS))])
        count += np.bincount(codes, minlength=len(names))
        sums += _by_class(dealt, len(names), maps)
        squares += _by_class(codes[None], len(names), maps**2)[0]
    whole, all_sums, all_squares = count.sum(), sums[0].sum(axis=0), squares.sum(axis=0)
    judged = (count >= FEWEST) & (whole - count >= FEWEST)
    scores = [_scores(count, each, all_sums, all_squares) for each in sums]
    chance = tuple(float(each[judged].max()) for each in scores[1:] if judged.any())
    found = []
    for place, name in enumerate(names):
        if not count[place]:
            continue
        rest = whole - count[place]
        mean, deviation = _moments(count[place], sums[0, place], squares[place])
        others = _moments(rest, all_sums - sums[0, place], all_squares - squares[place])
        found.append(
            Look(
                name, int(count[place]), int(rest), mean, deviation, *others,
                scores[0][place].reshape(N, N), bool(judged[place]),
            )
        )  # fmt: skip
    found.sort(key=lambda look: (not look.judged, -look.largest))
    return Looks(tuple(found), chance, blank)


def _by_class(codes: np.ndarray, classes: int, maps: np.ndarray) -> np.ndarray:
    """Sums of maps ``(n, 196)`` by class, for several ways to deal them: ``(d, classes, 196)``."""
    deals, count = codes.shape
    places = (codes + classes * np.arange(deals)[:, None]).ravel()
    members = np.tile(np.arange(count), deals)
    kept = scipy.sparse.csr_array(
        (np.ones(len(places)), (places, members)), shape=(deals * classes, count)
    )
    return (kept @ maps).reshape(deals, classes, maps.shape[1])


def _scores(
    count: np.ndarray, sums: np.ndarray, all_sums: np.ndarray, all_squares: np.ndarray
) -> np.ndarray:
    """Each class against the rest in standard errors, ``(classes, 196)``; 0 where nothing varies.

    With :math:`n_1` and :math:`n_2` maps, and :math:`S` the squares about both means,

    .. math::
        t = \\frac{\\bar x_1 - \\bar x_2}
        {\\sqrt{\\frac{S}{n_1 + n_2 - 2} \\big(\\frac{1}{n_1} + \\frac{1}{n_2}\\big)}}.
    """
    one, rest = count[:, None], count.sum() - count[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = sums / one - (all_sums - sums) / rest
        within = all_squares - sums**2 / one - (all_sums - sums) ** 2 / rest
        error = np.sqrt(np.maximum(within, 0) / (one + rest - 2) * (1 / one + 1 / rest))
        scores = difference / error
    nothing = within <= 1e-12 * np.maximum(all_squares, 1e-300)
    return np.where(nothing | ~np.isfinite(scores), 0.0, scores)


def _moments(count: float, sums: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, ``(14, 14)`` each; NaN where there is too little."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.divide(sums, count)
        variance = np.divide(np.maximum(squares - count * mean**2, 0), count - 1)
    deviation = np.sqrt(variance) if count > 1 else np.full(CELLS, np.nan)
    return mean.reshape(N, N), deviation.reshape(N, N)
