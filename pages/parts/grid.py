"""The grid of explanation cards, methods across and whatever is compared down: the one grid.

Rows are classes, layers, classifiers or variants of a picture; every page uses it. What is known is
drawn at once; the rest streams in, the cheapest first, and a rerun goes on where the last one was.
What rows share is done once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st

from explainers import Classifier, Explainer, Explanation, Prediction, Target
from explainers.images.colouring import Style, encode
from pages.parts import cache, controls, downloads
from pages.parts.figures import (
    CELLS,
    QUIET,
    WHOLE,
    Window,
    bold_from,
    map_figure,
    matrix_figure,
)
from pages.parts.frame import on_phone, screen_theme
from pages.parts.jobs import passes_of
from pages.parts.picture import Picture
from pages.parts.words import (
    escaped,
    in_words,
    number,
    power_of_ten,
    raw_range,
    resolution,
    seconds,
    slug,
)

VIEWS = ("Overlay", "Heatmap", "Matrix")
SCALES = ("0 to 1", "Raw")
WIDTHS = {1: 640, 2: 480, 3: 330}
TALLEST = 480
MATRIX_HEIGHT = 330


@dataclass(frozen=True, eq=False)
class Subject:
    """What is explained: the decision of one classifier on one picture.

    Parameters
    ----------
    picture : Picture
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    prediction : Prediction
    target : Target
    heading : str, optional
        What tells its row from others, where there are others.
    settled : dict, optional
        Settings that the row decides, by the name of their method: its layer, for one.
    """

    picture: Picture
    classifier: Classifier
    pixels: np.ndarray
    prediction: Prediction
    target: Target
    heading: str = ""
    settled: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """How all cards are drawn; on a phone a drag scrolls the page instead of zooming."""

    style: Style
    views: tuple[str, ...]
    raw: bool
    locked: bool
    window: Window
    width: int
    theme: str
    phone: bool


@dataclass(frozen=True)
class Scale:
    """What the colours, the numbers and the bold cells of a card mean, in absolute raw values.

    Parameters
    ----------
    maps, matrix : float
        Where the colours end. Under one scale for all rows these are one number, the largest of
        any row; otherwise the card's own, and averaging makes that of the matrix the smaller.
    bold : float
        From where on a cell of the matrix is among the strongest tenth, of all rows together under
        one scale.
    """

    maps: float
    matrix: float
    bold: float


def draw(
    rows: Sequence[Subject],
    methods: Sequence[type[Explainer]],
    style: Style,
    *,
    one_scale: bool = False,
) -> list[list[Explanation | None]]:
    """Draw a card for each row and method, and stay until all are done or a person wants no more.

    Parameters
    ----------
    rows : sequence of Subject
    methods : sequence of type
    style : Style
    one_scale : bool
        Whether all rows share a method's scale, until a person wants it otherwise.

    Returns
    -------
    list of list of Explanation or None
        What there is in the end, row by row; None where a method could not explain.
    """
    if not methods:
        st.info(
            "Choose a method in the sidebar to see an explanation.", icon=":material/touch_app:"
        )
        return [[] for _ in rows]
    bar = st.container(horizontal=True, vertical_alignment="bottom", key="toolbar")
    look = _look(bar, style, len(methods), len(rows), one_scale=one_scale)
    status = bar.empty()
    action = bar.empty()
    poster = bar.empty()
    table = _lay_out(rows, methods, look)
    cards = [card for line in table for card in line]
    runs = list({id(card.run): card.run for card in cards}.values())
    for card in cards:
        card.draw()
    _offer(action, runs)
    for card in sorted(cards, key=lambda card: card.passes):
        while card.run.waiting:
            status.caption(f"{card.explainer.title}: {card.progress}")
            card.run.advance()
            for other in cards:
                if other.run is card.run:
                    other.draw_if_better()
    _offer(action, runs, settled=True)
    status.caption(_summary(cards))
    for card in cards:
        card.settle()
    for line in table[:1]:
        _offer_poster(poster, line, look)
    return [[card.explanation for card in line] for line in table]


def _lay_out(
    rows: Sequence[Subject], methods: Sequence[type[Explainer]], look: Look
) -> list[list["_Card"]]:
    """The empty cards, row by row, each column one method with one set of settings."""
    table: list[list[_Card]] = []
    for place, subject in enumerate(rows):
        if subject.heading:
            st.markdown(f"##### {subject.heading}")
        columns = st.columns(len(methods))
        above = table[0] if table else [None] * len(methods)
        table.append(
            [
                _Card(column, method, subject, look, place, first)
                for column, method, first in zip(columns, methods, above, strict=True)
            ]
        )
    for column_of_cards in zip(*table, strict=True):
        for card in column_of_cards:
            card.join(column_of_cards)
    return table


def _look(
    bar: st.delta_generator.DeltaGenerator,
    style: Style,
    methods: int,
    rows: int,
    *,
    one_scale: bool,
) -> Look:
    with bar:
        views = st.pills(
            "Show", VIEWS, selection_mode="multi", default=["Overlay", "Matrix"],
            key="views", persist_state="session",
        )  # fmt: skip
        scale = st.segmented_control(
            "Matrix values", SCALES, default=SCALES[0], required=True,
            key="scale", persist_state="session",
            help="0 to 1: each matrix divided by its own largest value; under one scale, all rows "
            "by the largest of any map. Bold: the strongest tenth of the cells, under one scale of "
            "the cells of all rows.",
        )  # fmt: skip
        locked = rows > 1 and st.toggle(
            "One scale for all rows", one_scale, key=f"locked-{one_scale}",
            persist_state="session",
            help="Colours, numbers and bold cells of a method mean the same in every row; "
            "otherwise each map has its own scale.",
        )  # fmt: skip
        window = st.session_state.get("window", WHOLE)
        st.button(
            "Whole picture", icon=":material/zoom_out_map:", key="unzoom", disabled=window == WHOLE,
            on_click=_unzoom, help="Drag a box on any map to zoom all of them.",
        )  # fmt: skip
    phone = on_phone()
    return Look(
        style,
        tuple(views) or VIEWS[:1],
        scale == "Raw",
        locked,
        window,
        WIDTHS[3] if phone else WIDTHS.get(methods, WIDTHS[3]),
        screen_theme(),
        phone,
    )


class _Card:
    """One method's explanation: its settings, its maps, its numbers, its downloads."""

    def __init__(
        self,
        column: st.delta_generator.DeltaGenerator,
        method: type[Explainer],
        subject: Subject,
        look: Look,
        row: int,
        first: "_Card | None",
    ) -> None:
        self.subject, self.look = subject, look
        self._done, self._drawn = 0, ""
        self._read: tuple[Any, Explanation | None] = None, None
        self._gridded: tuple[Explanation | None, np.ndarray] = None, np.zeros((CELLS, CELLS))
        self.key = f"{method.name}-{row}" if row else method.name
        with column.container(border=True, height="stretch", key=f"card-{self.key}"):
            st.markdown(f"#### {method.title}", help=method.__doc__.splitlines()[0])  # type: ignore[union-attr]
            st.caption(method.answers)
            self._slots = {view: st.empty() for view in VIEWS if view in look.views}
            self._note = st.empty()
            st.space("stretch")
            with st.container(horizontal=True, horizontal_alignment="distribute"):
                if first is None:
                    with st.popover("Settings", icon=":material/tune:", type="tertiary"):
                        self.chosen = controls.draw(method, subject.classifier, method.name)
                else:
                    self.chosen = first.chosen
                self._downloads = st.empty()
        self.explainer = replace(self.chosen, **subject.settled.get(method.name, {}))

    def join(self, column: Sequence["_Card"]) -> None:
        """Find the run for all rows of a column that ask the same of the same network."""
        self._column = column
        self.run = cache.run(
            self.subject.picture,
            self.subject.classifier,
            self.subject.pixels,
            self.explainer,
            [card.subject.target for card in column if card._asks_like(self)],
        )

    def _asks_like(self, other: "_Card") -> bool:
        mine, theirs = self.subject, other.subject
        return (
            mine.picture.digest == theirs.picture.digest
            and mine.classifier.name == theirs.classifier.name
            and self.explainer.observer == other.explainer.observer
        )

    @property
    def passes(self) -> int:
        """What it costs, roughly, in forward passes."""
        return passes_of(self.explainer, self.subject.classifier)

    @property
    def explanation(self) -> Explanation | None:
        """The reading of the latest observation, if there is one."""
        latest = self.run.latest
        if latest is not self._read[0]:
            self._read = latest, self.explainer.interpret(latest, self.subject.target)
        return self._read[1]

    @property
    def progress(self) -> str:
        """How far it has come."""
        latest = self.run.latest
        if latest is None:
            return "waiting"
        if latest.total == 1:
            return seconds(latest.seconds)
        return f"{latest.done:,} of {latest.total:,} samples · {seconds(latest.seconds)}"

    @property
    def grid(self) -> np.ndarray:
        """The matrix of the latest explanation, raw."""
        explanation = self.explanation
        if explanation is not None and explanation is not self._gridded[0]:
            self._gridded = explanation, explanation.grid(CELLS)
        return self._gridded[1]

    @property
    def _sharing(self) -> "Sequence[_Card]":
        """The cards that are on one scale with this one."""
        return self._column if self.look.locked else [self]

    @property
    def scale(self) -> Scale:
        """What its colours, its numbers and its bold cells mean."""
        shown = [(each, card.grid) for card in self._sharing if (each := card.explanation)]
        maps = max(each.scale for each, _ in shown)
        matrix = maps if self.look.locked else float(np.abs(self.grid).max())
        grids = [grid for each, grid in shown if not each.blank_reason]
        return Scale(maps, matrix, bold_from(*grids))

    def draw_if_better(self) -> None:
        """Redraw when the samples have doubled, which is when a map visibly changes."""
        latest = self.run.latest
        if self.run.finished or (latest is not None and latest.done >= 2 * self._done):
            self.draw()

    def draw(self) -> None:
        """Draw what there is, if it is not drawn yet."""
        explanation = self.explanation
        if explanation is None:
            self._draw_nothing()
            return
        scale = self.scale
        settled = not any(card.run.waiting for card in self._sharing)
        drawn = f"{explanation.done}-{scale.maps}-{scale.bold}-{settled}"
        if drawn == self._drawn:
            return
        self._done, self._drawn = explanation.done, drawn
        self._note.caption(self._words(explanation))
        if explanation.blank_reason:
            self._draw_blank(explanation.blank_reason)
            return
        for view, slot in self._slots.items():
            if view == "Matrix":
                self._draw_matrix(slot, explanation, scale)
            else:
                self._draw_map(
                    slot, explanation, scale, over_picture=view == "Overlay",
                    zoomable=settled and not self.look.phone,
                )  # fmt: skip

    def settle(self) -> None:
        """Draw it on the scale that all rows have come to, and offer the downloads."""
        explanation = self.explanation
        if explanation is None:
            return
        self.draw()
        with self._downloads.popover("Download", icon=":material/download:", type="tertiary"):
            self._offer_downloads(explanation)

    def _draw_nothing(self) -> None:
        if self.run.failure:
            self._note.warning(escaped(self.run.failure), icon=":material/block:")
            return
        for view, slot in self._slots.items():
            slot.skeleton(MATRIX_HEIGHT if view == "Matrix" else self._height)
        self._note.caption("Waiting")

    def _draw_blank(self, reason: str) -> None:
        """The reason once, and nothing where the other views would stand."""
        first, *others = self._slots.values()
        first.info(reason, icon=":material/visibility_off:")
        for slot in others:
            slot.empty()

    def _draw_map(
        self,
        slot: st.delta_generator.DeltaGenerator,
        explanation: Explanation,
        scale: Scale,
        *,
        over_picture: bool,
        zoomable: bool,
    ) -> None:
        figure = map_figure(
            explanation.heatmap, self.subject.picture, cache.address(self.subject.picture),
            self.look.style, signed=explanation.signed, segments=explanation.segments,
            over_picture=over_picture, limit=scale.maps, window=self.look.window,
            height=self._height, theme=self.look.theme, zoomable=zoomable,
        )  # fmt: skip
        kind = "over the picture" if over_picture else "alone"
        named = f"{self.explainer.title} heatmap {kind} for {self._label}"
        key = f"map-{self.key}-{over_picture}"
        if not zoomable:
            slot.plotly_chart(
                figure,
                theme=None,
                config=QUIET,
                alt=named,
                key=f"{key}-{self._drawn}",
            )
            return
        slot.plotly_chart(
            figure, theme=None, config=QUIET, alt=named, key=key,
            on_select=lambda: _zoom(key), selection_mode="box",
        )  # fmt: skip

    def _draw_matrix(
        self, slot: st.delta_generator.DeltaGenerator, explanation: Explanation, scale: Scale
    ) -> None:
        unit, named = self._unit(explanation, scale)
        with slot.container(gap="xsmall"):
            row, column = np.unravel_index(np.abs(self.grid).argmax(), self.grid.shape)
            st.caption(f"{named} · strongest in row {row}, column {column}")
            st.plotly_chart(
                matrix_figure(
                    self.grid / unit, self.look.style, signed=explanation.signed,
                    limit=scale.matrix / unit, bold=np.abs(self.grid) >= scale.bold,
                    height=MATRIX_HEIGHT, theme=self.look.theme,
                ),
                theme=None, config=QUIET,
                alt=f"{self.explainer.title} as a {CELLS} by {CELLS} matrix for {self._label}",
                key=f"matrix-{self.key}-{self._drawn}",
            )  # fmt: skip

    def _unit(self, explanation: Explanation, scale: Scale) -> tuple[float, str]:
        """What the values of the matrix are counted in, as a number and in words."""
        largest = scale.matrix or 1.0
        if self.look.raw:
            power = int(np.floor(np.log10(largest)))
            return 10.0**power, power_of_ten(power)
        named = "−1 to 1" if explanation.signed else "0 to 1"
        return largest, f"{named}, 1 is {number(largest)}" if self.look.locked else named

    def _words(self, explanation: Explanation) -> str:
        facts = [f"Measured on {resolution(explanation)}", f"Raw {raw_range(explanation)}"]
        facts.append(self.progress if not self.run.paused else f"Stopped at {self.progress}")
        surrogate = explanation.surrogate
        if surrogate is not None:
            facts.append(
                f"R² {surrogate.r2:.2f}, linear model {surrogate.predicted:.3f}, "
                f"network {surrogate.observed:.3f}"
            )
        return "  \n".join(facts)

    def _offer_downloads(self, explanation: Explanation) -> None:
        picture, style, name = self.subject.picture, self.look.style, self.explainer.name
        scale = self.scale
        limit, unit = scale.maps, self._unit(explanation, scale)[0]
        stem = f"triptych-{slug(picture.title)}-{slug(self._label)}-{name}"
        files: list[tuple[str, str, str, Callable[[], bytes]]] = [
            ("Overlay, PNG", "overlay.png", "image/png",
             lambda: encode(downloads.overlay_image(explanation, picture, style, limit), "PNG")),
            ("Overlay, JPEG", "overlay.jpg", "image/jpeg",
             lambda: encode(downloads.overlay_image(explanation, picture, style, limit), "JPEG")),
            ("Heatmap, PNG", "heatmap.png", "image/png",
             lambda: encode(downloads.heatmap_image(explanation, picture, style, limit), "PNG")),
            ("Matrix, CSV", "matrix.csv", "text/csv",
             lambda: downloads.matrix_csv(self.grid)),
            ("Arrays, NPZ", "arrays.npz", "application/octet-stream",
             lambda: downloads.arrays_npz(explanation)),
        ]  # fmt: skip
        for label, ending, mime, make in files:
            st.download_button(
                label, make, f"{stem}-{ending}", mime, key=f"{self.key}-{ending}",
                on_click="ignore", width="stretch",
            )  # fmt: skip
        st.caption("The matrix as shown, to copy")
        st.code(downloads.matrix_text(self.grid / unit), language=None, height=120)

    @property
    def _label(self) -> str:
        return in_words(self.subject.prediction, self.subject.target)

    @property
    def _height(self) -> int:
        return min(TALLEST, round(self.look.width * self.subject.picture.aspect))


def _offer(
    slot: st.delta_generator.DeltaGenerator, runs: list[cache.Run], *, settled: bool = False
) -> None:
    """A button to stop what is running, or to go on with what was stopped."""
    if any(run.paused and not run.finished for run in runs):
        slot.button(
            "Continue", icon=":material/play_arrow:", key=f"continue-{settled}",
            on_click=_pause, args=(runs, False),
        )  # fmt: skip
        return
    slot.button(
        "Stop", icon=":material/stop:", key=f"stop-{settled}",
        disabled=not any(run.waiting for run in runs), on_click=_pause, args=(runs, True),
        help="Keep what there is so far.",
    )  # fmt: skip


def _pause(runs: list[cache.Run], paused: bool) -> None:
    for run in runs:
        run.paused = paused and not run.finished


def _summary(cards: list[_Card]) -> str:
    stopped = [card.explainer.title for card in cards if not card.run.finished]
    return f"Stopped: {', '.join(stopped)}" if stopped else "All maps are complete"


def _offer_poster(
    slot: st.delta_generator.DeltaGenerator, cards: Sequence[_Card], look: Look
) -> None:
    """The maps of one row as a poster, on the scale that they have on the screen."""
    subject = cards[0].subject
    shown = [(card.explanation, card.scale.maps) for card in cards if card.explanation is not None]
    slot.download_button(
        "Poster",
        lambda: downloads.poster_png(
            [explanation for explanation, _ in shown], [limit for _, limit in shown],
            subject.picture, subject.classifier, subject.prediction, look.style,
        ),
        f"triptych-{slug(subject.picture.title)}-poster.png",
        "image/png",
        icon=":material/photo_library:",
        key="poster",
        on_click="ignore",
        disabled=not shown,
        help="The picture and all maps side by side as one PNG.",
    )  # fmt: skip


def _zoom(key: str) -> None:
    """Look at the box that was dragged on a map, on all of them."""
    boxes = st.session_state[key].selection.box
    if not boxes:
        return
    (left, right), (top, bottom) = (
        np.clip(sorted(boxes[0][axis]), -0.5, CELLS - 0.5).tolist() for axis in ("x", "y")
    )
    if right - left >= 0.5 and bottom - top >= 0.5:
        st.session_state.window = Window(left, right, top, bottom)


def _unzoom() -> None:
    st.session_state.window = WHOLE
