"""The table of explanations, methods across and whatever is compared down: the one layout.

A single row has large cards; several are compact, so that they stand in one look; several rows of
one method stand side by side. What is known is drawn at once; the rest streams in, the cheapest
first, and a rerun goes on where the last one was. What rows share is done once.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explainer, Explanation
from explainers.images.colouring import Style
from explainers.words import percent, slug
from pages.parts import cache, controls, downloads, long_running, taking_away, viewport, zoom
from pages.parts.card import VIEWS, Card, Look, Places, Subject
from pages.parts.figures import COLOUR_BAR
from pages.parts.frame import screen_theme
from pages.parts.picture import Picture
from pages.parts.words import escaped

SCALES = ("0 to 1", "Raw")
GAP = 16
"""Pixels between columns."""
KEEP = "Keep what there is so far."
NARROWEST = 170
"""A map of a strip, in pixels; where less is left of the page, it stands below the one before."""
TALLEST = 480
CARD, ABREAST = 300, 3
"""How wide a large card is at least, in pixels; but so many stand side by side in any window."""
COMPACT, AT_MOST, ON_PHONE = 200, 250, 170
"""How high a map of a compact row is with its colour bar, in pixels: more in a wide window, and
less on a phone, where a row is one screen."""
SIDE = 0.7
"""How wide the heading of a compact row is, beside a map."""
TILE = 240
"""How wide a map of a single method is at least where several stand side by side, in pixels."""
IN_SIGHT, UNDER = 3, 36
"""So many rows are seen at once, each with so many pixels under its maps; the rest is scrolled to,
so that the methods' names stay in sight."""
LOADING = 1.5
"""Seconds that a browser takes to load what draws, roughly."""


def draw(
    rows: Sequence[Subject],
    methods: Sequence[type[Explainer]],
    style: Style,
    *,
    one_scale: bool = False,
    bar: DeltaGenerator | None = None,
) -> list[list[Explanation | None]]:
    """Draw a card for each row and method, and stay until all are done or a person wants no more.

    Parameters
    ----------
    rows : sequence of Subject
    methods : sequence of type
    style : Style
    one_scale : bool
        Whether all rows share a method's scale, until a person wants it otherwise.
    bar : DeltaGenerator, optional
        A line to put what concerns all of them in, behind what stands there already.

    Returns
    -------
    list of list of Explanation or None
        What there is in the end, row by row; None where a method could not explain.
    """
    bar = bar or one_line()
    if len(rows) == 1:
        return lay_out(rows[0].picture, methods, style, bar=bar).fill(rows)
    if not methods or not rows:
        return _nothing(bar).fill(rows)
    look = _compact(bar, style, one_scale=one_scale)
    if len(methods) == 1:
        return _tiles(bar, rows, methods[0], look).fill(rows)
    return _rows(bar, rows, methods, look).fill(rows)


def lay_out(
    picture: Picture,
    methods: Sequence[type[Explainer]],
    style: Style,
    *,
    waiting: bool = False,
    bar: DeltaGenerator | None = None,
) -> "Table":
    """Draw a row of large cards, empty for now; see `draw` for the rest.

    Parameters
    ----------
    waiting : bool
        Whether it takes a while until they are filled, so that they say that they wait.
    """
    bar = bar or one_line()
    if not methods:
        return _nothing(bar)
    look = _large(bar, style, len(methods))
    table = _cards(bar, picture, methods, look)
    if waiting:
        table.wait()
    return table


def strip(
    row: Subject,
    methods: Sequence[type[Explainer]],
    style: Style,
    *,
    height: int,
    bare: bool = False,
) -> list[Explanation | None]:
    """Draw one line of maps with their names above; see `draw` for the rest.

    Parameters
    ----------
    height : int
        Of a map, its colour bar counted, in pixels.
    bare : bool
        Whether there is nothing to press, and all is done as it was set elsewhere.
    """
    place = st.container()
    bar = one_line()
    if not methods:
        return _nothing(bar).fill([row])[0]
    wide = _share(1 if viewport.narrow() else _across(len(methods), NARROWEST))
    look = Look(style, VIEWS[:1], wide, height - COLOUR_BAR, screen_theme(), brief=True)
    cards: list[Card] = []
    settings: list[DeltaGenerator | None] = []
    cells = place.grid(len(methods), min_column_width=NARROWEST)  # columns with maps print stacked
    for method in methods:
        with cells.container(key=f"card-{method.name}", gap="xsmall"):
            if bare:
                st.markdown(f"## {method.title}")
            settings.append(None if bare else _popover(method.title, help=_first_line(method)))
            cards.append(Card(method.name, method, row.picture, look, _places(look)))
    return Table(bar, [cards], settings, bare=bare).fill([row])[0]


class Table:
    """The cards, row by row, and the bar above them; each column one method, set one way.

    Parameters
    ----------
    bar : DeltaGenerator
        For what concerns all of them.
    cards : list of list of Card
    settings : list of DeltaGenerator or None
        Where the settings of each column stand; where they do not, they are as they were set.
    takeaways : list of DeltaGenerator
        Where what can be taken away of each card of a single row stands; of several, in the bar.
    status : DeltaGenerator, optional
        Where it is said how far the work has come; in the bar if None.
    bare : bool
        Whether there is nothing to press.
    """

    def __init__(
        self,
        bar: DeltaGenerator,
        cards: list[list[Card]],
        settings: Sequence[DeltaGenerator | None],
        takeaways: Sequence[DeltaGenerator] = (),
        *,
        status: DeltaGenerator | None = None,
        bare: bool = False,
    ) -> None:
        self._bar, self._table, self._settings, self._takeaways = bar, cards, settings, takeaways
        self._status, self._bare = status or bar, bare
        self._cards = list(chain(*cards))

    def wait(self) -> None:
        """Say on each card that it waits."""
        for card in self._cards:
            card.wait()

    def dismiss(self) -> None:
        """Say on each card that there is nothing to explain."""
        for card in self._cards:
            card.dismiss()

    def fill(self, rows: Sequence[Subject]) -> list[list[Explanation | None]]:
        """Explain the rows, and stay until all is done or a person wants no more; see `draw`."""
        if not self._cards:
            return [[] for _ in rows]
        cards = self._cards
        set_so = [
            _settings(place, card.method, rows[0])
            for place, card in zip(self._settings, self._table[0], strict=True)
        ]
        for line, subject in zip(self._table, rows, strict=True):
            for card, explainer in zip(line, set_so, strict=True):
                card.ask(subject, explainer)
        for column in zip(*self._table, strict=True):
            for card in column:
                card.join(column)
        runs = list({id(card.run): card.run for card in cards}.values())
        action = self._bar.container(width="content")
        waiting = any(run.waiting for run in runs)
        if waiting and not self._bare:
            _offer_pause(action, runs)
        takeaway = self._bar.empty() if waiting else self._bar.container(width="content")
        status = self._status.empty()
        for card in cards:
            card.draw()
        for card in sorted(cards, key=lambda card: card.passes):
            while card.run.waiting:
                said = f"{card.explainer.title}: {card.progress}"
                status.caption(said)
                card.run.advance(partial(_tell_place, status, said, set()))
                for other in cards:
                    if other.run is card.run:
                        other.draw_if_better()
            if any(run.waiting for run in runs):
                _give_way()
        for card in cards:
            card.draw()
        if self._bare:
            status.empty()
        else:
            if not _stopped(runs):
                _nothing_to_stop(action)
            elif not waiting:
                _offer_pause(action, runs)
            status.caption(_summary(cards))
            self._offer_downloads(takeaway)
        return [[card.explanation for card in line] for line in self._table]

    def _offer_downloads(self, slot: DeltaGenerator) -> None:
        """Of a single row below each card and, of all together, in the bar; of several there."""
        if self._takeaways:
            together = taking_away.together(slot)
            _offer_together(together, self._table[0])
            for place, card in zip(self._takeaways, self._cards, strict=True):
                with place.popover("Download", icon=":material/download:", type="tertiary"):
                    card.offer_downloads()
        elif len(self._table) > 1:
            with slot.popover("Download", icon=":material/download:"):
                done = {card.key: card for card in self._cards if card.explanation is not None}
                chosen = st.selectbox(
                    "Map", list(done), key=f"download-{'-'.join(done)}",
                    format_func=lambda key: done[key].name,
                )  # fmt: skip
                if chosen is not None:
                    done[chosen].offer_downloads()


def one_line() -> DeltaGenerator:
    """A line for what concerns all cards of a table, and for what a page puts before it."""
    return st.container(horizontal=True, vertical_alignment="center", key="toolbar")


def _tell_place(status: DeltaGenerator, said: str, told: set[int], ahead: int) -> None:
    """Say how many are served before it, once for each number; one is served in a moment."""
    if ahead > 1 and ahead not in told:
        told.add(ahead)
        status.caption(f"{said} · after {ahead} others")


def _nothing(bar: DeltaGenerator) -> Table:
    bar.info("Choose a method in the sidebar to see an explanation.", icon=":material/touch_app:")
    return Table(bar, [], [])


def _large(bar: DeltaGenerator, style: Style, methods: int) -> Look:
    wide = _share(1 if viewport.narrow() else _abreast(methods))
    look = Look(style, VIEWS[:1], wide, TALLEST, screen_theme(), zoomable=not viewport.on_phone())
    if methods > ABREAST:
        look = _chosen(bar, look, default=["Overlay"], key="views-many")
    else:
        look = _chosen(bar, look, default=["Overlay", "Matrix"], key="views")
    if methods > 1 or viewport.narrow():
        return look
    beside = len(look.views)
    return replace(look, width=(wide - GAP * (beside - 1)) // beside)


def _cards(
    bar: DeltaGenerator, picture: Picture, methods: Sequence[type[Explainer]], look: Look
) -> Table:
    """A card for each method, side by side; the views of a single one stand side by side."""
    cards, settings, takeaways = [], [], []
    cells = st.grid(1 if viewport.narrow() else _abreast(len(methods)), min_column_width=TILE)
    for method in methods:
        with cells.container(height="stretch", key=f"card-{method.name}"):
            st.header(method.title, anchor=method.name, help=_first_line(method))
            st.caption(method.answers)
            places = _places(look, beside=len(methods) == 1 and not viewport.narrow())
            cards.append(Card(method.name, method, picture, look, places))
            with st.container(horizontal=True):
                settings.append(_popover("Settings"))
                takeaways.append(st.container(width="content"))
    return Table(bar, [cards], settings, takeaways)


def _compact(bar: DeltaGenerator, style: Style, *, one_scale: bool) -> Look:
    look = Look(
        style, VIEWS[:1], TILE, _compact_height() - COLOUR_BAR, screen_theme(),
        zoomable=not viewport.on_phone(), brief=True,
    )  # fmt: skip
    look = _chosen(bar, look, default=["Overlay"], key="views-rows")
    with bar:
        locked = st.toggle(
            "One scale for all rows", one_scale, key=f"locked-{one_scale}",
            persist_state="session",
            help="Colours, numbers and bold cells of a method mean the same in every row; "
            "otherwise each map has its own scale.",
        )  # fmt: skip
    return replace(look, locked=locked)


def _abreast(methods: int) -> int:
    """How many large cards stand side by side."""
    return methods if methods <= ABREAST else _across(methods, CARD)


def _across(count: int, narrowest: int) -> int:
    """How many of several columns there is room for, where each has a least width."""
    return max(1, min(count, (viewport.width() + GAP) // (narrowest + GAP)))


def _share(across: int) -> int:
    """How wide each of several columns of a page is, in pixels."""
    return (viewport.width() - GAP * (across - 1)) // across


def _compact_height() -> int:
    return ON_PHONE if viewport.narrow() else min(AT_MOST, max(COMPACT, viewport.width() // 6))


def _rows(
    bar: DeltaGenerator, rows: Sequence[Subject], methods: Sequence[type[Explainer]], look: Look
) -> Table:
    """The methods' names once, on top, and a row's heading at the left, where there is room."""
    beside = "Matrix" not in look.views
    spec = [*([SIDE] if beside else []), *[1.0] * len(methods)]
    wide = (viewport.width() - GAP * (len(spec) - 1)) / sum(spec)
    if viewport.narrow() or wide < NARROWEST:
        return _wrapped(bar, rows, methods, look)
    look = replace(look, width=int(wide))
    heads = st.columns(spec, vertical_alignment="center")
    settings = []
    for head, method in zip(heads[-len(methods) :], methods, strict=True):
        with head:
            settings.append(_popover(method.title, help=_first_line(method)))
    tall = len(rows) > IN_SIGHT or len(look.views) > 1
    sight = IN_SIGHT * (_compact_height() + UNDER)
    cards = []
    with st.container(height=sight if tall else "content", border=False, gap="xsmall"):
        for number, row in enumerate(rows):
            if beside:
                side, *columns = st.columns(spec)
                with side:
                    _heading(row)
            else:
                _heading(row)
                columns = st.columns(spec)
            cards.append([
                _compact_card(column, number, row, method, look)
                for column, method in zip(columns, methods, strict=True)
            ])  # fmt: skip
    return Table(bar, cards, settings, status=heads[0] if beside else None)


def _wrapped(
    bar: DeltaGenerator, rows: Sequence[Subject], methods: Sequence[type[Explainer]], look: Look
) -> Table:
    """A row's heading above its maps, which say what they are and stand on as many lines."""
    across = 1 if viewport.narrow() else _across(len(methods), NARROWEST)
    look = replace(look, width=_share(across), named=True)
    with st.container(horizontal=True):
        settings = [_popover(method.title, help=_first_line(method)) for method in methods]
    cards = []
    for number, row in enumerate(rows):
        _heading(row)
        cells = st.grid(across)
        cards.append(
            [_compact_card(cells.container(), number, row, method, look) for method in methods]
        )
    return Table(bar, cards, settings)


def _tiles(
    bar: DeltaGenerator, rows: Sequence[Subject], method: type[Explainer], look: Look
) -> Table:
    """The rows of a single method side by side, as many as there is room for."""
    across = _across(len(rows), TILE)
    look = replace(look, width=_share(across))
    settings = _popover(method.title, help=_first_line(method))
    cards = []
    with st.grid(across):
        for number, row in enumerate(rows):
            with st.container(gap="xsmall"):
                _heading(row)
                cards.append([_compact_card(st.container(), number, row, method, look)])
    return Table(bar, cards, [settings])


def _compact_card(
    place: DeltaGenerator,
    number: int,
    row: Subject,
    method: type[Explainer],
    look: Look,
) -> Card:
    key = f"{method.name}-{number}" if number else method.name
    with place.container(gap="xsmall", key=f"card-{key}"):
        return Card(key, method, row.picture, look, _places(look))


def _heading(row: Subject) -> None:
    st.markdown(f"**{escaped(row.heading)}**  \n{escaped(row.note)}")
    if row.probability is not None:
        st.progress(row.probability, percent(row.probability))


def _places(look: Look, *, beside: bool = False) -> Places:
    """A place for every view, below each other or beside, and one for the note below them.

    Views that are not shown have one as well, so that what is shown keeps its own.
    """
    hidden = [view for view in VIEWS if view not in look.views]
    cells = st.grid(len(look.views)) if beside else st  # columns would keep what stood in others
    views = {view: st.empty() if view in hidden else cells.container() for view in VIEWS}
    return Places(views, st.container())


def _chosen(bar: DeltaGenerator, look: Look, *, default: list[str], key: str) -> Look:
    """What a person wants to see, and how the matrices are to be read."""
    raw, coloured = False, True
    with bar:
        views = st.pills(
            "Show", VIEWS, selection_mode="multi", default=default, key=key,
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        if "Matrix" in views:
            raw = (
                st.segmented_control(
                    "Matrix values", SCALES, default=SCALES[0], required=True, key="scale",
                    persist_state="session", label_visibility="collapsed",
                    help="0 to 1: each matrix divided by its own largest value; under one scale, "
                    "all rows by the largest of any map. Bold: the strongest tenth of the cells, "
                    "under one scale of the cells of all rows. Framed: the strongest.",
                )
                == "Raw"
            )  # fmt: skip
            coloured = st.toggle(
                "Coloured", True, key="coloured", persist_state="session",
                help="Whether the cells of a matrix have colours, or the numbers stand alone.",
            )  # fmt: skip
        if not zoom.whole():
            st.button(
                "Whole picture", icon=":material/zoom_out_map:", key="unzoom", on_click=zoom.reset,
            )  # fmt: skip
    return replace(
        look, views=tuple(views) or VIEWS[:1], raw=raw, coloured=coloured, window=zoom.window()
    )


def _settings(place: DeltaGenerator | None, method: type[Explainer], row: Subject) -> Explainer:
    """A method as a person has set it."""
    if place is None:
        return controls.as_set(method, method.name)
    with place:
        chosen: Explainer = controls.draw(method, row.classifier, method.name)
    return chosen


def _popover(label: str, help: str | None = None) -> DeltaGenerator:
    """Where the settings of a method are found."""
    return st.popover(label, icon=":material/tune:", type="tertiary", help=help)


def _first_line(method: type[Explainer]) -> str:
    return (method.__doc__ or "").splitlines()[0]


def _give_way() -> None:
    """Wait a little after a visitor's first map.

    Their browser is loading the library that draws. Where it runs on the same processor, to compute
    meanwhile would hold up both.
    """
    if "loaded" not in st.session_state:
        st.session_state.loaded = True
        time.sleep(LOADING)


def _offer_pause(place: DeltaGenerator, runs: list[cache.Run]) -> None:
    """A button to stop what is running, or to go on with what was stopped: one, by its key."""
    stopped = _stopped(runs)
    long_running.over(place).button(
        "Continue" if stopped else "Stop",
        icon=":material/play_arrow:" if stopped else ":material/stop:", key="pause",
        on_click=long_running.resume if stopped else long_running.pause, args=(runs,),
        help=None if stopped else KEEP,
    )  # fmt: skip


def _nothing_to_stop(place: DeltaGenerator) -> None:
    """What stands where nothing is left to stop.

    In a block of its own: a browser would keep a button beside the one that follows it, as long as
    the page is at work.
    """
    long_running.over(place).container(width="content").button(
        "Stop", icon=":material/stop:", key="nothing-to-stop", disabled=True, help=KEEP
    )


def _stopped(runs: list[cache.Run]) -> bool:
    return any(run.paused and not run.finished for run in runs)


def _summary(cards: list[Card]) -> str:
    stopped = [card.explainer.title for card in cards if not card.run.finished]
    return f"Stopped: {', '.join(stopped)}" if stopped else "All maps are complete"


def _offer_together(slot: DeltaGenerator, cards: Sequence[Card]) -> None:
    """What is taken away of one row: a poster, on the scale of the screen, a record, a report."""
    subject, style = cards[0].subject, cards[0].look.style
    shown = [(card.explanation, card.scale.maps) for card in cards if card.explanation is not None]
    slot.download_button(
        "Poster",
        lambda: downloads.poster_png(
            [explanation for explanation, _ in shown], [limit for _, limit in shown],
            subject.picture, subject.classifier, subject.prediction, style,
        ),
        f"triptych-{slug(subject.picture.title)}-poster.png",
        "image/png",
        icon=":material/photo_library:",
        key="poster",
        on_click="ignore",
        disabled=not shown,
        width="stretch",
        help="The picture and all maps side by side as one PNG.",
    )  # fmt: skip
    taking_away.offer(slot, subject, [explanation for explanation, _ in shown], style)
