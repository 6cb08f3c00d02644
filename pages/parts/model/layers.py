"""Every layer of a model as a table that can be searched, and the way to explain at one."""

import re
from typing import TYPE_CHECKING

import streamlit as st

from explainers import GradCam
from pages.parts.frame import go_to
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers import Classifier
    from explainers.classifiers.graph import Layer


TABLE = 350


def draw(classifier: "Classifier") -> None:
    """Draw the table; a chosen row offers to explain there."""
    st.header("Layers", anchor=False)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        sought = st.text_input(
            "Find a layer", key="layer-search", placeholder="conv, pool, 14 × 14",
            icon=":material/search:", width=300,
        )  # fmt: skip
        gridded = st.toggle(
            "Only layers with a grid", key="layer-grid", help="Those that Grad-CAM can look at."
        )
    rows = {
        layer: _row(layer)
        for layer in classifier.summary
        if (layer.keeps_grid or not gridded) and _fits(layer, sought)
    }
    if not rows:
        title = escaped(classifier.title)
        st.info(f"No layer of {title} fits this search.", icon=":material/search_off:")
        return
    shown, parameters = list(rows), sum(layer.parameters for layer in rows)
    chosen = st.dataframe(
        list(rows.values()),
        hide_index=True,
        height=TABLE,
        on_select="rerun",
        selection_mode="single-row",
        key=f"layers-{classifier.name}-{sought}-{gridded}",
        column_config={"Parameters": st.column_config.NumberColumn(format="localized")},
        alt=f"{len(rows):,} layers of {classifier.title} with {parameters:,} parameters, from "
        f"{shown[0].path} to {shown[-1].path}",
    )
    st.caption(f"{len(rows):,} of {len(classifier.summary):,} layers, early to late.")
    picked = chosen.selection.rows
    with row:
        _offer(shown[picked[0]] if picked else shown[0] if len(shown) == 1 else None)


def _offer(layer: "Layer | None") -> None:
    """The way to an explanation at a layer: the chosen one, or the only one that was found."""
    words = "Choose a row, or find one alone."
    if layer is not None:
        words = escaped(layer.path)
        if not layer.keeps_grid:
            words += " keeps no grid, so there is no map of it."
    if (
        st.button(
            "Explain at this layer",
            icon=":material/my_location:",
            disabled=layer is None or not layer.keeps_grid,
        )
        and layer
    ):
        st.session_state[f"{GradCam.name}-layer"] = layer.path
        go_to("app.py")
    st.caption(words, width="content")


def _fits(layer: "Layer", sought: str) -> bool:
    """Whether every word is in the row; sides joined by an x are one word."""
    text = " ".join(str(value) for value in _row(layer).values()).casefold()
    joined = re.sub(r"(?<=\d) ?[x×] ?(?=\d)", " × ", sought.casefold())
    words = re.findall(r"\d+(?: × \d+)+|\S+", joined)
    return all(re.search(rf"(?<!\d){re.escape(word)}", text) for word in words)


def _row(layer: "Layer") -> dict[str, object]:
    return {
        "Layer": layer.path,
        "Kind": layer.kind,
        "Output": " × ".join(f"{side:,}" for side in layer.shape),
        "Parameters": layer.parameters,
    }
