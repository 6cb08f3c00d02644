"""Whether a map depends on what the network has learnt, by making the network forget it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explainers.classifiers.classifier import Classifier
from explainers.classifiers.randomised import RandomisedClassifier
from explainers.explanation import Explanation
from explainers.metrics.agreement import CELLS, agree

CARELESS = 0.5
"""A map that still correlates this much when everything is forgotten does not care."""


@dataclass(frozen=True, eq=False)
class Stage:
    """The maps of a network that has forgotten a part of what it had learnt.

    Parameters
    ----------
    forgotten : float
        The share of its layers that are re-initialised, from the top down, in 0..1.
    layer : str
        The path of the lowest of them.
    probability : float
        Of the target's class.
    explanations : mapping of str to Explanation
        By the titles of the methods; those that are there so far.
    """

    forgotten: float
    layer: str
    probability: float
    explanations: Mapping[str, Explanation]


@dataclass(frozen=True, eq=False)
class Randomisation:
    """The maps of one picture while the network forgets.

    Parameters
    ----------
    originals : mapping of str to Explanation
        Of the network as it is, by the titles of the methods.
    stages : tuple of Stage
        So far; the last may lack some methods.
    done, total : int
        Maps that there are, and will be.
    """

    originals: Mapping[str, Explanation]
    stages: tuple[Stage, ...]
    done: int
    total: int

    def similarities(self, title: str) -> list[float]:
        """Of a method's maps with the original one, stage by stage.

        Spearman's rank correlation of the 14 x 14 grids, in -1..1. It should fall to about 0: a map
        that stays as it was does not show what the network has learnt. 0 for a blank map.
        """
        original = self.originals[title].grid(CELLS)
        maps = [stage.explanations[title] for stage in self.stages if title in stage.explanations]
        return [agree(original, each.grid(CELLS)).correlation for each in maps]

    def remaining(self, title: str) -> float | None:
        """The similarity when everything is forgotten; None as long as that is not reached."""
        last = self.stages[-1] if self.stages else None
        if last is None or last.forgotten < 1 or title not in last.explanations:
            return None
        return self.similarities(title)[-1]


def randomisation(
    explanations: Sequence[Explanation],
    classifier: Classifier,
    pixels: np.ndarray,
    *,
    stages: int = 5,
    seed: int = 0,
) -> Iterator[Randomisation]:
    """Cascading randomisation [1]_: re-initialise a copy of the network from the top down.

    Parameters
    ----------
    explanations : sequence of Explanation
        Maps of the network as it is, one a method; each method is asked again at every stage.
    classifier : Classifier
        Left as it is; see `RandomisedClassifier` for how its copy forgets.
    pixels : (h, w, 3) float32 ndarray
    stages : int
        The first re-initialises the last layer, the last one all of them; those between, equal
        steps.
    seed : int

    Yields
    ------
    Randomisation
        With one map more each time.

    Raises
    ------
    LookupError
        If no layer of the network has learnt anything.

    References
    ----------
    .. [1] J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.
    """
    copy = RandomisedClassifier(classifier)
    count = len(copy.learnt)
    depths = sorted({round(depth) for depth in np.linspace(1, count, stages)} if count else ())
    if not depths:
        raise LookupError(f"{classifier.title} has learnt nothing that it could forget.")
    originals = {each.explainer.title: each for each in explanations}
    complete: tuple[Stage, ...] = ()
    total = len(originals) * len(depths)
    for depth in depths:
        copy.randomise(depth, seed)
        answers = copy.predict(pixels).probabilities
        maps: dict[str, Explanation] = {}
        for title, original in originals.items():
            maps[title] = original.explainer.explain(copy, pixels, original.target)
            probability = float(answers[original.target.index])
            stage = Stage(depth / count, copy.learnt[-depth], probability, dict(maps))
            done = len(complete) * len(originals) + len(maps)
            yield Randomisation(originals, (*complete, stage), done, total)
        complete = (*complete, stage)
