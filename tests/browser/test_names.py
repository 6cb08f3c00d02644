"""Names in a real browser: letter by letter, and nothing is made of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from keras import layers
from playwright.sync_api import Locator, Page, expect

from explainers.classifiers.labels import read_labels
from explainers.images.samples import SAMPLES
from pages.parts.words import escaped
from tests.app.test_compare import png
from tests.browser.conftest import serving
from tests.browser.test_compare import COMPLETE
from tests.browser.test_own_model import bring
from tests.names import CANARY, HOST, NAMES

pytestmark = pytest.mark.browser

MADE = "a[href], img, svg, code, del, em em, hr, li, blockquote, .katex, [class*=stMarkdown][style]"
"""What Markdown makes of text, or Streamlit of Markdown."""


@pytest.fixture(scope="module")
def names_page(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("names") / "names.json"
    path.write_text(json.dumps([escaped(name) for name in NAMES]))
    with serving("tests/browser/names_page.py", str(path)) as address:
        yield address


def texts(block: Locator) -> list[str]:
    """All Markdown below, as a person reads it."""
    places = ("stMarkdownContainer", "stCaptionContainer")
    return [text for place in places for text in block.get_by_test_id(place).all_text_contents()]


def test_names_are_shown_letter_by_letter(page: Page, names_page: str) -> None:
    page.goto(names_page)
    expect(page.locator(f".st-key-name-{len(NAMES) - 1}")).to_contain_text(NAMES[-1])
    for number, name in enumerate(NAMES):
        block = page.locator(f".st-key-name-{number}")
        expect(block.get_by_role("progressbar")).to_be_attached()
        assert set(texts(block)) == {name, f"{name}: {name}, {name}"}
        assert set(block.locator("h1, td").all_text_contents()) == {name}
        for place in block.locator("p, h1, td").all():
            assert place.locator(MADE).count() == 0, name


def test_nothing_is_made_of_the_names_of_a_model(page: Page, address: str, tmp_path: Path) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    first = [name for name in read_labels(list(NAMES)) if CANARY in name][:4]
    file = tmp_path / f":red[{CANARY}] $x$.keras"
    model(len(first)).save(file)
    labels, picture = tmp_path / "labels.json", tmp_path / f"<b>{CANARY}<b> www.{HOST}.png"
    labels.write_text(json.dumps(first))
    picture.write_bytes(png(SAMPLES["cat"].read()))
    page.goto(f"{address}/?methods=Grad-CAM")
    page.get_by_role("radio", name="Upload").click()
    page.locator(".st-key-upload input[type=file]").set_input_files(picture)
    bring(page, file, labels)
    expect(page.get_by_text(f"Check-up of {file.stem}")).to_be_visible()
    for link in ("Compare", "Why this class?", "Inside the network", "The model"):
        page.get_by_role("link", name=link, exact=True).click()
        expect(page.get_by_text(file.stem).first).to_be_visible()
        if link in ("Compare", "Why this class?"):
            expect(page.get_by_text(COMPLETE)).to_be_visible()
            bars = page.get_by_test_id("stPlotlyChart").first.locator(".yaxislayer-above text")
            if link == "Compare":
                assert set(bars.all_text_contents()) <= {
                    name if len(name) <= 26 else f"{name[:25]}…" for name in first
                }
        made = page.locator(f"a[href*={CANARY}]:not([href^='#']), img[src*={CANARY}], .katex")
        assert made.count() == 0, made.all_inner_texts()
        coloured = page.locator("[class*=stMarkdownColored], [class*=stMarkdownBadge]")
        assert not [text for text in coloured.all_text_contents() if CANARY in text]
    assert not [url for url in asked if HOST in url]


def model(classes: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3, activation="relu", name=f"www.{HOST}"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
