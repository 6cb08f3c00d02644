"""The files that one takes away from the page of a survey."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainers import GradCam, Saliency
from explainers.images.colouring import Style
from explainers.report.page import record_in
from explainers.survey.questions import Question, page
from explainers.survey.survey import Survey
from explainers.survey.table import SETTINGS, TABLE, Stored, schema, write
from pages.parts import cache
from pages.parts.survey import choosing, taking_away
from tests.app.driving import captions, open_app
from tests.report.parsed import Parsed
from tests.survey.made_up import make

SURVEY = Survey(worst=5, sample=5)
QUESTION = Question("path", label="moped", method="grad-cam")


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return make(tmp_path / "surveys" / "first", survey=SURVEY, drawn=True, pictures=30)


def test_what_begins_like_a_formula_gets_a_mark(stored: Stored, tmp_path: Path) -> None:
    table = pq.read_table(stored.folder / TABLE)
    paths = ['=HYPERLINK("x")', *table["path"].to_pylist()[1:]]
    place = table.schema.get_field_index("path")
    table = table.set_column(place, table.field("path"), pa.array(paths))
    write(table, stored.folder / TABLE, schema(SURVEY))
    taking_away.write_csv(stored, Question("path"), tmp_path / "taken.csv")
    rows = list(csv.DictReader((tmp_path / "taken.csv").open(newline="")))
    assert len(rows) == 30
    assert rows[0]["path"] == '\'=HYPERLINK("x")'
    whole = {row["path"]: row for row in table.to_pylist()}
    for row in rows[1:]:
        expected = whole[row["path"]]["saliency_centre_row"]
        got = row["saliency_centre_row"]
        assert (got == "") if expected is None else np.float32(got) == np.float32(expected)


def test_a_sheet_shows_each_picture_with_its_answer(stored: Stored) -> None:
    found = page(stored, QUESTION, limit=8, matrices=["grad-cam"])
    image = np.asarray(
        Image.open(io.BytesIO(taking_away.sheet_png(stored, QUESTION, found, Style())))
    )
    count = len(found.rows)
    assert count == 6  # of 30 pictures of five classes, some of which failed
    width, shown = taking_away.SIDE, taking_away.SIDE * 3 // 4  # all are 96 x 128
    height = shown + 2 * taking_away.LINE + 6
    assert image.shape == (height + 2, count * (width + 1) + 1, 3)
    for place, row in enumerate(found.rows):
        card = image[1 : 1 + height, 1 + place * (width + 1) : 1 + place * (width + 1) + width]
        written = (card[shown:] < 200).any(axis=2).any(axis=1)
        assert written[: taking_away.LINE].any()
        assert written[taking_away.LINE :].any()
        colours = len(np.unique(card[:shown].reshape(-1, 3), axis=0))
        assert (colours > 1000) == (row["error"] is None)


def test_a_name_that_is_too_long_ends_within_its_card(stored: Stored) -> None:
    found = page(stored, QUESTION, limit=1, matrices=["grad-cam"])
    row = dict(found.rows[0], path="w" * 5000)
    card = taking_away._card("w" * 5000, row, 100)
    assert (card[100:, -4:] == 255).all()


def test_the_page_offers_what_it_shows(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "FOLDER", str(stored.folder.parent))
    app = open_app("pages/survey.py", survey="first", show="Pictures", label="moped")
    said = captions(app)
    assert "The tables have all 5 rows of this filter" in said
    assert "The sheet and the reports have the 5 shown here." in said
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Table, CSV", "Table, Parquet", "Contact sheet, PNG"]


QUICK = Survey(methods=(GradCam(), Saliency(samples=2)), closer=(), worst=0, sample=0)
Offered = dict[str, tuple[Callable[[], bytes], str]]


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """A survey that is offered, as quick to explain again as can be."""
    monkeypatch.setattr(choosing, "FOLDER", str(tmp_path / "surveys"))
    return make(tmp_path / "surveys" / "first", survey=QUICK, drawn=True, pictures=15, errors=1)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Offered:
    """What the buttons for files offer: how it is made and its name, by their labels."""
    found: Offered = {}

    def offer(label: str, data: Any, file_name: str, *_: Any, **__: Any) -> None:
        found[label] = data, file_name

    monkeypatch.setattr(st, "download_button", offer)
    return found


def opened(**query: str) -> AppTest:
    return open_app("pages/survey.py", survey="first", show="Pictures", sort="path", **query)


def unpacked(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name).decode() for name in packed.namelist()}


def test_the_reports_of_the_pictures_shown(quick: Stored, offered: Offered) -> None:
    rows = page(quick, Question("path", text="moped/")).rows
    (quick.root / rows[1]["path"]).unlink()
    app = opened(find="moped/")
    assert not [each for each in app.button if each.label.startswith("Write")]
    app.button(key="ask-reports").click().run()
    (begin,) = (each for each in app.button if each.label.startswith("Write"))
    assert begin.label.startswith("Write 3 reports: ")
    assert " passes, about " in begin.label
    begin.click().run()
    assert not app.exception
    assert f"No report of {rows[1]['path']}: Its file is not there any more." in captions(
        app
    ).replace("\\", "")
    make_zip, name = offered["2 reports, ZIP"]
    assert name == "first-reports.zip"
    pages = unpacked(make_zip())
    assert sorted(pages) == ["1-moped-000003.html", "3-moped-000013.html", "index.html"]
    for row, place in ((rows[0], "1"), (rows[2], "3")):
        record = record_in(pages[f"{place}-{row['path'][:-4].replace('/', '-')}.html"])
        assert record.target.index == row["answer_index"]
        assert [each.title for each in record.explanations] == ["Grad-CAM", "Smoothed saliency"]
        assert record.explanations[1].settings["samples"] == 2
        assert record.classifier.network == "efficientnet-lite0"
    first = Parsed(pages["index.html"]).text
    assert "All 3 pictures of the survey that fit." in first
    assert "Only pictures with 'moped/' in the path." in first
    assert f"{rows[1]['path']}: Its file is not there any more." in first


def test_stopped_reports_are_kept_and_others_are_asked_for_anew(
    quick: Stored, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = cache.Run.advance

    def until_one_is_written(run: cache.Run, *told: Any) -> None:
        advance(run, *told)
        run.paused = run.paused or len(getattr(run.latest, "written", ())) == 1

    monkeypatch.setattr(cache.Run, "advance", until_one_is_written)
    app = opened(find="moped/")
    app.button(key="ask-reports").click().run()
    app.button(key="start-Write 3 reports").click().run()
    app.run()
    assert app.button(key="start-Write 3 reports").label.startswith("Continue, 33% done: ")
    pages = unpacked(offered["1 report, ZIP"][0]())
    assert sorted(pages) == ["1-moped-000003.html", "index.html"]
    assert "The first 1 of 3 pictures" in Parsed(pages["index.html"]).text
    offered.clear()
    app.text_input(key="find").set_value("espresso/").run()
    assert not [label for label in offered if "report" in label]
    assert app.button(key="ask-reports").label == "3 reports, HTML"


def test_reports_of_hostile_names_are_files_of_plain_names(quick: Stored, offered: Offered) -> None:
    table = pq.read_table(quick.folder / TABLE).slice(0, 2)
    source = (quick.root / table["path"][0].as_py()).read_bytes()
    names = [":red[zq] **b**", "<script>alert(1)<.jpg"]
    for name in names:
        (quick.root / name).write_bytes(source)
    place = table.schema.get_field_index("path")
    table = table.set_column(place, table.field("path"), pa.array(names))
    digests = pa.array([table["digest"][0].as_py()] * 2)
    place = table.schema.get_field_index("digest")
    write(
        table.set_column(place, table.field("digest"), digests), quick.folder / TABLE, schema(QUICK)
    )
    app = opened()
    app.button(key="ask-reports").click().run()
    app.button(key="start-Write 2 reports").click().run()
    pages = unpacked(offered["2 reports, ZIP"][0]())
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") for name in pages)
    assert len(pages) == 3
    first = Parsed(pages["index.html"])
    assert "script" not in {tag for tag, _ in first.elements}
    for name in names:
        assert name in first.text


def test_of_a_model_file_the_command_is_told(quick: Stored) -> None:
    told = json.loads((quick.folder / SETTINGS).read_text())
    told |= {"classifier": "0123456789abcdef0123", "title": "Pets"}
    (quick.folder / SETTINGS).write_text(json.dumps(told))
    app = opened(find="moped/")
    app.button(key="ask-reports").click().run()
    assert "The survey asked Pets, a file of its own" in app.info[0].value
    assert "report --survey RUN" in app.code[0].value
