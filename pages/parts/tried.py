"""What was tried of a decision in this session: tests of its maps, experiments with its picture.

A test as it is set is a `Work`, which tells its run from others, and says what the run has found as
the scoreboard and a record take it. What is of another picture, network or class, or of a map under
other settings, is not of the decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import streamlit as st

from explainers import Explainer, Explanation, LimeSuperpixels, Prediction, Target
from explainers.images.regions import FILLS
from explainers.images.samples import SAMPLES
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import Change, Repeats
from explainers.report.record import Experiment, Found
from explainers.report.recording import (
    again_found,
    curves_found,
    experiment,
    forgotten_found,
    pictured,
)
from explainers.report.remaking import told
from explainers.report.telling import TRIED
from pages.parts import cache
from pages.parts.picture import Picture

if TYPE_CHECKING:
    from explainers import Classifier
    from explainers.classifiers.randomised import Way
    from pages.parts.card import Subject

SEED = 0
"""Of the random orders, and of the noise on a picture."""
KEPT = 50
"""Experiments of a session."""

UNITS = {"Cells, 14 × 14": False, "Superpixels": True}
"""What is hidden piece by piece, and whether that is superpixels."""

Map = tuple[Explainer, Target, int]
"""What tells a map of a picture by a network from others: how it was made, for what, how far."""


def maps_of(explanations: Sequence[Explanation]) -> tuple[Map, ...]:
    """What tells some maps from others."""
    return tuple((each.explainer, each.target, each.done) for each in explanations)


@dataclass(frozen=True)
class Work:
    """A test of some maps as it is set."""

    maps: tuple[Map, ...]

    def over(self, found: Any) -> bool:
        """Whether what was found is all there is to find, or else as good for what it is of."""
        return bool(found.done == found.total)

    def adds(self, findings: Findings, found: Any) -> Findings:
        """The findings of all tests with those of this one."""
        raise NotImplementedError

    def told(self, tests: Found, found: Any, classifier: "Classifier") -> Found:
        """A record's tests with this one."""
        raise NotImplementedError


@dataclass(frozen=True)
class DeletionInsertion(Work):
    """Deletion and insertion, cell by cell or superpixel by superpixel."""

    STEPS: ClassVar = (5, 200)

    superpixels: bool
    fill: str
    steps: int

    def adds(self, findings: Findings, found: Any) -> Findings:
        return replace(findings, tested=found)

    def told(self, tests: Found, found: Any, classifier: "Classifier") -> Found:
        cut = LimeSuperpixels().segmentation if self.superpixels else None
        return replace(tests, curves=curves_found(found, cut, self.fill, self.steps, SEED))


@dataclass(frozen=True)
class AskingAgain(Work):
    """Every method asked again, with other seeds and with noise: so much of 255 steps."""

    TIMES: ClassVar = (2, 10)
    PERCENT: ClassVar = (1, 20)

    times: int
    noise: float

    def over(self, found: Any) -> bool:
        return True  # each method is a question of its own, and those that are answered count

    def adds(self, findings: Findings, found: Any) -> Findings:
        return replace(findings, repeats={**findings.repeats, **self._answered(found)})

    def told(self, tests: Found, found: Any, classifier: "Classifier") -> Found:
        asked = {
            (title, change): again_found(title, change, repeats, self.noise, SEED)
            for (title, change), repeats in self._answered(found).items()
        }
        others = (each for each in tests.again if (each.title, each.change) not in asked)
        return replace(tests, again=(*others, *asked.values()))

    def _answered(self, found: Any) -> dict[tuple[str, Change], Repeats]:
        repeats: Mapping[tuple[str, Change], Repeats] = found.repeats
        return {asked: each for asked, each in repeats.items() if each.done == each.total}


@dataclass(frozen=True)
class Forgetting(Work):
    """Copies of the network that forget, beside other pictures of the gallery, cut or not."""

    COPIES: ClassVar = (2, 20)
    STAGES: ClassVar = (1, 10)

    way: "Way"
    copies: int
    stages: int
    seed: int
    others: tuple[str, ...]
    square: bool

    def adds(self, findings: Findings, found: Any) -> Findings:
        return replace(findings, broken=found)

    def told(self, tests: Found, found: Any, classifier: "Classifier") -> Found:
        images = {name: SAMPLES[name].read() for name in self.others}
        others = [
            pictured(
                image, classifier.prepare(image, crop=self.square), SAMPLES[name].title,
                sample=name, square=self.square,
            )
            for name, image in images.items()
        ]  # fmt: skip
        return replace(tests, forgotten=forgotten_found(found, self.way, self.seed, others))


def controls_of(tests: Found, titles: Sequence[str]) -> dict[str, Any]:
    """The values of the controls that stand for the tests of a record, by their keys.

    What they cannot be set to is left as it is.

    Parameters
    ----------
    tests : Found
    titles : sequence of str
        The methods whose maps can be tested.
    """
    found: dict[str, Any] = {}
    curves, again, forgotten = tests.curves, tests.again, tests.forgotten
    if curves is not None:
        cells = curves.segmentation is None
        if cells or curves.segmentation == told(LimeSuperpixels().segmentation):
            found["test-unit"] = next(name for name, unit in UNITS.items() if unit != cells)
        if curves.fill in FILLS:
            found["test-fill"] = curves.fill
        found |= _within("test-steps", curves.steps, DeletionInsertion.STEPS)
    if again:
        found |= _within("repeat-times", again[0].times, AskingAgain.TIMES)
        found |= _within("repeat-noise", round(100 * again[0].noise), AskingAgain.PERCENT)
    if forgotten is not None:
        found |= {"forget-way": forgotten.way, "forget-seed": forgotten.seed}
        found |= _within("forget-copies", forgotten.copies, Forgetting.COPIES)
        found |= _within("forget-stages", len(forgotten.stages), Forgetting.STAGES)
        if len(titles) > 1:
            found[key_of_forgetting(titles)] = [each.title for each in forgotten.maps]
    return found


def key_of_forgetting(titles: Sequence[str]) -> str:
    """The key of what says which of some methods are held against copies that forget."""
    return f"forget-maps-{'-'.join(titles)}"


def _within(key: str, value: int, bounds: tuple[int, int]) -> dict[str, int]:
    least, most = bounds
    return {key: value} if least <= value <= most else {}


@dataclass(frozen=True, eq=False)
class Trial:
    """One experiment, and what the network said.

    Parameters
    ----------
    of : str
        The digest of the picture that it was done on.
    network : str
        The name of the classifier that was asked.
    kind, fill : str
        What was done with the region, and what was seen instead of what was hidden.
    region : (h, w) bool ndarray
        What a person selected.
    hidden : (h, w) bool ndarray
        What was hidden.
    pixels : (h, w, 3) float32 ndarray
        What the network was shown.
    picture : Picture
        The same for people.
    before, prediction : Prediction
        Of the picture as it is, and of what was shown.
    """

    of: str
    network: str
    kind: str
    fill: str
    region: np.ndarray
    hidden: np.ndarray
    pixels: np.ndarray
    picture: Picture
    before: Prediction
    prediction: Prediction


def experiments() -> tuple[Trial, ...]:
    """Those of this session, on whatever picture, the newest last."""
    return tuple(st.session_state.get("experiments", ()))


def keep(trial: Trial) -> None:
    """Add an experiment to those of this session, unless it is there."""
    log: list[Trial] = st.session_state.setdefault("experiments", [])
    if _same(trial) not in map(_same, log):
        log.append(trial)
        del log[:-KEPT]


def _same(trial: Trial) -> tuple[str, ...]:
    return trial.picture.digest, trial.network, trial.kind, trial.fill


@dataclass(frozen=True, eq=False)
class Tried:
    """The tests of some maps, each with what it has found, and the experiments with their picture.

    Of two runs of a test that which tells of more maps counts, and of equals the last one looked
    at.
    """

    tests: tuple[tuple[Work, Any], ...] = ()
    trials: tuple[Trial, ...] = ()

    @classmethod
    def of(cls, subject: "Subject", explanations: Sequence[Explanation]) -> Self:
        """What was tried of a decision and these maps of it."""
        digest, network = subject.picture.digest, subject.classifier.name
        shown = set(maps_of(explanations))
        tests = [
            (work, run.latest)
            for work, run in cache.jobs(digest, network)
            if isinstance(work, Work) and shown.issuperset(work.maps)
            if run.latest is not None and not run.failure and work.over(run.latest)
        ]
        return cls(
            tuple(sorted(tests, key=lambda test: len(test[0].maps))),
            tuple(each for each in experiments() if (each.of, each.network) == (digest, network)),
        )

    @property
    def findings(self) -> Findings:
        """What the tests have found."""
        return reduce(lambda so_far, test: test[0].adds(so_far, test[1]), self.tests, Findings())

    def found(self, classifier: "Classifier") -> Found:
        """The same as a record holds it."""
        return reduce(
            lambda so_far, test: test[0].told(so_far, test[1], classifier), self.tests, Found()
        )

    def experiments(self, target: Target) -> list[Experiment]:
        """The experiments as a record holds them."""
        kinds = {words: kind for kind, words in TRIED.items()}
        return [
            experiment(kinds[each.kind], each.fill, each.region, each.prediction, target)
            for each in self.trials
        ]
