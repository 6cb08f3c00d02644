"""The part of the picture that all maps show: a box dragged on one of them, or two sliders."""

import numpy as np
import streamlit as st

from pages.parts.figures import CELLS, WHOLE, Window

ROWS, COLUMNS = "zoom-rows", "zoom-columns"
ALL = (0, CELLS - 1)


def choose() -> None:
    """Draw the sliders; they say the same as a dragged box, to those who do not drag."""
    for label, key in (("Rows shown", ROWS), ("Columns shown", COLUMNS)):
        st.slider(
            label, *ALL, ALL, key=key, persist_state="session",
            help="Or drag a box on any map. All maps are zoomed alike.",
        )  # fmt: skip


def window() -> Window:
    """What is shown, in cells of the matrix."""
    (top, bottom), (left, right) = (st.session_state.get(key, ALL) for key in (ROWS, COLUMNS))
    return Window(left - 0.5, right + 0.5, top - 0.5, bottom + 0.5)


def to_box(key: str) -> None:
    """Show the cells that a box dragged on a chart touches."""
    boxes = st.session_state[key].selection.box
    if not boxes:
        return
    for axis, slider in (("y", ROWS), ("x", COLUMNS)):
        low, high = np.clip(np.rint(sorted(boxes[0][axis])), *ALL).astype(int).tolist()
        st.session_state[slider] = (low, high)


def whole() -> bool:
    """Whether all of the picture is shown."""
    return window() == WHOLE


def reset() -> None:
    """Show all of it again."""
    for key in (ROWS, COLUMNS):
        st.session_state[key] = ALL
