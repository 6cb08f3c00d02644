"""What if this part of the picture were not there?"""

import streamlit as st

from pages.parts.frame import frame
from pages.parts.what_if import canvas, experiments

selection = frame("What if?").answered()
st.title("What if part of it were hidden?", anchor=False)
st.caption("Select a part: it is hidden, or kept alone, and the network is asked again.")

# No fragment: it would wait for the maps that are on their way, and a new run does not. The network
# comes first: a browser that draws the picture would slow it down.
left, right = st.columns([1, 1], gap="large")
with right:
    experiments.draw_trials(selection)
with left:
    canvas.draw(selection)
experiments.draw_log(selection)
experiments.compare(selection)
