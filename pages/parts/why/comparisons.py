"""The questions of the page "Why this class?": what its rows compare, and what follows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import METHODS, Explanation, NoAnswerError, Prediction, Target
from explainers.images.regions import FILLS, hide
from explainers.metrics.evidence import evidence
from explainers.metrics.flipping import PAIRED, Flip, pairs_with_less, try_pairs
from explainers.models import zoo
from pages.parts import cache, long_running
from pages.parts.classifiers import Wanted
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.grid import Subject, draw
from pages.parts.picture import Picture
from pages.parts.plots import steps_figure
from pages.parts.words import ROWS_AND_COLUMNS, escaped, in_words, percent

if TYPE_CHECKING:
    from explainers import Classifier

FEWEST, MOST = 1, 5
LAYERS = 4


def ask_expected(selection: Selection) -> None:
    """It should have been another class: the two, their difference, and what changes the answer."""
    prediction, said = selection.prediction, selection.target.index
    others = [int(index) for index in prediction.ranking if index != said]
    expected = st.selectbox(
        "It should have been",
        others,
        format_func=lambda index: _ranked(prediction, index),
        key=f"expected-{selection.picture.digest}-{selection.classifier.name}-{said}",
        help="Type to search among all classes.",
    )
    if expected is None:
        st.info("The network knows no other class.", icon=":material/info:")
        return
    difference = Target(said, rather_than=expected)
    targets = (difference, Target(said), Target(expected))
    summary = st.container()
    rows = [_row(selection, target) for target in targets]
    explained = draw(rows, selection.methods, selection.style)
    with summary:
        _weigh(explained, prediction, difference)
    _draw_flip(selection, explained[0], difference)


def ask_classes(selection: Selection) -> None:
    """The most probable classes, chosen ones, and the least probable."""
    prediction = selection.prediction
    with st.container(horizontal=True, vertical_alignment="bottom"):
        most = min(MOST, len(prediction.labels))
        count = st.number_input(
            "Most probable classes", FEWEST, most, min(3, most), key="top-classes",
            persist_state="session", width=180,
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
    draw(rows, selection.methods, selection.style)


def ask_layers(selection: Selection) -> None:
    """The same class at several layers, early to late."""
    methods = [method for method in selection.methods if "layer" in method.settings()]
    if not methods:
        names = [method.title for method in METHODS if "layer" in method.settings()]
        st.info(
            f"Only {' and '.join(names)} looks at a layer: choose it in the sidebar.",
            icon=":material/touch_app:",
        )
        return
    classifier = selection.classifier
    paths = [layer.path for layer in classifier.layers if max(layer.grid) > 1]
    if not paths:
        title = escaped(classifier.title)
        st.info(f"No layer of {title} keeps a grid.", icon=":material/info:")
        return
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
            heading=escaped(_place(classifier, path)),
            settled={method.name: {"layer": path} for method in methods},
        )
        for path in sorted(chosen, key=paths.index)
    ]
    if not rows:
        st.info("Choose a layer to see an explanation there.", icon=":material/touch_app:")
        return
    draw(rows, methods, selection.style)


def ask_classifiers(selection: Selection) -> None:
    """Several networks on one picture, each with its own answer."""
    ready = [name for name in zoo.CLASSIFIERS if zoo.whereabouts(name) != "elsewhere"]
    own = selection.classifier
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
    draw(rows, selection.methods, selection.style)


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
    heading = escaped(in_words(prediction, target)).join(("**", "**"))
    if not target.signed:
        answer = prediction[target.index]
        heading += f" · {percent(answer.probability)} · place {prediction.rank(answer.index)}"
    return Subject(
        selection.picture, selection.classifier, selection.pixels, prediction, target, heading
    )


def _own_answer(selection: Selection, classifier: "Classifier") -> Subject:
    pixels = classifier.prepare(selection.picture.image)
    prediction = cache.prediction(selection.picture, classifier, pixels)
    answer = prediction.top(1)[0]
    heading = (
        f"**{escaped(classifier.title)}**: {escaped(answer.label)} · {percent(answer.probability)}"
    )
    return Subject(selection.picture, classifier, pixels, prediction, Target(answer.index), heading)


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


def _in_grey(selection: Selection, region: np.ndarray) -> Picture:
    return selection.picture.edited(hide(selection.pixels, region, "grey"), region)


def _where(cell: tuple[int, int] | None) -> str:
    return "" if cell is None else f" at row {cell[0]}, column {cell[1]}"


def _draw_flip(
    selection: Selection, differences: Sequence[Explanation | None], target: Target
) -> None:
    """A region that changes the answer, the picture without it, and the way there."""
    st.subheader("What has to be hidden for another answer?", anchor=False)
    usable = {d.explainer.title: d for d in differences if d is not None and not d.blank_reason}
    if not usable:
        st.info("There is no map to go by.", icon=":material/info:")
        return
    prediction = selection.prediction
    expected = prediction[target.classes[1]]
    first = prediction.top(1)[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.selectbox(
            "In the order of", list(usable), len(usable) - 1, key="flip-by",
            help="Pieces are hidden from the strongest for this method to the weakest; for LIME by "
            "all its coefficients, also of pieces that the map leaves out.",
        )  # fmt: skip
        fill = st.selectbox(
            "Hidden pieces show", FILLS, key="flip-fill", persist_state="session",
            format_func=str.capitalize,
        )  # fmt: skip
        any_other = st.toggle("Until any other class wins", key="flip-any", persist_state="session")
    until = None if any_other or expected.index == first.index else expected.index
    difference = usable[title]
    segments = difference.segments
    if segments is None:
        segments = cache.segments(selection.picture, selection.classifier, selection.pixels)
    try:
        found = cache.flip(selection.picture, selection.classifier, selection.pixels, difference,
                           segments, fill, until)  # fmt: skip
    except NoAnswerError as reason:
        st.warning(escaped(str(reason)), icon=":material/block:")
        return
    left, right = st.columns([1, 2], gap="large", vertical_alignment="center")
    shown = list(dict.fromkeys([first.index, target.index, target.classes[1]]))
    if found.winner is not None:
        shown = list(dict.fromkeys([*shown, found.winner]))
    right.plotly_chart(
        steps_figure(
            found.probabilities[:, shown],
            [prediction.labels[index] for index in shown],
            theme=screen_theme(),
        ),
        theme=None,
        config=QUIET,
        alt="Probabilities while more and more pieces are hidden",
    )
    order = f"{difference.explainer} {target} {difference.done}"
    _draw_smallest(selection, left.empty(), found, segments, order)


def _draw_smallest(
    selection: Selection, place: DeltaGenerator, found: Flip, segments: np.ndarray, order: str
) -> None:
    """The region, and below the offer to try every pair of pieces that has less area."""
    pairs = len(pairs_with_less(found, segments))
    run = cache.job(
        selection.picture.digest,
        selection.classifier.name,
        f"pairs {order} {found.fill} {found.until}",
    )

    def tried() -> bool:
        return not pairs or (run.finished and not run.failure)

    def draw_region() -> None:
        smallest = run.latest.flip if run.latest else found
        _draw_region(selection, place, smallest, segments, tried=tried())

    draw_region()
    if tried():
        return
    long_running.offer(
        run, lambda: try_pairs(selection.classifier, selection.pixels, segments, found),
        "Try pairs, at most" if found.winner is None else "Try smaller pairs, at most",
        pairs, selection.classifier, lambda latest, settled: None,
    )  # fmt: skip
    if tried():
        draw_region()


def _draw_region(
    selection: Selection, place: DeltaGenerator, found: Flip, segments: np.ndarray, *, tried: bool
) -> None:
    """The picture without the region, what the network says then, and what was tried."""
    labels = selection.prediction.labels
    before = int(found.probabilities[0].argmax())
    pieces = int(segments.max()) + 1
    pairs = f"{pieces}" if pieces <= PAIRED else f"{PAIRED} strongest"
    with place.container():
        if found.winner is None:
            wanted = "another class" if found.until is None else escaped(labels[found.until])
            many = f"any single piece or any pair of the {pairs}" if tried else "any single piece"
            st.info(
                f"Nothing changes it: {wanted} does not win when the {pieces} pieces are hidden "
                f"in this order, not even when all are, nor when {many} is.",
                icon=":material/block:",
            )
            return
        st.image(
            cache.screen(_in_grey(selection, found.region)), width="stretch",
            alt=f"The picture with what was hidden in grey: {found.share:.1%} of it",
        )  # fmt: skip
        count = len(found.hidden)
        st.markdown(
            f"**{found.share:.1%} of the picture**, {count} piece{'' if count == 1 else 's'} of "
            f"{pieces}: without {'it' if count == 1 else 'them'} it is "
            f"*{escaped(labels[found.winner])}* ({percent(float(found.after[found.winner]))}) and "
            f"no longer *{escaped(labels[before])}* ({percent(float(found.after[before]))})."
        )
        needed = f"Each of the {count} is needed. " if count > 1 else ""
        less = (
            f"No single piece and no pair of the {pairs} does it with less area."
            if tried
            else f"No single piece of the {pieces} does it with less area; pairs were not tried."
        )
        more = " Three and more were tried in this order alone." if pieces > 2 else ""
        if pieces > 1:
            st.caption(f"{needed}{less}{more}")
