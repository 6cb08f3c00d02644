"""What the rows of "Why this class?" compare: a class with another, classes, layers, networks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explainers import METHODS, Explanation, NoAnswerError, Prediction, Target
from explainers.metrics.evidence import evidence
from explainers.models import zoo
from explainers.words import ROWS_AND_COLUMNS, enumerated, in_words, percent
from pages.parts import cache
from pages.parts.card import Subject
from pages.parts.classifiers import Wanted
from pages.parts.frame import Selection
from pages.parts.table import draw, one_line
from pages.parts.why import counterfactual
from pages.parts.words import escaped

if TYPE_CHECKING:
    from explainers import Classifier

FEWEST, MOST = 1, 5
LAYERS = 4
CHOICE = 230
"""How wide the choice of a class is, in pixels."""


def ask_expected(selection: Selection) -> None:
    """It should have been another class: the two, their difference, and what changes the answer."""
    prediction, said = selection.prediction, selection.target.index
    others = [int(index) for index in prediction.ranking if index != said]
    bar = one_line()
    expected = bar.selectbox(
        "It should have been",
        others,
        format_func=lambda index: _ranked(prediction, index),
        key=f"expected-{selection.picture.digest}-{selection.classifier.name}-{said}",
        label_visibility="collapsed",
        width=CHOICE,
    )
    if expected is None:
        st.info("The network knows no other class.", icon=":material/info:")
        return
    difference = Target(said, rather_than=expected)
    targets = (difference, Target(said), Target(expected))
    rows = [_row(selection, target) for target in targets]
    explained = draw(rows, selection.methods, selection.style, bar=bar)
    _weigh(explained, prediction, difference)
    counterfactual.draw(selection, explained[0], difference)


def ask_classes(selection: Selection) -> None:
    """The most probable classes, chosen ones, and the least probable."""
    prediction = selection.prediction
    bar = one_line()
    with bar.popover("Which classes", icon=":material/checklist:"):
        most = min(MOST, len(prediction.labels))
        count = st.number_input(
            "Most probable classes", FEWEST, most, min(3, most), key="top-classes",
            persist_state="session",
        )  # fmt: skip
        chosen = st.multiselect(
            "And these",
            [int(index) for index in prediction.ranking],
            format_func=lambda index: _ranked(prediction, index),
            key=f"more-classes-{selection.picture.digest}-{selection.classifier.name}",
            max_selections=MOST,
        )
        least = st.toggle("And the least probable", key="least-class", persist_state="session")
    shown = [int(index) for index in prediction.ranking[:count]]
    shown += [*chosen, *([int(prediction.ranking[-1])] if least else [])]
    rows = [_row(selection, Target(index)) for index in dict.fromkeys(shown)]
    draw(rows, selection.methods, selection.style, bar=bar)


def ask_layers(selection: Selection) -> None:
    """The same class at several layers, early to late."""
    methods = [method for method in selection.methods if "layer" in method.settings()]
    if not methods:
        names = enumerated(method.title for method in METHODS if "layer" in method.settings())
        st.info(
            f"Only {names} look at a layer: choose one in the sidebar.",
            icon=":material/touch_app:",
        )
        return
    classifier = selection.classifier
    paths = [layer.path for layer in classifier.layers if max(layer.grid) > 1]
    if not paths:
        title = escaped(classifier.title)
        st.info(f"No layer of {title} keeps a grid.", icon=":material/info:")
        return
    bar = one_line()
    with bar.popover("Which layers", icon=":material/checklist:"):
        chosen = st.multiselect(
            "Layers, early to late",
            paths,
            _spread(classifier),
            format_func=lambda path: _place(classifier, path),
            key=f"layers-shown-{classifier.name}",
            max_selections=8,
        )
    rows = [
        replace(
            _row(selection, selection.target),
            heading=path,
            note=" × ".join(map(str, classifier.layer(path).grid)),
            probability=None,
            settled={method.name: {"layer": path} for method in methods},
        )
        for path in sorted(chosen, key=paths.index)
    ]
    if not rows:
        st.info("Choose a layer to see an explanation there.", icon=":material/touch_app:")
        return
    draw(rows, methods, selection.style, bar=bar)


def ask_classifiers(selection: Selection) -> None:
    """Several networks on one picture, each with its own answer."""
    ready = [name for name in zoo.CLASSIFIERS if zoo.whereabouts(name) != "elsewhere"]
    own = selection.classifier
    bar = one_line()
    with bar.popover("Which networks", icon=":material/checklist:"):
        chosen = st.multiselect(
            f"Set beside {escaped(own.title)}",
            [name for name in ready if name != own.name],
            default=[name for name in ready if name != own.name][:1],
            format_func=zoo.CLASSIFIERS.__getitem__,
            key=f"beside-{own.name}",
            max_selections=cache.CLASSIFIERS_IN_MEMORY - 1,
            help="Those that are on this machine.",
        )
    others = [cache.classifier(name, Wanted(name).load) for name in chosen]
    rows = []
    for each in (own, *others):
        try:
            rows.append(_own_answer(selection, each))
        except NoAnswerError as reason:
            st.warning(escaped(f"{each.title}: {reason}"), icon=":material/block:")
    draw(rows, selection.methods, selection.style, bar=bar)


COMPARISONS: dict[str, Callable[[Selection], None]] = {
    "It should have been …": ask_expected,
    "Classes": ask_classes,
    "Layers": ask_layers,
    "Classifiers": ask_classifiers,
}


def draw_ranking(prediction: Prediction) -> None:
    """All classes as a table that can be searched."""
    sought = st.text_input(
        "Find a class", key="class-search", icon=":material/search:", placeholder="cat"
    )
    found = [
        prediction[int(index)]
        for index in prediction.ranking
        if sought.casefold() in prediction.labels[index].casefold()
    ]
    if not found:
        st.info("No class has a name like this.", icon=":material/search_off:")
        return
    st.dataframe(
        {
            "Place": [prediction.rank(answer.index) for answer in found],
            "Class": [answer.index for answer in found],
            "Name": [answer.label for answer in found],
            "Probability, %": [100 * answer.probability for answer in found],
        },
        hide_index=True,
        height=300,
        column_config={"Probability, %": st.column_config.NumberColumn(format="%.4f")},
        alt="All classes with their probabilities",
    )


def _row(selection: Selection, target: Target) -> Subject:
    prediction = selection.prediction
    heading = in_words(prediction, target)
    row = Subject(
        selection.picture, selection.classifier, selection.pixels, prediction, target, heading
    )
    if target.signed:
        return row
    place = f"place {prediction.rank(target.index):,} of {len(prediction.labels):,}"
    return replace(row, note=place, probability=prediction[target.index].probability)


def _own_answer(selection: Selection, classifier: "Classifier") -> Subject:
    pixels = classifier.prepare(selection.picture.image)
    prediction = cache.prediction(selection.picture, classifier, pixels)
    answer = prediction.top(1)[0]
    return Subject(
        selection.picture, classifier, pixels, prediction, Target(answer.index),
        heading=classifier.title, note=answer.label, probability=answer.probability,
    )  # fmt: skip


def _spread(classifier: "Classifier") -> list[str]:
    """Convolutions with the most different grids, early to late."""
    paths = [layer.path for layer in classifier.convolutions if max(layer.grid) > 1]
    if len(paths) <= LAYERS:
        return paths
    return [paths[int(place)] for place in np.linspace(0, len(paths) - 1, LAYERS)]


def _place(classifier: "Classifier", path: str) -> str:
    layer = classifier.layer(path)
    return f"{path} · {layer.grid[0]} × {layer.grid[1]}"


def _ranked(prediction: Prediction, index: int) -> str:
    answer = prediction[index]
    return f"{prediction.rank(index)} · {answer.label} · {percent(answer.probability)}"


def _weigh(
    explained: Sequence[Sequence[Explanation | None]], prediction: Prediction, target: Target
) -> None:
    """Say where each method sees the evidence for either class, and how much of it."""
    said, expected = (escaped(prediction[index].label) for index in target.classes)
    lines = []
    for difference, _, right in zip(*explained, strict=True):
        if difference is None or right is None or difference.blank_reason:
            continue
        title = difference.explainer.title
        sides, own = evidence(difference), evidence(right)
        line = f"**{title}**: "
        if difference.signed:
            line += f"{sides.towards:.0%} of the map speaks for *{said}*"
            line += _where(sides.strongest_for)
            line += f", {sides.against:.0%} for *{expected}*{_where(sides.strongest_against)}. "
        if own.strongest_for:
            heat = difference.explainer.heat
            line += f"What {heat} *{expected}* by itself is strongest"
            line += f"{_where(own.strongest_for)}."
        lines.append(line)
    if lines:
        st.markdown("\n\n".join(lines))
        st.caption(ROWS_AND_COLUMNS)


def _where(cell: tuple[int, int] | None) -> str:
    return "" if cell is None else f" at row {cell[0]}, column {cell[1]}"
