"""How far to believe explanations: whether they agree, and whether they hold when tested."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explainers import Explanation
from explainers.images.colouring import Style
from explainers.images.regions import FILLS, fill_picture
from explainers.metrics import agreement, faithfulness
from explainers.metrics.faithfulness import RANDOM, Curve
from explainers.metrics.flipping import strengths_of
from pages.parts import cache
from pages.parts.figures import curves_figure, matrix_figure
from pages.parts.frame import Selection
from pages.parts.picture import Picture
from pages.parts.words import percent

HEIGHT = 300
UNITS = {"Cells, 14 × 14": "cells", "Superpixels": "superpixels"}
QUIET = {"displayModeBar": False}
BETTER = {"deletion": "lower is better", "insertion": "higher is better"}


@dataclass(frozen=True, eq=False)
class Tested:
    """The curves so far."""

    curves: tuple[Curve, ...]
    done: int
    total: int


def draw_agreement(explanations: Sequence[Explanation | None], style: Style) -> None:
    """How far the maps on screen agree, and where."""
    usable = [each for each in explanations if each is not None and not each.blank_reason]
    if len(usable) < 2:
        return
    st.subheader("How far do they agree?", anchor=False)
    st.caption(
        "From the 14 × 14 matrices above. Agreement is not correctness: methods that share an "
        "error agree on it. The blob in the middle knows nothing of the network."
    )
    pairs = agreement.agreements(usable)
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
                format="%.2f", help="Spearman's: 1 the same order of cells, 0 none, −1 reversed."
            ),
            ten: st.column_config.NumberColumn(format="%.2f", help="0 none, 1 the same cells."),
            quarter: st.column_config.NumberColumn(format="%.2f", help="0 none, 1 the same cells."),
        },
        alt="How far each pair of maps agrees",
    )
    theme = st.context.theme.type or "light"
    grids = (
        ("Where all agree", "The lowest rank any map gives the cell", agreement.consensus(usable)),
        ("Where they disagree", "The range of the ranks it gets", agreement.disagreement(usable)),
    )
    for column, (title, said, grid) in zip(st.columns(2), grids, strict=True):
        with column.container(border=True):
            st.markdown(f"**{title}**")
            st.caption(f"{said}, 0 to 1.")
            st.plotly_chart(
                matrix_figure(grid, style, signed=False, height=HEIGHT + 30, theme=theme),
                theme=None, config=QUIET, key=f"agreement-{title}", alt=title,
            )  # fmt: skip


def draw_test(selection: Selection, explanations: Sequence[Explanation | None]) -> None:
    """Hide and show the picture in the order of each map, and of chance."""
    usable = [each for each in explanations if each is not None and not each.blank_reason]
    st.subheader("Test it", anchor=False)
    st.caption(
        "If a map is faithful, hiding what it calls hottest makes the probability fall fast, and "
        "showing that first makes it rise fast: faster than in a random order."
    )
    if not usable:
        st.info("There is no map to test.", icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        unit = UNITS[
            st.segmented_control(
                "Piece by piece", list(UNITS), default=next(iter(UNITS)), required=True,
                key="test-unit", persist_state="session",
            )
        ]  # fmt: skip
        fill = st.selectbox(
            "Hidden pieces show", FILLS, FILLS.index("blur"), format_func=str.capitalize,
            key="test-fill", persist_state="session",
            help="The choice matters: compare several before you believe one.",
        )  # fmt: skip
        steps = st.number_input(
            "Steps", 5, 200, 50, 5, key="test-steps", persist_state="session", width=140
        )
    segments = (
        faithfulness.cells((selection.pixels.shape[0], selection.pixels.shape[1]))
        if unit == "cells"
        else cache.segments(selection.picture, selection.classifier, selection.pixels)
    )
    steps = min(int(steps), int(segments.max()) + 1)
    total = 2 * (len(usable) + 2)
    passes = 2 * (len(usable) + 6) * (steps + 1)
    run = cache.job(
        selection.picture,
        selection.classifier,
        f"{[(each.explainer, each.target, each.done) for each in usable]} {unit} {fill} {steps}",
        lambda: _curves(selection, usable, segments, fill, steps, total),
    )
    started = st.session_state.setdefault("tests_started", set())
    if id(run) not in started and not run.finished:
        st.button(
            f"Run the test: {passes:,} passes", icon=":material/play_arrow:", key="test-run",
            on_click=started.add, args=(id(run),), type="primary",
        )  # fmt: skip
        return
    action, plots = st.empty(), st.empty()
    while not run.finished:
        action.button(
            "Stop", icon=":material/stop:", key=f"test-stop-{run.latest.done if run.latest else 0}",
            on_click=started.discard, args=(id(run),),
        )  # fmt: skip
        run.advance()
        _draw_curves(plots, run.latest, settled=False)
    action.empty()
    _draw_curves(plots, run.latest, settled=True)
    _judge(run.latest.curves)
    _draw_point(selection, run.latest.curves, segments, fill)


def _curves(
    selection: Selection,
    explanations: Sequence[Explanation],
    segments: np.ndarray,
    fill: str,
    steps: int,
    total: int,
) -> Iterator[Tested]:
    maps = {each.explainer.title: strengths_of(each, segments) for each in explanations}
    found: list[Curve] = []
    for curve in faithfulness.curves(
        selection.classifier, selection.pixels, selection.target, maps, segments,
        fill=fill, steps=steps,
    ):  # fmt: skip
        found.append(curve)
        yield Tested(tuple(found), len(found), total)


def _draw_curves(slot: st.delta_generator.DeltaGenerator, tested: Tested, *, settled: bool) -> None:
    theme = st.context.theme.type or "light"
    with slot.container():
        columns = st.columns(2)
        for column, kind in zip(columns, faithfulness.KINDS, strict=True):
            shown = [curve for curve in tested.curves if curve.kind == kind]
            with column:
                st.markdown(f"**{kind.capitalize()}**, area under the curve: {BETTER[kind]}")
                if not shown:
                    st.skeleton(HEIGHT)
                    continue
                st.plotly_chart(
                    curves_figure(shown, height=HEIGHT, theme=theme),
                    theme=None,
                    config=QUIET,
                    key=f"curves-{kind}" if settled else f"curves-{kind}-{len(tested.curves)}",
                    on_select="rerun" if settled else "ignore",
                    selection_mode="points",
                    alt=f"{kind.capitalize()} curves of {', '.join(c.name for c in shown)}",
                )


def _judge(curves: Sequence[Curve]) -> None:
    """The areas, and who does no better than chance."""
    by_kind = {kind: {c.name: c for c in curves if c.kind == kind} for kind in faithfulness.KINDS}
    names = list(by_kind["deletion"])
    rows = []
    for name in names:
        row: dict[str, object] = {"Order": name}
        for kind, found in by_kind.items():
            spread = f" ± {found[name].spread:.3f}" if name == RANDOM else ""
            row[f"{kind.capitalize()} ({BETTER[kind]})"] = f"{found[name].area:.3f}{spread}"
            better = "yes" if faithfulness.beats(found[name], found[RANDOM]) else "no"
            row[f"{kind.capitalize()}: better than chance"] = "–" if name == RANDOM else better
        rows.append(row)
    st.dataframe(rows, hide_index=True, alt="Areas under the curves")
    for kind, found in by_kind.items():
        poor = [
            name
            for name in names
            if name not in (RANDOM, agreement.BLOB)
            and not faithfulness.beats(found[name], found[RANDOM])
        ]
        best = (min if kind == "deletion" else max)(
            (c for name, c in found.items() if name != RANDOM), key=lambda curve: curve.area
        )
        said = f"**{kind.capitalize()}**: {best.name} does best, with {best.area:.3f}."
        if poor:
            said += f" {' and '.join(poor)} does no better than a random order."
        st.markdown(said)


def _draw_point(
    selection: Selection, curves: Sequence[Curve], segments: np.ndarray, fill: str
) -> None:
    """The picture at a point of a curve that was clicked."""
    for kind in faithfulness.KINDS:
        chosen = st.session_state.get(f"curves-{kind}")
        points = chosen.selection.points if chosen else []
        shown = [curve for curve in curves if curve.kind == kind]
        if not points or points[0]["curve_number"] >= len(shown):
            continue
        curve = shown[points[0]["curve_number"]]
        step = min(int(points[0]["point_index"]), len(curve.shares) - 1)
        reached = curve.order[: round(curve.shares[step] * len(curve.order))]
        region = np.isin(segments, reached)
        hidden = region if kind == "deletion" else ~region
        filled = fill_picture(selection.pixels, fill, segments)
        pixels = np.where(hidden[..., None], filled, selection.pixels)
        picture: Picture = selection.picture.edited(pixels, hidden)
        st.image(
            cache.screen(picture), width=420,
            alt=f"{curve.name}, {kind}, {curve.shares[step]:.0%} of the pieces",
            caption=f"{curve.name}, {kind}: {curve.shares[step]:.0%} of the pieces, "
            f"{percent(float(curve.runs[0, step]))}",
        )  # fmt: skip
