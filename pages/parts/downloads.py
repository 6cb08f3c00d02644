"""What a person takes away: pictures, matrices, arrays, and a poster of all together."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageFont

from explainers import Explanation, Prediction
from explainers.images.colouring import Style, encode
from explainers.report.maps import heatmap_image, overlay_image
from pages.parts.figures import CELLS
from pages.parts.picture import Picture
from pages.parts.words import number, percent, raw_range, resolution

if TYPE_CHECKING:
    from explainers import Classifier

POSTER_WIDTH = 560
ABREAST = 4
"""Panels of a poster side by side."""
HEADED, NAMED = 134, 96
"""How high the heading of a poster is, and what stands below a panel, in pixels."""
MARGIN = 32
INK = (38, 41, 56)
FAINT = (110, 114, 130)

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a formula begins with in a spreadsheet, after OWASP's "CSV Injection"."""


def offer(
    explanation: Explanation,
    picture: Picture,
    style: Style,
    *,
    limit: float,
    unit: float,
    stem: str,
    key: str,
) -> None:
    """Draw a button for each file, made when it is pressed, and the matrix to copy.

    Parameters
    ----------
    limit : float
        Where the colours end, an absolute raw value.
    unit : float
        What the values of the matrix are counted in.
    stem : str
        What the names of all files begin with.
    key : str
        Tells these buttons from others.
    """
    grid = explanation.grid(CELLS)
    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        ("Overlay, PNG", "overlay.png", "image/png",
         lambda: encode(overlay_image(explanation, picture.image, style, limit), "PNG")),
        ("Overlay, JPEG", "overlay.jpg", "image/jpeg",
         lambda: encode(overlay_image(explanation, picture.image, style, limit), "JPEG")),
        ("Heatmap, PNG", "heatmap.png", "image/png",
         lambda: encode(heatmap_image(explanation, picture.shape, style, limit), "PNG")),
        ("Matrix, CSV", "matrix.csv", "text/csv", lambda: matrix_csv(grid)),
        ("Arrays, NPZ", "arrays.npz", "application/octet-stream",
         lambda: arrays_npz(explanation)),
    ]  # fmt: skip
    for label, ending, mime, make in files:
        st.download_button(
            label, make, f"{stem}-{ending}", mime, key=f"{key}-{ending}", on_click="ignore",
            width="stretch",
        )  # fmt: skip
    st.caption("The matrix as shown, to copy")
    st.code(matrix_text(grid / unit), language=None, height=120)


def matrix_csv(matrix: np.ndarray) -> bytes:
    """The matrix with its row and column numbers, nine significant digits: all there are."""
    return table_csv(
        [["row", *range(matrix.shape[1])], *([row, *values] for row, values in enumerate(matrix))]
    )


def table_csv(rows: Iterable[Iterable[object]]) -> bytes:
    """A table for spreadsheets, which run what begins like a formula: such a text gets a mark.

    The mark is an apostrophe before it. Numbers stay numbers, with nine significant digits.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return file.getvalue().encode()


def matrix_text(matrix: np.ndarray) -> str:
    """The matrix with two decimals, tabs between: for pasting into a sheet."""
    return "\n".join("\t".join(f"{value:.2f}" for value in row) for row in matrix)


def arrays_npz(explanation: Explanation) -> bytes:
    """Everything there is, for NumPy: the raw map, the matrix, and what lies behind them."""
    arrays: dict[str, np.ndarray] = {
        "heatmap": explanation.heatmap,
        "grid": explanation.grid(CELLS),
        "explainer": np.array(repr(explanation.explainer)),
        "classifier": np.array(explanation.classifier),
        "target": np.array(repr(explanation.target)),
    }
    if explanation.surrogate is not None:
        arrays["segments"] = explanation.surrogate.segments
        arrays["coefficients"] = explanation.surrogate.coefficients
        arrays["r2"] = np.array(explanation.surrogate.r2)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def poster_png(
    explanations: Sequence[Explanation],
    limits: Sequence[float],
    picture: Picture,
    classifier: "Classifier",
    prediction: Prediction,
    style: Style,
) -> bytes:
    """The picture and all maps, four side by side, with what they are, as one PNG.

    Each map's colours end at its limit, which is named where it is not the map's own.
    """
    answer = prediction[explanations[0].target.index]
    height = round(POSTER_WIDTH * picture.aspect)
    small = picture.resized(POSTER_WIDTH, height)
    panels = [("The picture", f"{picture.size} pixels", small.image)] + [
        (
            explanation.explainer.title,
            f"measured on {resolution(explanation)} · raw {raw_range(explanation)}"
            + (f" · colours to {number(limit)}" if limit > explanation.scale else ""),
            overlay_image(explanation, small.image, style, limit),
        )
        for explanation, limit in zip(explanations, limits, strict=True)
    ]
    across, down = min(len(panels), ABREAST), -(-len(panels) // ABREAST)
    size = (MARGIN + across * (POSTER_WIDTH + MARGIN), HEADED + down * (height + NAMED))
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(sheet)

    def write(left: int, top: int, text: str, size: int, ink: tuple[int, int, int]) -> None:
        draw.text((left, top), text.replace("×", "x"), ink, ImageFont.load_default(size))

    heading = f"Why {answer.label}?"
    write(MARGIN, 30, heading, 38, INK)
    said = (
        f"{classifier.title} gives it {percent(answer.probability)}, "
        f"place {prediction.rank(answer.index)} of {len(prediction.labels):,}"
    )
    write(MARGIN, 84, said, 22, FAINT)
    for place, (title, note, image) in enumerate(panels):
        left = MARGIN + place % ABREAST * (POSTER_WIDTH + MARGIN)
        top = HEADED + place // ABREAST * (height + NAMED)
        sheet.paste(Image.fromarray(image), (left, top))
        write(left, top + height + 14, title, 24, INK)
        write(left, top + height + 48, note, 17, FAINT)
    return encode(np.asarray(sheet))


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return f"{value:.9g}" if isinstance(value, float | np.floating) else value
