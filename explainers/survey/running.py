"""The run of a survey on Dask: what is done stays done, whatever happens.

A batch of pictures is one task. A worker opens the classifier once, puts the rows of a batch in
place as a file of Parquet, and answers with a receipt; neither pictures nor rows travel. A few
batches for each worker are on their way at a time, so that the driver and the scheduler hold
nothing that grows with the folder.
"""

import fcntl
import json
import logging
import math
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainers.classifiers.errors import ModelError
from explainers.survey.choosing import choose
from explainers.survey.gathering import UNEXPECTED, Known, gather, renew
from explainers.survey.pictures import ENDINGS, Collection, Found
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import SETTINGS, Stored, replacing, schema, write, writing
from explainers.survey.worker import Job, Price, Receipt, Task, do, measure
from explainers.words import duration

if TYPE_CHECKING:
    from distributed import Client, Future

PROGRESS = "progress.json"
IN_FLIGHT = 3
"""Batches on their way for each worker: one at work, and the next ones there before it is done."""
BATCH_SECONDS = 5.0
"""About how long a batch should take: so much is lost with a worker, and so old is the progress."""
LARGEST_BATCH = 64
FEWEST_BATCHES = 4
"""For each worker, so that none waits long for the last of another."""
TRIES = 2
"""How often a picture, alone, has to end its worker before it is said to have done it."""
CALM = 0.5
"""Seconds between two notes of the progress."""

FATAL = (
    "The process that looked at this picture ended without a word, twice, and it looked at nothing "
    "else then: the picture may take too much memory, or break what decodes it."
)
LOST = (
    "The connection to the scheduler was lost. What is done is kept: when it is back, run the same "
    "command again."
)
ALONE = {
    "distributed.scheduler.allowed-failures": 0,
    # Without Dask's MALLOC_TRIM_THRESHOLD_: the C library then gives memory back at once, which
    # TensorFlow asks for again with the next layer; that took a fifth of a worker's time.
    "distributed.nanny.pre-spawn-environ": dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1
    ),
}
"""How processes of this machine are started."""
FREE = ("fingerprint", "title", "labels")
"""What `survey.json` holds besides that which two runs of a survey must have in common."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    state : {"measuring", "looking", "closer", "done", "stopped", "failed"}
    done, total : int
        Rows that are there, and pictures that there are; in the state "closer", of those that are
        looked at closer.
    failed : int
        How many of the rows that this run has made are an error.
    rate : float
        Pictures a second, of this run.
    left : float or None
        Seconds until all of this state is done, at this rate.
    message : str
        What a person should know: the price, or why it stopped.
    """

    state: str
    done: int = 0
    total: int = 0
    failed: int = 0
    rate: float = 0.0
    left: float | None = None
    message: str = ""


def run(
    survey: Survey,
    pictures: Collection,
    folder: Path,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
) -> Iterator[Progress]:
    """Run a survey, or go on with one; the work is done while this is gone through.

    Parameters
    ----------
    survey : Survey
    pictures : Collection
        There may be more than there were when it was begun.
    folder : Path
        Where it lies, or will lie.
    scheduler : str, optional
        The address of a Dask scheduler, whose workers see the pictures and the folder under the
        same paths. Without one, processes of this machine do the work.
    workers : int, optional
        How many of those; one for each core if None.

    Yields
    ------
    Progress
        First "measuring"; then one with the price as its message; then after each batch.

    Raises
    ------
    SurveyError
        If it cannot be run, or not to its end; what is done stays, and the text says what to do.
    ModelError
        If there is no such classifier.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        latest, noted = Progress("measuring"), -CALM
        try:
            for latest in _stages(survey, pictures, folder, scheduler, workers):
                if latest.message or time.monotonic() - noted >= CALM:
                    noted = time.monotonic()
                    _note(folder, latest)
                yield latest
            _note(folder, latest)
        except (KeyboardInterrupt, GeneratorExit):
            _note(folder, replace(latest, state="stopped", left=None, message="It was stopped."))
            raise
        except Exception as reason:
            _note(folder, replace(latest, state="failed", left=None, message=str(reason)))
            raise


def _stages(
    survey: Survey,
    pictures: Collection,
    folder: Path,
    scheduler: str | None,
    workers: int | None,
) -> Iterator[Progress]:
    """The price, all pictures, and some closer."""
    yield Progress("measuring")
    told = survey.described() | {
        "fingerprint": survey.fingerprint,
        "root": str(pictures.root.resolve()),
        "labelled": None if pictures.labels is None else str(pictures.labels),
    }
    if next(iter(pictures), None) is None:
        raise SurveyError(
            f"There is no picture in {pictures.root.name}: names of pictures end in "
            f"{', '.join(sorted(ENDINGS))}."
        )
    _settle(folder, told)
    job = Job(survey, told["fingerprint"], pictures.root.resolve(), folder.resolve())
    stored = Stored(folder, told)
    with _connected(scheduler, workers) as client:
        price = _measured(client, job)
        _settle(folder, told | {"title": price.title, "labels": list(price.labels)})
        at_once = sum(client.nthreads().values())
        renew(stored, schema(survey))
        known = Known.of(stored.files)
        total, new = 0, 0
        for picture in pictures:
            total, new = total + 1, new + (picture not in known)
        closer = min(total, survey.worst + survey.sample)
        said = _in_words(price, total, new, closer, at_once)
        yield Progress("looking", total - new, total, message=said)
        unseen = (picture for picture in pictures if picture not in known)
        batches = (Task(batch) for batch in _batches(unseen, _size(price, new, at_once)))
        yield from _work(client, job, batches, Progress("looking", total - new, total))
        gather(stored, schema(survey))
        chosen = list(choose(survey, job.root, stored))
        closer_looks = [Task((picture,), why) for picture, why, there in chosen if not there]
        begun = Progress("closer", len(chosen) - len(closer_looks), len(chosen))
        yield from _work(client, job, iter(closer_looks), begun)
        gather(stored, schema(survey))
    yield Progress("done", total, total)


def _settle(folder: Path, told: dict[str, Any]) -> None:
    """Say what this survey is, or refuse to mix it with another."""
    path = folder / SETTINGS
    if path.exists():
        there = Stored.at(folder).told
        differing = [
            f"{name} was {there.get(name)!r} and is now {told[name]!r}"
            for name in told
            if name not in FREE and there.get(name) != told[name]
        ]
        if differing:
            raise SurveyError(
                f"In {folder.name} lies another survey: {'; '.join(differing)}. Choose another "
                "folder for this one."
            )
        told = {name: there[name] for name in FREE if name in there} | told
    with writing(folder), replacing(path) as unfinished:
        unfinished.write_text(json.dumps(told, indent=1))


def _work(client: "Client", job: Job, tasks: Iterator[Task], begun: Progress) -> Iterator[Progress]:
    """Have all tasks done; then, one by one and in ever smaller parts, those that failed.

    What else was on its way to a worker that ended is under suspicion as well, and cleared by being
    done.
    """
    started, latest = time.monotonic(), begun

    def after(receipt: Receipt) -> Progress:
        nonlocal latest
        done, failed = latest.done + receipt.rows, latest.failed + receipt.failed
        rate = (done - begun.done) / (time.monotonic() - started)
        latest = replace(
            latest, done=done, failed=failed, rate=rate, left=(latest.total - done) / rate
        )
        return latest

    suspects: list[Task] = []
    at_once = IN_FLIGHT * sum(client.nthreads().values())
    for receipt in _in_flight(client, job, tasks, at_once, suspects):
        yield after(receipt)
    suspects = [replace(task, tries=0) for task in suspects]  # none of them was alone
    while suspects:
        task = suspects.pop()
        if len(task.pictures) == 1 and (task.failure or task.tries >= TRIES):
            yield after(_give_up(job, task))
            continue
        for receipt in _in_flight(client, job, iter(task.halves()), 1, suspects):
            yield after(receipt)


def _in_flight(
    client: "Client", job: Job, tasks: Iterator[Task], at_once: int, suspects: list[Task]
) -> Iterator[Receipt]:
    """Keep some tasks on their way; give their receipts, and set aside what fails."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    under_way: dict[Any, Task] = {}

    def submit(task: Task) -> "Future":
        future = client.submit(do, job, task, pure=False)
        under_way[future.key] = task
        return future

    completed = as_completed([submit(task) for task in islice(tasks, at_once)], loop=client.loop)
    for future in completed:
        task = under_way.pop(future.key)
        if future.status == "finished":
            yield future.result()
        elif isinstance(reason := _reason(client, future), KilledWorker):
            suspects.append(replace(task, tries=task.tries + 1))
        elif isinstance(reason, SurveyError | ModelError):
            raise reason
        else:
            failure = f"{UNEXPECTED}: {type(reason).__name__}: {reason}"
            suspects.append(replace(task, failure=failure))
        future.release()
        completed.update([submit(task) for task in islice(tasks, 1)])


def _reason(client: "Client", future: "Future") -> BaseException:
    """Why there is no receipt."""
    if future.status == "error" and client.status == "running":
        reason: BaseException = future.exception()
        return reason
    return SurveyError(LOST)


def _give_up(job: Job, task: Task) -> Receipt:
    """The row of a picture that no worker survives, or that fails in a way nobody foresaw."""
    (picture,) = task.pictures
    row = {"path": picture.path, "bytes": picture.bytes, "label": picture.label}
    row |= {"error": task.failure or FATAL, "chosen": task.why}
    with writing(job.folder):
        write([row], task.part(job.folder), schema(job.survey))
    return Receipt(1, 1)


def _measured(client: "Client", job: Job) -> Price:
    from distributed.scheduler import KilledWorker

    try:
        price: Price = client.submit(measure, job, pure=False).result()
    except KilledWorker as error:
        raise SurveyError(
            "A worker ended while it opened the classifier and asked it: there may be too little "
            "memory for it. With fewer workers each has more."
        ) from error
    return price


def _size(price: Price, new: int, at_once: int) -> int:
    """How many pictures a batch is of: a few seconds' work, and several for each worker."""
    in_time = int(BATCH_SECONDS / max(price.seconds, BATCH_SECONDS / LARGEST_BATCH))
    return max(1, min(in_time, math.ceil(new / (FEWEST_BATCHES * at_once))))


def _batches(pictures: Iterable[Found], size: int) -> Iterator[tuple[Found, ...]]:
    each = iter(pictures)
    while batch := tuple(islice(each, size)):
        yield batch


def _in_words(price: Price, total: int, new: int, closer: int, at_once: int) -> str:
    """What there is to do, before it is done."""
    passes = new * price.passes + closer * price.closer_passes
    seconds = (new * price.seconds + closer * price.closer_seconds) / at_once
    return (
        f"{new:,} of {total:,} pictures are still to be looked at, and {closer:,} closer: "
        f"{passes:,} passes at most, about {duration(seconds)} at the pace that was measured here "
        f"({at_once} at once)."
    )


def _note(folder: Path, progress: Progress) -> None:
    """Leave word of the progress for whoever looks into the folder."""
    told = asdict(progress) | {"updated": time.time(), "pid": os.getpid()}
    with writing(folder), replacing(folder / PROGRESS) as unfinished:
        unfinished.write_text(json.dumps(told))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One run at a time in a folder; the lock goes with its process, however that ends."""
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SurveyError(f"The survey in {folder.name} is being run already.") from error
        yield


@contextmanager
def _connected(scheduler: str | None, workers: int | None) -> Iterator["Client"]:
    """A client of the scheduler at an address, or of processes of this machine."""
    import dask
    from distributed import Client, LocalCluster
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise SurveyError(f"No Dask scheduler answers at {scheduler}.") from error
        try:
            with client:
                if not client.nthreads():
                    raise SurveyError(f"The scheduler at {scheduler} has no workers: start some.")
                yield client
        except (CommClosedError, FutureCancelledError) as error:
            raise SurveyError(LOST) from error
        return
    with (
        dask.config.set(ALONE),
        LocalCluster(
            n_workers=workers or os.cpu_count(),
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
