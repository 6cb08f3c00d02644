"""The app as a person waits for it, and as a server bears it.

    python -m benchmarks.app

Starts `streamlit run app.py` and a Chromium, and prints the seconds to the first map and to all
three, on a cold server and on a warm one; the time of a rerun with everything kept; and the
server's resident memory while visitors ask for two hundred explanations. Chromium is the one on
the path, or the one that $CHROMIUM names.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SAMPLES = ("cat", "coffee", "rocket", "motorcycle", "astronaut")
COMPLETE = "text=All maps are complete"
PATIENCE = 180_000


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """The running app: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    process = subprocess.Popen(
        [*command, "--server.headless=true"], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        yield f"http://localhost:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def resident(pid: int) -> float:
    """Resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def visit(browser: Browser, address: str) -> Page:
    """A new visitor at an address that may not answer yet."""
    page = browser.new_page(viewport={"width": 1440, "height": 1500})
    page.set_default_timeout(PATIENCE)
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            with socket.create_connection(
                ("localhost", int(address.rsplit(":")[-1].split("/")[0]))
            ):
                break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    page.goto(address)
    return page


def waits(browser: Browser, address: str, since: float) -> tuple[float, float]:
    """Seconds to the first map and to all three."""
    page = visit(browser, address)
    page.wait_for_selector(".st-key-card-grad-cam [data-testid=stPlotlyChart]")
    first = time.monotonic() - since
    page.wait_for_selector(COMPLETE)
    every = time.monotonic() - since
    page.close()
    return first, every


def rerun(page: Page, click: Callable[[], None], charts: int) -> float:
    """Seconds from a click until so many charts stand on the page."""
    started = time.monotonic()
    click()
    page.wait_for_function(
        f"document.querySelectorAll('[data-testid=stPlotlyChart]').length === {charts}"
    )
    return time.monotonic() - started


def cached_reruns(browser: Browser, address: str) -> float:
    """Median seconds until a view of three finished maps is there, or gone."""
    page = visit(browser, address)
    page.wait_for_selector(COMPLETE)
    page.wait_for_timeout(3000)
    click = page.get_by_role("button", name="Heatmap", exact=True).click
    times = []
    for charts in (10, 7) * 4:
        times.append(rerun(page, click, charts))
        page.wait_for_timeout(2000)
    page.close()
    return statistics.median(times)


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium here: install the package `chromium`, or set $CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        started = time.monotonic()
        with server() as (address, pid):
            for kind in ("cold", "warm"):
                first, every = waits(browser, address, started)
                print(
                    f"{kind} server: first map {first:.1f} s, all three {every:.1f} s", flush=True
                )
                started = time.monotonic()
            print(
                f"rerun with everything kept: {cached_reruns(browser, address):.2f} s", flush=True
            )
            explanations = 9
            print(f"resident after {explanations} explanations: {resident(pid):.0f} MB", flush=True)
            for visits in range(1, 97):
                sample = SAMPLES[visits % len(SAMPLES)]
                query = f"picture={sample}&class={visits * 37 % 1000}"
                page = visit(
                    browser, f"{address}/?{query}&methods=Grad-CAM&methods=Smoothed+saliency"
                )
                page.wait_for_selector(COMPLETE)
                page.close()
                explanations += 2
                if visits % 24 == 0:
                    memory = f"{resident(pid):.0f} MB"
                    print(f"resident after {explanations} explanations: {memory}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
