"""The README's snippets work as they stand."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainers.images.samples import SAMPLES

LEGACY = Path(__file__).parent / "models" / "legacy"
README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.fixture
def snippets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The Python in the README, in a folder with the files that it names."""
    Image.fromarray(SAMPLES["cat"].read()).save(tmp_path / "cat.jpg", quality=95)
    shutil.copy(LEGACY / "three_deep.keras", tmp_path / "my.keras")
    monkeypatch.chdir(tmp_path)
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_first_snippets_explain_and_judge(
    snippets: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict = {}
    exec(snippets[0], names)
    assert names["prediction"].top(1)[0].label == "Egyptian cat"
    matrix = names["explanation"].grid(14)
    assert matrix.shape == (14, 14)
    assert np.isfinite(matrix).all()
    exec(snippets[2], names)
    said = capsys.readouterr().out
    assert "deletion Grad-CAM 0." in said
    assert "insertion random order 0." in said
    assert len(names["again"].correlations) == 3
    assert said.endswith(f"{names['broken'].stayed('Grad-CAM')} of 5\n")


def test_the_second_snippet_shows_maps_in_a_notebook(snippets: list[str]) -> None:
    names: dict = {}
    shown = snippets[1].replace("\nSideBySide(", "\nshown = SideBySide(")
    exec(shown.replace("in TRIPTYCH", "in TRIPTYCH[:1]"), names)
    assert names["shown"]._repr_png_().startswith(b"\x89PNG")
    assert len([line for line in snippets[1].splitlines() if line]) == 5


def test_the_fourth_snippet_opens_a_model(
    snippets: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict = {}
    exec(snippets[3], names)
    assert names["classifier"].labels == ("cat", "dog")
    assert "Sequential > (Sequential > Functional, Sequential)" in capsys.readouterr().out
    assert len(snippets) == 4


def test_what_a_stranger_can_do_is_said_in_the_numbers_of_the_limits() -> None:
    from explainers.classifiers.errors import MEMORY_LIMIT
    from explainers.images import reading
    from explainers.models import screening
    from explainers.models.apart import classifier as apart
    from explainers.models.apart import serving
    from pages.parts import cache

    said = " ".join(README.split("## Deploying it")[1].split("## Licences")[0].split())
    for words in (
        f"{reading.MAX_BYTES / 2**20:g} MiB and {reading.MAX_PIXELS / 1e6:g} megapixels",
        f"{reading.SECONDS:g} s to decode | {reading.MEMORY / 1e6:g} MB",
        f"taken apart | {screening.SECONDS} s | {screening.WORKING_MEMORY / 1e9:.1f} GB",
        f"built | {apart.BUILDING.seconds} s | {serving.TO_OPEN / 1e9:.1f} GB",
        f"backward | {apart.ASKING.seconds} s | {MEMORY_LIMIT / 1e9:.2f} GB",
        f"its pixels | {apart.LAYING_FLAT.seconds} s | {serving.TO_OPEN / 1e9:.1f} GB",
        f"{apart.ASKING.seconds} s and {apart.PATIENCE:g} n times what one took | "
        f"{serving.TO_ASK / 1e9:.2f} GB",
        f"everything for {cache.AWAY:g} s",
    ):
        assert words in said, words
    assert (reading.AT_ONCE, cache.CLASSIFIERS_IN_MEMORY) == (4, 3)


def test_every_file_that_the_readme_draws_is_there() -> None:
    (drawing,) = re.findall(r"```\n(app\.py.*?)```", README, re.DOTALL)
    root, folder = Path(__file__).parents[1], Path()
    for line in drawing.splitlines():
        name = line.split()[0]
        folder = folder if line.startswith(" ") else Path(name) if name.endswith("/") else Path()
        path = root / (folder / name if line.startswith(" ") else Path(name))
        nested = list(root.glob(f"{folder}/**/{name.rstrip('/')}"))
        assert path.exists() or nested, line


def _holding() -> Iterator[str]:
    """The tests that hold a figure against something that Triptych did not write."""
    for file in sorted(Path(__file__).parent.rglob("test_*.py")):
        for test in ast.walk(ast.parse(file.read_text())):
            if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
                continue
            if "held" in [argument.arg for argument in test.args.args]:
                yield f"{file.relative_to(Path(__file__).parents[1])}::{test.name}"


def test_how_we_know_names_every_test_that_holds_a_figure_and_no_other() -> None:
    rows = re.findall(r"^\| .+? \| .+? \| [\d.e-]+ \| `(tests/.+?)` \|$", README, re.M)
    assert len(rows) > 20
    assert set(rows) == set(_holding())
