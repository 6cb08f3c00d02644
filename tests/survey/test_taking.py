"""What is taken away: the rows of the filter and no others, whole."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from explainers.survey.questions import Question
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import TABLE, Stored
from explainers.survey.taking import plain_rows, write_parquet
from tests.survey.made_up import make

QUESTION = Question("probability", descending=True, label="moped")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("taking") / "survey"
    return make(folder, survey=Survey(worst=5, sample=5))


def _expected(stored: Stored) -> pd.DataFrame:
    table = pd.read_parquet(stored.folder / TABLE)
    mopeds = table[table["label"] == "moped"]
    return mopeds.sort_values("probability", ascending=False, na_position="last")


def test_parquet_has_every_column_of_the_rows_that_are_found(stored: Stored, tmp_path) -> None:
    write_parquet(stored, QUESTION, tmp_path / "taken.parquet")
    taken = pq.read_table(tmp_path / "taken.parquet")
    whole = pq.read_table(stored.folder / TABLE)
    assert taken.schema.equals(whole.schema, check_metadata=True)
    expected = _expected(stored)
    assert taken["path"].to_pylist() == expected["path"].tolist()
    np.testing.assert_array_equal(
        np.stack(taken["saliency_matrix"].to_pylist()[:3]),
        np.stack(expected["saliency_matrix"].tolist()[:3]),
    )
    by_path = {row["path"]: row for row in whole.to_pylist()}
    assert [by_path[row["path"]] for row in taken.to_pylist()] == taken.to_pylist()


def test_plain_rows_are_the_same_without_matrices(stored: Stored) -> None:
    names, *rows = plain_rows(stored, QUESTION)
    expected = _expected(stored)
    assert names == [name for name in expected if not name.endswith("matrix")]
    assert [row[names.index("path")] for row in rows] == expected["path"].tolist()
    labels = expected["top_labels"].iloc[0]
    assert rows[0][names.index("top_labels")] == " | ".join(labels)


def test_a_column_that_is_not_there_is_refused(stored: Stored, tmp_path) -> None:
    with pytest.raises(SurveyError):
        write_parquet(stored, Question("no such column"), tmp_path / "taken.parquet")
