"""What many tests share: the bundled classifier, and tiny seeded networks with known answers.

The process that hands out the tests reads this as well, so TensorFlow is imported where it is used.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import keras

    from explainers import Classifier

SIZE = (24, 32)
CLASSES = ("cat", "dog", "bird")

Hold = Callable[[str, str, float, float], None]


@pytest.fixture
def held(record_property: Callable[[str, object], None]) -> Hold:
    """Hold a figure against something that Triptych did not write.

    ``held("Grad-CAM", "tf.GradientTape on the unmodified model", difference, 1e-5)`` fails where
    the largest difference is beyond the last number. All that was held is printed as a table at the
    end of a run; ``-m held`` runs just that.
    """

    def hold(what: str, against: str, difference: float, at_most: float) -> None:
        record_property("held", [what, against, float(difference), float(at_most)])
        assert difference <= at_most, f"{what} differs from {against} by {difference}"

    return hold


ORDER = (
    "tests/browser/",
    "tests/app/",
    "tests/",
    "tests/browser/test_accessibility.py",
    "tests/browser/test_layout.py",
    "tests/models/test_zoo.py",
    "tests/models/test_saved_applications.py",
)
"""What takes long comes first, and last what can be shared out test by test."""
SHARED_OUT = ORDER[5:]


def _place(nodeid: str) -> int:
    """Where a test comes in the order: at the longest entry that fits."""
    return ORDER.index(max((room for room in ORDER if nodeid.startswith(room)), key=len))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "held" in getattr(item, "fixturenames", ()):
            item.add_marker("held")
    items.sort(key=lambda item: _place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share a server, a page's module or a network run in one process, one by one."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            room = ORDER[_place(nodeid)]
            if room == "tests/browser/":
                return room
            return nodeid if room in SHARED_OUT else nodeid.split("::")[0]

    return Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of the README's "How we know"."""
    rows = dict(_largest(terminalreporter))
    if not rows:
        return
    terminalreporter.section("how we know")
    terminalreporter.write_line("| what | held against | largest difference | found by |")
    terminalreporter.write_line("| --- | --- | --- | --- |")
    for (what, against), (difference, test) in sorted(rows.items()):
        terminalreporter.write_line(f"| {what} | {against} | {difference:.1g} | `{test}` |")


def _largest(
    terminalreporter: pytest.TerminalReporter,
) -> Iterator[tuple[tuple[str, str], tuple[float, str]]]:
    """What was held and against what, with the largest difference and the test that found it."""
    held = [
        (what, against, difference, report.nodeid.split("[")[0])
        for report in terminalreporter.getreports("passed")
        if report.when == "call"
        for name, (what, against, difference, _) in report.user_properties
        if name == "held"
    ]
    for what, against, difference, test in sorted(held, key=lambda entry: entry[2]):
        yield (what, against), (difference, test)


@pytest.fixture(scope="session")
def lite0() -> "Classifier":
    """The bundled EfficientNet-Lite0 with its trained weights."""
    from explainers import load_classifier

    return load_classifier("efficientnet-lite0")


@pytest.fixture(scope="session")
def cat(lite0: "Classifier") -> np.ndarray:
    """The cat at the size of Lite0."""
    from explainers.images.samples import SAMPLES

    return lite0.prepare(SAMPLES["cat"].read())


@pytest.fixture(scope="session")
def smooth_model() -> "keras.Model":
    """Two convolutions without kinks, so that finite differences are a fair judge."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, strides=2, activation="tanh", name="early"),
            layers.Conv2D(6, 3, activation="softplus", name="late"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )


@pytest.fixture(scope="session")
def smooth(smooth_model: "keras.Model") -> "Classifier":
    """A tiny classifier of pictures that are not square."""
    from explainers import Classifier
    from explainers.classifiers.scaling import UNIT

    return Classifier(smooth_model, name="smooth", labels=CLASSES, scaling=UNIT)


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """A seeded picture at the size of the tiny classifiers: coloured blocks under some noise."""
    random = np.random.default_rng(0)
    blocks = np.kron(random.uniform(0, 225, (4, 4, 3)), np.ones((SIZE[0] // 4, SIZE[1] // 4, 1)))
    return (blocks + random.uniform(0, 30, (*SIZE, 3))).astype(np.float32)
