"""What a page would show of a tiny seeded network, with all there can be, and a record of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.prediction import Target
from explainers.explanation import Explainer, Explanation
from explainers.images.regions import box, cells, hide
from explainers.images.superpixels import Slic
from explainers.methods import GradCam, LimeSuperpixels, Saliency
from explainers.metrics.faithfulness import curves, strengths_of
from explainers.metrics.randomisation import randomisation
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import ask_again
from explainers.report.record import Record
from explainers.report.recording import experiment, pictured, record_of, what_tests_found

if TYPE_CHECKING:
    from explainers import CheckUp, Classifier

METHODS: tuple[Explainer, ...] = (
    GradCam(),
    Saliency(samples=3),
    LimeSuperpixels(segmentation=Slic(n_segments=9), samples=60, seed=4),
)


@dataclass(frozen=True, eq=False)
class Run:
    """Three maps, two experiments, all tests and a check-up, and their record."""

    explanations: Sequence[Explanation]
    findings: Findings
    check_up: "CheckUp"
    record: Record


def run(classifier: "Classifier", image: np.ndarray) -> Run:
    """All there can be to tell of a picture."""
    from explainers import check_up

    pixels, target = classifier.prepare(image), Target(0, rather_than=1)
    maps = [method.explain(classifier, pixels, target) for method in METHODS]
    segments = cells(classifier.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in maps}
    *_, tested = curves(classifier, pixels, target, strengths, segments, steps=4, random_runs=3)
    repeats = {}
    for each, change in ((maps[0], "noise"), (maps[2], "seed")):
        *_, again = ask_again(each, classifier, pixels, change, times=3)
        repeats[each.explainer.title, change] = again
    other = image[::-1].copy()
    seen = classifier.prepare(other)
    *_, broken = randomisation(maps[:1], classifier, pixels, [seen], stages=2, copies=2)
    findings = Findings(tested, repeats, broken)
    region = box(classifier.size, (2, 6), (3, 8))
    tried = [
        experiment(kind, "blur", region, classifier.predict(hide(pixels, hidden, "blur")), target)
        for kind, hidden in (("hide", region), ("keep", ~region))
    ]
    looked_over = check_up(classifier, pixels)
    record = record_of(
        classifier, image, maps, title="Blocks", inside=True, experiments=tried,
        tests=what_tests_found(
            findings, steps=4, others=[pictured(other, seen, "Upside down", inside=True)]
        ),
        check_up=looked_over, purpose="To try records.",
    )  # fmt: skip
    return Run(maps, findings, looked_over, record)
