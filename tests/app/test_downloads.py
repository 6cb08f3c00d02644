"""What a person takes away: tables that a spreadsheet reads and does not run."""

import csv
import io

import numpy as np
import pytest

from explainers.report.files import matrix_csv, table_csv


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_begins_like_a_formula_is_marked(start: str) -> None:
    formula = f'{start}HYPERLINK("http://zq.example","a, b")'
    assert read(table_csv([[formula, f"a {formula}", "cat"]])) == [
        [f"'{formula}", f"a {formula}", "cat"]
    ]


def test_numbers_stay_numbers() -> None:
    row = [-1, -0.25, np.float32(-0.1), 1 / 3, 7, np.nan]
    assert read(table_csv([row])) == [["-1", "-0.25", "-0.100000001", "0.333333333", "7", "nan"]]


def test_a_matrix_comes_back_as_it_was() -> None:
    matrix = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    head, *rows = read(matrix_csv(matrix))
    assert head == ["row", "0", "1", "2", "3"]
    assert [row[0] for row in rows] == ["0", "1", "2"]
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), matrix)
