"""What the tests say, in one table: a test in each row, the methods across as their maps above.

A row says what a test has found, or what it would cost. Nothing runs unasked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explanation
from pages.parts import cache, long_running
from pages.parts.frame import Selection, choose
from pages.parts.viewport import narrow
from pages.parts.words import escaped

WIDTHS = (1, 3)
"""Of what stands at the left of the table, and of the methods, as shares."""
CHOICE = "trust-test"


@dataclass(frozen=True, eq=False)
class Test:
    """A test as it is set: its work, its price, and how it tells what it has found.

    Parameters
    ----------
    run : Run
    start : callable
        Begins the work.
    label : str
        What the button says that starts it.
    passes : int
        Forward passes that all of it takes, or is worth.
    idea : str
        Why it is a test, in a sentence or two.
    verdicts : callable
        From what there is: by the titles of the methods, what it says of each map, with figures.
    beside : callable
        From what there is: what these figures are to be held against, and how many tries there
        were.
    draw : callable
        Draws all there is; takes the latest result, and whether it is settled.
    notes : tuple of str
        What can be said before it is run.
    """

    run: cache.Run
    start: Callable[[], Iterator[Any]]
    label: str
    passes: int
    idea: str
    verdicts: Callable[[Any], Mapping[str, str]]
    beside: Callable[[Any], str]
    draw: Callable[[Any, bool], None]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What a test asks, and how it is set: `ask` draws its settings, and needs a map to test."""

    words: str
    ask: Callable[[Selection, Sequence[Explanation]], Test | None]


@dataclass(frozen=True, eq=False)
class _Row:
    """The places of a test in the table."""

    name: str
    test: Test
    said: Callable[[], DeltaGenerator]
    action: DeltaGenerator
    progress: DeltaGenerator


def draw(
    selection: Selection,
    explanations: Sequence[Explanation | None],
    questions: Mapping[str, Question],
) -> None:
    """The table, the details of one test below, and the work that was asked for.

    Parameters
    ----------
    selection : Selection
    explanations : sequence of Explanation or None
        One a method, as they stand above the table.
    questions : mapping of str to Question
        By the names of the tests.
    """
    usable = [each for each in explanations if each is not None and not each.blank_reason]
    rows = [
        row
        for name, question in questions.items()
        if (row := _lay_out(selection, usable, name, question)) is not None
    ]
    _offer_all(st.empty(), selection, rows)
    st.header("In detail", anchor="in-detail")
    name = choose("The test to look at", {name: name for name in questions}, CHOICE)
    looked_at = next((row for row in rows if row.name == name), None)
    if looked_at is not None:
        st.caption(looked_at.test.idea)
        for note in looked_at.test.notes:
            st.markdown(note)
        details = long_running.slot(looked_at.test.run)
    for row in sorted(rows, key=lambda row: row.test.run.waiting):
        _follow(row, selection, details if row is looked_at else None)


def _lay_out(
    selection: Selection, usable: Sequence[Explanation], name: str, question: Question
) -> _Row | None:
    """What a test asks and its settings at the left, and places for the rest."""
    left, right = st.columns(WIDTHS)
    with left, st.container(gap="xsmall"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(f"**{name}**", width="content")
            settings = st.popover("Settings", icon=":material/tune:", type="tertiary")
        st.caption(question.words)
    with settings:
        test = question.ask(selection, usable)
    with right:
        if test is None:
            st.info("Choose a map to test.", icon=":material/info:")
            return None
        action, progress = st.empty(), st.empty()
        row = _Row(name, test, long_running.slot(test.run), action, progress)
    long_running.steer(
        action, test.run, test.label, test.passes, selection.classifier,
        begin=partial(_look_at, name),
    )  # fmt: skip
    return row


def _follow(row: _Row, selection: Selection, details: Callable[[], DeltaGenerator] | None) -> None:
    """Do what was asked for, and tell what there is in the row and, if it is looked at, below."""
    test = row.test

    def tell(latest: Any, settled: bool) -> None:
        with row.said():
            _tell(test, latest, [method.title for method in selection.methods])
        if details is not None:
            with details():
                test.draw(latest, settled)

    long_running.watch(test.run, test.start, test.passes, selection.classifier, row.progress, tell)
    if test.run.finished:
        row.action.empty()
    if test.run.failure:
        with row.said():
            st.warning(escaped(test.run.failure), icon=":material/block:")


def _tell(test: Test, latest: Any, titles: Sequence[str]) -> None:
    """The verdict on each map, under the map; where all are one column, with its name."""
    verdicts = test.verdicts(latest)
    if not verdicts:
        return
    with st.container(gap="xsmall"):
        for column, title in zip(st.columns(len(titles)), titles, strict=True):
            name = f"**{title}**  \n" if narrow() else ""
            column.markdown(name + verdicts.get(title, "Not tested"))
        st.caption(test.beside(latest))


def _offer_all(place: DeltaGenerator, selection: Selection, rows: Sequence[_Row]) -> None:
    """One button for all that has not run yet, at its price."""
    tests = [row.test for row in rows if row.test.run.paused and not row.test.run.finished]
    if len(tests) < 2:
        return
    many = "all three" if len(tests) == 3 else "both"
    passes = sum(long_running.left(test.run, test.passes) for test in tests)
    price = long_running.price(passes, selection.classifier)
    place.button(
        f"Run {many}: {price}", icon=":material/playlist_play:", key="start-all",
        on_click=_start, args=([test.run for test in tests],),
    )  # fmt: skip


def _start(runs: Sequence[cache.Run]) -> None:
    for run in runs:
        run.paused = False


def _look_at(name: str) -> None:
    st.session_state[CHOICE] = name
