"""What a Dask worker does: it opens the classifier once, looks, and puts rows in place."""

import hashlib
import os
import threading
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from explainers.survey.pictures import Found
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import PARTS, schema, write, writing

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


@dataclass(frozen=True)
class Job:
    """What all tasks of a run have in common.

    Parameters
    ----------
    survey : Survey
    fingerprint : str
        The survey's on the machine that runs it: a worker with other versions, or with another
        model file at the same path, would fill the table with other figures.
    root, folder : Path
        Where the pictures lie, and where the rows go.
    """

    survey: Survey
    fingerprint: str
    root: Path
    folder: Path


@dataclass(frozen=True)
class Task:
    """Some pictures to look at, or one to look at closer.

    Parameters
    ----------
    pictures : tuple of Found
    why : str, optional
        Why it is looked at closer, if it is.
    tries : int
        How often its worker, with nothing else to do, has ended without an answer.
    failure : str, optional
        What it failed with otherwise.
    """

    pictures: tuple[Found, ...]
    why: str | None = None
    tries: int = 0
    failure: str | None = None

    def part(self, folder: Path) -> Path:
        """Where its rows are put: of the same pictures in the same place, the closer look last."""
        told = repr([(each.path, each.bytes) for each in self.pictures])
        name = hashlib.sha256(told.encode()).hexdigest()[:20]
        return folder / PARTS / f"{2 if self.why else 1}-{name}.parquet"

    def halves(self) -> tuple["Task", ...]:
        """Two smaller ones; itself if it is of one picture."""
        if len(self.pictures) == 1:
            return (self,)
        middle = len(self.pictures) // 2
        halves = (self.pictures[:middle], self.pictures[middle:])
        return tuple(replace(self, pictures=half, tries=0, failure=None) for half in halves)


@dataclass(frozen=True)
class Receipt:
    """What is answered instead of rows: how many there are, and how many of them are an error."""

    rows: int
    failed: int


@dataclass(frozen=True)
class Price:
    """What a survey takes, as a worker has measured it.

    Parameters
    ----------
    title : str
        What people call the classifier.
    labels : tuple of str
    passes, closer_passes : int
        Through the network, for each picture, and for each that is looked at closer besides.
    seconds, closer_seconds : float
        The same in time, on one worker.
    """

    title: str
    labels: tuple[str, ...]
    passes: int
    closer_passes: int
    seconds: float
    closer_seconds: float


def measure(job: Job) -> Price:
    """Open the classifier, and see what pictures take: of noise with the statistics of many."""
    from explainers.classifiers.natural_noise import natural_noise
    from explainers.metrics import confidence
    from explainers.metrics.faithfulness import cells, passes
    from explainers.survey.looking import observers

    survey, classifier = job.survey, _opened(job)
    pictures = natural_noise(classifier.size)
    classifier.probabilities(pictures)
    started = time.perf_counter()
    classifier.probabilities(pictures)
    forward = (time.perf_counter() - started) / len(pictures)
    seconds = 0.0
    for observer in observers(survey.methods):
        cost = observer.cost(classifier)
        if not cost.backward:
            seconds += cost.forward * forward
            continue
        observer.observe_answers(classifier, pictures[:1])  # compiles
        few = pictures if cost.passes <= len(pictures) else pictures[:1]
        started = time.perf_counter()
        observer.observe_answers(classifier, few)
        seconds += (time.perf_counter() - started) / len(few)
    kinds = (*survey.methods, *survey.closer)
    asked = sum(observer.cost(classifier).passes for observer in observers(kinds))
    again = sum(method.cost(classifier).passes for method in kinds if method.random)
    tests = passes(len(kinds), cells(classifier.size)) + confidence.passes(len(kinds))
    closer = asked + again + tests
    return Price(
        title=classifier.title,
        labels=classifier.labels,
        passes=sum(observer.cost(classifier).passes for observer in observers(survey.methods)),
        closer_passes=closer,
        seconds=seconds,
        closer_seconds=closer * forward,
    )


def do(job: Job, task: Task) -> Receipt:
    """Look at the pictures of a task, and put their rows in place."""
    from explainers.survey.looking import look, look_closer

    survey, classifier = job.survey, _opened(job)
    if task.why is None:
        rows = look(survey, classifier, job.root, task.pictures)
    else:
        rows = [
            look_closer(survey, classifier, job.root, picture, task.why)
            for picture in task.pictures
        ]
    with writing(job.folder):
        write(rows, task.part(job.folder), schema(survey))
    return Receipt(len(rows), sum(row["error"] is not None for row in rows))


_opening = threading.Lock()


def _opened(job: Job) -> "Classifier":
    """The classifier of this worker, opened when it is first wanted."""
    with _opening:
        if not job.root.is_dir() or not job.folder.is_dir():
            raise SurveyError(
                f"A worker on {os.uname().nodename} does not see {job.root} or {job.folder}: "
                "workers need the pictures and the survey's folder under the same paths as the "
                "machine that runs it."
            )
        return _open(job.survey, job.fingerprint)


@lru_cache(1)
def _open(survey: Survey, fingerprint: str) -> "Classifier":
    from distributed import get_worker

    from explainers.classifiers.threads import use_threads
    from explainers.models.hushing import hushed

    if survey.fingerprint != fingerprint:
        raise SurveyError(
            f"A worker on {os.uname().nodename} would give other figures: its model file or the "
            "versions of its packages are others than where the survey is run."
        )
    with hushed():
        use_threads(get_worker().state.nthreads)
        return survey.open()
