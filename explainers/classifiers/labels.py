"""The names of the classes, from whatever people keep them in."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from explainers.classifiers.errors import ModelError

LONGEST = 200
LABELS_LIMIT = 2**20

UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Characters that show nothing, and could make two names look alike or turn a line around."""

UNPRINTABLE = re.compile(r"(?!\s)[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no text holds: control characters, and halves of a pair in UTF-16."""


def read_labels(source: str | bytes | Path | Sequence[str] | Mapping) -> tuple[str, ...]:
    """The names of the classes, in their order.

    Parameters
    ----------
    source : sequence, mapping, text, bytes or Path
        A list of names; a mapping between names and indices, either way round; or a file or its
        content: one name a line, each with its index before it or none has (as Teachable Machine
        writes them), a JSON list or object, or CSV with a name in each row, or all in one row.

    Raises
    ------
    ModelError
        If there are no names in it, the indices leave gaps, or it is no text at all.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                source = file.read(LABELS_LIMIT + 1)
        except OSError as error:
            raise ModelError(f"The file of labels cannot be read: {error.strerror}.") from error
    if isinstance(source, str | bytes) and len(source) > LABELS_LIMIT:
        raise ModelError("The labels are longer than a million characters: are they labels?")
    if isinstance(source, bytes):
        source = _decoded(source)
    try:
        names = _from_text(source) if isinstance(source, str) else _from_object(source)
    except csv.Error as error:
        raise ModelError("The labels hold a line too long to be a name.") from error
    names = [_tidied(name) for name in names]
    if not names or not all(names):
        raise ModelError("The labels hold no names, or empty ones: give one name for each class.")
    return tuple(names)


def name_classes(labels: Sequence[str] | None, classes: int, *, paired: bool) -> tuple[str, ...]:
    """One name for each class, each its own.

    Parameters
    ----------
    labels : sequence of str or None
        What was given; where one unit tells two classes apart, the second's name is enough.
    classes : int
    paired : bool
        Whether one unit tells two classes apart.

    Raises
    ------
    ModelError
        If there are more or fewer.
    """
    if labels is None:
        return tuple(f"class {index}" for index in range(classes))
    if paired and len(labels) == 1:
        labels = (f"not {labels[0]}", labels[0])
    if len(labels) != classes:
        raise ModelError(
            f"The model has {classes} classes, but {len(labels)} "
            f"{'label was' if len(labels) == 1 else 'labels were'} given."
        )
    names = list(labels)
    # A name made by numbering may be another class's own; numbering all that clash ends it.
    while len(set(names)) < len(names):
        count = Counter(names)
        names = [
            f"{name} ({index})" if count[name] > 1 else name for index, name in enumerate(names)
        ]
    return tuple(names)


def is_index(text: str) -> bool:
    """Whether a text is a class's number, in the digits of any script."""
    return text.isdecimal() and len(text) < 10


def _decoded(content: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 where it says so by a byte order mark."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(
            "The file of labels is no text in UTF-8: save it as UTF-8 text and try again."
        ) from error


def _tidied(name: Any) -> str:
    """A name on one line, without what cannot be seen."""
    if not isinstance(name, str | Real):
        raise ModelError(
            f"The labels hold {repr(name)[:40]} where a name should be: give one text for each "
            "class."
        )
    text = " ".join(UNSEEN.sub("", str(name)).split())[:LONGEST]
    odd = UNPRINTABLE.search(text)
    if odd:
        raise ModelError(
            f"The labels hold the character U+{ord(odd[0]):04X}, which no name does: save them as "
            "UTF-8 text and try again."
        )
    return text


def _from_text(text: str) -> list[Any]:
    text = text.lstrip("\ufeff")
    if text.lstrip().startswith(("[", "{")):
        try:
            return _from_object(json.loads(text))
        except (ValueError, RecursionError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError("The labels look like JSON but cannot be read as such.") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [re.fullmatch(r"(\d{1,9})[\s:,;]+(.+)", line) for line in lines]
    if lines and all(numbered):
        return _by_index({int(match[1]): match[2] for match in numbered if match}, len(lines))
    return _from_rows(lines)


def _from_rows(lines: list[str]) -> list[Any]:
    """One name a line, or CSV: all in one row, or a column of names beside one of indices."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)))]
    if len(rows) <= 1:
        return [cell for row in rows for cell in row if cell]
    if any(len(row) != 2 for row in rows):
        return lines
    for index, name in ((0, 1), (1, 0)):
        body = rows if is_index(rows[0][index]) else rows[1:]
        if body and all(is_index(row[index]) for row in body):
            return _by_index({int(row[index]): row[name] for row in body}, len(body))
    return lines


def _from_object(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        if all(is_index(str(key)) for key in value):
            return _by_index({int(key): _name(name) for key, name in value.items()}, len(value))
        if all(isinstance(index, int) for index in value.values()):
            return _by_index({index: name for name, index in value.items()}, len(value))
        raise ModelError("The labels map neither indices to names nor names to indices.")
    if not isinstance(value, Sequence):
        raise ModelError("The labels are no list of names.")
    return [_name(name) for name in value]


def _name(entry: Any) -> Any:
    """The name in an entry, which may hold a WordNet id before it, as ImageNet's lists do."""
    if isinstance(entry, list) and entry:
        return entry[-1]
    return entry


def _by_index(names: Mapping[int, Any], count: int) -> list[Any]:
    first = min(names, default=0)
    if len(names) != count or first not in (0, 1) or set(names) != {*range(first, first + count)}:
        raise ModelError(
            "The indices of the labels leave gaps or repeat: number them 0, 1, 2 and so on."
        )
    return [names[index] for index in sorted(names)]
