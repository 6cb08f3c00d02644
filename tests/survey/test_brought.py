"""What visitors bring: pictures and zips, and zips that mean no good."""

import csv
import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from explainers.survey import brought
from explainers.survey.brought import bring
from explainers.survey.survey import SurveyError

JPEG = b"\xff\xd8\xff\xe0 not looked at here"


def _zip(*members: tuple[str | zipfile.ZipInfo, bytes], **settings: int) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **settings) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return io.BytesIO(file.getvalue())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_pictures_and_zips_are_laid_down_under_names_of_our_own(tmp_path: Path) -> None:
    packed = _zip(("a/cat on a sofa.JPG", JPEG), ("a/b/Größe.png", JPEG), ("notes.txt", b"no"))
    found = bring([("dog.jpeg", io.BytesIO(JPEG)), ("all.zip", packed)], tmp_path / "in")
    assert _names(tmp_path / "in") == [
        "00000-dog.jpeg",
        "00001-cat-on-a-sofa.jpg",
        "00002-gro-sse.png",
    ]
    assert (tmp_path / "in" / "00001-cat-on-a-sofa.jpg").read_bytes() == JPEG
    assert (found.count, found.left_out) == (3, 1)
    assert found.labels is not None
    assert list(csv.reader(found.labels.open())) == [
        ["path", "label"],
        ["00000-dog.jpeg", ""],
        ["00001-cat-on-a-sofa.jpg", "a"],
        ["00002-gro-sse.png", "b"],
    ]


def test_without_folders_there_are_no_labels(tmp_path: Path) -> None:
    assert bring([("dog.jpg", io.BytesIO(JPEG))], tmp_path / "in").labels is None


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.jpg",
        "/etc/evil.jpg",
        "..\\..\\evil.jpg",
        "C:\\windows\\evil.jpg",
        "in/../../../evil.jpg",
        "evil\x00.jpg",
        "evil.jpg/../x.jpg",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "deep" / "in"
    bring([("all.zip", _zip((name, JPEG), ("good.jpg", JPEG)))], folder)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parent for path in written} <= {folder, folder.parent}
    assert all(path.read_bytes() == JPEG for path in written if path.parent == folder)
    assert {path.name for path in written if path.parent != folder} <= {brought.LABELS}


def test_what_a_dropped_file_is_called_leads_nowhere_either(tmp_path: Path) -> None:
    bring([("../../evil.jpg", io.BytesIO(JPEG))], tmp_path / "deep" / "in")
    assert _names(tmp_path) == ["00000-evil.jpg", "deep", "in"]


def test_a_link_is_not_taken(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    found = bring([("all.zip", _zip((link, b"/etc/passwd"), ("good.jpg", JPEG)))], tmp_path / "in")
    assert (found.count, found.left_out) == (1, 1)
    assert _names(tmp_path / "in") == ["00000-good.jpg"]


def test_what_systems_hide_and_zips_in_zips_are_left_out(tmp_path: Path) -> None:
    members = [("__MACOSX/._a.jpg", b"x"), (".git/a.jpg", b"x"), ("inner.zip", _zip().getvalue())]
    found = bring([("all.zip", _zip(*members, ("good.jpg", JPEG)))], tmp_path / "in")
    assert (found.count, found.left_out) == (1, 3)


def test_a_bomb_is_stopped_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brought, "UNPACKED", 5 * 2**20)
    zeros = bytes(2 * 2**20)
    packed = _zip(
        *[(f"{number}.png", zeros) for number in range(10)], compression=zipfile.ZIP_DEFLATED
    )
    assert len(packed.getvalue()) < 2**16
    with pytest.raises(SurveyError, match="Unpacked, these are more than 5 MiB"):
        bring([("all.zip", packed)], tmp_path / "in")
    assert sum(path.stat().st_size for path in (tmp_path / "in").iterdir()) <= 5 * 2**20


def test_a_member_that_lies_about_its_size_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brought, "MAX_BYTES", 2**20)
    packed = bytearray(
        _zip(("big.png", bytes(8 * 2**20)), compression=zipfile.ZIP_DEFLATED).getvalue()
    )
    for place in (packed.find(b"PK\x01\x02") + 24, packed.find(b"PK\x03\x04") + 22):
        packed[place : place + 4] = struct.pack("<L", 100)
    with pytest.raises(SurveyError, match=r"all\.zip cannot be unpacked|big\.png is larger than"):
        bring([("all.zip", io.BytesIO(bytes(packed)))], tmp_path / "in")


def test_a_picture_may_be_only_so_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brought, "MAX_BYTES", 2**20)
    with pytest.raises(SurveyError, match=r"^big\.png is larger than the 1 MiB"):
        bring([("all.zip", _zip(("a/big.png", bytes(2**20 + 1))))], tmp_path / "in")


def test_thousands_of_members_are_refused(tmp_path: Path) -> None:
    packed = _zip(*[(f"{number}.png", b"") for number in range(brought.MOST + 1)])
    with pytest.raises(SurveyError, match="more than 2,000 pictures"):
        bring([("all.zip", packed)], tmp_path / "in")


def test_a_list_of_members_is_not_read_when_it_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = _zip(*[(f"{number}.txt", b"") for number in range(2000)])
    monkeypatch.setattr(brought, "DIRECTORY", 2**16)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it would read the list
    with pytest.raises(SurveyError, match="lists far more files"):
        bring([("all.zip", packed)], tmp_path / "in")


def test_a_record_for_large_zips_does_not_overrule_the_check(tmp_path: Path) -> None:
    packed = _zip(("a.png", JPEG)).getvalue()
    end = packed.rfind(b"PK\x05\x06")
    locator = b"PK\x06\x07" + struct.pack("<LQL", 0, 0, 1)
    with pytest.raises(SurveyError, match="more than 4 GiB"):
        bring([("all.zip", io.BytesIO(packed[:end] + locator + packed[end:]))], tmp_path / "in")


def test_names_that_are_no_utf_8_are_said_or_read_as_they_were_meant(tmp_path: Path) -> None:
    packed = _zip(("katze-\u00e4.jpg", JPEG)).getvalue()
    broken = packed.replace("\u00e4".encode(), b"\xff\xfe")
    with pytest.raises(SurveyError, match=r"all\.zip cannot be unpacked"):
        bring([("all.zip", io.BytesIO(broken))], tmp_path / "in")
    old = _zip(("katze-xx.jpg", JPEG)).getvalue().replace(b"xx", b"\x84\xff")  # code page 437
    bring([("all.zip", io.BytesIO(old))], tmp_path / "old")
    assert _names(tmp_path / "old") == ["00000-katze-a.jpg"]


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06", bytes(100)])
def test_what_is_no_zip_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SurveyError, match=r"all\.zip cannot be unpacked"):
        bring([("all.zip", io.BytesIO(content))], tmp_path / "in")


def test_an_encrypted_zip_is_said_to_be(tmp_path: Path) -> None:
    packed = bytearray(_zip(("a.png", JPEG)).getvalue())
    packed[6] |= 1
    packed[packed.find(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(SurveyError, match="encrypted"):
        bring([("all.zip", io.BytesIO(bytes(packed)))], tmp_path / "in")


def test_where_there_is_no_picture_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        SurveyError, match=r"There is no picture among these: their names end in \.avif"
    ):
        bring([("all.zip", _zip(("a.txt", b"x")))], tmp_path / "in")
