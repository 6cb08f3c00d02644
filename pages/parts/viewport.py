"""How wide the page is in a visitor's window, so that maps can have the size of their cards.

Streamlit does not tell. A component of a few lines does: it reports the width when it is another
than the one that was assumed, and leaves it in a cookie for the next visit.
"""

import streamlit as st

COOKIE = "triptych-width"
DESK, PHONE = 980, 358
"""What is assumed of a window of 1,440 pixels with the sidebar open, and of a phone."""
NARROW = 640
"""Below this width Streamlit stands columns one below the other."""
NARROWEST, WIDEST = 200, 4000

_MEASURE = """
export default function({ parentElement, data, setStateValue }) {
  const measured = parentElement.host ?? parentElement;
  let told = data.assumed, waiting = null;
  const tell = () => {
    const width = Math.round(measured.getBoundingClientRect().width);
    if (!width || Math.abs(width - told) <= data.tolerance) return;
    told = width;
    document.cookie = `${data.cookie}=${width}; path=/; max-age=31536000; SameSite=Strict`;
    setStateValue("width", width);
  };
  const observer = new ResizeObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(tell, 200);
  });
  observer.observe(measured);
  return () => observer.disconnect();
}
"""
TOLERANCE = 12
"""Pixels of the page that nobody sees in a map."""

KEY = "viewport"
_measure = st.components.v2.component("triptych_width", js=_MEASURE)


def measure() -> None:
    """Have the browser tell how wide the page is; to be called once a page, before `width`.

    Until a browser has loaded what runs components, it shows a bar in their place, which would move
    the page when it goes; the least of containers hides it.
    """
    with st.container(height=1, border=False):
        _measure(
            key=KEY,
            data={"assumed": width(), "cookie": COOKIE, "tolerance": TOLERANCE},
            on_width_change=lambda: None,
        )


def width() -> int:
    """Of the page, beside the sidebar, in pixels of CSS."""
    told = st.session_state.get(KEY, {}).get("width") or st.context.cookies.get(COOKIE, "")
    if str(told).isdecimal():
        return min(max(int(told), NARROWEST), WIDEST)
    return PHONE if on_phone() else DESK


def narrow() -> bool:
    """Whether columns stand one below the other."""
    return width() < NARROW


def on_phone() -> bool:
    """Whether the browser says that it runs on a phone."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")
