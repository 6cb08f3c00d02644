"""A process that opens one model and answers about it, watched by the one that asks.

It has the processor only when nobody else wants it, it is held to what it may take, and it ends
with the last that could ask it.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from explainers.classifiers import errors
from explainers.classifiers.errors import EndedError, KilledError, ModelError
from explainers.models.apart import messages
from explainers.models.screening import bare_environment

SERVING = (
    "import sys; sys.modules.update(dict.fromkeys(('matplotlib', 'pandas', 'sklearn'))); "
    "from explainers.models.apart.serving import main; main()"
)
"""What it runs. Keras imports these packages where it can, for what nobody asks here: without them
it is there a third sooner, and 90 MB smaller."""
POLL = 0.5
"""Seconds between two looks at a process that has not answered."""
SILENT = 60.0
"""Seconds without a second's work, after which no answer is expected any more."""
OUT_OF_MEMORY = ("bad_alloc", "OOM when allocating", "Out of memory", "MemoryError")
"""What a process says whose memory was refused to it, before it breaks down."""

REFUSALS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        EndedError, errors.NoAnswerError, errors.UnsupportedModelError, errors.SizeError,
        errors.PassingError, ModelError, IndexError, LookupError, ValueError, RuntimeError,
    )
}  # fmt: skip
"""What a process may object, by the names that it tells them by."""


@dataclass(frozen=True)
class Limit:
    """How long a process may work on something.

    Parameters
    ----------
    seconds : float
        Of processor time: how busy the machine is with other things does not count.
    what : str
        What takes so long if it takes longer.
    advice : str
        What to do about it.
    """

    seconds: float
    what: str
    advice: str

    @property
    def broken(self) -> str:
        """What to say when it is passed."""
        return (
            f"{self.what} took more than the {self.seconds:,.3g} s of processor time allowed: "
            f"{self.advice}."
        )


_spare: "list[Process]" = []
_preparing = threading.Lock()


def prepare() -> None:
    """Have a process ready before it is wanted: to start one takes seconds, most TensorFlow's.

    Raises
    ------
    OSError
        As for `Process`.
    """
    with _preparing:
        if not any(process.ready for process in _spare):
            _spare[:] = [Process()]


def taken() -> "Process":
    """The process that is ready, or a new one; see `Process` for what may go wrong."""
    with _preparing:
        ready = [process for process in _spare if process.ready]
        _spare.clear()
    return ready[0] if ready else Process()


class Process:
    """A process for one model.

    Attributes
    ----------
    ended : EndedError or None
        Why it will not answer any more.
    told : dict
        What it told last of what it was doing.
    folder : Path
        Where it keeps what is temporary; it goes with the process.

    Raises
    ------
    OSError
        If there is no room for its folder, or it cannot be started.
    """

    def __init__(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="triptych-", ignore_cleanup_errors=True)
        self.folder = Path(folder.name)
        self._said = self.folder / "said"
        environment = bare_environment() | {
            "TMPDIR": folder.name,
            "KERAS_HOME": folder.name,
            "TF_CPP_MIN_LOG_LEVEL": "1",
        }
        with open(self._said, "wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", SERVING, str(os.getpid())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment,
                start_new_session=True,
            )  # fmt: skip
        self.ended: EndedError | None = None
        self.told: dict[str, Any] = {}
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._forgotten: list[int] = []
        threading.Thread(
            target=_listen, args=(self._process.stdout, self._answers), daemon=True
        ).start()
        self.end = weakref.finalize(self, _end, self._process, folder)

    @property
    def ready(self) -> bool:
        """Whether it is there to be asked."""
        return self.ended is None and self._process.poll() is None

    def ask(self, question: dict[str, Any], **limits: Limit) -> Any:
        """Ask something, and wait for the answer.

        Parameters
        ----------
        question : dict
            For `messages.write`.
        limits : Limit
            One for each of the phases that the work has: the first begins with it, and the
            process tells when it goes on to another.

        Raises
        ------
        EndedError
            If a limit was passed, or the process is no more.
        Exception
            Of `REFUSALS`, if the process objects.
        """
        with self._asking:
            if self.ended is not None:
                raise self.ended
            forgotten, self._forgotten = self._forgotten, []
            try:
                messages.write(self._process.stdin, question | {"forgotten": forgotten})  # type: ignore[arg-type]
            except OSError:
                raise self._over(self._death()) from None
            return self._await(limits)

    def forget(self, number: int) -> None:
        """Have it let go of a copy, when it is asked the next time."""
        self._forgotten.append(number)

    def _await(self, limits: dict[str, Limit]) -> Any:
        limit, used, since = next(iter(limits.values())), self._used(), time.monotonic()
        seen = used
        while True:
            try:
                answer = self._answers.get(timeout=POLL)
            except queue.Empty:
                now = self._used()
                if now - used > limit.seconds:
                    raise self._over(EndedError(limit.broken)) from None
                if now - seen > 1:
                    seen, since = now, time.monotonic()
                if time.monotonic() - since > SILENT:
                    raise self._over(
                        KilledError("The model's process stopped answering: try again.")
                    ) from None
                continue
            if answer is None:
                raise self._over(self._death())
            if "phase" in answer:
                self.told, limit, used = answer, limits[answer["phase"]], self._used()
                continue
            if "refused" in answer:
                refusal = REFUSALS[answer["refused"]](answer["said"])
                raise self._over(refusal) if isinstance(refusal, EndedError) else refusal
            return answer["answer"]

    def _used(self) -> float:
        """Seconds of processor time that it and what it started have used."""
        total = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended, and will be missed
            own = psutil.Process(self._process.pid)
            for each in (own, *own.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    total += times.user + times.system
        return total

    def _over(self, why: EndedError) -> EndedError:
        self.ended = why
        self.end()
        return why

    def _death(self) -> EndedError:
        """Why it ended, as far as anybody can tell."""
        code = self._process.wait(10)
        said = self._said.read_text(errors="replace")[-20_000:]
        if any(phrase in said for phrase in OUT_OF_MEMORY):
            return EndedError(memory_refused())
        if code < 0:
            name = signal.Signals(-code).name
            return KilledError(
                f"The model's process was ended by the system ({name}), which may be short of "
                "memory; the file need not be at fault: try again."
            )
        return KilledError(f"The model's process ended with code {code}: try again.")


def memory_refused() -> str:
    """What to say of a model that wanted more memory than it may have."""
    return (
        "The model asked for more memory than its process may have: "
        f"{errors.in_bytes(errors.MEMORY_LIMIT)} beyond its weights. Take smaller pictures, or a "
        "smaller model."
    )


def _listen(pipe: BinaryIO, answers: "queue.SimpleQueue[Any]") -> None:
    """Put what a process says where it is waited for, and None when it says no more."""
    with pipe, contextlib.suppress(EOFError, ValueError, OSError):
        while True:
            answers.put(messages.read(pipe))
    answers.put(None)


def _end(process: subprocess.Popen, folder: tempfile.TemporaryDirectory) -> None:
    """End a process with what it has started, and take its folder away."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()
    with contextlib.suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    folder.cleanup()
