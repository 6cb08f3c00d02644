"""What two records of the same say differently: each figure, by how much, and in which cells."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explainers.metrics.agreement import BLOB
from explainers.report.record import (
    Again,
    Breaking,
    Checked,
    Curves,
    Explained,
    Fed,
    Forgotten,
    Line,
    Record,
    Said,
)
from explainers.words import percent

CELLS_SHOWN = 3

PROBABILITY, TENTH, LEAST = 0.001, 0.1, 1e-6
"""Below 1% a tenth of it, and what a page calls under 0.0001% is all the same."""
AREA = 0.001
CORRELATION = 0.01
CELL = 0.001
"""Of the map's scale. A colour map has 256 colours."""
NOTE = 0.001
"""Of the largest figure of the sentence, where a unit of the last digit is less."""
FED = 0.01
"""Of the largest number that the network is given, or of its surprise."""
COUNT = 0.0
FIGURE = re.compile(r"[+−-]?\d[\d,]{,20}(\.\d{1,15})?(e[+-]?\d{1,2})?")

WITHIN = (
    "Figures are equal within about the last digit that a page shows: "
    f"{PROBABILITY:.1%} for a probability, and a tenth of it where it is below 1%, also at each "
    f"point of a curve; {AREA:g} for an area, {CORRELATION:g} for a correlation or an R²; one in "
    f"its last digit for a figure in a sentence, or {NOTE:.1%} of the largest there; {FED:.0%} for "
    f"what a network is given and how it surprises; and a cell within {CELL:.1%} of its map's "
    "scale, a quarter of the least step between two colours. Networks compute in rounded numbers, "
    "which another processor or version adds up in another order: with TensorFlow's other kernels, "
    "that was measured to stay within these bounds."
)
"""How far figures may lie apart and still be equal, and why so far."""


@dataclass(frozen=True)
class Cell:
    """A cell of a map whose value has moved; row and column count from 0 at the top left."""

    row: int
    column: int
    then: float
    now: float


@dataclass(frozen=True)
class Compared:
    """One thing that a record says, then and now.

    Parameters
    ----------
    what : str
    by : float
        The largest difference, infinite where there is nothing in between.
    bound : float
        What it may be and still be equal.
    said : str
        What has become of it, in a few words with figures.
    cells : tuple of Cell
        Those of a map that have moved, what moved most first.
    """

    what: str
    by: float
    bound: float
    said: str
    cells: tuple[Cell, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether it differs by more than its bound."""
        return self.by > self.bound


def compared(then: Record, now: Record) -> Iterator[Compared]:
    """What both records have, one after the other.

    What follows from maps and jumps where two cells change places, as the overlap of their hottest
    tenths does, is left to the comparison of the cells.
    """
    yield _answers("The answer", then.answer, now.answer)
    later = {each.title: each for each in now.explanations}
    for map in then.explanations:
        if map.title in later:
            yield from _maps(map, later[map.title])
    pairs = {frozenset(pair.names): pair.correlation for pair in now.agreement}
    for pair in then.agreement:
        if {*pair.names} <= {*later, BLOB}:
            what = f"Agreement of {pair.names[0]} and {pair.names[1]}"
            found = pairs.get(frozenset(pair.names))
            yield _correlations(what, [pair.correlation], [found])
    again = {(each.kind, each.fill, each.region): each.answer for each in now.experiments}
    for number, tried in enumerate(then.experiments, 1):
        if answer := again.get((tried.kind, tried.fill, tried.region)):
            yield _answers(f"Experiment {number}", tried.answer, answer)
    if then.tests.curves is not None and now.tests.curves is not None:
        yield from _curves(then.tests.curves, now.tests.curves)
    yield from _again(then.tests.again, now.tests.again)
    if then.tests.forgotten is not None and now.tests.forgotten is not None:
        yield from _forgotten(then.tests.forgotten, now.tests.forgotten)
    if then.check_up is not None and now.check_up is not None:
        yield from _check_ups(then.check_up, now.check_up)


def changes(then: Record, now: Record) -> tuple[str, ...]:
    """What has changed of where it ran and of what went in, each in a few words.

    Not the names of the classes, on which no figure depends.
    """
    was, now_is = then.ran, now.ran
    names = sorted({*was.versions, *now_is.versions})
    versions = [(n, was.versions.get(n, "none"), now_is.versions.get(n, "none")) for n in names]
    facts = [
        *(("code of Triptych" if n == "triptych" else n, one, other) for n, one, other in versions),
        ("system", was.system, now_is.system),
        ("processor", was.processor, now_is.processor),
        ("cores", was.cores, now_is.cores),
        ("kernels", was.kernels, now_is.kernels),
    ]
    told = [f"{name} {one} → {other}" for name, one, other in facts if one != other]
    before, after = then.classifier, now.classifier
    if None in (before.file, after.file):
        told.append("of which file the network comes is not known of both")
    elif before.file != after.file:
        told.append("the file of the network's weights")
    if (before.head, before.scaling) != (after.head, after.scaling):
        told.append("how the network is fed or answers")
    if then.picture.seen != now.picture.seen:
        told.append("the pixels made of the picture for the network")
    return tuple(told)


def within(one: float, other: float) -> float:
    """How far two probabilities may lie apart and still be equal."""
    return max(LEAST, min(PROBABILITY, TENTH * max(one, other)))


def _answers(what: str, then: Sequence[Said], now: Sequence[Said]) -> Compared:
    """The probabilities; of a class that is told no more, the least that it has lost."""
    least = min(said.probability for said in now)
    later = {said.index: said.probability for said in now}
    found = []
    for said in then:
        after = later.get(said.index, min(said.probability, least))
        by, bound = abs(said.probability - after), within(said.probability, after)
        found.append((by / bound, by, bound, said, after))
    _, by, bound, said, after = max(found, key=lambda entry: entry[0])
    if by <= bound:
        told = f"{_probable(now[0])}, no class {_off(by)}"
    elif then[0].index != now[0].index:
        told = f"{_probable(then[0])} then, {_probable(now[0])} now"
    else:
        at_most = "" if said.index in later else "at most "
        told = f"{_probable(said)} then, {at_most}{percent(after)} now"
    return Compared(what, by, bound, told)


def _probable(said: Said) -> str:
    return f"{said.label} {percent(said.probability)}"


def _maps(then: Explained, now: Explained) -> Iterator[Compared]:
    title = then.title
    one, other = then.grid.astype(float), now.grid.astype(float)
    scale = max(then.scale, now.scale)
    apart = np.abs(one - other) / (scale or 1.0)
    by = float(apart.max())
    order = np.argsort(-apart, axis=None, kind="stable")
    cells = tuple(
        Cell(int(row), int(column), float(one[row, column]), float(other[row, column]))
        for row, column in zip(*np.unravel_index(order, apart.shape), strict=True)
        if apart[row, column] > CELL
    )
    if cells:
        first = "; ".join(
            f"row {cell.row}, column {cell.column} from {cell.then:.4g} to {cell.now:.4g}"
            for cell in cells[:CELLS_SHOWN]
        )
        more = "; …" if len(cells) > CELLS_SHOWN else ""
        told = f"{len(cells)} of {apart.size} cells by up to {by:.1%} of its scale: {first}{more}"
    else:
        told = f"no cell {_off(by)}{' of its scale' if by else ''}"
    yield Compared(title, by, CELL, told, cells)
    for what, was, is_now in (
        ("resolution", then.resolution, now.resolution),
        ("places", then.places, now.places),
        ("samples", then.done, now.done),
        ("a map to be seen", then.blank is None, now.blank is None),
    ):
        if was != is_now:
            yield _counted(f"{title}, {what}", was, is_now)
    if then.surrogate is not None and now.surrogate is not None:
        yield _correlations(f"{title}, R²", [then.surrogate.r2], [now.surrogate.r2])
    if then.notes or now.notes:
        yield _notes(f"{title}, what else was found", " ".join(then.notes), " ".join(now.notes))


def _notes(what: str, then: str, now: str) -> Compared:
    """Sentences: the same words, and each figure within a unit of its last digit, or nearly."""
    told = f"{then or 'nothing'} then, {now or 'nothing'} now"
    if FIGURE.sub("#", then) != FIGURE.sub("#", now):
        return Compared(what, np.inf, COUNT, told)
    pairs = zip(FIGURE.finditer(then), FIGURE.finditer(now), strict=True)
    figures = [(_figure(one[0]), _figure(other[0])) for one, other in pairs]
    largest = max((abs(value) for pair in figures for value, _ in pair), default=0.0)
    found = [
        (abs(one - other), max(unit, finer, NOTE * largest))
        for (one, unit), (other, finer) in figures
    ]
    by, bound = max(found, key=lambda entry: entry[0] / entry[1], default=(0.0, COUNT))
    return Compared(what, by, bound, told if by > bound else f"no figure {_off(by)}")


def _figure(text: str) -> tuple[float, float]:
    """A figure in a sentence, and how far one that differs by a unit of its last digit may lie."""
    plain = text.replace(",", "").replace("−", "-")
    digits, _, power = plain.partition("e")
    unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
    return float(plain), 1.5 * unit


def _curves(then: Curves, now: Curves) -> Iterator[Compared]:
    later = {(line.kind, line.name): line for line in now.curves}
    for line in then.curves:
        what = f"{line.kind.capitalize()} of {line.name}"
        other = later.get((line.kind, line.name))
        if other is None or len(other.areas) != len(line.areas):
            runs = 0 if other is None else len(other.areas)
            yield _counted(f"{what}, orders", len(line.areas), runs)
            continue
        if line.shares != other.shares:
            yield _counted(f"{what}, points", len(line.shares), len(other.shares))
            continue
        yield _points(what, line, other)
        if line.beaten != other.beaten:
            yield _counted(f"{what}, random orders beaten", line.beaten, other.beaten)


def _points(what: str, then: Line, now: Line) -> Compared:
    """A curve point by point, and the area under it: the one that has moved most."""
    area = float(np.abs(np.subtract(then.areas, now.areas)).max())
    areas = f"area {np.mean(then.areas):.3f} then, {np.mean(now.areas):.3f} now"
    one, other = np.array(then.runs), np.array(now.runs)
    apart = np.abs(one - other)
    bounds = np.clip(TENTH * np.maximum(one, other), LEAST, PROBABILITY)
    run, place = np.unravel_index(int((apart / bounds).argmax()), apart.shape)
    by, bound = float(apart[run, place]), float(bounds[run, place])
    if area / AREA > max(1.0, by / bound):
        return Compared(what, area, AREA, areas)
    if by <= bound:
        return Compared(what, by, bound, f"{areas}; no point {_off(by)}")
    count = int((apart > bounds).sum())
    of = f" of order {run + 1}" if len(one) > 1 else ""
    point = f"{percent(one[run, place])} then, {percent(other[run, place])} now"
    hidden = "hidden" if then.kind == "deletion" else "shown"
    told = f"at {then.shares[place]:.0%} {hidden}{of} {point}"
    return Compared(what, by, bound, f"{areas}; {count} of {apart.size} points, {told}")


def _again(then: Sequence[Again], now: Sequence[Again]) -> Iterator[Compared]:
    later = {replace(each, correlations=()): each.correlations for each in now}
    for each in then:
        found = later.get(replace(each, correlations=()))
        if found is not None:
            change = "another seed" if each.change == "seed" else "a little noise"
            yield _correlations(f"{each.title} asked again, {change}", each.correlations, found)


def _forgotten(then: Forgotten, now: Forgotten) -> Iterator[Compared]:
    what = "What copies that forget answer"
    pairs = zip(_answered(then), _answered(now), strict=False)
    if len(_answered(then)) != len(_answered(now)):
        yield _counted(f"{what}, copies", len(_answered(then)), len(_answered(now)))
    else:
        apart = [(abs(one - other), within(one, other)) for one, other in pairs]
        by, bound = max(apart, key=lambda pair: pair[0] / pair[1])
        yield Compared(what, by, bound, f"nothing {_off(by)}")
    later = {each.title: each for each in now.maps}
    for each in then.maps:
        other = later[each.title]
        what = f"{each.title} of copies that forget"
        yield _correlations(what, _all(each), _all(other))
        if each.stayed != other.stayed:
            yield _counted(f"{what}, stayed", each.stayed, other.stayed)


def _answered(forgotten: Forgotten) -> list[float]:
    return [each for stage in forgotten.stages for each in stage.probabilities]


def _all(breaking: Breaking) -> list[float | None]:
    return [*breaking.baseline, *(value for row in breaking.similarities for value in row)]


def _check_ups(then: Checked, now: Checked) -> Iterator[Compared]:
    facts = [
        (each.kind, each.head, each.input, each.rescaling, each.parameters, each.layers, each.fed,
         each.likeliest)
        for each in (then, now)
    ]  # fmt: skip
    if facts[0] == facts[1]:
        yield Compared("The check-up", 0, COUNT, f"fed {now.fed}, {now.parameters:,} weights")
    else:
        yield _counted("The check-up", *facts)
    later = {each.scaling: each for each in now.feedings}
    for each in then.feedings:
        what = f"The check-up, if fed {each.scaling}"
        other = later.get(each.scaling)
        yield _counted(what, "tried", "not tried") if other is None else _fed(what, each, other)


def _fed(what: str, then: Fed, now: Fed) -> Compared:
    """What the network is given under a scaling, how that surprises it, and what it answers."""
    classes = [None if each.answer is None else each.answer.index for each in (then, now)]
    told = [
        f"{'no number' if each.answer is None else _probable(each.answer)}, given "
        f"{each.given[0]:.3g} to {each.given[1]:.3g}, surprise "
        f"{'unknown' if each.surprise is None else f'{each.surprise:.3g}'}"
        for each in (then, now)
    ]
    alike = classes[0] == classes[1] and (then.surprise is None) == (now.surprise is None)
    if not alike or then.usual != now.usual:
        return _counted(what, *told)
    widest = max(abs(end) for each in (then, now) for end in each.given)
    found = [
        (abs(one - other), FED * widest) for one, other in zip(then.given, now.given, strict=True)
    ]
    if then.answer is not None and now.answer is not None:
        one, other = then.answer.probability, now.answer.probability
        found.append((abs(one - other), within(one, other)))
    if then.surprise is not None and now.surprise is not None:
        larger = max(abs(then.surprise), abs(now.surprise))
        found.append((abs(then.surprise - now.surprise), FED * larger))
    by, bound = max(found, key=lambda entry: entry[0] / (entry[1] or 1.0))
    return Compared(what, by, bound, told[1] if by <= bound else f"{told[0]} then, {told[1]} now")


def _correlations(what: str, then: Sequence[float | None], now: Sequence[float | None]) -> Compared:
    """The same figures then and now; one that there is none of is nothing like any other."""
    if len(then) != len(now):
        return _counted(f"{what}, figures", len(then), len(now))
    apart = [
        0.0 if one == other else np.inf if one is None or other is None else abs(one - other)
        for one, other in zip(then, now, strict=True)
    ]
    by = float(max(apart, default=0.0))
    if by <= CORRELATION:
        return Compared(what, by, CORRELATION, f"nothing {_off(by)}")
    place = apart.index(by)
    one, other = ("none" if side is None else f"{side:.2f}" for side in (then[place], now[place]))
    return Compared(what, by, CORRELATION, f"{one} then, {other} now".replace("-", "−"))


def _off(by: float) -> str:
    return f"is off by more than {by:.2g}" if by else "differs"


def _counted(what: str, then: object, now: object) -> Compared:
    return Compared(what, np.inf, COUNT, f"{then} then, {now} now")
