"""The names of the classes, from whatever people keep them in."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from explainers.classifiers.screening import LABELS_LIMIT, ModelError

LONGEST = 200


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
        If there are no names in it, or the indices leave gaps.
    """
    if isinstance(source, Path):
        try:
            source = source.read_bytes()[: LABELS_LIMIT + 1]
        except OSError as error:
            raise ModelError(f"The file of labels cannot be read: {error.strerror}.") from error
    if isinstance(source, bytes):
        source = source.decode("utf-8-sig", errors="replace")
    try:
        names = _from_text(source) if isinstance(source, str) else _from_object(source)
    except csv.Error as error:
        raise ModelError("The labels hold a line too long to be a name.") from error
    names = [" ".join(str(name).split())[:LONGEST] for name in names]
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
    count = Counter(labels)
    return tuple(
        f"{label} ({index})" if count[label] > 1 else label for index, label in enumerate(labels)
    )


def _from_text(text: str) -> list[Any]:
    if len(text) > LABELS_LIMIT:
        raise ModelError("The labels are longer than a million characters: are they labels?")
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
        body = rows if _is_index(rows[0][index]) else rows[1:]
        if body and all(_is_index(row[index]) for row in body):
            return _by_index({int(row[index]): row[name] for row in body}, len(body))
    return lines


def _from_object(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        if all(_is_index(str(key)) for key in value):
            return _by_index({int(key): _name(name) for key, name in value.items()}, len(value))
        if all(isinstance(index, int) for index in value.values()):
            return _by_index({index: name for name, index in value.items()}, len(value))
        raise ModelError("The labels map neither indices to names nor names to indices.")
    if not isinstance(value, Sequence):
        raise ModelError("The labels are no list of names.")
    return [_name(name) for name in value]


def _is_index(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


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
