"""The grid of explanation cards, methods across and whatever is compared down: the one grid.

Rows are classes, layers, classifiers or variants of a picture; every page uses it. What is known is
drawn at once; the rest streams in, the cheapest first, and a rerun goes on where the last one was.
What rows share is done once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explainer, Explanation, Prediction, Target
from explainers.images.colouring import Style, encode
from pages.parts import cache, controls, downloads
from pages.parts.figures import (
    CELLS,
    QUIET,
    WHOLE,
    Window,
    bare_figure,
    bold_from,
    map_figure,
    matrix_figure,
)
from pages.parts.frame import on_phone, screen_theme
from pages.parts.long_running import CALM
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

if TYPE_CHECKING:
    from explainers import Classifier

VIEWS = ("Overlay", "Heatmap", "Matrix")
SCALES = ("0 to 1", "Raw")
WIDTHS = {1: 640, 2: 480, 3: 330}
TALLEST = 480
MATRIX_HEIGHT = 330
LOADING = 1.5
"""Seconds that a browser takes to load what draws, roughly."""


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
    classifier: "Classifier"
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
    table = lay_out(
        [row.picture for row in rows], methods, style,
        headings=[row.heading for row in rows], one_scale=one_scale,
    )  # fmt: skip
    return table.fill(rows)


def lay_out(
    pictures: Sequence[Picture],
    methods: Sequence[type[Explainer]],
    style: Style,
    *,
    headings: Sequence[str] | None = None,
    one_scale: bool = False,
    waiting: bool = False,
) -> "Table":
    """Draw the empty cards, a row for each picture; see `draw` for the rest.

    Parameters
    ----------
    headings : sequence of str, optional
        What tells each row from others, where there are others.
    waiting : bool
        Whether it takes a while until they are filled, so that they say that they wait.
    """
    bar = st.container(horizontal=True, vertical_alignment="bottom", key="toolbar")
    if not methods:
        bar.info(
            "Choose a method in the sidebar to see an explanation.", icon=":material/touch_app:"
        )
        return Table(bar, None, [[] for _ in pictures])
    look = _look(bar, style, len(methods), len(pictures), one_scale=one_scale)
    cards = []
    for row, (picture, heading) in enumerate(
        zip(pictures, headings or [""] * len(pictures), strict=True)
    ):
        if heading:
            st.markdown(f"##### {heading}")
        columns = zip(st.columns(len(methods)), methods, strict=True)
        cards.append([_Card(column, method, picture, look, row) for column, method in columns])
    if waiting:
        for card in chain(*cards):
            card.wait()
    return Table(bar, look, cards)


class Table:
    """The cards, row by row, and the bar above them; each column one method, set one way."""

    def __init__(
        self, bar: DeltaGenerator, look: "Look | None", cards: list[list["_Card"]]
    ) -> None:
        self._bar, self._look, self._table = bar, look, cards
        self._cards = list(chain(*cards))

    def dismiss(self) -> None:
        """Say on each card that there is nothing to explain."""
        for card in self._cards:
            card.dismiss()

    def fill(self, rows: Sequence[Subject]) -> list[list[Explanation | None]]:
        """Explain the rows, and stay until all is done or a person wants no more; see `draw`."""
        if self._look is None:
            return [[] for _ in rows]
        cards = self._cards
        status, action, poster = (self._bar.empty() for _ in range(3))
        for line, subject in zip(self._table, rows, strict=True):
            for card, first in zip(line, self._table[0], strict=True):
                card.ask(subject, first)
        for column in zip(*self._table, strict=True):
            for card in column:
                card.join(column)
        runs = list({id(card.run): card.run for card in cards}.values())
        for card in cards:
            card.draw()
        if any(run.waiting for run in runs):
            _offer(action, runs)
        for card in sorted(cards, key=lambda card: card.passes):
            while card.run.waiting:
                status.caption(f"{card.explainer.title}: {card.progress}")
                card.run.advance()
                for other in cards:
                    if other.run is card.run:
                        other.draw_if_better()
            if any(run.waiting for run in runs):
                _give_way()
        _offer(action, runs, settled=True)
        status.caption(_summary(cards))
        for card in cards:
            card.settle()
        _offer_poster(poster, self._table[0], self._look)
        return [[card.explanation for card in line] for line in self._table]


def _look(
    bar: DeltaGenerator,
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
        column: DeltaGenerator,
        method: type[Explainer],
        picture: Picture,
        look: Look,
        row: int,
    ) -> None:
        self.method, self.picture, self.look = method, picture, look
        self._height = min(TALLEST, round(look.width * picture.aspect))
        self._done, self._drawn, self._when = 0, "", time.monotonic()
        self._slots: dict[str, DeltaGenerator] = {}
        self._gridded: tuple[Explanation | None, np.ndarray] = None, np.zeros((CELLS, CELLS))
        self.key = f"{method.name}-{row}" if row else method.name
        with column.container(border=True, height="stretch", key=f"card-{self.key}"):
            st.markdown(f"#### {method.title}", help=method.__doc__.splitlines()[0])  # type: ignore[union-attr]
            st.caption(method.answers)
            self._places = {
                view: st.container() if view in look.views else st.empty() for view in VIEWS
            }
            self._foot = st.container()
            st.space("stretch")
            with st.container(horizontal=True, horizontal_alignment="distribute"):
                self._settings = st.container(width="content")
                self._downloads = st.container(width="content")

    def ask(self, subject: Subject, first: "_Card") -> None:
        """What is to be explained, and how: as the card at the head of the column is set."""
        self.subject = subject
        if first is self:
            with self._settings.popover("Settings", icon=":material/tune:", type="tertiary"):
                self.chosen = controls.draw(self.method, subject.classifier, self.method.name)
        else:
            self.chosen = first.chosen
        self.explainer = replace(self.chosen, **subject.settled.get(self.method.name, {}))

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
        return self.explainer.cost(self.subject.classifier).passes

    @property
    def explanation(self) -> Explanation | None:
        """The reading of the latest observation, if there is one."""
        return self.run.read(self.explainer, self.subject.target)

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

    def wait(self) -> None:
        """Show the picture alone while it waits for a network: the browser loads what draws."""
        self._open(settled=False)
        self._draw_nothing()
        if "Overlay" in self._slots:
            self._slots["Overlay"].plotly_chart(
                bare_figure(cache.address(self.picture), self.picture.aspect, self._height),
                theme=None, config=QUIET, key=f"bare-{self.key}", alt="The picture, without a map",
            )  # fmt: skip

    def dismiss(self) -> None:
        """Say that there is nothing to explain."""
        self._open(settled=False)
        for slot in self._slots.values():
            slot.empty()
        self._note.caption("Without an answer there is nothing to explain.")

    def draw_if_better(self) -> None:
        """Redraw when the samples have doubled, which is when a map visibly changes.

        A browser takes part of a second to draw a map: what comes faster would keep it busy, and
        all else waiting.
        """
        latest = self.run.latest
        doubled = latest is not None and latest.done >= 2 * self._done
        if self.run.finished or (doubled and time.monotonic() - self._when >= CALM):
            self.draw()

    def draw(self) -> None:
        """Draw what there is, if it is not drawn yet."""
        explanation = self.explanation
        settled = not any(card.run.waiting for card in self._sharing)
        self._open(settled=settled)
        if explanation is None:
            if self.run.failure:
                self._draw_failure(self.run.failure)
            else:
                self._draw_nothing()
            return
        scale = self.scale
        drawn = f"{explanation.done}-{scale.maps}-{scale.bold}-{settled}"
        if drawn == self._drawn:
            return
        self._done, self._drawn, self._when = explanation.done, drawn, time.monotonic()
        self._note.caption(self._words(explanation))
        if explanation.blank_reason:
            self._draw_blank(explanation.blank_reason)
            return
        for view, slot in self._slots.items():
            if view != "Matrix":
                self._draw_map(
                    slot, explanation, scale, over_picture=view == "Overlay",
                    zoomable=settled and not self.look.phone,
                )  # fmt: skip
            elif not self.run.waiting:
                self._draw_matrix(slot, explanation, scale)

    def _open(self, *, settled: bool) -> None:
        """Find places to draw in; those that are drawn in again are empty ones."""
        if not self._slots:
            self._note = _slot(self._foot, settled=settled)
            self._slots = {
                view: _slot(self._places[view], settled=settled) for view in self.look.views
            }

    def settle(self) -> None:
        """Draw it on the scale that all rows have come to, and offer the downloads."""
        explanation = self.explanation
        if explanation is None:
            return
        self.draw()
        with self._downloads.popover("Download", icon=":material/download:", type="tertiary"):
            self._offer_downloads(explanation)

    def _draw_failure(self, reason: str) -> None:
        self._note.warning(escaped(reason), icon=":material/block:")
        for slot in self._slots.values():
            slot.empty()

    def _draw_nothing(self) -> None:
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
        slot: DeltaGenerator,
        explanation: Explanation,
        scale: Scale,
        *,
        over_picture: bool,
        zoomable: bool,
    ) -> None:
        figure = cache.made(
            _map, explanation, self.subject.picture, self.look.style, self.look.window,
            scale.maps, self._height, self.look.theme, over_picture=over_picture, zoomable=zoomable,
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

    def _draw_matrix(self, slot: DeltaGenerator, explanation: Explanation, scale: Scale) -> None:
        unit, named = self._unit(explanation, scale)
        with slot.container(gap="xsmall"):
            row, column = np.unravel_index(np.abs(self.grid).argmax(), self.grid.shape)
            st.caption(f"{named} · strongest in row {row}, column {column}")
            st.plotly_chart(
                cache.made(
                    _matrix, explanation, self.look.style, scale, unit, self.look.theme
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


def _map(
    explanation: Explanation,
    picture: Picture,
    style: Style,
    window: Window,
    limit: float,
    height: int,
    theme: str,
    *,
    over_picture: bool,
    zoomable: bool,
) -> go.Figure:
    return map_figure(
        explanation.heatmap, picture, cache.address(picture), style,
        signed=explanation.signed, segments=explanation.segments, over_picture=over_picture,
        limit=limit, window=window, height=height, theme=theme, zoomable=zoomable,
    )  # fmt: skip


def _matrix(
    explanation: Explanation, style: Style, scale: Scale, unit: float, theme: str
) -> go.Figure:
    grid = explanation.grid(CELLS)
    return matrix_figure(
        grid / unit, style, signed=explanation.signed, limit=scale.matrix / unit,
        bold=np.abs(grid) >= scale.bold, height=MATRIX_HEIGHT, theme=theme,
    )  # fmt: skip


def _slot(place: DeltaGenerator, *, settled: bool) -> DeltaGenerator:
    """Where to draw: in a place, or, if it is to be drawn again, in an empty one there.

    An empty one takes what stands there off the screen, and the browser would draw it all anew.
    """
    return place if settled else place.empty()


def _give_way() -> None:
    """Wait a little after a visitor's first map.

    Their browser is loading the library that draws. Where it runs on the same processor, to compute
    meanwhile would hold up both.
    """
    if "loaded" not in st.session_state:
        st.session_state.loaded = True
        time.sleep(LOADING)


def _offer(slot: DeltaGenerator, runs: list[cache.Run], *, settled: bool = False) -> None:
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


def _offer_poster(slot: DeltaGenerator, cards: Sequence[_Card], look: Look) -> None:
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
