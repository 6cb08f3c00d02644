"""Which methods did better on a survey's random sample, and which of them only seem to have.

Figures for the model come from the pictures that were drawn at random, never from the worst, which
were chosen. Methods are compared picture by picture, since how much can be lost differs far more
from picture to picture than from method to method.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import scipy

from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM
from explainers.survey.findings import wilson
from explainers.survey.rows import asked, columns_of
from explainers.survey.table import Stored, prefix

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Named = TypeVar("Named")

MEASURES = {"deletion": False, "insertion": True, "drop": False, "increase": True}
"""What methods are ranked by, and whether more is better."""
SHARE = "increase"
"""The measure that is yes or no for a picture, and so a share of them."""
ALPHA = 0.05
FEWEST = 6
"""Pictures below which nothing can be told apart: of 5, the signs fall alike once in 16."""
DRAWS = 10_000
"""Of the bootstrap: the ends of an interval then lie within a few hundredths of its length."""
FLIPS = 9_999
"""Of signs, where there are too many ways to flip them to try all."""
AT_ONCE = 1000


@dataclass(frozen=True)
class Standing:
    """How one did by one measure.

    Parameters
    ----------
    name : str
        A method, `BLOB` or `RANDOM`.
    pictures : int
        How many there is a figure of.
    mean : float
    low, high : float or None
        The 95 % interval of the mean; None of fewer than `FEWEST` pictures.
    """

    name: str
    pictures: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Pair:
    """Two of them on the same pictures.

    Parameters
    ----------
    better, worse : str
        By their means.
    lead : float
        How much better the one is, on the mean of the pictures that both have a figure of.
    pictures : int
        How many these are.
    p : float
        How often chance alone gives a difference as large, corrected for all pairs.
    """

    better: str
    worse: str
    lead: float
    pictures: int
    p: float

    @property
    def told_apart(self) -> bool:
        """Whether the order of the two is significant."""
        return self.lead > 0 and self.p <= ALPHA


@dataclass(frozen=True, eq=False)
class Ranking:
    """All of them by one measure.

    Parameters
    ----------
    measure : str
        One of `MEASURES`.
    standings : tuple of Standing
        The best first.
    pairs : tuple of Pair
        Each two.
    """

    measure: str
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]

    @property
    def neighbours(self) -> tuple[Pair, ...]:
        """Each beside the next, from the best."""
        by_names = {(pair.better, pair.worse): pair for pair in self.pairs}
        return tuple(by_names[one.name, next_.name] for one, next_ in pairwise(self.standings))

    def better_than(self, name: str) -> tuple[str, ...]:
        """Those that are significantly better than one, the best first."""
        return tuple(pair.better for pair in self.pairs if pair.worse == name and pair.told_apart)


def rankings(stored: Stored) -> dict[str, Ranking]:
    """The methods of a survey by each measure; measures that the table has no figures of are left
    out, and so are all where no picture was looked at closer that was drawn at random.
    """
    have = columns_of(stored)
    names = (*stored.methods, *stored.closer, BLOB, RANDOM)
    stems = dict(zip(names, (*map(prefix, names[:-2]), "blob", "random"), strict=True))
    seed = int(stored.told["seed"])
    columns = {
        (measure, name): column
        for measure in MEASURES
        for name, stem in stems.items()
        if (column := f"{stem}_{measure}") in have
    }
    sampled = _sampled(stored, columns)
    found = {}
    for measure, more in MEASURES.items():
        values = {name: column for (by, name), column in sampled.items() if by == measure}
        if len(values) > 1:
            found[measure] = rank(measure, values, more=more, shares=measure == SHARE, seed=seed)
    return found


def took(stored: Stored) -> dict[str, float]:
    """The seconds that observing one picture took for each method, on average of the sample."""
    have = columns_of(stored)
    columns = {
        name: column
        for name in (*stored.methods, *stored.closer)
        if (column := f"{prefix(name)}_seconds") in have
    }
    return {name: float(np.nanmean(each)) for name, each in _sampled(stored, columns).items()}


def rank(
    measure: str,
    values: Mapping[str, np.ndarray],
    *,
    more: bool,
    shares: bool = False,
    seed: int = 0,
) -> Ranking:
    """Some methods by one measure of the same pictures.

    The interval of a mean is the bootstrap's (see `intervals`), that of a share Wilson's: of 20
    pictures without a single increase the bootstrap would make certainty. Each two are told apart
    by flipping signs (see `sign_flips`), and Holm's correction [1]_ keeps the chance that any two
    equal ones are told apart below 5 %, for all pairs of the measure together.

    Parameters
    ----------
    measure : str
    values : mapping of str to (n,) float ndarray
        A figure a picture, NaN where there is none; a method needs one at least.
    more : bool
        Whether more is better.
    shares : bool
        Whether each figure is 0 or 1.
    seed : int
        Of what is drawn.

    References
    ----------
    .. [1] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal
       of Statistics 6(2), 1979.
    """
    means = {name: float(np.nanmean(column)) for name, column in values.items()}
    names = sorted(values, key=lambda name: means[name], reverse=more)
    figures = np.column_stack([values[name] for name in names]).astype(np.float64)
    counts = np.isfinite(figures).sum(axis=0)
    ends = (_shares(figures) if shares else intervals(figures, seed)).T.tolist()
    standings = tuple(
        Standing(name, int(n), means[name], *(each if n >= FEWEST else (None, None)))
        for name, n, each in zip(names, counts, ends, strict=True)
    )
    places = np.array(list(combinations(range(len(names)), 2)))
    leads = (figures[:, places[:, 0]] - figures[:, places[:, 1]]) * (1 if more else -1)
    both = np.isfinite(leads).sum(axis=0)
    together = np.nansum(leads, axis=0) / np.maximum(both, 1)
    corrected = holm(sign_flips(leads, seed))
    pairs = tuple(
        Pair(names[one], names[other], float(lead), int(n), float(p))
        for (one, other), lead, n, p in zip(places, together, both, corrected, strict=True)
    )
    return Ranking(measure, standings, pairs)


def intervals(figures: np.ndarray, seed: int = 0) -> np.ndarray:
    """The 95 % interval of each column's mean, ``(n, k)`` with NaN for none to ``(2, k)``.

    The percentiles of the means of pictures drawn anew [1]_. A sample varies less than what it was
    drawn from, so of few pictures these are too narrow: they are taken as much further out as
    Student's t lies beyond the normal distribution, and as the variance is too small [2]_.

    .. math::
        \\alpha' = \\Phi\\Big(\\sqrt{\\tfrac{n}{n - 1}} \\, t_{n - 1}^{-1}(\\alpha / 2)\\Big)

    References
    ----------
    .. [1] B. Efron, "Bootstrap Methods: Another Look at the Jackknife", The Annals of Statistics
       7(1), 1979.
    .. [2] T. C. Hesterberg, "What Teachers Should Know About the Bootstrap", The American
       Statistician 69(4), 2015.
    """
    random = np.random.default_rng(seed)
    there = np.isfinite(figures)
    filled = np.where(there, figures, 0.0)
    n = len(figures)
    means = []
    for start in range(0, DRAWS, AT_ONCE):
        drawn = random.multinomial(n, np.full(n, 1 / n), min(AT_ONCE, DRAWS - start))
        with np.errstate(invalid="ignore"):
            means.append((drawn @ filled) / (drawn @ there))
    tails = [tail(count) for count in there.sum(axis=0)]
    return np.transpose(
        [
            np.nanquantile(column, (low, 1 - low))
            for column, low in zip(np.concatenate(means).T, tails, strict=True)
        ]
    )


def tail(n: int) -> float:
    """What is cut off at each end of a bootstrap of n figures for a 95 % interval."""
    if n < 2:
        return 0.0
    wider = np.sqrt(n / (n - 1)) * scipy.special.stdtrit(n - 1, ALPHA / 2)
    return float(scipy.special.ndtr(wider))


def sign_flips(differences: np.ndarray, seed: int = 0) -> np.ndarray:
    """How often chance alone gives a mean as far from 0, ``(n, k)`` with NaN for none to ``(k,)``.

    If two methods do alike, either might have had the figures of the other on each picture: then
    any signs of the differences are as likely as those that were seen [1]_. All of them are tried
    where they are no more than 10,000, and else so many drawn, the seen among them [2]_.

    References
    ----------
    .. [1] R. A. Fisher, "The Design of Experiments", Oliver and Boyd 1935.
    .. [2] B. Phipson, G. K. Smyth, "Permutation P-values Should Never Be Zero", Statistical
       Applications in Genetics and Molecular Biology 9(1), 2010.
    """
    known = np.nan_to_num(differences)
    n = len(known)
    seen = np.abs(known.sum(axis=0)) - 1e-9 * np.abs(known).sum(axis=0)
    if 2**n <= FLIPS + 1:
        signs = np.array(list(product((1, -1), repeat=n)))
        return (np.abs(signs @ known) >= seen).mean(axis=0)
    random = np.random.default_rng(seed)
    as_far = np.zeros(known.shape[1], int)
    for start in range(0, FLIPS, AT_ONCE):
        signs = random.choice((1.0, -1.0), (min(AT_ONCE, FLIPS - start), n))
        as_far += (np.abs(signs @ known) >= seen).sum(axis=0)
    return (1 + as_far) / (1 + FLIPS)


def holm(p: np.ndarray) -> np.ndarray:
    """Some p-values corrected for their number, ``(m,)``: below 5 % all that are told together.

    .. math:: \\tilde p_{(i)} = \\max_{j \\le i} \\min(1, (m - j + 1) \\, p_{(j)})
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, stepped)
    return corrected


def _shares(figures: np.ndarray) -> np.ndarray:
    """Wilson's interval of each column of 0 and 1, ``(2, k)``."""
    return np.transpose(
        [wilson(int(np.nansum(column)), int(np.isfinite(column).sum())) for column in figures.T]
    )


def _sampled(stored: Stored, columns: Mapping[Named, str]) -> dict[Named, np.ndarray]:
    """Some columns of the random sample, NaN where there is nothing; those of nothing left out."""
    if not columns:
        return {}
    told = ", ".join(f"cast({column} as double)" for column in columns.values())

    def ask(rows: "DuckDBPyConnection") -> dict[Named, np.ndarray]:
        found = rows.execute(
            f"select {told} from rows where chosen = 'random' order by path"
        ).fetchall()
        table = np.array(found, np.float64).reshape(-1, len(columns))
        return dict(zip(columns, table.T, strict=True))

    values = asked(stored, ask)
    return {name: column for name, column in values.items() if np.isfinite(column).any()}
