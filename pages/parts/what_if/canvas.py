"""The picture to select on: a region of it, by boxes, lassos, cells, superpixels or heat.

What the mouse does, the keyboard can: cells have their numbers, and heat has its buttons.
"""

from typing import Any

import numpy as np
import streamlit as st

from explainers import Explainer
from explainers.images import regions
from pages.parts import cache, controls, viewport
from pages.parts.figures import CELLS, QUIET, canvas_figure
from pages.parts.frame import Selection
from pages.parts.words import escaped

KEY = "canvas"
HEIGHT, WIDTH = 316, 480
MIDDLE = (4, 9)
"""The first and the last row or column of cells that is offered."""
SHADE = (214, 63, 63, 120)
UNDOS = 30
TOOLS = {"box": "Box", "lasso": "Lasso", "cell": "Cells", "superpixel": "Pieces"}
DRAGS: dict[str, str | bool] = {
    "box": "select", "lasso": "lasso", "cell": False, "superpixel": "select",
}  # fmt: skip
"""What a drag does; Streamlit hears a click only where a drag does nothing."""
DOES = {
    (mode, tool): f"{hand} {verb} {what}"
    for mode, verb in (("Add", "adds"), ("Remove", "removes"))
    for tool, hand, what in (
        ("box", "a drag", "a box"),
        ("lasso", "a drag", "a lasso"),
        ("cell", "a click", "a cell"),
        ("superpixel", "a drag", "pieces"),
    )
}


def region(selection: Selection) -> np.ndarray:
    """What is selected of the picture, ``(h, w)`` bool at the network's resolution."""
    return _past(selection)[-1]


def draw(selection: Selection) -> None:
    """Draw the picture and its tools."""
    past = _past(selection)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        mode = st.segmented_control(
            "Selecting", ["Add", "Remove"], default="Add", required=True,
            key="region-mode", persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        tool = st.segmented_control(
            "by", list(TOOLS), default="box", required=True, format_func=TOOLS.__getitem__,
            key="region-tool", persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
    selected = past[-1]
    figure = canvas_figure(
        selection.picture, cache.address(selection.picture), _shade(selected),
        height=min(HEIGHT, round(min(WIDTH, viewport.width()) * selection.picture.aspect)),
    )  # fmt: skip
    figure.update_layout(dragmode=DRAGS[tool])
    st.plotly_chart(
        figure,
        theme=None,
        key=KEY,
        config=QUIET,
        selection_mode=("points", "box", "lasso"),
        on_select=lambda: _take(selection, past),
        alt=f"The picture to select on: {DOES[mode, tool]}; {selected.mean():.1%} is selected",
    )
    _draw_tools(selection, past)


def restore(selection: Selection, selected: np.ndarray) -> None:
    """Select a region again."""
    _push(_past(selection), selected)


def segments(selection: Selection) -> np.ndarray:
    """The superpixels of the picture, as LIME cuts it."""
    return cache.segments(selection.picture, selection.classifier, selection.pixels)


def _past(selection: Selection) -> list[np.ndarray]:
    """The regions so far of this picture at this resolution, the last the one that is shown."""
    shape = selection.pixels.shape[:2]
    kept: dict[Any, list[np.ndarray]] = st.session_state.setdefault("regions", {})
    return kept.setdefault((selection.picture.digest, shape), [np.zeros(shape, bool)])


def _push(past: list[np.ndarray], selected: np.ndarray) -> None:
    past.append(selected)
    del past[:-UNDOS]


def select_hottest(selection: Selection, method: type[Explainer], share: float) -> str | None:
    """Select the hottest part of a method's map, explained now if it is not yet.

    Parameters
    ----------
    selection : Selection
    method : type
        As a person has set it.
    share : float
        How much of the picture, in 0..1; less where the map has less that is hot.

    Returns
    -------
    str or None
        Why there is nothing to select, if so.
    """
    explainer = controls.as_set(method, method.name)
    run = cache.run(
        selection.picture, selection.classifier, selection.pixels, explainer, [selection.target]
    )
    progress = st.empty()
    while not run.finished:
        run.advance()
        if run.latest:
            progress.progress(run.latest.done / run.latest.total)
    progress.empty()
    if run.failure:
        return run.failure
    explanation = explainer.interpret(run.latest, selection.target)
    if explanation.blank_reason:
        return str(explanation.blank_reason)
    shape = selection.pixels.shape[0], selection.pixels.shape[1]
    _push(_past(selection), regions.hottest(explanation.resized(shape), share))
    return None


def _take(selection: Selection, past: list[np.ndarray]) -> None:
    """Add what was dragged or clicked to the region, or take it away.

    Mode and tool are asked for now: a quick hand changes them and drags in one rerun.
    """
    chosen = st.session_state[KEY].selection
    add, tool = st.session_state["region-mode"] == "Add", st.session_state["region-tool"]
    shape = past[-1].shape
    marked = np.zeros(shape, bool)
    for drag in chosen.box:
        marked |= regions.box(shape, drag["x"], drag["y"])
    for drag in chosen.lasso:
        marked |= regions.lasso(shape, drag["x"], drag["y"])
    if not chosen.box and not chosen.lasso:
        for index in chosen.point_indices:
            marked |= regions.cell(shape, *divmod(int(index), CELLS))
    if not marked.any():
        return
    if tool == "superpixel":
        pieces = segments(selection)
        share = np.bincount(pieces.ravel(), marked.ravel()) / np.bincount(pieces.ravel())
        touched = share > 0.5 if share.max() > 0.5 else share == share.max()
        marked = touched[pieces]
    _push(past, past[-1] | marked if add else past[-1] & ~marked)


def _undo(past: list[np.ndarray]) -> None:
    del past[-1]


def _draw_tools(selection: Selection, past: list[np.ndarray]) -> None:
    selected = past[-1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Invert", icon=":material/invert_colors:", type="tertiary",
            on_click=_push, args=(past, ~selected),
        )  # fmt: skip
        st.button(
            "Clear", icon=":material/backspace:", type="tertiary",
            disabled=not selected.any(), on_click=_push,
            args=(past, np.zeros_like(selected)),
        )  # fmt: skip
        st.button(
            "Undo", icon=":material/undo:", type="tertiary",
            disabled=len(past) < 2, on_click=_undo, args=(past,),
        )  # fmt: skip
        _draw_hottest(selection)
        _draw_cells(past)
    st.caption(f"{selected.mean():.1%} of the picture")


def _draw_hottest(selection: Selection) -> None:
    """The hottest part according to a method."""
    with st.popover("Hottest", icon=":material/local_fire_department:", type="tertiary"):
        methods = {method.title: method for method in selection.methods}
        if not methods:
            st.caption("Choose a method in the sidebar.")
            return
        title = st.selectbox("According to", list(methods), key="hottest-by")
        percent = st.slider("Hottest", 1, 50, 10, 1, format="%d %%", key="hottest-share")
        if not st.button("Select", key="hottest-select"):
            return
        reason = select_hottest(selection, methods[title], percent / 100)
        if reason:
            st.warning(escaped(reason), icon=":material/block:")
        else:
            st.rerun()


def _draw_cells(past: list[np.ndarray]) -> None:
    """A box by the numbers of its cells: what a drag does, without a mouse."""
    with st.popover("By number", icon=":material/grid_on:", type="tertiary"):
        down, across = (
            st.slider(f"{side}, the first and the last", 0, CELLS - 1, MIDDLE, key=f"cells-{side}")
            for side in ("Rows", "Columns")
        )
        marked = regions.box(
            past[-1].shape, (across[0] - 0.5, across[1] + 0.5), (down[0] - 0.5, down[1] + 0.5)
        )
        adding, removing = st.columns(2)
        adding.button(
            "Add them", key="cells-add", width="stretch",
            on_click=_push, args=(past, past[-1] | marked),
        )  # fmt: skip
        removing.button(
            "Remove them", key="cells-remove", width="stretch",
            on_click=_push, args=(past, past[-1] & ~marked),
        )  # fmt: skip


def _shade(selected: np.ndarray) -> np.ndarray:
    shade = np.zeros((*selected.shape, 4), np.uint8)
    shade[selected] = SHADE
    return shade
