"""``triptych`` and ``triptych app``: the app, served to a browser on this machine."""

import os
import sys
from pathlib import Path

import click

HOME = Path(__file__).parents[2]
"""Where `explainers` lies: a checkout with the app in it, or a folder of packages beside it."""


def app_file() -> Path:
    """The app's first page, with the others and its config beside it."""
    installed = HOME / "triptych" / "app.py"
    return installed if installed.is_file() else HOME / "app.py"


@click.command(
    "app",
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
    Examples:
      triptych
      triptych app --server.port=8600
      triptych app --server.address=0.0.0.0 --server.headless=true
    """,
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[STREAMLIT OPTION]...")
def command(options: tuple[str, ...]) -> None:
    """Start the app; a browser opens, or finds it at http://localhost:8501.

    Options are passed on to 'streamlit run'.
    """
    started = [sys.executable, "-m", "streamlit", "run", str(app_file()), *options]
    os.execv(sys.executable, started)
