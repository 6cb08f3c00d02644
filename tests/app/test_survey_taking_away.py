"""The files that one takes away from the page of a survey."""

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explainers.images.colouring import Style
from explainers.survey.questions import Question, page
from explainers.survey.survey import Survey
from explainers.survey.table import TABLE, Stored, schema, write
from pages.parts.survey import choosing, taking_away
from tests.app.driving import captions, open_app
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
    assert "The sheet has the 5 shown here." in said
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Table, CSV", "Table, Parquet", "Contact sheet, PNG"]
