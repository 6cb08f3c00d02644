"""One explanation on the screen: its run, its maps, its numbers, wherever the table puts them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explainer, Explanation, Prediction, Target
from explainers.images.colouring import Style
from explainers.report.maps import bold_from
from explainers.words import (
    in_words,
    legible,
    number,
    power_of_ten,
    raw_range,
    resolution,
    seconds,
    slug,
)
from pages.parts import cache, downloads, zoom
from pages.parts.figures import (
    CELLS,
    COLOUR_BAR,
    QUIET,
    WHOLE,
    Window,
    bare_figure,
    map_figure,
    matrix_figure,
)
from pages.parts.long_running import CALM
from pages.parts.picture import Picture
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers import Classifier
    from pages.parts.frame import Selection

VIEWS = ("Overlay", "Heatmap", "Matrix")


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
    heading, note : str, optional
        What tells its row from others, where there are others, and what else is to be said of it.
    probability : float, optional
        What stands beside its heading, as a number and a bar.
    settled : dict, optional
        Settings that the row decides, by the name of their method: its layer, for one.
    """

    picture: Picture
    classifier: "Classifier"
    pixels: np.ndarray
    prediction: Prediction
    target: Target
    heading: str = ""
    note: str = ""
    probability: float | None = None
    settled: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, selection: "Selection") -> "Subject":
        """What a person has chosen, as the only row."""
        return cls(
            selection.picture, selection.classifier, selection.pixels, selection.prediction,
            selection.target,
        )  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How all cards of a table are drawn.

    Parameters
    ----------
    style : Style
    views : tuple of str
        Which of `VIEWS`.
    width, tallest : int
        Of a map, in pixels: what there is of the one, and the most of the other.
    theme : {"light", "dark"}
    raw : bool
        Whether matrices are in raw values.
    coloured : bool
        Whether their cells have colours.
    locked : bool
        Whether all rows share a method's scale.
    window : Window
    zoomable : bool
        Whether a drag zooms; on a phone it scrolls the page instead.
    brief, named : bool
        Whether what is known of a map stands in as few words as possible, and begins with the name
        of its method.
    """

    style: Style
    views: tuple[str, ...]
    width: int
    tallest: int
    theme: str
    raw: bool = False
    coloured: bool = True
    locked: bool = False
    window: Window = WHOLE
    zoomable: bool = False
    brief: bool = False
    named: bool = False


@dataclass(frozen=True)
class Places:
    """Where a card is drawn: a place for each view, and one below for what is known of the map."""

    views: Mapping[str, DeltaGenerator]
    note: DeltaGenerator


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


class Card:
    """One method's explanation of one subject."""

    def __init__(
        self, key: str, method: type[Explainer], picture: Picture, look: Look, places: Places
    ) -> None:
        self.key, self.method, self.picture, self.look = key, method, picture, look
        self._places = places
        self._height = min(look.tallest, round(look.width * picture.aspect))
        self._done, self._drawn, self._when = 0, "", time.monotonic()
        self._slots: dict[str, DeltaGenerator] = {}
        self._gridded: tuple[Explanation | None, np.ndarray] = None, np.zeros((CELLS, CELLS))

    def ask(self, subject: Subject, explainer: Explainer) -> None:
        """What is to be explained, and how: as the column is set, or the row decides."""
        self.subject = subject
        self.explainer = replace(explainer, **subject.settled.get(self.method.name, {}))

    def join(self, column: "Sequence[Card]") -> None:
        """Find the run for all rows of a column that ask the same of the same network."""
        self._column = column
        self.run = cache.run(
            self.subject.picture,
            self.subject.classifier,
            self.subject.pixels,
            self.explainer,
            [card.subject.target for card in column if card._asks_like(self)],
        )

    def _asks_like(self, other: "Card") -> bool:
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
    def name(self) -> str:
        """What tells it from all cards of a table."""
        return f"{self.subject.heading}: {self._title}"

    @property
    def label(self) -> str:
        """What the map is of."""
        return in_words(self.subject.prediction, self.subject.target)

    @property
    def grid(self) -> np.ndarray:
        """The matrix of the latest explanation, raw."""
        explanation = self.explanation
        if explanation is not None and explanation is not self._gridded[0]:
            self._gridded = explanation, explanation.grid(CELLS)
        return self._gridded[1]

    @property
    def _sharing(self) -> "Sequence[Card]":
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
        settled = not any(card.run.waiting for card in self._sharing)
        explanation = self.explanation  # after it: what is settled does not change any more
        self._open(settled=settled)
        if explanation is None:
            if self.run.failure:
                self._draw_failure(self.run.failure)
            else:
                self._draw_nothing("Stopped before it began" if self.run.paused else "Waiting")
            return
        scale = self.scale
        drawn = f"{explanation.done}-{scale.maps}-{scale.bold}-{settled}"
        if drawn == self._drawn:
            return
        self._done, self._drawn, self._when = explanation.done, drawn, time.monotonic()
        self._draw_note(explanation)
        if explanation.blank_reason:
            self._draw_blank(explanation.blank_reason)
            return
        for view, slot in self._slots.items():
            if view != "Matrix":
                self._draw_map(
                    slot, explanation, scale, over_picture=view == "Overlay",
                    zoomable=settled and self.look.zoomable,
                )  # fmt: skip
            elif not self.run.waiting:
                self._draw_matrix(slot, explanation, scale)

    def offer_downloads(self) -> None:
        """Everything that can be taken away of it, on the scale that it has on the screen."""
        explanation = self.explanation
        if explanation is not None:
            scale = self.scale
            stem = f"{slug(self.subject.picture.title)}-{slug(self.label)}-{self.explainer.name}"
            downloads.offer(
                explanation, self.subject.picture, self.look.style, limit=scale.maps,
                unit=self._unit(explanation, scale)[0], stem=f"triptych-{stem}", key=self.key,
            )  # fmt: skip

    def _open(self, *, settled: bool) -> None:
        """Find places to draw in; those that are drawn in again are empty ones."""
        if not self._slots:
            self._note = _slot(self._places.note, settled=settled)
            self._slots = {
                view: _slot(self._places.views[view], settled=settled) for view in self.look.views
            }

    def _draw_failure(self, reason: str) -> None:
        self._note.warning(escaped(reason), icon=":material/block:")
        for slot in self._slots.values():
            slot.empty()

    def _draw_nothing(self, why: str = "Waiting") -> None:
        for view, slot in self._slots.items():
            slot.skeleton(self.look.width if view == "Matrix" else self._height + COLOUR_BAR)
        self._note.caption(why)

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
        named = f"heatmap {kind} for {legible(self.label)}: {self._found(explanation)}"
        key = f"map-{self.key}-{over_picture}"
        shared: dict[str, Any] = {"theme": None, "config": QUIET, "alt": f"{self._title} {named}"}
        if not zoomable:
            slot.plotly_chart(figure, key=f"{key}-{self._drawn}", **shared)
            return
        slot.plotly_chart(
            figure, key=key, on_select=lambda: zoom.to_box(key), selection_mode="box", **shared
        )

    def _draw_matrix(self, slot: DeltaGenerator, explanation: Explanation, scale: Scale) -> None:
        unit, named = self._unit(explanation, scale)
        with slot.container(gap="xsmall"):
            st.caption(f"{named} · strongest in {self._strongest}")
            st.plotly_chart(
                cache.made(
                    _matrix, explanation, self.look.style, scale, unit, self.look.width,
                    self.look.theme, coloured=self.look.coloured,
                ),
                theme=None, config=QUIET,
                alt=f"{self._title} as a {CELLS} by {CELLS} matrix for {legible(self.label)}: "
                f"{self._found(explanation)}",
                key=f"matrix-{self.key}-{self._drawn}",
            )  # fmt: skip

    @property
    def _title(self) -> str:
        return self.explainer.title

    @property
    def _strongest(self) -> str:
        row, column = np.unravel_index(np.abs(self.grid).argmax(), self.grid.shape)
        return f"row {row}, column {column}"

    def _found(self, explanation: Explanation) -> str:
        """What a chart of it shows, for those who do not see it."""
        return f"strongest in {self._strongest} of {CELLS} by {CELLS}, raw {raw_range(explanation)}"

    def _unit(self, explanation: Explanation, scale: Scale) -> tuple[float, str]:
        """What the values of the matrix are counted in, as a number and in words."""
        largest = scale.matrix or 1.0
        if self.look.raw:
            power = int(np.floor(np.log10(largest)))
            return 10.0**power, power_of_ten(power)
        named = "−1 to 1" if explanation.signed else "0 to 1"
        return largest, f"{named}, 1 is {number(largest)}" if self.look.locked else named

    def _draw_note(self, explanation: Explanation) -> None:
        measured, raw = resolution(explanation), f"raw {raw_range(explanation)}"
        progress = self.progress if not self.run.paused else f"Stopped at {self.progress}"
        surrogate = explanation.surrogate
        fit = (
            ""
            if surrogate is None
            else (
                f"R² {surrogate.r2:.2f}, linear model {surrogate.predicted:.3f}, "
                f"network {surrogate.observed:.3f}"
            )
        )
        if self.look.brief:
            r2 = "" if surrogate is None else f"R² {surrogate.r2:.2f}"
            name = self._title if self.look.named else ""
            short = " · ".join(filter(None, (name, measured, r2)))
            told = "  \n".join(filter(None, (raw.capitalize(), progress, fit, *explanation.notes)))
            self._note.caption(short, help=told)
            return
        self._note.caption(
            "  \n".join(
                filter(None, (f"Measured on {measured} · {raw}", progress, fit, *explanation.notes))
            )
        )


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
    explanation: Explanation,
    style: Style,
    scale: Scale,
    unit: float,
    width: int,
    theme: str,
    *,
    coloured: bool,
) -> go.Figure:
    grid = explanation.grid(CELLS)
    return matrix_figure(
        grid / unit, style, signed=explanation.signed, limit=scale.matrix / unit,
        bold=np.abs(grid) >= scale.bold, width=width, theme=theme, coloured=coloured,
    )  # fmt: skip


def _slot(place: DeltaGenerator, *, settled: bool) -> DeltaGenerator:
    """Where to draw: in a place, or, if it is to be drawn again, in an empty one there.

    An empty one takes what stands there off the screen, and the browser would draw it all anew.
    """
    return place if settled else place.empty()
