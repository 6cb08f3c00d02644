"""A model of one's own in a real browser: dropped in, looked over, and explained at a layer."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from playwright.sync_api import Page, expect

from explainers import open_classifier
from explainers.images.samples import SAMPLES
from tests.browser.test_compare import COMPLETE, card, charts

pytestmark = pytest.mark.browser

LEGACY = Path(__file__).parents[1] / "models" / "legacy"


def bring(page: Page, *files: Path) -> None:
    """Drop files where models go."""
    page.get_by_role("radio", name="Your own").click()
    page.locator(".st-key-model-files input[type=file]").set_input_files(files)


def test_an_export_with_its_labels_is_explained_three_times(
    page: Page, address: str, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("0 dog\n1 cat\n")
    own = open_classifier(LEGACY / "three_deep.h5", labels, tried=False)
    top = own.predict(own.prepare(SAMPLES["cat"].read())).top(1)[0]
    page.goto(f"{address}/?picture=cat")
    expect(page.get_by_role("heading", name="Why Egyptian cat?")).to_be_visible()
    bring(page, LEGACY / "three_deep.h5", labels)
    expect(page.get_by_role("heading", name=f"Why {top.label}?")).to_be_visible()
    expect(page.get_by_text("Check-up of three_deep")).to_be_visible()
    expect(page.get_by_text(f"speaks for {own.scaling.name}, which is in use")).to_be_visible()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    for method in ("grad-cam", "saliency", "lime"):
        expect(charts(page, method)).to_have_count(2)

    page.get_by_role("link", name="The model").click()
    expect(page.get_by_role("heading", name="Layers")).to_be_visible()
    page.get_by_role("textbox", name="Find a layer").fill("bn_Conv1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 8 layers")).to_be_visible()
    expect(page.get_by_role("button", name="Explain at this layer")).to_be_enabled()
    page.get_by_role("button", name="Explain at this layer").click()
    expect(page.get_by_role("heading", name=f"Why {top.label}?")).to_be_visible()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    rows, columns = own.layer("sequential_1/model1/bn_Conv1").grid
    expect(card(page, "grad-cam")).to_contain_text(f"Measured on {rows} × {columns} cells")


def test_a_hostile_file_does_nothing_at_all(page: Page, address: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    name = str(marker)
    code = layers.Lambda(lambda x: [open(name, "w").close(), x][1], output_shape=(8, 8, 3))
    model = keras.Sequential([keras.Input((8, 8, 3)), code, layers.Flatten(), layers.Dense(2)])
    model.predict(np.zeros((1, 8, 8, 3)), verbose=0)
    assert marker.exists(), "The file would do something if it were let."
    marker.unlink()
    model.save(tmp_path / "evil.h5")
    marker.unlink(missing_ok=True)
    page.goto(f"{address}/?picture=cat&methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    bring(page, tmp_path / "evil.h5")
    expect(page.get_by_text("A Lambda layer holds code, which is never run")).to_be_visible()
    expect(page.get_by_text("EfficientNet-Lite0 goes on answering.")).to_be_visible()
    expect(page.get_by_role("heading", name="Why Egyptian cat?")).to_be_visible()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(charts(page, "grad-cam")).to_have_count(2)
    assert not marker.exists()


def test_the_address_carries_the_classifier_from_page_to_page(page: Page, address: str) -> None:
    page.goto(f"{address}/model?picture=coffee&classifier=efficientnet-lite2")
    expect(page.get_by_role("heading", name="EfficientNet-Lite2")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Why espresso?")).to_be_visible()
    expect(page.get_by_text("EfficientNet-Lite2 gives it")).to_be_visible()
    expect(page).to_have_url(re.compile("classifier=efficientnet-lite2"))
