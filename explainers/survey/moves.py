"""Two surveys of the same pictures: answers that changed, and maps that moved though they stayed.

How far a map moves is held against how far it moves when the same model is asked again with
another seed. Matrices are compared some thousand at a time; what is kept is a few numbers each.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from explainers.metrics.agreement import SHARES
from explainers.survey.rows import asked, opened, read
from explainers.survey.survey import Survey, SurveyError, method_named
from explainers.survey.table import N, Stored, prefix

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH = 4096
"""Pictures whose matrices are compared at once."""
MEASURES = {"spearman": False, "overlap": False, "shift": True}
"""How far a map moved, three ways, and whether more is further."""
AGAIN = {"spearman": "again", "overlap": "again_overlap", "shift": "again_shift"}
"""The column that tells the same of a method that was asked again."""
ASKED = (*(field.name for field in dataclasses.fields(Survey)), "versions")
"""What a survey's figures depend on; see `Survey.described`."""
ANSWERS = ("answer", "probability", "correct")


@dataclass(frozen=True)
class Met:
    """How two surveys' pictures meet: by their paths, and by what their files hold.

    Parameters
    ----------
    both : int
        Pictures that are the same in both and have an answer in both: those that are compared.
    only_before, only_after : int
        Pictures whose path is in one survey alone.
    differing : int
        Pictures of one path whose files differ.
    failed : int
        The same picture in both, without an answer in one or both.
    """

    both: int
    only_before: int
    only_after: int
    differing: int
    failed: int


@dataclass(frozen=True, eq=False)
class Floor:
    """How far a method's maps move when the same model is asked again with another seed.

    Parameters
    ----------
    tries : dict of str to (n,) float64 ndarray
        For each of `MEASURES` what came of the tries in both surveys, the furthest move first.
        They were made on pictures drawn at random.
    """

    tries: Mapping[str, np.ndarray]

    def count(self, measure: str) -> int:
        """How many tries there were that this measure can tell of: a blank map has no centre."""
        return len(self.tries[measure])

    def as_far(self, measure: str, moves: np.ndarray) -> np.ndarray:
        """How many tries moved as far as each of some moves, or further, ``(n,)`` int.

        0 is beyond all. Of the moves that another seed alone makes, one in ``count + 1`` is: of
        as many draws each is as likely to be the furthest.
        """
        further = 1 if MEASURES[measure] else -1
        tries, moves = further * self.tries[measure][::-1], further * moves
        return self.count(measure) - np.searchsorted(tries, moves, side="left")


@dataclass(frozen=True, eq=False)
class Moves:
    """What changed from one survey to another.

    Parameters
    ----------
    before, after : Stored
    met : Met
    methods : tuple of str
        Those that looked at pictures in both.
    rows : pyarrow.Table
        A row for each picture that is compared: ``path``, ``digest``, ``label``, ``answer_before``,
        ``probability_before``, ``correct_before``, the same ``_after``, ``stayed`` (whether the
        answer did), and for each method ``grad_cam_spearman``, ``grad_cam_overlap`` and
        ``grad_cam_shift``: rank correlation of the two matrices, overlap of their hottest tenths,
        and how far the centre of mass moved, in cells; null where a survey has no map.
    floors : dict of str to Floor or None
        For each method; None if it has no seed, or was not asked again.
    """

    before: Stored
    after: Stored
    met: Met
    methods: tuple[str, ...]
    rows: pa.Table
    floors: Mapping[str, Floor | None]

    @cached_property
    def changed(self) -> pa.Table:
        """The rows whose answer changed, the surest first.

        Surest is by the smaller of both probabilities: sure of one answer before, and of another
        after.
        """
        rows = self.rows.filter(pc.invert(self.rows["stayed"]))
        surest = pc.min_element_wise(rows["probability_before"], rows["probability_after"])
        return rows.take(pc.sort_indices(surest, sort_keys=[("", "descending")]))

    @cached_property
    def stayed(self) -> pa.Table:
        """The rows whose answer stayed."""
        return self.rows.filter(self.rows["stayed"])

    def moved(self, method: str, measure: str = "spearman") -> pa.Table:
        """The rows whose answer stayed, and that have a map in both; what moved most first."""
        column = f"{prefix(method)}_{measure}"
        rows = self.stayed.filter(pc.is_valid(self.stayed[column]))
        order = "descending" if MEASURES[measure] else "ascending"
        return rows.sort_by([(column, order), ("path", "ascending")])

    def beyond(self, method: str, measure: str = "spearman") -> int | None:
        """Of the pictures whose answer stayed, those that moved further than any try did.

        None where nothing was tried.
        """
        floor = self.floors[method]
        if floor is None:
            return None
        moves = self.moved(method, measure)[f"{prefix(method)}_{measure}"].to_numpy()
        return int((floor.as_far(measure, moves) == 0).sum())


def compare(before: Stored, after: Stored) -> Moves:
    """What changed from one survey to another, of the pictures that both have.

    Raises
    ------
    SurveyError
        If there is nothing to compare; the text says why.
    """
    return read(lambda: _compare(before, after), before, after)


def _compare(before: Stored, after: Stored) -> Moves:
    methods = shared_methods(before, after)
    with opened(before_rows=before, after_rows=after) as database:
        database.execute("set preserve_insertion_order = false")
        met = _meet(database)
        if not met.both:
            raise SurveyError("The two surveys have no picture in common that both could answer.")
        rows = pa.Table.from_batches(_compared(database, methods, _same_labels(before, after)))
        floors = {method: _floor(database, method, before, after) for method in methods}
    return Moves(before, after, met, methods, rows.sort_by("path"), floors)


def shared_methods(before: Stored, after: Stored) -> tuple[str, ...]:
    """The methods that both surveys have, those first that looked at every picture."""
    own, others = ([*stored.methods, *stored.closer] for stored in (before, after))
    return tuple(name for name in own if name in others)


def differences(before: Stored, after: Stored) -> list[tuple[str, str, str]]:
    """What was asked otherwise: the setting, and what it is before and after.

    Where something besides the classifier differs, it is settings that are compared as well.
    """
    one, other = (
        _flat({name: stored.told[name] for name in ASKED if name in stored.told})
        for stored in (before, after)
    )
    return [
        (name, one.get(name, "not asked"), other.get(name, "not asked"))
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]


def matrices(stored: Stored, path: str, methods: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The maps of one picture, ``(14, 14)`` float32 each; methods without one are left out."""
    columns = ", ".join(f"{prefix(name)}_matrix" for name in methods)
    found = asked(
        stored,
        lambda rows: rows.execute(f"select {columns} from rows where path = ?", [path]).fetchall(),
    )
    return {
        name: np.array(matrix, np.float32).reshape(N, N)
        for row in found
        for name, matrix in zip(methods, row, strict=True)
        if matrix is not None
    }


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Rank correlation of each two maps, ``(n, k)`` and ``(n, k)`` to ``(n,)`` float64.

    It is `agree`'s, many at a time: ties share their mean rank, and it is 0 where one map is flat.
    Two maps that are the same give 1, also where they are flat.
    """
    first, second = (_ranks(maps) for maps in (one, other))
    spread = np.sqrt(_products(first, first) * _products(second, second))
    together = _products(first, second)
    correlation = np.divide(together, spread, out=np.zeros(len(one)), where=spread > 0)
    return np.where((one == other).all(axis=1), 1.0, correlation)


def overlap(one: np.ndarray, other: np.ndarray, share: float = SHARES[0]) -> np.ndarray:
    """The hottest cells of both maps over those of either, ``(n, k)`` and ``(n, k)`` to ``(n,)``.

    It is `agree`'s, many at a time; two maps that are the same give 1, also where they are flat.
    """
    first, second = (_hottest(maps, share) for maps in (one, other))
    both, either = (first & second).sum(axis=1), (first | second).sum(axis=1)
    shared = np.divide(both, either, out=np.zeros(len(one)), where=either > 0)
    return np.where((one == other).all(axis=1), 1.0, shared)


def _ranks(maps: np.ndarray) -> np.ndarray:
    """The rank of each cell in its map, from the middle, ``(n, k)``; ties share their mean rank.

    They are multiples of a half: of up to 300 cells all sums of their products are exact in
    float32.
    """
    count = maps.shape[1]
    order = np.argsort(maps, axis=1)
    ordered = np.take_along_axis(maps, order, axis=1)
    begins, ends = np.ones((2, *maps.shape), bool)
    begins[:, 1:] = ends[:, :-1] = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(count, dtype=np.int16)
    first = np.maximum.accumulate(np.where(begins, places, places[:1]), axis=1)
    last = np.minimum.accumulate(np.where(ends, places, places[-1:])[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(maps.shape, np.float32)
    np.put_along_axis(ranks, order, (first + last - np.int16(count - 1)) / np.float32(2), axis=1)
    return ranks


def _products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The sum of the products of each two rows, ``(n,)`` float64."""
    return np.einsum("ij,ij->i", one, other).astype(np.float64)


def _hottest(maps: np.ndarray, share: float) -> np.ndarray:
    count = round(share * maps.shape[1])
    least = np.partition(maps, -count, axis=1)[:, -count, None]
    return (maps >= least) & (maps > maps.min(axis=1, keepdims=True))


def _meet(database: "DuckDBPyConnection") -> Met:
    counts = database.execute(
        """
        select
            count(*) filter (same and answered),
            count(*) filter (after.path is null),
            count(*) filter (before.path is null),
            count(*) filter (not same),
            count(*) filter (same and not answered)
        from before_rows before full join after_rows after on before.path = after.path,
        lateral (select
            before.digest = after.digest as same,
            before.answer is not null and after.answer is not null as answered
        )
        """
    ).fetchall()[0]
    return Met(*counts)


def _compared(
    database: "DuckDBPyConnection", methods: tuple[str, ...], same_labels: bool
) -> Iterator[pa.RecordBatch]:
    """The rows of `Moves`, some thousand at a time."""
    sides = ("before", "after")
    told = [f"{side}.{name} as {name}_{side}" for side in sides for name in ANSWERS]
    maps = [
        f"{side}.{prefix(name)}_matrix as {prefix(name)}_{side}"
        for side in sides
        for name in methods
    ]
    shifts = [f"{_shift(prefix(name))} as {prefix(name)}_shift" for name in methods]
    answer = "answer_index" if same_labels else "answer"
    found = database.sql(
        f"""
        select
            before.path, before.digest, coalesce(before.label, after.label) as label,
            {", ".join(told)},
            before.{answer} = after.{answer} as stayed, {", ".join([*shifts, *maps])}
        from before_rows before
        join after_rows after on before.path = after.path and before.digest = after.digest
        where before.answer is not null and after.answer is not null
        """
    )
    for batch in found.to_arrow_reader(BATCH):
        maps_of = {
            name: [batch[f"{name}_{side}"] for side in sides] for name in map(prefix, methods)
        }
        compared = {
            f"{name}_{measure}": figures
            for name, pair in maps_of.items()
            for measure, figures in _alike(*pair).items()
        }
        plain = batch.drop_columns([f"{name}_{side}" for name in maps_of for side in sides])
        yield pa.RecordBatch.from_pydict(
            dict(zip(plain.schema.names, plain.columns, strict=True)) | compared
        )


def _alike(one: pa.Array, other: pa.Array) -> dict[str, pa.Array]:
    """How alike the matrices of two columns are; null where either is."""
    there = pc.and_(pc.is_valid(one), pc.is_valid(other))
    pair = [
        maps.filter(there).flatten().to_numpy(zero_copy_only=False).reshape(-1, N * N)
        for maps in (one, other)
    ]
    rows = np.flatnonzero(there.to_numpy(zero_copy_only=False))
    alike = {}
    for measure, figures in (("spearman", spearman(*pair)), ("overlap", overlap(*pair))):
        spread = np.full(len(one), np.nan)
        spread[rows] = figures
        alike[measure] = pa.array(spread, pa.float32(), from_pandas=True)
    return alike


def _shift(name: str) -> str:
    """How far the centre of mass of a method's map moved, in cells."""
    down, across = (
        f"before.{name}_centre_{way} - after.{name}_centre_{way}" for way in ("row", "column")
    )
    return f"cast(sqrt(({down})**2 + ({across})**2) as float)"


def _floor(
    database: "DuckDBPyConnection", method: str, before: Stored, after: Stored
) -> Floor | None:
    """What came of asking a method again, in either survey; None if it was not."""
    if "seed" not in method_named(method).settings():
        return None
    name = prefix(method)
    told = ", ".join(f"{name}_{column}" for column in AGAIN.values())
    tries = database.execute(
        f"""
        select {told} from (
            select {told}, chosen from before_rows union all by name
            select {told}, chosen from after_rows
        ) where chosen = 'random' and {name}_again is not null
        """
    ).fetchnumpy()
    if not len(next(iter(tries.values()))):
        return None
    return Floor(
        {
            measure: np.sort(_numbers(tries[f"{name}_{column}"]))[:: -1 if MEASURES[measure] else 1]
            for measure, column in AGAIN.items()
        }
    )


def _numbers(column: Any) -> np.ndarray:
    """A column without what is null."""
    return np.ma.compressed(column).astype(np.float64)


def _same_labels(before: Stored, after: Stored) -> bool:
    return bool(before.told.get("labels") == after.told.get("labels"))


def _flat(told: Mapping[str, Any]) -> dict[str, str]:
    """Settings within settings in one line: ``methods: saliency: samples``."""
    flat: dict[str, str] = {}
    for name, value in told.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}: {key}": entry for key, entry in _flat(value).items()}
        else:
            flat[name] = str(value)
    return flat
