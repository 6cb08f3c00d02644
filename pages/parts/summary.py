"""In words: what was found, for people who do not read heatmaps. Every sentence holds a figure."""

from collections.abc import Sequence

import streamlit as st

from explainers import Explanation
from explainers.classifiers.senses import unusual_sense
from explainers.metrics.agreement import BLOB, agreements
from explainers.metrics.pointing import Place, place
from pages.parts import cache
from pages.parts.frame import PAGES, Selection
from pages.parts.words import escaped, percent, rounded

NEAR_TIE = 0.1
POOR_FIT = 0.5
STRETCHED = 1.5


def draw(selection: Selection, explanations: Sequence[Explanation | None]) -> None:
    """Draw the paragraph, once the maps are there."""
    complete = [each for each in explanations if each is not None]
    if not complete:
        return
    usable = [each for each in complete if not each.blank_reason]
    st.subheader("In words", anchor="in-words")
    with st.container(border=True):
        said = {
            "The answer": _answer(selection),
            "Where it looked": _places(usable),
            "Do the maps agree?": _agreement(usable),
            "Does it matter?": _hiding(selection, usable),
            "Be careful": _cautions(selection, complete),
        }
        st.markdown("\n\n".join(f"**{lead}** · {text}" for lead, text in said.items() if text))
        with st.container(horizontal=True):
            for page in ("pages/what_if.py", "pages/how_far.py"):
                title, icon = PAGES[page]
                st.page_link(page, label=title, icon=icon, query_params=st.query_params.to_dict())


def _answer(selection: Selection) -> str:
    prediction, index = selection.prediction, selection.target.index
    first, second = prediction.top(2)
    said = (
        f"{escaped(selection.classifier.title)} says **{escaped(first.label)}**, with a "
        f"probability of [{percent(first.probability)}](#answer); next comes "
        f"{escaped(second.label)} with "
        f"{percent(second.probability)}."
    )
    if index != first.index:
        answer = prediction[index]
        said += (
            f" What follows is about **{escaped(answer.label)}**, which gets "
            f"{percent(answer.probability)}."
        )
    return said


def _places(usable: Sequence[Explanation]) -> str:
    said = []
    for explanation in usable:
        found = place(explanation)
        if found is not None:
            said.append(f"{_link(explanation)} {_points(found)}")
    return (
        f"By their hottest cells, a tenth or what ties with it, {'; '.join(said)}." if said else ""
    )


def _points(found: Place) -> str:
    (top, bottom), (left, right) = found.rows, found.columns
    cells = f"{found.share:.0%} of them, rows {top} to {bottom}, columns {left} to {right}"
    if found.scattered:
        return f"points to several places ({cells})"
    return f"points to the {_in_plain_words(found.centre)} of the picture ({cells})"


def _in_plain_words(centre: tuple[float, float]) -> str:
    """Which ninth of the picture a place lies in."""
    down, across = (min(2, int(3 * (place + 0.5) / 14)) for place in centre)
    rows, columns = ("top", "middle", "bottom"), ("left", "middle", "right")
    if down == across == 1:
        return "middle"
    if down == 1:
        return f"{columns[across]} side"
    if across == 1:
        return rows[down]
    return f"{rows[down]} {columns[across]}"


def _agreement(usable: Sequence[Explanation]) -> str:
    pairs = [pair for pair in agreements(usable) if BLOB not in pair.names]
    if not pairs:
        return ""
    figures = ", ".join(
        f"[{rounded(pair.correlation)}](#agreement) ({' and '.join(pair.names)})" for pair in pairs
    )
    return f"They rank the cells alike to {figures}; 1 would be the same order, 0 is chance."


def _hiding(selection: Selection, usable: Sequence[Explanation]) -> str:
    if not usable:
        return ""
    said, before = [], 0.0
    for explanation in usable:
        found = cache.hiding(selection.picture, selection.classifier, selection.pixels, explanation)
        if not found.region.any():
            continue
        before = found.before
        said.append(
            f"{percent(found.after)} where {explanation.explainer.title} is hottest "
            f"({found.share:.0%} of the picture)"
        )
    if not said:
        return ""
    label = escaped(selection.prediction[selection.target.index].label)
    return (
        f"When the hottest tenth is blurred, the {percent(before)} for {label} become "
        f"{', '.join(said)}."
    )


def _cautions(selection: Selection, complete: Sequence[Explanation]) -> str:
    prediction, classifier = selection.prediction, selection.classifier
    labels = classifier.labels
    first, second = prediction.top(2)
    said = []
    rivals = classifier.activation != "sigmoid" or classifier.paired
    if rivals and first.probability - second.probability < NEAR_TIE:
        said.append(
            f"It is a close call: {escaped(first.label)} leads {escaped(second.label)} by only "
            f"{100 * (first.probability - second.probability):.1f} percentage points."
        )
    for explanation in complete:
        if explanation.r2 is not None and explanation.r2 < POOR_FIT:
            said.append(
                f"The linear model behind {_link(explanation)} accounts for only "
                f"{max(0.0, explanation.r2):.0%} of what the network does (R² "
                f"{explanation.r2:.2f})."
            )
        if explanation.blank_reason:
            said.append(f"{_link(explanation)} is blank: {explanation.blank_reason}")
        if explanation.done < explanation.total:
            said.append(
                f"{_link(explanation)} was stopped after {explanation.done:,} of "
                f"{explanation.total:,} samples."
            )
    rows, columns = selection.pixels.shape[:2]
    stretch = selection.picture.aspect * columns / rows
    stretch = max(stretch, 1 / stretch)
    if stretch >= STRETCHED:
        advice = "; *Only the middle square* in the sidebar avoids that" if rows == columns else ""
        said.append(
            f"The network saw the picture squeezed {stretch:.1f} times in one direction{advice}."
        )
    for index in dict.fromkeys([selection.target.index, first.index]):
        sense = unusual_sense(labels, index)
        if sense:
            said.append(f"“{labels[index]}” has a meaning of its own in ImageNet: {sense}.")
    return " ".join(said)


def _link(explanation: Explanation) -> str:
    """The name of a method, leading to its card."""
    title = explanation.explainer.title
    return f"[{title}](#{title.casefold().replace(' ', '-')})"
