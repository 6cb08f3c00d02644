"""What only a browser shows: streaming, hovering, zooming, taking away, and the address bar."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from explainers import Classifier, GradCam
from explainers.images.samples import SAMPLES
from explainers.report.page import record_from
from explainers.report.record import Record

pytestmark = pytest.mark.browser

COMPLETE = "All maps are complete"


def card(page: Page, method: str) -> Locator:
    return page.locator(f".st-key-card-{method}")


def charts(page: Page, method: str) -> Locator:
    return card(page, method).get_by_test_id("stPlotlyChart")


def explain_at_length(page: Page) -> None:
    """Have LIME take 4,000 samples: on any machine there is time to look and to press.

    A fast one is done with the usual 1,000 before a browser has drawn the first.
    """
    card(page, "lime").get_by_role("button", name="Settings").click()
    page.get_by_role("spinbutton", name="Samples").fill("4000")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(card(page, "lime")).to_contain_text(re.compile(r"\d of 4,000 samples"))


def samples_taken(page: Page) -> int:
    """How many samples LIME's card says that there are."""
    told = re.search(r"([\d,]+) of 4,000 samples", card(page, "lime").inner_text())
    assert told is not None
    return int(told[1].replace(",", ""))


@pytest.fixture
def matrix(lite0: Classifier, cat: np.ndarray) -> np.ndarray:
    """What Grad-CAM says of the Egyptian cat."""
    return GradCam().explain(lite0, cat, 285).grid(14)


def test_three_maps_come_and_their_numbers_are_the_librarys(
    page: Page, address: str, matrix: np.ndarray
) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="Why Egyptian cat?")).to_be_visible()
    expect(charts(page, "grad-cam").first).to_be_visible()
    heading = page.get_by_role("heading", name="Grad-CAM")
    place = heading.bounding_box()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.get_by_role("button", name="Take away")).to_be_visible()
    assert heading.bounding_box() == place, "What the bar holds in the end moved the page."
    for method in ("grad-cam", "saliency", "lime"):
        expect(charts(page, method)).to_have_count(2)
    expect(card(page, "lime")).to_contain_text("R² ")

    cells = charts(page, "grad-cam").last.locator(".heatmap-label text, text.heatmap-label")
    shown = np.array([float(text) for text in cells.all_text_contents()]).reshape(14, 14)
    np.testing.assert_allclose(shown, matrix / matrix.max(), atol=0.0051)


def test_a_link_shows_the_same_and_another_class_changes_it(page: Page, address: str) -> None:
    page.goto(f"{address}/?picture=cat&class=282&methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.get_by_role("heading", name="Why tiger cat?")).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(3)
    page.get_by_role("combobox", name=re.compile("Class to explain")).click()
    page.keyboard.type("lynx")
    page.get_by_role("option", name=re.compile("lynx")).first.click()
    expect(page.get_by_role("heading", name="Why lynx?")).to_be_visible()
    expect(page).to_have_url(re.compile("class=287"))
    page.get_by_role("button", name="Coffee", exact=True).click()
    expect(page.get_by_role("heading", name="Why espresso?")).to_be_visible()
    expect(page).to_have_url(re.compile("picture=coffee"))
    expect(page).to_have_url(re.compile("methods=Grad-CAM"))


def test_hovering_tells_row_column_and_value(page: Page, address: str) -> None:
    page.goto(f"{address}/?methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    for chart in (charts(page, "grad-cam").first, charts(page, "grad-cam").last):
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
        expect(chart.locator(".hoverlayer")).to_have_text(
            re.compile(r"row \d+, column \d+\s*0?\.\d+")
        )


def test_a_box_dragged_on_one_map_zooms_all(page: Page, address: str) -> None:
    page.goto(f"{address}/?methods=Grad-CAM&methods=Smoothed+saliency")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.get_by_role("button", name="Whole picture")).to_have_count(0)
    box = charts(page, "grad-cam").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 50, steps=6)
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 90, steps=6)
    page.mouse.up()
    expect(page.get_by_role("button", name="Whole picture")).to_be_visible()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    ranges = [
        page.wait_for_function(
            f"""() => {{
                const plot = document.querySelector('.st-key-card-{method} .js-plotly-plot');
                const range = plot && plot.layout && plot.layout.xaxis.range;
                return range && range[1] - range[0] < 13 ? Array.from(range) : null;
            }}"""
        ).json_value()
        for method in ("grad-cam", "saliency")
    ]
    assert ranges[0] == ranges[1]
    assert 0 < ranges[0][0] < ranges[0][1] < 13.5
    page.get_by_role("button", name="Whole picture").click()
    expect(page.get_by_role("button", name="Whole picture")).to_have_count(0)


def test_a_click_leaves_the_charts_that_it_does_not_concern(page: Page, address: str) -> None:
    page.goto(f"{address}/?methods=Grad-CAM&methods=Smoothed+saliency")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    plots = page.locator(".js-plotly-plot")
    expect(plots).to_have_count(6)
    plots.evaluate_all("all => all.forEach(each => { each.here = true })")
    for shown in (8, 6, 8):
        page.get_by_role("button", name="Heatmap", exact=True).click()
        expect(plots).to_have_count(shown)
        expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
        assert plots.evaluate_all("all => all.filter(each => each.here).length") == 6


def test_everything_can_be_taken_away(
    page: Page, address: str, tmp_path: Path, matrix: np.ndarray
) -> None:
    page.goto(f"{address}/?methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    card(page, "grad-cam").get_by_role("button", name="Download").click()

    def taken(name: str) -> bytes:
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename.startswith("triptych-cat-")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path.read_bytes()

    rows = list(csv.reader(io.StringIO(taken("Matrix, CSV").decode())))
    assert rows[0] == ["row", *map(str, range(14))]
    np.testing.assert_allclose(np.array(rows[1:], float)[:, 1:], matrix, rtol=1e-3, atol=1e-3)
    arrays = np.load(io.BytesIO(taken("Arrays, NPZ")))
    assert arrays["heatmap"].shape == (7, 7)
    assert str(arrays["explainer"]) == "GradCam(layer=None, of='logit')"
    for name in ("Overlay, PNG", "Overlay, JPEG", "Heatmap, PNG"):
        assert Image.open(io.BytesIO(taken(name))).size == (451, 300)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Take away").click()
    poster = Image.open(io.BytesIO(taken("Poster")))
    assert poster.width > 2 * poster.height
    record = Record.read(taken("Record"))
    assert record_from(taken("Report")).explanations[0].matrix == record.explanations[0].matrix


def test_stop_keeps_what_there_is_and_continue_goes_on(page: Page, address: str) -> None:
    page.goto(f"{address}/?picture=motorcycle&methods=LIME+superpixels")
    explain_at_length(page)
    expect(charts(page, "lime").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"LIME superpixels: [\d,]+ of 4,000")).first).to_be_visible()
    assert not page.get_by_text(COMPLETE).is_visible(), (
        "LIME's first picture comes before its last."
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    expect(card(page, "lime")).to_contain_text(re.compile(r"Stopped at [\d,]+ of 4,000 samples"))
    expect(charts(page, "lime")).to_have_count(2)
    before = samples_taken(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Stop")).to_be_enabled()
    expect(page.get_by_role("button", name="Continue")).to_have_count(0, timeout=3000)
    expect(card(page, "lime")).not_to_contain_text("Stopped at")
    assert samples_taken(page) >= before
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(card(page, "lime")).to_contain_text("4,000 of 4,000 samples")


WATCHED = """
stop => {
  window.narrowest = Infinity;
  const look = () => {
    window.narrowest = Math.min(narrowest, stop.getBoundingClientRect().width);
    if (stop.isConnected) requestAnimationFrame(look);
  };
  look();
}
"""
"""The least width that a button has had in any frame since; of one that was replaced, 0."""


def test_stop_stays_where_it_is_while_the_page_is_drawn_again(page: Page, address: str) -> None:
    """As when a scroll bar comes with the first map: the page is narrower, and drawn again.

    If the button were gone for a moment meanwhile, a press that falls into it would be lost.
    """
    page.goto(f"{address}/?picture=astronaut&methods=LIME+superpixels")
    explain_at_length(page)
    page.get_by_role("button", name="Stop").first.evaluate(WATCHED)
    told = page.evaluate("document.cookie")
    page.set_viewport_size({"width": 1400, "height": 1500})
    page.wait_for_function("told => document.cookie !== told", arg=told)
    page.wait_for_timeout(1000)
    assert page.evaluate("window.narrowest") > 0, "It was gone for a moment."
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()


def test_a_bad_upload_leaves_the_results_standing(page: Page, address: str) -> None:
    page.goto(f"{address}/?methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_text("Upload", exact=True).click()
    page.locator("input[type=file]").set_input_files(
        {"name": "cat.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    )
    expect(page.get_by_text("The file is not a picture of a known format")).to_be_visible()
    expect(page.get_by_role("heading", name="Why Egyptian cat?")).to_be_visible()
    expect(charts(page, "grad-cam")).to_have_count(2)


def test_an_uploaded_picture_never_reaches_another_visitor(page: Page, address: str) -> None:
    page.goto(f"{address}/?methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    page.get_by_test_id("stSidebar").get_by_text("Upload", exact=True).click()
    file = io.BytesIO()
    Image.fromarray(SAMPLES["coffee"].read()).save(file, "PNG")
    page.locator("input[type=file]").set_input_files(
        {"name": "my secret cup.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    expect(page.get_by_text("my secret cup, 600 × 400 pixels")).to_be_visible()
    browser = page.context.browser
    assert browser is not None
    other = browser.new_page()
    other.goto(f"{address}/?methods=Grad-CAM")
    expect(other.get_by_text(COMPLETE)).to_be_visible()
    assert "my secret cup" not in other.content()
    other.close()


def test_a_phone_shows_one_card_below_the_other(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/?methods=Grad-CAM&methods=Smoothed+saliency")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    first, second = (card(page, name).bounding_box() for name in ("grad-cam", "saliency"))
    assert first is not None
    assert second is not None
    assert second["y"] >= first["y"] + first["height"]
    assert first["x"] >= 0
    assert first["x"] + first["width"] <= 390
