"""Bars and lines as Plotly figures; nothing here talks to Streamlit."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from explainers import Prediction
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, Curve
from explainers.metrics.randomisation import Spread
from explainers.words import change, percent, rounded
from pages.parts.figures import FONT, INK, figure
from pages.parts.words import charted

if TYPE_CHECKING:
    from explainers.survey.findings import BesideBlob

LONGEST_LABEL = 26
FAINT = {"light": "rgba(49, 51, 63, 0.35)", "dark": "rgba(230, 232, 238, 0.35)"}
BESIDE = {"light": "#8d8f98", "dark": "#787b84"}
ACCENT = {"light": "#3d5a98", "dark": "#8fb0f0"}
LEGEND_LINE = 20
"""Pixels of a line of a legend, which has room for two names."""
LINES = ("#3d7dca", "#d9772b", "#5b9a53", "#a05fb4", "#9d7d30")
DASHES = ("solid", "dash", "dashdot", "longdash")
"""What tells lines of one colour apart."""
FOR = {"light": "#b2182b", "dark": "#d6604d"}
AGAINST = {"light": "#2166ac", "dark": "#4393c3"}


def ranking_figure(
    prediction: Prediction, explained: int, *, count: int, row_height: int, theme: str
) -> go.Figure:
    """The most probable classes as bars, with the explained class among them and marked."""
    answers = prediction.top(count)
    if explained not in [answer.index for answer in answers]:
        answers[-1] = prediction[explained]
    answers.reverse()
    marked = [answer.index == explained for answer in answers]
    bars = go.Bar(
        x=[answer.probability for answer in answers],
        y=np.arange(len(answers)),
        orientation="h",
        marker={"color": [ACCENT[theme] if mark else BESIDE[theme] for mark in marked]},
        text=[percent(answer.probability) for answer in answers],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{customdata}<br>%{x:.6f}<extra></extra>",
        customdata=[
            f"{charted(answer.label)}: place {prediction.rank(answer.index)}, class {answer.index}"
            for answer in answers
        ],
    )
    return figure(
        [bars],
        height=row_height * len(answers),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        bargap=0.35,
        dragmode=False,
        font={"size": 15, "color": INK[theme], "family": FONT},
        xaxis={"visible": False, "range": [0, 1.2], "fixedrange": True},
        yaxis=_names(
            [
                f"<b>{_short(answer.label)}</b>" if mark else _short(answer.label)
                for answer, mark in zip(answers, marked, strict=True)
            ]
        ),
    )


def change_figure(
    labels: list[str], before: np.ndarray, after: list[tuple[str, np.ndarray]], *, theme: str
) -> go.Figure:
    """Probabilities of some classes before and after, as bars beside each other."""
    series = [("As it is", before), *after]
    bars = [
        go.Bar(
            name=name,
            y=np.arange(len(labels)),
            x=values,
            orientation="h",
            marker={"color": BESIDE[theme] if not number else LINES[number - 1]},
            text=[
                percent(float(value)) + (f" ({change(float(value - was))})" if number else "")
                for was, value in zip(before, values, strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            customdata=[charted(label) for label in labels],
            hovertemplate=f"{name}<br>%{{customdata}}: %{{x:.6f}}<extra></extra>",
        )
        for number, (name, values) in enumerate(series)
    ]
    return figure(
        bars,
        height=40 + len(labels) * 24 * len(series),
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        barmode="group",
        bargap=0.25,
        dragmode=False,
        font={"size": 13, "color": INK[theme], "family": FONT},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        xaxis={"visible": False, "range": [0, 1.4], "fixedrange": True},
        yaxis={**_names([_short(label) for label in labels]), "autorange": "reversed"},
    )


def curves_figure(curves: Sequence[Curve], *, height: int, theme: str) -> go.Figure:
    """Deletion or insertion curves, each a line with its area; random orders with their spread.

    What knows nothing has no colour.
    """
    lines = [
        _line(
            place, f"{curve.name} {curve.area:.3f}", curve.shares, curve.mean,
            f"{curve.name}<br>%{{x:.0%}}: %{{y:.4f}}",
        )
        for place, curve in enumerate(curves)
    ]  # fmt: skip
    for line, curve in zip(lines, curves, strict=True):
        if curve.name in (BLOB, RANDOM):
            line.update(marker_color=BESIDE[theme], line={"color": BESIDE[theme], "dash": "dash"})
        if len(curve.runs) > 1:
            line.update(
                marker_color=INK[theme],
                line={"color": INK[theme], "dash": "dot"},
                error_y={"array": curve.deviation, "color": FAINT[theme], "width": 0},
            )
    legend = LEGEND_LINE * -(-len(lines) // 2)
    return _plot(
        lines, theme, height + legend, "Share of the pieces", "Probability",
        top=legend + 16, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        clickmode="event+select", xaxis_tickformat=".0%", yaxis_rangemode="tozero",
    )  # fmt: skip


def similarity_figure(
    forgotten: Sequence[float],
    copies: Sequence[Spread | None],
    others: Spread | None,
    *,
    place: int,
    theme: str,
) -> go.Figure:
    """How far a method's map stays what it was while copies of the network forget.

    Parameters
    ----------
    forgotten : sequence of float
        The share of the layers, stage by stage.
    copies : sequence of Spread or None
        The similarities at each stage; None where no copy's map ranks anything.
    others : Spread or None
        Those of the maps of other pictures.
    place : int
        The method's place among all: its colour.
    theme : {"light", "dark"}
    """
    reached = [Spread(1.0, 1.0, 1.0, 1), *copies]
    shares = [0.0, *forgotten]
    colour = LINES[place % len(LINES)]
    hovers = [
        f"{share:.0%} forgotten: {_told(spread, 'copies')}"
        for share, spread in zip(forgotten, copies, strict=True)
    ]
    line = _line(place, "Copies that forget", shares, _medians(reached), "%{text}")
    traces = [*_band(shares, reached, colour), line.update(text=["The map as it is", *hovers])]
    if others is not None:
        ends, same = [0.0, 1.0], [others, others]
        beside = _line(place, "Other pictures", ends, _medians(same), "%{text}").update(
            mode="lines",
            line={"color": INK[theme], "dash": "dot", "width": 1.5},
            text=2 * [f"Maps of other pictures: {_told(others, 'pictures')}"],
        )
        traces = [*_band(ends, same, INK[theme]), beside, *traces]
    return _plot(
        traces, theme, 290, "Share of the layers forgotten", "Rank correlation",
        top=60, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis_tickformat=".0%", xaxis_tickvals=[0, 0.25, 0.5, 0.75, 1], xaxis_range=[-0.02, 1.06],
        yaxis_range=[-1.05, 1.05],
    )  # fmt: skip


def beside_blob_figure(found: "BesideBlob", titles: Mapping[str, str], *, theme: str) -> go.Figure:
    """How far methods agree, picture by picture, as bars; a line for each with the blob."""
    steps = len(found.agreement.counts)
    edges = np.linspace(-1, 1, steps + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    ranges = [f"{rounded(low)} to {rounded(high)}" for low, high in pairwise(edges)]
    bars = go.Bar(
        x=middles,
        y=found.agreement.counts,
        name="With each other",
        width=edges[1] - edges[0],
        marker={"color": BESIDE[theme], "line": {"width": 0}},
        text=ranges,
        textposition="none",
        hovertemplate="With each other<br>%{text}: %{y} pictures<extra></extra>",
    )
    lines = [
        _line(
            place, f"{titles[method]} with a blob", middles, each.counts,
            f"{titles[method]} with a blob<br>%{{text}}: %{{y}} pictures",
        ).update(text=ranges, line_shape="hvh", mode="lines")
        for place, (method, each) in enumerate(found.blobs.items())
    ]  # fmt: skip
    return _plot(
        [bars, *lines], theme, 290, "Rank correlation", "Pictures",
        top=60, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis_range=[-1, 1],
    )  # fmt: skip


def steps_figure(probabilities: np.ndarray, labels: list[str], *, theme: str) -> go.Figure:
    """Probabilities, ``(n + 1, classes)``, while one piece after another is hidden."""
    lines = [
        _line(
            place, _short(label), np.arange(len(values)), values,
            f"{charted(label)}<br>%{{x}} hidden: %{{y:.4f}}",
        )
        for place, (label, values) in enumerate(zip(labels, probabilities.T, strict=True))
    ]  # fmt: skip
    return _plot(
        lines, theme, 300, "Pieces hidden", "Probability",
        yaxis_range=[0, 1.02],
    )  # fmt: skip


def climb_figure(values: np.ndarray, names: Sequence[str], *, theme: str) -> go.Figure:
    """The response of every unit, ``(steps + 1, n)``, while its picture climbs."""
    lines = [
        _line(place, name, np.arange(len(column)), column, f"{name}<br>step %{{x}}: %{{y:.3g}}")
        for place, (name, column) in enumerate(zip(map(charted, names), values.T, strict=True))
    ]
    for line in lines:
        line.update(mode="lines")
    return _plot(lines, theme, 240, "Step", "Response", top=8, showlegend=False)


def weights_figure(weights: np.ndarray, channels: np.ndarray, *, theme: str) -> go.Figure:
    """The weights of all channels as bars, the largest first; red for, blue against."""
    bars = go.Bar(
        x=np.arange(len(weights)),
        y=weights,
        marker={"color": [FOR[theme] if value > 0 else AGAINST[theme] for value in weights],
                "line": {"width": 0}},
        customdata=channels,
        hovertemplate="channel %{customdata}: %{y:.4g}<extra></extra>",
    )  # fmt: skip
    return _plot(
        [bars], theme, 240, "Channels, the largest weight first", "Weight",
        top=8, showlegend=False, bargap=0.0, xaxis_showticklabels=False, yaxis_tickformat=".2g",
    )  # fmt: skip


def _line(place: int, name: str, x: Any, y: Any, hover: str) -> go.Scatter:
    colour = LINES[place % len(LINES)]
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers",
        marker={"size": 5, "color": colour},
        line={"width": 2, "color": colour, "dash": DASHES[place // len(LINES) % len(DASHES)]},
        hovertemplate=f"{hover}<extra></extra>",
    )


def _band(x: Sequence[float], spreads: Sequence[Spread | None], colour: str) -> list[go.Scatter]:
    """From the lowest to the highest: two unseen lines, with colour between them."""
    red, green, blue = hex_to_rgb(colour)
    edges = (
        [None if each is None else each.lowest for each in spreads],
        [None if each is None else each.highest for each in spreads],
    )
    return [
        go.Scatter(
            x=x,
            y=edge,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=f"rgba({red}, {green}, {blue}, 0.16)",
            hoverinfo="skip",
            showlegend=False,
        )
        for edge, fill in zip(edges, ("none", "tonexty"), strict=True)
    ]


def _medians(spreads: Sequence[Spread | None]) -> list[float | None]:
    return [None if each is None else each.median for each in spreads]


def _told(spread: Spread | None, what: str) -> str:
    return "nothing left" if spread is None else f"{spread}, {spread.count} {what}"


def _plot(
    traces: list, theme: str, height: int, x: str, y: str, *, top: int = 30, **layout: Any
) -> go.Figure:
    """Lines or bars between two axes with titles."""
    axis = {"fixedrange": True, "zeroline": False, "gridcolor": FAINT[theme], "gridwidth": 0.5}
    settings = {
        "height": height,
        "margin": {"l": 62, "r": 8, "t": top, "b": 44},
        "dragmode": False,
        "font": {"size": 13, "color": INK[theme], "family": FONT},
        "legend": {"orientation": "h", "y": 1.14, "x": 0},
        "showlegend": True,
        "xaxis": {"title": {"text": x}, "showgrid": False, **axis},
        "yaxis": {"title": {"text": y, "standoff": 10}, "automargin": True, **axis},
    }
    drawn = figure(traces, **settings)
    return drawn.update_layout(**layout)


def _names(names: Sequence[str]) -> dict[str, Any]:
    """An axis with a name at 0, 1, 2 and so on.

    Left to itself Plotly takes some names for numbers or dates, and equal ones for one.
    """
    return {
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "ticklabelstandoff": 6,
    }


def _short(label: str) -> str:
    """A name as there is room for, as Plotly shows it letter by letter."""
    return charted(label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…")
