"""Which files are pictures, in a folder with everything that is not one."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainers.survey.pictures import BY_FOLDER, Collection
from explainers.survey.survey import SurveyError


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder with two pictures, and with all that people and programs leave beside them."""
    root = tmp_path / "odd"
    (root / "cats" / "deep").mkdir(parents=True)
    picture = Image.fromarray(np.zeros((16, 16, 3), np.uint8))
    picture.save(root / "cats" / "a.PNG")
    picture.save(root / "cats" / "deep" / "b.jpg")
    picture.save(tmp_path / "outside.png")
    for name in ("notes.txt", ".DS_Store", "._a.png", "Thumbs.db", "Makefile", "labels.csv"):
        (root / name).write_text("no picture")
    (root / "empty.png").touch()
    (root / "folder.jpg").mkdir()
    os.mkfifo(root / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket.png"))
    (root / "nowhere.png").symlink_to(root / "missing.png")
    (root / "circle.png").symlink_to(root / "circle.png")
    (root / "out.png").symlink_to(tmp_path / "outside.png")
    (root / "out").symlink_to(tmp_path)
    (root / "within.png").symlink_to(root / "cats" / "a.PNG")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.png")).touch()
    return root


def test_a_folder_with_everything_that_is_no_picture(odd: Path) -> None:
    pictures = Collection(odd)
    problems = {picture.path: picture.problem for picture in pictures}
    good = {"cats/a.PNG", "cats/deep/b.jpg", "empty.png", "within.png"}
    assert {path for path, problem in problems.items() if problem is None} == good
    assert {path: problem.split()[0] for path, problem in problems.items() if problem} == {
        "caf\\udce9.png": "Its",
        "circle.png": "There",
        "nowhere.png": "There",
        "out.png": "It",
        "pipe.png": "It",
        "socket.png": "It",
    }
    assert problems["out.png"] == (
        "It lies outside the folder that is surveyed, so it is not read."
    )
    assert problems["pipe.png"] == "It is no file, but a folder, a device or a pipe."
    assert pictures.left_out == {
        ".txt": 1, ".csv": 1, ".db": 1, ".png": 1, "no ending": 2,
    }  # fmt: skip


def test_the_name_of_a_folder_is_a_label_when_asked(odd: Path) -> None:
    labels = {picture.path: picture.label for picture in Collection(odd, BY_FOLDER)}
    assert labels["cats/a.PNG"] == "cats"
    assert labels["cats/deep/b.jpg"] == "deep"
    assert labels["empty.png"] is None
    assert {picture.label for picture in Collection(odd)} == {None}


def test_a_list_says_which_pictures_there_are_and_what_they_show(odd: Path) -> None:
    listed = odd / "labels.csv"
    listed.write_text(
        "\ufeffLabel,Path\ncat,cats/a.PNG\n,cats/deep/b.jpg\ndog,gone.png\n"
        "spy,../outside.png\nroot,/etc/passwd\n",
        encoding="utf-8",
    )
    found = list(Collection(odd, listed))
    assert [(each.path, each.label) for each in found] == [
        ("cats/a.PNG", "cat"),
        ("cats/deep/b.jpg", None),
        ("gone.png", "dog"),
        ("../outside.png", "spy"),
        ("/etc/passwd", "root"),
    ]
    told = [each.problem for each in found]
    assert told[:2] == [None, None]
    assert told[2] == "There is no file at this path: it is missing, or a link to nothing."
    assert told[3] == told[4] == "It lies outside the folder that is surveyed, so it is not read."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"file,label\na.png,cat\n", "has no column 'path'"),
        (b"", "has no column 'path'"),
        (b"path,label\ncaf\xe9.png,cat\n", "is not in UTF-8"),
        (b'path,label\n"' + b"a" * 200_000 + b'",cat\n', "is no CSV that can be read"),
    ],
)
def test_a_list_that_is_none_is_refused(odd: Path, content: bytes, reason: str) -> None:
    (odd / "labels.csv").write_bytes(content)
    with pytest.raises(SurveyError, match=reason):
        list(Collection(odd, odd / "labels.csv"))


def test_no_folder_and_no_list_are_told(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="There is no folder 'gone' at this path"):
        Collection(tmp_path / "gone")
    with pytest.raises(SurveyError, match=r"gone\.csv cannot be read: No such file"):
        list(Collection(tmp_path, tmp_path / "gone.csv"))
