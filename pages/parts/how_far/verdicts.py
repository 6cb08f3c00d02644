"""What the tests say: each with its price, what it has found of every map, and all together.

Few methods stand across, as their maps above, and each test has a row of verdicts under them. Of
many the scoreboard alone tells. Nothing runs unasked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import TRIPTYCH, Explanation
from explainers.metrics.scoreboard import Findings
from pages.parts import cache, long_running, viewport
from pages.parts.frame import Selection, choose
from pages.parts.how_far import method_cards, scoreboard
from pages.parts.table import GAP, NARROWEST
from pages.parts.tried import Work
from pages.parts.words import escaped

WIDTHS = (1, 3)
"""Of what stands at the left of the table, and of the methods, as shares."""
CHOICE = "trust-test"
ON_PHONE, IN_DETAIL = 3, 5
"""So many methods have their verdicts one below the other on a phone; so many stand in the details
of a test together, told apart by their colours."""


@dataclass(frozen=True, eq=False)
class Test:
    """A test as it is set: its work, its price, and how it tells what it has found.

    Parameters
    ----------
    work : Work
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
        Draws what there is of some maps; takes the latest result, whether it is settled, and the
        titles of their methods.
    fills : str
        What of the scoreboard it fills.
    notes : tuple of str
        What can be said before it is run.
    """

    work: Work
    start: Callable[[], Iterator[Any]]
    label: str
    passes: int
    idea: str
    verdicts: Callable[[Any], Mapping[str, str]]
    beside: Callable[[Any], str]
    draw: Callable[[Any, bool, Sequence[str]], None]
    fills: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What a test asks, and how it is set: `ask` draws its settings, and needs a map to test."""

    words: str
    ask: Callable[[Selection, Sequence[Explanation]], Test | None]


@dataclass(frozen=True, eq=False)
class _Row:
    """A test, its run, its places, and whether its verdicts stand there."""

    name: str
    test: Test
    run: cache.Run
    said: Callable[[], DeltaGenerator]
    action: DeltaGenerator
    progress: DeltaGenerator
    verdicts: bool


def side_by_side(methods: int) -> bool:
    """Whether so many maps stand in one line, with their verdicts under them."""
    if viewport.narrow():
        return methods <= ON_PHONE
    left, right = WIDTHS
    room = (viewport.width() - GAP) * right / (left + right)
    return methods * (NARROWEST + GAP) - GAP <= room


def draw(
    selection: Selection,
    explanations: Sequence[Explanation | None],
    questions: Mapping[str, Question],
) -> None:
    """The tests, the scoreboard, one test in detail, a card, and the work that was asked for.

    Parameters
    ----------
    selection : Selection
    explanations : sequence of Explanation or None
        One a method, as they stand above.
    questions : mapping of str to Question
        By the names of the tests.
    """
    shown = [each for each in explanations if each is not None]
    usable = [each for each in shown if not each.blank_reason]
    rows = _lay_out_all(selection, usable, questions)
    _offer_all(st.empty(), selection, rows)
    runs = [row.run for row in rows]
    st.header("Scoreboard", anchor="scoreboard")
    board = long_running.slot(*runs)
    st.header("In detail", anchor="in-detail")
    name = choose("The test to look at", {name: name for name in questions}, CHOICE)
    titles = _choose_maps([each.explainer.title for each in usable])
    looked_at = next((row for row in rows if row.name == name), None)
    if looked_at is not None:
        st.caption(looked_at.test.idea)
        for note in looked_at.test.notes:
            st.markdown(note)
        details = long_running.slot(looked_at.run)
    st.header("What is known of a method", anchor="card")
    by_title = {each.explainer.title: each for each in usable}
    chosen = st.selectbox("Method", list(by_title), key="card", persist_state="session", width=320)
    card = long_running.slot(*runs)

    def report(*, settled: bool) -> None:
        findings = _findings(rows)
        with board():
            missing = [_missing(row, selection) for row in rows if not row.run.finished]
            scoreboard.draw(selection, shown, findings, missing, settled=settled)
        with card():
            method_cards.draw(selection, by_title[chosen], findings)

    waiting = any(run.waiting for run in runs)
    report(settled=not waiting)
    for row in sorted(rows, key=lambda row: row.run.waiting):
        places = [details] if row is looked_at else []
        _follow(row, selection, titles, places, report if row.run.waiting else None)
    if waiting:
        report(settled=True)


def _lay_out_all(
    selection: Selection, usable: Sequence[Explanation], questions: Mapping[str, Question]
) -> list[_Row]:
    """Each test with its verdicts at its right; without these, the tests side by side."""
    beside = side_by_side(len(selection.methods))
    across = [] if beside else st.columns(len(questions))
    rows = []
    for place, (name, question) in enumerate(questions.items()):
        left, right = st.columns(WIDTHS) if beside else (across[place], across[place])
        row = _lay_out(selection, usable, name, question, left, right, verdicts=beside)
        rows += [] if row is None else [row]
    return rows


def _lay_out(
    selection: Selection,
    usable: Sequence[Explanation],
    name: str,
    question: Question,
    left: DeltaGenerator,
    right: DeltaGenerator,
    *,
    verdicts: bool,
) -> _Row | None:
    """What a test asks and its settings at the left, and places for the rest."""
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
        action, progress = st.container(), st.empty()
        run = cache.job(selection.picture.digest, selection.classifier.name, test.work)
        row = _Row(name, test, run, long_running.slot(run), action, progress, verdicts)
    long_running.steer(
        action, run, test.label, test.passes, selection.classifier,
        begin=partial(_look_at, name),
    )  # fmt: skip
    return row


def _choose_maps(titles: list[str]) -> list[str]:
    """Which maps stand in the details of a test: all, or of many those that are wanted."""
    if len(titles) <= IN_DETAIL:
        return titles
    first = [method.title for method in TRIPTYCH if method.title in titles] or titles[:1]
    return st.pills(
        "Maps in detail", titles, selection_mode="multi", default=first,
        key=f"in-detail-{'-'.join(titles)}", wrap=True,
        help="All of them are tested, and stand in the scoreboard.",
    )  # fmt: skip


def _findings(rows: Sequence[_Row]) -> Findings:
    """What all tests have found so far."""
    findings = Findings()
    for row in rows:
        if row.run.latest is not None and not row.run.failure:
            findings = row.test.work.adds(findings, row.run.latest)
    return findings


def _missing(row: _Row, selection: Selection) -> str:
    """What a test would still fill of the scoreboard, and its price."""
    price = long_running.price(_left(row), selection.classifier)
    return f"{row.test.fills} (*{row.name}*: {price})"


def _follow(
    row: _Row,
    selection: Selection,
    titles: Sequence[str],
    details: Sequence[Callable[[], DeltaGenerator]],
    report: Callable[..., None] | None,
) -> None:
    """Do what was asked for, and tell what there is in the row and wherever else it is told."""
    test, run = row.test, row.run

    def tell(latest: Any, settled: bool) -> None:
        with row.said():
            _tell(row, latest, [method.title for method in selection.methods])
        for place in details:
            with place():
                test.draw(latest, settled, titles)
        if report is not None:
            report(settled=False)

    long_running.watch(run, test.start, test.passes, selection.classifier, row.progress, tell)
    if run.finished:
        long_running.over(row.action).empty()
    if run.failure:
        with row.said():
            st.warning(escaped(run.failure), icon=":material/block:")


def _tell(row: _Row, latest: Any, titles: Sequence[str]) -> None:
    """The verdict on each map, under the map; where all are one column, with its name.

    Where the scoreboard alone tells, only what its figures are to be held against.
    """
    verdicts = row.test.verdicts(latest)
    if not verdicts:
        return
    with st.container(gap="xsmall"):
        if row.verdicts:
            for column, title in zip(st.columns(len(titles)), titles, strict=True):
                name = f"**{title}**  \n" if viewport.narrow() else ""
                column.markdown(name + verdicts.get(title, "Not tested"))
        st.caption(row.test.beside(latest))


def _offer_all(place: DeltaGenerator, selection: Selection, rows: Sequence[_Row]) -> None:
    """One button for all that has not run yet, at its price."""
    paused = [row for row in rows if row.run.paused and not row.run.finished]
    if len(paused) < 2:
        return
    many = "all three" if len(paused) == 3 else "both"
    price = long_running.price(sum(map(_left, paused)), selection.classifier)
    place.button(
        f"Run {many}: {price}", icon=":material/playlist_play:", key="start-all",
        on_click=long_running.resume, args=([row.run for row in paused],),
    )  # fmt: skip


def _left(row: _Row) -> int:
    """How many passes a test still takes."""
    return long_running.left(row.run, row.test.passes)


def _look_at(name: str) -> None:
    st.session_state[CHOICE] = name
