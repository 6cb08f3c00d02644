"""What only a browser shows of many methods: the list is ticked and closed, cards wrap."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_compare import COMPLETE

pytestmark = pytest.mark.browser

NARROWEST = 300
WIDE_ENOUGH = """
least => [...document.querySelectorAll('[class*=st-key-card-]')].every(
  card => card.getBoundingClientRect().width >= least)
"""
FAMILY = ("Grad-CAM", "HiResCAM", "LayerCAM", "Grad-CAM++")


def test_what_is_ticked_is_compared_when_the_list_is_closed(desk: Page, address: str) -> None:
    desk.goto(f"{address}/?picture=cat&methods=Grad-CAM")
    expect(desk.get_by_text(COMPLETE)).to_be_visible()
    desk.get_by_role("button", name=re.compile(r"All \d+ methods")).click()
    listed = desk.get_by_role("dialog")
    for title in FAMILY[1:]:
        box = listed.get_by_role("checkbox", name=title, exact=True)
        listed.get_by_text(title, exact=True).click()
        expect(box).to_be_checked()
        expect(listed.get_by_text("Nothing left to compute").nth(3)).to_be_visible()
    desk.keyboard.press("Escape")
    for title in FAMILY:
        expect(desk.get_by_role("heading", level=2, name=title, exact=True)).to_be_visible()
        expect(desk.get_by_test_id("stSidebar").get_by_text(title, exact=True)).to_be_visible()
    desk.wait_for_url(re.compile("methods=LayerCAM"), timeout=PATIENCE)


@pytest.mark.parametrize("width", [1280, 1440, 1920])
def test_four_cards_wrap_and_none_is_narrower_than_300_pixels(
    page: Page, address: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(
        f"{address}/?picture=cat&"
        + "&".join(f"methods={title}" for title in FAMILY).replace("+", "%2B")
    )
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    cards = page.locator("[class*=st-key-card-]")
    expect(cards).to_have_count(len(FAMILY))
    page.wait_for_function(WIDE_ENOUGH, arg=NARROWEST)  # the page is drawn again once measured
    (main,) = page.get_by_test_id("stMain").all()
    assert main.evaluate("each => each.scrollWidth <= each.clientWidth")
