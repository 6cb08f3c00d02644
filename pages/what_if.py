"""What if this part of the picture were not there?"""

import streamlit as st

from pages.parts import canvas, experiments
from pages.parts.frame import frame

selection = frame("What if?")
st.title("What if part of it were hidden?", anchor=False)
st.caption("Select a part: it is hidden, or kept alone, and the network is asked again.")


@st.fragment
def edit() -> None:
    """The picture and the new probabilities: an edit redraws just these, then all that follows."""
    left, right = st.columns([1, 1], gap="large")
    with left:
        canvas.draw(selection)
    with right:
        experiments.draw_trials(selection)
    if canvas.was_edited():
        st.rerun()


edit()
experiments.draw_log(selection)
experiments.compare(selection)
