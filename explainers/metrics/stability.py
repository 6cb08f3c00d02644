"""Whether a method says the same when it is asked again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from explainers.explanation import Explanation
from explainers.metrics.agreement import CELLS, correlation

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Change = Literal["seed", "noise"]


@dataclass(frozen=True, eq=False)
class Repeats:
    """What a method says when it is asked again and again.

    Parameters
    ----------
    explanations : tuple of Explanation
        The answers so far.
    done, total : int
        How much of the new work is done: samples, or maps of methods that take none.
    """

    explanations: tuple[Explanation, ...]
    done: int
    total: int

    @property
    def correlations(self) -> np.ndarray:
        """Of each pair of runs, Spearman's rank correlation of the 14 x 14 grids, as shown.

        In -1..1, higher is steadier; two maps that are the same give 1, even where both are blank.
        """
        grids = [each.grid(CELLS) for each in self.explanations]
        return np.array(
            [
                1.0 if np.array_equal(one, other) else correlation(one, other)
                for one, other in combinations(grids, 2)
            ]
        )

    @property
    def flipping(self) -> np.ndarray | None:
        """The superpixels whose coefficient is positive in one run and negative in another.

        Of all superpixels, also of those that the map leaves out: a piece that is red in one map
        and too weak to be shown in the next may speak against the class there.

        Returns
        -------
        (h, w) bool ndarray or None
            Where they lie; None without superpixels, or where runs were cut differently.
        """
        surrogates = [each.surrogate for each in self.explanations if each.surrogate is not None]
        if not surrogates:
            return None
        segments = surrogates[0].segments
        if any(not np.array_equal(each.segments, segments) for each in surrogates):
            return None
        coefficients = np.stack([each.coefficients for each in surrogates])
        return ((coefficients.min(axis=0) < 0) & (coefficients.max(axis=0) > 0))[segments]


def ask_again(
    first: Explanation,
    classifier: "Classifier",
    pixels: np.ndarray,
    change: Change = "seed",
    *,
    times: int = 3,
    noise: float = 0.02,
    seed: int = 0,
) -> Iterator[Repeats]:
    """Explain the same decision several times [1]_.

    Parameters
    ----------
    first : Explanation
        The first answer; the method is asked again for its target, with its settings.
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
    change : {"seed", "noise"}
        What differs from one time to the next: the method's own seed, or a little noise on the
        pixels.
    times : int
        How many answers there will be, the first among them.
    noise : float
        Standard deviation of the noise, as a share of the 255 steps of a pixel.
    seed : int
        Of the noise.

    Yields
    ------
    Repeats
        As the work goes on; the last has all explanations.

    Raises
    ------
    ValueError
        If it is to be asked fewer than two times, or with other seeds where a method has none.

    References
    ----------
    .. [1] D. Alvarez-Melis, T. S. Jaakkola, "On the Robustness of Interpretability Methods", ICML
       workshop on human interpretability 2018.
    """
    if times < 2:
        raise ValueError(f"To ask again is to ask at least 2 times, not {times}.")
    explainer, target = first.explainer, first.target
    if change == "seed" and not explainer.random:
        raise ValueError(f"{explainer.title} draws nothing here: another seed says the same.")
    random = np.random.default_rng(seed)
    found: tuple[Explanation, ...] = (first,)
    for time in range(1, times):
        asked, seen = explainer, pixels
        if change == "seed":
            asked = replace(explainer, **{"seed": (vars(explainer)["seed"] + time) % 2**31})
        else:
            disturbance = random.normal(0, 255 * noise, pixels.shape)
            seen = np.clip(pixels + disturbance, 0, 255).astype(np.float32)
        for explanation in asked.refine(classifier, seen, target):
            done = (time - 1) * explanation.total + explanation.done
            total = (times - 1) * explanation.total
            if explanation.done < explanation.total:
                yield Repeats(found, done, total)
        found = (*found, explanation)
        yield Repeats(found, done, total)
