"""All methods against each other on one picture: what their tests have found so far, row by row.

One picture ranks no methods. What the rows allow to be said of this one is `standing`: which of
two maps does better than the other by more than orders that know nothing differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from explainers.explanation import Explanation
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import KINDS, RANDOM, Curve, Kind, Tested, beaten
from explainers.metrics.randomisation import Randomisation, Spread
from explainers.metrics.stability import Change, Repeats

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

ONCE_IN = 20
"""Less than once in so many times are two maps told apart that know nothing."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What the tests of some maps have found so far.

    Parameters
    ----------
    tested : Tested, optional
        From `faithfulness.curves`.
    repeats : mapping of (str, Change) to Repeats
        From `stability.ask_again`, by the titles of the methods and what was changed.
    broken : Randomisation, optional
        From `randomisation`.
    """

    tested: Tested | None = None
    repeats: Mapping[tuple[str, Change], Repeats] = field(default_factory=dict)
    broken: Randomisation | None = None

    def curves(self, kind: Kind) -> dict[str, Curve]:
        """The curves of a kind by name; none before all random orders are followed."""
        if self.tested is None or self.tested.done < self.tested.total:
            return {}
        return self.tested.of(kind)

    @property
    def random_orders(self) -> int:
        """How many random orders the maps were held against."""
        found = self.curves("deletion")
        return len(found[RANDOM].runs) if found else 0

    def again(self, title: str, change: Change) -> Spread | None:
        """How alike all pairs of a method's answers are; None before all are there."""
        repeats = self.repeats.get((title, change))
        if repeats is None or repeats.done < repeats.total:
            return None
        return Spread.of(repeats.correlations)

    def forgotten(self, title: str) -> np.ndarray | None:
        """How alike a map and those of copies that forgot everything are, ``(copies,)``.

        None before all copies are there.
        """
        if self.broken is None or title not in self.broken.originals:
            return None
        remaining = self.broken.remaining(title)
        return None if len(remaining) < self.broken.copies else remaining


@dataclass(frozen=True)
class Score:
    """What is known of a map, or of a baseline; None where no test has told, or none can.

    Parameters
    ----------
    name : str
        The method's title, `BLOB` or `RANDOM`.
    deletion, insertion : float
        The areas, in 0..1: of a deletion lower is better, of an insertion higher. Of the random
        orders, the mean.
    deletion_beaten, insertion_beaten : int
        How many of the random orders it does better than.
    noise, seed : Spread
        Rank correlations of all pairs of answers with a little noise on the picture, and under
        other seeds: at most 1, higher is steadier.
    forgotten : Spread
        Rank correlations with the maps of copies that have forgotten everything: lower is better.
    stayed : int
        In how many copies the map stayed as similar as maps of other pictures are; see
        `Randomisation.stayed`. Lower is better.
    places : int
        How many places it tells apart: superpixels, or cells of its own grid.
    passes : int
        Forward passes that it takes, a backward one counted as two.
    seconds : float
        What it took.
    """

    name: str
    deletion: float | None = None
    deletion_beaten: int | None = None
    insertion: float | None = None
    insertion_beaten: int | None = None
    noise: Spread | None = None
    seed: Spread | None = None
    forgotten: Spread | None = None
    stayed: int | None = None
    places: int | None = None
    passes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Standing:
    """How far the areas of a kind put some maps in an order.

    Parameters
    ----------
    kind : {"deletion", "insertion"}
    best : str
        The map with the best area.
    area : float
        That area.
    close : tuple of str
        The maps that are not told apart from it.
    lead : float
        By how much it does better than the blob; negative where the blob does better.
    least : float
        The difference from which on two maps are told apart; see `least_difference`.
    apart, pairs : int
        How many pairs of maps are told apart, and how many there are.
    """

    kind: Kind
    best: str
    area: float
    close: tuple[str, ...]
    lead: float
    least: float
    apart: int
    pairs: int


def score(explanation: Explanation, classifier: "Classifier", findings: Findings) -> Score:
    """What is known of a map."""
    title = explanation.explainer.title
    forgotten, broken = findings.forgotten(title), findings.broken
    return replace(
        _areas(title, findings),
        noise=findings.again(title, "noise"),
        seed=findings.again(title, "seed"),
        forgotten=None if forgotten is None else Spread.of(forgotten),
        stayed=None if forgotten is None or broken is None else broken.stayed(title),
        places=_places(explanation),
        passes=explanation.explainer.cost(classifier).passes,
        seconds=explanation.seconds,
    )


def scores(
    explanations: Sequence[Explanation], classifier: "Classifier", findings: Findings
) -> tuple[Score, ...]:
    """What is known of each map, of a blob in the middle, and of the random orders.

    Parameters
    ----------
    explanations : sequence of Explanation
    classifier : Classifier
        The network that they explain.
    findings : Findings
    """
    maps = (score(each, classifier, findings) for each in explanations)
    return (*maps, *baselines(findings))


def baselines(findings: Findings) -> tuple[Score, Score]:
    """What is known of a blob in the middle and of random orders, which know nothing."""
    return _areas(BLOB, findings), _areas(RANDOM, findings)


def standing(findings: Findings, kind: Kind) -> Standing | None:
    """How far the areas of a kind put the maps in an order; None before they are there."""
    found = findings.curves(kind)
    maps = {name: curve.area for name, curve in found.items() if name not in (BLOB, RANDOM)}
    if not maps:
        return None
    least = least_difference(found[RANDOM])
    best = (min if kind == "deletion" else max)(maps, key=maps.__getitem__)
    gap = found[BLOB].area - maps[best]
    differences = [abs(maps[one] - maps[other]) for one, other in combinations(maps, 2)]
    return Standing(
        kind,
        best,
        maps[best],
        tuple(each for each in maps if each != best and abs(maps[each] - maps[best]) <= least),
        gap if kind == "deletion" else -gap,
        least,
        sum(difference > least for difference in differences),
        len(differences),
    )


def least_difference(random: Curve) -> float:
    """The difference of areas that two maps must exceed to be told apart.

    It is the largest difference of any two random orders. Two further orders that know nothing
    exceed it less than once in 20 times: beside 19 orders once in 20 where a few areas lie far off
    (exponential), once in 50 where they are normal, once in 80 where they are uniform. That holds
    for one pair; of m pairs of maps that know nothing, fewer than m / 20 do on average.

    Parameters
    ----------
    random : Curve
        With the random orders as its runs.

    Returns
    -------
    float
        In 0..1; infinite where there are no two random orders.
    """
    return float(np.ptp(random.areas)) if len(random.areas) > 1 else np.inf


def _areas(name: str, findings: Findings) -> Score:
    """What deletion and insertion say of an order."""
    deletion, insertion = (findings.curves(kind) for kind in KINDS)
    return Score(
        name,
        deletion=deletion[name].area if name in deletion else None,
        deletion_beaten=_beaten(name, deletion),
        insertion=insertion[name].area if name in insertion else None,
        insertion_beaten=_beaten(name, insertion),
    )


def _beaten(name: str, found: Mapping[str, Curve]) -> int | None:
    return beaten(found[name], found[RANDOM]) if name in found and name != RANDOM else None


def _places(explanation: Explanation) -> int:
    surrogate = explanation.surrogate
    return explanation.heatmap.size if surrogate is None else len(surrogate.coefficients)
