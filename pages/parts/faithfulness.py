"""Whether the probability falls as the maps say it should: deletion and insertion, on screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explainers import Explanation
from explainers.images.regions import FILLS, fill_picture
from explainers.metrics import faithfulness
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, Curve
from explainers.metrics.flipping import strengths_of
from pages.parts import cache
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.jobs import work
from pages.parts.picture import Picture
from pages.parts.plots import curves_figure
from pages.parts.words import percent

HEIGHT = 300
UNITS = {"Cells, 14 × 14": "cells", "Superpixels": "superpixels"}
BETTER = {"deletion": "lower is better", "insertion": "higher is better"}


@dataclass(frozen=True, eq=False)
class Tested:
    """The curves so far."""

    curves: tuple[Curve, ...]
    done: int
    total: int


def draw(selection: Selection, usable: Sequence[Explanation]) -> None:
    """Hide and show the picture in the order of each map, and of chance."""
    st.caption(
        "If a map is faithful, hiding what it calls hottest makes the probability fall fast, and "
        "showing that first makes it rise fast: faster than in a random order."
    )
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
        selection.picture.digest,
        selection.classifier.name,
        f"test {[(each.explainer, each.target, each.done) for each in usable]} {unit} {fill} "
        f"{steps}",
    )
    tested = work(
        run, lambda: _curves(selection, usable, segments, fill, steps, total),
        "Run the test", passes, selection.classifier,
        lambda latest, settled: _draw_curves(latest, settled=settled),
    )  # fmt: skip
    if tested is None:
        return
    if run.finished:
        _judge(tested.curves)
    _draw_point(selection, tested.curves, segments, fill)


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


def _draw_curves(tested: Tested, *, settled: bool) -> None:
    theme = screen_theme()
    for column, kind in zip(st.columns(2), faithfulness.KINDS, strict=True):
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
            if name not in (RANDOM, BLOB) and not faithfulness.beats(found[name], found[RANDOM])
        ]
        best = (min if kind == "deletion" else max)(
            (c for name, c in found.items() if name != RANDOM), key=lambda curve: curve.area
        )
        level = len({round(curve.area, 3) for curve in found.values()}) == 1
        said = f"**{kind.capitalize()}**: {best.name} does best, with {best.area:.3f}."
        if level:
            said = f"**{kind.capitalize()}**: all orders do the same, {best.area:.3f}."
        if poor:
            verb = "does" if len(poor) == 1 else "do"
            said += f" {' and '.join(poor)} {verb} no better than a random order."
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
