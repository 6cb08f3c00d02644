"""The README's pictures: one of each page, each made by `docs.pictures` and by nothing else."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docs import pictures
from pages.parts.frame import PAGES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SHOWN = re.findall(r'<img src="(docs/[^"]+)"[^>]* alt="([^"]+)"', README) + [
    (path, alt) for alt, path in re.findall(r"!\[([^]]*)\]\((docs/[^)]+)\)", README)
]
HEAVIEST = 150_000


def test_the_readme_shows_what_the_command_makes_and_all_of_it() -> None:
    made = {str(pictures.path_of(name).relative_to(ROOT)) for name in pictures.SHOTS}
    shown = [path for path, _ in SHOWN]
    assert set(shown) == made
    assert len(shown) == len(made)
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.png")} == made


def test_there_is_a_picture_of_each_page() -> None:
    pages = {"compare" if page == "app.py" else Path(page).stem for page in PAGES}
    assert pages <= set(pictures.SHOTS)
    for name, address in pictures.SHOTS.items():
        assert address.split("?")[0] == ("" if name in ("compare", "present") else name)


@pytest.mark.parametrize(("path", "said"), SHOWN)
def test_a_picture_is_small_and_said_in_words(path: str, said: str) -> None:
    file = ROOT / path
    assert file.stat().st_size < HEAVIEST
    assert Image.open(file).width in (pictures.SMALL, pictures.LARGE)
    assert len(said.split()) > 8


def test_a_screenshot_is_kept_small(tmp_path: Path) -> None:
    sent = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (90, 144, 3), np.uint8)
    Image.fromarray(noise).save(sent, "PNG")
    pictures._keep(sent.getvalue(), tmp_path / "kept.png", 72)
    kept = Image.open(tmp_path / "kept.png")
    assert kept.size == (72, 45)
    assert kept.mode == "P"
