"""What a survey's table shows, against pandas, SciPy and NumPy on the same rows."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy

from explainers import Saliency
from explainers.images.reading import read_image
from explainers.survey import findings, questions
from explainers.survey.findings import DEALS, FEWEST
from explainers.survey.originals import original
from explainers.survey.questions import ORDERS, Question
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import PARTS, TABLE, Stored
from tests.conftest import Hold
from tests.survey.made_up import BAD, PLANTED, make

COUNT = 200


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return make(tmp_path_factory.mktemp("surveys") / "cats", pictures=COUNT)


@pytest.fixture(scope="module")
def frame(stored: Stored) -> pd.DataFrame:
    """The table as pandas reads it."""
    return pd.read_parquet(stored.folder / TABLE)


def test_numbers_are_those_of_pandas(stored: Stored, frame: pd.DataFrame) -> None:
    found = findings.overview(stored)
    good = frame[frame.error.isna()]
    assert (found.pictures, found.failed) == (COUNT, 3)
    assert found.reasons == ((BAD, 3),)
    assert found.labelled == len(good)
    assert found.correct == int((good.label == good.answer).sum())
    name, count = found.commonest or ("", 0)
    assert count == good.label.value_counts().max() == good.label.value_counts()[name]
    wrong = good[good.label != good.answer].groupby(["label", "answer"]).size()
    assert found.mistaken == len(wrong)
    assert [times for *_, times, _ in found.confusions] == sorted(wrong, reverse=True)
    for label, answer, times, of in found.confusions:
        assert times == wrong[label, answer]
        assert of == (good.label == label).sum()


def test_the_interval_of_the_accuracy_is_wilsons(stored: Stored, held: Hold) -> None:
    found = findings.overview(stored)
    for correct, labelled in ((found.correct, found.labelled), (0, 7), (7, 7), (1, 1000)):
        some = dataclasses.replace(found, correct=correct, labelled=labelled)
        theirs = scipy.stats.binomtest(correct, labelled).proportion_ci(method="wilson")
        share, low, high = some.accuracy or (0.0, 0.0, 0.0)
        assert share == correct / labelled
        difference = max(abs(low - theirs.low), abs(high - theirs.high))
        held("The interval of a survey's accuracy", "scipy.stats, Wilson's", difference, 1e-7)
    assert dataclasses.replace(found, labelled=0).accuracy is None


def test_agreement_stands_beside_the_blob(stored: Stored, frame: pd.DataFrame) -> None:
    found = findings.beside_blob(stored)
    assert found is not None
    counts, _ = np.histogram(frame.agreement.dropna().astype(float), findings.BINS, (-1, 1))
    np.testing.assert_array_equal(found.agreement.counts, counts)
    assert found.agreement.median == pytest.approx(frame.agreement.median())
    assert found.blobs["saliency"].median == pytest.approx(frame.saliency_blob.median())
    least = frame[["grad_cam_blob", "saliency_blob"]].min(axis=1)
    assert found.less == int((frame.agreement < least).sum()) > 0


def test_one_method_agrees_with_nothing(tmp_path: Path) -> None:
    alone = make(tmp_path / "alone", pictures=8, survey=Survey(methods=Survey().methods[:1]))
    assert findings.beside_blob(alone) is None
    assert questions.page(alone, Question(order="margin")).total == 8


def maps_of(frame: pd.DataFrame, column: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with a map that says something, and these, each over its largest value."""
    some = frame[frame[column].notna()]
    maps = np.stack(list(some[column])).astype(float)
    scales = np.abs(maps).max(axis=1)
    told = scales > 0
    return some[told], (maps[told] / scales[told, None]).reshape(-1, 14, 14)


def test_means_and_deviations_are_numpys_and_the_difference_is_students_t(
    stored: Stored, frame: pd.DataFrame, held: Hold
) -> None:
    found = findings.looks(stored, "grad-cam")
    some, maps = maps_of(frame, "grad_cam_matrix")
    assert found.blank == int(frame.grad_cam_blank.notna().sum()) > 0
    assert {look.name for look in found.classes} == set(some.answer)
    for look in found.classes:
        mine = (some.answer == look.name).to_numpy()
        assert (look.pictures, look.others) == (mine.sum(), (~mine).sum())
        sides = (
            (look.mean, look.deviation, mine),
            (look.others_mean, look.others_deviation, ~mine),
        )
        for mean, deviation, of in sides:
            np.testing.assert_allclose(mean, maps[of].mean(axis=0), atol=1e-9)
            np.testing.assert_allclose(deviation, maps[of].std(axis=0, ddof=1), atol=1e-9)
        theirs = scipy.stats.ttest_ind(maps[mine], maps[~mine]).statistic
        difference = float(np.abs(look.score - theirs).max())
        held("A class beside all others, in standard errors", "SciPy's ttest_ind", difference, 1e-8)


def test_by_label_the_map_is_the_labels(stored: Stored, frame: pd.DataFrame) -> None:
    found = findings.looks(stored, "saliency", "label")
    good = frame[frame.error.isna()].copy()
    good["map"] = [
        row.saliency_matrix if row.correct else row.saliency_label_matrix
        for row in good.itertuples()
    ]
    some, maps = maps_of(good, "map")
    look = next(each for each in found.classes if each.name == PLANTED)
    mine = (some.label == PLANTED).to_numpy()
    assert look.pictures == mine.sum()
    np.testing.assert_allclose(look.mean, maps[mine].mean(axis=0), atol=1e-9)


def test_a_planted_corner_stands_out_and_stands_first(stored: Stored) -> None:
    for method in ("grad-cam", "saliency"):
        found = findings.looks(stored, method)
        first = found.classes[0]
        assert first.name == PLANTED
        assert min(first.cell) >= 11
        assert found.stands_out(first)
        assert first.largest > 3 * found.bar
        assert first.hotter > 0.5
        assert len(found.chance) == DEALS


def test_where_nothing_is_planted_a_class_stands_out_once_in_twenty(
    tmp_path: Path, held: Hold
) -> None:
    surveys = 120
    alone = Survey(methods=(Saliency(),), closer=(), worst=0, sample=0)
    out = 0
    for seed in range(surveys):
        plain = make(tmp_path / str(seed), seed=seed, planted=None, errors=0, survey=alone)
        out += bool(findings.looks(plain, "saliency", seed=seed).standing_out)
    expected = 1 / (DEALS + 1)
    held(
        "How often some class stands out where none does", "1 in 20, 120 made-up surveys",
        abs(out / surveys - expected), 3 * (expected * (1 - expected) / surveys) ** 0.5,
    )  # fmt: skip


def test_a_class_of_few_pictures_is_shown_and_not_judged(tmp_path: Path) -> None:
    few = make(tmp_path / "few", pictures=14, errors=0)
    found = findings.looks(few, "saliency")
    unjudged = [look for look in found.classes if look.pictures < FEWEST]
    assert unjudged
    assert not any(look.judged or found.stands_out(look) for look in unjudged)
    order = [look.judged for look in found.classes]
    assert order == sorted(order, reverse=True)


def expected(frame: pd.DataFrame, order: str) -> pd.DataFrame:
    """What an order finds, worked out in pandas for saliency's maps."""
    middle = 6.5
    off = np.hypot(frame.saliency_centre_row - middle, frame.saliency_centre_column - middle)
    by = {
        "Least agreement": (frame.agreement, True, frame.agreement.notna()),
        "Wrong": (frame.probability, False, frame.correct == False),  # noqa: E712
        "Nearly wrong": (frame.margin, True, (frame.correct == True) & frame.margin.notna()),  # noqa: E712
        "Off the centre": (off, False, off.notna()),
        "Hottest at the border": (frame.saliency_border, False, frame.saliency_border.notna()),
        "Poor LIME fit": (frame.lime_r2, True, frame.lime_r2.notna()),
        "Worse than random": (
            frame.saliency_deletion_beaten, True, frame.saliency_deletion_beaten.notna(),
        ),
        "entropy": (frame.entropy, True, frame.path.notna()),
    }  # fmt: skip
    values, ascending, only = by[order]
    kept = frame.assign(by=values)[only]
    return kept.sort_values(["by", "path"], ascending=[ascending, True], na_position="last")


@pytest.mark.parametrize("order", [*ORDERS, "entropy"])
def test_an_order_is_that_of_pandas_page_by_page(
    stored: Stored, frame: pd.DataFrame, order: str
) -> None:
    wanted = expected(frame, order)
    question = Question(order, method="saliency")
    paths: list[str] = []
    for offset in range(0, len(wanted) + 1, 24):
        found = questions.page(stored, question, offset, 24, ("saliency",))
        assert found.total == len(wanted) > 0
        paths += [row["path"] for row in found.rows]
    assert paths == wanted.path.tolist()
    first = questions.page(stored, question, 0, 1, ("saliency",)).rows[0]
    np.testing.assert_array_equal(first["saliency_matrix"].ravel(), wanted.saliency_matrix.iloc[0])
    assert first["answer"] == wanted.answer.iloc[0]
    assert "grad_cam_matrix" not in first


def test_filters_are_those_of_pandas(stored: Stored, frame: pd.DataFrame) -> None:
    asked = {
        Question("path", label="moped", correct=False): (frame.label == "moped")
        & (frame.correct == False),  # noqa: E712
        Question("path", answer="espresso"): frame.answer == "espresso",
        Question("path", chosen="random"): frame.chosen == "random",
        Question("path", failed=True): frame.error.notna(),
        Question("path", failed=False, text="SHUTTLE/0"): frame.error.isna()
        & frame.path.str.contains("shuttle/0"),
        Question("path", between=(("margin", 0.2, 0.4), ("entropy", None, 2.0))): (
            frame.margin >= 0.2
        )
        & (frame.margin <= 0.4)
        & (frame.entropy <= 2.0),
    }
    for question, kept in asked.items():
        wanted = frame[kept].path.sort_values().tolist()
        assert wanted
        found = questions.page(stored, question, 0, COUNT)
        assert [row["path"] for row in found.rows] == wanted
        backwards = questions.page(stored, dataclasses.replace(question, descending=True), 0, COUNT)
        assert [row["path"] for row in backwards.rows] == wanted[::-1]
        batches = questions.batches(stored, question, ("path",), 7)
        assert [path for batch in batches for path in batch.column("path").to_pylist()] == wanted


def test_nothing_but_a_column_of_the_table_is_put_into_a_question(stored: Stored) -> None:
    attack = 'path" from rows; drop view rows; --'
    for question in (
        Question(attack),
        Question("agreement desc, path"),
        Question("path", between=((attack, 0.0, 1.0),)),
        Question("path", method=attack),
    ):
        with pytest.raises(SurveyError, match="no such"):
            questions.page(stored, question)
    for text in ("' or true --", "%", "_", attack):
        assert questions.page(stored, Question("path", text=text)).total == (text == "_") * 120
        assert questions.page(stored, Question("path", answer=text)).total == 0
    with pytest.raises(SurveyError):
        findings.looks(stored, "grad-cam", attack)
    with pytest.raises(SurveyError):
        questions.page(stored, Question("path"), matrices=(attack,))


def test_a_row_of_a_later_file_replaces_the_earlier(stored: Stored, tmp_path: Path) -> None:
    running = make(tmp_path / "it's [a] run*", pictures=40)
    table = pq.read_table(running.folder / TABLE)
    place = table.schema.get_field_index("answer")
    for number, answer in enumerate(("first", "second")):
        part = table.slice(0, 3).set_column(
            place, table.schema.field("answer"), pa.array([answer] * 3)
        )
        path = running.folder / PARTS / f"{number:06}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(part, path)
    found = questions.page(running, Question("path", answer="second"), 0, 10, ("grad-cam",))
    assert found.total == 3
    assert questions.page(running, Question("path", answer="first")).total == 0
    assert findings.overview(running).pictures == 40
    np.testing.assert_array_equal(
        found.rows[0]["grad_cam_matrix"].ravel(), table["grad_cam_matrix"][0].as_py()
    )


def test_a_run_without_rows_says_so(tmp_path: Path) -> None:
    empty = Stored(tmp_path / "begun", {"methods": {"grad-cam": {}}, "closer": {}})
    with pytest.raises(SurveyError, match="begun has no rows yet"):
        findings.overview(empty)


def test_a_picture_is_shown_only_while_it_is_the_one_that_was_surveyed(tmp_path: Path) -> None:
    drawn = make(tmp_path / "surveys" / "drawn", pictures=6, drawn=True, errors=1)
    rows = questions.page(drawn, Question("path", failed=False)).rows
    for row in rows:
        np.testing.assert_array_equal(original(drawn, row), read_image(drawn.root / row["path"]))
    (drawn.root / rows[0]["path"]).write_bytes((drawn.root / rows[1]["path"]).read_bytes())
    with pytest.raises(SurveyError, match="another one now"):
        original(drawn, rows[0])
    (drawn.root / rows[2]["path"]).unlink()
    with pytest.raises(SurveyError, match="not there any more"):
        original(drawn, rows[2])
    (tmp_path / "secret.jpg").write_bytes((drawn.root / rows[1]["path"]).read_bytes())
    for path in ("../../secret.jpg", str(tmp_path / "secret.jpg")):
        with pytest.raises(SurveyError, match="outside the folder"):
            original(drawn, {**rows[1], "path": path})
    (drawn.root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(SurveyError, match="outside the folder"):
        original(drawn, {**rows[1], "path": "link.jpg"})
