"""How far to believe these explanations?"""

import streamlit as st

from pages.parts.card import Subject
from pages.parts.frame import PAGES, carried, frame
from pages.parts.how_far import faithfulness, randomisation, stability, verdicts
from pages.parts.how_far.verdicts import Question
from pages.parts.table import strip
from pages.parts.words import escaped

QUESTIONS = {
    "Test it": Question(
        "Hide what a map calls hottest: does the probability fall faster than in random orders?",
        faithfulness.ask,
    ),
    "Ask again": Question(
        "Does the method say the same when it is asked again?",
        stability.ask,
    ),
    "Break the network": Question(
        "Does the map care whether the network has forgotten what it learnt?",
        randomisation.ask,
    ),
}

STRIP = 130

selection = frame("How far to believe it?").answered()
st.title("How far to believe it?", anchor=False)
label = escaped(selection.prediction[selection.target.index].label)
left, right = (
    st.columns(verdicts.WIDTHS)
    if verdicts.side_by_side(len(selection.methods))
    else (st.container(horizontal=True, vertical_alignment="center"), st.container())
)
with left:
    st.caption(f"Maps for {label} by {escaped(selection.classifier.title)}, and what tests say.")
    st.page_link(
        "app.py", label="Do they agree? See Compare", icon=PAGES["app.py"][1],
        query_params=carried(),
    )  # fmt: skip
with right:
    explained = strip(Subject.of(selection), selection.methods, selection.style, height=STRIP)
if any(each is not None and not each.blank_reason for each in explained):
    verdicts.draw(selection, explained, QUESTIONS)
elif selection.methods:
    st.info("There is no map to test.", icon=":material/info:")
