"""How far the areas of deletion and insertion put some maps in an order, in words."""

from collections.abc import Mapping, Sequence

from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, Curve, beaten
from explainers.metrics.scoreboard import ONCE_IN, Standing
from explainers.report.telling import Marks
from explainers.words import enumerated, number


def standing_in_words(each: Standing, found: Mapping[str, Curve], marks: Marks) -> str:
    """Which map does best, what is too close to it to be ranked, and what chance would do."""
    kind, random = marks.strong(each.kind.capitalize()), found[RANDOM]
    if len({area for curve in found.values() for area in curve.areas}) == 1:
        return f"{kind}: all orders do the same, {_area(random.area)}; it tells no map from chance."
    maps = [curve for name, curve in found.items() if name not in (BLOB, RANDOM)]
    said = [f"{kind}: {marks.name(each.best)} does best, with {_area(each.area)}."]
    if each.close:
        close = marks.name(_close(each, [curve.name for curve in maps]))
        said.append(f"{close} too close to it to be ranked.")
    if each.lead < -each.least:
        said.append(f"A {BLOB}, which has not seen the picture, does better.")
    elif each.lead <= each.least:
        said.append(f"A {BLOB}, which has not seen the picture, is as close.")
    runs = len(random.runs)
    best = sum(beaten(curve, random) == runs for curve in maps)
    said.append(
        f"Better than all {runs} random orders: {best} of {len(maps)}; of as many maps that know "
        f"nothing, {len(maps) / (runs + 1):.2g} would be on average."
    )
    return " ".join(said)


def _area(value: float) -> str:
    """Three decimals; of a class that hardly shows, three digits."""
    return f"{value:.3f}" if value >= 0.001 or not value else number(value)


def _close(each: Standing, maps: Sequence[str]) -> str:
    """Which maps are close to the best one, in the fewest names."""
    others = [name for name in maps if name != each.best and name not in each.close]
    if len(each.close) > 2 and len(others) < len(each.close):
        return f"All others but {enumerated(others)} are" if others else "All others are"
    return f"{enumerated(each.close)} {'is' if len(each.close) == 1 else 'are'}"


def rule(standings: Sequence[Standing], random: Curve) -> str:
    """What the random orders give, and from which difference on two maps are ranked."""
    least, pairs = standings[0].least, standings[0].pairs
    runs = len(random.runs)
    said = [
        f"{runs} random orders have areas of {_area(random.area)} ± {_area(random.spread)}. No two "
        f"of them differ by more than {_area(least)}, and two others would less than once in "
        f"{ONCE_IN} times; so maps that are closer are not to be ranked."
    ]
    if pairs:
        apart = " and ".join(f"{each.apart} ({each.kind})" for each in standings)
        said.append(
            f"Of {pairs} pairs of maps, {apart} differ by more; of as many that know nothing, "
            f"fewer than {pairs / ONCE_IN:.2g} would on average."
        )
    return " ".join(said)
