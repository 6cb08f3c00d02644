"""The view to present: no sidebar, no settings; all on one screen, or told in five steps.

Its link carries what that of Compare does, and ``view=present``; ``step=3`` opens it at a step.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explanation
from explainers.report import telling
from pages.parts import viewport
from pages.parts.card import Subject
from pages.parts.compare import answer, summary
from pages.parts.frame import Choice, Selection, unframed
from pages.parts.table import strip
from pages.parts.words import escaped

VIEW = "present"
SMALL, MIDDLE, LARGE, WHOLE = 230, 380, 560, 860
"""Heights in pixels, of the picture beside the answer, of a map on the screen that shows all, of a
map above words, and of the picture alone: they fill a window of 1,920 by 1,080."""
NARROWEST = 180
"""A quarter of what stands above the maps, in pixels."""
PAPER = 1200
WIDE = r"$\phantom{\rule{62em}{1pt}}$"
"""A line of that many pixels that nobody sees. A browser shrinks what it prints until it is as wide
as the paper, and so the screen becomes a page."""
LINK = re.compile(r"(?<!\\)\[([^]]*)\]\(#[\w-]+\)")
"""A link to what stands on Compare, and not here."""
MOMENT = 0.1
"""Seconds until a browser asks for the next run."""


def wanted() -> bool:
    """Whether the address asks for this view."""
    return st.query_params.get("view") == VIEW


def offer() -> None:
    """The button that leads here."""
    st.button(
        "Present", icon=":material/slideshow:", key="present", on_click=_enter,
        help="Without sidebar and settings: on one screen or one printed page, or step by step. "
        "Its address can be shared.",
    )  # fmt: skip


def draw() -> None:
    """All on one screen, or the step that the address names."""
    choice = unframed("Present")
    if st.session_state.get("curtain"):
        _clear_the_stage()
        return
    step = _step()
    if step:
        title = list(STEPS)[step - 1]
        with _headed(step):
            st.title(title, anchor=False)
            st.caption(f"{step} of {len(STEPS)} · {escaped(choice.picture.title)}")
        STEPS[title](choice)
    else:
        _draw_all(choice)


def _draw_all(choice: Choice) -> None:
    top = st.grid(4, min_column_width=NARROWEST)  # columns with pictures print stacked
    seen, said, others = (top.cell(column_span=1 if viewport.narrow() else n) for n in (1, 2, 1))
    with seen:
        _draw_picture(choice, SMALL)
    with others:
        _draw_buttons(0)
        ranking = st.container()
    with said:
        selection = choice.answered()
        answer.draw_question(selection)
        answer.draw_answer(selection)
    with ranking:
        answer.draw_ranking(selection, row_height=28)
    told = _told(selection, _draw_maps(selection, MIDDLE))
    for question in (telling.ANSWER, telling.CAUTIONS):
        if question in told:
            said.caption(_in_one(told, [question]))
    rest = [question for question in told if question not in (telling.ANSWER, telling.CAUTIONS)]
    if rest:
        for column, question in zip(
            st.columns(len(rest), wrap=viewport.narrow()), rest, strict=True
        ):
            column.caption(_in_one(told, [question]))
    if viewport.width() >= PAPER:
        st.markdown(WIDE)


def _draw_the_picture(choice: Choice) -> None:
    with st.container(horizontal=True, horizontal_alignment="center"):
        _draw_picture(choice, WHOLE)


def _draw_the_answer(choice: Choice) -> None:
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        _draw_picture(choice, LARGE)
    with right:
        selection = choice.answered()
        label = selection.prediction[selection.target.index].label
        st.header(escaped(label), anchor=False)
        answer.draw_answer(selection)
        answer.draw_ranking(selection, row_height=60)


def _maps_and(*questions: str) -> Callable[[Choice], None]:
    """A step that shows the maps, and below them what there is to say to some questions."""

    def draw(choice: Choice) -> None:
        selection = choice.answered()
        told = _told(selection, _draw_maps(selection, LARGE))
        st.markdown(_in_one(told, [question for question in questions if question in told]))

    return draw


STEPS: dict[str, Callable[[Choice], None]] = {
    "The picture": _draw_the_picture,
    "What the network says": _draw_the_answer,
    "Where each method looked": _maps_and(telling.PLACES),
    "Whether they agree": _maps_and(telling.AGREEMENT),
    "Whether it matters": _maps_and(telling.HIDING, telling.CAUTIONS),
}


def _draw_picture(choice: Choice, tallest: int) -> None:
    """The picture in its own proportions, no taller than that."""
    picture = choice.picture
    st.image(
        picture.image, alt=f"The picture: {picture.title}", width=round(tallest / picture.aspect)
    )


def _draw_maps(selection: Selection, tallest: int) -> list[Explanation | None]:
    return strip(
        Subject.of(selection), selection.methods, selection.style, height=tallest, bare=True
    )


def _told(selection: Selection, explained: Sequence[Explanation | None]) -> dict[str, str]:
    """What there is to say under its question, without links to what is not here."""
    return {
        question: LINK.sub(r"\1", text)
        for question, text in summary.in_words(selection, explained).items()
    }


def _in_one(told: Mapping[str, str], questions: Iterable[str]) -> str:
    return "\n\n".join(f"**{question}** · {told[question]}" for question in questions)


def _headed(step: int) -> DeltaGenerator:
    """Where the title of a step stands, beside the buttons."""
    heading, buttons = st.columns([3, 2], vertical_alignment="center")
    with buttons:
        _draw_buttons(step)
    return heading


def _draw_buttons(step: int) -> None:
    """The way back to Compare, and to the step before and after; the last leads to the first."""
    count = len(STEPS) + 1
    with st.container(horizontal=True, horizontal_alignment="right", gap="xxsmall"):
        for label, icon, key, action, to in (
            ("Compare", "arrow_back", "Esc", _leave, ()),
            ("Back", "chevron_left", "Left", _go, ((step - 1) % count,)),
            ("Next", "chevron_right", "Right", _go, ((step + 1) % count,)),
        ):
            st.button(
                label, icon=f":material/{icon}:", key=f"present-{label}", type="tertiary",
                shortcut=key, on_click=action, args=to,
            )  # fmt: skip


def _step() -> int:
    """The step in the address, from 1; 0 for all on one screen."""
    named = st.query_params.get("step", "")
    return int(named) if named in map(str, range(1, len(STEPS) + 1)) else 0


def _go(step: int) -> None:
    if step:
        st.query_params["step"] = str(step)
    else:
        st.query_params.pop("step", None)


def _enter() -> None:
    st.query_params["view"] = VIEW
    st.session_state.curtain = 2


def _leave() -> None:
    _go(0)
    st.query_params.pop("view", None)


@st.fragment(run_every=MOMENT)
def _clear_the_stage() -> None:
    """Draw nothing, twice, and then the view.

    Streamlit takes what a run does not draw off the screen when the run ends, and an empty sidebar
    when the next one does. The maps of this view may take long, and should not stand beside it.
    """
    left = st.session_state.curtain - 1
    if left < 0:  # the browser's clock may ring once more after the view is there
        return
    st.session_state.curtain = left
    if not left:
        st.rerun()
