"""Labels are read from whatever people keep them in, and every refusal says what to do."""

import codecs
from pathlib import Path
from typing import Any

import pytest

from explainers import ModelError
from explainers.classifiers.labels import name_classes, read_labels

DOG_CAT = ("dog", "cat")


@pytest.mark.parametrize(
    "source",
    [
        ["dog", "cat"],
        ("dog", "cat"),
        {0: "dog", 1: "cat"},
        {"dog": 0, "cat": 1},
        "dog\ncat",
        "dog\r\ncat\r\n\r\n",
        "dog, cat",
        "0 dog\n1 cat\n",
        "1 cat\n0 dog",
        "1: dog\n2: cat",
        '["dog", "cat"]',
        '{"0": "dog", "1": "cat"}',
        '{"cat": 1, "dog": 0}',
        '{"0": ["n02084071", "dog"], "1": ["n02121808", "cat"]}',
        "index,label\n0,dog\n1,cat",
        "label,index\ndog,0\ncat,1",
        "dog,0\ncat,1",
        b"\xef\xbb\xbfdog\ncat",
        b"\xef\xbb\xbf0 dog\n1 cat",
        '\ufeff["dog", "cat"]',
        codecs.BOM_UTF16_LE + "dog\ncat".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "0 dog\n1 cat".encode("utf-16-be"),
        "d\u200bog\n\u202ecat\u202c",
        "٠ dog\n١ cat",
    ],
    ids=repr,
)
def test_labels_are_read(source: Any) -> None:
    assert read_labels(source) == DOG_CAT


def test_a_file_is_read_and_a_missing_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("0 dog\n1 cat\n")
    assert read_labels(tmp_path / "labels.txt") == DOG_CAT
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        read_labels(tmp_path / "gone.txt")


def test_names_with_commas_keep_them() -> None:
    text = "tench, Tinca tinca\ngoldfish, Carassius auratus, red\nplain"
    assert read_labels(text)[1] == "goldfish, Carassius auratus, red"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "no names"),
        ([], "no names"),
        (["dog", " "], "empty ones"),
        ("0 dog\n2 cat", "leave gaps"),
        ("0 dog\n0 cat", "leave gaps or repeat"),
        ('{"a": "b"}', "neither indices to names nor names to indices"),
        ("[1, 2", "look like JSON"),
        ("[" * 100_000, "look like JSON"),
        ("x" * 2**21, "longer than a million"),
        (7, "no list of names"),
        (bytes(range(256)), "no text in UTF-8: save it as UTF-8"),
        ("café\nthé".encode("latin-1"), "no text in UTF-8: save it as UTF-8"),
        ("dog\ncat".encode("utf-16-le"), r"the character U\+0000, which no name does: save"),
        ("dog\ncat".encode("utf-32"), "UTF-8"),
        ('["dog", "\\ud800"]', r"the character U\+D800"),
        (["dog", "c\x00at"], r"the character U\+0000"),
        (["dog", "\x1b[31mcat"], r"the character U\+001B"),
        ('["dog", null]', "hold None where a name should be"),
        ([["dog"], {"cat": 1}], "where a name should be"),
        (["dog", "\u200b"], "empty ones"),
    ],
)
def test_what_is_no_labels_is_said(source: Any, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read_labels(source)


def test_classes_get_one_name_each() -> None:
    assert name_classes(None, 3, paired=False) == ("class 0", "class 1", "class 2")
    assert name_classes(["dog"], 2, paired=True) == ("not dog", "dog")
    assert name_classes(["crane", "crane"], 2, paired=False) == ("crane (0)", "crane (1)")
    with pytest.raises(ModelError, match="has 3 classes, but 1 label was given"):
        name_classes(["a"], 3, paired=False)


@pytest.mark.parametrize(
    "labels",
    [
        ("a", "a", "a (1)", "a (0)"),
        ("a", "a", "a (1)", "a (0)", "a (1) (1)", "a (0) (0)"),
        ("a (1)", "a", "a", "a (2)", "b"),
        ("cat",) * 5,
    ],
)
def test_no_two_classes_share_a_name(labels: tuple[str, ...]) -> None:
    names = name_classes(labels, len(labels), paired=False)
    assert len(set(names)) == len(labels)
    assert all(name.startswith(label) for name, label in zip(names, labels, strict=True))
    assert names == name_classes(labels, len(labels), paired=False)
