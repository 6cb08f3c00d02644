"""What if this part of the picture were not there?"""

import streamlit as st

from pages.parts import canvas, experiments
from pages.parts.frame import frame

selection = frame("What if?")
st.title("What if part of it were hidden?", anchor=False)
st.caption(
    "Select a part of the picture: it is hidden, or kept alone, and the network asked again."
)
left, right = st.columns([1, 1], gap="large")
with left:
    region = canvas.draw(selection)
with right:
    trials = experiments.try_out(selection, region)
experiments.draw_log(selection)
experiments.compare(selection, trials)
