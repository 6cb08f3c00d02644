"""What a person takes away: pictures, matrices, arrays, and a poster of all together."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explainers import Explanation, Prediction
from explainers.images.colouring import Style, encode
from explainers.images.poster import WIDTH, Panel, poster
from explainers.report.files import arrays_npz, matrix_csv
from explainers.report.maps import heatmap_image, overlay_image
from explainers.words import number, percent, raw_range, resolution
from pages.parts.figures import CELLS
from pages.parts.picture import Picture

if TYPE_CHECKING:
    from explainers import Classifier


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


def matrix_text(matrix: np.ndarray) -> str:
    """The matrix with two decimals, tabs between: for pasting into a sheet."""
    return "\n".join("\t".join(f"{value:.2f}" for value in row) for row in matrix)


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
    small = picture.resized(WIDTH, round(WIDTH * picture.aspect))
    panels = [Panel(small.image, "The picture", f"{picture.size} pixels")] + [
        Panel(
            overlay_image(explanation, small.image, style, limit),
            explanation.explainer.title,
            f"measured on {resolution(explanation)} · raw {raw_range(explanation)}"
            + (f" · colours to {number(limit)}" if limit > explanation.scale else ""),
        )
        for explanation, limit in zip(explanations, limits, strict=True)
    ]
    said = (
        f"{classifier.title} gives it {percent(answer.probability)}, "
        f"place {prediction.rank(answer.index)} of {len(prediction.labels):,}"
    )
    return encode(poster(panels, f"Why {answer.label}?", said))
