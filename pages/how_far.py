"""How far to believe these explanations?"""

import streamlit as st

from pages.parts.card import Subject
from pages.parts.compare import agreement
from pages.parts.frame import choose, frame
from pages.parts.how_far import faithfulness, randomisation, stability
from pages.parts.table import draw
from pages.parts.words import escaped

TESTS = {
    "Test it": faithfulness.draw,
    "Ask again": stability.draw,
    "Break the network": randomisation.draw,
}

selection = frame("How far to believe it?").answered()
st.title("How far to believe it?", anchor=False)
label = escaped(selection.prediction[selection.target.index].label)
st.caption(
    f"Maps for {label} by {escaped(selection.classifier.title)}, and what tests make of them."
)
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
usable = [each for each in explained if each is not None and not each.blank_reason]
if usable:
    choose("What to find out", TESTS, "trust-test")(selection, usable)
elif selection.methods:
    st.info("There is no map to test.", icon=":material/info:")
agreement.draw(explained, selection.style)
