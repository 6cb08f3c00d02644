"""A server as a person starts it, and a real Chromium to look at it with."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.survey.made_up import make

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-prefers-reduced-motion",  # the processor paints what shimmers
)
PATIENCE = 90_000

expect.set_options(timeout=PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


def find_chromium() -> str | None:
    """Where Chromium is: where `$CHROMIUM` says, or on the path."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without one the browser tests are skipped, but never in CI."""
    found = find_chromium()
    if found:
        return found
    reason = "There is no Chromium here: install the package `chromium`, or name one in $CHROMIUM."
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def serving(script: str, *arguments: str, **environment: str) -> Iterator[str]:
    """The address of a page that runs, with some environment variables of its own."""
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", script]
    options = [f"--server.port={port}", "--server.headless=true"]
    server = subprocess.Popen(
        [*command, *options, "--", *arguments], cwd=ROOT, env=os.environ | environment
    )
    try:
        address = f"http://localhost:{port}"
        deadline = time.monotonic() + 60
        while not _healthy(address):
            assert server.poll() is None, "The server ended before it answered."
            assert time.monotonic() < deadline, "The server did not answer within a minute."
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one survey, made up."""
    folder = tmp_path_factory.mktemp("surveys")
    make(folder / "pieces", pictures=60, drawn=True, root=tmp_path_factory.mktemp("pictures"))
    return folder


@pytest.fixture(scope="session")
def address(chromium: str, surveys: Path) -> Iterator[str]:
    """The app, running, with surveys to look at."""
    with serving("app.py", TRIPTYCH_SURVEYS=str(surveys)) as address:
        yield address


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A visitor of their own, with a wide window."""
    page = browser.new_page(viewport={"width": 1440, "height": 1500})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    """A window of the commonest size."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()
