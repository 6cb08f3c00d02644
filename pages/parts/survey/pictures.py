"""The pictures of a survey: a page of them with their maps, and the rows behind, as asked for."""

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explainers.classifiers.labels import is_index
from explainers.images.colouring import Style
from explainers.survey import questions, rows
from explainers.survey.originals import original
from explainers.survey.questions import ORDERS, Page, Question
from explainers.survey.survey import SurveyError, method_named
from explainers.survey.table import Stored, prefix
from explainers.words import legible, number, percent, rounded
from pages.parts import cache
from pages.parts.frame import OF_SURVEY
from pages.parts.survey import taking_away
from pages.parts.survey.opening import open_picture
from pages.parts.survey.tiles import tile
from pages.parts.words import escaped

A_PAGE = 24
NARROWEST = 150
FAILED, RIGHT, WRONG = "Failed", "Right", "Wrong"
WORST, RANDOM = "Looked at closer: worst", "Looked at closer: random"
ONLY: dict[str, dict[str, Any]] = {
    RIGHT: {"correct": True},
    WRONG: {"correct": False},
    FAILED: {"failed": True},
    WORST: {"chosen": "worst"},
    RANDOM: {"chosen": "random"},
}
FILTERS = ("answer", "label", "only", "column")
FIRST = ("label", "answer", "probability", "correct", "margin", "agreement", "chosen")
"""Columns of the table that are read before others."""
OPENED_AS = ("Answer", "Label")


def draw(name: str, stored: Stored, style: Style) -> None:
    """Draw what is asked for, and what is found."""
    question = _ask(stored)
    linked = st.query_params.get("sheet", "")
    asked = st.session_state.get("sheet") or (int(linked) if is_index(linked) else 1)
    found = _found(stored, question, max(1, asked))
    with st.container(horizontal=True, vertical_alignment="center"):
        said = st.container(width="content")
        sheet = _turn(math.ceil(found.total / A_PAGE))
        if sheet != max(1, asked):
            found = _found(stored, question, sheet)
        said.markdown(_tell(found, question, sheet))
        as_label = _choose_class(found)
    st.session_state.survey_link = link(name, sheet)
    if not found.rows:
        st.info("No picture fits. Take a filter away.", icon=":material/filter_alt_off:")
        return
    _draw_tiles(name, stored, question, found, style, as_label=as_label)
    _draw_rows(stored, question, found)
    taking_away.offer(name, stored, question, found, style)


def link(name: str, sheet: int = 1) -> dict[str, str]:
    """What an address carries that opens this survey as it is looked at."""
    told = {key: st.session_state.get(key) for key in OF_SURVEY}
    plain = {
        key: str(value)
        for key, value in told.items()
        if value not in (None, "", False) and (key, value) != ("show", "Overview")
    }
    return plain | {"survey": name} | ({"sheet": str(sheet)} if sheet > 1 else {})


def _found(stored: Stored, question: Question, sheet: int) -> Page:
    """A page of rows; asked once as long as the files stay."""
    method = question.method or stored.methods[0]
    return cache.surveyed(
        stored,
        f"{question} {sheet}",
        lambda: questions.page(stored, question, (sheet - 1) * A_PAGE, A_PAGE, (method,)),
    )


def _turn(pages: int) -> int:
    """Which page is looked at, of as many as there are."""
    if pages < 2:
        return 1
    if st.session_state.get("sheet", 1) > pages:
        st.session_state.sheet = pages
    return st.pagination(pages, key="sheet", bind="query-params")


def _first_page() -> None:
    st.session_state.sheet = 1


def _ask(stored: Stored) -> Question:
    """The order and the filters, in controls that the address bar carries."""
    shared: dict[str, Any] = {"bind": "query-params", "on_change": _first_page}
    titles = {method_named(name).title: name for name in (*stored.methods, *stored.closer)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.container(width=250)
        title = st.selectbox(
            "Map", list(titles), key="map", width=190,
            help="The method whose maps are shown, and whose figures *Off the centre*, *Hottest at "
            "the border* and *Worse than random* sort by.", **shared,
        )  # fmt: skip
        method = titles[title]
        named = cache.surveyed(
            stored, f"orders {method}", lambda: questions.orders_of(stored, method)
        )
        columns = cache.surveyed(stored, "sortable", lambda: questions.sortable(stored))
        with by:
            order = st.selectbox(
                "Sort by", [*named, *columns], key="sort", help=_meanings(), **shared
            )
        descending = order not in named and st.toggle("Largest first", key="descending", **shared)
        text = st.text_input(
            "In the path", key="find", icon=":material/search:", width=190, **shared
        )
        count = sum(st.session_state.get(name) is not None for name in FILTERS)
        filtered = f"Filter · {count}" if count else "Filter"
        with st.popover(filtered, icon=":material/filter_alt:", width="content", key="filter"):
            filters = _filter(stored, shared)
    return Question(order, bool(descending), method, text=text or "", **filters)


def _meanings() -> str:
    return "  \n".join(f"*{name}*: {order.meaning}" for name, order in ORDERS.items())


def _filter(stored: Stored, shared: dict[str, Any]) -> dict[str, Any]:
    """What else the rows have to be."""
    chosen: dict[str, Any] = {
        "answer": _choose_value(stored, "answer", "Called", shared),
        "label": _choose_value(stored, "label", "Truly shows", shared),
    }
    only = st.selectbox("Only", list(ONLY), None, key="only", placeholder="All", **shared)
    if only is not None:
        chosen |= ONLY[only]
    columns = cache.surveyed(stored, "measured", lambda: questions.measured(stored))
    column = st.selectbox(
        "Where", columns, None, key="column", placeholder="A column of numbers", **shared
    )
    if column is not None:
        with st.container(horizontal=True):
            least = st.number_input("is at least", value=None, key="least", **shared)
            most = st.number_input("and at most", value=None, key="most", **shared)
        chosen["between"] = ((column, least, most),)
    return chosen


def _choose_value(stored: Stored, column: str, title: str, shared: dict[str, Any]) -> str | None:
    """One of the values of a column, if it has any."""
    values = cache.surveyed(stored, f"counted {column}", lambda: questions.counted(stored, column))
    if not values:
        return None
    names = [value for value, _ in values]
    return st.selectbox(title, names, None, key=column, placeholder="Any", **shared)


def _tell(found: Page, question: Question, sheet: int) -> str:
    """How many there are, and which of them are shown."""
    first = (sheet - 1) * A_PAGE
    if not found.rows:
        return "**No picture**"
    last = first + len(found.rows)
    shown = "" if last == found.total and not first else f", {first + 1:,} to {last:,} here"
    meaning = ORDERS[question.order].meaning if question.order in ORDERS else ""
    plural = "" if found.total == 1 else "s"
    return f"**{found.total:,} picture{plural}**{shown}. {meaning}"


def _choose_class(found: Page) -> bool:
    """Whether a picture is opened with its label as the class."""
    if not any(row["label_index"] is not None for row in found.rows):
        return False
    chosen = st.segmented_control(
        "Open with its", OPENED_AS, default=OPENED_AS[0], required=True, key="open-as",
        persist_state="session", label_visibility="collapsed",
        format_func=lambda kind: f"Open with its {kind.lower()}",
    )  # fmt: skip
    return chosen == OPENED_AS[1]


def _draw_tiles(
    name: str, stored: Stored, question: Question, found: Page, style: Style, *, as_label: bool
) -> None:
    """A grid of the pictures with their maps; the name below each opens it in Compare."""
    method = question.method or stored.methods[0]
    column = f"{prefix(method)}_matrix"
    matrices = [row[column] for row in found.rows if row[column] is not None]
    signed = any(matrix.min() < 0 for matrix in matrices)
    opened = None
    with st.grid(min_column_width=NARROWEST, vertical_alignment="bottom", gap="small"):
        for place, row in enumerate(found.rows):
            with st.container(gap="xxsmall"):
                whole = _draw_tile(stored, question, row, method, style, signed=signed)
                if st.button(
                    _named(row), key=f"open-{place}", type="tertiary",
                    disabled=not whole, help=f"{escaped(row['path'])}: open in Compare",
                ):  # fmt: skip
                    opened = row
    if opened is not None:
        index = opened["label_index"] if as_label else None
        try:
            open_picture(name, stored, opened, opened["answer_index"] if index is None else index)
        except SurveyError as reason:
            st.error(escaped(str(reason)), icon=":material/broken_image:")


def _draw_tile(
    stored: Stored,
    question: Question,
    row: Mapping[str, Any],
    method: str,
    style: Style,
    *,
    signed: bool,
) -> bool:
    """One picture with its map, and what it is sorted by; whether there is a picture."""
    own = prefix(method)
    matrix = row[f"{own}_matrix"]
    try:
        if row["error"]:
            raise SurveyError(row["error"])
        drawn = cache.tile(
            row["digest"],
            f"{stored.folder} {method} {style} {signed}",
            lambda: tile(original(stored, row), matrix, style, signed=signed),
        )
    except SurveyError as reason:
        st.caption(f":material/broken_image: {escaped(str(reason))}")
        return False
    where = "no map" if matrix is None else row[f"{own}_blank"] or (
        f"{method_named(method).title} hottest in row {row[f'{own}_row']}, column "
        f"{row[f'{own}_column']}"
    )  # fmt: skip
    sorted_by = _sorted_by(question, row, own)
    st.image(
        drawn,
        width="stretch",
        output_format="JPEG",
        alt=legible(f"{row['path']}: {_answered(row)}; {where}; {sorted_by}"),
    )
    st.caption(sorted_by)
    return True


def _named(row: Mapping[str, Any]) -> str:
    """What it is called, and whether that is wrong, on the button below."""
    if row["error"]:
        return "Failed"
    wrong = ":material/close: " if row["correct"] is False else ""
    return f"{wrong}{escaped(row['answer'])} {percent(row['probability'])}"


def _answered(row: Mapping[str, Any]) -> str:
    said = f"{row['answer']} {percent(row['probability'])}"
    if row["correct"] is False:
        said += f", truly {row['label']}"
    return said


def _sorted_by(question: Question, row: Mapping[str, Any], own: str) -> str:
    """The figure by which it has its place."""
    order = question.order
    if order == "Off the centre":
        centre = row[f"{own}_centre_row"], row[f"{own}_centre_column"]
        return f"centre at row {centre[0]:.1f}, column {centre[1]:.1f}"
    if order == "Wrong":
        return f"truly {escaped(row['label'])}"
    column = ORDERS[order].by.format(method=own) if order in ORDERS else order
    value = row[column]
    said = escaped(str(value))
    if isinstance(value, float):
        said = rounded(value) if abs(value) < 10 else number(value)
    return f"{escaped(column.removeprefix(own + '_').replace('_', ' '))} {said}"


def _draw_rows(stored: Stored, question: Question, found: Page) -> None:
    """The same rows with every column that has something in it, what they are sorted by first."""
    meanings = cache.surveyed(stored, "columns", lambda: rows.columns_of(stored))
    columns = {
        name: [row[name] for row in found.rows]
        for name in meanings
        if not name.endswith("_matrix") and any(row[name] is not None for row in found.rows)
    }
    first, last = found.rows[0], found.rows[-1]
    st.dataframe(
        columns,
        hide_index=True,
        height=min(320, 35 * (len(found.rows) + 1) + 3),
        column_order=list(dict.fromkeys(["path", question.order, *FIRST, *columns])),
        column_config={
            name: st.column_config.Column(
                help=meanings[name][1],
                pinned=name == "path",
                width="small" if name in ("digest", "top_labels", "top_probabilities") else None,
            )
            for name in columns
        },
        alt=f"{len(found.rows)} rows of {found.total:,} with {len(columns)} columns, from "
        f"{first['path']} to {last['path']}",
    )
