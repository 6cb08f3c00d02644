"""What a model file may contain, decided before Keras sees it.

The file is taken apart by this very script, run in a process of its own with little memory and
little time. What Keras gets is a copy made of what was recognised: a config whose every object is
on the lists of `vocabulary`, and plain arrays. Nothing else of the file goes any further.
"""

import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from explainers.classifiers.errors import (
    MEMORY_LIMIT,
    ModelError,
    PassingError,
    fault_of,
    in_bytes,
)
from explainers.classifiers.labels import LABELS_LIMIT
from explainers.models.vocabulary import DEPTH_LIMIT, clean

SECONDS = 30
"""Of processor time, however busy the machine is; a gigabyte of weights takes a tenth of that."""
PATIENCE = 240
WORKING_MEMORY = 3 * MEMORY_LIMIT
ROOT = Path(__file__).parents[2]
ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
CONFIG_LIMIT = 8 * 2**20
OBJECTS_LIMIT = 50_000
EXPANSION_LIMIT = 100
"""How much larger than its compressed form a part of a file may be."""
NUMBERED_ATTRIBUTES = re.compile(r"(layer_names|weight_names|keras_version|backend|name)\d*")
NOT_WEIGHTS = ("optimizer", "optimizer_weights")

OTHER_FORMATS = (
    (4, b"TFL3", "a TensorFlow Lite model, which gives no gradients"),
    (0, b"\x08", "a TensorFlow or ONNX graph"),
    (0, b"\x80", "a Python pickle, which could run anything"),
    (0, b"<", "a web page or another text in HTML or XML, as comes when a download goes wrong"),
    (0, b"version https://git-lfs", "a pointer of Git LFS: 'git lfs pull' gets the model"),
    (0, b"{", "a text in JSON, at best a network without its weights"),
    (8, b'{"', "in the format safetensors, which holds weights without their network"),
    (0, b"\x93NUMPY", "an array of NumPy"),
    (0, b"\x1f\x8b", "packed with gzip: unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "packed with 7-Zip: unpack it first"),
    (0, b"Rar!", "packed with RAR: unpack it first"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"\x89PNG", "a picture"),
    (0, b"%PDF", "a PDF"),
)
OTHER_ARCHIVES = (
    ("saved_model.pb", "a SavedModel of TensorFlow, a program that is never run"),
    ("data.pkl", "a model of PyTorch"),
    (".tflite", "a TensorFlow Lite model, which gives no gradients; Teachable Machine exports "
     "for Keras, too"),
    ("weights.bin", "a TensorFlow.js model; Teachable Machine exports for Keras, too"),
    ("/model.weights.h5", "a .keras file that was unpacked: pack its parts themselves, not the "
     "folder around them"),
)  # fmt: skip
"""What a zip is, by how the name of one of its files ends."""
LITTER = re.compile(r"(.*/)?(__MACOSX/.*|\.DS_Store|Thumbs\.db|desktop\.ini)")
"""What file managers leave in archives."""

BFLOAT16 = np.dtype("V2")
"""What HDF5 makes of bfloat16, which it does not know."""


@dataclass(frozen=True)
class Screened:
    """What was recognised in a file.

    Parameters
    ----------
    config : dict or None
        The model, in objects of Keras alone; None if the file holds weights alone.
    weights : Path
        A copy of its arrays, named as Keras wants it named.
    keras : str
        The version of Keras that wrote it, as far as it says.
    labels : bytes or None
        The file with the names of the classes, where one lay beside the model.
    """

    config: dict | None
    weights: Path
    keras: str
    labels: bytes | None

    @property
    def whole(self) -> dict:
        """The config, of a file that holds a whole model.

        Raises
        ------
        ModelError
            If it holds weights alone.
        """
        if self.config is None:
            raise ModelError(
                "The file holds weights alone, without the network that they belong to: "
                "save the whole model with model.save(...)."
            )
        return self.config


def screen(source: Path, folder: Path) -> Screened:
    """Take a model file apart, in a process of its own.

    Parameters
    ----------
    source : Path
        A ``.keras`` or ``.h5`` file, or a zip with one of these and a file of labels.
    folder : Path
        An empty folder for the copy.

    Raises
    ------
    ModelError
        If there is anything in the file that has no business there, or nothing that has.
    """
    command = [sys.executable, "-P", "-m", __name__, str(source), str(folder)]
    environment = bare_environment() | {
        "HDF5_PLUGIN_PRELOAD": "::",
        "OPENBLAS_NUM_THREADS": "1",
    }
    before = _version(source)
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PassingError(
            f"Reading the file was given up after {PATIENCE} s in which this machine had no "
            f"{SECONDS} s of computing for it: it is busy, so try again later."
        ) from error
    except OSError as error:
        fault = error.errno or errno.EIO
        raise PassingError.of(fault, "start the process that reads model files") from error
    if done.stderr:
        logging.getLogger(__name__).info("Reading %s broke down: %s", source, done.stderr)
    if _version(source) != before:
        raise PassingError("The file was replaced while it was being read: try again.")
    if done.returncode != 0:
        raise _ended(done.returncode)
    facts = json.loads(done.stdout)
    if "passing" in facts:
        raise PassingError(facts["passing"])
    if "refused" in facts:
        raise ModelError(facts["refused"])
    config, labels = folder / "config.json", folder / "labels"
    return Screened(
        json.loads(config.read_bytes()) if config.exists() else None,
        folder / facts["weights"],
        facts["keras"],
        labels.read_bytes() if labels.exists() else None,
    )


def bare_environment() -> dict[str, str]:
    """What a process for a stranger's file may know of this one: where programs and modules are."""
    needed = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    path = os.pathsep.join([str(ROOT), needed.get("PYTHONPATH", "")])
    return needed | {"PYTHONPATH": path}


def _version(path: Path) -> tuple[int, int]:
    """What changes when a file is written anew; nothing where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _ended(code: int) -> ModelError:
    """Why the process ended without an answer, by its return code."""
    if -code == getattr(signal, "SIGXCPU", None):
        return ModelError(
            f"Reading the file takes more than {SECONDS} s of computing, which no real model does."
        )
    if -code == getattr(signal, "SIGKILL", None):
        return PassingError(
            "The process that read the file was ended by the system (signal 9), probably for want "
            "of memory on this machine. Nothing need be wrong with the file: try again later."
        )
    how = f"by signal {-code}" if code < 0 else f"with code {code}"
    return PassingError(
        f"The process that read the file ended before its time ({how}), which a broken file can "
        "cause, and this machine as well: try again, or save the file anew."
    )


def answer(source: Path, folder: Path) -> dict[str, Any]:
    """What the process says: what there is in the file, or why it cannot be told."""
    try:
        return take_apart(source, folder)
    except ModelError as reason:
        return {"refused": str(reason)}
    except Exception as error:  # noqa: BLE001  what libraries raise over a broken file has no end
        traceback.print_exc()
        fault = fault_of(error)
        if fault is not None:
            own = isinstance(error, OSError) and error.filename == str(source)
            doing = "read the file" if own else "unpack the file into its temporary folder"
            return {"passing": str(PassingError.of(fault, doing))}
        return {"refused": _damage(error)}


def _damage(error: Exception) -> str:
    """What is wrong with a file that cannot be read, in a sentence."""
    if isinstance(error, MemoryError) or "allocat" in str(error):
        return (
            f"Reading the file takes more than {in_bytes(WORKING_MEMORY)} of memory, as a damaged "
            "file may and no model that is allowed here: save it again and retry."
        )
    cut = re.search(r"truncated file: eof = (\d+), .*stored_eof = (\d+)", str(error))
    if cut:
        there, whole = (in_bytes(int(count)) for count in cut.groups())
        return (
            f"The file is cut short: {there} of its {whole} are there. Copy or download it again."
        )
    if isinstance(error, NotImplementedError):
        return "The archive is packed in a way that is not known here: pack it as a plain zip."
    return "The file is damaged or cut short: copy or download it again, or save it again."


def take_apart(source: Path, folder: Path, *, inside: bool = False) -> dict[str, Any]:
    """What the process does: recognise, copy, and say what there is; `inside` an archive or not."""
    with open(source, "rb") as file:
        start = file.read(64)
    if start.startswith(b"PK\x03\x04"):
        if not zipfile.is_zipfile(source):
            raise ModelError("The file is a zip whose end is missing: copy or download it again.")
        with zipfile.ZipFile(source) as archive:
            return _take_archive_apart(archive, folder, inside=inside)
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        with h5py.File(source, "r") as file:
            return _take_hdf5_apart(file, folder)
    if not start:
        raise ModelError("The file is empty: nothing was saved or downloaded into it.")
    for offset, mark, kind in OTHER_FORMATS:
        if start[offset:].startswith(mark) or (not offset and start.lstrip().startswith(mark)):
            raise ModelError(f"The file is {kind}; give a .keras or .h5 file of Keras.")
    raise ModelError("The file is no Keras model: give a .keras or .h5 file.")


def _take_archive_apart(archive: zipfile.ZipFile, folder: Path, *, inside: bool) -> dict[str, Any]:
    members = _members(archive)
    if "config.json" not in members and inside:
        raise ModelError("The archive holds an archive: take the model out of it.")
    if "config.json" not in members:
        return _take_bundle_apart(archive, members, folder)
    for name in members:
        if name not in ("config.json", "metadata.json", "model.weights.h5", "assets/"):
            raise ModelError(f"The archive holds {name!r}, which has no place in a model file.")
    if "model.weights.h5" not in members:
        raise ModelError("The archive holds a model without its weights.")
    config = clean(_json(_read(archive, members["config.json"], CONFIG_LIMIT)))
    (folder / "config.json").write_text(json.dumps(config))
    version = "3"
    if "metadata.json" in members:
        facts = _json(_read(archive, members["metadata.json"], CONFIG_LIMIT))
        version = str(facts.get("keras_version", version) if isinstance(facts, dict) else version)
    raw = folder / "raw.h5"
    raw.write_bytes(_read(archive, members["model.weights.h5"], MEMORY_LIMIT))
    with h5py.File(raw, "r") as file:
        _copy_arrays(file, folder / "model.weights.h5")
    raw.unlink()
    return {"weights": "model.weights.h5", "keras": version}


def _take_bundle_apart(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path
) -> dict[str, Any]:
    """A zip around a model and its labels, as Teachable Machine exports it."""
    files = {
        name: info
        for name, info in members.items()
        if not (name.endswith("/") or LITTER.fullmatch(name))
    }
    models = [name for name in files if name.endswith((".h5", ".hdf5", ".keras"))]
    labels = [name for name in files if name.endswith((".txt", ".json", ".csv"))]
    for ending, kind in OTHER_ARCHIVES:
        if any(name.endswith(ending) for name in files):
            raise ModelError(f"The archive holds {kind}. Give a .keras or .h5 file of Keras.")
    if len(models) != 1 or len(labels) > 1 or len(models) + len(labels) != len(files):
        raise ModelError(
            "The archive is no Keras model: it holds "
            f"{', '.join(sorted(files)[:4]) or 'nothing'}{' ...' if len(files) > 4 else ''}. "
            "A zip may hold one .keras or .h5 file and one file of labels."
        )
    inner = folder / "inner"
    inner.write_bytes(_read(archive, files[models[0]], MEMORY_LIMIT))
    facts = take_apart(inner, folder, inside=True)
    inner.unlink()
    if labels:
        (folder / "labels").write_bytes(_read(archive, files[labels[0]], LABELS_LIMIT))
    return facts


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename
        if name in members:
            raise ModelError(f"The archive holds {name!r} twice.")
        if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or ":" in name:
            raise ModelError(f"The archive holds {name!r}, a path that leads out of it.")
        if info.flag_bits & 1:
            raise ModelError(f"{name!r} in the archive is encrypted: save it without a password.")
        if info.file_size > EXPANSION_LIMIT * max(info.compress_size, 1000):
            raise ModelError(
                f"{name!r} in the archive unpacks to {in_bytes(info.file_size)} from "
                f"{in_bytes(info.compress_size)}, which no real model does."
            )
        members[name] = info
        if len(members) > 100:
            raise ModelError("The archive holds more than 100 files, and a model needs three.")
    return members


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    if info.file_size > limit:
        raise ModelError(
            f"{info.filename!r} in the archive declares {in_bytes(info.file_size)}, and "
            f"{in_bytes(limit)} are allowed."
        )
    with archive.open(info) as member:
        return member.read(limit + 1)


def _take_hdf5_apart(file: h5py.File, folder: Path) -> dict[str, Any]:
    if "model_config" not in file.attrs:
        known = "layer_names" in file.attrs
        if not (known or "layers" in file or "_layer_checkpoint_dependencies" in file):
            found = ", ".join([repr(name[:40]) for name in file][:3])
            what = f"It holds {found}" if found else "It is empty, as when saving breaks off"
            raise ModelError(
                f"The HDF5 file holds no Keras model. {what}: save the whole model with "
                "model.save(...), best as .keras."
            )
        name = "weights.h5" if known else "model.weights.h5"
        _copy_arrays(file, folder / name)
        return {"weights": name, "keras": ""}
    text = file.attrs["model_config"]
    config = clean(_json(text if isinstance(text, bytes) else str(text).encode()))
    (folder / "config.json").write_text(json.dumps(config))
    link = file.get("model_weights", getlink=True)
    if link is None:
        raise ModelError("The HDF5 file holds a model without its weights.")
    _check_link(link, "model_weights")
    weights = file["model_weights"]
    if not isinstance(weights, h5py.Group):
        raise ModelError("'model_weights' in the HDF5 file is no group of weights.")
    _copy_arrays(weights, folder / "weights.h5")
    version = file.attrs.get("keras_version", b"1")
    version = version.decode() if isinstance(version, bytes) else str(version)
    return {"weights": "weights.h5", "keras": version}


def _json(text: bytes) -> Any:
    if len(text) > CONFIG_LIMIT:
        raise ModelError(f"The model's config is larger than the {in_bytes(CONFIG_LIMIT)} allowed.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError("The model's config cannot be read: it is no JSON of a model.") from error


def _copy_arrays(source: h5py.Group, path: Path) -> None:
    """A new HDF5 file with the arrays below a group, and the names that Keras finds them by."""
    total = 0
    with h5py.File(path, "w") as target:
        _copy_names(source, target)
        for number, (name, item) in enumerate(_walk(source, "", 0)):
            if number > OBJECTS_LIMIT:
                raise ModelError(f"The file holds more than {OBJECTS_LIMIT:,} arrays.")
            if isinstance(item, h5py.Group):
                _copy_names(item, target.require_group(name))
                continue
            if not _holds_numbers(item):
                raise ModelError(
                    f"{name!r} in the HDF5 file is no array of numbers, but {_kind(item)}: save "
                    "the model again with model.save(...), its weights in float32."
                )
            total += prod(item.shape) * item.dtype.itemsize
            if total > MEMORY_LIMIT:
                raise ModelError(
                    f"The weights up to {name!r} declare {in_bytes(total)}, and "
                    f"{in_bytes(MEMORY_LIMIT)} are allowed."
                )
            target[name] = _array(item, name)


def _walk(group: h5py.Group, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEPTH_LIMIT:
        raise ModelError(
            f"The groups of weights below {prefix!r} are nested too deep: {DEPTH_LIMIT} levels are "
            "allowed."
        )
    for key in group:
        name = prefix + key
        if "/" in key or key == ".":
            raise ModelError(f"{name!r} in the HDF5 file is a path, not the name of one array.")
        if name in NOT_WEIGHTS:
            continue
        _check_link(group.get(key, getlink=True), name)
        item = group[key]
        if h5py.h5o.get_info(item.id).rc > 1:
            raise ModelError(f"{name!r} in the HDF5 file is there under several names.")
        yield name, item
        if isinstance(item, h5py.Group):
            yield from _walk(item, f"{name}/", depth + 1)


def _check_link(link: Any, name: str) -> None:
    if not isinstance(link, h5py.HardLink):
        raise ModelError(f"{name!r} in the HDF5 file is a link that leads elsewhere.")


def _holds_numbers(item: Any) -> bool:
    """Whether it is a dataset with a shape, and neither a type nor without any space."""
    dataset = isinstance(item, h5py.Dataset) and item.shape is not None
    return dataset and (item.dtype.kind in "fiub" or item.dtype == BFLOAT16)


def _kind(item: Any) -> str:
    """What is there in place of an array of numbers."""
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        return "nothing"
    if h5py.check_ref_dtype(item.dtype):
        return "references"
    if item.dtype.kind == "V":
        size = item.dtype.itemsize
        kind = f"of items of {size} byte{'s' if size > 1 else ''} that are no plain numbers"
        return "of records" if item.dtype.names else kind
    return {"c": "of complex numbers", "O": "of text", "S": "of text"}.get(item.dtype.kind, "other")


def _array(item: h5py.Dataset, name: str) -> np.ndarray:
    if item.is_virtual or item.external:
        raise ModelError(f"The array {name!r} in the HDF5 file lies in another file.")
    declared = prod(item.shape) * item.dtype.itemsize
    if declared > EXPANSION_LIMIT * max(item.id.get_storage_size(), 1000):
        raise ModelError(
            f"The array {name!r} declares {in_bytes(declared)} but holds "
            f"{in_bytes(item.id.get_storage_size())}, which no real model does."
        )
    values = item[()]
    if item.dtype == BFLOAT16:  # the upper half of a float32
        values = (np.asarray(values).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ModelError(f"The weights {name!r} hold values that are not finite numbers.")
    return values


def _copy_names(source: h5py.Group, target: h5py.Group) -> None:
    for key in source.attrs:
        if NUMBERED_ATTRIBUTES.fullmatch(key):
            target.attrs[key] = source.attrs[key]


def _limit_resources() -> None:
    """Where the system can: no more memory, time or disk than a real model takes."""
    if sys.platform == "linux":
        import resource

        for kind, limit, last in (
            (resource.RLIMIT_AS, WORKING_MEMORY, 0),
            (resource.RLIMIT_CPU, SECONDS, 5),  # first a signal of its own, then the usual end
            (resource.RLIMIT_FSIZE, 2 * MEMORY_LIMIT, 0),
            (resource.RLIMIT_CORE, 0, 0),
        ):
            resource.setrlimit(kind, (limit, limit + last))


if __name__ == "__main__":
    _limit_resources()
    print(json.dumps(answer(Path(sys.argv[1]), Path(sys.argv[2]))))
