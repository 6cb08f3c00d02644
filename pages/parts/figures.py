"""Pictures and matrices as Plotly figures; nothing here talks to Streamlit.

All figures of a picture share one pair of axes: the cells of the 14 x 14 matrix, cell i from
i - 0.5 to i + 0.5, so that one zoom fits all and hovering tells the matrix's row and column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explainers.images.colouring import Style, ink_on, outline_layer
from explainers.report.maps import bold_from
from explainers.words import number, short
from pages.parts.picture import Picture, data_uri

CELLS = 14
QUIET = {"displayModeBar": False, "typesetMath": False}
COLOUR_BAR = 34
INK = {"light": "#31333f", "dark": "#e6e8ee"}
RULER = 18
"""Pixels for the numbers of rows and columns beside a matrix."""
APART = 2.5
"""Pixels between a number of a matrix and the next."""
WIDEST_NUMBER = 1.66
"""How wide a bold ``-.95`` is, in sizes of its type."""
LINE = 1.9
"""How tall a row of a matrix is, in sizes of its type."""
SMALLEST, LARGEST = 9, 13
PAPER = {"light": np.ones((1, 4)), "dark": np.zeros((1, 4))}
"""What stands behind a matrix without colours, RGBA."""
CLEAR = "rgba(0, 0, 0, 0)"
FONT = "Source Sans, sans-serif"


@dataclass(frozen=True)
class Window:
    """The part of the picture that is looked at, in cells of the matrix."""

    left: float = -0.5
    right: float = CELLS - 0.5
    top: float = -0.5
    bottom: float = CELLS - 0.5


WHOLE = Window()


def map_figure(
    values: np.ndarray,
    picture: Picture,
    address: str,
    style: Style,
    *,
    signed: bool,
    segments: np.ndarray | None = None,
    over_picture: bool,
    limit: float,
    window: Window,
    height: int,
    theme: str,
    zoomable: bool,
    smooth: bool = True,
) -> go.Figure:
    """A heatmap of raw values, over the picture or alone, with its colour bar.

    Parameters
    ----------
    values : (h', w') ndarray
        The map, at its own resolution.
    picture : Picture
    address : str
        The picture as a data URI.
    style : Style
    signed : bool
        Whether the scale runs to both sides of zero.
    segments : (h', w') int ndarray, optional
        Superpixels to outline.
    over_picture : bool
        Whether the picture shows through.
    limit : float
        The largest absolute value of the colour scale.
    window : Window
        What part of it is shown.
    height : int
        Of the map, in pixels, the colour bar not counted.
    theme : {"light", "dark"}
    zoomable : bool
        Whether dragging a box reports it.
    smooth : bool
        Whether a map of few cells is interpolated between them; superpixels never are.
    """
    rows, columns = values.shape
    limit = limit or 1.0
    ticks = [-limit, 0, limit] if signed else [0, limit]
    interpolated = smooth and segments is None and max(rows, columns) <= 2 * CELLS
    heatmap = go.Heatmap(
        z=values,
        x=_centres(columns),
        y=_centres(rows),
        zmin=ticks[0],
        zmax=limit,
        colorscale=_colour_scale(style if over_picture else style.opaque, signed),
        zsmooth="best" if interpolated else False,
        hovertemplate="row %{y:.0f}, column %{x:.0f}<br>%{z:.4g}<extra></extra>",
        colorbar={
            "orientation": "h",
            "thickness": 6,
            "len": 0.8,
            "x": 0.5,
            "xpad": 0,
            "y": 0,
            "yanchor": "top",
            "ypad": 6,
            "outlinewidth": 0,
            "tickvals": ticks,
            "ticktext": [number(tick) for tick in ticks],
            "tickfont": {"size": 11, "color": INK[theme], "family": FONT},
            "ticklabeloverflow": "allow",
        },
    )
    layers = []
    if over_picture:
        layers.append(_layer(address, "below"))
    if segments is not None:
        outlines = outline_layer(segments, picture.screen_shape)
        layers.append(_layer(data_uri(outlines), "above"))
    return figure(
        [heatmap, _handles(1)] if zoomable else [heatmap],
        height=height + COLOUR_BAR,
        images=layers,
        margin={"l": 0, "r": 0, "t": 0, "b": COLOUR_BAR},
        dragmode="select" if zoomable else False,
        **_axes(picture.aspect, window),
    )


def bare_figure(address: str, aspect: float, height: int) -> go.Figure:
    """The picture alone, where a map will stand: of the same size, so that nothing moves.

    Parameters
    ----------
    address : str
        The picture as a data URI.
    aspect : float
        Height over width.
    height : int
        In pixels.
    """
    return figure(
        [_handles(1)],
        height=height + COLOUR_BAR,
        images=[_layer(address, "below")],
        margin={"l": 0, "r": 0, "t": 0, "b": COLOUR_BAR},
        dragmode=False,
        **_axes(aspect, fixedrange=True),
    )


def matrix_figure(
    matrix: np.ndarray,
    style: Style,
    *,
    signed: bool,
    limit: float,
    bold: np.ndarray | None = None,
    width: int,
    theme: str,
    coloured: bool = True,
) -> go.Figure:
    """The 14 x 14 matrix as numbers on coloured cells: the strongest tenth bold, the first framed.

    Numbers are as large as the cells let them stand apart.

    Parameters
    ----------
    matrix : (14, 14) ndarray
        The values as they are to be read.
    style : Style
    signed : bool
        Whether the scale runs to both sides of zero.
    limit : float
        The largest absolute value of the colour scale.
    bold : (14, 14) bool ndarray, optional
        The cells in bold type; the strongest tenth if None.
    width : int
        That there is for it, in pixels.
    theme : {"light", "dark"}
    coloured : bool
        Whether the cells have colours; else the numbers stand alone.
    """
    if bold is None:
        bold = np.abs(matrix) >= bold_from(matrix)
    cell = (width - RULER) / CELLS
    size = float(np.clip((cell - APART) / WIDEST_NUMBER, SMALLEST, LARGEST))
    tall = min(cell, LINE * size)
    low = -limit if signed else 0.0
    colours = style.opaque.colours(signed) if coloured else PAPER[theme]
    shown = np.rint(np.clip((matrix - low) / (limit - low), 0, 1) * (len(colours) - 1)).astype(int)
    inks = ink_on(colours[:, :3])[shown]
    text = [
        [
            _inked(f"<b>{short(value)}</b>" if strong else short(value), ink)
            for value, strong, ink in zip(*row, strict=True)
        ]
        for row in zip(matrix, bold, inks, strict=True)
    ]
    heatmap = go.Heatmap(
        z=matrix,
        text=text,
        texttemplate="%{text}",
        textfont={"size": size, "family": FONT},
        zmin=low,
        zmax=limit,
        colorscale=_colour_scale(style.opaque, signed) if coloured else [[0, CLEAR], [1, CLEAR]],
        showscale=False,
        xgap=1,
        ygap=1,
        hovertemplate="row %{y}, column %{x}<br>%{z:.4f}<extra></extra>",
    )
    axis = {
        "tickvals": list(range(CELLS)),
        "tickfont": {"size": SMALLEST, "color": INK[theme], "family": FONT},
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
    return figure(
        [heatmap],
        height=round(RULER + CELLS * tall),
        margin={"l": RULER, "r": 0, "t": RULER, "b": 0},
        dragmode=False,
        shapes=_frame(matrix, inks),
        xaxis={"side": "top", **axis},
        yaxis={"autorange": "reversed", **axis},
    )


def _inked(text: str, colour: str) -> str:
    return f'<span style="color:{colour}">{text}</span>'


def _frame(matrix: np.ndarray, inks: np.ndarray) -> list[dict[str, Any]]:
    """Around the strongest cell, if any is, in the ink of its number."""
    if not matrix.any():
        return []
    row, column = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    line = {"color": str(inks[row, column]), "width": 2}
    return [{"type": "rect", "x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5,
             "y1": row + 0.5, "line": line}]  # fmt: skip


def canvas_figure(picture: Picture, address: str, shade: np.ndarray, *, height: int) -> go.Figure:
    """The picture to select on, its region shaded.

    Parameters
    ----------
    picture : Picture
    address : str
        The picture as a data URI.
    shade : (h, w, 4) uint8 ndarray
        What lies over it, RGBA.
    height : int
        In pixels.
    """
    return figure(
        [_handles(CELLS).update(hoverinfo="none")],
        height=height,
        images=[_layer(address, "below"), _layer(data_uri(shade), "above")],
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode="select",
        clickmode="event+select",
        hovermode="closest",
        hoverdistance=-1,
        **_axes(picture.aspect, fixedrange=True),
    )


def sheet_figure(
    address: str, tiles: Sequence[tuple[str, int]], columns: int, *, aspect: float, width: int
) -> go.Figure:
    """A sheet of many small maps as one picture; each is told by hover and taken by a click.

    Parameters
    ----------
    address : str
        The sheet as a data URI.
    tiles : sequence of (str, int)
        What hovering tells of each, and its number, row by row.
    columns : int
    aspect : float
        Height over width of a tile.
    width : int
        Of the sheet on screen, in pixels, roughly.
    """
    rows = -(-len(tiles) // columns)
    places = [divmod(number, columns) for number in range(len(tiles))]
    handles = go.Scatter(
        x=[column + 0.5 for _, column in places],
        y=[row + 0.5 for row, _ in places],
        mode="markers",
        marker={"opacity": 0, "size": width / columns, "symbol": "square"},
        text=[said for said, _ in tiles],
        customdata=[number for _, number in tiles],
        hovertemplate="%{text}<extra></extra>",
        unselected={"marker": {"opacity": 0}},
        selected={"marker": {"opacity": 0}},
        showlegend=False,
    )
    axis = {"visible": False, "fixedrange": True, "constrain": "domain"}
    picture = {**_layer(address, "below"), "x": 0, "y": 0, "sizex": columns, "sizey": rows}
    return figure(
        [handles],
        height=round(width * aspect * rows / columns),
        images=[picture],
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode=False,
        clickmode="event+select",
        hovermode="closest",
        xaxis={"range": [0, columns], **axis},
        yaxis={
            "range": [rows, 0],
            "scaleanchor": "x",
            "scaleratio": aspect,
            "constraintoward": "top",
            **axis,
        },
    )


def figure(traces: list, **layout: Any) -> go.Figure:
    """A figure on a clear ground, built in one go: Plotly checks every piece it is given."""
    return go.Figure(
        traces,
        {
            "template": "none",
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "hoverlabel": {"font": {"size": 13, "family": FONT}},
            **layout,
        },
    )


def _axes(aspect: float, window: Window = WHOLE, **settings: Any) -> dict[str, Any]:
    """The axes of a picture: unseen, in its proportions, at the top of the room there is."""
    axis = {"visible": False, "constrain": "domain", **settings}
    return {
        "xaxis": {"range": [window.left, window.right], **axis},
        "yaxis": {
            "range": [window.bottom, window.top],
            "scaleanchor": "x",
            "scaleratio": aspect,
            "constraintoward": "top",
            **axis,
        },
    }


def _centres(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) * CELLS / count - 0.5


def _colour_scale(style: Style, signed: bool) -> list[tuple[float, str]]:
    colours = style.colours(signed)[::17]
    return [
        (position, f"rgba({r * 255:.0f},{g * 255:.0f},{b * 255:.0f},{a:.3f})")
        for position, (r, g, b, a) in zip(np.linspace(0, 1, len(colours)), colours, strict=True)
    ]


def _layer(address: str, layer: str) -> dict[str, Any]:
    """A picture stretched over all cells."""
    return {
        "source": address,
        "layer": layer,
        "sizing": "stretch",
        "xref": "x",
        "yref": "y",
        "x": -0.5,
        "y": -0.5,
        "sizex": CELLS,
        "sizey": CELLS,
    }


def _handles(count: int) -> go.Scatter:
    """Unseen markers: Plotly reports a dragged box only where there are points that it could hold.

    One is enough for a box; to tell the cell that was clicked takes one in each. None but the first
    is drawn: Plotly takes longer over 196 markers than over all the rest.
    """
    columns, rows = np.meshgrid(_centres(count), _centres(count))
    return go.Scatter(
        x=columns.ravel(),
        y=rows.ravel(),
        mode="markers",
        marker={"opacity": 0, "size": 4, "maxdisplayed": 1},
        hoverinfo="skip",
        showlegend=False,
    )
