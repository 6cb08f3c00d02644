"""A report in a real Chromium: on a desk, a phone and paper, in the dark, and as axe sees it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from explainers.report.page import case_of, report
from tests.report.running import run

if TYPE_CHECKING:
    from explainers import Classifier

pytestmark = pytest.mark.browser

DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
SHEETS = {"A4": 210 - 2 * 14, "Letter": 216 - 2 * 14}
"""How wide the text is on paper, in millimetres: the sheet less the margins of the template."""
PIXELS = 96 / 25.4
WHITE = "rgb(255, 255, 255)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, smooth: "Classifier") -> str:
    """A report with all there can be, as a file."""
    blocks = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    image = np.kron(blocks, np.ones((40, 40, 1), np.uint8))
    whole = run(smooth, image)
    case = case_of(whole.record, smooth, image, whole.explanations, whole.findings, whole.check_up)
    file: Path = tmp_path_factory.mktemp("reports") / "report.html"
    file.write_text(report(case), encoding="utf-8")
    return file.as_uri()


def overflow(page: Page) -> int:
    """How many pixels stand out to the right."""
    found = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", [DESK, PHONE], ids=["desk", "phone"])
def test_anyone_can_read_it_anywhere(
    browser: Browser, address: str, window: dict, scheme: str
) -> None:
    page = browser.new_page(color_scheme=scheme, **window)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    found = Axe().run(page).response["violations"]
    assert [(fault["id"], [node["target"] for node in fault["nodes"]]) for fault in found] == []
    assert overflow(page) <= 0
    assert [url for url in asked if not url.startswith("data:image/")] == [address]
    assert said == []
    loaded = "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    assert page.evaluate(loaded)
    page.close()


@pytest.mark.parametrize("sheet", SHEETS)
def test_it_is_printed_light_and_fits_the_sheet(browser: Browser, address: str, sheet: str) -> None:
    width = round(SHEETS[sheet] * PIXELS)
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
    page.goto(address)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) != WHITE
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(ground) == WHITE
    assert overflow(page) <= 0
    assert page.pdf(format=sheet).startswith(b"%PDF")
    lines = "each => Math.round(each.clientHeight / parseFloat(getComputedStyle(each).lineHeight))"
    tall = page.evaluate(
        f"[...document.querySelectorAll('.scores td')].map({lines}).filter(n => n > 2)"
    )
    assert tall == []
    page.close()


def test_the_record_is_saved_with_a_click(browser: Browser, address: str) -> None:
    from explainers.report.record import Record

    page = browser.new_page()
    page.goto(address)
    with page.expect_download() as taken:
        page.get_by_role("link", name="save the record").click()
    assert taken.value.suggested_filename == "triptych-blocks.json"
    assert Record.read(Path(taken.value.path()).read_bytes()).picture.title == "Blocks"
    page.close()


def test_the_keyboard_reaches_the_tables_that_scroll(browser: Browser, address: str) -> None:
    page = browser.new_page(**PHONE)
    page.goto(address)
    table = page.get_by_role("region", name="Table: what the tests found")
    table.focus()
    expect(table).to_be_focused()
    for _ in range(5):  # a page that has just been opened may not take the first
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.scrollLeft") > 0
    page.close()
