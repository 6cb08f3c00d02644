"""Whether the maps agree: methods by methods as a small square, free."""

from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explainers import Explanation
from explainers.images.colouring import Style
from explainers.metrics import agreement
from explainers.metrics.agreement import BLOB, SHARES, Agreement
from explainers.report.telling import HOW_TO_READ_AGREEMENT
from explainers.words import rounded
from pages.parts import cache
from pages.parts.figures import FONT, INK, QUIET, figure, matrix_figure
from pages.parts.frame import screen_theme

HEIGHT = 330
CELL, SMALL = (82, 50), (52, 34)
"""Width and height of a cell of the square, in pixels; of many maps, the least."""
MARGIN, SLANTED = (96, 44), (150, 110)
FEW = 4
"""Maps whose names have room on top; those of more stand upright."""
COLOURS = ((0.0, "#eef1f7"), (1.0, "#3d5a98"))
CORRELATION = "Rank correlation"
FIGURES: dict[str, Callable[[Agreement], float]] = {
    CORRELATION: lambda pair: pair.correlation,
    **{
        f"Hottest {share:.0%}": lambda pair, place=place: pair.overlap[place]  # type: ignore[misc]
        for place, share in enumerate(SHARES)
    },
}


def draw(explanations: Sequence[Explanation | None], style: Style) -> None:
    """How far the maps on screen agree, and where."""
    usable = tuple(each for each in explanations if each is not None and not each.blank_reason)
    if len(usable) < 2:
        return
    st.header("How far do they agree?", anchor="agreement")
    pairs = cache.made(agreement.agreements, usable)
    if len(usable) > FEW:
        said, square = st.container(), st.container()
    else:
        square, said = st.columns([2, 3], gap="large", vertical_alignment="center")
    with said:
        chosen = st.segmented_control(
            "In the cells", list(FIGURES), default=CORRELATION, required=True,
            key="agreement-figure", persist_state="session",
            help="Rank correlation, Spearman's: 1 the same order of cells, −1 the reverse. Hottest "
            "10% and 25%: the cells that are hottest in both maps, as a share of those that are in "
            "either; 0 none, 1 the same cells.",
        )  # fmt: skip
        st.caption(HOW_TO_READ_AGREEMENT)
    shown = square_figure(pairs, FIGURES[chosen], theme=screen_theme())
    square.plotly_chart(
        shown, theme=None, config=QUIET, width=shown.layout.width, key=f"agreement-{chosen}",
        alt=f"{chosen}: {'; '.join(_told(pair, FIGURES[chosen](pair)) for pair in pairs)}",
    )  # fmt: skip
    where = st.expander(
        "Where all agree, and where they disagree", icon=":material/grid_on:",
        key="agreement-where", on_change="rerun",
    )  # fmt: skip
    if where.open:
        with where:
            _draw_places(usable, style)


def square_figure(
    pairs: Sequence[Agreement], value: Callable[[Agreement], float], *, theme: str
) -> go.Figure:
    """Maps by maps with a figure in each cell, the blob in the last row.

    Parameters
    ----------
    pairs : sequence of Agreement
        Of each pair of maps, and of each map and the blob.
    value : callable
        What is shown of a pair.
    theme : {"light", "dark"}
    """
    across = list(dict.fromkeys(pair.names[0] for pair in pairs))
    down = [*across[1:], BLOB]
    found = {pair.names: pair for pair in pairs}
    cells = [[found.get((column, row)) for column in across] for row in down]
    few = len(across) <= FEW
    cell, margin = (CELL, MARGIN) if few else (SMALL, SLANTED)
    axis = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True,
            "tickfont": {"size": 13, "color": INK[theme], "family": FONT}}  # fmt: skip
    heatmap = go.Heatmap(
        z=[[None if pair is None else value(pair) for pair in row] for row in cells],
        text=[["" if pair is None else rounded(value(pair)) for pair in row] for row in cells],
        customdata=[["" if pair is None else _in_full(pair) for pair in row] for row in cells],
        texttemplate="%{text}",
        textfont={"size": 15 if few else 13, "family": FONT},
        zmin=0,
        zmax=1,
        colorscale=COLOURS,
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    return figure(
        [heatmap],
        width=margin[0] + cell[0] * len(across),
        height=margin[1] + cell[1] * len(down),
        margin={"l": margin[0], "t": margin[1], "r": 0, "b": 0},
        dragmode=False,
        xaxis={"side": "top", "tickangle": 0 if few else -90, **_names(across, few), **axis},
        yaxis={"autorange": "reversed", **_names(down, few), **axis},
    )


def _names(titles: Sequence[str], broken: bool) -> dict[str, list]:
    """The names along an axis, on two lines where there are two words or more and room for that."""
    return {
        "tickvals": list(range(len(titles))),
        "ticktext": [title.replace(" ", "<br>", 1) if broken else title for title in titles],
    }


def _told(pair: Agreement, value: float) -> str:
    return f"{' and '.join(pair.names)} {rounded(value)}"


def _in_full(pair: Agreement) -> str:
    """All figures of a pair."""
    lines = [f"{name}: {rounded(of(pair))}" for name, of in FIGURES.items()]
    return "<br>".join([" and ".join(pair.names), *lines])


def _draw_places(usable: Sequence[Explanation], style: Style) -> None:
    """Where all maps are hot, and where they differ, as matrices."""
    theme = screen_theme()
    grids = (
        ("Where all agree", "The lowest rank any map gives the cell", agreement.consensus),
        ("Where they disagree", "The range of the ranks it gets", agreement.disagreement),
    )
    for column, (title, said, of) in zip(st.columns(2), grids, strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.caption(f"{said}, 0 to 1.")
            matrix = cache.made(of, usable)
            row, cell = np.unravel_index(matrix.argmax(), matrix.shape)
            st.plotly_chart(
                cache.made(_matrix, of, usable, style, theme),
                theme=None, config=QUIET, key=f"agreement-{title}",
                alt=f"{title}: {said.lower()}, most, {matrix.max():.2f}, in row {row}, column "
                f"{cell}",
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
