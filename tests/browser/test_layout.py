"""What stands in one look, and whether its numbers can be read: measured where it is drawn."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_compare import COMPLETE, card, charts
from tests.browser.test_how_far import set_to

pytestmark = pytest.mark.browser

METHODS = ("grad-cam", "saliency", "lime")
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile Safari/537.36"
HEADER = 60
"""Pixels that Streamlit's own header covers on a phone."""

OVERLAPS = """
plots => plots.map(plot => {
  const texts = [...plot.querySelectorAll('.heatmap-label text, text.heatmap-label')];
  const boxes = texts.map(text => text.getBoundingClientRect());
  let overlaps = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) overlaps++;
  }));
  const sizes = texts.map(text => parseFloat(getComputedStyle(text).fontSize));
  return {count: texts.length, overlaps, smallest: Math.min(...sizes)};
})
"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(
        viewport={"width": 390, "height": 844}, user_agent=PHONE, is_mobile=True, has_touch=True
    )
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def complete(page: Page) -> None:
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()


def in_window(page: Page, *parts: Locator) -> bool:
    """Whether all of each part is in the window."""
    assert page.viewport_size is not None
    boxes = [part.bounding_box() for part in parts]
    return all(
        box is not None
        and box["y"] >= 0
        and box["y"] + box["height"] <= page.viewport_size["height"]
        for box in boxes
    )


def legible(page: Page, matrices: int) -> None:
    """No two numbers of a matrix touch, and none is smaller than nine pixels."""
    plots = page.locator("[class*=st-key-card-] .js-plotly-plot").filter(
        has=page.locator(".heatmap-label")
    )
    expect(plots).to_have_count(matrices)
    complete(page)
    settled = [(196, 0)] * matrices
    for _ in range(60):  # after a resize, plots are drawn anew at their own pace
        page.wait_for_timeout(500)
        found = plots.evaluate_all(OVERLAPS)
        if [(each["count"], each["overlaps"]) for each in found] == settled:
            break
    assert [(each["count"], each["overlaps"]) for each in found] == settled
    assert min(each["smallest"] for each in found) >= 9


def test_three_rows_by_three_methods_are_one_look_and_their_numbers_stand_apart(
    desk: Page, address: str
) -> None:
    desk.goto(f"{address}/why?picture=rocket")
    set_to(desk, "LIME superpixels", 0, Samples=60)
    complete(desk)
    cards = [card(desk, f"{method}{row}") for method in METHODS for row in ("", "-1", "-2")]
    names = [desk.get_by_role("button", name=re.compile(name)).last
             for name in ("Grad-CAM", "Smoothed saliency", "LIME superpixels")]  # fmt: skip
    for each in cards:
        expect(each.get_by_test_id("stPlotlyChart")).to_have_count(1)
    assert in_window(desk, *cards, *names)
    for each in cards:
        height = each.get_by_test_id("stPlotlyChart").bounding_box()
        assert height is not None
        assert 180 <= height["height"] <= 220

    desk.get_by_role("button", name="Matrix", exact=True).click()
    for width in (1440, 1280):
        desk.set_viewport_size({"width": width, "height": 900})
        desk.wait_for_timeout(1500)
        legible(desk, 9)
    assert in_window(desk, *names)
    card(desk, "lime-2").scroll_into_view_if_needed()
    assert in_window(desk, *names), "The methods' names stay in sight."

    desk.get_by_role("link", name="Compare").click()
    expect(desk.get_by_role("heading", name="Why drilling platform?")).to_be_visible()
    for width in (1440, 1280):
        desk.set_viewport_size({"width": width, "height": 900})
        desk.wait_for_timeout(1500)
        legible(desk, 3)
    desk.get_by_text("Coloured", exact=True).click()
    legible(desk, 3)
    cells = charts(desk, "lime").last.locator(".hm image")
    expect(cells).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_maps_are_as_large_as_their_cards(browser: Browser, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 1080})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/?methods=Grad-CAM&methods=Smoothed+saliency")
    complete(page)
    page.wait_for_timeout(1000)
    complete(page)
    for method in ("grad-cam", "saliency"):
        outer = card(page, method).bounding_box()
        picture = charts(page, method).first.locator("image").first.bounding_box()
        assert outer is not None
        assert picture is not None
        assert picture["width"] >= 0.96 * outer["width"]
    page.close()


def test_layers_of_one_method_stand_side_by_side(desk: Page, address: str) -> None:
    desk.goto(f"{address}/why?picture=cat&methods=Grad-CAM")
    complete(desk)
    desk.get_by_text("Layers", exact=True).first.click()
    expect(card(desk, "grad-cam-3")).to_be_visible()
    complete(desk)
    boxes = [card(desk, f"grad-cam{row}").bounding_box() for row in ("", "-1", "-2")]
    assert len({round(box["y"]) for box in boxes if box}) == 1
    assert in_window(desk, *(card(desk, f"grad-cam{row}") for row in ("", "-1", "-2", "-3")))


def test_on_a_phone_a_row_is_one_screen(phone: Page, address: str) -> None:
    phone.goto(f"{address}/why?picture=cat&methods=Grad-CAM&methods=Smoothed+saliency&class=285")
    complete(phone)
    heading = phone.get_by_text("place 1 of 1,000")
    last = card(phone, "saliency-1").bounding_box()
    top = heading.bounding_box()
    assert top is not None
    assert last is not None
    third = last["height"]
    assert last["y"] + last["height"] + third - top["y"] <= 844 - HEADER
    assert last["x"] >= 0
    assert last["x"] + last["width"] <= 390
