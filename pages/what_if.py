"""What if this part of the picture were not there?"""

import streamlit as st

from pages.parts.frame import frame
from pages.parts.what_if import canvas, experiments

selection = frame("What if?").answered()
st.title("What if part of it were hidden?", anchor=False)
st.caption(
    "Drag a box or a lasso on the picture, or click its cells: that part is hidden, or kept alone, "
    "and the network is asked again. *Pieces* are the superpixels that LIME cuts."
)

# No fragment: it would wait for the maps that are on their way, and a new run does not. The network
# comes first: a browser that draws the picture would slow it down.
left, right = st.columns([1, 1], gap="medium")
with right:
    experiments.draw_trials(selection)
with left:
    canvas.draw(selection)
maps = st.container()
experiments.draw_log(selection)
with maps:
    experiments.compare(selection)
