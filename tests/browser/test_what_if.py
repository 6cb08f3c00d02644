"""What only a browser shows of the page "What if?": a box that is really dragged on the picture."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explainers import Classifier
from explainers.images.samples import SAMPLES
from tests.browser.conftest import PATIENCE
from tests.browser.test_compare import COMPLETE, card, charts

pytestmark = pytest.mark.browser


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one place of the picture to another, both in shares of its width and height."""
    canvas = page.locator(".st-key-canvas .nsewdrag")
    expect(canvas).to_have_count(1)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    canvas.scroll_into_view_if_needed()
    bounds = canvas.bounding_box()
    assert bounds is not None
    places = [
        (bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"])
        for x, y in (start, end)
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=8)
    page.mouse.up()


def test_the_cup_is_hidden_with_three_moves_of_the_mouse(
    page: Page, address: str, lite0: Classifier
) -> None:
    page.goto(f"{address}/what_if?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text("Nothing is selected yet")).to_be_visible()
    expect(page.locator(".st-key-canvas .js-plotly-plot")).to_be_visible()
    drag(page, (0.3, 0.25), (0.72, 0.8))
    said = page.get_by_text("Hide the region: espresso goes from 90.0% to")
    expect(said).to_be_visible()
    words = said.inner_text()
    after = re.search(r"to ([\d.e-]+)(%?);", words)
    assert after is not None
    assert float(after[1]) / (100 if after[2] else 1) < 0.2, words
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    for row in ("grad-cam", "grad-cam-1"):
        expect(charts(page, row)).to_have_count(1)
    expect(card(page, "grad-cam-1")).to_contain_text("7 × 7 cells")

    page.get_by_text("Experiments so far: 1").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Table, CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert [row["class before"] for row in rows] == ["espresso"]
    before = lite0.predict(lite0.prepare(SAMPLES["coffee"].read()))[967].probability
    assert float(rows[0]["probability before"]) == pytest.approx(before, abs=1e-4)
    assert float(rows[0]["probability after"]) < 0.2

    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("Nothing is selected yet")).to_be_visible()


def test_a_click_selects_a_piece_and_removing_takes_it_back(page: Page, address: str) -> None:
    page.goto(f"{address}/what_if?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text("Nothing is selected yet")).to_be_visible()
    page.get_by_role("radio", name="Pieces").click()
    expect(page.get_by_role("figure", name="a drag adds pieces")).to_be_visible()
    drag(page, (0.45, 0.4), (0.55, 0.5))
    expect(page.get_by_text("espresso goes from 90.0%")).to_be_visible()
    page.get_by_role("radio", name="Remove").click()
    page.get_by_role("radio", name="Box").click()
    expect(page.get_by_role("figure", name="a drag removes a box")).to_be_visible()
    drag(page, (0.02, 0.02), (0.98, 0.98))
    expect(page.get_by_text("Nothing is selected yet")).to_be_visible()


def test_a_click_selects_a_cell(page: Page, address: str) -> None:
    page.goto(f"{address}/what_if?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text("Nothing is selected yet")).to_be_visible()
    page.get_by_role("radio", name="Cells").click()
    expect(page.get_by_role("figure", name="a click adds a cell")).to_be_visible()
    drag(page, (0.4, 0.45), (0.4, 0.45))
    expect(page.get_by_text("0.5% of the picture")).to_be_visible()
    drag(page, (0.6, 0.65), (0.6, 0.65))
    expect(page.get_by_text("1.0% of the picture")).to_be_visible()


def test_before_and_after_stand_in_one_look_and_can_be_had_by_keyboard(
    browser: Browser, address: str
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/what_if?picture=coffee&methods=Grad-CAM&methods=Smoothed+saliency")
    first = page.get_by_role("button", name="Hide the tenth that Grad-CAM calls hottest")
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Hide the region: espresso goes from 90.0% to")).to_be_visible()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    for shown in (page.locator(".st-key-canvas"), page.locator(".st-key-change")):
        expect(shown).to_be_in_viewport(ratio=1)
    maps = [
        charts(page, f"{method}{row}").first
        for row in ("", "-1")
        for method in ("grad-cam", "saliency")
    ]
    maps[-1].scroll_into_view_if_needed()
    for each in maps:
        expect(each).to_be_in_viewport(ratio=1)
    page.close()
