"""CONTRIBUTING.md is true: its method meets the contract, and its hooks are those of CI."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest

from explainers import METHODS, Classifier, Explainer, Target
from explainers.classifiers.scaling import UNIT
from tests.conftest import CLASSES, SIZE
from tests.methods import test_contract as contract
from tests.test_house import broken_rules

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
(METHOD,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
PINNED = dict(re.findall(r"^(\w+)==(.+)$", (ROOT / "tests" / "requirements.txt").read_text(), re.M))


@pytest.fixture
def new(tmp_path: Path) -> ModuleType:
    """The file that the guide says to write."""
    file = tmp_path / "input_x_gradient.py"
    file.write_text(METHOD)
    spec = importlib.util.spec_from_file_location("input_x_gradient", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=[False, True], ids=["both signs", "positive only"])
def explainer(request: pytest.FixtureRequest, new: ModuleType) -> Explainer:
    return new.InputXGradient(positive_only=request.param)


@pytest.mark.parametrize("target", contract.TARGETS, ids=str)
def test_the_method_meets_the_contract(
    smooth: Classifier,
    pixels: np.ndarray,
    explainer: Explainer,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contract, "METHODS", (*METHODS, type(explainer)))
    contract.test_the_contract(smooth, pixels, explainer, target)
    contract.test_the_cost_is_what_is_spent(smooth, pixels, explainer)
    contract.test_a_method_is_its_settings(explainer)
    assert explainer.observer == type(explainer)()


def test_of_a_linear_network_the_map_adds_up_to_the_logit(
    pixels: np.ndarray, new: ModuleType
) -> None:
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax", name="answer"),
        ]
    )
    linear = Classifier(model, name="linear", labels=CLASSES, scaling=UNIT)
    kernel, bias = model.get_layer("answer").get_weights()
    assert not bias.any()
    logits = (pixels / 255).reshape(-1) @ kernel
    for index in range(3):
        added = new.InputXGradient().explain(linear, pixels, index).heatmap
        assert added.sum() == pytest.approx(logits[index], abs=1e-4)


def test_the_method_keeps_the_house_rules_and_needs_no_formatting() -> None:
    assert broken_rules("explainers.methods.input_x_gradient", METHOD) == []
    for command in (["check", "-"], ["format", "--check", "-"]):
        name = "--stdin-filename=explainers/methods/input_x_gradient.py"
        found = subprocess.run(
            [sys.executable, "-m", "ruff", *command, name], input=METHOD, text=True, cwd=ROOT,
            capture_output=True, check=False,
        )  # fmt: skip
        assert found.returncode == 0, found.stdout + found.stderr


def test_every_file_that_the_guide_names_is_there() -> None:
    named = re.findall(r"(?<![\w/.])((?:\.ci|tests|benchmarks|explainers|pages)/[\w/.]+\w)", GUIDE)
    new = {"explainers/methods/input_x_gradient.py", "tests/methods/test_input_x_gradient.py"}
    assert len(named) > 8
    assert [name for name in named if name not in new and not (ROOT / name).exists()] == []


def test_the_hooks_run_what_ci_runs_at_the_same_versions() -> None:
    (ruff,) = re.findall(r"ruff-pre-commit\n\s+rev: v(.+)", HOOKS)
    assert ruff == PINNED["ruff"]
    assert re.findall(r"- id: (\S+)", HOOKS) == ["ruff-check", "ruff-format", "mypy"]
    assert "entry: .venv/bin/mypy\n" in HOOKS
    assert "language: system" in HOOKS
    ci = (ROOT / ".ci" / "run").read_text()
    for command in (".venv/bin/ruff check .", ".venv/bin/ruff format --check .", ".venv/bin/mypy"):
        assert command in ci


def test_github_runs_what_must_hold_and_nothing_else() -> None:
    assert re.findall(r"- run: (.+)", WORKFLOW) == [".ci/run"]
    actions = re.findall(r"uses: (\S+)", WORKFLOW)
    assert actions
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in actions)
    assert "python:3.11" in WORKFLOW
