"""The README's pictures, made from the running app: ``python -m docs.pictures``.

It starts the app as the README does, opens each page in a real Chromium, waits until the page is
complete, and keeps one picture of each in `docs/`. Names after the command make only those.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
SHOTS = {
    "compare": "?picture=cat",
    "why": "why?picture=rocket",
    "what_if": "what_if?picture=cat&methods=Grad-CAM",
    "how_far": "how_far?picture=cat",
    "network": "network?picture=cat",
    "model": "model?picture=cat",
    "present": "?picture=coffee&view=present",
}
"""The pictures by their names, and the addresses that they show."""

WINDOW = (1440, 900)
SMALL, LARGE = 720, 1040
"""Widths of the pictures, in pixels: Compare, which the README opens with, is large."""
COLOURS = 256
PATIENCE = 300_000
STILL = 1.5
"""Seconds without a run after which a page is complete: one run may ask for the next."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run")


def path_of(name: str) -> Path:
    """Where a picture is kept."""
    return ROOT / "docs" / f"{name}.png"


def make(names: Sequence[str] = tuple(SHOTS)) -> None:
    """Take the pictures anew."""
    with _app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(FLAGS))
        for name in names:
            width, height = WINDOW
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            page.goto(f"{address}/{SHOTS[name]}")
            _wait(page)
            _keep(page.screenshot(), path_of(name), LARGE if name == "compare" else SMALL)
            page.close()
            print(
                f"{path_of(name).relative_to(ROOT)}: {path_of(name).stat().st_size / 1000:.0f} kB"
            )
        browser.close()


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


def _chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("There is no Chromium here: install it, or name one in $CHROMIUM.")
    return found


@contextmanager
def _app() -> Iterator[str]:
    """The address of the app, started for as long as it is needed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    server = subprocess.Popen(
        [*command, f"--server.port={port}", "--server.headless=true"], cwd=ROOT
    )
    try:
        address = f"http://localhost:{port}"
        deadline = time.monotonic() + 60
        while not _healthy(address):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("The app did not start.")
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError):
        return False


if __name__ == "__main__":
    make(sys.argv[1:] or tuple(SHOTS))
