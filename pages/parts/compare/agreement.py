"""Whether the maps agree: under the maps, free."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explainers import Explanation
from explainers.images.colouring import Style
from explainers.metrics import agreement
from pages.parts import cache
from pages.parts.figures import QUIET, matrix_figure
from pages.parts.frame import screen_theme

HEIGHT = 330


def draw(explanations: Sequence[Explanation | None], style: Style) -> None:
    """How far the maps on screen agree, and where."""
    usable = tuple(each for each in explanations if each is not None and not each.blank_reason)
    if len(usable) < 2:
        return
    st.subheader("How far do they agree?", anchor="agreement")
    st.caption(
        "From the 14 × 14 matrices above. Agreement is not correctness: methods that share an "
        "error agree on it, and two maps that are hot in the middle agree on that much without "
        "any other reason. The blob in the middle knows nothing of the network: its rows show how "
        "much that is."
    )
    pairs = cache.made(agreement.agreements, usable)
    ten, quarter = (f"Overlap of the hottest {share:.0%}" for share in agreement.SHARES)
    st.dataframe(
        {
            "Maps": [" and ".join(pair.names) for pair in pairs],
            "Rank correlation": [pair.correlation for pair in pairs],
            ten: [pair.overlap[0] for pair in pairs],
            quarter: [pair.overlap[1] for pair in pairs],
        },
        hide_index=True,
        column_config={
            "Rank correlation": st.column_config.NumberColumn(
                format="%.2f",
                help="Spearman's: 1 the same order of cells, −1 the reverse. Read it against the "
                "rows of the blob, not against 0.",
            ),
            ten: st.column_config.NumberColumn(format="%.2f", help="0 none, 1 the same cells."),
            quarter: st.column_config.NumberColumn(format="%.2f", help="0 none, 1 the same cells."),
        },
        alt="How far each pair of maps agrees",
    )
    theme = screen_theme()
    grids = (
        ("Where all agree", "The lowest rank any map gives the cell", agreement.consensus),
        ("Where they disagree", "The range of the ranks it gets", agreement.disagreement),
    )
    for column, (title, said, of) in zip(st.columns(2), grids, strict=True):
        with column.container(border=True):
            st.markdown(f"**{title}**")
            st.caption(f"{said}, 0 to 1.")
            st.plotly_chart(
                cache.made(_matrix, of, usable, style, theme),
                theme=None, config=QUIET, key=f"agreement-{title}", alt=title,
            )  # fmt: skip


def _matrix(
    of: Callable[[Sequence[Explanation]], np.ndarray],
    explanations: Sequence[Explanation],
    style: Style,
    theme: str,
) -> go.Figure:
    return matrix_figure(
        of(explanations), style, signed=False, limit=1.0, width=HEIGHT, theme=theme
    )
