"""The answer: the class that is explained, how probable it is, and what else it could be."""

import streamlit as st

from explainers.words import percent
from pages.parts import cache
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.plots import ranking_figure
from pages.parts.words import escaped

COUNT = 5


def draw_question(selection: Selection) -> None:
    """The question that the page is about, as its title."""
    label = selection.prediction[selection.target.index].label
    st.title(f"Why {escaped(label)}?", anchor="answer")


def draw_answer(selection: Selection) -> None:
    """Who says it of what, and how probable it is."""
    prediction, picture = selection.prediction, selection.picture
    answer = prediction[selection.target.index]
    st.caption(
        f"{escaped(selection.classifier.title)} gives it {percent(answer.probability)}, "
        f"place {prediction.rank(answer.index)} of {len(prediction.labels):,}. "
        f"{escaped(picture.title)}, {picture.size} pixels."
    )


def draw_ranking(selection: Selection, row_height: int = 38) -> None:
    """The most probable classes as bars, the explained one among them."""
    prediction = selection.prediction
    top = [f"{each.label} {percent(each.probability)}" for each in prediction.top(COUNT)]
    figure = cache.made(
        ranking_figure,
        prediction,
        selection.target.index,
        count=COUNT,
        row_height=row_height,
        theme=screen_theme(),
    )
    with st.container(height=figure.layout.height, border=False):  # before a browser can draw it
        st.plotly_chart(
            figure,
            theme=None,
            config=QUIET,
            alt=f"The five most probable classes: {', '.join(top)}",
        )
