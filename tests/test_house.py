"""The house rules: imports point down, and each library has its room."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS: list[list[str]] = [
    ["explainers.settings", "explainers.environment"],
    ["explainers.images", "explainers.classifiers"],
    ["explainers.models"],
    ["explainers.explanation"],
    ["explainers.observing", "explainers.words"],
    ["explainers.methods", "explainers.metrics", "explainers.network"],
    ["explainers.survey", "explainers.report"],
    ["explainers"],
    ["pages.parts"],
    [
        f"pages.parts.{page}"
        for page in ("compare", "why", "what_if", "how_far", "network", "model", "survey")
    ],
    ["pages", "app"],
]
PACKAGE = 7
"""The floor of what `explainers` itself offers."""
HOMES = {
    "tensorflow": ["explainers.classifiers", "explainers.models"],
    "keras": ["explainers.classifiers", "explainers.models"],
    "streamlit": ["app", "pages"],
    "plotly": ["pages"],
    "click": ["explainers.command_line"],
    "distributed": ["explainers.survey"],
    "duckdb": ["explainers.survey"],
}


def _modules() -> dict[str, str]:
    files = [ROOT / "app.py", *ROOT.glob("explainers/**/*.py"), *ROOT.glob("pages/**/*.py")]
    names = (file.relative_to(ROOT).with_suffix("").parts for file in files)
    return {
        ".".join(part for part in parts if part != "__init__"): file.read_text()
        for parts, file in zip(names, files, strict=True)
    }


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "Imports are absolute."
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def _room(module: str) -> tuple[int, str] | None:
    """The floor and the room that a module lies in: the room with the longest name that fits."""
    fitting = [
        (floor, room)
        for floor, rooms in enumerate(FLOORS)
        for room in rooms
        if _within(module, room)
    ]
    return max(fitting, key=lambda place: len(place[1]), default=None)


def broken_rules(module: str, source: str) -> list[str]:
    """What a module imports and should not."""
    here = _room(module)
    assert here is not None, f"{module} has no room in the house."
    broken = []
    for name in set(_imports(source)):
        homes = HOMES.get(name.split(".")[0], [module])
        if not any(_within(module, home) for home in homes):
            broken.append(f"{module} is no home for {name}")
        there = _room(name)
        if there is None or (
            there[1] == "explainers" and name != "explainers" and here[0] > PACKAGE
        ):
            continue
        upwards, across = there[0] > here[0], there[0] == here[0] and there[1] != here[1]
        if upwards or across:
            broken.append(f"{module} reaches {'up' if upwards else 'across'} to {name}")
        same_methods_room = here[1] == there[1] == "explainers.methods"
        if same_methods_room and module != "explainers.methods" and name.count(".") > 1:
            broken.append(f"the method {module} imports the method {name}")
    return broken


@pytest.mark.parametrize(("module", "source"), _modules().items())
def test_a_module_imports_only_what_lies_below(module: str, source: str) -> None:
    assert broken_rules(module, source) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("explainers.methods.new", "import tensorflow as tf"),
        ("explainers.methods.new", "from explainers.methods.grad_cam import GradCam"),
        ("explainers.methods.new", "from explainers.metrics import agreement"),
        ("explainers.metrics.new", "from explainers import GradCam"),
        ("explainers.images.new", "from explainers.classifiers import graph"),
        ("explainers.classifiers.new", "from explainers.models import zoo"),
        ("pages.parts.new", "from pages.parts.why import comparisons"),
        ("pages.parts.why.new", "from pages.parts.compare import summary"),
        ("explainers.classifiers.new", "from explainers.explanation import Explanation"),
        ("explainers.explanation", "from pages.parts import cache"),
        ("explainers.images.new", "import streamlit as st"),
    ],
)
def test_the_rules_can_be_broken(module: str, source: str) -> None:
    assert broken_rules(module, source)


@pytest.mark.parametrize(
    "what",
    [
        "from explainers import METHODS, Prediction, read_image",
        "from explainers.command_line import check_up, compare, explain, replay, survey",
        "import pages.parts.frame, pages.parts.table, pages.parts.check_up",
        "from pages.parts.compare import agreement, answer, presentation, summary",
        "from pages.parts.why import comparisons",
        "from pages.parts.what_if import canvas, experiments",
        "from pages.parts.how_far import faithfulness, randomisation, stability, verdicts",
        "from pages.parts.network import feature_maps, filters, grad_cam_steps",
        "from pages.parts.model import layers",
        "from pages.parts.survey import choosing, moves, opening, overview, pictures",
        "from pages.parts.survey import starting, taking_away",
        "from explainers.report import comparing, record, recording, replay",
    ],
)
def test_nothing_slow_is_imported_before_a_network_is_asked(what: str) -> None:
    slow = {
        "tensorflow", "keras", "sklearn", "lime", "matplotlib", "scipy.stats", "distributed",
        "duckdb",
    }  # fmt: skip
    tell = f"import sys; print(*sorted({slow!r} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", f"{what}\n{tell}"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert told.stdout.strip() == ""


def test_the_package_offers_what_its_stub_says() -> None:
    import explainers

    stub = ast.parse((ROOT / "explainers" / "__init__.pyi").read_text())
    named = {
        alias.name: f"explainers.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(named) == explainers.__all__
    for name, module in named.items():
        assert getattr(explainers, name) is getattr(sys.modules[module], name)


def test_nothing_is_a_junk_room() -> None:
    assert not [name for name in _modules() if name.rsplit(".")[-1] in ("utils", "helpers", "misc")]
