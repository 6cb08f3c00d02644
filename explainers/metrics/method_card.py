"""A card for each method, measured on one network and picture: what to know before trusting it.

The ten attributes are those of saliency cards [1]_. What can be known of a method is said; what has
to be measured is measured here, or it is said that it has not been.

References
----------
.. [1] A. Boggust, H. Suresh, H. Strobelt, J. V. Guttag, A. Satyanarayan, "Saliency Cards: A
   Framework to Characterize and Compare Saliency Methods", FAccT 2023.
"""

import re
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Literal

import numpy as np

from explainers.explanation import Explainer, Explanation
from explainers.metrics.agreement import CELLS, SHARES, correlation
from explainers.metrics.evidence import hottest_share
from explainers.metrics.randomisation import Spread
from explainers.metrics.scoreboard import Findings, Score, score

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Group = Literal["Methodology", "Sensitivity", "Perceptibility"]

TENTH = SHARES[0]
NOT_YET = "not tested yet."
REFERENCE = re.compile(r"^\.\. \[\d+\] (.+(?:\n +.+)*)", re.MULTILINE)
"""An entry of a docstring's references, with the lines that go on with it."""


@dataclass(frozen=True)
class Attribute:
    """One line of a card: what is asked, and what is known.

    Parameters
    ----------
    name : str
        As saliency cards call it.
    group : {"Methodology", "Sensitivity", "Perceptibility"}
    question : str
        What it asks of a method.
    said : str
        What is known, or that it has not been tested: sentences, with figures.
    """

    name: str
    group: Group
    question: str
    said: str


@dataclass(frozen=True)
class MethodCard:
    """What is known of a method, as it is set, on one network and picture.

    Parameters
    ----------
    title, kind : str
        Its name, and what it looks at to tell places apart.
    attributes : tuple of Attribute
        Ten, in the order of saliency cards.
    blind_to : str
        What it cannot see, in a sentence or two.
    notes : tuple of str
        What was found while the map was made; see `Explanation`.
    sources : tuple of str
        Where it was published.
    score : Score
        The figures behind the sentences.
    """

    title: str
    kind: str
    attributes: tuple[Attribute, ...]
    blind_to: str
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    score: Score

    def of(self, group: Group) -> tuple[Attribute, ...]:
        """The attributes of a group."""
        return tuple(each for each in self.attributes if each.group == group)


def method_card(
    explanation: Explanation,
    classifier: "Classifier",
    findings: Findings,
    other: Explanation | None = None,
) -> MethodCard:
    """The card of the method behind a map.

    Parameters
    ----------
    explanation : Explanation
    classifier : Classifier
        The network that it explains.
    findings : Findings
        What the tests have found so far.
    other : Explanation, optional
        The same method's map of another class, for the same picture.
    """
    explainer, known = explanation.explainer, score(explanation, classifier, findings)
    attributes = (
        Attribute(
            "Determinism", "Methodology", "Does it give the same map each time?",
            _determinism(explainer, known),
        ),
        Attribute(
            "Hyperparameter dependence", "Methodology", "What has to be set?", _settings(explainer)
        ),
        Attribute("Model agnosticism", "Methodology", "What must a network have?", explainer.needs),
        Attribute(
            "Computational efficiency", "Methodology", "What does it cost?",
            _cost(explanation, classifier, known),
        ),
        Attribute(
            "Semantic directness", "Methodology", "What does a hot place mean?",
            _meaning(explanation),
        ),
        Attribute(
            "Input sensitivity", "Sensitivity",
            "Does it mark what the answer depends on, and stay where the picture hardly changes?",
            _input(known, findings),
        ),
        Attribute(
            "Label sensitivity", "Sensitivity", "Is the map of another class another map?",
            _label(explanation, classifier, other),
        ),
        Attribute(
            "Model sensitivity", "Sensitivity", "Does it depend on what the network has learnt?",
            _model(explainer, known, findings),
        ),
        Attribute(
            "Minimality", "Perceptibility", "Does it point to few places?", _minimality(explanation)
        ),
        Attribute(
            "Perceptual correspondence", "Perceptibility", "Does it mark what people would mark?",
            "Not tested: it takes people who mark what they look at.",
        ),
    )  # fmt: skip
    return MethodCard(
        explainer.title, explainer.kind, attributes, explainer.blind_to, explanation.notes,
        sources(explainer), known,
    )  # fmt: skip


def sources(method: Explainer | type[Explainer]) -> tuple[str, ...]:
    """Where a method was published: the references of its docstring, each on one line."""
    *_, references = cleandoc(method.__doc__ or "").partition("References\n")
    return tuple(" ".join(found.split()) for found in REFERENCE.findall(references))


def _determinism(explainer: Explainer, known: Score) -> str:
    if not explainer.random:
        return "It draws nothing: the same picture gives the same map."
    drawn = "It draws at random, so another seed gives another map."
    if known.seed is None:
        return f"{drawn} Other seeds: {NOT_YET}"
    return f"{drawn} Other seeds: rank correlation {_told(known.seed, 'pair')}."


def _settings(explainer: Explainer) -> str:
    labels = [each.label for each in explainer.settings().values()]
    if not labels:
        return "It has no settings."
    count = f"{len(labels)} setting{'' if len(labels) == 1 else 's'}"
    return f"{count}: {', '.join(labels)}. Other values have not been tested."


def _cost(explanation: Explanation, classifier: "Classifier", known: Score) -> str:
    explainer = explanation.explainer
    more = explainer.cost(classifier, 2).passes - explainer.cost(classifier, 1).passes
    another = "nothing more" if explainer.observer.all_classes or not more else _passes(more)
    so_far = "" if explanation.progress == 1 else f" for {explanation.progress:.0%} of them"
    return (
        f"{_passes(known.passes or 0)}; it took {known.seconds:.2f} s here{so_far}. Another class "
        f"beside it costs {another}."
    )


def _passes(count: int) -> str:
    return f"{count:,} pass{'' if count == 1 else 'es'}"


def _meaning(explanation: Explanation) -> str:
    explainer = explanation.explainer
    shown = explainer.answers[0].lower() + explainer.answers[1:]
    signed = " What is below zero speaks against it." if explanation.signed else ""
    return f"Of the class: {shown}. A hot place {explainer.heat} the class.{signed}"


def _input(known: Score, findings: Findings) -> str:
    said = []
    for kind, area, beaten in (
        ("deletion", known.deletion, known.deletion_beaten),
        ("insertion", known.insertion, known.insertion_beaten),
    ):
        runs = findings.random_orders
        said.append(
            f"{kind.capitalize()}: {NOT_YET}"
            if area is None
            else f"{kind.capitalize()}: {area:.3f}, better than {beaten} of {runs} random orders."
        )
    said.append(
        f"Noise on the picture: {NOT_YET}"
        if known.noise is None
        else f"A little noise on the picture: rank correlation {_told(known.noise, 'pair')}."
    )
    return " ".join(said)


def _label(explanation: Explanation, classifier: "Classifier", other: Explanation | None) -> str:
    if other is None:
        price = _passes(explanation.explainer.cost(classifier).passes)
        return f"Not tested: the map of another class takes {price} of its own."
    name = classifier.labels[other.target.index]
    if other.blank_reason:
        return f"Its map of {name} shows nothing, so there is nothing to compare."
    alike = f"{correlation(explanation.grid(CELLS), other.grid(CELLS)):.2f}".replace("-", "−")
    return (
        f"Its map of {name} has a rank correlation of {alike} with this one; 1 is the same order "
        "of cells."
    )


def _model(explainer: Explainer, known: Score, findings: Findings) -> str:
    copies = findings.forgotten(explainer.title)
    if copies is None or findings.broken is None:
        return f"Forgetting all: {NOT_YET}"
    others = Spread.of(findings.broken.baseline(explainer.title))
    if others is None or known.forgotten is None:
        return "Where all is forgotten, it or the maps of other pictures are the same everywhere."
    return (
        f"In {known.stayed} of {len(copies)} copies that have forgotten all it stayed as similar "
        f"as maps of other pictures: rank correlation {_told(known.forgotten, 'map')}; of other "
        f"pictures {_told(others, 'map')}."
    )


def _told(spread: Spread, what: str) -> str:
    return f"{spread}, {spread.count} {what}{'' if spread.count == 1 else 's'}"


def _minimality(explanation: Explanation) -> str:
    grid = explanation.grid(CELLS)
    own, flat = (hottest_share(each, TENTH) for each in (grid, np.ones_like(grid)))
    return (
        f"The hottest tenth of the cells holds {own:.0%} of all heat; of a map that is the same "
        f"everywhere it would be {flat:.0%}."
    )
