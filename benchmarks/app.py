"""The app as a person waits for it, and as a server bears it.

    python -m benchmarks.app [--long]

Starts `streamlit run app.py` and a Chromium, five times each, and prints medians with the smallest
and the largest: the seconds of a first visit phase by phase, on a cold server and on a warm one,
beside those of a page with nothing but a title or one small map; LIME in the app beside LIME in a
script; a rerun with everything computed, as the server takes it and as a browser shows it; a box
dragged in *What if?*; resident memory. With `--long` also the memory while visitors ask for two
hundred explanations. Chromium is the one on the path, or the one that $CHROMIUM names.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.visitor import ROOT, Visitor, resident, serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
ROUNDS = 5
PATIENCE = 180_000
STILL = 500
SAMPLES = ("cat", "coffee", "rocket", "motorcycle", "astronaut")
COMPLETE = "text=All maps are complete"
PHASES = {
    "first paint": "[data-testid=stSidebar] h2",
    "the picture": "[data-testid=stMain] img",
    "the answer": "[data-testid=stMain] h1 >> text=Why",
    "first map": ".st-key-card-grad-cam [data-testid=stPlotlyChart] .heatmaplayer",
    "all three maps": COMPLETE,
}
"""What a visitor waits for, and how it is known to be there."""

TITLE_ONLY = 'import streamlit as st\n\nst.title("Hello")\n'
MAP_ONLY = """
import numpy as np
import plotly.graph_objects as go
import streamlit as st

st.plotly_chart(go.Figure(go.Heatmap(z=np.eye(7))))
"""
LIME_ALONE = """
from explainers import LimeSuperpixels, load_classifier
from explainers.images.samples import SAMPLES

classifier = load_classifier("efficientnet-lite0")
pixels = classifier.prepare(SAMPLES["cat"].read())
print(*(LimeSuperpixels(seed=n).explain(classifier, pixels, 285).seconds for n in range(6)))
"""
WATCH = """
const watched = window.watched = {changed: 0};
const notes = node => node.closest && !node.closest('header, [data-testid=stStatusWidget]');
new MutationObserver(changes => {
    if (changes.some(change => notes(change.target))) watched.changed = performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
for (const kind of ['click', 'mouseup'])
    addEventListener(kind, () => watched.asked = watched.changed = performance.now(), true);
"""


@contextmanager
def visit(browser: Browser, address: str) -> Iterator[Page]:
    """A new visitor."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.add_init_script(WATCH)
    page.goto(f"http://{address}", wait_until="commit")
    yield page
    page.close()


def phases(browser: Browser, address: str, awaited: dict[str, str]) -> dict[str, float]:
    """Seconds from opening a page to each of its phases."""
    opened = time.monotonic()
    found = {}
    with visit(browser, address) as page:
        for phase, selector in awaited.items():
            page.wait_for_selector(selector)
            found[phase] = time.monotonic() - opened
    return found


def told(values: list[float], unit: str = "s", digits: int = 2) -> str:
    """The median, with the smallest and the largest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:8.{digits}f} {unit}   ({low:.{digits}f} to {high:.{digits}f})"


def say(what: str, values: list[float], unit: str = "s", digits: int = 2) -> None:
    print(f"  {what:44}{told(values, unit, digits)}", flush=True)


def first_visits(browser: Browser) -> None:
    """Cold servers and warm ones, phase by phase; from opening the page."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "title.py").write_text(TITLE_ONLY)
        (Path(folder) / "map.py").write_text(MAP_ONLY)
        title = _visits(browser, {"first paint": "h1"}, "title.py", Path(folder))
        small = _visits(browser, {"first map": ".heatmaplayer image"}, "map.py", Path(folder))
    app = _visits(browser, PHASES, "app.py", ROOT)
    for kind in ("cold", "warm"):
        print(f"a first visit to a {kind} server, from opening the page")
        say("a page with nothing but a title", title[kind]["first paint"])
        say("a page with nothing but a map of 7 x 7 cells", small[kind]["first map"])
        for phase in PHASES:
            say(phase, app[kind][phase])
    print("the server itself, and what a cold visit adds if it is counted from the command")
    say("until it answers", app["cold"]["server"])
    print("resident memory")
    say("one session, three maps", app["cold"]["memory"], "MB", 0)
    say("a second session, three maps more", app["warm"]["memory"], "MB", 0)


def _visits(
    browser: Browser, awaited: dict[str, str], script: str, folder: Path
) -> dict[str, dict[str, list[float]]]:
    seen: dict[str, dict[str, list[float]]] = {"cold": {}, "warm": {}}
    for _ in range(ROUNDS):
        started = time.monotonic()
        with serving(script, folder) as (address, pid):
            starting = time.monotonic() - started
            for found in seen.values():
                once = phases(browser, address, awaited)
                for what, value in (once | {"server": starting, "memory": resident(pid)}).items():
                    found.setdefault(what, []).append(value)
    return seen


def lime(page: Page) -> None:
    """LIME's 1,000 samples in the app, by its own clock, beside the same call in a script."""
    print("LIME, 1,000 samples, the cat")
    alone = subprocess.run(
        [sys.executable, "-c", LIME_ALONE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    script = [float(each) for each in alone.stdout.split()][1:]
    inside = []
    for seed in range(1, ROUNDS + 1):
        card = page.locator(".st-key-card-lime")
        card.get_by_role("button", name="Settings").click()
        page.get_by_label("Seed", exact=True).last.fill(str(seed))
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.wait_for_selector("text=LIME superpixels: ")
        page.wait_for_selector(COMPLETE)
        (seconds,) = re.findall(r"of 1,000 samples · ([\d.]+) s", card.inner_text())
        inside.append(float(seconds))
    say("in a script", script)
    say("in the app", inside)
    say(
        "the app against the script",
        [each / statistics.median(script) for each in inside],
        "times",
    )


def rerun_on_server(address: str) -> None:
    """Seconds from asking for a rerun to its last message, without a browser."""
    times = []
    with Visitor(address) as visitor:
        visitor.settled()
        for _ in range(ROUNDS + 2):
            visitor.ask()
            times.append(visitor.settled())
    print("a rerun with everything computed")
    say("on the server", times[2:])


def still(page: Page) -> float:
    """Seconds from the last click or drag to the last change on the page."""
    page.wait_for_function(f"performance.now() - watched.changed > {STILL}", polling=50)
    return page.evaluate("watched.changed - watched.asked") / 1000


def clicks(page: Page) -> None:
    """The heatmaps on or off, everything computed."""
    button = page.get_by_role("button", name="Heatmap", exact=True)
    times: dict[str, list[float]] = {"on": [], "off": []}
    for _ in range(ROUNDS + 1):
        for found in times.values():
            page.wait_for_timeout(1000)
            button.click()
            found.append(still(page))
    for kind, found in times.items():
        say(f"a click in the browser: heatmaps {kind}", found[1:])


def boxes(browser: Browser, address: str) -> None:
    """A box dragged in What if, until the new probabilities."""
    print("a box dragged in What if, until the new probabilities")
    for kind, query in (("when all is computed", "?methods=Grad-CAM"), ("while LIME computes", "")):
        say(kind, _drags(browser, f"{address}/what_if{query}"))


def _drags(browser: Browser, address: str) -> list[float]:
    with visit(browser, address) as page:
        page.wait_for_selector("text=Nothing is selected yet")
        place = page.locator(".st-key-canvas .nsewdrag").first
        place.wait_for()
        times = []
        for number in range(ROUNDS + 1):
            page.wait_for_timeout(2000)
            before = _hidden(page)
            box = place.bounding_box()
            assert box is not None
            left, top = box["x"] + box["width"] * number / 8, box["y"] + box["height"] / 3
            page.mouse.move(left + 3, top)
            page.mouse.down()
            page.mouse.move(left + box["width"] / 7, top + box["height"] / 4, steps=4)
            page.mouse.up()
            page.wait_for_function(
                "before => document.querySelector('[data-testid=stMain]').innerText"
                ".match(/[\\d.]+% of the picture/)?.[0] !== before",
                arg=before,
                polling=10,
            )
            times.append(page.evaluate("performance.now() - watched.asked") / 1000)
    return times[1:]


def _hidden(page: Page) -> str | None:
    found = re.search(r"[\d.]+% of the picture", page.inner_text("[data-testid=stMain]"))
    return found[0] if found else None


def many(browser: Browser, address: str, pid: int) -> None:
    """Memory while visitors ask for two hundred explanations."""
    print("resident memory, visitor after visitor")
    for visitor in range(1, 101):
        query = f"picture={SAMPLES[visitor % len(SAMPLES)]}&class={visitor * 37 % 1000}"
        with visit(
            browser, f"{address}/?{query}&methods=Grad-CAM&methods=Smoothed+saliency"
        ) as page:
            page.wait_for_selector(COMPLETE)
        if visitor % 20 == 0:
            say(f"after {2 * visitor} explanations", [resident(pid)], "MB", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="memory over two hundred explanations")
    long: bool = parser.parse_args().long
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium here: install the package `chromium`, or set $CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        first_visits(browser)
        with serving() as (address, pid):
            with visit(browser, address) as page:
                page.wait_for_selector(COMPLETE)
                rerun_on_server(address)
                clicks(page)
                lime(page)
            boxes(browser, address)
            if long:
                many(browser, address, pid)
        browser.close()


if __name__ == "__main__":
    main()
