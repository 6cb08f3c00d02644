"""What only a browser shows of the page "How far to believe it?": one look, clicks on curves."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_compare import COMPLETE

pytestmark = pytest.mark.browser


def set_to(page: Page, popover: str, place: int, **numbers: int) -> None:
    """Type numbers into the settings behind a button."""
    page.get_by_test_id("stMain").get_by_role("button", name=popover).nth(place).click()
    for name, number in numbers.items():
        page.get_by_role("spinbutton", name=name).fill(str(number))
        page.keyboard.press("Enter")
        expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    page.keyboard.press("Escape")


def test_the_maps_and_all_verdicts_stand_in_one_look(desk: Page, address: str) -> None:
    desk.goto(f"{address}/how_far?picture=coffee")
    set_to(desk, "LIME superpixels", 0, Samples=60)
    set_to(desk, "Smoothed saliency", 0, Samples=4)
    set_to(desk, "Settings", 0, Steps=5)
    set_to(desk, "Settings", 2, Copies=2, Stages=1)
    expect(desk.get_by_text(COMPLETE)).to_be_visible()
    starts = ("Run the test: ", "Ask again: ", "Break copies: ", "Run all three: ")
    for label in starts:
        expect(desk.get_by_role("button", name=label)).to_be_in_viewport(ratio=1)
    desk.get_by_role("button", name="Run all three: ").click()
    verdicts = (
        re.compile(r"Deletion 0\.\d+, beats \d+ of 19"),
        re.compile(r"Noise: [−\d.]+ \([−\d.]+ to [−\d.]+\)"),
        re.compile(r"In \d of 2 copies it stayed as similar"),
    )
    for verdict in verdicts:
        expect(desk.get_by_text(verdict)).to_have_count(3, timeout=3 * PATIENCE)
    expect(desk.get_by_role("button", name=re.compile("Stop|Break copies"))).to_have_count(1)
    expect(desk.locator("[data-test-script-state=notRunning]")).to_be_visible()
    assert desk.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    strip = desk.locator("[class*=st-key-card-] [data-testid=stPlotlyChart]")
    expect(strip).to_have_count(3)
    for shown in (strip, *(desk.get_by_text(verdict) for verdict in verdicts)):
        for place in range(3):
            expect(shown.nth(place)).to_be_in_viewport(ratio=1)


def test_the_picture_at_a_point_of_a_curve(page: Page, address: str) -> None:
    page.goto(f"{address}/how_far?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    set_to(page, "Settings", 0, Steps=10)
    page.get_by_role("button", name="Run the test: 209 passes").click()
    expect(page.get_by_text("Deletion: Grad-CAM does best")).to_be_visible()
    curve = page.locator(".st-key-curves-deletion .scatterlayer .trace").first
    points = curve.locator(".points path")
    expect(points).to_have_count(11)
    points.nth(2).scroll_into_view_if_needed()
    bounds = points.nth(2).bounding_box()
    assert bounds is not None
    page.mouse.click(bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2)
    clicked = re.compile(r"Grad-CAM, deletion: 20% of the pieces, \d")
    expect(page.get_by_text(clicked)).to_be_visible()
    expect(page.get_by_role("img", name=clicked)).to_be_visible()
    page.get_by_role("slider", name="Share of the pieces").press("ArrowRight")
    expect(page.get_by_text("Grad-CAM, deletion: 30% of the pieces")).to_be_visible()
