"""A run beside a server, with real processes: stopped, gone on with, and gone with its server."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from explainers.survey import background
from explainers.survey.background import Running, start, told_by
from explainers.survey.running import Progress
from explainers.survey.survey import Survey, SurveyError

ROOT = Path(__file__).parents[2]
MODULE = "tests.survey.pretended"


@pytest.fixture(autouse=True)
def _pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PROGRAM", MODULE)
    monkeypatch.setattr(background, "_RUNNING", [])


def _pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.jpg").touch()
    return folder


def _command(folder: Path, out: Path) -> list[str]:
    return background.command(Survey(), folder, out, None)


def _until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "It never came to be so."
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked for its result has, too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def _workers(out: Path) -> list[int]:
    _until((out / "workers").exists)
    _until(lambda: len((out / "workers").read_text().split()) == 2)
    return [int(pid) for pid in (out / "workers").read_text().split()]


def test_a_run_tells_how_it_stands_and_ends(tmp_path: Path) -> None:
    folder, out = _pictures(tmp_path / "few", 5), tmp_path / "out"
    running = start(out, _command(folder, out))
    assert running.standing.state in ("starting", "looking")
    assert running.wait(30)
    assert running.standing == Progress("done", 5, 5, 0, 20.0, 0.0, "")


def test_what_is_done_stays_when_it_is_stopped_and_the_same_command_goes_on(tmp_path: Path) -> None:
    folder, out = _pictures(tmp_path / "many", 40), tmp_path / "out"
    running = start(out, _command(folder, out))
    _until(lambda: running.standing.done >= 3)
    assert running.going
    running.stop()
    assert running.wait(30)
    stopped = running.standing
    assert stopped.state == "stopped"
    assert 3 <= stopped.done < 40
    assert all(map(_gone, _workers(out)))
    again = start(out, running.command)
    assert again.wait(30)
    assert again.standing.state == "done"
    assert again.standing.done == 40


def test_a_run_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    folder, out = _pictures(tmp_path / "many", 10_000), tmp_path / "out"
    server = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from explainers.survey import background
        background.PROGRAM = {MODULE!r}
        background.start(Path({str(out)!r}), {_command(folder, out)!r})
        time.sleep(600)
    """)
    process = subprocess.Popen([sys.executable, "-c", server], cwd=ROOT)
    try:
        pids = _workers(out)
        _until(lambda: told_by(out).done >= 2)
        assert not any(map(_gone, pids))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _until(lambda: all(map(_gone, pids)))
    assert told_by(out).state == "stopped"


def test_what_does_not_go_is_killed_with_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = _pictures(tmp_path / "stubborn", 10_000), tmp_path / "out"
    monkeypatch.setattr(background, "GRACE", 1.0)
    running = start(out, _command(folder, out))
    _until(lambda: running.standing.done >= 2)
    running.stop()
    assert running.wait(30)
    _until(lambda: all(map(_gone, _workers(out))))
    assert running.standing.state == "failed"


def test_a_run_ends_when_its_session_is_gone_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LOOK", 0.1)
    monkeypatch.setattr(background, "PATIENCE", 1.0)
    folder, out = _pictures(tmp_path / "many", 10_000), tmp_path / "out"
    seen: list[bool] = []

    def alive() -> bool:
        """There, lost for a moment, there again, and then no more."""
        seen.append(len(seen) < 5 or 8 < len(seen) < 30)
        return seen[-1]

    running = start(out, _command(folder, out), alive)
    assert running.wait(30)
    assert len(seen) > 35
    assert running.standing.state == "stopped"


def test_a_run_that_ends_early_says_why(tmp_path: Path) -> None:
    folder, out = _pictures(tmp_path / "broken", 3), tmp_path / "out"
    running = start(out, _command(folder, out))
    assert running.wait(30)
    assert running.standing.state == "failed"
    assert running.standing.message == "It ended early: The pictures are all gone."
    os.kill(_workers(out)[1], signal.SIGKILL)


def test_a_server_runs_only_so_many_at_once(tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "many", 10_000)
    running: list[Running] = []
    try:
        for number in range(background.AT_MOST):
            out = tmp_path / str(number)
            running.append(start(out, _command(folder, out)))
        with pytest.raises(SurveyError, match="This server is running 2 surveys"):
            start(tmp_path / "more", _command(folder, tmp_path / "more"))
    finally:
        for each in running:
            each.stop()
        assert all(each.wait(30) for each in running)
    out = tmp_path / "then"
    last = start(out, _command(folder, out))
    last.stop()
    assert last.wait(30)
