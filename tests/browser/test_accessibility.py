"""Contrast, order, keyboard: every page and its views, light and dark, as axe-core sees them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from pages.parts.frame import PAGES
from tests.browser.test_compare import COMPLETE
from tests.browser.test_what_if import drag

pytestmark = pytest.mark.browser

GRAVE = {"serious", "critical"}
ORDER = {"heading-order", "page-has-heading-one"}
"""Rules of axe-core that it counts as moderate, and that are kept here all the same."""

ALLOWED = {
    ("color-contrast", "[data-testid=stMultiSelect] [data-tag] > span"): "Streamlit writes the "
    "names of what was chosen in white on the theme's primary colour, and what is chosen of pills "
    "in that colour on a dark ground. No colour reaches 4.5 to 1 both ways; the pills have it.",
}
"""What Streamlit does and nobody can change from outside: a rule, the elements, and the reason."""

INSIDE_CHARTS = ".js-plotly-plot svg"
"""axe-core cannot tell what their text stands on: see tests/app/test_contrast.py."""


@dataclass(frozen=True)
class Visit:
    """A page with the least that makes it complete, and ways to its other views."""

    path: str
    methods: tuple[str, ...] = ("Grad-CAM",)
    views: tuple[str, ...] = ()
    begin: Callable[[Page], None] = lambda page: None


def select_a_region(page: Page) -> None:
    drag(page, (0.3, 0.25), (0.72, 0.8))
    expect(page.get_by_text("espresso goes from")).to_be_visible()


def open_what_is_closed(page: Page) -> None:
    page.get_by_text("How maps are drawn").click()
    page.get_by_role("radio", name="Upload").click()
    page.get_by_role("radio", name="Your own").click()


VISITS = {
    "Compare": Visit("", ("Grad-CAM", "Smoothed saliency")),
    "Why this class?": Visit("why", views=("Classes", "Layers", "Classifiers")),
    "What if?": Visit("what_if"),
    "What if? with a region": Visit("what_if", begin=select_a_region),
    "How far to believe it?": Visit("how_far", views=("Ask again", "Break the network")),
    "Inside the network": Visit(
        "network", views=("All layers", "Filters", "Grad-CAM step by step")
    ),
    "The model": Visit("model", begin=open_what_is_closed),
    "Survey": Visit("survey", views=("Pictures",)),
}


def complete(page: Page) -> None:
    """Wait until all is drawn: a click or another theme starts the page's script in a moment."""
    page.wait_for_timeout(300)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    expect(page.locator(".stale-element, [data-testid=stSkeleton]")).to_have_count(0)


def faults(page: Page) -> list[str]:
    """What axe-core finds, but for what is allowed; each with its element and what is wrong."""
    found = Axe().run(page, {"exclude": [INSIDE_CHARTS]}).response["violations"]
    return [
        f"{fault['id']}: {node['target'][0]}: {node['failureSummary']}"
        for fault in found
        if fault["impact"] in GRAVE or fault["id"] in ORDER
        for node in fault["nodes"]
        if not any(
            rule == fault["id"]
            and page.locator(node["target"][0]).and_(page.locator(those)).count()
            for rule, those in ALLOWED
        )
    ]


@pytest.mark.parametrize("name", VISITS)
def test_axe_finds_nothing_on_any_page_light_or_dark(page: Page, address: str, name: str) -> None:
    visit = VISITS[name]
    methods = "&".join(f"methods={method.replace(' ', '+')}" for method in visit.methods)
    page.goto(f"{address}/{visit.path}?picture=coffee&{methods}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    complete(page)
    visit.begin(page)
    found = []
    themes = ("light", "dark")
    for view in (None, *visit.views):
        if view is not None:
            page.get_by_role("radio", name=view).click()
        for theme in themes:
            page.emulate_media(color_scheme=theme)
            expect(page.locator(".stApp")).to_have_css("color-scheme", theme)
            complete(page)
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            found += [f"{view or name}, {theme}: {fault}" for fault in faults(page)]
        themes = themes[::-1]
    assert not found, "\n\n".join(found)


FOCUSED = """() => {
    const element = document.activeElement;
    const label = element.getAttribute('aria-label') || element.labels?.[0]?.innerText;
    return (label || element.innerText || '').trim().split('\\n').pop().trim();
}"""


def tab_through(page: Page) -> list[str]:
    """The names of all that the Tab key reaches, in order."""
    reached: list[str] = []
    while page.evaluate("document.activeElement !== document.body") or not reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        assert len(reached) < 100, reached
    return reached[:-1]


def in_order(wanted: list[str], reached: list[str]) -> bool:
    """Whether all that is wanted was reached, in this order, whatever lies between."""
    rest = iter(reached)
    return all(any(name == each for each in rest) for name in wanted)


SIDEBAR = [
    *(label for label, _ in PAGES.values()), "Gallery", "Cat", "Astronaut",
    "Only the middle square", "Ready-made", "Network", "Class to explain", "Grad-CAM",
    "How maps are drawn",
]  # fmt: skip


def test_tab_goes_from_the_pages_through_the_sidebar_to_every_control(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/network?picture=coffee&methods=Grad-CAM")
    expect(page.locator("[class*=st-key-sheet] .nsewdrag")).to_be_visible()
    complete(page)
    reached = tab_through(page)
    assert in_order(
        [
            *SIDEBAR, "Feature maps", "Layer", "In the order of", "Set beside",
            "After the activation", "Sheet, of 4", "Channel, of 480", "One scale", "Smooth",
        ],
        reached,
    ), reached  # fmt: skip


def reach(page: Page, element: Locator) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if element.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"Tab does not reach {element}.")


def test_a_channel_is_chosen_without_a_mouse(page: Page, address: str) -> None:
    page.goto(f"{address}/network?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text("Channel 0 over the picture")).to_be_visible()
    complete(page)
    reach(page, page.get_by_role("spinbutton", name="Channel, of 480"))
    page.keyboard.press("Control+A")
    page.keyboard.type("36")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Channel 36 over the picture")).to_be_visible()
    expect(page.get_by_role("figure", name="Channel 36 of block8_expand_relu6")).to_have_count(2)


def test_a_layer_is_found_and_explained_without_a_mouse(page: Page, address: str) -> None:
    page.goto(f"{address}/model?picture=coffee&methods=Grad-CAM")
    expect(page.get_by_text("143 of 143 layers")).to_be_visible()
    complete(page)
    reach(page, page.get_by_role("textbox", name="Find a layer"))
    page.keyboard.type("block5_depthwise_conv")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 143 layers")).to_be_visible()
    expect(page.get_by_role("button", name="Explain at this layer")).to_be_enabled()
    complete(page)
    reach(page, page.get_by_role("button", name="Explain at this layer"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Why espresso?")).to_be_visible()
    expect(page.get_by_text(COMPLETE)).to_be_visible()
    expect(page.get_by_text("Measured on 14 × 14 cells")).to_be_visible()
