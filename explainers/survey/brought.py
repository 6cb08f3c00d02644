"""Pictures that a visitor brings, laid down in a folder under names of our own.

Nothing of a stranger's zip decides where anything is written: what is taken is numbered, and of its
name only letters and digits are kept. How much comes out is counted while it is read.
"""

import csv
import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from explainers.images.reading import MAX_BYTES
from explainers.survey.pictures import COLUMNS, ENDINGS
from explainers.survey.survey import SurveyError

MOST = 2000
"""Pictures from a visitor: at 0.6 s for a saliency map, twenty minutes of work."""
UNPACKED = 400 * 2**20
"""Bytes that may come out of what was dropped: twice an upload, as pictures hardly shrink."""
DIRECTORY = 4 * 2**20
"""Bytes of a zip's list of members, before anything reads it: tens of thousands of names."""
LABELS = "labels.csv"
TAIL = 22 + 2**16
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, LookupError,
    NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class Brought:
    """Pictures in a folder.

    Parameters
    ----------
    folder : Path
    count : int
        How many.
    left_out : int
        Members of zips that are no pictures by their names, and were not read.
    labels : Path or None
        A CSV of ``path`` and ``label``: the folder that each picture lay in; None if none did.
    """

    folder: Path
    count: int
    left_out: int
    labels: Path | None


def bring(files: Iterable[tuple[str, BinaryIO]], folder: Path) -> Brought:
    """Lay down pictures, and those in zips.

    Parameters
    ----------
    files : iterable of (str, binary file)
        Their names, and what they hold; zips may lie among them.
    folder : Path
        Where they go; nothing else lies there.

    Raises
    ------
    SurveyError
        If they are too many or too large, or if there is none; the text says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, str] = {}
    left_out, written = 0, 0
    for name, content in _members(files):
        if content is None:
            left_out += 1
            continue
        if len(labels) == MOST:
            raise SurveyError(f"These are more than {MOST:,} pictures: bring fewer at a time.")
        written += len(content)
        if written > UNPACKED:
            raise SurveyError(
                f"Unpacked, these are more than {UNPACKED / 2**20:g} MiB: bring fewer at a time."
            )
        own = _own_name(name, len(labels))
        (folder / own).write_bytes(content)
        labels[own] = _folder_of(name)
    if not labels:
        raise SurveyError(
            f"There is no picture among these: their names end in {', '.join(sorted(ENDINGS))}."
        )
    return Brought(folder, len(labels), left_out, _write_labels(labels, folder.parent / LABELS))


def _members(files: Iterable[tuple[str, BinaryIO]]) -> Iterator[tuple[str, bytes | None]]:
    """Every picture with its name; None for what is not read."""
    for name, file in files:
        if _ending(name) != ".zip":
            yield name, _read(name, file) if _ending(name) in ENDINGS else None
            continue
        try:
            yield from _unzipped(file)
        except SurveyError:
            raise
        except DAMAGED as error:
            raise SurveyError(
                f"{_last(name)} cannot be unpacked: it is damaged, encrypted or of an unusual kind."
            ) from error


def _unzipped(file: BinaryIO) -> Iterator[tuple[str, bytes | None]]:
    _check_directory(file)
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            if not _is_picture(member):
                yield member.filename, None
                continue
            with archive.open(member) as opened:
                yield member.filename, _read(member.filename, opened)


def _read(name: str, file: IO[bytes]) -> bytes:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise SurveyError(
            f"{_last(name)} is larger than the {MAX_BYTES / 2**20:g} MiB that a picture may have: "
            "make it smaller, or leave it out."
        )
    return content


def _check_directory(file: BinaryIO) -> None:
    """Refuse a list of members that is too long to be read, by the zip's own last record.

    Python's `zipfile` reads the whole list at once, however long, and lets a record for zips beyond
    4 GiB overrule the one that is looked at here.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    file.seek(0)
    if b"PK\x06\x07" in tail:
        raise SurveyError("The zip is of the kind for more than 4 GiB: make a smaller one.")
    record = tail[tail.rfind(b"PK\x05\x06") :][:16]
    if len(record) == 16 and int.from_bytes(record[12:], "little") > DIRECTORY:
        raise SurveyError("The zip lists far more files than can be surveyed: make a smaller one.")


def _is_picture(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a file that calls itself a picture, and none that a system hides."""
    mode = member.external_attr >> 16
    plain = not mode or stat.S_IFMT(mode) in (0, stat.S_IFREG)
    parts = PurePosixPath(member.filename).parts
    hidden = any(part.startswith((".", "__MACOSX")) and part not in (".", "..") for part in parts)
    return plain and not hidden and _ending(member.filename) in ENDINGS


def _own_name(name: str, number: int) -> str:
    """``00012-cat-on-a-sofa.jpg``: numbered, and what is harmless of the name it had."""
    stem = unicodedata.normalize("NFKD", _last(name).rsplit(".", 1)[0])
    harmless = re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-")[:40]
    return f"{number:05}{'-' if harmless else ''}{harmless}{_ending(name)}"


def _folder_of(name: str) -> str:
    """The name of the folder that a member lay in."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    return parts[-2] if len(parts) > 1 else ""


def _write_labels(labels: dict[str, str], path: Path) -> Path | None:
    if not any(labels.values()):
        return None
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(labels.items())
    return path


def _last(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]


def _ending(name: str) -> str:
    return PurePosixPath(_last(name)).suffix.casefold()
