"""Records of a tiny seeded network, with tests and experiments, and without."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from explainers.classifiers.prediction import Target
from explainers.explanation import Explainer
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
    from explainers import Classifier

METHODS: tuple[Explainer, ...] = (
    GradCam(),
    Saliency(samples=3),
    LimeSuperpixels(segmentation=Slic(n_segments=9), samples=60, seed=4),
)


@pytest.fixture(scope="session")
def image(pixels: np.ndarray) -> np.ndarray:
    """A picture larger than the tiny network's."""
    return np.kron(pixels.astype(np.uint8), np.ones((2, 2, 1), np.uint8))


def plain(classifier: "Classifier", image: np.ndarray, *methods: Explainer) -> Record:
    """A record of some maps of the first class, with the picture inside."""
    prepared = classifier.prepare(image)
    maps = [method.explain(classifier, prepared, 0) for method in methods]
    return record_of(classifier, image, maps, target=0, title="Blocks", inside=True)


@pytest.fixture(scope="session")
def record(smooth: "Classifier", image: np.ndarray) -> Record:
    """With all there can be: three maps, an experiment, all tests and a check-up."""
    from explainers import check_up

    pixels, target = smooth.prepare(image), Target(0, rather_than=1)
    maps = [method.explain(smooth, pixels, target) for method in METHODS]
    segments = cells(smooth.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in maps}
    *_, tested = curves(smooth, pixels, target, strengths, segments, steps=4, random_runs=3)
    repeats = {}
    for each, change in ((maps[0], "noise"), (maps[2], "seed")):
        *_, again = ask_again(each, smooth, pixels, change, times=3)
        repeats[each.explainer.title, change] = again
    other = image[::-1].copy()
    seen = smooth.prepare(other)
    *_, broken = randomisation(maps[:1], smooth, pixels, [seen], stages=2, copies=2)
    region = box(smooth.size, (2, 6), (3, 8))
    tried = [
        experiment(kind, "blur", region, smooth.predict(hide(pixels, hidden, "blur")), target)
        for kind, hidden in (("hide", region), ("keep", ~region))
    ]
    return record_of(
        smooth, image, maps, title="Blocks", inside=True, experiments=tried,
        tests=what_tests_found(
            Findings(tested, repeats, broken), steps=4,
            others=[pictured(other, seen, "Upside down", inside=True)],
        ),
        check_up=check_up(smooth, pixels), purpose="To try records.",
    )  # fmt: skip
