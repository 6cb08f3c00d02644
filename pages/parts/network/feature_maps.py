"""What channels see, on screen: a layer's channels on one sheet, one of them large, all layers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explainers.images.colouring import Style, coloured
from explainers.images.contact_sheet import GROUND, contact_sheet
from explainers.network.feature_maps import ORDERS, FeatureMaps, feature_maps, strongest_maps
from explainers.words import number
from pages.parts import cache, tried
from pages.parts.figures import QUIET, WHOLE, map_figure, sheet_figure
from pages.parts.frame import Selection, rest_of_gallery, screen_theme
from pages.parts.picture import Picture, data_uri
from pages.parts.viewport import on_phone
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers import Classifier
    from explainers.classifiers.graph import Layer

COLUMNS = 16
ROWS = 8
TILE = 64
SHEET, PHONE = 640, 350
LARGE = 280
MENU = 420
STRIP = 8
TABLE = 520
STRONGEST = "Strongest, each on its own scale"
OUTPUT = "Output"
AFTER = "After the activation"
STAGES = (AFTER, "As the convolution gives it")


@dataclass(frozen=True, eq=False)
class Side:
    """One picture and what a layer sees in it."""

    title: str
    picture: Picture
    seen: FeatureMaps


@dataclass(frozen=True, eq=False)
class Scale:
    """What the colours of all sides mean.

    Parameters
    ----------
    limits : (c,) ndarray
        The largest absolute value that each channel's colours reach.
    signed : bool
        Whether the scale runs to both sides of zero.
    style : Style
    """

    limits: np.ndarray
    signed: bool
    style: Style


def layers_of(classifier: "Classifier") -> list["Layer"]:
    """Convolutions and pooling layers, early to late."""
    return [layer for layer in classifier.layers if layer.convolution or "Pool" in layer.kind]


def choose_layer(classifier: "Classifier", key: str, first: str | None = None) -> str | None:
    """A layer to look at, one in the middle at first; says so where there is none."""
    layers = {layer.path: layer for layer in layers_of(classifier)}
    if not layers:
        st.info(
            f"{escaped(classifier.title)} has no convolution or pooling layer that keeps a "
            "grid, so there is nothing to look at.",
            icon=":material/info:",
        )
        return None
    return st.selectbox(
        "Layer",
        list(layers),
        list(layers).index(first) if first in layers else len(layers) // 2,
        format_func=lambda path: in_words(layers[path]),
        key=f"{key}-layer-{classifier.name}",
        persist_state="session",
        width=MENU,
        help="Early to late. Type to search.",
    )


def in_words(layer: "Layer") -> str:
    """A layer with its grid and channels."""
    return f"{layer.path} · {in_cells(layer)} · {layer.channels} channels"


def in_cells(layer: "Layer") -> str:
    """The grid of a layer: ``14 × 14``."""
    return " × ".join(map(str, layer.grid))


def _choose_stage() -> str:
    return st.segmented_control(
        "Convolutions", STAGES, default=AFTER, required=True, key="features-stage",
        persist_state="session",
        help="What the network goes on with, after the normalisation and the activation that "
        "follow a convolution; or what the convolution itself gives.",
    )  # fmt: skip


def _shown(classifier: "Classifier", layer: "Layer", stage: str) -> tuple["Layer", str]:
    """The layer whose output is shown for a layer of the menu, and what that is, in words."""
    if not layer.convolution:
        return layer, layer.path
    after = classifier.activated(layer.path)
    if after is None:
        return layer, f"{layer.path}, no activation of its own follows"
    if after == layer:
        return layer, f"{layer.path}, its activation is built in"
    if stage == AFTER:
        return after, f"{after.path}, after the activation"
    return layer, f"{layer.path}, before the activation"


def _middle(classifier: "Classifier") -> str | None:
    """The layer to begin with: in the middle of those that an activation follows, if any."""
    activated = [
        layer.path
        for layer in layers_of(classifier)
        if max(layer.grid) > 1 and classifier.activated(layer.path)
    ]
    return activated[len(activated) // 2] if activated else None


def draw(selection: Selection) -> None:
    """The channels of one layer, and one of them large beside the sheet that it is chosen from."""
    st.caption(
        "Every channel of a layer looks for one thing, and its map tells where it finds it. Hover "
        "for the number; click, or type the number, to see one large."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = choose_layer(selection.classifier, "features", _middle(selection.classifier))
        if layer is None:
            return
        order = st.selectbox(
            "In the order of", ORDERS, format_func=str.capitalize, key="features-order",
            persist_state="session", width=180,
            help="Strongest: by the largest response. Most varied: by the deviation over all "
            "places. Most important: gradient × activation for the class explained.",
        )  # fmt: skip
        beside = _choose_beside(selection)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        stage = _choose_stage()
    shown_at, said = _shown(selection.classifier, selection.classifier.layer(layer), stage)
    pictures = [("The picture", selection.picture, selection.pixels)]
    pictures += [] if beside is None else [beside]
    sides = [_look(selection, *each, shown_at.path) for each in pictures]
    seen = sides[0].seen
    ranked = seen.ranked(order)
    columns = COLUMNS // 2 if on_phone() else COLUMNS
    large = f"channel-{selection.classifier.name}-{layer}"
    st.session_state.setdefault(large, int(ranked[0]))
    with row:
        shown = _page(ranked, columns * ROWS // len(sides), layer)
        channel = st.number_input(
            f"Channel, of {len(ranked):,}", 0, len(ranked) - 1, key=large, width=140,
            help="The one that is shown large. A click on the sheet chooses one as well.",
        )  # fmt: skip
        one_scale = st.toggle(
            "One scale", key="features-scale", persist_state="session",
            help="All channels on one scale; otherwise each from zero to its own largest value.",
        )  # fmt: skip
        smooth = st.toggle(
            "Smooth", key="features-smooth", persist_state="session",
            help="Interpolate between the cells that were measured.",
        )  # fmt: skip
    st.caption(f"Shown: {escaped(said)}. {_count(seen)}")
    limits = np.max([np.abs(side.seen.maps).max(axis=(0, 1)) for side in sides], axis=0)
    if one_scale:
        limits = np.full_like(limits, limits.max())
    signed = any(side.seen.maps.min() < 0 for side in sides)
    scale = Scale(limits, signed, selection.style)
    for side in sides:
        if len(sides) > 1:
            st.markdown(f"**{side.title}**")
        with st.container(horizontal=True):
            _draw_sheet(side, shown, scale, min(columns, len(shown)), large)
            with st.container(horizontal=True, width="stretch"):
                for over_picture in (True, False)[: 3 - len(sides)]:
                    _draw_channel(side, channel, scale, over_picture=over_picture, smooth=smooth)


def draw_all_layers(selection: Selection) -> None:
    """The strongest channels of every layer, early to late."""
    st.caption(
        f"The {STRIP} channels of every convolution and pooling layer that respond most to this "
        "picture: first edges and colours on a fine grid, then parts, then things on a coarse one. "
        "Of channels that tie, as at the ceiling of an activation, the first are shown."
    )
    classifier = selection.classifier
    layers = [layer for layer in layers_of(classifier) if max(layer.grid) > 1]
    if not layers:
        title = escaped(classifier.title)
        st.info(f"No layer of {title} keeps a grid.", icon=":material/info:")
        return
    stage = _choose_stage()
    shown = [_shown(classifier, layer, stage) for layer in layers]
    strips = cache.inside(
        selection.picture, classifier, f"all layers {stage} {selection.style}",
        lambda: _strips(selection, [layer for layer, _ in shown]),
    )  # fmt: skip
    st.dataframe(
        {
            "Layer": [layer.path for layer in layers],
            "Shown": [said for _, said in shown],
            OUTPUT: [f"{in_cells(layer)} × {layer.channels}" for layer in layers],
            STRONGEST: [address for address, _ in strips],
            "Their numbers": [numbers for _, numbers in strips],
        },
        hide_index=True,
        row_height=66,
        height=TABLE,
        column_order=[STRONGEST, "Layer", "Shown", OUTPUT] if on_phone() else None,
        column_config={
            "Layer": st.column_config.TextColumn(width=204),
            "Shown": st.column_config.TextColumn(width=140),
            OUTPUT: st.column_config.TextColumn(width=76),
            STRONGEST: st.column_config.ImageColumn(width=466),
            "Their numbers": st.column_config.TextColumn(width=92),
        },
        alt=f"The {STRIP} strongest channels of {len(layers)} layers, from {in_words(layers[0])}, "
        f"where they are {strips[0][1]}, to {in_words(layers[-1])}, where they are {strips[-1][1]}",
    )


def _strips(selection: Selection, layers: list["Layer"]) -> list[tuple[str, str]]:
    found = strongest_maps(
        selection.classifier, selection.pixels, [layer.path for layer in layers], STRIP
    )
    strips = []
    for numbers, maps in found.values():
        limits = np.abs(maps).max(axis=(0, 1))
        tiles = tiles_of(maps, limits, selection.style, signed=bool(maps.min() < 0))
        strips.append((data_uri(contact_sheet(tiles, STRIP, TILE)), ", ".join(map(str, numbers))))
    return strips


def _choose_beside(selection: Selection) -> tuple[str, Picture, np.ndarray] | None:
    """Another picture to see through the same channels."""
    prepare = selection.classifier.prepare
    options: dict[str, Picture] = {
        f"What if {count}: {trial.kind.lower()}, {trial.fill}": trial.picture
        for count, trial in enumerate(tried.experiments(), 1)
    }
    options |= rest_of_gallery(selection.picture)
    chosen = st.selectbox(
        "Set beside", list(options), None, key="features-beside", placeholder="Nothing",
        help="Another picture through the same channels: of the gallery, or one that you tried "
        "on the page What if?",
    )  # fmt: skip
    if chosen is None:
        return None
    return chosen, options[chosen], prepare(options[chosen].image)


def _look(
    selection: Selection, title: str, picture: Picture, pixels: np.ndarray, layer: str
) -> Side:
    classifier, target = selection.classifier, selection.target
    seen = cache.inside(
        picture, classifier, f"features {layer} {target}",
        lambda: feature_maps(classifier, pixels, layer, target),
    )  # fmt: skip
    return Side(title, picture, seen)


def _count(seen: FeatureMaps) -> str:
    rows, columns, channels = seen.maps.shape
    dead = int(seen.dead.sum())
    said = f"{channels:,} channels, measured on {rows} × {columns} cells. "
    if not dead:
        return said + "None is dead."
    return said + f"{dead:,} of them {'is' if dead == 1 else 'are'} zero everywhere here."


def _page(ranked: np.ndarray, size: int, layer: str) -> np.ndarray:
    pages = -(-len(ranked) // size)
    if pages == 1:
        return ranked
    page = st.number_input(
        f"Sheet, of {pages}", 1, pages, 1, key=f"features-page-{layer}-{size}", width=140
    )
    return ranked[(page - 1) * size : page * size]


def _draw_sheet(side: Side, shown: np.ndarray, scale: Scale, columns: int, large: str) -> None:
    """Some channels as one picture; a click writes the channel's number under the key `large`."""
    seen = side.seen
    tiles = tiles_of(seen.maps[..., shown], scale.limits[shown], scale.style, signed=scale.signed)
    tiles[seen.dead[shown]] = GROUND
    key = f"sheet-{side.title}-{seen.layer}"
    width = min(PHONE if on_phone() else SHEET, 110 * columns)
    st.plotly_chart(
        sheet_figure(
            data_uri(contact_sheet(tiles, columns, TILE)),
            [(_told(seen, int(channel)), int(channel)) for channel in shown],
            columns,
            aspect=seen.maps.shape[0] / seen.maps.shape[1],
            width=width,
        ),
        width=width,
        theme=None,
        config=QUIET,
        key=key,
        on_select=lambda: _take(key, large, shown),
        selection_mode="points",
        alt=f"{len(shown)} channels of {seen.layer}, {side.title.lower()}: {_found(seen, shown)}",
    )


def _found(seen: FeatureMaps, shown: np.ndarray) -> str:
    """Which channel of a sheet responds most, where, and how many do not at all."""
    channel = next(int(each) for each in seen.ranked("strongest") if each in shown)
    row, column = seen.strongest_cell(channel)
    return (
        f"the strongest is channel {channel}, {number(float(seen.maps[row, column, channel]))} in "
        f"row {row}, column {column}; {int(seen.dead[shown].sum())} are zero everywhere"
    )


def _told(seen: FeatureMaps, channel: int) -> str:
    if seen.dead[channel]:
        return f"channel {channel}<br>zero everywhere"
    values = seen.maps[..., channel]
    return (
        f"channel {channel}<br>{number(float(values.min()))} to {number(float(values.max()))}"
        f"<br>importance {number(float(seen.importance[channel]))}"
    )


def tiles_of(maps: np.ndarray, limits: np.ndarray, style: Style, *, signed: bool) -> np.ndarray:
    """Maps ``(h, w, n)`` as coloured tiles ``(n, h, w, 3)``, each divided by its limit."""
    scaled = np.divide(maps, limits, out=np.zeros_like(maps), where=limits > 0)
    flat = np.moveaxis(scaled, -1, 0).reshape(-1, maps.shape[1])
    return coloured(flat, style, signed=signed).reshape(-1, *maps.shape[:2], 3)


def _take(sheet: str, large: str, shown: np.ndarray) -> None:
    """Look at the channel that was clicked."""
    clicked = st.session_state[sheet].selection.point_indices
    if clicked:
        st.session_state[large] = int(shown[clicked[0]])


def _draw_channel(
    side: Side, channel: int, scale: Scale, *, over_picture: bool, smooth: bool
) -> None:
    """One channel, large, with its values."""
    seen, values = side.seen, side.seen.maps[..., channel]
    row, place = seen.strongest_cell(channel)
    rows, columns = values.shape
    where = f"over {side.title.lower()}" if over_picture else "alone"
    extent = f"{number(float(values.min()))} to {number(float(values.max()))}"
    strongest = f"strongest in row {row}, column {place} of {rows} × {columns} cells"
    with st.container(width=LARGE, gap="xsmall"):
        st.markdown(f"**Channel {channel}** {where}")
        st.plotly_chart(
            map_figure(
                values, side.picture, cache.address(side.picture), scale.style,
                signed=scale.signed, over_picture=over_picture,
                limit=float(scale.limits[channel]), window=WHOLE,
                height=min(LARGE, round(LARGE * side.picture.aspect)),
                theme=screen_theme(), zoomable=False, smooth=smooth,
            ),
            theme=None, config=QUIET, key=f"large-{side.title}-{over_picture}",
            alt=f"Channel {channel} of {seen.layer} {where}: {extent}, {strongest}",
        )  # fmt: skip
        if seen.dead[channel]:
            st.caption("It is zero everywhere here.")
        elif over_picture:
            st.caption(f"{extent}, {strongest}.")
        else:
            st.caption(
                f"Gradient × activation, summed: {number(float(seen.importance[channel]))} of the "
                "logit, to first order."
            )
