"""Work that a person starts, watches and can stop, and is told the price of before."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts import cache
from pages.parts.words import escaped, seconds

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
    action, progress, result = st.empty(), st.empty(), st.empty()
    if run.paused and not run.finished:
        share = run.latest.done / run.latest.total if run.latest else 0.0
        left = round((1 - share) * passes)
        verb = f"Continue, {share:.0%} done" if share else label
        price = f"{left:,} passes, about {seconds(left * cache.pace(classifier))}"
        action.button(
            f"{verb}: {price}", icon=":material/play_arrow:", key=f"start-{label}",
            on_click=_pause, args=(run, False),
        )  # fmt: skip
    elif run.waiting:
        action.button(
            "Stop", icon=":material/stop:", key=f"stop-{label}", on_click=_pause, args=(run, True),
            help="Keep what there is so far.",
        )  # fmt: skip
    drawn = 0.0
    if run.waiting:
        run.begin(start)
    while run.waiting:
        progress.progress(run.latest.done / run.latest.total if run.latest else 0.0)
        run.advance()
        if run.latest and run.waiting and time.monotonic() - drawn >= CALM:
            drawn = time.monotonic()
            with result.container():
                draw(run.latest, False)
    progress.empty()
    if run.finished:
        action.empty()
    if run.failure:
        result.warning(escaped(run.failure), icon=":material/block:")
        return None
    if run.latest is not None:
        with result.container():
            draw(run.latest, True)
    return run.latest


def _pause(run: cache.Run, paused: bool) -> None:
    run.paused = paused
