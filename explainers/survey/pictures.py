"""Which pictures a survey is about: the files of a folder, or the rows of a list."""

import csv
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from explainers.survey.survey import SurveyError

ENDINGS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif")
)
"""What the name of a picture ends in; of a folder, other files are left out and counted."""
COLUMNS = ("path", "label")
BY_FOLDER = "folders"


@dataclass(frozen=True)
class Found:
    """A file that should be a picture.

    Parameters
    ----------
    path : str
        Below the root, with slashes.
    bytes : int
        Its size when it was found.
    label : str, optional
        What it truly shows.
    problem : str, optional
        Why it cannot be opened, in a sentence, where that is known already.
    """

    path: str
    bytes: int
    label: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Collection:
    """The pictures of a survey, found anew each time it is gone through: never all in memory.

    Parameters
    ----------
    root : Path
        The folder they lie in, at any depth.
    labels : Path or "folders", optional
        A CSV of path and label, which then says which pictures there are; or the name of the
        folder that a picture lies in is its label.
    left_out : Counter
        How many files of which ending were no pictures by their names, since it was last gone
        through.
    """

    root: Path
    labels: Path | str | None = None
    left_out: Counter[str] = field(default_factory=Counter, compare=False)

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise SurveyError(f"There is no folder {self.root.name!r} at this path.")

    def __iter__(self) -> Iterator[Found]:
        self.left_out.clear()
        listed = self.labels is not None and self.labels != BY_FOLDER
        return self._listed(Path(self.labels)) if listed else self._walked()  # type: ignore[arg-type]

    def _walked(self) -> Iterator[Found]:
        """In the order of their names, folder by folder; links to folders are not followed."""
        for folder, below, names in os.walk(self.root):
            below.sort()
            for name in sorted(names):
                ending = os.path.splitext(name)[1].casefold()
                if ending in ENDINGS and not name.startswith("."):
                    yield self._found(Path(folder, name))
                else:
                    self.left_out[ending or "no ending"] += 1

    def _found(self, path: Path, label: str | None = None) -> Found:
        below = path.relative_to(self.root)
        if self.labels == BY_FOLDER and len(below.parts) > 1:
            label = below.parts[-2]
        return found(self.root, below.as_posix(), label)

    def _listed(self, labels: Path) -> Iterator[Found]:
        """In the order of the list."""
        try:
            with labels.open(newline="", encoding="utf-8-sig") as file:
                rows = csv.DictReader(file)
                named = [name.strip().casefold() for name in rows.fieldnames or ()]
                if COLUMNS[0] not in named:
                    raise SurveyError(
                        f"{labels.name} has no column 'path': its first line names the columns, "
                        "path and label."
                    )
                rows.fieldnames = named
                for row in rows:
                    yield found(self.root, row["path"] or "", (row.get("label") or "").strip())
        except OSError as error:
            raise SurveyError(f"{labels.name} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise SurveyError(f"{labels.name} is not in UTF-8: save it so.") from error
        except csv.Error as error:
            raise SurveyError(f"{labels.name} is no CSV that can be read: {error}.") from error


def found(root: Path, path: str, label: str | None = None) -> Found:
    """What is at a path below the root; nothing is opened, so that nothing can hang."""
    try:
        path.encode()
    except UnicodeEncodeError:
        legible = path.encode("utf-8", "backslashreplace").decode()
        return Found(legible, 0, label or None, "Its name is not in UTF-8: rename the file.")
    label = legible_label(label)
    if "\0" in path:
        return Found(path.replace("\0", "\\0"), 0, label, "No file has a zero in its name.")
    try:
        told = os.stat(root / path)
        inside = (root / path).resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return Found(
            path, 0, label, "There is no file at this path: it is missing, or a link to nothing."
        )
    if not inside:
        return Found(
            path, 0, label, "It lies outside the folder that is surveyed, so it is not read."
        )
    if not stat.S_ISREG(told.st_mode):
        return Found(path, 0, label, "It is no file, but a folder, a device or a pipe.")
    return Found(path, told.st_size, label)


def legible_label(label: str | None) -> str | None:
    """A label that a table can hold; None for an empty one."""
    return label.encode("utf-8", "backslashreplace").decode() if label else None
