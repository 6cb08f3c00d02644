"""What tells one survey from another, and what is refused before anything is computed."""

import fcntl
import json
import re
from pathlib import Path

import click
import pytest

from explainers import GradCam, LimeSuperpixels, Saliency
from explainers.command_line import main
from explainers.command_line.naming import methods_named
from explainers.survey.pictures import Collection
from explainers.survey.running import run
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import SETTINGS, Stored, columns, replacing, schema, write
from tests.survey.conftest import Paint


def test_whatever_changes_a_figure_changes_the_fingerprint(tiny: tuple[Path, Path]) -> None:
    model, names = map(str, tiny)
    surveys = [
        Survey(),
        Survey(seed=1),
        Survey(square=True),
        Survey(methods=(GradCam(),)),
        Survey(methods=(GradCam(), Saliency(samples=3))),
        Survey(closer=()),
        Survey(worst=3),
        Survey(classifier="efficientnet-lite2"),
        Survey(classifier=model),
        Survey(classifier=model, names=names),
        Survey(classifier=model, names=names, scaling="0..1"),
    ]
    assert len({survey.fingerprint for survey in surveys}) == len(surveys)
    assert Survey().fingerprint == Survey().fingerprint


def test_a_model_file_is_known_by_what_it_holds(tiny: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy.keras"
    copy.write_bytes(tiny[0].read_bytes())
    before = Survey(classifier=str(copy)).fingerprint
    assert before == Survey(classifier=str(tiny[0])).fingerprint
    copy.write_bytes(copy.read_bytes() + b"\0")
    assert Survey(classifier=str(copy)).fingerprint != before


def test_another_survey_in_the_same_folder_is_refused_with_what_differs(
    painted: Paint, tmp_path: Path
) -> None:
    pictures, folder = Collection(painted("a", 1)), tmp_path / "run"
    folder.mkdir()
    told = Survey(seed=3).described() | {"root": str(pictures.root), "labelled": None}
    (folder / SETTINGS).write_text(json.dumps(told))
    with pytest.raises(SurveyError, match="In run lies another survey: seed was 3 and is now 0"):
        list(run(Survey(), pictures, folder))
    assert json.loads((folder / "progress.json").read_text())["state"] == "failed"
    assert json.loads((folder / SETTINGS).read_text()) == told


def test_what_is_known_of_a_survey_stays_known_when_going_on_fails(
    painted: Paint, tmp_path: Path
) -> None:
    pictures, folder = Collection(painted("a", 1)), tmp_path / "run"
    folder.mkdir()
    told = Survey().described() | {"root": str(pictures.root), "labelled": None}
    (folder / SETTINGS).write_text(json.dumps(told | {"title": "Lite", "labels": ["cat"]}))
    with pytest.raises(SurveyError, match="No Dask scheduler answers at nowhere"):
        list(run(Survey(), pictures, folder, scheduler="nowhere"))
    assert Stored.at(folder).told["title"] == "Lite"
    assert Stored.at(folder).told["labels"] == ["cat"]


def test_a_folder_is_run_once_at_a_time(painted: Paint, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SurveyError, match="The survey in run is being run already"):
            list(run(Survey(), Collection(painted("a", 1)), folder))


def test_a_folder_without_pictures_is_told_before_anything_is_begun(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").touch()
    with pytest.raises(SurveyError, match=r"There is no picture in letters: .* \.avif, \.bmp"):
        list(run(Survey(), Collection(tmp_path / "letters"), tmp_path / "run"))
    assert not (tmp_path / "run" / SETTINGS).exists()


def test_surveys_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SurveyError, match="name at least one"):
        Survey(methods=())
    with pytest.raises(SurveyError, match="saliency is asked for twice"):
        Survey(closer=(Saliency(),))
    with pytest.raises(SurveyError, match="cannot be below zero"):
        Survey(worst=-1)


def test_methods_are_named_with_their_settings() -> None:
    assert methods_named("grad-cam,lime:samples=50:fill=blur:positive_only=true") == (
        GradCam(),
        LimeSuperpixels(samples=50, fill="blur", positive_only=True),
    )
    assert methods_named("saliency:sigma=1.5") == (Saliency(sigma=1.5),)
    assert methods_named("") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gradcam", "there is no method 'gradcam'; there are grad-cam"),
        ("saliency:sample=3", "saliency has no setting 'sample'; it has samples"),
        ("saliency:samples=many", "samples=many: say a whole number"),
        ("saliency:samples=0", "samples must lie in 1 to 500"),
        ("lime:segmentation=stars", "there are quickshift, slic"),
    ],
)
def test_methods_that_there_are_not_are_refused(text: str, reason: str) -> None:
    with pytest.raises(click.BadParameter, match=reason):
        methods_named(text)


def test_the_command_says_what_is_wrong_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["survey", str(tmp_path / "gone"), "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err == "There is no folder 'gone' at this path.\n"
    model = str(tmp_path / "gone.keras")
    told = ["survey", str(tmp_path), "--out", str(tmp_path / "run"), "--classifier", model]
    assert main(told) == 1
    assert capsys.readouterr().err == "gone.keras cannot be read: No such file or directory.\n"


def test_every_column_says_what_it_means_in_the_file(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write([], tmp_path / "a.parquet", schema(Survey()))
    for field in pq.read_schema(tmp_path / "a.parquet"):
        assert field.metadata[b"meaning"].decode() == columns(Survey())[field.name][1]


def test_the_readme_tells_every_column() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", readme, re.M)
    asked = columns(Survey(methods=(GradCam(), Saliency()), closer=(LimeSuperpixels(),)))
    told = {name: (kind, meaning) for name, kind, meaning in rows if name in asked}
    for name, (kind, meaning) in asked.items():
        own = re.sub("^(saliency|lime)_(?!lime|r2|samples)", "grad_cam_", name)
        pair = re.sub("^(saliency|grad_cam)_lime_", "grad_cam_saliency_", own)
        assert told[pair] == (str(kind), meaning), name


def test_a_file_is_put_in_place_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail() -> None:
        with replacing(path) as unfinished:
            unfinished.write_text("half of what comes af")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_no_survey_is_told(tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="There is no survey in"):
        Stored.at(tmp_path)
    (tmp_path / SETTINGS).write_text("{")
    with pytest.raises(SurveyError, match="There is no survey in"):
        Stored.at(tmp_path)
