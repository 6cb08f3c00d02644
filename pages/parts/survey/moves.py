"""Two surveys of the same pictures: what moved most, side by side, and answers that changed."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from explainers.images.colouring import Style
from explainers.survey.moves import MEASURES, Floor, Moves, compare, differences, matrices
from explainers.survey.originals import original
from explainers.survey.survey import SurveyError, method_named
from explainers.survey.table import Stored, prefix
from explainers.words import legible, percent, rounded
from pages.parts import cache
from pages.parts.survey import choosing
from pages.parts.survey.one_of import one_of
from pages.parts.survey.pictures import link
from pages.parts.survey.tiles import tile
from pages.parts.words import escaped

SHOWN = 6
"""Pictures side by side."""
LISTED = 200
"""Rows of a table; the files that one takes away have all."""
WIDTH = 300
"""Of two maps beside each other, in pixels, at the least."""
TITLES = {
    "spearman": ("Order of cells", "Spearman's rank correlation of the two matrices: 1 the same."),
    "overlap": ("Hottest tenth", "Cells hot in both, over cells hot in either: 1 the same."),
    "shift": ("Centre of mass", "How far it moved, in cells of the matrix."),
}
"""What a measure is called, and what it is."""
PROBABILITIES: dict[str, Any] = {
    f"Probability {side}": st.column_config.NumberColumn(format="percent")
    for side in ("before", "after")
}


def draw(name: str, stored: Stored, style: Style) -> None:
    """What changed from a survey to another one that is chosen here."""
    others = choosing.beside(name, stored)
    if not others:
        st.info(
            "There is no other survey to compare with: survey the same pictures with another "
            "network, or with other settings.",
            icon=":material/info:",
        )
        return
    head = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    other = head.selectbox(
        "From this survey to", list(others), key="beside", bind="query-params", width=260
    )
    try:
        after = Stored.at(others[other])
        moves = cache.surveyed(
            stored, f"moves {after.folder} {after.state}", lambda: _compare(stored, after)
        )
    except SurveyError as reason:
        st.warning(escaped(str(reason)), icon=":material/block:")
        return
    st.session_state.survey_link = link(name)
    with head:
        _tell_numbers(moves)
    _tell_what_is_compared(moves)
    if moves.methods:
        _draw_moved(moves, style)
    _draw_changed(moves)


def _compare(stored: Stored, other: Stored) -> Moves:
    with st.spinner("Comparing the two, picture by picture"):
        return compare(stored, other)


def _tell_numbers(moves: Moves) -> None:
    st.metric("Pictures compared", f"{moves.met.both:,}", width="content")
    st.metric("Answers that changed", f"{moves.changed.num_rows:,}", width="content")
    if (known := _known(moves)) is not None:
        st.metric("Wrong, now right", f"{known[0]:,}", width="content")
        st.metric("Right, now wrong", f"{known[1]:,}", width="content")


def _known(moves: Moves) -> tuple[int, int] | None:
    """How many answers became right and wrong; None where no label is known."""
    before, after = (moves.rows[f"correct_{side}"].to_pylist() for side in ("before", "after"))
    pairs = [pair for pair in zip(before, after, strict=True) if None not in pair]
    if not pairs:
        return None
    return pairs.count((False, True)), pairs.count((True, False))


def _tell_what_is_compared(moves: Moves) -> None:
    """Which networks, without which pictures, and what was asked otherwise."""
    found = differences(moves.before, moves.after)
    besides = [entry for entry in found if entry[0] not in ("classifier", "names")]
    before, after = (_title(stored) for stored in (moves.before, moves.after))
    if len(besides) < len(found):
        said = f"Before: {before}. After: {after}."
    elif found:
        said = f"Both asked {before}."
    else:
        said = f"Both asked {before} the same, in the same versions of all that computes."
    met = moves.met
    left = [
        (met.only_before, "only in this survey"),
        (met.only_after, "only in the other"),
        (met.differing, "with another file under the same path"),
        (met.failed, "without an answer in one of them"),
    ]
    told = [f"{count:,} {what}" for count, what in left if count]
    st.caption(said + (f" Not compared: {', '.join(told)}." if told else ""))
    if besides:
        st.warning(
            "Settings differ too, so they are compared as well as the networks: "
            if len(besides) < len(found)
            else "The network is the same; these settings differ, and are what is compared: ",
            icon=":material/tune:",
        )
        st.dataframe(
            [{"Setting": name, "Before": was, "After": now} for name, was, now in besides],
            hide_index=True,
            alt=f"{len(besides)} settings differ, the first is {besides[0][0]}.",
        )


def _draw_moved(moves: Moves, style: Style) -> None:
    st.header("Maps that moved though the answer stayed", anchor=False)
    with st.container(horizontal=True):
        titles = {method_named(name).title: name for name in moves.methods}
        method = one_of("Method", titles, "moved", bind="query-params")
        measures = {title: name for name, (title, _) in TITLES.items()}
        measure = one_of("By", measures, "by", bind="query-params")
    rows = moves.moved(method, measure)
    if not rows.num_rows:
        st.caption("No picture whose answer stayed has a map of this method in both.")
        return
    st.markdown(_verdict(moves, method, measure, rows.num_rows))
    floor = moves.floors[method]
    shown = rows.slice(0, SHOWN).to_pylist()
    signed = cache.surveyed(
        moves.before,
        f"signed {moves.after.folder} {moves.after.state} {method} {measure}",
        lambda: _signed(moves, method, [row["path"] for row in shown]),
    )
    with st.grid(3, min_column_width=WIDTH, gap="small"):
        for row in shown:
            _draw_pair(moves, row, method, measure, floor, style, signed=signed)
    st.caption(
        "Left before, right after; each map in its own scale, from zero to its largest value."
    )
    _draw_table(rows.slice(0, LISTED).to_pylist(), rows.num_rows, method, measure, floor)


def _verdict(moves: Moves, method: str, measure: str, count: int) -> str:
    """How many moved further than the same model does when it is asked again."""
    title, floor = method_named(method).title, moves.floors[method]
    if floor is None and "seed" not in method_named(method).settings():
        return (
            f"{title} draws nothing at random: asked again, the same network says exactly the "
            f"same. So there is no noise to hold these {count:,} against: whatever moved, the "
            "network or a setting moved it."
        )
    if floor is None:
        return f"{title} was not asked again in either survey, so there is no noise to hold it to."
    beyond = moves.beyond(method, measure)
    tries = floor.count(measure)
    return (
        f"**{beyond:,} of {count:,}** maps of {title} moved further than all {tries} tries in "
        "which the same network was asked again with another seed, about pictures drawn at random. "
        f"Another seed alone would have about {count / (tries + 1):,.0f} do so, "
        f"1 in {tries + 1}."
    )


def _draw_pair(
    moves: Moves,
    row: Mapping[str, Any],
    method: str,
    measure: str,
    floor: Floor | None,
    style: Style,
    *,
    signed: bool,
) -> None:
    own = prefix(method)
    said = (
        f"order {rounded(row[f'{own}_spearman'])} · hottest tenth {_figure(row[f'{own}_overlap'])}"
        f" · centre {_figure(row[f'{own}_shift'])} cells"
    )
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{escaped(row['path'])}**")
        beside = st.grid(2, min_column_width=100, gap="small")
        for stored, side in ((moves.before, "before"), (moves.after, "after")):
            told = f"{legible(row[f'answer_{side}'])} {percent(row[f'probability_{side}'])}"
            with beside, st.container(gap="xxsmall"):
                try:
                    image = cache.tile(
                        row["digest"], f"{stored.folder} {method} {style} {signed}",
                        partial(_overlaid, stored, row, method, style, signed=signed),
                    )  # fmt: skip
                except SurveyError as reason:
                    st.caption(escaped(str(reason)))
                else:
                    st.image(
                        image, width="stretch",
                        alt=f"{method_named(method).title} {side}, {told}: {said}",
                    )  # fmt: skip
                st.caption(escaped(told))
        st.caption(said + _against(row, own, measure, floor))


def _against(row: Mapping[str, Any], own: str, measure: str, floor: Floor | None) -> str:
    if floor is None:
        return ""
    as_far = int(floor.as_far(measure, np.array([row[f"{own}_{measure}"]]))[0])
    if not as_far:
        return f" · further than all {floor.count(measure)} tries"
    return f" · {as_far} of {floor.count(measure)} tries moved as far"


def _signed(moves: Moves, method: str, paths: list[str]) -> bool:
    """Whether any of the maps that are shown holds evidence against: then all have one scale."""
    return any(
        matrix.min() < 0
        for stored in (moves.before, moves.after)
        for path in paths
        for matrix in matrices(stored, path, (method,)).values()
    )


def _overlaid(
    stored: Stored, row: Mapping[str, Any], method: str, style: Style, *, signed: bool
) -> np.ndarray:
    """The map of a picture over it, small."""
    matrix = matrices(stored, row["path"], (method,))[method]
    return tile(original(stored, row), matrix, style, signed=signed)


def _draw_table(
    rows: list[dict[str, Any]], total: int, method: str, measure: str, floor: Floor | None
) -> None:
    own = prefix(method)
    table = [
        {
            "Picture": legible(row["path"]),
            "Answer": legible(row["answer_before"]),
            "Probability before": row["probability_before"],
            "Probability after": row["probability_after"],
            **{TITLES[name][0]: row[f"{own}_{name}"] for name in MEASURES},
        }
        for row in rows
    ]
    if floor is not None:
        moved = np.array([row[f"{own}_{measure}"] for row in rows])
        for entry, as_far in zip(table, floor.as_far(measure, moved), strict=True):
            entry[f"Tries as far, of {floor.count(measure)}"] = int(as_far)
    st.dataframe(
        table,
        hide_index=True,
        height=320,
        column_config={
            **PROBABILITIES,
            **{
                title: st.column_config.NumberColumn(format="%.2f", help=meaning)
                for title, meaning in TITLES.values()
            },
        },
        alt=f"{total:,} pictures whose answer stayed, what moved most first: "
        f"{table[0]['Picture']}, {TITLES[measure][0].lower()} "
        f"{_figure(rows[0][f'{own}_{measure}'])}",
    )
    if total > len(table):
        st.caption(f"The first {len(table)} of {total:,}.")


def _draw_changed(moves: Moves) -> None:
    st.header("Answers that changed", anchor=False)
    changed = moves.changed
    if not changed.num_rows:
        st.caption("None.")
        return
    rows = changed.slice(0, LISTED).to_pylist()
    known = any(row["label"] is not None for row in rows)
    table = [
        {
            "Picture": legible(row["path"]),
            **({"Label": legible(row["label"] or "")} if known else {}),
            "Before": legible(row["answer_before"]),
            "Probability before": row["probability_before"],
            "After": legible(row["answer_after"]),
            "Probability after": row["probability_after"],
        }
        for row in rows
    ]
    st.dataframe(
        table,
        hide_index=True,
        height=320,
        column_config=PROBABILITIES,
        alt=f"{changed.num_rows:,} answers changed; the surest: {table[0]['Picture']}, "
        f"{table[0]['Before']} before and {table[0]['After']} after",
    )
    said = "The surest first, by the smaller of both probabilities."
    if changed.num_rows > len(table):
        said += f" The first {len(table)} of {changed.num_rows:,}."
    st.caption(said)


def _title(stored: Stored) -> str:
    return escaped(str(stored.told.get("title") or stored.folder.name))


def _figure(value: float | None) -> str:
    return "unknown" if value is None else rounded(value)
