"""Run as a process, it tells what pictures take that are slow or large.

``python -m tests.images.measured SECONDS FILE...`` reads each within so much processor time, and
prints what came of it, the time and the peak of memory.
"""

import json
import resource
import sys
from pathlib import Path

from explainers.images import reading


def _seconds() -> float:
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in of)


def _measured(file: str) -> dict[str, object]:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, content = _seconds(), Path(file).read_bytes()
    try:
        told = str(reading.read_image(content).shape)
    except reading.ImageError as reason:
        told = str(reason)
    while reading._idle:
        reading._idle.pop().end()  # only then is its time known
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - own
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"told": told, "seconds": _seconds() - started, "bytes": 1024 * (grown + peak)}


if __name__ == "__main__":
    reading.SECONDS = float(sys.argv[1])
    print(json.dumps({Path(file).stem: _measured(file) for file in sys.argv[2:]}))
