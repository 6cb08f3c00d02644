"""Records of a tiny seeded network, with tests and experiments, and without."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from explainers.explanation import Explainer
from explainers.report.record import Record
from explainers.report.recording import record_of
from tests.report.running import Run, run

if TYPE_CHECKING:
    from explainers import Classifier


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
def ran(smooth: "Classifier", image: np.ndarray) -> Run:
    """All there can be."""
    return run(smooth, image)


@pytest.fixture(scope="session")
def record(ran: Run) -> Record:
    """With all there can be: three maps, an experiment, all tests and a check-up."""
    return ran.record
