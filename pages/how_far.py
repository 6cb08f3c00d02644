"""How far to believe these explanations?"""

import streamlit as st

from pages.parts import trust
from pages.parts.frame import frame
from pages.parts.grid import Subject, draw

selection = frame("How far to believe it?")
label = selection.prediction[selection.target.index].label
st.title("How far to believe it?", anchor=False)
st.caption(f"Maps for {label} by {selection.classifier.title}, and what tests make of them.")
(explained,) = draw(
    [
        Subject(
            selection.picture,
            selection.classifier,
            selection.pixels,
            selection.prediction,
            selection.target,
        )
    ],
    selection.methods,
    selection.style,
)
trust.draw_agreement(explained, selection.style)
trust.draw_test(selection, explained)
