"""The page about many pictures: what it finds, in which order, and the way to Compare and back."""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency
from explainers.images.reading import read_image
from explainers.survey import findings, questions
from explainers.survey.questions import Question
from explainers.survey.survey import Survey
from explainers.survey.table import PARTS, TABLE, Stored
from pages.parts.survey import choosing
from tests.app.charts import array, charts, heatmaps
from tests.app.driving import captions, class_menu, open_app
from tests.app.test_names import on_screen, unescaped
from tests.names import CANARY, NAMES
from tests.survey.made_up import PLANTED, make

PAGE = "pages/survey.py"
A_PAGE = 24


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the server's surveys are."""
    monkeypatch.setattr(choosing, "FOLDER", str(tmp_path / "surveys"))
    (tmp_path / "surveys").mkdir()
    return tmp_path / "surveys"


ASKED = Survey(
    methods=(GradCam(), Saliency(samples=2)), closer=(LimeSuperpixels(samples=20),),
    worst=5, sample=5,
)  # fmt: skip
"""As quick as it can be, since Compare asks as the survey did."""


@pytest.fixture
def stored(folder: Path) -> Stored:
    return make(folder / "cats", pictures=60, drawn=True, survey=ASKED)


def tiles(app: AppTest) -> list[Any]:
    """The buttons below the pictures."""
    return [button for button in app.button if (button.key or "").startswith("open-")]


def shown(app: AppTest) -> list[str]:
    """What is said of each picture in the grid: its alternative text."""
    return [image.proto.imgs[0].alt for image in app.get("image")]


def paths(app: AppTest) -> list[str]:
    return app.dataframe[0].value["path"].tolist()


def wanted(stored: Stored, question: Question) -> list[str]:
    return [row["path"] for row in questions.page(stored, question, 0, 1000).rows]


def test_without_a_folder_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "FOLDER", None)
    app = open_app(PAGE)
    assert app.title[0].value == "Survey"
    assert "TRIPTYCH_SURVEYS" in app.info[0].value
    assert app.code[0].value == "python -m explainers survey FOLDER --out surveys/NAME"


def test_an_empty_folder_and_one_that_is_gone_say_so(folder: Path) -> None:
    (folder / "no survey").mkdir()
    assert "no survey yet" in open_app(PAGE).info[0].value
    (folder / "no survey").rmdir()
    folder.rmdir()
    assert "is not there" in open_app(PAGE).info[0].value


def test_the_overview_tells_numbers_with_what_they_are_worth(stored: Stored) -> None:
    app = open_app(PAGE)
    found = findings.overview(stored)
    told = {metric.label: metric.value for metric in app.metric}
    assert told["Pictures"] == "60"
    assert told["Right"] == f"{found.correct / found.labelled:.1%}"
    assert "3 failed." in captions(app)
    assert f"{found.correct} of {found.labelled}; 95% interval" in captions(app)
    assert "Always saying" in captions(app)
    assert "The file is empty" in captions(app)
    confusions = next(each.value for each in app.dataframe if "Called" in each.value)
    assert confusions["Times"].tolist() == [times for *_, times, _ in found.confusions]
    bars = next(trace for trace in charts(app) if trace["type"] == "bar")
    assert sum(array(bars["y"])) == found.pictures - found.failed


def test_the_overview_shows_where_a_planted_class_is_looked_at(stored: Stored) -> None:
    app = open_app(PAGE)
    classes = app.dataframe[0].value
    assert classes["Class"].iloc[0] == PLANTED
    assert classes["Beyond chance"].tolist() == ["yes", "no", "no", "no", "no"]
    assert f"1 of 5 classes looks somewhere that the others do not: {PLANTED}" in captions(app)
    assert "once in 20" in captions(app)
    look = findings.looks(stored, "grad-cam").classes[0]
    mean, others, difference = (array(each["z"]) for each in heatmaps(app)[:3])
    np.testing.assert_allclose(mean, look.mean, atol=1e-6)
    np.testing.assert_allclose(others, look.others_mean, atol=1e-6)
    np.testing.assert_allclose(difference, look.score, atol=1e-6)
    app.segmented_control(key="looks-by").set_value("That show it").run()
    assert not app.exception
    pictures = dict(zip(*app.dataframe[0].value[["Class", "Pictures"]].T.values, strict=True))
    by_label = {
        look.name: look.pictures for look in findings.looks(stored, "grad-cam", "label").classes
    }
    assert pictures == by_label


def test_without_labels_nothing_is_said_to_be_right(folder: Path) -> None:
    make(
        folder / "plain", labels=False, pictures=40, survey=Survey(methods=(GradCam(),), closer=())
    )
    app = open_app(PAGE)
    told = {metric.label: metric.value for metric in app.metric}
    assert told["Right"] == told["Agreement"] == "unknown"
    assert not any("Called" in each.value for each in app.dataframe)
    app = open_app(PAGE, show="Pictures", sort="Wrong")
    assert "No picture" in app.markdown[0].value


def test_a_link_carries_the_survey_the_order_the_filters_and_the_page(
    stored: Stored, folder: Path
) -> None:
    make(folder / "another", pictures=8)
    link = {"survey": "cats", "show": "Pictures", "sort": "entropy", "map": "Smoothed saliency"}
    app = open_app(PAGE, **link, only="Right", least="0.3", column="probability", sheet="2")
    assert app.selectbox(key="survey").value == "cats"
    question = Question(
        "entropy", method="saliency", correct=True, between=(("probability", 0.3, None),)
    )
    expected = wanted(stored, question)
    assert len(expected) > A_PAGE
    assert paths(app) == expected[A_PAGE : 2 * A_PAGE]
    assert f"**{len(expected)} pictures**, 25 to" in app.markdown[0].value
    row = questions.page(stored, question, A_PAGE, 1).rows[0]
    hottest = f"Smoothed saliency hottest in row {row['saliency_row']}"
    assert shown(app)[0].startswith(f"{row['path']}: {row['answer']}")
    assert hottest in shown(app)[0]


@pytest.mark.parametrize(
    "link",
    [
        {"survey": "../../etc", "sort": "drop table", "sheet": "99"},
        {"survey": "..", "answer": "nobody", "map": "x", "sheet": "-1", "least": "much"},
        {"only": "<b>", "column": "path; --", "show": "Pictures;", "find": "'"},
    ],
)
def test_a_link_that_asks_for_what_is_not_there_shows_what_is(
    stored: Stored, link: dict[str, str]
) -> None:
    app = open_app(PAGE, **{"show": "Pictures", **link})
    assert app.selectbox(key="survey").value == "cats"
    assert not app.exception
    assert not app.error


def test_orders_and_filters_are_chosen_on_the_page(stored: Stored) -> None:
    app = open_app(PAGE, show="Pictures", sheet="2")
    app.selectbox(key="sort").set_value("Off the centre").run()
    assert paths(app) == wanted(stored, Question("Off the centre"))[:A_PAGE]
    app.selectbox(key="answer").set_value("espresso").run()
    assert paths(app) == wanted(stored, Question("Off the centre", answer="espresso"))
    app.selectbox(key="answer").set_value(None)
    app.selectbox(key="sort").set_value("margin").run()
    app.toggle(key="descending").set_value(True).run()
    assert paths(app) == wanted(stored, Question("margin", descending=True))[:A_PAGE]
    app.text_input(key="find").set_value("moped/").run()
    assert paths(app) == wanted(stored, Question("margin", descending=True, text="moped/"))
    app.text_input(key="find").set_value("nowhere").run()
    assert "No picture fits" in app.info[0].value


def test_what_failed_is_told_in_place_of_a_picture(stored: Stored) -> None:
    app = open_app(PAGE, show="Pictures", sort="path", only="Failed")
    assert captions(app).count("The file is empty") == 3
    assert [button.disabled for button in tiles(app)] == [True] * 3


def test_a_file_that_is_another_now_gets_no_map(stored: Stored) -> None:
    first, second = wanted(stored, Question())[:2]
    (stored.root / first).write_bytes((stored.root / second).read_bytes())
    app = open_app(PAGE, show="Pictures")
    assert "another one now than when it was surveyed" in captions(app)
    assert [button.disabled for button in tiles(app)][:2] == [True, False]
    assert shown(app)[0].startswith(second)


def test_a_picture_opens_in_compare_and_the_way_back_is_to_the_same_place(
    stored: Stored, lite0: Classifier
) -> None:
    app = open_app(PAGE, show="Pictures", sort="Wrong", methods=["Grad-CAM"])
    row = questions.page(stored, Question("Wrong"), 1, 1).rows[0]
    app.session_state.chosen_methods = ["Grad-CAM"]
    tiles(app)[1].click().run()
    assert not app.exception
    assert app.title[0].value == f"Why {row['answer']}?"
    assert class_menu(app).value == row["answer_index"]
    image = read_image(stored.root / row["path"])
    expected = GradCam().explain(lite0, lite0.prepare(image), row["answer_index"])
    np.testing.assert_allclose(array(heatmaps(app)[0]["z"]), expected.heatmap, atol=2e-3)
    back = next(each.proto for each in app.get("page_link") if "Back to" in each.proto.label)
    assert back.label == "Back to cats"
    for part in ("sort=Wrong", "show=Pictures", "survey=cats"):
        assert part in back.query_string
    app = open_app(PAGE, **dict(part.split("=") for part in back.query_string.split("&")))
    assert paths(app) == wanted(stored, Question("Wrong"))


def test_a_picture_opens_with_its_label(stored: Stored) -> None:
    app = open_app(PAGE, show="Pictures", sort="Wrong", methods=["Grad-CAM"])
    app.segmented_control(key="open-as").set_value("Label").run()
    row = questions.page(stored, Question("Wrong"), 0, 1).rows[0]
    app.session_state.chosen_methods = ["Grad-CAM"]
    tiles(app)[0].click().run()
    assert class_menu(app).value == row["label_index"] != row["answer_index"]


def test_a_picture_surveyed_as_a_square_opens_whole_with_its_class_and_its_way_back(
    stored: Stored,
) -> None:
    told = json.loads((stored.folder / "survey.json").read_text())
    (stored.folder / "survey.json").write_text(json.dumps(told | {"square": True}))
    app = open_app(PAGE, show="Pictures", sort="Wrong", methods=["Grad-CAM"])
    app.segmented_control(key="open-as").set_value("Label").run()
    row = questions.page(stored, Question("Wrong"), 0, 1).rows[0]
    app.session_state.chosen_methods = ["Grad-CAM"]
    tiles(app)[0].click().run()
    app.switch_page("app.py").run()  # where the browser is by now
    assert app.toggle(key="square").value
    assert class_menu(app).value == row["label_index"] != row["answer_index"]
    app.toggle(key="square").set_value(False).run()
    image = read_image(stored.root / row["path"])
    np.testing.assert_array_equal(app.session_state.picture.image, image)
    assert class_menu(app).value == row["label_index"]
    assert [each for each in app.get("page_link") if "Back to" in each.proto.label]


def test_other_pictures_of_compare_have_no_way_back(stored: Stored) -> None:
    app = open_app(methods=["Grad-CAM"])
    app.switch_page(PAGE).run()
    assert app.title[0].value == "Survey"
    app.switch_page("app.py").run()
    assert app.title[0].value == "Why Egyptian cat?"
    assert not [each for each in app.get("page_link") if "Back to" in each.proto.label]


def test_of_a_model_file_it_is_said_that_another_classifier_answers(stored: Stored) -> None:
    told = json.loads((stored.folder / "survey.json").read_text())
    told |= {"classifier": "0123456789abcdef0123", "title": "Pets"}
    (stored.folder / "survey.json").write_text(json.dumps(told))
    app = open_app(PAGE, show="Pictures", methods=["Grad-CAM"])
    tiles(app)[0].click().run()
    assert "The survey asked Pets, a file of its own." in captions(app)


def test_a_running_survey_shows_its_progress_and_what_rows_there_are(stored: Stored) -> None:
    table = pq.read_table(stored.folder / TABLE)
    (stored.folder / PARTS).mkdir()
    pq.write_table(table.slice(0, 10), stored.folder / PARTS / "000000.parquet")
    (stored.folder / TABLE).unlink()
    told = {"state": "looking", "done": 10, "total": 60, "failed": 0, "rate": 2.5, "left": 120,
            "message": "", "updated": time.time(), "pid": 1}  # fmt: skip
    (stored.folder / "progress.json").write_text(json.dumps(told))
    app = open_app(PAGE)
    assert "10 of 60 pictures, 2.5 a second, about 2 min left" in str(app.get("progress")[0].proto)
    assert {metric.label: metric.value for metric in app.metric}["Pictures"] == "10"
    long_ago = time.time() - 600
    os.utime(stored.folder / "progress.json", (long_ago, long_ago))
    app = open_app(PAGE)
    assert "It has said nothing for 10 min" in captions(app)
    (stored.folder / PARTS / "000000.parquet").unlink()
    assert "no rows yet" in open_app(PAGE).info[0].value


def test_surveys_of_this_session_are_offered_first(stored: Stored, tmp_path: Path) -> None:
    own = make(tmp_path / "own", pictures=8)
    app = AppTest.from_file(Path(__file__).parents[2] / "app.py", default_timeout=300)
    app.switch_page(PAGE)
    app.session_state.own_surveys = {"mine": own.folder}
    app.run()
    assert app.selectbox(key="survey").options == ["mine", "cats"]
    assert {metric.label: metric.value for metric in app.metric}["Pictures"] == "8"


def test_no_name_of_a_survey_is_markdown(stored: Stored, tmp_path: Path) -> None:
    table = pq.read_table(stored.folder / TABLE)
    names = [NAMES[number % len(NAMES)] for number in range(len(table))]
    for column in ("label", "answer", "path", "error"):
        place = table.schema.get_field_index(column)
        there = table[column].is_valid().to_pylist()
        named = [name if known else None for name, known in zip(names, there, strict=True)]
        table = table.set_column(place, table.schema.field(column), pa.array(named))
    pq.write_table(table, stored.folder / TABLE)
    told = json.loads((stored.folder / "survey.json").read_text())
    (stored.folder / "survey.json").write_text(json.dumps(told | {"title": NAMES[0]}))
    stored.folder.rename(stored.folder.with_name(":red[zq] **b**"))
    seen: list[str] = []
    for link in ({}, {"show": "Pictures", "sort": "path"}, {"show": "Pictures", "sort": "Wrong"}):
        said = on_screen(open_app(PAGE, **link))
        assert [text for text in said if unescaped(text, list(NAMES))] == []
        seen += said
    assert sum(CANARY in text for text in seen) > 30


def test_a_survey_that_cannot_be_read_says_so(stored: Stored) -> None:
    (stored.folder / TABLE).write_bytes(b"PAR1 no table")
    app = open_app(PAGE)
    assert "cannot be read" in app.error[0].value
