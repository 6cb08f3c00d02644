"""Whether a map depends on what the network has learnt, by making copies of it forget that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from explainers.classifiers.prediction import Prediction, Target
from explainers.explanation import Cost, Explainer, Explanation
from explainers.metrics.agreement import CELLS, correlation

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier
    from explainers.classifiers.randomised import Way


@dataclass(frozen=True)
class Spread:
    """The lowest, the median and the highest of some values, and how many there are.

    As text, the median and the range: ``0.12 (−0.20 to 0.33)``.
    """

    lowest: float
    median: float
    highest: float
    count: int

    @classmethod
    def of(cls, values: np.ndarray) -> Self | None:
        """Of those that are not NaN; None if there are none."""
        some = values[~np.isnan(values)]
        if not len(some):
            return None
        return cls(float(some.min()), float(np.median(some)), float(some.max()), len(some))

    def __str__(self) -> str:
        said = f"{self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f})"
        return said.replace("-", "−")


@dataclass(frozen=True, eq=False)
class Stage:
    """What copies of the network say that have forgotten the same layers.

    Parameters
    ----------
    forgotten : float
        The share of the layers that have forgotten what they had learnt, from the top down, in
        0..1.
    layer : str
        The path of the lowest of them.
    probabilities : tuple of float
        Of the target's class, one a copy.
    explanations : mapping of str to tuple of Explanation
        By the titles of the methods, one a copy; those that are there so far.
    """

    forgotten: float
    layer: str
    probabilities: tuple[float, ...]
    explanations: Mapping[str, tuple[Explanation, ...]]


@dataclass(frozen=True, eq=False)
class Randomisation:
    """The maps of one picture while copies of the network forget.

    Parameters
    ----------
    originals : mapping of str to Explanation
        Of the network as it is, by the titles of the methods.
    others : mapping of str to tuple of Explanation
        Of the network as it is, for other pictures.
    stages : tuple of Stage
        So far, those that have forgotten less first.
    copies : int
        How many there will be of each stage.
    done : float
        Maps that there are; one that is being made counts in part.
    total : int
        Maps that there will be.
    """

    originals: Mapping[str, Explanation]
    others: Mapping[str, tuple[Explanation, ...]]
    stages: tuple[Stage, ...]
    copies: int
    done: float
    total: int

    def similarities(self, title: str) -> list[np.ndarray]:
        """Of a method's maps with the original one: for each stage, one a copy.

        Spearman's rank correlation of the 14 x 14 grids, in -1..1. A reversed map is as unlike as
        can be, -1. NaN for a map that is the same everywhere: it ranks nothing.
        """
        return [self._with(title, stage.explanations[title]) for stage in self.stages]

    def remaining(self, title: str) -> np.ndarray:
        """The similarities when everything is forgotten, one a copy, so far."""
        if not self.stages or self.stages[-1].forgotten < 1:
            return np.empty(0)
        return self.similarities(title)[-1]

    def baseline(self, title: str) -> np.ndarray:
        """The similarity of the original map with those of other pictures, one a picture.

        What two maps have in common that share nothing but the method and the network.
        """
        return self._with(title, self.others[title])

    def stayed(self, title: str) -> int | None:
        """In how many copies that have forgotten everything the map stayed as similar as maps of
        other pictures are: at least as similar as the median of `baseline`.

        There, to forget everything changed the map no more than another picture does. Where only
        that is left which maps of any two pictures share, about half of the copies count, since
        half of the other pictures do. A map that is the same everywhere never counts.

        Returns
        -------
        int or None
            None without a baseline, where the maps are the same everywhere.
        """
        others = Spread.of(self.baseline(title))
        return None if others is None else int((self.remaining(title) >= others.median).sum())

    def _with(self, title: str, explanations: Sequence[Explanation]) -> np.ndarray:
        original = self.originals[title]
        return np.array([_similarity(original, each) for each in explanations])


def randomisation(
    explanations: Sequence[Explanation],
    classifier: "Classifier",
    pixels: np.ndarray,
    others: Sequence[np.ndarray],
    *,
    way: "Way" = "untrained",
    stages: int = 4,
    copies: int = 5,
    seed: int = 0,
) -> Iterator[Randomisation]:
    """Cascading randomisation [1]_: copies of the network forget from the top down.

    What comes first decides: the copies that have forgotten everything, the cheapest method first.

    Parameters
    ----------
    explanations : sequence of Explanation
        Maps of the network as it is, one a method, all of one target; each method is asked again
        of every copy.
    classifier : Classifier
        Left as it is; see `RandomisedClassifier` for how its copies forget.
    pixels : (h, w, 3) float32 ndarray
    others : sequence of (h, w, 3) float32 ndarray
        Other pictures. Each is asked about its own most probable class, and where the target is a
        difference, about that rather than the second. For the target of this picture, which they
        do not show, Grad-CAM avoids what they do show, and any map would seem similar beside that.
    way : {"untrained", "shuffled", "normal"}
        How a layer forgets.
    stages : int
        The last forgets all layers, the first the last layer alone; those between, equal steps.
    copies : int
        How many are drawn, each on its own.
    seed : int

    Yields
    ------
    Randomisation
        As the work goes on; the last has all maps.

    Raises
    ------
    LookupError
        If no layer of the network has learnt anything.
    ValueError
        Without other pictures, or with maps of several targets.

    References
    ----------
    .. [1] J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.
    """
    if not others:
        raise ValueError("Without another picture there is nothing to compare the copies with.")
    if len({each.target for each in explanations}) > 1:
        raise ValueError("The maps are of several targets; the copies are asked about one.")
    from explainers.classifiers.randomised import randomised

    copy = randomised(classifier, np.stack([pixels, *others]))
    count = len(copy.learnt)
    if not count:
        raise LookupError(f"{classifier.title} has learnt nothing that it could forget.")
    originals = {each.explainer.title: each for each in explanations}
    elsewhere: dict[str, list[Explanation]] = {title: [] for title in originals}
    begun: dict[int, tuple[dict[int, float], dict[str, list[Explanation]]]] = {}
    depths = list(dict.fromkeys(round(depth) for depth in np.linspace(count, 1, stages)))
    seeds = np.random.SeedSequence(seed).generate_state(copies).tolist()

    def ask() -> Iterator[tuple[list[Explanation], Iterator[Explanation]]]:
        """Each map that is to be made: where it belongs, and how it comes about."""
        for depth in depths:
            probabilities, made = begun[depth] = {}, {title: [] for title in originals}
            for each in sorted(explanations, key=lambda each: _passes(each, classifier)):
                explainer, target = each.explainer, each.target
                for other in others if depth == count else ():
                    own = _own_target(target, classifier.predict(other))
                    yield elsewhere[explainer.title], explainer.refine(classifier, other, own)
                for drawn in seeds:
                    copy.randomise(depth, drawn, way)
                    probabilities[drawn] = copy.predict(pixels)[target.index].probability
                    yield made[explainer.title], explainer.refine(copy, pixels, target)

    def so_far(done: float) -> Randomisation:
        reached = [
            Stage(
                depth / count,
                copy.learnt[-depth],
                tuple(probabilities.values()),
                {title: tuple(maps) for title, maps in made.items()},
            )
            for depth, (probabilities, made) in sorted(begun.items())
        ]
        others_found = {title: tuple(maps) for title, maps in elsewhere.items()}
        total = len(originals) * (len(others) + len(depths) * copies)
        return Randomisation(originals, others_found, tuple(reached), copies, done, total)

    for done, (place, refining) in enumerate(ask()):
        for explanation in refining:
            if explanation.progress < 1:
                yield so_far(done + explanation.progress)
        place.append(explanation)
        yield so_far(done + 1)


def cost(
    explainer: Explainer, classifier: "Classifier", others: int, *, stages: int = 4, copies: int = 5
) -> Cost:
    """How many passes `randomisation` takes for one method, before it is run.

    Those of a network of fewer layers than stages, or that ends in no normalised layer, are a few
    less; what opening the copy takes is left out.

    Parameters
    ----------
    explainer : Explainer
    classifier : Classifier
    others : int
        How many other pictures there are.
    stages, copies : int
        As `randomisation` takes them.
    """
    layers = sum(layer.parameters > 0 for layer in classifier.summary)
    broken = copies * min(stages, layers)
    counting = any(layer.kind == "BatchNormalization" for layer in classifier.summary)
    counted = 1 + others if counting else 0
    one = explainer.cost(classifier)
    maps = others + broken
    return Cost(maps * (one.forward + 1) + broken * counted, maps * one.backward)


def _similarity(one: Explanation, other: Explanation) -> float:
    if any(np.ptp(each.heatmap) == 0 for each in (one, other)):
        return np.nan
    return correlation(one.grid(CELLS), other.grid(CELLS))


def _own_target(target: Target, answer: Prediction) -> Target:
    """What another picture is asked about: what it shows, as far as the network can tell."""
    first, second = (int(index) for index in answer.ranking[:2])
    return Target(first) if target.rather_than is None else Target(first, rather_than=second)


def _passes(explanation: Explanation, classifier: "Classifier") -> int:
    one = explanation.explainer.cost(classifier)
    return one.forward + one.backward
