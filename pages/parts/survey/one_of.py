"""One of some things by its title: side by side where they are few, else in a menu."""

from collections.abc import Mapping
from typing import Any, TypeVar

import streamlit as st

Chosen = TypeVar("Chosen")

FEW = 5
"""So many titles stand in one line of a window of 1280 pixels."""


def one_of(label: str, titles: Mapping[str, Chosen], key: str, **shared: Any) -> Chosen:
    """Draw the choice; the first to begin with."""
    if len(titles) > FEW:
        return titles[st.selectbox(label, list(titles), key=key, width=240, **shared)]
    chosen = st.segmented_control(
        label, list(titles), default=next(iter(titles)), required=True, key=key, **shared
    )
    return titles[chosen]
