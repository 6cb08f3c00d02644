"""Two surveys on the screen: what changed, told with what it is held against."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers.methods import GradCam, Saliency
from explainers.survey.moves import compare
from explainers.survey.survey import Survey
from explainers.survey.table import Stored
from pages.parts.survey import choosing
from tests.app.driving import captions, open_app
from tests.survey.made_up import make

SURVEY = Survey(worst=5, sample=8)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Stored, Stored]:
    """Two surveys of the same pictures, which are there, on offer."""
    monkeypatch.setattr(choosing, "FOLDER", str(tmp_path / "surveys"))
    other = dataclasses.replace(SURVEY, methods=(GradCam(), Saliency(samples=7)))
    return (
        make(tmp_path / "surveys" / "first", survey=SURVEY, drawn=True, root=tmp_path / "shots"),
        make(
            tmp_path / "surveys" / "second", survey=other, drawn=True, root=tmp_path / "shots",
            seed=1,
        ),
    )  # fmt: skip


def _open(**query: str) -> AppTest:
    return open_app("pages/survey.py", survey="first", show="What changed", **query)


def _metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def _verdict(app: AppTest) -> str:
    return "\n".join(each.value for each in app.markdown)


def test_what_changed_is_counted(pair: tuple[Stored, Stored]) -> None:
    app = _open()
    found = compare(*pair)
    told = _metrics(app)
    assert told["Pictures compared"] == "57"
    assert told["Answers that changed"] == str(found.changed.num_rows)
    rows = found.rows.to_pylist()
    righted = [row for row in rows if row["correct_after"] and not row["correct_before"]]
    assert told["Wrong, now right"] == str(len(righted))
    assert "Not compared: 3 without an answer in one of them." in captions(app)


def test_settings_that_differ_are_said_to_be_compared(pair: tuple[Stored, Stored]) -> None:
    app = _open()
    assert "The network is the same; these settings differ" in app.warning[0].value
    assert app.dataframe[0].value["Setting"].tolist() == ["methods: saliency: samples"]


def test_a_method_without_a_seed_has_no_noise(pair: tuple[Stored, Stored]) -> None:
    app = _open()
    assert "Grad-CAM draws nothing at random" in _verdict(app)
    moved = compare(*pair).moved("grad-cam")
    table = app.dataframe[1].value
    assert table["Picture"].tolist() == moved["path"].to_pylist()
    assert not [column for column in table if column.startswith("Tries")]


def test_moves_are_held_against_another_seed(pair: tuple[Stored, Stored]) -> None:
    app = _open(moved="Smoothed saliency", by="Hottest tenth")
    found = compare(*pair)
    moved = found.moved("saliency", "overlap")
    said = _verdict(app)
    assert f"**{found.beyond('saliency', 'overlap')} of {moved.num_rows}** maps" in said
    assert "all 16 tries" in said
    assert f"about {moved.num_rows / 17:.0f} do so, 1 in 17" in said
    table = app.dataframe[1].value
    np.testing.assert_allclose(table["Hottest tenth"], moved["saliency_overlap"].to_pylist())
    assert table["Hottest tenth"].is_monotonic_increasing
    floor = found.floors["saliency"]
    assert floor is not None
    as_far = floor.as_far("overlap", moved["saliency_overlap"].to_numpy())
    assert table["Tries as far, of 16"].tolist() == as_far.tolist()


def test_both_maps_of_what_moved_most_stand_side_by_side(pair: tuple[Stored, Stored]) -> None:
    app = _open()
    pictures = [image.proto.imgs[0].alt for image in app.get("image")]
    first = compare(*pair).moved("grad-cam").slice(0, 1).to_pylist()[0]
    assert len(pictures) == 12
    assert pictures[0].startswith(f"Grad-CAM before, {first['answer_before']} ")
    assert pictures[1].startswith("Grad-CAM after, ")


def test_what_is_chosen_is_in_the_link(pair: tuple[Stored, Stored]) -> None:
    app = _open()
    app.segmented_control(key="moved").set_value("Smoothed saliency").run()
    app.segmented_control(key="by").set_value("Centre of mass").run()
    link = app.session_state["survey_link"]
    assert link["show"] == "What changed"
    assert (link["moved"], link["by"]) == ("Smoothed saliency", "Centre of mass")
    again = _open(moved="Smoothed saliency", by="Centre of mass", beside="second")
    assert again.dataframe[1].value.equals(app.dataframe[1].value)


def test_answers_that_changed_are_listed_the_surest_first(pair: tuple[Stored, Stored]) -> None:
    changed = compare(*pair).changed
    table = _open().dataframe[2].value
    assert table["Picture"].tolist() == changed["path"].to_pylist()
    surest = table[["Probability before", "Probability after"]].min(axis=1)
    assert surest.is_monotonic_decreasing
    assert (table["Before"] != table["After"]).all()


def test_pictures_that_are_gone_are_told_apart(pair: tuple[Stored, Stored], tmp_path: Path) -> None:
    for path in (tmp_path / "shots").rglob("*.jpg"):
        path.unlink()
    assert captions(_open()).count("Its file is not there any more.") == 12


def test_without_another_survey_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "first", survey=SURVEY)
    monkeypatch.setattr(choosing, "FOLDER", str(tmp_path))
    assert "There is no other survey to compare with" in _open().info[0].value


def test_surveys_of_the_same_pictures_are_offered_first(
    pair: tuple[Stored, Stored], tmp_path: Path
) -> None:
    make(tmp_path / "surveys" / "apart", pictures=8)
    app = _open()
    assert app.selectbox(key="beside").options == ["second", "apart"]
    assert _metrics(app)["Pictures compared"] == "57"
