"""In words: what was found, for people who do not read heatmaps. Every sentence holds a figure."""

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from explainers import Explanation
from explainers.metrics.agreement import BLOB, Agreement, agreements
from explainers.metrics.pointing import CELLS, Hiding, Place, place
from explainers.models.imagenet import unexpected_meaning
from pages.parts import cache
from pages.parts.frame import PAGES, Selection, carried
from pages.parts.words import ROWS_AND_COLUMNS, escaped, percent, rounded

NEAR_TIE = 0.1
POOR_FIT = 0.5
STRETCHED = 1.5
FEW = 4
"""So many figures can be read in a row."""

ANSWER = "The answer"
PLACES = "Where do the maps point?"
AGREEMENT = "Do the maps agree?"
HIDING = "Does it matter?"
CAUTIONS = "Be careful"


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
    usable = [each for each in complete if not each.blank_reason]
    label = escaped(selection.prediction[selection.target.index].label)
    if not complete:
        return {}
    said = {
        ANSWER: _answer(selection),
        PLACES: _places(usable, label),
        AGREEMENT: _agreement(usable),
        HIDING: _hiding(selection, usable, label),
        CAUTIONS: _cautions(selection, complete),
    }
    return {question: text for question, text in said.items() if text}


def _answer(selection: Selection) -> str:
    prediction, index = selection.prediction, selection.target.index
    first, second = prediction.top(2)
    said = (
        f"{escaped(selection.classifier.title)} says **{escaped(first.label)}**, with a "
        f"probability of [{percent(first.probability)}](#answer). Next comes "
        f"{escaped(second.label)}, with {percent(second.probability)}."
    )
    if index != first.index:
        answer = prediction[index]
        said += (
            f" What follows is about **{escaped(answer.label)}**, which gets "
            f"{percent(answer.probability)}."
        )
    return said


def _places(usable: Sequence[Explanation], label: str) -> str:
    said = []
    for explanation in usable:
        found = place(explanation)
        if found is not None:
            said.append(
                f"- {_link(explanation)}: what {explanation.explainer.heat} {label} is strongest "
                f"{_points(found)}."
            )
    if not said:
        return ""
    return "\n".join(
        [
            f"A heatmap gives each of {CELLS} × {CELLS} cells of the picture a value, its heat. "
            "These are the hottest, a tenth or so:",
            *said,
            "",
            ROWS_AND_COLUMNS,
        ]
    )


def _points(found: Place) -> str:
    (top, bottom), (left, right) = found.rows, found.columns
    cells = f"{found.count} cells in rows {top} to {bottom} and columns {left} to {right}"
    if found.scattered:
        return f"in several places: {cells}"
    return f"{_in_plain_words(found.centre)} of the picture: {cells}"


def _in_plain_words(centre: tuple[float, float]) -> str:
    """In which ninth of the picture a place lies."""
    down, across = (min(2, int(3 * (place + 0.5) / CELLS)) for place in centre)
    rows, columns = ("top", "middle", "bottom"), ("left", "middle", "right")
    if down == across == 1:
        return "in the middle"
    if down == 1:
        return f"on the {columns[across]} side"
    where = rows[down] if across == 1 else f"{rows[down]} {columns[across]}"
    return f"at the {where}"


def _agreement(usable: Sequence[Explanation]) -> str:
    found = cache.made(agreements, tuple(usable))
    pairs = [pair for pair in found if BLOB not in pair.names]
    if not pairs:
        return ""
    blobs = [pair for pair in found if BLOB in pair.names]
    reached = _range(
        pairs, lambda pair: f"[{rounded(pair.correlation)}](#agreement) for "
        f"{' and '.join(pair.names)}",
    )  # fmt: skip
    knowing_nothing = _range(
        blobs, lambda pair: f"{rounded(pair.correlation)} with {pair.names[0]}"
    )
    return (
        "Rank correlation tells how alike two maps order the cells: 1 is the same order. It is "
        f"{reached}. Maps can agree just because both are hot in the middle, where most pictures "
        f"have their subject: a {BLOB} that knows nothing of the network gets {knowing_nothing}."
    )


def _range(pairs: Sequence[Agreement], told: Callable[[Agreement], str]) -> str:
    """All figures where they are few; of many the least and the most."""
    if len(pairs) <= FEW:
        return _listed(map(told, pairs))
    ordered = sorted(pairs, key=lambda pair: pair.correlation)
    return f"from {told(ordered[0])} to {told(ordered[-1])}"


def _hiding(selection: Selection, usable: Sequence[Explanation], label: str) -> str:
    hidings = {
        _link(each): cache.hiding(selection.picture, selection.classifier, selection.pixels, each)
        for each in usable
    }
    if not hidings:
        return ""
    before, tries = next((each.before, len(each.elsewhere)) for each in hidings.values())
    lines = [
        f"If a place matters, the {percent(before)} for {label} fall when it is blurred. To tell "
        f"that from luck, the same shape is blurred at {tries} random places as well."
    ]
    for name, found in hidings.items():
        if found.region.any():
            lines.append(
                f"- {name}: blur the hottest {found.share:.0%} of the picture, and "
                f"{percent(found.after)} are left. {_by_luck(found)}"
            )
    if len(hidings) > FEW:
        lucky = len(hidings) / (tries + 1)
        lines += [
            "",
            f"Of {len(hidings)} maps that know nothing, {lucky:.1f} would on average leave less "
            f"than all {tries} random places.",
        ]
    return "\n".join(lines)


def _by_luck(found: Hiding) -> str:
    """What the same part does at random places."""
    tries, matched = len(found.elsewhere), found.matched
    low, high = (percent(float(end)) for end in (found.elsewhere.min(), found.elsewhere.max()))
    said = f"The random places leave {low} to {high}; "
    if matched:
        leave = "leaves" if matched == 1 else "leave"
        return said + f"{matched} of the {tries} {leave} no more than that."
    return said + (
        f"all {tries} leave more, which luck alone brings about at most once in "
        f"{1 / found.luck:.0f} times."
    )


def _listed(parts: Iterable[str]) -> str:
    """Parts in a row, the last after an "and"."""
    *most, last = parts
    return ", and ".join([", ".join(most), last] if most else [last])


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
            said.append(f"{_link(explanation)} points nowhere. {explanation.blank_reason}")
        if explanation.done < explanation.total:
            said.append(
                f"{_link(explanation)} was stopped after {explanation.done:,} of "
                f"{explanation.total:,} samples."
            )
    rows, columns = selection.pixels.shape[:2]
    stretch = selection.picture.aspect * columns / rows
    stretch = max(stretch, 1 / stretch)
    if stretch >= STRETCHED:
        advice = "; to ask for *Only the middle square* avoids that" if rows == columns else ""
        said.append(
            f"The network saw the picture squeezed {stretch:.1f} times in one direction{advice}."
        )
    for index in dict.fromkeys([selection.target.index, first.index]):
        sense = unexpected_meaning(labels, index)
        if sense:
            said.append(f"“{labels[index]}” has a meaning of its own in ImageNet: {sense}.")
    return " ".join(said)


def _link(explanation: Explanation) -> str:
    """The name of a method, leading to its card."""
    return f"[{explanation.explainer.title}](#{explanation.explainer.name})"
