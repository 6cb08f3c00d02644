"""What a person takes away of a survey: the table as filtered, and a sheet of the pictures."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont

from explainers.images.colouring import Style, encode
from explainers.images.contact_sheet import GROUND, contact_sheet
from explainers.images.poster import FAINT, INK
from explainers.report.files import table_csv
from explainers.survey.originals import original
from explainers.survey.questions import Page, Question
from explainers.survey.survey import SurveyError
from explainers.survey.table import Stored, prefix
from explainers.survey.taking import GROUP, plain_rows, write_parquet
from explainers.words import legible, percent, slug
from pages.parts.survey import reports
from pages.parts.survey.tiles import SIDE, tile

ACROSS = 6
LINE = 20
PAPER = (255, 255, 255)


def offer(name: str, stored: Stored, question: Question, found: Page, style: Style) -> None:
    """Draw a button for each file, which is made when it is pressed; reports are work of minutes.

    Parameters
    ----------
    name : str
        Of the survey; what the names of the files begin with.
    stored : Stored
    question : Question
        Which rows, and in what order.
    found : Page
        Those that are shown.
    style : Style
        How the maps on the sheet are drawn.
    """
    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        ("Table, CSV", "table.csv", "text/csv",
         lambda: _made(partial(write_csv, stored, question))),
        ("Table, Parquet", "table.parquet", "application/vnd.apache.parquet",
         lambda: _made(partial(write_parquet, stored, question))),
        ("Contact sheet, PNG", "sheet.png", "image/png",
         lambda: sheet_png(stored, question, found, style)),
    ]  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, ending, mime, make in files:
            st.download_button(
                label, make, f"{slug(name)}-{ending}", mime, key=f"take-{ending}",
                icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        reports.ask(found)
    one = found.total == 1
    st.caption(
        f"The tables have {'the one row' if one else f'all {found.total:,} rows'} of this filter, "
        f"in this order: as Parquet with every column, as CSV without the matrices. The sheet and "
        f"the reports have the {'one' if len(found.rows) == 1 else len(found.rows)} shown here."
    )
    reports.offer(name, stored, question, found)


def write_csv(stored: Stored, question: Question, path: Path) -> None:
    """Write the rows that a question finds for spreadsheets, some at a time; see `table_csv`."""
    rows = plain_rows(stored, question)
    with open(path, "wb") as file:
        while some := list(islice(rows, GROUP)):
            file.write(table_csv(some))


def sheet_png(stored: Stored, question: Question, found: Page, style: Style) -> bytes:
    """The pictures that are shown under their maps, each with its answer, as one PNG."""
    method = question.method or stored.methods[0]
    column = f"{prefix(method)}_matrix"
    signed = any(row[column] is not None and row[column].min() < 0 for row in found.rows)
    tiles = [_tile(stored, row, row[column], style, signed=signed) for row in found.rows]
    height = max((len(each) for each in tiles if not isinstance(each, str)), default=SIDE)
    cards = [_card(each, row, height) for each, row in zip(tiles, found.rows, strict=True)]
    return encode(contact_sheet(np.stack(cards), min(ACROSS, len(cards))))


def _tile(
    stored: Stored,
    row: Mapping[str, Any],
    matrix: np.ndarray | None,
    style: Style,
    *,
    signed: bool,
) -> np.ndarray | str:
    """A picture under its map, or why there is none."""
    if row["error"]:
        return str(row["error"])
    try:
        return tile(original(stored, row), matrix, style, signed=signed)
    except SurveyError as reason:
        return str(reason)


def _card(shown: np.ndarray | str, row: Mapping[str, Any], height: int) -> np.ndarray:
    """A picture over two lines of text, ``(h, SIDE, 3)`` uint8; all have one height."""
    card = Image.new("RGB", (SIDE, height + 2 * LINE + 6), PAPER)
    card.paste(GROUND, (0, 0, SIDE, height))
    draw = ImageDraw.Draw(card)
    if isinstance(shown, str):
        _write(draw, height // 2, shown, PAPER)
    else:
        image = Image.fromarray(shown)
        card.paste(image, ((SIDE - image.width) // 2, (height - image.height) // 2))
    answer = "Failed" if row["error"] else f"{row['answer']} {percent(row['probability'])}"
    if row["correct"] is False:
        answer += f", truly {row['label']}"
    _write(draw, height + 2, answer, INK)
    _write(draw, height + 2 + LINE, row["path"], FAINT)
    return np.asarray(card)


def _write(draw: ImageDraw.ImageDraw, top: int, text: str, ink: tuple[int, int, int]) -> None:
    """A line of text; what is too long for it ends in an ellipsis."""
    font = ImageFont.load_default(14)
    shown = text = legible(text[:SIDE]).replace("\n", " ")  # no letter is narrower than a pixel
    while draw.textlength(shown, font) > SIDE - 8:
        text = text[:-1]
        shown = f"{text}…"
    draw.text((4, top), shown, ink, font)


def _made(write: Callable[[Path], None]) -> bytes:
    """What is written to a temporary file; Streamlit sends nothing but what is in memory."""
    with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()
