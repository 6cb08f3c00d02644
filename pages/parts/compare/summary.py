"""In words: what was found, for those who do not read heatmaps; a report says the same."""

from collections.abc import Sequence

import streamlit as st

from explainers import Explanation
from explainers.metrics.agreement import agreements
from explainers.report import telling
from explainers.report.telling import Passage, Told
from pages.parts import cache
from pages.parts.frame import PAGES, Selection, carried
from pages.parts.words import MARKDOWN


def draw(selection: Selection, explanations: Sequence[Explanation | None]) -> None:
    """Draw the paragraph, once the maps are there."""
    said = in_words(selection, explanations)
    if not said:
        return
    st.header("In words", anchor="in-words")
    with st.container(border=True):
        st.markdown("\n\n".join(f"**{lead}** · {text}" for lead, text in said.items()))
        with st.container(horizontal=True):
            for page in ("pages/what_if.py", "pages/how_far.py"):
                title, icon = PAGES[page]
                st.page_link(page, label=title, icon=icon, query_params=carried())


def in_words(selection: Selection, explanations: Sequence[Explanation | None]) -> dict[str, str]:
    """What there is to say, as Markdown under the question that it answers; without maps, nothing.

    Numbers and methods are links to where they stand on the page.
    """
    complete = [each for each in explanations if each is not None]
    if not complete:
        return {}
    told = telling.in_words(_told(selection, complete), MARKDOWN)
    return {question: _written(passage) for question, passage in told.items()}


def _told(selection: Selection, complete: Sequence[Explanation]) -> Told:
    """What the words are about, measured where that was not done before."""
    classifier = selection.classifier
    usable = tuple(each for each in complete if not each.blank_reason)
    rows, columns = selection.pixels.shape[:2]
    return Told(
        classifier.title,
        selection.prediction,
        telling.rivals(classifier),
        complete,
        cache.made(agreements, usable),
        {
            each.explainer.title: cache.hiding(
                selection.picture, classifier, selection.pixels, each
            )
            for each in usable
        },
        seen=(rows, columns),
        shown=selection.picture.shape,
        remedy="to ask for *Only the middle square* avoids that" if rows == columns else "",
    )


def _written(passage: Passage) -> str:
    points = "\n".join(f"- {point}" for point in passage.points)
    first = f"{passage.before}\n{points}" if points else passage.before
    return f"{first}\n\n{passage.after}" if passage.after else first
