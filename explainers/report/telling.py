"""In words: what was found, for people who do not read heatmaps. Every sentence holds a figure.

A page and a report say the same; each has its own marks for names, links and what is important.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explainers.classifiers.prediction import Answer, Prediction
from explainers.explanation import Explanation
from explainers.metrics.agreement import BLOB, Agreement
from explainers.metrics.pointing import CELLS, Hiding, Place, place
from explainers.models.imagenet import unexpected_meaning
from explainers.words import ROWS_AND_COLUMNS, percent, rounded

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

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

TRIED = {"hide": "Hide the region", "keep": "Keep only the region"}
"""What experiments do, as records and as people call it."""

HOW_TO_READ_AGREEMENT = (
    "Of the maps as 14 × 14 matrices. Agreement is not correctness: methods that share an "
    "error agree on it, and two maps that are hot in the middle agree on that much without "
    "any other reason. The blob in the middle knows nothing of the network: its row shows "
    "how much that is. Read the figures against it, not against 0."
)


@dataclass(frozen=True)
class Marks:
    """How a text is marked up.

    Parameters
    ----------
    name : callable
        A text that is not ours, shown letter by letter whatever stands in it.
    strong, emphasis : callable
        What is important, more and less; it is marked up already.
    link : callable
        A text of ours, and the anchor that it leads to.
    """

    name: Callable[[str], str]
    strong: Callable[[str], str]
    emphasis: Callable[[str], str]
    link: Callable[[str, str], str]


@dataclass(frozen=True)
class Passage:
    """Some sentences, marked up: those before a list, its points, and those after it."""

    before: str
    points: tuple[str, ...] = ()
    after: str = ""


@dataclass(frozen=True, eq=False)
class Told:
    """What the words are about.

    Parameters
    ----------
    classifier : str
        What a person calls it.
    prediction : Prediction
    rivals : bool
        Whether its classes exclude each other.
    explanations : sequence of Explanation
        Of one decision; one or more.
    agreements : sequence of Agreement
        Of those that are not blank, from `agreements`.
    hidings : mapping of str to Hiding
        Of those that are not blank, by the titles of their methods.
    seen : tuple of int
        Rows and columns of what the network saw.
    shown : tuple of int
        Rows and columns of the picture that it was made of.
    remedy : str
        What keeps the picture from being squeezed where that is read, marked up; if anything does.
    """

    classifier: str
    prediction: Prediction
    rivals: bool
    explanations: Sequence[Explanation]
    agreements: Sequence[Agreement]
    hidings: Mapping[str, Hiding]
    seen: tuple[int, int]
    shown: tuple[int, int]
    remedy: str = ""

    @property
    def index(self) -> int:
        """The class that is explained."""
        return self.explanations[0].target.index

    @property
    def usable(self) -> list[Explanation]:
        """The maps that show something."""
        return [each for each in self.explanations if not each.blank_reason]


def rivals(classifier: "Classifier") -> bool:
    """Whether the classes of a classifier exclude each other."""
    return classifier.activation != "sigmoid" or classifier.paired


def in_words(told: Told, marks: Marks) -> dict[str, Passage]:
    """What there is to say, under the question that it answers.

    Numbers and methods are links: to ``answer``, ``agreement``, and the names of the methods.
    """
    said = {
        ANSWER: _answer(told, marks),
        PLACES: _places(told, marks),
        AGREEMENT: _agreement(told, marks),
        HIDING: _hiding(told, marks),
        CAUTIONS: _cautions(told, marks),
    }
    return {question: passage for question, passage in said.items() if passage is not None}


def trial_in_words(was: Answer, now: Answer, first: Answer, *, turned: bool, marks: Marks) -> str:
    """What became of the class that is explained in an experiment.

    Parameters
    ----------
    was, now : Answer
        That class, before and then.
    first : Answer
        The most probable class then.
    turned : bool
        Whether another was most probable before.
    marks : Marks
    """
    return (
        f"{marks.name(was.label)} goes from {percent(was.probability)} to "
        f"{marks.strong(percent(now.probability))}; the answer is {'now' if turned else 'still'} "
        f"{marks.emphasis(marks.name(first.label))} ({percent(first.probability)})."
    )


def _answer(told: Told, marks: Marks) -> Passage:
    prediction, index = told.prediction, told.index
    first, second = prediction.top(2)
    said = (
        f"{marks.name(told.classifier)} says {marks.strong(marks.name(first.label))}, with a "
        f"probability of {marks.link(percent(first.probability), 'answer')}. Next comes "
        f"{marks.name(second.label)}, with {percent(second.probability)}."
    )
    if index != first.index:
        answer = prediction[index]
        said += (
            f" What follows is about {marks.strong(marks.name(answer.label))}, which gets "
            f"{percent(answer.probability)}."
        )
    return Passage(said)


def _places(told: Told, marks: Marks) -> Passage | None:
    label = marks.name(told.prediction[told.index].label)
    points = tuple(
        f"{_link(each, marks)}: what {each.explainer.heat} {label} is strongest {points_to(found)}."
        for each in told.usable
        if (found := place(each)) is not None
    )
    if not points:
        return None
    return Passage(
        f"A heatmap gives each of {CELLS} × {CELLS} cells of the picture a value, its heat. "
        "These are the hottest, a tenth or so:",
        points,
        ROWS_AND_COLUMNS,
    )


def points_to(found: Place) -> str:
    """Where a map points, in plain words and in cells."""
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


def _agreement(told: Told, marks: Marks) -> Passage | None:
    pairs = [pair for pair in told.agreements if BLOB not in pair.names]
    if not pairs:
        return None
    blobs = [pair for pair in told.agreements if BLOB in pair.names]
    reached = _range(
        pairs, lambda pair: f"{marks.link(rounded(pair.correlation), 'agreement')} for "
        f"{marks.name(' and '.join(pair.names))}",
    )  # fmt: skip
    knowing_nothing = _range(
        blobs, lambda pair: f"{rounded(pair.correlation)} with {marks.name(pair.names[0])}"
    )
    return Passage(
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


def _hiding(told: Told, marks: Marks) -> Passage | None:
    hidings = [
        (each, told.hidings[each.explainer.title])
        for each in told.usable
        if each.explainer.title in told.hidings
    ]
    if not hidings:
        return None
    before, tries = hidings[0][1].before, len(hidings[0][1].elsewhere)
    label = marks.name(told.prediction[told.index].label)
    points = tuple(
        f"{_link(each, marks)}: blur the hottest {found.share:.0%} of the picture, and "
        f"{percent(found.after)} are left. {_by_luck(found)}"
        for each, found in hidings
        if found.region.any()
    )
    lucky = len(hidings) / (tries + 1)
    return Passage(
        f"If a place matters, the {percent(before)} for {label} fall when it is blurred. To tell "
        f"that from luck, the same shape is blurred at {tries} random places as well.",
        points,
        f"Of {len(hidings)} maps that know nothing, {lucky:.1f} would on average leave less than "
        f"all {tries} random places."
        if len(hidings) > FEW
        else "",
    )


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


def _cautions(told: Told, marks: Marks) -> Passage | None:
    said = [*_close_call(told, marks), *_unsure_maps(told, marks), *_squeezed(told)]
    labels, first = told.prediction.labels, told.prediction.top(1)[0]
    for index in dict.fromkeys([told.index, first.index]):
        sense = unexpected_meaning(labels, index)
        if sense:
            name = marks.name(labels[index])
            said.append(f"“{name}” has a meaning of its own in ImageNet: {sense}.")
    return Passage(" ".join(said)) if said else None


def _close_call(told: Told, marks: Marks) -> Iterable[str]:
    first, second = told.prediction.top(2)
    if told.rivals and first.probability - second.probability < NEAR_TIE:
        yield (
            f"It is a close call: {marks.name(first.label)} leads {marks.name(second.label)} by "
            f"only {100 * (first.probability - second.probability):.1f} percentage points."
        )


def _unsure_maps(told: Told, marks: Marks) -> Iterable[str]:
    for each in told.explanations:
        if each.r2 is not None and each.r2 < POOR_FIT:
            yield (
                f"The linear model behind {_link(each, marks)} accounts for only "
                f"{max(0.0, each.r2):.0%} of what the network does (R² {each.r2:.2f})."
            )
        if each.blank_reason:
            yield f"{_link(each, marks)} points nowhere. {marks.name(each.blank_reason)}"
        if each.done < each.total:
            yield (
                f"{_link(each, marks)} was stopped after {each.done:,} of {each.total:,} samples."
            )


def _squeezed(told: Told) -> Iterable[str]:
    (rows, columns), (height, width) = told.seen, told.shown
    stretch = height / width * columns / rows
    stretch = max(stretch, 1 / stretch)
    if stretch >= STRETCHED:
        remedy = f"; {told.remedy}" if told.remedy else ""
        yield f"The network saw the picture squeezed {stretch:.1f} times in one direction{remedy}."


def _link(explanation: Explanation, marks: Marks) -> str:
    """The name of a method, leading to its card."""
    return marks.link(explanation.explainer.title, explanation.explainer.name)
