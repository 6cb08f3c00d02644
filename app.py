"""Triptych's front door: one picture, one classifier, three explanations side by side."""

import streamlit as st

from pages.parts import cache, check_up
from pages.parts.card import Subject
from pages.parts.compare import agreement, answer, presentation, summary
from pages.parts.frame import frame
from pages.parts.survey import opening
from pages.parts.table import lay_out
from pages.parts.words import escaped

if presentation.wanted():
    presentation.draw()
    st.stop()

choice = frame("Compare")
picture = choice.picture
opening.offer_return()
seen, said = st.columns([1, 2], vertical_alignment="center", gap="large")
with seen:
    st.image(cache.screen(picture), alt=f"The picture: {picture.title}", width="stretch")
looked_over = st.container()
table = lay_out(picture, choice.methods, choice.style, waiting=cache.cold())
with said:
    selection = choice.answered(otherwise=table.dismiss)
    with st.container(horizontal=True, vertical_alignment="center"):
        answer.draw_question(selection)
        presentation.offer()
    answer.draw_answer(selection)
    answer.draw_ranking(selection)

if check_up.wanted():
    with looked_over.expander(
        f"Check-up of {escaped(selection.classifier.title)}",
        icon=":material/stethoscope:",
        expanded=True,
    ):
        check_up.draw(selection)

(explained,) = table.fill([Subject.of(selection)])
summary.draw(selection, explained)
agreement.draw(explained, selection.style)
