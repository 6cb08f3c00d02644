"""The README's snippet works as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainers.images.samples import SAMPLES

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_snippet_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(SAMPLES["cat"].read()).save(tmp_path / "cat.jpg", quality=95)
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(snippet, names)
    assert names["prediction"].top(1)[0].label == "Egyptian cat"
    matrix = names["explanation"].grid(14)
    assert matrix.shape == (14, 14)
    assert np.isfinite(matrix).all()


def test_every_file_that_the_readme_draws_is_there() -> None:
    (drawing,) = re.findall(r"```\n(app\.py.*?)```", README, re.DOTALL)
    root, folder = Path(__file__).parents[1], Path()
    for line in drawing.splitlines():
        name = line.split()[0]
        folder = folder if line.startswith(" ") else Path(name) if name.endswith("/") else Path()
        path = root / (folder / name if line.startswith(" ") else Path(name))
        nested = list(root.glob(f"{folder}/**/{name.rstrip('/')}"))
        assert path.exists() or nested, line
