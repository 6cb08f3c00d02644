"""What one survey's table shows: in numbers, how far the methods agree, where it looks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy

from explainers.survey.rows import asked
from explainers.survey.survey import SurveyError
from explainers.survey.table import N, Stored, prefix

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CELLS = N * N
BATCH = 10_000
"""Matrices that are held at a time: 8 MB of a method."""
DEALS = 19
"""Random deals of the classes: what beats all of them happens once in 20 by chance."""
FEWEST = 5
"""Pictures of a class below which its mean is shown and not judged: one of them is over a fifth."""
CONFUSIONS = 20
BINS = 20
Z = 1.959964
"""Of the standard normal distribution, 95 % lies within this many deviations."""


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
        """The share that is correct, and Wilson's 95 % interval for it; None without labels."""
        if not self.labelled:
            return None
        return self.correct / self.labelled, *wilson(self.correct, self.labelled)


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


def wilson(found: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share [1]_; all of 0..1 where there is nothing to count.

    References
    ----------
    .. [1] E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
       Journal of the American Statistical Association 22, 1927.
    """
    if not of:
        return 0.0, 1.0
    share = found / of
    centre = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2)) / (1 + Z**2 / of)
    return max(0.0, centre - half), min(1.0, centre + half)


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

    return asked(stored, ask)


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

    return asked(stored, ask)


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

    told = f"from rows where {by} is not null and ({matrix}) is not null"

    def ask(rows: "DuckDBPyConnection") -> Looks:
        sizes = dict(
            rows.execute(f"select {by}, count(*) {told} group by all order by 1").fetchall()
        )
        reader = rows.sql(f"select {by} as class, {matrix} as map {told}").to_arrow_reader(BATCH)
        return _compared(sizes, reader, seed)

    return asked(stored, ask)


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


def _compared(sizes: Mapping[str, int], reader: pa.RecordBatchReader, seed: int) -> Looks:
    """Means of maps by class, each beside the rest, and what chance makes of them."""
    random = np.random.default_rng(seed)
    names = list(sizes)
    known = pa.array(names, pa.string())
    left = np.tile(list(sizes.values()), (DEALS, 1))
    counts = np.zeros((1 + DEALS, len(names)))
    sums = np.zeros((1 + DEALS, len(names), CELLS))
    squares = np.zeros((len(names), CELLS))
    blank = 0
    for batch in reader:
        codes = pc.index_in(batch.column("class").cast(pa.string()), known).to_numpy()
        maps = batch.column("map").flatten().to_numpy().reshape(-1, CELLS).astype(float)
        scales = np.abs(maps).max(axis=1)
        told = (scales > 0) & (np.ptp(maps, axis=1) > 0)
        blank += int((~told).sum())
        dealt = np.stack([codes, *(_deal(random, each, len(codes)) for each in left)])[:, told]
        maps = maps[told] / scales[told, None]
        counts += [np.bincount(each, minlength=len(names)) for each in dealt]
        sums += _by_class(dealt, len(names), maps)
        squares += _by_class(dealt[:1], len(names), maps**2)[0]
    count, whole = counts[0], counts[0].sum()
    all_sums, all_squares = sums[0].sum(axis=0), squares.sum(axis=0)
    judged = (count >= FEWEST) & (whole - count >= FEWEST)
    scores = [
        _scores(size, each, all_sums, all_squares) for size, each in zip(counts, sums, strict=True)
    ]
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


def _deal(random: np.random.Generator, left: np.ndarray, count: int) -> np.ndarray:
    """Classes for some maps, ``(count,)``, of those that are left to deal out, which become fewer.

    Dealt out some at a time like this, any order of all is as likely as any other.
    """
    drawn = random.multivariate_hypergeometric(left, count, method="marginals")
    left -= drawn
    return random.permutation(np.repeat(np.arange(len(left)), drawn))


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
