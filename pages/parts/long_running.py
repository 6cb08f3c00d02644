"""Work that a person starts, watches and can stop, and is told the price of before."""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers.words import seconds
from pages.parts import cache
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers import Classifier

CALM = 1.0
"""Seconds between one picture of the work and the next."""


def offer(
    run: cache.Run,
    start: Callable[[], Iterator[Any]],
    label: str,
    passes: int,
    classifier: "Classifier",
    draw: Callable[[Any, bool], None],
) -> Any | None:
    """Offer some work at its price, go on with what was started, and draw what there is of it.

    Parameters
    ----------
    run : Run
    start : callable
        Begins the work.
    label : str
        What the button says that starts it.
    passes : int
        Forward passes that all of it takes, or is worth.
    classifier : Classifier
    draw : callable
        Takes the latest result, and whether it is settled: whether no other will follow at once.

    Returns
    -------
    object or None
        The latest result, if there is one.
    """
    action, progress, place = st.container(), st.empty(), slot(run)
    steer(action, run, label, passes, classifier)

    def redraw(latest: Any, settled: bool) -> None:
        with place():
            draw(latest, settled)

    watch(run, start, passes, classifier, progress, redraw)
    if run.finished:
        over(action).empty()
    if run.failure:
        with place():
            st.warning(escaped(run.failure), icon=":material/block:")
        return None
    return run.latest


def slot(*runs: cache.Run) -> Callable[[], DeltaGenerator]:
    """Where to draw what some runs find, again and again while one is on its way.

    What they have found stands in place, since the browser would draw anew all that stood in an
    empty one.
    """
    if any(run.waiting for run in runs):
        return st.empty().container
    place = st.container()
    return lambda: place


def over(place: DeltaGenerator) -> DeltaGenerator:
    """What draws over the first thing in a container, which stays in a browser until then.

    A button that is taken away while a mouse is down on it is never pressed, and in an `st.empty`
    it is gone for a moment whenever the page is drawn again. A copy of a container starts anew.
    """
    return deepcopy(place)


def steer(
    place: DeltaGenerator,
    run: cache.Run,
    label: str,
    passes: int,
    classifier: "Classifier",
    *,
    begin: Callable[[], None] = lambda: None,
) -> None:
    """A button to start a run at its price, to stop it or to go on; none when it is finished.

    It is one button by its key: of two, a browser would show the old one below the new while the
    work goes on.

    Parameters
    ----------
    begin : callable
        What else is to be done when it is started or goes on.
    """
    if run.paused and not run.finished:
        verb = f"Continue, {share:.0%} done" if (share := run.done) else label

        def go_on() -> None:
            run.resume()
            begin()

        over(place).button(
            f"{verb}: {price(left(run, passes), classifier)}",
            icon=":material/play_arrow:", key=f"work-{label}", on_click=go_on,
        )  # fmt: skip
    elif run.waiting:
        over(place).button(
            "Stop", icon=":material/stop:", key=f"work-{label}", on_click=run.pause,
            help="Keep what there is so far.",
        )  # fmt: skip


def pause(runs: Iterable[cache.Run]) -> None:
    """Stop several runs."""
    for run in runs:
        run.pause()


def resume(runs: Iterable[cache.Run]) -> None:
    """Start several runs, or go on with them."""
    for run in runs:
        run.resume()


def watch(
    run: cache.Run,
    start: Callable[[], Iterator[Any]],
    passes: int,
    classifier: "Classifier",
    progress: DeltaGenerator,
    draw: Callable[[Any, bool], None],
) -> None:
    """Go on with what was started, and draw what there is of it: now and then, and in the end."""
    drawn = 0.0
    if run.waiting:
        run.begin(start, classifier, passes)
    while run.waiting:
        progress.progress(run.done)
        run.advance()
        if run.latest and run.waiting and time.monotonic() - drawn >= CALM:
            drawn = time.monotonic()
            draw(run.latest, False)
    progress.empty()
    if run.latest is not None and not run.failure:
        draw(run.latest, True)


def left(run: cache.Run, passes: int) -> int:
    """How many passes a run still takes."""
    return round((1 - run.done) * passes)


def price(passes: int, classifier: "Classifier") -> str:
    """What work costs: passes through the network, and how long they take here."""
    return f"{passes:,} passes, about {seconds(passes * cache.pace(classifier))}"
