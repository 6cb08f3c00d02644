"""All methods against each other on this picture, on screen: a row each, and what it allows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from explainers import Explanation
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import KINDS, RANDOM, RANDOM_ORDERS, Curve, beaten
from explainers.metrics.randomisation import Spread
from explainers.metrics.scoreboard import ONCE_IN, Findings, Score, Standing, scores, standing
from explainers.report.files import table_csv
from pages.parts.frame import PAGES, SURVEY, Selection, carried
from pages.parts.words import enumerated, slug

NAMES = {BLOB: BLOB.capitalize(), RANDOM: "Random orders, mean"}
BEST = {"deletion": "lowest", "insertion": "highest"}
LOWER, HIGHER = "Lower is better.", "Higher is better."


@dataclass(frozen=True)
class Column:
    """A column: its name, what it is and from how many tries, and how its numbers are written."""

    name: str
    help: str
    of: Callable[[Score], float | None]
    format: str = "%d"
    label: str | None = None


def _median(spread: Spread | None) -> float | None:
    return None if spread is None else spread.median


def _columns(rows: Sequence[Score]) -> tuple[Column, ...]:
    """What is told of each row, with the numbers of tries where they are known."""
    noise, seed, copies = (
        _tries(spread for row in rows if (spread := found(row)) is not None)
        for found in (lambda row: row.noise, lambda row: row.seed, lambda row: row.forgotten)
    )
    beats = f"How many of {RANDOM_ORDERS} random orders it does better than. {HIGHER}"
    again = "Median rank correlation of {} pairs of maps, -1 to 1."
    return (
        Column(
            "Deletion", "Test it: area under the probability while the picture is hidden, the "
            f"hottest first, 0 to 1. One order a map. {LOWER}",
            lambda row: row.deletion, "%.3f",
        ),
        Column(
            "Deletion: random orders beaten", beats, lambda row: row.deletion_beaten,
            label="beats",
        ),
        Column(
            "Insertion", "Test it: area under the probability while the picture is shown, the "
            f"hottest first, 0 to 1. One order a map. {HIGHER}",
            lambda row: row.insertion, "%.3f",
        ),
        Column(
            "Insertion: random orders beaten", beats, lambda row: row.insertion_beaten,
            label="beats",
        ),
        Column(
            "Noise", "Ask again: a little noise on the picture. "
            f"{again.format(noise)} {HIGHER}",
            lambda row: _median(row.noise), "%.2f",
        ),
        Column(
            "Seed", f"Ask again: other seeds. {again.format(seed)} {HIGHER} Empty where nothing is "
            "drawn.",
            lambda row: _median(row.seed), "%.2f",
        ),
        Column(
            "Forgotten", "Break the network: median rank correlation with the maps of "
            f"{copies} copies that have forgotten all. {LOWER}",
            lambda row: _median(row.forgotten), "%.2f",
        ),
        Column(
            "Forgotten: copies stayed",
            f"Break the network: in how many of {copies} copies the map stayed as similar as maps "
            f"of other pictures are. {LOWER}",
            lambda row: row.stayed, label="stayed",
        ),
        Column(
            "Places", "How many places the map tells apart: cells of its own grid, rows times "
            "columns, or superpixels. More is finer.",
            lambda row: row.places, "localized",
        ),
        Column(
            "Passes", f"Through the network; a backward one counts as two. {LOWER}",
            lambda row: row.passes, "localized",
        ),
        Column(
            "Seconds", "What the map took here, once; the first of a network takes longer. Methods "
            f"that read the same observation share it. {LOWER}",
            lambda row: row.seconds, "%.2f",
        ),
    )  # fmt: skip


def _tries(spreads: Iterable[Spread]) -> str:
    """Of how many values the medians are, in words."""
    return " to ".join(str(count) for count in sorted({each.count for each in spreads})) or "all"


def draw(
    selection: Selection,
    explanations: Sequence[Explanation],
    findings: Findings,
    missing: Sequence[str],
    *,
    settled: bool,
) -> None:
    """The table, what it allows to be said, and what would fill it.

    Parameters
    ----------
    selection : Selection
    explanations : sequence of Explanation
        One a method.
    findings : Findings
        What the tests have found of them so far.
    missing : sequence of str
        What is still empty, with the test that fills it and its price.
    settled : bool
        Whether no other table will follow at once, so that it can be taken away.
    """
    rows = scores(explanations, selection.classifier, findings)
    columns = _columns(rows)
    names = [NAMES.get(row.name, row.name) for row in rows]
    standings = [each for kind in KINDS if (each := standing(findings, kind)) is not None]
    st.dataframe(
        {"Method": names, **{each.name: [each.of(row) for row in rows] for each in columns}},
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "Method": st.column_config.TextColumn(pinned=True),
            **{
                each.name: st.column_config.NumberColumn(
                    each.label, help=each.help, format=each.format
                )
                for each in columns
            },
        },
        alt=_found(rows, standings),
    )
    for each in standings:
        st.markdown(_told(each, findings.curves(each.kind)))
    if standings:
        st.caption(_rule(standings, findings.curves("deletion")[RANDOM]))
    note = st.empty()
    if missing:
        note.caption(f"Still empty: {'; '.join(missing)}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            SURVEY, label="One picture ranks no methods; a survey can", width="content",
            icon=PAGES[SURVEY][1], query_params=carried(),
        )  # fmt: skip
        if settled:
            header = ["Method", *(each.name for each in columns)]
            values = [
                [name, *(each.of(row) for each in columns)]
                for name, row in zip(names, rows, strict=True)
            ]
            st.download_button(
                "CSV", lambda: table_csv([header, *values]),
                f"triptych-{slug(selection.picture.title)}-scoreboard.csv", "text/csv",
                icon=":material/download:", type="tertiary", key="scoreboard", on_click="ignore",
            )  # fmt: skip


def _told(each: Standing, found: Mapping[str, Curve]) -> str:
    """Which map does best, what is too close to it to be ranked, and what chance would do."""
    kind, random = each.kind.capitalize(), found[RANDOM]
    if len({round(curve.area, 3) for curve in found.values()}) == 1:
        return (
            f"**{kind}**: all orders do the same, {random.area:.3f}; it tells no map from chance."
        )
    maps = [curve for name, curve in found.items() if name not in (BLOB, RANDOM)]
    said = [f"**{kind}**: {each.best} does best, with {each.area:.3f}."]
    if each.close:
        said.append(f"{_close(each, [curve.name for curve in maps])} too close to it to be ranked.")
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


def _close(each: Standing, maps: Sequence[str]) -> str:
    """Which maps are close to the best one, in the fewest names."""
    others = [name for name in maps if name != each.best and name not in each.close]
    if len(each.close) > 2 and len(others) < len(each.close):
        return f"All others but {enumerated(others)} are" if others else "All others are"
    return f"{enumerated(each.close)} {'is' if len(each.close) == 1 else 'are'}"


def _rule(standings: Sequence[Standing], random: Curve) -> str:
    """What the random orders give, and from which difference on two maps are ranked."""
    least, pairs = standings[0].least, standings[0].pairs
    runs = len(random.runs)
    said = [
        f"{runs} random orders have areas of {random.area:.3f} ± {random.spread:.3f}. No two of "
        f"them differ by more than {least:.3f}, and two others would less than once in {ONCE_IN} "
        "times; so maps that are closer are not to be ranked."
    ]
    if pairs:
        apart = " and ".join(f"{each.apart} ({each.kind})" for each in standings)
        said.append(
            f"Of {pairs} pairs of maps, {apart} differ by more; of as many that know nothing, "
            f"fewer than {pairs / ONCE_IN:.2g} would on average."
        )
    return " ".join(said)


def _found(rows: Sequence[Score], standings: Sequence[Standing]) -> str:
    """What the table shows, for those who do not see it."""
    maps = [row for row in rows if row.passes is not None]
    cheapest = min(maps, key=lambda row: row.passes or 0)
    said = [f"Scoreboard of {len(maps)} maps beside a {BLOB} and random orders"]
    said += [
        f"{each.kind} {BEST[each.kind]} for {each.best}, {each.area:.3f}" for each in standings
    ]
    return "; ".join((*said, f"fewest passes for {cheapest.name}, {cheapest.passes}"))
