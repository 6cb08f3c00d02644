"""Whether the maps depend on what the network has learnt, on screen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from explainers import Explanation
from explainers.images.colouring import Style
from explainers.metrics.randomisation import Randomisation, Spread, cost, randomisation
from explainers.report.maps import overlay_image
from explainers.words import percent
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, rest_of_gallery, screen_theme
from pages.parts.how_far.verdicts import Test
from pages.parts.picture import Picture
from pages.parts.plots import similarity_figure
from pages.parts.tried import Forgetting, key_of_forgetting, maps_of
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers.classifiers.randomised import Way

WIDTH = 150
CHART = 230
"""How wide a chart is at least, in pixels; where less is left, it stands below the others."""
BESIDE = (
    "All is forgotten in these copies. A map stayed if it is as similar to what it was as the "
    "median map of another picture. The fewer stayed, the more the map depends on what was learnt."
)
WAYS: dict["Way", str] = {
    "untrained": "As before training",
    "shuffled": "Own weights, shuffled",
    "normal": "Own mean and deviation",
}


def ask(selection: Selection, usable: Sequence[Explanation]) -> Test | None:
    """Let copies of the network forget, and watch the maps."""
    way = st.selectbox(
        "How they forget", list(WAYS), format_func=WAYS.__getitem__,
        key="forget-way", persist_state="session",
        help="As before training: drawn as the layers start to learn. Shuffled: the values of "
        "each array in another order. Mean and deviation: each array drawn from the normal "
        "distribution that has its own. Batch normalisations count their statistics anew.",
    )  # fmt: skip
    copies = st.number_input(
        "Copies", *Forgetting.COPIES, 5, key="forget-copies", persist_state="session",
        help="Each is drawn on its own: chance alone decides much of a single one.",
    )  # fmt: skip
    stages = st.number_input(
        "Stages", *Forgetting.STAGES, 4, key="forget-stages", persist_state="session",
        help="The last forgets all layers, the first the last layer alone.",
    )  # fmt: skip
    seed = st.number_input("Seed", 0, 2**31 - 1, 0, key="forget-seed", persist_state="session")
    classifier = selection.classifier
    rest = rest_of_gallery(selection.picture).values()
    others = [classifier.prepare(picture.image) for picture in rest]
    passes = {
        each.explainer.title: cost(
            each.explainer, classifier, len(others), stages=stages, copies=copies
        ).passes
        for each in usable
    }
    chosen = _choose_maps(passes)
    tested = [each for each in usable if each.explainer.title in chosen]
    if not tested:
        return None
    names = tuple(picture.sample for picture in rest if picture.sample)
    square = bool(st.session_state.get("square"))
    return Test(
        Forgetting(maps_of(tested), way, copies, stages, seed, names, square),
        lambda: randomisation(
            tested, classifier, selection.pixels, others,
            way=way, stages=stages, copies=copies, seed=seed,
        ),
        "Break copies",
        sum(passes[title] for title in chosen),
        "Copies of the network forget what it has learnt, from the last layer to the first. A map "
        "that explains the network must change with it; one that stays shows the picture, not the "
        "network. Nothing happens to the network itself.",
        _verdicts,
        lambda found: BESIDE,
        lambda found, settled, titles: _draw(selection, found, titles, settled=settled),
        "forgotten",
    )  # fmt: skip


def _verdicts(found: Randomisation) -> dict[str, str]:
    """In how many copies each map stayed, and the similarities behind that."""
    return {
        title: f"{verdict}  \n:small[{_figures(found, title)}]"
        for title in found.originals
        if (verdict := _verdict(found, title))
    }


def _choose_maps(passes: Mapping[str, int]) -> list[str]:
    """Which maps to test, each at its price."""
    if len(passes) == 1:
        return list(passes)
    return st.pills(
        "Maps to test", list(passes), selection_mode="multi", default=list(passes),
        format_func=lambda title: f"{title} · {passes[title]:,} passes",
        key=key_of_forgetting(list(passes)), wrap=True,
    )  # fmt: skip


def _draw(
    selection: Selection, found: Randomisation, titles: Sequence[str], *, settled: bool
) -> None:
    shown = {title: map for title, map in found.originals.items() if title in titles}
    if not shown:
        return
    cells = st.grid(len(shown), min_column_width=CHART)
    for place, title in enumerate(shown):
        with cells.container():
            st.markdown(f"**{title}**  \n{_verdict(found, title)}")
            figures = _figures(found, title)
            st.plotly_chart(
                similarity_figure(
                    [stage.forgotten for stage in found.stages],
                    [Spread.of(values) for values in found.similarities(title)],
                    Spread.of(found.baseline(title)),
                    place=place,
                    theme=screen_theme(),
                ),
                theme=None,
                config=QUIET,
                key=f"similarities-{title}" if settled else f"similarities-{title}-{found.done}",
                alt=f"{title}, rank correlation with the map as it is. {figures}",
            )
            st.caption(figures)
    st.caption(
        "All maps are compared with the one as it is. The grey band is where those of the "
        "gallery's other pictures lie, each explained for its own first answer; the dotted line is "
        "their median. A copy that has forgotten everything counts if it is on that line or above: "
        "to forget changed its map no more than another picture does. If only what all maps of a "
        "method share were left, such as a hot middle, about half of the copies would count. The "
        "fewer do, the more the map depends on what the network has learnt."
    )
    small = selection.picture.resized(WIDTH, round(WIDTH * selection.picture.aspect))
    for title, original in shown.items():
        st.markdown(f"**{title}**: the first of {found.copies} copies")
        with st.container(horizontal=True):
            _draw_map(small, selection.style, original, "as it is")
            for stage in found.stages:
                if stage.explanations[title]:
                    _draw_map(
                        small,
                        selection.style,
                        stage.explanations[title][0],
                        f"{stage.forgotten:.0%} forgotten, down to {stage.layer}; "
                        f"{percent(stage.probabilities[0])}",
                    )


def _verdict(found: Randomisation, title: str) -> str:
    """In how many copies the map stayed."""
    tried = len(found.remaining(title))
    if not tried:
        return ""
    stayed = found.stayed(title)
    if stayed is None:
        return (
            "There is nothing to compare with, since it or all maps of other pictures are the same "
            "everywhere."
        )
    so_far = "" if tried == found.copies else " so far"
    return (
        f"In **{stayed} of {tried}** copies{so_far} it stayed as similar as maps of other pictures."
    )


def _figures(found: Randomisation, title: str) -> str:
    """The similarities behind the verdict: median, range, and how many."""
    remaining = found.remaining(title)
    copies, others = Spread.of(remaining), Spread.of(found.baseline(title))
    said = []
    if copies is not None:
        said.append(f"Everything forgotten: {copies}, {copies.count} copies.")
    blank = len(remaining) - (copies.count if copies else 0)
    if blank:
        said.append(f"In {blank} of {len(remaining)} nothing is left of the map.")
    if others is not None:
        said.append(f"Other pictures: {others}, {others.count} maps.")
    return " ".join(said)


def _draw_map(small: Picture, style: Style, explanation: Explanation, said: str) -> None:
    st.image(
        overlay_image(explanation, small.image, style), width=WIDTH, caption=escaped(said),
        alt=f"{explanation.explainer.title}, {said}",
    )  # fmt: skip
