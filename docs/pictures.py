"""The README's pictures, made from the running app: ``python -m docs.pictures``.

It starts the app as the README does, opens each page in a real Chromium, waits until the page is
complete, and keeps one picture of each in `docs/`. Names after the command make only those.
"""

import sys
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from explainers import Explainer, GradCam, Saliency
from explainers.survey.pictures import Collection
from explainers.survey.running import run
from explainers.survey.survey import Survey
from tests.browser.conftest import FLAGS, find_chromium, serving
from tests.survey.made_up import draw

ROOT = Path(__file__).parents[1]
SHOTS = {
    "compare": "?picture=cat",
    "why": "why?picture=rocket",
    "what_if": "what_if?picture=cat&methods=Grad-CAM",
    "how_far": "how_far?picture=cat",
    "network": "network?picture=cat",
    "model": "model?picture=cat",
    "survey": "survey?show=Pictures",
    "present": "?picture=coffee&view=present",
}
"""The pictures by their names, and the addresses that they show."""
PRESSED = {"what_if": "Hide the tenth that Grad-CAM calls hottest"}
"""What is pressed before a picture is taken."""

WINDOW, SCREEN = (1440, 900), (1920, 1080)
"""A window at a desk, and the screen of a meeting."""
SMALL, LARGE = 720, 1040
"""Widths of the pictures, in pixels: Compare, which the README opens with, is large."""
COLOURS = 256
PATIENCE = 300_000
SURVEYED = 48
"""Pictures of the survey that is shown."""
STILL = 1.5
"""Seconds without a run after which a page is complete: one run may ask for the next."""


def path_of(name: str) -> Path:
    """Where a picture is kept."""
    return ROOT / "docs" / f"{name}.png"


def make(names: Sequence[str] = tuple(SHOTS)) -> None:
    """Take the pictures anew."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit("There is no Chromium here: install it, or name one in $CHROMIUM.")
    with (
        TemporaryDirectory() as folder,
        serving("app.py", TRIPTYCH_SURVEYS=folder) as address,
        sync_playwright() as playwright,
    ):
        if "survey" in names:
            _survey(Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name in names:
            width, height = SCREEN if name == "present" else WINDOW
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            page.goto(f"{address}/{SHOTS[name]}")
            _wait(page)
            if name in PRESSED:
                page.get_by_role("button", name=PRESSED[name]).click()
                _wait(page)
            _keep(page.screenshot(), path_of(name), LARGE if name == "compare" else SMALL)
            page.close()
            print(
                f"{path_of(name).relative_to(ROOT)}: {path_of(name).stat().st_size / 1000:.0f} kB"
            )
        browser.close()


def _survey(folder: Path) -> None:
    """A survey of pieces of the gallery's pictures, for the page that shows one."""
    pictures = folder / "pictures"
    draw(pictures, SURVEYED, marked=None)
    methods: tuple[Explainer, ...] = (GradCam(), Saliency(samples=10))
    survey = Survey(methods=methods, closer=(), worst=0, sample=0)
    for _ in run(survey, Collection(pictures), folder / "pieces"):
        pass


def _wait(page: Page) -> None:
    """Stay until the page has been at rest for a moment, and the browser shows all that it has."""
    at_rest = page.locator("[data-test-script-state=notRunning]")
    loading = page.get_by_test_id("stSkeleton")
    since = time.monotonic()
    while time.monotonic() - since < STILL:
        if not at_rest.is_visible() or loading.count():
            expect(at_rest).to_be_visible(timeout=PATIENCE)
            expect(loading).to_have_count(0, timeout=PATIENCE)
            since = time.monotonic()
        page.wait_for_timeout(100)


def _keep(screenshot: bytes, path: Path, width: int) -> None:
    """Write a screenshot, smaller and with a palette of its own."""
    image = Image.open(BytesIO(screenshot)).convert("RGB")
    small = image.resize(
        (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
    )
    small.quantize(COLOURS, Image.Quantize.MEDIANCUT).save(path, optimize=True)


if __name__ == "__main__":
    make(sys.argv[1:] or tuple(SHOTS))
