"""A survey run beside a server: started, watched, stopped, and never left behind.

The run is a process of its own that reads from a pipe to whoever started it. When that pipe ends,
because it is to stop or because the server was killed, it is interrupted as by Ctrl-C, so that what
is done stays; if it does not go, it and its workers are killed.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from explainers.survey.running import PROGRESS, Progress
from explainers.survey.survey import Survey, SurveyError, settings_of

ROOT = Path(__file__).parents[2]
PROGRAM = "explainers"
LOG = "run.log"
AT_MOST = 2
"""Runs on one server: each opens a network in every worker, some 0.85 GB."""
PATIENCE = 60.0
"""Seconds that a run goes on without its session: one that is lost comes back sooner, or never."""
GRACE = 30.0
"""Seconds that an interrupted run has to write down what it knows."""
LOOK = 2.0
"""Seconds between one look at the session and the next."""
UNFINISHED = ("starting", "measuring", "looking", "closer")
INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)
LAST_BYTES = 2000


class Running:
    """A run that was started here.

    Attributes
    ----------
    out : Path
        The survey's folder.
    command : tuple of str
        What it was started with: the same again goes on with it.
    """

    def __init__(
        self, out: Path, command: Sequence[str], alive: Callable[[], bool] = lambda: True
    ) -> None:
        self.out = out
        self.command = tuple(command)
        self._price = ""
        out.mkdir(parents=True, exist_ok=True)
        (out / PROGRESS).unlink(missing_ok=True)
        with open(out / LOG, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(GRACE), PROGRAM, *self.command],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT,
                start_new_session=True,
            )  # fmt: skip
        when_gone(alive, self.stop)

    @property
    def going(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def standing(self) -> Progress:
        """How it stands; one that ended without a word has failed."""
        ended = not self.going  # asked first: what it told before it ended is read after
        told = told_by(self.out)
        self._price = told.message if told.state == "looking" and told.message else self._price
        if not ended or told.state not in UNFINISHED:
            return told
        if self._process.returncode in INTERRUPTED:
            return replace(told, state="stopped")
        return replace(told, state="failed", message=f"It ended early: {self._last_words()}")

    @property
    def price(self) -> str:
        """What all of it costs, in a sentence, once it was measured."""
        return self._price

    def stop(self) -> None:
        """Have it stop: what is done stays. It may take some seconds."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _last_words(self) -> str:
        with open(self.out / LOG, "rb") as log:
            log.seek(max(0, os.path.getsize(self.out / LOG) - LAST_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}."


def told_by(out: Path) -> Progress:
    """What the run of a folder told last; ``starting`` if it has told nothing that can be read."""
    try:
        told = json.loads((out / PROGRESS).read_text())
        return Progress(**{name: told[name] for name in Progress.__dataclass_fields__})
    except (OSError, ValueError, LookupError, TypeError):
        return Progress("starting")


_RUNNING: list[Running] = []
_DOOR = threading.Lock()


def start(out: Path, command: Sequence[str], alive: Callable[[], bool] = lambda: True) -> Running:
    """Start a run beside this process.

    Parameters
    ----------
    out : Path
        The survey's folder; its log lies there as well.
    command : sequence of str
        What follows ``python -m explainers``.
    alive : callable
        Whether whoever wants it is still there; when that is long over, it is stopped.

    Raises
    ------
    SurveyError
        If as many run already as this server lets.
    """
    with _DOOR:
        _RUNNING[:] = [each for each in _RUNNING if each.going]
        if len(_RUNNING) >= AT_MOST:
            raise SurveyError(
                f"This server is running {len(_RUNNING)} surveys, and runs no more at once: "
                "try again when one is done."
            )
        running = Running(out, command, alive)
        _RUNNING.append(running)
        return running


def when_gone(alive: Callable[[], bool], then: Callable[[], None]) -> None:
    """Do something once a session is gone for good; one that is lost for a moment may come back."""

    def watch() -> None:
        seen = time.monotonic()
        while time.monotonic() - seen <= PATIENCE:
            time.sleep(LOOK)
            if alive():
                seen = time.monotonic()
        then()

    threading.Thread(target=watch, daemon=True).start()


def clear(folder: tempfile.TemporaryDirectory[str]) -> None:
    """Remove a temporary folder, when the runs that write into it have ended."""
    for running in [each for each in _RUNNING if each.out.is_relative_to(folder.name)]:
        running.stop()
        running.wait(2 * GRACE)
    folder.cleanup()


def command(survey: Survey, pictures: Path, out: Path, labels: Path | str | None) -> list[str]:
    """What follows ``python -m explainers`` to run a survey whose methods have their defaults.

    Parameters
    ----------
    survey : Survey
    pictures, out : Path
        The folder of pictures, and the survey's.
    labels : Path, "folders" or None
        A CSV of them, or that pictures lie in folders named as what they show.
    """
    told = [
        "survey", str(pictures.resolve()), "--out", str(out.resolve()),
        "--classifier", survey.classifier, "--methods", _names(survey.methods),
        "--closer", _names(survey.closer), "--worst", str(survey.worst),
        "--sample", str(survey.sample), "--seed", str(survey.seed),
    ]  # fmt: skip
    if survey.square:
        told += ["--square"]
    return told + ([] if labels is None else ["--labels", str(labels)])


def _names(methods: Sequence[Any]) -> str:
    assert all(settings_of(method) == settings_of(type(method)()) for method in methods)
    return ",".join(method.name for method in methods)


def _stop_with_the_pipe(grace: float) -> None:
    """Interrupt this process when its input ends; if it does not go, kill all that it started."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(grace)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Run a module with the arguments given, as long as somebody holds the pipe."""
    # A shell that starts a server in the background has it ignore Ctrl-C, and its children too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, grace, *sys.argv = sys.argv
    threading.Thread(target=_stop_with_the_pipe, args=(float(grace),), daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
