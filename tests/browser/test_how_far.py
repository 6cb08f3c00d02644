"""What only a browser shows of the page "How far to believe it?": a point of a curve, clicked."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_compare import COMPLETE

pytestmark = pytest.mark.browser


def test_the_picture_at_a_point_of_a_curve(page: Page, address: str) -> None:
    page.goto(f"{address}/how_far?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    page.get_by_role("spinbutton", name="Steps").fill("10")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Run the test: 209 passes").click()
    expect(page.get_by_text("Deletion: Grad-CAM does best")).to_be_visible()
    curve = page.locator(".st-key-curves-deletion .scatterlayer .trace").first
    points = curve.locator(".points path")
    expect(points).to_have_count(11)
    points.nth(1).scroll_into_view_if_needed()
    bounds = points.nth(1).bounding_box()
    assert bounds is not None
    page.mouse.click(bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2)
    expect(
        page.get_by_text(re.compile(r"Grad-CAM, deletion: 10% of the pieces, \d"))
    ).to_be_visible()
    expect(page.get_by_role("img", name="Grad-CAM, deletion, 10% of the pieces")).to_be_visible()
