"""A page that works slowly, or opens a model; and for another visitor, what there is of both."""

import sys
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from pages.parts import cache

cache.AWAY = 3.0
PIECES = 300


@dataclass(frozen=True)
class Piece:
    """Some of the work."""

    done: int
    total: int = PIECES


class Model:
    """What a visitor has brought."""

    name, apart, ended = "brought", False, None


@st.cache_resource
def seen() -> dict[str, Any]:
    """What all visitors did."""
    return {"pieces": 0, "model": lambda: None}


def pieces() -> Iterator[Piece]:
    count = seen()
    for done in range(1, PIECES + 1):
        time.sleep(0.1)
        count["pieces"] += 1
        yield Piece(done)


what = st.query_params.get("what")
if what == "work":
    run = cache.job("", "nobody", "slow")
    run.paused = False
    run.begin(pieces, Model(), PIECES)
    place = st.empty()
    while run.waiting:
        run.advance()
        place.markdown(f"piece {run.latest.done}, of all {seen()['pieces']}")
elif what == "bring":
    seen()["model"] = weakref.ref(cache.classifier("own-model", Model))
    st.markdown("brought")
else:
    model = "open" if seen()["model"]() else "closed"
    st.markdown(f"{seen()['pieces']} pieces, {len(cache._SESSIONS)} sessions, model {model}")
