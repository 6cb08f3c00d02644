"""The view to present in a window and on paper: nothing to scroll, one page, the arrow keys."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SCREEN = {"width": 1920, "height": 1080}


def _shown(page: Page) -> None:
    """Stay until all that there is to say is on the screen, at the width that was measured."""
    expect(page.get_by_text("Does it matter?")).to_be_visible()
    expect(page.locator(".katex")).to_be_attached()  # the line that is as wide as the paper
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()


@pytest.mark.parametrize("picture", ["cat", "astronaut"])
def test_it_fits_one_screen_and_one_printed_page(page: Page, address: str, picture: str) -> None:
    page.set_viewport_size(SCREEN)  # type: ignore[arg-type]
    page.goto(f"{address}/?view=present&picture={picture}")
    _shown(page)
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(4)
    expect(page.get_by_test_id("stSidebar")).to_have_count(0)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollHeight <= main.clientHeight")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    paper = page.pdf(format="A4", print_background=True)
    assert re.findall(rb"/Type /Pages\s+/Count (\d+)", paper) == [b"1"]


def test_a_press_clears_the_stage_and_the_keys_walk_through(page: Page, address: str) -> None:
    page.goto(f"{address}/?methods=Grad-CAM")
    page.get_by_role("button", name="Present").click()
    expect(page.get_by_test_id("stSidebar")).to_have_count(0)
    _shown(page)
    expect(page).to_have_url(re.compile("view=present"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="The picture")).to_be_visible()
    expect(page).to_have_url(re.compile("step=1"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="What the network says")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", name="The picture")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page.get_by_role("heading", name="Why Egyptian cat?")).to_be_visible()
    expect(page).not_to_have_url(re.compile("view|step"))
    expect(page).to_have_url(re.compile("methods=Grad-CAM"))
