"""Whether the probability falls as the maps say it should: deletion and insertion, on screen."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import streamlit as st

from explainers import Explanation
from explainers.images.regions import FILLS, fill_picture
from explainers.metrics import faithfulness
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, STEPS, Curve, Kind, Tested, strengths_of
from pages.parts import cache, long_running
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.picture import Picture
from pages.parts.plots import curves_figure
from pages.parts.words import percent

HEIGHT = 300
UNITS = {"Cells, 14 × 14": "cells", "Superpixels": "superpixels"}
BETTER = {"deletion": "lower is better", "insertion": "higher is better"}


def draw(selection: Selection, usable: Sequence[Explanation]) -> None:
    """Hide and show the picture in the order of each map, and of chance."""
    st.caption(
        "If a map is faithful, hiding what it calls hottest makes the probability fall fast, and "
        "showing that first makes it rise fast: faster than in random orders."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        unit = UNITS[
            st.segmented_control(
                "Piece by piece", list(UNITS), default=next(iter(UNITS)), required=True,
                key="test-unit", persist_state="session",
                help="The hottest first, in the map as it is shown. Pieces that it leaves out, and "
                "others that are as hot as each other, come in a random order.",
            )
        ]  # fmt: skip
        fill = st.selectbox(
            "Hidden pieces show", FILLS, FILLS.index("blur"), format_func=str.capitalize,
            key="test-fill", persist_state="session",
            help="The choice matters: compare several before you believe one.",
        )  # fmt: skip
        steps = st.number_input(
            "Steps", 5, 200, STEPS, 5, key="test-steps", persist_state="session", width=140
        )
    segments = (
        faithfulness.cells((selection.pixels.shape[0], selection.pixels.shape[1]))
        if unit == "cells"
        else cache.segments(selection.picture, selection.classifier, selection.pixels)
    )
    run = cache.job(
        selection.picture.digest,
        selection.classifier.name,
        f"test {[(each.explainer, each.target, each.done) for each in usable]} {unit} {fill} "
        f"{steps}",
    )
    tested = long_running.offer(
        run, lambda: _curves(selection, usable, segments, fill, steps), "Run the test",
        faithfulness.passes(len(usable), segments, steps=steps), selection.classifier,
        lambda latest, settled: _draw_curves(latest, settled=settled),
    )  # fmt: skip
    if tested is None:
        return
    if run.finished:
        _judge(tested)
    _draw_point(selection, tested.curves, segments, fill)


def _curves(
    selection: Selection,
    explanations: Sequence[Explanation],
    segments: np.ndarray,
    fill: str,
    steps: int,
) -> Iterator[Tested]:
    maps = {each.explainer.title: strengths_of(each, segments) for each in explanations}
    return faithfulness.curves(
        selection.classifier, selection.pixels, selection.target, maps, segments,
        fill=fill, steps=steps,
    )  # fmt: skip


def _draw_curves(tested: Tested, *, settled: bool) -> None:
    theme = screen_theme()
    for column, kind in zip(st.columns(2), faithfulness.KINDS, strict=True):
        shown = list(tested.of(kind).values())
        with column:
            st.markdown(f"**{kind.capitalize()}**, area under the curve: {BETTER[kind]}")
            if not shown:
                st.skeleton(HEIGHT)
                continue
            st.plotly_chart(
                curves_figure(shown, height=HEIGHT, theme=theme),
                theme=None,
                config=QUIET,
                key=f"curves-{kind}" if settled else f"curves-{kind}-{tested.done}",
                on_select="rerun" if settled else "ignore",
                selection_mode="points",
                alt=f"{kind.capitalize()} curves of {', '.join(c.name for c in shown)}",
            )


def _judge(tested: Tested) -> None:
    """The areas, and how each order does among the random ones."""
    by_kind = {kind: tested.of(kind) for kind in faithfulness.KINDS}
    names = list(by_kind["deletion"])
    runs = len(by_kind["deletion"][RANDOM].runs)
    rows = []
    for name in names:
        row: dict[str, object] = {"Order": name}
        for kind, found in by_kind.items():
            spread = f" ± {found[name].spread:.3f}" if name == RANDOM else ""
            beaten = f"{faithfulness.beaten(found[name], found[RANDOM])} of {runs}"
            row[f"{kind.capitalize()} ({BETTER[kind]})"] = f"{found[name].area:.3f}{spread}"
            row[f"{kind.capitalize()}: random orders beaten"] = "–" if name == RANDOM else beaten
        rows.append(row)
    st.dataframe(rows, hide_index=True, alt="Areas under the curves")
    for kind, found in by_kind.items():
        st.markdown(f"**{kind.capitalize()}**: {_verdict(kind, found)}")
    maps = [name for name in names if name not in (RANDOM, BLOB)]
    questions = len(maps) * len(by_kind)
    st.caption(
        "Each random order is read both ways, so its mean area is the same in both kinds. "
        f"These are {questions} questions, {len(by_kind)} for each map. Of {questions} random "
        f"orders, {questions / (runs + 1):.1f} would be better than all {runs} on average. "
        "To try other fills or pieces is to ask more questions."
    )


def _verdict(kind: Kind, found: Mapping[str, Curve]) -> str:
    """Which map does best, and how often a random order would do as well as each."""
    random = found[RANDOM]
    runs = len(random.runs)
    ordered = {name: curve for name, curve in found.items() if name != RANDOM}
    if len({round(curve.area, 3) for curve in found.values()}) == 1:
        return f"all orders do the same, {random.area:.3f}. This tells no map from chance."
    best = (min if kind == "deletion" else max)(ordered.values(), key=lambda curve: curve.area)
    said = [f"{best.name} does best, with {best.area:.3f}."]
    alike: dict[int, list[str]] = {}
    for name, curve in ordered.items():
        if name != BLOB:
            alike.setdefault(faithfulness.beaten(curve, random), []).append(name)
    for beaten, names in sorted(alike.items(), reverse=True):
        verb = "does" if len(names) == 1 else "do"
        said.append(f"{_listed(names)} {verb} better than {_among_random(beaten, runs)}.")
        if beaten == runs == faithfulness.beaten(found[BLOB], random):
            said.append(f"So does a {BLOB}, which has not seen the picture.")
    return " ".join(said)


def _among_random(beaten: int, runs: int) -> str:
    """How many random orders are beaten, and how often one of them beats as many."""
    if not beaten:
        return f"none of {runs} random orders"
    if beaten == runs:
        return f"all {runs} random orders; a random order would be that once in {runs + 1}"
    return (
        f"{beaten} of {runs} random orders; a random order would do as well "
        f"{runs + 1 - beaten} times in {runs + 1}"
    )


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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
