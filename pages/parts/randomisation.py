"""Whether the maps depend on what the network has learnt, on screen."""

from collections.abc import Sequence

import streamlit as st

from explainers import Explanation
from explainers.images.colouring import Style
from explainers.metrics.randomisation import CARELESS, Randomisation, randomisation
from pages.parts import cache
from pages.parts.downloads import overlay_image
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.jobs import passes_of, work
from pages.parts.picture import Picture
from pages.parts.plots import similarity_figure
from pages.parts.words import escaped, percent, rounded

WIDTH = 150


def draw(selection: Selection, usable: Sequence[Explanation]) -> None:
    """Let a copy of the network forget, and watch the maps."""
    st.caption(
        "A copy of the network forgets what it has learnt, from the last layer to the first. A map "
        "that explains the network must change with it; one that stays shows the picture, not the "
        "network. Nothing happens to the network itself."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        stages = st.number_input(
            "Stages", 2, 10, 5, key="forget-stages", persist_state="session", width=140,
            help="The first forgets the last layer, the last one all layers.",
        )  # fmt: skip
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, 0, key="forget-seed", persist_state="session", width=140
        )
    classifier = selection.classifier
    passes = stages * sum(passes_of(each.explainer, classifier) for each in usable)
    run = cache.job(
        selection.picture.digest,
        classifier.name,
        f"forget {[(each.explainer, each.target, each.done) for each in usable]} {stages} {seed}",
    )
    work(
        run,
        lambda: randomisation(usable, classifier, selection.pixels, stages=stages, seed=seed),
        "Break a copy", passes, classifier,
        lambda latest, settled: _draw(selection, latest, settled=settled),
    )  # fmt: skip


def _draw(selection: Selection, found: Randomisation, *, settled: bool) -> None:
    for title in found.originals:
        remaining = found.remaining(title)
        if remaining is None:
            continue
        said = f"**{title}**: rank correlation {rounded(remaining)} with the map as it was"
        if found.stages[-1].explanations[title].blank_reason:
            st.markdown(f"**{title}**: nothing is left of the map once everything is forgotten.")
        elif abs(remaining) >= CARELESS:
            st.warning(
                f"{said}, though the network has forgotten everything. This map hardly cares what "
                "the network has learnt.",
                icon=":material/warning:",
            )
        else:
            st.markdown(f"{said}: it changed when everything was forgotten, as it should.")
    lines = {title: found.similarities(title) for title in found.originals}
    st.plotly_chart(
        similarity_figure(
            [stage.forgotten for stage in found.stages],
            lines,
            theme=screen_theme(),
        ),
        theme=None,
        config=QUIET,
        key="similarities" if settled else f"similarities-{found.done}",
        alt="Rank correlation with the map of the network as it is, while it forgets",
    )
    small = selection.picture.resized(WIDTH, round(WIDTH * selection.picture.aspect))
    for title, original in found.originals.items():
        st.markdown(f"**{title}**")
        with st.container(horizontal=True):
            _draw_map(small, selection.style, original, "as it is")
            for stage in found.stages:
                if title in stage.explanations:
                    _draw_map(
                        small,
                        selection.style,
                        stage.explanations[title],
                        f"{stage.forgotten:.0%} forgotten, down to {stage.layer}; "
                        f"{percent(stage.probability)}",
                    )


def _draw_map(small: Picture, style: Style, explanation: Explanation, said: str) -> None:
    st.image(
        overlay_image(explanation, small, style), width=WIDTH, caption=escaped(said),
        alt=f"{explanation.explainer.title}, {said}",
    )  # fmt: skip
