"""A process that forks for each model file: as confined as one of its own, without its start.

``python forking.py explainers.models.screening`` reads pairs of a file and a folder, and answers
each with the return code and the output of the module for them.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


class Forking:
    """Stands for the module `subprocess`, while `screen` asks it for one and the same module.

    The process starts as `screen` would start it, when it is first asked to, with its environment.
    """

    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, command: Sequence[str], *, env: dict[str, str], **_: Any) -> SimpleNamespace:
        *start, source, folder = command
        *python, _, module = start
        if self._process is None:
            self._process = subprocess.Popen(
                [*python, __file__, module], env=env, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([source, folder]), file=self._process.stdin, flush=True)
        code, said = json.loads(self._process.stdout.readline())
        return SimpleNamespace(returncode=code, stdout=said, stderr="")

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=20)


def _fork(screening: ModuleType, source: str, folder: str) -> tuple[int, str]:
    """What the module does when it is run: the same limits, the same answer."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            screening._limit_resources()
            answer = screening.answer(Path(source), Path(folder))
            os.write(write, json.dumps(answer).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as said:
        answer = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), answer


if __name__ == "__main__":
    loaded = importlib.import_module(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(_fork(loaded, *json.loads(line))), flush=True)
