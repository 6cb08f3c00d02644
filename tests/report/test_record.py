"""A record comes back as it was written, diffs well, and is believed in nothing."""

import base64
import json
import re
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from explainers import GradCam
from explainers.report import record as format_
from explainers.report.plain import VALUES, RecordError
from explainers.report.record import LARGEST_FILE, Record
from tests.names import NAMES
from tests.report.conftest import plain

if TYPE_CHECKING:
    from explainers import Classifier

Place = tuple[str | int, ...]


def test_it_comes_back_as_it_was(record: Record, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(record.text, encoding="utf-8")
    assert Record.read(file) == record
    assert Record.read(file).text == record.text


def test_the_same_run_is_the_same_text_but_for_where_and_when(
    smooth: "Classifier", image: np.ndarray
) -> None:
    one, other = (plain(smooth, image, GradCam()) for _ in range(2))
    assert replace(one, ran=other.ran).text == other.text


def test_it_is_sorted_with_a_line_for_each_value(record: Record) -> None:
    assert record.text == record.text.strip() + "\n"
    found = json.loads(record.text)
    for place, value in _all(found):
        if isinstance(value, dict):
            assert list(value) == sorted(value), place
    lines = record.text.splitlines()
    assert sum('"samples": ' in line for line in lines) == 2
    assert all(line.count('": ') <= 1 for line in lines)
    rows = [line for line in lines if re.fullmatch(r" +\[.*,.*\],?", line) and line.count(",") > 12]
    assert len(rows) >= 14 * len(record.explanations)


def test_the_matrix_is_that_of_the_map(smooth: "Classifier", image: np.ndarray) -> None:
    explanation = GradCam().explain(smooth, smooth.prepare(image), 0)
    (explained,) = plain(smooth, image, GradCam()).explanations
    assert np.array_equal(explained.grid, explanation.grid(14))


def test_the_picture_comes_back(record: Record, image: np.ndarray) -> None:
    assert np.array_equal(record.picture.image(), image)


def test_the_example_in_the_docstring_is_one(record: Record) -> None:
    """It has the keys that a record has, and no others."""
    example = json.loads(re.sub(r"(?s)^.*?::\n", "", format_.__doc__ or ""))
    real = json.loads(record.text)
    open_ended = ("settings", "seconds", "versions")
    for place, value in _all(example):
        if isinstance(value, dict) and (not place or place[-1] not in open_ended):
            assert set(value) == set(_at(real, place)), place
    assert example["format"] == format_.FORMAT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("null", "not of a record"),
        ("[]", "not of a record"),
        ("{}", "its format is None"),
        ('{"format": 2}', "its format is 2, and 1 is all that can be read here"),
        ('{"format": true}', "its format is True"),
        ('{"format": "1"}', "its format is '1'"),
        ('{"format": 1, "format": 1}', "says 'format' twice"),
        ('{"format": 1}', "lacks 'picture'"),
        ('{"format": 1, "x": 1}', "holds 'x'"),
        ('{"format": NaN}', "holds NaN"),
        ('{"format": -Infinity}', "holds -Infinity"),
        ('{"format": ' + "9" * 5000 + "}", "no JSON"),
        ('{"format": 1, "picture": ' + "[" * 900 + "]" * 900 + "}", "lacks 'classifier'"),
        ('{"format": 1, ' + ", ".join(f'"{i}": 1' for i in range(400_000)) + ', "0": 1}', "twice"),
        ("[" * 100_000, "no JSON"),
        ('{"a":' * 100_000, "no JSON"),
        ("[" + "0," * VALUES + "0]", "more than 500,000 values"),
        ("{" * 10 + "\0", "no JSON"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_told_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(RecordError, match=re.escape(said)) as refused:
        Record.read(text.encode())
    _is_a_sentence(refused.value)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    for source in (tmp_path / "none.json", tmp_path, "\0", b"\xff\xfe", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(RecordError) as refused:
            Record.read(source)
        _is_a_sentence(refused.value)


def test_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as large:
        large.write(b'{"format": 1, "picture": {"png": "')
        large.truncate(2**30)
    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match="larger than"):
            Record.read(file)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * LARGEST_FILE


def test_a_picture_that_would_be_a_gigabyte_is_not_decoded(record: Record) -> None:
    """A gigabyte of pixels by its header, and what is no picture at all."""
    header = struct.pack(">IIBBBBB", 18_000, 19_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", header), (b"IDAT", zlib.compress(bytes(2**20))), (b"IEND", b""),
        )
    )  # fmt: skip
    for content in (base64.b64encode(bomb).decode(), "AAAA" * 1000, "é", "", "<svg>", "not base64"):
        found = Record.read(
            replace(record, picture=replace(record.picture, png=content)).text.encode()
        )
        with pytest.raises(RecordError, match="cannot be read") as refused:
            found.picture.image()
        _is_a_sentence(refused.value)


def test_another_picture_inside_is_told(record: Record) -> None:
    with pytest.raises(RecordError, match="another than its digest says"):
        replace(record.picture, digest="0" * 64).image()


def test_what_was_cut_short_is_told(record: Record) -> None:
    content = record.text.encode()
    for end in range(0, len(content) - 2, len(content) // 60):
        with pytest.raises(RecordError) as refused:
            Record.read(content[:end])
        _is_a_sentence(refused.value)


def _nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


HOSTILE = (
    None, True, -1, 0.5, 10**30, -1e308, "x", "x" * 5000, "a\nb", [], {}, [None], {"": {"": {}}},
    [0] * 2000, "../../../etc/passwd", _nested(800),
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_whatever_stands_where_something_else_should_is_a_record_or_a_sentence(
    record: Record, value: object
) -> None:
    """Every place in a record takes its turn; what is allowed there is read, the rest is told."""
    without = replace(record, picture=replace(record.picture, png=None))
    content = json.loads(without.text)
    refusals = 0
    for place in _places(content):
        parent, now = _at(content, place[:-1]), _at(content, place)
        parent[place[-1]] = value
        try:
            assert isinstance(Record.read(json.dumps(content).encode()), Record)
        except RecordError as reason:
            refusals += 1
            _is_a_sentence(reason)
        parent[place[-1]] = now
    assert refusals > 50


@pytest.mark.parametrize("value", ["x\x1b[2J", "x\ny", "x\u2028y", "\u202ex", "x\ud800", "\x9b31m"])
def test_no_text_speaks_to_a_terminal(record: Record, value: str) -> None:
    content = json.loads(record.text)
    for place, now in _all(content):
        if isinstance(now, str):
            parent = _at(content, place[:-1])
            parent[place[-1]] = value
            with pytest.raises(RecordError) as refused:
                Record.read(json.dumps(content).encode())
            parent[place[-1]] = now
            assert str(refused.value).isprintable()


def test_nothing_may_be_left_out_or_put_in(record: Record) -> None:
    content = json.loads(record.text)
    open_ended = ("settings", "seconds", "versions", "segmentation")
    for place, value in list(_all(content)):
        if not isinstance(value, dict) or (place and place[-1] in open_ended):
            continue
        for name in list(value):
            kept = value.pop(name)
            with pytest.raises(RecordError):
                Record.read(json.dumps(content).encode())
            value[name] = kept
        value["more"] = 1
        with pytest.raises(RecordError, match="holds 'more'"):
            Record.read(json.dumps(content).encode())
        del value["more"]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("target", "index"), 3, "there are 3 classes"),
        (("answer", 0, "index"), 2**20, "there are 3 classes"),
        (("target", "rather_than"), 0, "set against itself"),
        (("explanations", 1, "title"), "Grad-CAM", "has two maps"),
        (("explanations", 0, "done"), 5, "more was done"),
        (("explanations", 0, "matrix", 0, 0), 1e9, "cells beyond its scale"),
        (("explanations", 1, "matrix", 0, 0), -1e-3, "cells beyond its scale"),
        (("agreement", 0, "names"), ["Grad-CAM", "Tea leaves"], "no map of 'Tea leaves'"),
        (("ran", "seconds"), {"Tea leaves": 1}, "no map of 'Tea leaves'"),
        (("experiments", 0, "region"), [[0, 25, 0, 1]], "outside of the picture"),
        (("experiments", 0, "region"), [[3, 3, 0, 1]], "outside of the picture"),
        (("tests", "curves", "curves", 0, "shares"), [0, 1], "as many points as shares"),
        (("tests", "curves", "curves", 0, "areas"), [], "as many areas as runs"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_told(
    record: Record, place: Place, value: object, said: str
) -> None:
    content = json.loads(record.text)
    _at(content, place[:-1])[place[-1]] = value
    with pytest.raises(RecordError, match=said) as refused:
        Record.read(json.dumps(content).encode())
    _is_a_sentence(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept_letter_by_letter(
    smooth: "Classifier", image: np.ndarray, name: str
) -> None:
    """HTML, Markdown and formulas are data; what ends a line becomes a space."""
    called = smooth.variant(name="smooth", title=name, labels=[name, "dog", "bird"])
    maps = [GradCam().explain(called, called.prepare(image), 0)]
    from explainers.report.recording import record_of

    record = record_of(called, image, maps, title=name, purpose=name)
    kept = " ".join(name.split())
    assert Record.read(record.text.encode()) == record
    assert (record.picture.title, record.purpose, record.target.label) == (kept,) * 3
    assert record.classifier.title == kept


def _is_a_sentence(error: RecordError) -> None:
    text = str(error)
    assert text.endswith(".")
    assert text[0].isupper()
    assert text.isprintable()
    assert len(text) < 400, text


def _all(content: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Everything in a JSON object, with where it stands."""
    yield place, content
    if isinstance(content, dict | list):
        entries = content.items() if isinstance(content, dict) else enumerate(content)
        for name, value in list(entries):
            yield from _all(value, (*place, name))


def _places(content: Any) -> list[Place]:
    """Where something stands; of a list of like things, the first place."""
    return [
        place for place, _ in _all(content) if place and not any(place[i] for i in _lists(place))
    ]


def _lists(place: Place) -> list[int]:
    return [i for i, name in enumerate(place) if isinstance(name, int)]


def _at(content: Any, place: Place) -> Any:
    for name in place:
        content = content[name]
    return content
