"""What has to be hidden for another answer: a region that changes it, and the way there."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explanation, NoAnswerError, Target
from explainers.images.regions import FILLS, hide
from explainers.metrics.flipping import PAIRED, Flip, pairs_with_less, try_pairs
from explainers.words import legible, percent
from pages.parts import cache, long_running
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.picture import Picture
from pages.parts.plots import steps_figure
from pages.parts.words import escaped


def _in_grey(selection: Selection, region: np.ndarray) -> Picture:
    return selection.picture.edited(hide(selection.pixels, region, "grey"), region)


def draw(selection: Selection, differences: Sequence[Explanation | None], target: Target) -> None:
    """Draw a region that changes the answer, the picture without it, and the way there."""
    st.header("What has to be hidden for another answer?", anchor=False)
    usable = {d.explainer.title: d for d in differences if d is not None and not d.blank_reason}
    if not usable:
        st.info("There is no map to go by.", icon=":material/info:")
        return
    prediction = selection.prediction
    expected = prediction[target.classes[1]]
    first = prediction.top(1)[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.selectbox(
            "In the order of", list(usable), len(usable) - 1, key="flip-by",
            help="Pieces are hidden from the strongest for this method to the weakest; for LIME by "
            "all its coefficients, also of pieces that the map leaves out.",
        )  # fmt: skip
        fill = st.selectbox(
            "Hidden pieces show", FILLS, key="flip-fill", persist_state="session",
            format_func=str.capitalize,
        )  # fmt: skip
        any_other = st.toggle("Until any other class wins", key="flip-any", persist_state="session")
    until = None if any_other or expected.index == first.index else expected.index
    difference = usable[title]
    segments = difference.segments
    if segments is None:
        segments = cache.segments(selection.picture, selection.classifier, selection.pixels)
    try:
        found = cache.flip(selection.picture, selection.classifier, selection.pixels, difference,
                           segments, fill, until)  # fmt: skip
    except NoAnswerError as reason:
        st.warning(escaped(str(reason)), icon=":material/block:")
        return
    left, right = st.columns([1, 2], gap="large", vertical_alignment="center")
    shown = list(dict.fromkeys([first.index, target.index, target.classes[1]]))
    if found.winner is not None:
        shown = list(dict.fromkeys([*shown, found.winner]))
    right.plotly_chart(
        steps_figure(
            found.probabilities[:, shown],
            [prediction.labels[index] for index in shown],
            theme=screen_theme(),
        ),
        theme=None,
        config=QUIET,
        alt="Probabilities while more and more pieces are hidden: "
        + ", ".join(
            f"{legible(prediction.labels[index])} from {percent(float(values[0]))} to "
            f"{percent(float(values[-1]))} after {len(values) - 1}"
            for index, values in zip(shown, found.probabilities[:, shown].T, strict=True)
        ),
    )
    order = f"{difference.explainer} {target} {difference.done}"
    _draw_smallest(selection, left.empty(), found, segments, order)


def _draw_smallest(
    selection: Selection, place: DeltaGenerator, found: Flip, segments: np.ndarray, order: str
) -> None:
    """The region, and below the offer to try every pair of pieces that has less area."""
    pairs = len(pairs_with_less(found, segments))
    run = cache.job(
        selection.picture.digest,
        selection.classifier.name,
        f"pairs {order} {found.fill} {found.until}",
    )

    def tried() -> bool:
        return not pairs or (run.finished and not run.failure)

    def draw_region() -> None:
        smallest = run.latest.flip if run.latest else found
        _draw_region(selection, place, smallest, segments, tried=tried())

    draw_region()
    if tried():
        return
    long_running.offer(
        run, lambda: try_pairs(selection.classifier, selection.pixels, segments, found),
        "Try pairs, at most" if found.winner is None else "Try smaller pairs, at most",
        pairs, selection.classifier, lambda latest, settled: None,
    )  # fmt: skip
    if tried():
        draw_region()


def _draw_region(
    selection: Selection, place: DeltaGenerator, found: Flip, segments: np.ndarray, *, tried: bool
) -> None:
    """The picture without the region, what the network says then, and what was tried."""
    labels = selection.prediction.labels
    before = int(found.probabilities[0].argmax())
    pieces = int(segments.max()) + 1
    pairs = f"{pieces}" if pieces <= PAIRED else f"{PAIRED} strongest"
    with place.container():
        if found.winner is None:
            wanted = "another class" if found.until is None else escaped(labels[found.until])
            many = f"any single piece or any pair of the {pairs}" if tried else "any single piece"
            st.info(
                f"Nothing changes it: {wanted} does not win when the {pieces} pieces are hidden "
                f"in this order, not even when all are, nor when {many} is.",
                icon=":material/block:",
            )
            return
        st.image(
            cache.screen(_in_grey(selection, found.region)), width="stretch",
            alt=f"The picture with what was hidden in grey: {found.share:.1%} of it",
        )  # fmt: skip
        count = len(found.hidden)
        st.markdown(
            f"**{found.share:.1%} of the picture**, {count} piece{'' if count == 1 else 's'} of "
            f"{pieces}: without {'it' if count == 1 else 'them'} it is "
            f"*{escaped(labels[found.winner])}* ({percent(float(found.after[found.winner]))}) and "
            f"no longer *{escaped(labels[before])}* ({percent(float(found.after[before]))})."
        )
        needed = f"Each of the {count} is needed. " if count > 1 else ""
        less = (
            f"No single piece and no pair of the {pairs} does it with less area."
            if tried
            else f"No single piece of the {pieces} does it with less area; pairs were not tried."
        )
        more = " Three and more were tried in this order alone." if pieces > 2 else ""
        if pieces > 1:
            st.caption(f"{needed}{less}{more}")
