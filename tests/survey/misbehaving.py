"""Read by Dask's workers in tests: some pictures do harm to the process that looks at them.

What a picture does stands behind its last byte, where nothing that decodes it looks. The model is
our own, so that a worker opens it without trying it first in yet another process.
"""

import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from explainers.survey import looking
from explainers.survey.survey import Survey

if TYPE_CHECKING:
    from explainers import Classifier

EXIT, HUNGRY, ODD, FULL = b"-exit", b"-hungry", b"-odd", b"-full"
_WAITING = b"-waiting for "

_honest = looking.read_image


def waiting_for(path: Path) -> bytes:
    """What makes looking at a picture last until there is a file."""
    return _WAITING + bytes(path)


def _wait(path: Path) -> None:
    while not path.exists():
        time.sleep(0.02)


def _hoard() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1) * 2**26))
        time.sleep(0.05)


def _misbehaving(content: bytes) -> object:
    _, waits, path = content.rpartition(_WAITING)
    if waits:
        _wait(Path(os.fsdecode(path)))
    if content.endswith(EXIT):
        os._exit(1)
    if content.endswith(HUNGRY):
        _hoard()
    if content.endswith(FULL):  # from here on this process can write no more than that
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
    if content.endswith(ODD):
        raise KeyError("something odd")
    return _honest(content)


looking.read_image = _misbehaving  # type: ignore[assignment]


def _opened(survey: Survey) -> "Classifier":
    from explainers.models.model_file import open_classifier

    assert survey.names is not None
    return open_classifier(survey.classifier, Path(survey.names), survey.scaling, tried=False)


def dask_setup(worker: object) -> None:
    """Called by Dask in a worker, and nowhere else."""
    Survey.open = _opened  # type: ignore[method-assign]
