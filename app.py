"""Triptych's front door: one picture, one classifier, three explanations side by side."""

import streamlit as st

from pages.parts import cache, check_up
from pages.parts.card import Subject
from pages.parts.compare import agreement, summary
from pages.parts.figures import QUIET
from pages.parts.frame import frame, screen_theme
from pages.parts.plots import ranking_figure
from pages.parts.table import lay_out
from pages.parts.words import escaped, percent

choice = frame("Compare")
picture = choice.picture
seen, said = st.columns([1, 2], vertical_alignment="center", gap="large")
with seen:
    st.image(cache.screen(picture), alt=f"The picture: {picture.title}", width="stretch")
looked_over = st.container()
table = lay_out(picture, choice.methods, choice.style, waiting=cache.cold())
with said:
    selection = choice.answered(otherwise=table.dismiss)
    prediction = selection.prediction
    answer = prediction[selection.target.index]
    top = [f"{a.label} {percent(a.probability)}" for a in prediction.top(5)]
    st.title(f"Why {escaped(answer.label)}?", anchor="answer")
    st.caption(
        f"{escaped(selection.classifier.title)} gives it {percent(answer.probability)}, "
        f"place {prediction.rank(answer.index)} of {len(prediction.labels):,}. "
        f"{escaped(picture.title)}, {picture.size} pixels."
    )
    st.plotly_chart(
        cache.made(
            ranking_figure,
            prediction,
            answer.index,
            count=5,
            row_height=38,
            theme=screen_theme(),
        ),
        theme=None,
        config=QUIET,
        alt=f"The five most probable classes: {', '.join(top)}",
    )

if check_up.wanted():
    with looked_over.expander(
        f"Check-up of {escaped(selection.classifier.title)}",
        icon=":material/stethoscope:",
        expanded=True,
    ):
        check_up.draw(selection)

(explained,) = table.fill(
    [Subject(picture, selection.classifier, selection.pixels, prediction, selection.target)]
)
summary.draw(selection, explained)
agreement.draw(explained, selection.style)
