"""Whether the probability falls as the maps say it should: deletion and insertion, on screen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from explainers import Explanation
from explainers.images.regions import FILLS, fill_picture
from explainers.metrics import faithfulness
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, STEPS, Curve, Kind, Tested, strengths_of
from explainers.words import percent
from pages.parts import cache
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.how_far.verdicts import Test
from pages.parts.picture import Picture
from pages.parts.plots import curves_figure
from pages.parts.tried import UNITS, DeletionInsertion, maps_of

HEIGHT = 300
POINT = 0.1
"""The share of the pieces at which the picture is shown at first."""
BETTER = {"deletion": "lower is better", "insertion": "higher is better"}


def ask(selection: Selection, usable: Sequence[Explanation]) -> Test:
    """Hide and show the picture in the order of each map, and of chance."""
    superpixels = UNITS[
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
        "Steps", *DeletionInsertion.STEPS, STEPS, 5, key="test-steps", persist_state="session"
    )
    segments = (
        cache.segments(selection.picture, selection.classifier, selection.pixels)
        if superpixels
        else faithfulness.cells((selection.pixels.shape[0], selection.pixels.shape[1]))
    )
    return Test(
        DeletionInsertion(maps_of(usable), superpixels, fill, steps),
        lambda: _curves(selection, usable, segments, fill, steps),
        "Run the test",
        faithfulness.passes(len(usable), segments, steps=steps),
        "If a map is faithful, hiding what it calls hottest makes the probability fall fast, and "
        "showing that first makes it rise fast: faster than in random orders.",
        _verdicts,
        _beside,
        lambda tested, settled, titles: _draw(
            selection, _only(tested, titles), segments, fill, settled=settled
        ),
        "deletion and insertion",
    )


def _verdicts(tested: Tested) -> dict[str, str]:
    """The areas of each map, and how many random orders it does better than."""
    if tested.done < tested.total:
        return {}
    said: dict[str, list[str]] = {}
    for kind, found in _by_kind(tested).items():
        random = found[RANDOM]
        for name in _maps(found):
            beaten = faithfulness.beaten(found[name], random)
            said.setdefault(name, []).append(
                f"{kind.capitalize()} {found[name].area:.3f}, beats **{beaten} of "
                f"{len(random.runs)}**"
            )
    return {name: "  \n".join(lines) for name, lines in said.items()}


def _beside(tested: Tested) -> str:
    """The random orders and the blob, which know nothing, and how often one is the best."""
    by_kind = _by_kind(tested)
    random = by_kind["deletion"][RANDOM]
    runs = len(random.runs)
    blob = " and ".join(
        f"{faithfulness.beaten(found[BLOB], found[RANDOM])} ({kind})"
        for kind, found in by_kind.items()
    )
    return (
        f"Of {runs} random orders, with areas of {random.area:.3f} ± {random.spread:.3f}; one more "
        f"would beat them all once in {runs + 1}. A {BLOB}, which has not seen the picture, beats "
        f"{blob}."
    )


def _by_kind(tested: Tested) -> dict[Kind, dict[str, Curve]]:
    return {kind: tested.of(kind) for kind in faithfulness.KINDS}


def _maps(found: Mapping[str, Curve]) -> list[str]:
    return [name for name in found if name not in (RANDOM, BLOB)]


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


def _only(tested: Tested, titles: Sequence[str]) -> Tested:
    """The curves of some maps, beside those that know nothing."""
    wanted = {*titles, BLOB, RANDOM}
    return replace(tested, curves=tuple(each for each in tested.curves if each.name in wanted))


def _draw(
    selection: Selection, tested: Tested, segments: np.ndarray, fill: str, *, settled: bool
) -> None:
    for column, kind in zip(st.columns(2), faithfulness.KINDS, strict=True):
        with column:
            _draw_curves(tested, kind, settled=settled)
    if settled:
        _draw_point(selection, tested, segments, fill)


def _draw_curves(tested: Tested, kind: Kind, *, settled: bool) -> None:
    found = tested.of(kind)
    st.markdown(f"**{kind.capitalize()}**, area under the curve: {BETTER[kind]}")
    if not found:
        st.skeleton(HEIGHT)
        return
    areas = ", ".join(f"{name} {curve.area:.3f}" for name, curve in found.items())
    st.plotly_chart(
        curves_figure(list(found.values()), height=HEIGHT, theme=screen_theme()),
        theme=None,
        config=QUIET,
        key=f"curves-{kind}" if settled else f"curves-{kind}-{tested.done}",
        on_select=(lambda: _take_point(tested, kind)) if settled else "ignore",
        selection_mode="points",
        alt=f"{kind.capitalize()} curves; areas: {areas}. {BETTER[kind].capitalize()}",
    )


def _take_point(tested: Tested, kind: Kind) -> None:
    """Look at the point of a curve that was clicked."""
    points = st.session_state[f"curves-{kind}"].selection.points
    if points:
        names = list(tested.of(kind))
        st.session_state["point-kind"] = kind
        st.session_state["point-order"] = names[points[0]["curve_number"]]
        st.session_state["point-step"] = int(points[0]["point_index"])


def _draw_point(selection: Selection, tested: Tested, segments: np.ndarray, fill: str) -> None:
    """The picture at a point of a curve, chosen here or clicked there."""
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        st.markdown("**The picture at a point of a curve**", help="Or click a point of a curve.")
        kinds = [kind for kind in faithfulness.KINDS if tested.of(kind)]
        kind = st.segmented_control(
            "Curves", kinds, default=kinds[0], required=True, format_func=str.capitalize,
            key="point-kind",
        )  # fmt: skip
        curves = tested.of(kind)
        curve = curves[st.selectbox("Order", list(curves), key="point-order")]
        last = len(curve.shares) - 1
        if st.session_state.get("point-step", 0) > last:
            del st.session_state["point-step"]
        step = st.select_slider(
            "Share of the pieces", range(last + 1), round(POINT * last), key="point-step",
            format_func=lambda step: f"{curve.shares[step]:.0%}",
        )  # fmt: skip
    reached = curve.order[: round(curve.shares[step] * len(curve.order))]
    region = np.isin(segments, reached)
    hidden = region if kind == "deletion" else ~region
    filled = fill_picture(selection.pixels, fill, segments)
    pixels = np.where(hidden[..., None], filled, selection.pixels)
    picture: Picture = selection.picture.edited(pixels, hidden)
    said = (
        f"{curve.name}, {kind}: {curve.shares[step]:.0%} of the pieces, "
        f"{percent(float(curve.runs[0, step]))}"
    )
    right.image(cache.screen(picture), width=420, alt=said, caption=said)
