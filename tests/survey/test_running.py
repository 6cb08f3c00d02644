"""Nothing is lost and nothing is done twice, whoever is killed: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

from explainers.survey.running import FATAL
from tests.survey.conftest import Paint
from tests.survey.misbehaving import EXIT, FULL, HUNGRY, ODD, waiting_for

ROOT = Path(__file__).parents[2]
PATIENCE = 120
PYTHON = [sys.executable, "-m"]
FORKED = [*PYTHON, "tests.survey.forked"]
MISBEHAVING, COSTLESS = "tests.survey.misbehaving", "tests.survey.costless"
Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Start a survey as a person does; what is still alive after the test is killed.

    The network costs nothing unless another is named.
    """
    started: list[subprocess.Popen[str]] = []
    costless = tmp_path / "costless.keras"
    costless.touch()

    def start(
        folder: Path,
        *options: str,
        python: Sequence[str] = PYTHON,
        preload: Sequence[str] = (MISBEHAVING, COSTLESS),
    ) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [
                *python, "explainers", "survey", str(folder),
                "--out", str(tmp_path / "run"), "--classifier", str(costless),
                "--methods", "grad-cam", "--closer", "", "--worst", "0", "--sample", "0",
                "--workers", "1", *options,
            ],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {"DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps(preload)},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _table(tmp_path: Path) -> pd.DataFrame:
    return pd.read_parquet(tmp_path / "run" / "survey.parquet")


def _parts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "run" / "parts").glob("*.parquet"))


def _until(there: Callable[[], object], what: str) -> None:
    """Stay until something is there."""
    patience = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < patience, f"There is no {what}."
        time.sleep(0.05)


def _below(pid: int) -> list[int]:
    """The processes of a session that still live."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                told = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(told[3]) == pid and told[0] != "Z":
                found.append(int(entry.name))
    return found


def _workers(pid: int) -> list[int]:
    """Those of a session that look at pictures."""
    return [
        each
        for each in _below(pid)
        if b"spawn_main" in (Path("/proc") / str(each) / "cmdline").read_bytes()
    ]


def test_a_killed_driver_loses_nothing_and_leaves_nobody_behind(
    command: Command, painted: Paint, tmp_path: Path, tiny: tuple[Path, Path]
) -> None:
    painted("early", 10)
    folder = painted("late", 30, behind=waiting_for(tmp_path / "go"))
    model, names = map(str, tiny)
    network = ["--classifier", model, "--names", names, "--scaling", "0..1"]
    first = command(folder, *network, preload=[MISBEHAVING])
    _until(lambda: _parts(tmp_path), "part")
    os.kill(first.pid, signal.SIGKILL)
    _until(lambda: not _below(first.pid), "end of the workers")
    assert [len(pd.read_parquet(part)) for part in _parts(tmp_path)] == [10]
    (tmp_path / "go").touch()
    told, complaints = command(folder, *network).communicate(timeout=PATIENCE)
    assert "30 of 40 pictures are still to be looked at" in told, complaints
    table = _table(tmp_path)
    assert sorted(table["path"]) == [
        *(f"early/{number:03}.png" for number in range(10)),
        *(f"late/{number:03}.png" for number in range(30)),
    ]
    assert table["error"].isna().all()
    assert not _parts(tmp_path)


def test_ctrl_c_leaves_what_is_done_and_the_folder_may_grow(
    command: Command, painted: Paint, tmp_path: Path
) -> None:
    painted("early", 15)
    folder = painted("late", 45, behind=waiting_for(tmp_path / "go"))
    process = command(folder)
    _until(lambda: _parts(tmp_path), "part")
    os.killpg(process.pid, signal.SIGINT)
    (tmp_path / "go").touch()
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Stopped. What is done is kept: the same command goes on." in complaints
    assert json.loads((tmp_path / "run" / "progress.json").read_text())["state"] == "stopped"
    painted("more", 3)
    process = command(folder)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    counts = _table(tmp_path)["path"].str.split("/").str[0].value_counts()
    assert counts.to_dict() == {"early": 15, "late": 45, "more": 3}


def test_pictures_that_end_their_worker_are_found_and_the_others_are_not_blamed(
    command: Command, painted: Paint, tmp_path: Path
) -> None:
    painted("good", 6)
    painted("exit", 1, behind=EXIT)
    folder = painted("odd", 1, behind=ODD)
    process = command(folder, python=FORKED)
    told, complaints = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, complaints
    assert "2 could not be looked at" in told
    table = _table(tmp_path).set_index("path")
    assert len(table) == 8
    assert table.loc["exit/000.png", "error"] == FATAL
    assert "KeyError: 'something odd'" in table.loc["odd/000.png", "error"]
    good = table[table.index.str.startswith("good/")]
    assert good["error"].isna().all()
    assert good["answer"].isin(["red", "green", "blue"]).all()


def test_a_worker_that_is_killed_takes_no_picture_with_it(
    command: Command, painted: Paint, tmp_path: Path
) -> None:
    painted("early", 10)
    process = command(painted("late", 30, behind=waiting_for(tmp_path / "go")))
    _until(lambda: _parts(tmp_path), "part")
    os.kill(_workers(process.pid)[0], signal.SIGKILL)
    (tmp_path / "go").touch()
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints
    table = _table(tmp_path)
    assert table["path"].nunique() == len(table) == 40
    assert table["error"].isna().all()


def test_a_full_disk_is_told_and_what_is_done_is_kept(
    command: Command, painted: Paint, tmp_path: Path
) -> None:
    folder = painted("full", 20, behind=FULL)
    process = command(folder)
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "The rows cannot be written to" in complaints
    assert "make room, and run the same command again" in complaints
    assert not list((tmp_path / "run").rglob("*.parquet*"))
    for picture in folder.rglob("*.png"):
        picture.write_bytes(picture.read_bytes().removesuffix(FULL))
    process = command(folder)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert len(_table(tmp_path)) == 20


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A scheduler and two workers, started from the shell: its address, and its process."""
    folder = tmp_path_factory.mktemp("cluster")
    address = folder / "scheduler.json"
    quiet = {
        "cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
        "start_new_session": True,
        "env": os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"},
    }  # fmt: skip
    meeting = ["--scheduler-file", str(address), "--no-dashboard"]
    scheduler = [*PYTHON, "dask", "scheduler", "--host", "127.0.0.1", "--port", "0"]
    workers = [*FORKED, "dask", "worker", "--nworkers", "2", "--nthreads", "1"]
    workers += ["--memory-limit", "600MB", "--local-directory", str(folder)]
    workers += ["--preload", MISBEHAVING, "--preload", COSTLESS]
    processes = [subprocess.Popen([*each, *meeting], **quiet) for each in (scheduler, workers)]  # type: ignore[call-overload]
    try:
        _until(address.exists, "scheduler")
        where = json.loads(address.read_text())["address"]
        _until(lambda: _asked(where) == 2, "two workers")
        yield where, processes[0]
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_on_a_cluster_of_ones_own_a_picture_that_eats_all_memory_is_found(
    command: Command, painted: Paint, tmp_path: Path, cluster: tuple[str, object]
) -> None:
    painted("good", 6)
    process = command(painted("hungry", 1, behind=HUNGRY), "--scheduler", cluster[0])
    _, complaints = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, complaints
    errors = _table(tmp_path).set_index("path")["error"].dropna()
    assert errors.to_dict() == {"hungry/000.png": FATAL}
    assert len(_table(tmp_path)) == 7


def test_when_the_scheduler_goes_away_what_is_done_is_kept(
    command: Command,
    painted: Paint,
    tmp_path: Path,
    cluster: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    """Comes last, since the cluster ends with it."""
    address, scheduler = cluster
    painted("early", 10)
    folder = painted("late", 30, behind=waiting_for(tmp_path / "go"))
    process = command(folder, "--scheduler", address)
    _until(lambda: _parts(tmp_path), "part")
    scheduler.kill()
    _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "The connection to the scheduler was lost. What is done is kept" in complaints
    assert _parts(tmp_path)
    _, complaints = command(folder, "--scheduler", address).communicate(timeout=PATIENCE)
    assert f"No Dask scheduler answers at {address}." in complaints


def _asked(address: str) -> int:
    """How many workers a scheduler has."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return len(client.nthreads())
