"""Where a figure is computed: what may change it though nobody changed a setting."""

import hashlib
import importlib.metadata
import os
import platform
from functools import cache
from pathlib import Path
from typing import Literal

VERSIONS = ("tensorflow", "keras", "numpy", "pillow", "lime", "scikit-image")
"""The packages whose versions may change a figure."""
BESIDES = ("scikit-learn", "scipy")
"""Those that fit and correlate: their arithmetic is settled, and is told all the same."""
LETTERS = 12

Kernels = Literal["oneDNN", "Eigen"]


@cache
def version(package: str) -> str:
    """The version of an installed package: read from its files once, which takes milliseconds."""
    return importlib.metadata.version(package)


def versions() -> dict[str, str]:
    """The versions of Python and of what computes; of Triptych, a digest of its code.

    A version that somebody has to raise tells nothing of what was changed since.
    """
    packages = {name: version(name) for name in (*VERSIONS, *BESIDES)}
    return packages | {"python": platform.python_version(), "triptych": code()}


@cache
def code() -> str:
    """What tells the code of `explainers` from any other, in 12 letters."""
    here = Path(__file__).parent
    told = hashlib.sha256()
    for path in sorted(here.rglob("*.py")):
        told.update(path.relative_to(here).as_posix().encode() + b"\0")
        told.update(path.read_bytes())
    return told.hexdigest()[:LETTERS]


@cache
def processor() -> str:
    """The processor's name, or what kind it is where the system does not tell."""
    try:
        with open("/proc/cpuinfo") as file:
            named = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:  # no such file: not Linux
        named = []
    return " ".join((named or [platform.processor() or platform.machine()])[0].split()) or "unknown"


def kernels() -> Kernels:
    """What TensorFlow computes convolutions with; `explainers.classifiers` wants oneDNN."""
    return "oneDNN" if os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") == "1" else "Eigen"


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def system() -> str:
    """The operating system, its release left out: that changes with each restart."""
    return f"{platform.system()} {platform.machine()}"
