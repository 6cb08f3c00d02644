"""All methods against each other on this picture, on screen: a row each, and what it allows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from explainers import Explanation
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import KINDS, RANDOM, RANDOM_ORDERS
from explainers.metrics.randomisation import Spread
from explainers.metrics.scoreboard import Findings, Score, Standing, scores, standing
from explainers.report.files import table_csv
from explainers.report.standings import rule, standing_in_words
from explainers.words import slug
from pages.parts import taking_away
from pages.parts.card import Subject
from pages.parts.frame import PAGES, SURVEY, Selection, carried
from pages.parts.words import MARKDOWN

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
        st.markdown(standing_in_words(each, findings.curves(each.kind), MARKDOWN))
    if standings:
        st.caption(rule(standings, findings.curves("deletion")[RANDOM]))
    note = st.empty()
    if missing:
        note.caption(f"Still empty: {'; '.join(missing)}.")
    line = st.container(horizontal=True, vertical_alignment="center")
    with line:
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
            place = taking_away.together(line)
            taking_away.offer(place, Subject.of(selection), explanations, selection.style)


def _found(rows: Sequence[Score], standings: Sequence[Standing]) -> str:
    """What the table shows, for those who do not see it."""
    maps = [row for row in rows if row.passes is not None]
    cheapest = min(maps, key=lambda row: row.passes or 0)
    said = [f"Scoreboard of {len(maps)} maps beside a {BLOB} and random orders"]
    said += [
        f"{each.kind} {BEST[each.kind]} for {each.best}, {each.area:.3f}" for each in standings
    ]
    return "; ".join((*said, f"fewest passes for {cheapest.name}, {cheapest.passes}"))
