"""What filters and classes want to see, on screen."""

import io
from collections.abc import Sequence

import numpy as np
import streamlit as st

from explainers.explanation import Cost
from explainers.images.colouring import encode
from explainers.images.contact_sheet import contact_sheet
from explainers.network.ascent import Ascent, Climb
from explainers.words import number, slug
from pages.parts import cache, controls, long_running
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.network.feature_maps import choose_layer
from pages.parts.plots import climb_figure
from pages.parts.words import escaped

KINDS = ("Filters of a layer", "A class")
COUNTS = (1, 4, 16, 64)
SHEET = 450


def draw(selection: Selection) -> None:
    """Climb from grey noise to what a unit responds to most."""
    st.caption(
        "A picture is changed step by step so that a filter, or a class, responds ever more to it. "
        "What comes out is the pattern that it looks for."
    )
    classifier = selection.classifier
    layer: str | None = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "What", KINDS, default=KINDS[0], required=True, key="ascent-kind",
            persist_state="session",
        )  # fmt: skip
        if kind == KINDS[0]:
            layer = choose_layer(classifier, "filters")
            if layer is None:
                return
            channels = classifier.layer(layer).channels
            counts = [each for each in COUNTS if each <= channels]
            count = st.selectbox(
                "Filters", counts, min(2, len(counts) - 1), width=110,
                key=f"ascent-count-{channels}", help="They climb together.",
            )  # fmt: skip
            first = st.number_input(
                f"From number, of {channels:,}", 0, channels - count, 0,
                key=f"ascent-first-{layer}-{count}", width=180,
            )  # fmt: skip
            units = tuple(range(first, first + count))
        else:
            units = (selection.target.index,)
            label = selection.prediction[selection.target.index].label
            st.caption(f"{escaped(label)}: the class to explain, chosen in the sidebar.")
    with st.expander("How it climbs", icon=":material/tune:"):
        ascent: Ascent = controls.draw(Ascent, classifier, "ascent")
    run = cache.job("", classifier.name, f"{ascent} {layer} {units}")
    long_running.offer(
        run, lambda: ascent.climb(classifier, units, layer),
        "Climb", _passes(selection, ascent, len(units), layer), classifier,
        lambda climb, settled: _draw(selection, climb, layer, settled=settled),
    )  # fmt: skip


def _passes(selection: Selection, ascent: Ascent, count: int, layer: str | None) -> int:
    """What the climb costs, in whole forward passes of the network's own pictures."""
    steps = count * (ascent.steps + 1)
    passes = Cost(forward=steps, backward=steps).passes
    if layer is None:
        return passes
    classifier = selection.classifier
    values = [np.prod(each.shape) for each in classifier.summary]
    paths = [each.path for each in classifier.summary]
    depth = sum(values[: paths.index(layer) + 1]) / sum(values)
    area = ascent.size**2 / np.prod(classifier.size)
    return max(1, round(passes * depth * area))


def _draw(selection: Selection, climb: Climb, layer: str | None, *, settled: bool) -> None:
    names = _names(selection, climb.units, layer)
    pictures = climb.stretched()
    columns = max(1, int(np.sqrt(len(pictures))))
    sheet = contact_sheet(pictures, columns)
    place = selection.prediction[climb.units[0]].label if layer is None else layer
    shown = f"{place}: {names[0]}" + f" to {names[-1]}" * (len(names) > 1)
    with st.container(horizontal=True, gap="large"):
        with st.container(width=SHEET):
            st.image(
                sheet, width="stretch",
                alt=f"What {shown} respond to, after {climb.done} of {climb.total} steps: "
                f"{_found(climb, names)}",
                caption=f"{escaped(shown)}, {columns} a row; contrast evened out, what counts is "
                "the pattern.",
            )  # fmt: skip
        with st.container():
            st.markdown(f"**Response, step {climb.done} of {climb.total}**")
            st.plotly_chart(
                climb_figure(climb.values, names, theme=screen_theme()),
                theme=None, config=QUIET,
                key="climb" if settled else f"climb-{climb.done}",
                alt=f"Responses over {climb.done} steps: {_found(climb, names)}",
            )  # fmt: skip
            _tell(climb, names)
            if settled:
                _offer(selection, climb, sheet, layer)


def _found(climb: Climb, names: Sequence[str]) -> str:
    """Which unit responds most to its picture, and what it did to the noise."""
    best = int(climb.values[-1].argmax())
    first, last = (number(float(climb.values[step, best])) for step in (0, -1))
    return f"{names[best]} climbs highest, from {first} to {last}"


def _tell(climb: Climb, names: Sequence[str]) -> None:
    first, last = climb.values[0], climb.values[-1]
    if len(names) == 1:
        st.caption(f"From {number(float(first[0]))} to {number(float(last[0]))}.")
    else:
        risen = int((last > first).sum())
        st.caption(f"{risen} of {len(names)} respond more than they did to the noise.")
    if climb.silent.any():
        silent = [name for name, mute in zip(names, climb.silent, strict=True) if mute]
        verb = "never responds" if len(silent) == 1 else "never respond"
        st.warning(
            f"{escaped(', '.join(silent))} {verb}: from grey noise there is no way up, so what "
            "is shown is the noise.",
            icon=":material/block:",
        )


def _offer(selection: Selection, climb: Climb, sheet: np.ndarray, layer: str | None) -> None:
    stem = f"triptych-{slug(selection.classifier.name)}-{slug(layer or 'class')}-{climb.units[0]}"
    with st.container(horizontal=True):
        st.download_button(
            "Sheet, PNG", lambda: encode(sheet, "PNG"), f"{stem}.png", "image/png",
            icon=":material/download:", on_click="ignore", key="ascent-png",
        )  # fmt: skip
        st.download_button(
            "Arrays, NPZ", lambda: _arrays(climb), f"{stem}.npz", "application/octet-stream",
            icon=":material/download:", on_click="ignore", key="ascent-npz",
        )  # fmt: skip


def _arrays(climb: Climb) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(
        file, pictures=climb.pictures, values=climb.values, units=np.array(climb.units)
    )
    return file.getvalue()


def _names(selection: Selection, units: Sequence[int], layer: str | None) -> list[str]:
    if layer is None:
        return [selection.prediction[unit].label for unit in units]
    return [f"filter {unit}" for unit in units]
