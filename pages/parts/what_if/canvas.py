"""The picture to select on: a region of it, by boxes, lassos, cells, superpixels or heat."""

from typing import Any

import numpy as np
import streamlit as st

from explainers.images import regions
from pages.parts import cache
from pages.parts.figures import CELLS, QUIET, canvas_figure
from pages.parts.frame import Selection
from pages.parts.words import escaped

KEY = "canvas"
HEIGHT = 420
SHADE = (214, 63, 63, 120)
UNDOS = 30
TOOLS = {"box": "Box", "lasso": "Lasso", "superpixel": "Pieces"}
DRAGS = {
    (mode, tool): f"a drag {verb} {what}"
    for mode, verb in (("Add", "adds"), ("Remove", "removes"))
    for tool, what in (("box", "a box"), ("lasso", "a lasso"), ("superpixel", "pieces"))
}


def region(selection: Selection) -> np.ndarray:
    """What is selected of the picture, ``(h, w)`` bool at the network's resolution."""
    return _past(selection)[-1]


def draw(selection: Selection) -> None:
    """Draw the picture and its tools."""
    past = _past(selection)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        mode = st.segmented_control(
            "Selecting", ["Add", "Remove"], default="Add", required=True,
            key="region-mode", persist_state="session",
        )  # fmt: skip
        tool = st.segmented_control(
            "by", list(TOOLS), default="box", required=True, format_func=TOOLS.__getitem__,
            key="region-tool", persist_state="session",
            help="Drag a box or a lasso, or click a cell; pieces are the superpixels of LIME.",
        )  # fmt: skip
    selected = past[-1]
    figure = canvas_figure(
        selection.picture, cache.address(selection.picture), _shade(selected),
        height=min(HEIGHT, round(460 * selection.picture.aspect)),
    )  # fmt: skip
    if tool == "lasso":
        figure.update_layout(dragmode="lasso")
    st.plotly_chart(
        figure,
        theme=None,
        key=KEY,
        config=QUIET,
        selection_mode=("points", "box", "lasso"),
        on_select=lambda: _take(selection, past),
        alt=f"The picture to select on: {DRAGS[mode, tool]}; {selected.mean():.1%} is selected",
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
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Invert", icon=":material/invert_colors:", on_click=_push, args=(past, ~selected),
        )  # fmt: skip
        st.button(
            "Clear", icon=":material/backspace:", disabled=not selected.any(), on_click=_push,
            args=(past, np.zeros_like(selected)),
        )  # fmt: skip
        st.button(
            "Undo", icon=":material/undo:", disabled=len(past) < 2, on_click=_undo, args=(past,),
        )  # fmt: skip
        _draw_hottest(selection, past)
        st.caption(f"{selected.mean():.1%} of the picture")


def _draw_hottest(selection: Selection, past: list[np.ndarray]) -> None:
    """The hottest part according to a method, explained now if it is not yet."""
    with st.popover("Hottest", icon=":material/local_fire_department:"):
        methods = {method.title: method for method in selection.methods}
        if not methods:
            st.caption("Choose a method in the sidebar.")
            return
        title = st.selectbox("According to", list(methods), key="hottest-by")
        percent = st.slider("Hottest", 1, 50, 10, 1, format="%d %%", key="hottest-share")
        if not st.button("Select", key="hottest-select"):
            return
        explainer = methods[title]()
        run = cache.run(
            selection.picture, selection.classifier, selection.pixels, explainer,
            [selection.target],
        )  # fmt: skip
        while not run.finished:
            run.advance()
        if run.failure:
            st.warning(escaped(run.failure), icon=":material/block:")
            return
        explanation = explainer.interpret(run.latest, selection.target)
        if explanation.blank_reason:
            st.info(explanation.blank_reason, icon=":material/visibility_off:")
            return
        _push(past, regions.hottest(explanation.resized(past[-1].shape), percent / 100))
        st.rerun()


def _shade(selected: np.ndarray) -> np.ndarray:
    shade = np.zeros((*selected.shape, 4), np.uint8)
    shade[selected] = SHADE
    return shade
