"""An explanation as files: its matrix for spreadsheets, all of it for NumPy."""

import csv
import io
from collections.abc import Iterable

import numpy as np

from explainers.explanation import Explanation
from explainers.metrics.agreement import CELLS

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a formula begins with in a spreadsheet, after OWASP's "CSV Injection"."""


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


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return f"{value:.9g}" if isinstance(value, float | np.floating) else value
