"""A survey started from the page: with a command that pretends, so that no network is asked."""

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explainers import METHODS, Classifier, GradCam, LimeSuperpixels
from explainers.survey import background
from explainers.survey.background import Running
from pages.parts.survey import starting
from tests.app.driving import captions

JPEG = b"\xff\xd8\xff\xe0 a picture, as far as anybody looks here"


@pytest.fixture(autouse=True)
def _pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(background, "PROGRAM", "tests.survey.pretended")
    started: list[Running] = []
    monkeypatch.setattr(background, "_RUNNING", started)
    yield
    for running in started:
        running.stop()
        assert running.wait(30)


def _page() -> AppTest:
    def script() -> None:
        from pages.parts.survey import starting

        starting.offer()
        starting.watch()

    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception
    return app


def _zip(*names: str) -> tuple[str, bytes, str]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, JPEG)
    return "all.zip", file.getvalue(), "application/zip"


def _bring(app: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    app.file_uploader(key="survey-files").set_value(list(files)).run()
    app.button(key="survey-start").click().run()
    assert not app.exception
    return app


def _until(app: AppTest, text: str) -> AppTest:
    """Look again and again, as the fragment does, until something is said."""
    end = time.monotonic() + 30
    while text not in _said(app):
        assert time.monotonic() < end, _said(app)
        time.sleep(0.1)
        app.run()
        assert not app.exception
    return app


def _said(app: AppTest) -> str:
    bars = [bar.proto.text for bar in app.get("progress")]
    told = [each.value for kind in (app.success, app.info, app.error) for each in kind]
    return "\n".join([*bars, *told, captions(app)])


def test_pictures_are_brought_and_surveyed_with_progress() -> None:
    app = _page()
    assert app.button(key="survey-start").disabled
    assert "temporary folder of this session" in captions(app)
    _bring(app, _zip(*[f"cats/{number}.jpg" for number in range(20)], "notes.txt", "in.zip"))
    _until(app, "of 20 pictures, 20 a second, about")
    assert "2 files that you brought are no pictures by name, and were left out." in captions(app)
    _until(app, "is done.")
    ((name, out),) = app.session_state["own_surveys"].items()
    assert name.startswith("pictures-efficientnet-lite0-")
    running: Running = app.session_state["survey_run"]
    assert running.out == out
    assert running.command[0] == "survey"
    assert "--labels" not in running.command
    assert running.command[running.command.index("--methods") + 1] == "grad-cam,saliency"
    assert running.command[running.command.index("--closer") + 1] == "lime"
    app.button(key="survey-another").click().run()
    assert app.button(key="survey-start").label == "Start"


def test_it_is_stopped_and_goes_on() -> None:
    app = _bring(_page(), _zip(*[f"{number}.jpg" for number in range(60)]))
    _until(app, "of 60 pictures")
    app.button(key="survey-stop").click().run()
    _until(app, "Stopped. What is done stays.")
    done = app.session_state["survey_run"].standing.done
    assert 0 < done < 60
    app.button(key="survey-continue").click().run()
    _until(app, "is done.")
    assert app.session_state["survey_run"].standing.done == 60


def test_folders_of_a_zip_are_labels_when_asked() -> None:
    app = _page()
    app.toggle(key="survey-by-folder").set_value(True).run()
    _bring(app, _zip("cat/1.jpg", "dog/1.jpg"))
    command = app.session_state["survey_run"].command
    labels = Path(command[command.index("--labels") + 1])
    assert labels.read_text().split() == ["path,label", "00000-1.jpg,cat", "00001-1.jpg,dog"]


def test_without_folders_no_folder_is_a_label() -> None:
    app = _page()
    app.toggle(key="survey-by-folder").set_value(True).run()
    _bring(app, ("1.jpg", JPEG, "image/jpeg"))
    assert app.error[0].value == "What you brought lies in no folders, so none says what it shows."
    assert "survey_run" not in app.session_state
    assert not list(Path(app.session_state["survey_folder"].name).iterdir())


def test_a_zip_that_is_refused_is_told_and_leaves_nothing() -> None:
    app = _bring(_page(), ("all.zip", b"no zip", "application/zip"))
    assert app.error[0].value.startswith("all.zip cannot be unpacked")
    assert not list(Path(app.session_state["survey_folder"].name).iterdir())


def test_a_folder_of_the_operators_is_surveyed_into_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("my cats/a.jpg", ".hidden/a.jpg", "loose.jpg"):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / name).write_bytes(JPEG)
    monkeypatch.setattr(starting, "PICTURES", str(tmp_path / "pictures"))
    monkeypatch.setattr(starting, "SURVEYS", str(tmp_path / "surveys"))
    app = _page()
    app.segmented_control(key="survey-source").set_value("On this server").run()
    assert app.selectbox(key="survey-folder").options == ["my cats"]
    assert "where all visitors see it" in captions(app)
    app.toggle(key="survey-by-folder").set_value(True)
    app.toggle(key="survey-closer").set_value(False)
    app.button(key="survey-start").click().run()
    _until(app, "is done.")
    (out,) = (tmp_path / "surveys").iterdir()
    assert out.name.startswith("my-cats-efficientnet-lite0-")
    command = app.session_state["survey_run"].command
    assert command[1] == str(tmp_path / "pictures" / "my cats")
    assert command[command.index("--labels") + 1] == "folders"
    told = {name: command[command.index(name) + 1] for name in ("--closer", "--worst", "--sample")}
    assert told == {"--closer": "", "--worst": "0", "--sample": "0"}


def test_any_method_looks_at_all_or_closer_and_none_twice() -> None:
    app = _page()
    titles = [method.title for method in METHODS]
    for key in ("survey-methods", "survey-closer-methods"):
        assert app.pills(key=key).options == titles
    app.pills(key="survey-methods").set_value([GradCam.title, LimeSuperpixels.title])
    app.pills(key="survey-closer-methods").set_value(titles)
    app.file_uploader(key="survey-files").set_value([("1.jpg", JPEG, "image/jpeg")]).run()
    app.button(key="survey-start").click().run()
    command = app.session_state["survey_run"].command
    assert command[command.index("--methods") + 1] == "grad-cam,lime"
    others = [each.name for each in METHODS if each not in (GradCam, LimeSuperpixels)]
    assert command[command.index("--closer") + 1] == ",".join(others)


def test_what_each_costs_is_told_when_it_is_asked_for(lite0: Classifier) -> None:
    app = _page()
    assert not app.dataframe
    app.button(key="survey-costs").click().run()
    assert not app.exception
    table = app.dataframe[0].value.set_index("Method")
    for method in METHODS:
        assert table["Passes"][method.title] == method().cost(lite0).passes
    assert (table["Seconds"] > 0).all()


def test_without_a_method_there_is_no_survey() -> None:
    app = _page()
    app.pills(key="survey-methods").set_value([])
    app.file_uploader(key="survey-files").set_value([("1.jpg", JPEG, "image/jpeg")]).run()
    assert app.button(key="survey-start").disabled
    assert "A survey needs a method: choose at least one." in captions(app)


def test_a_full_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "AT_MOST", 0)
    app = _bring(_page(), ("1.jpg", JPEG, "image/jpeg"))
    assert "This server is running 0 surveys, and runs no more at once" in app.error[0].value


def test_a_session_that_is_gone_takes_its_folder_and_its_run_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = [True]
    monkeypatch.setattr(background, "LOOK", 0.1)
    monkeypatch.setattr(background, "PATIENCE", 0.5)
    monkeypatch.setattr(starting, "_connected", lambda session: there[0])
    app = _bring(_page(), _zip(*[f"{number}.jpg" for number in range(1900)]))
    _until(app, "of 1,900 pictures")
    folder = Path(app.session_state["survey_folder"].name)
    assert folder.is_dir()
    there[0] = False
    end = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert not app.session_state["survey_run"].going
