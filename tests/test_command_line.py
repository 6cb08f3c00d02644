"""The command line: what it answers is what the app shows, and what it refuses it says why."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import pytest
from PIL import Image

from explainers import GradCam, LimeSuperpixels, __version__, check_up
from explainers.command_line import COMMANDS, main, triptych
from explainers.command_line.telling import tell
from explainers.images.colouring import Style
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Felzenszwalb, Quickshift, Segmentation, Slic
from explainers.models.hushing import hushed
from explainers.report.maps import overlay_image
from explainers.report.page import record_from, record_in
from explainers.report.record import Record
from explainers.survey.survey import settings_of
from explainers.words import percent
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, open_app

if TYPE_CHECKING:
    from explainers import Classifier

ROOT = Path(__file__).parents[1]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def tiny(smooth: "Classifier", monkeypatch: pytest.MonkeyPatch) -> "Classifier":
    """A tiny network answers, whatever is asked for."""
    for module in ("looking", "check_up"):
        where = f"explainers.command_line.{module}.classifier_named"
        monkeypatch.setattr(where, lambda *_: smooth)
    return smooth


def test_it_says_the_same_numbers_as_the_app(capsys: Captured) -> None:
    assert main(["explain", "rocket", "--method", "grad-cam", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (explained,) = told["explanations"]
    app = open_app(picture="rocket", methods=["Grad-CAM"])
    app.pills(key="views").set_value(["Matrix"]).run()
    app.segmented_control(key="scale").set_value("Raw").run()
    (shown,) = heatmaps(app)
    matrix, seen = np.float32(explained["matrix"]), array(shown["z"])
    unit = 10.0 ** round(float(np.log10(matrix.max() / seen.max())))
    np.testing.assert_allclose(seen * unit, matrix, rtol=1e-6)
    first = told["answer"][0]
    assert app.title[0].value == f"Why {first['label']}?"
    assert percent(first["probability"]) in captions(app)


def test_what_it_says_can_be_run_again(capsys: Captured, tmp_path: Path) -> None:
    assert main(["explain", "coffee", "--method", "grad-cam", "--json"]) == 0
    path = tmp_path / "coffee.json"
    path.write_text(capsys.readouterr().out)
    assert main(["replay", str(path)]) == 0
    assert capsys.readouterr().out.startswith("It still says the same")
    told = json.loads(path.read_text())
    row = max(told["explanations"][0]["matrix"], key=max)
    row[row.index(max(row))] /= 2
    path.write_text(json.dumps(told))
    assert main(["replay", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == 1
    (moved,) = (each["what"] for each in found["figures"] if each["moved"])
    assert "Grad-CAM" in moved


@pytest.mark.parametrize("terminal", [True, False])
def test_a_replay_tells_its_price_on_a_terminal(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    assert main(["explain", "coffee", "--method", "grad-cam", "--json"]) == 0
    path = tmp_path / "coffee.json"
    path.write_text(capsys.readouterr().out)
    for module in ("replay", "telling"):
        where = f"explainers.command_line.{module}.on_terminal"
        monkeypatch.setattr(where, lambda: terminal)
    monkeypatch.setattr("explainers.command_line.replay.hushed", contextlib.nullcontext)
    assert main(["replay", str(path)]) == 0
    out, said = capsys.readouterr()
    assert out.startswith("It still says the same")
    price = re.search(r"About 4 passes, \d+ s at the pace that was measured here\.\n", said)
    assert (price is not None) is terminal
    if price is not None:
        assert said.index("Opening the network") < price.start() < said.index("Grad-CAM …")


def test_a_record_that_is_none_is_told_from_one_that_moved(
    capsys: Captured, tmp_path: Path
) -> None:
    for name, text in (("broken.json", "{"), ("broken", "<!doctype html><p>Hello"), ("empty", "")):
        (tmp_path / name).write_text(text)
        assert main(["replay", str(tmp_path / name)]) == 2
        out, complaint = capsys.readouterr()
        assert out == ""
        assert complaint.count("\n") == 1


@pytest.mark.usefixtures("tiny")
def test_a_picture_that_cannot_be_read_does_not_keep_others_from_being_looked_at(
    capsys: Captured, tmp_path: Path
) -> None:
    text = tmp_path / "text.png"
    text.write_text("This is no picture.")
    assert main(["explain", str(text), "cat", "--method", "grad-cam"]) == 1
    told, complaint = capsys.readouterr()
    assert told.startswith("cat (451 × 300): ")
    assert "Grad-CAM  strongest " in told
    assert complaint.startswith(f"{text}: ")
    assert complaint.count("\n") == 1


def test_files_are_named_after_the_pictures_and_hold_the_maps(
    tiny: "Classifier", tmp_path: Path
) -> None:
    cat = SAMPLES["cat"].read()
    asked = ["compare", "cat", "cat", "--square", "--class", "dog", "--method", "grad-cam"]
    assert main([*asked, "--out", str(tmp_path / "maps")]) == 0
    endings = ("grad-cam-arrays.npz", "grad-cam-matrix.csv", "grad-cam-overlay.png", "maps.png")
    names = {path.name for path in (tmp_path / "maps").iterdir()}
    assert names == {
        f"{stem}-{ending}" for stem in ("cat", "cat-2") for ending in (*endings, "record.json")
    }
    explanation = GradCam().explain(tiny, tiny.prepare(cat, crop=True), 1)
    with np.load(tmp_path / "maps" / "cat-grad-cam-arrays.npz") as arrays:
        np.testing.assert_array_equal(arrays["heatmap"], explanation.heatmap)
    record = Record.read(tmp_path / "maps" / "cat-2-record.json")
    np.testing.assert_array_equal(record.explanations[0].grid, explanation.grid(14))
    assert record.picture.square
    over = np.asarray(Image.open(tmp_path / "maps" / "cat-grad-cam-overlay.png"))
    square = cat[:, 75:375]
    np.testing.assert_array_equal(over, overlay_image(explanation, square, Style()))


def test_a_report_holds_its_record(tiny: "Classifier", capsys: Captured, tmp_path: Path) -> None:
    asked = ["report", "cat", "--method", "grad-cam", "--test", "--out", str(tmp_path)]
    assert main([*asked, "--purpose", "For the meeting"]) == 0
    path = tmp_path / "cat-report.html"
    assert str(path) in capsys.readouterr().out
    record = record_in(path.read_text(encoding="utf-8"))
    renamed = path.rename(tmp_path / "attachment.txt")
    assert record_from(renamed) == record
    cat = SAMPLES["cat"].read()
    target = tiny.predict(tiny.prepare(cat)).top(1)[0].index
    explanation = GradCam().explain(tiny, tiny.prepare(cat), target)
    np.testing.assert_array_equal(record.explanations[0].grid, explanation.grid(14))
    image = record.picture.image()
    assert image is not None
    np.testing.assert_array_equal(image, cat)
    assert record.purpose == "For the meeting"
    assert record.check_up is not None
    assert record.tests.curves is not None
    assert [each.change for each in record.tests.again] == ["noise"]
    assert not (tmp_path / "index.html").exists()


@pytest.mark.usefixtures("tiny")
def test_several_reports_have_a_first_page(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.png")
    asked = ["report", "cat", gone, "coffee", "--method", "grad-cam", "--out", str(tmp_path)]
    assert main(asked) == 1
    links = re.findall(r'href="\./([^"]+)"', (tmp_path / "index.html").read_text("utf-8"))
    assert sorted(set(links)) == ["cat-report.html", "coffee-report.html"]
    assert all((tmp_path / link).is_file() for link in links)


@pytest.mark.usefixtures("tiny")
def test_no_page_of_somebody_else_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder is named, reports are written beside what lies there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "index.html").write_text("My own page.")
    assert main(["report", "cat", "coffee", "--method", "grad-cam"]) == 0
    assert (tmp_path / "coffee-report.html").is_file()
    assert (tmp_path / "index.html").read_text() == "My own page."


@pytest.mark.parametrize("command", ["explain", "report"])
def test_what_is_quickly_told_does_not_wait_for_a_network(
    command: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr("explainers.command_line.looking.classifier_named", opened.append)
    assert main([command, str(tmp_path / "gone.png")]) == 1
    assert "There is no file at this path" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main([command, "cat", "--out", str(tmp_path / "file" / "maps")]) == 1
    assert capsys.readouterr().err.endswith("file/maps: Not a directory.\n")
    assert not opened


@pytest.mark.usefixtures("tiny")
def test_a_file_name_speaks_to_no_terminal_whatever_its_letters(
    tmp_path: Path, capsys: Captured
) -> None:
    name = os.fsdecode(b"caf\xe9\x1b[2J.png")
    Image.fromarray(SAMPLES["cat"].read()).save(tmp_path / name, "PNG")
    asked = [str(tmp_path / name), "--method", "grad-cam", "--out", str(tmp_path)]
    assert main(["report", *asked]) == 0
    assert main(["explain", *asked, str(tmp_path / f"gone{name}")]) == 1
    for said in capsys.readouterr():
        assert said.replace("\n", "").isprintable()
        assert "caf�" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("asked", [["--help"], ["check-up", "--help"]])
def test_an_answer_that_cannot_be_written_is_told(asked: list[str]) -> None:
    command = [sys.executable, "-m", "explainers", *asked]
    with open("/dev/full", "w") as full:
        told = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert told.returncode == 1
    assert told.stderr == "Something could not be read or written: No space left on device.\n"


def test_a_reader_that_leaves_is_no_fault() -> None:
    """What `head` does: the end of the pipe is closed before the answer is written."""
    code = "import sys; from explainers.command_line import main; "
    reading, writing = os.pipe()
    os.close(reading)
    told = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main(['explain', '--help']))"],
        cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    assert (told.returncode, told.stderr) == (1, "")


def test_agreement_stands_beside_a_blob_that_knows_nothing(
    tiny: "Classifier", capsys: Captured
) -> None:
    assert main(["compare", "cat", "--method", "grad-cam", "--method", "hirescam"]) == 0
    told = capsys.readouterr().out
    assert "Grad-CAM and HiResCAM " in told
    assert "HiResCAM and blob in the middle " in told


def test_a_check_up_says_what_the_library_says(tiny: "Classifier", capsys: Captured) -> None:
    found = check_up(tiny, tiny.prepare(SAMPLES["cat"].read()))
    assert main(["check-up", "efficientnet-lite0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parameters"] == found.parameters
    assert told["fed"] == found.fed.scaling.name
    surprises = {each["scaling"]: each["surprise"] for each in told["feedings"]}
    assert surprises == {each.scaling.name: each.surprise for each in found.feedings}
    assert main(["check-up", "efficientnet-lite0"]) == 0
    in_use, _ = (line for line in capsys.readouterr().out.splitlines() if line.startswith("* "))
    assert found.fed.answer is not None
    assert percent(found.fed.answer.probability) in in_use


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["explian"], "No such command 'explian'"),
        (["explain"], "Missing argument 'PICTURE...'"),
        (["explain", "cat", "--method", "gradcam"], "there is no method 'gradcam'"),
        (["explain", "cat", "--method", "lime:samples=0"], "samples must lie in"),
        (["explain", "cat", "--method", "lime:samples=x"], "say a whole number"),
        (["explain", "cat", "--method", "lime:segmentation=grid"], "there are quickshift, slic"),
        (
            ["explain", "cat", "--method", "lime:segmentation.n_segments=80"],
            "it has kernel_size, max_dist, ratio",
        ),
        (["explain", "cat", "--method", "lime:segmentation.ratio=2"], "ratio must lie in 0.0 to"),
        (["explain", "cat", "--method", "lime:samples.x=1"], "segmentation.kernel_size, "),
        (["explain", "cat", "--model", "gone.keras"], "there is no file 'gone.keras'"),
        (["explain", "cat", "--class", "do"], "did you mean dog?"),
        (["explain", "cat", "--class", "1", "--rather-than", "dog"], "set against itself"),
        (["explain", "cat", "--method", "rise", "--method", "rise"], "rise is asked for twice"),
        (["explain", "cat", "--method", "lime:samples=many"], "say a whole number"),
        (["explain", "cat", "--scaling", "none"], "'none' is not one of 'auto', '0..1'"),
        (["explain", "cat", "--scaling", "torch"], "has its own labels and scaling"),
        (["check-up", "efficientnet-lite0", "--labels", __file__], "its own labels and scaling"),
        (["survey", ".", "--out", "run", "--scaling", "tf"], "its own labels and scaling"),
        (["survey", "."], "Missing option '--out'"),
        (["replay", "gone.json"], "File 'gone.json' does not exist"),
    ],
)
def test_what_cannot_be_understood_is_said_in_a_line(
    asked: list[str], said: str, capsys: Captured
) -> None:
    assert main(asked) == 2
    told, complaint = capsys.readouterr()
    assert told == ""
    assert said in complaint
    assert complaint.count("\n") == 1


def test_a_model_that_is_refused_is_told_in_its_own_sentence(
    capsys: Captured, tmp_path: Path
) -> None:
    (tmp_path / "text.keras").write_text("This is no model.")
    assert main(["explain", "cat", "--model", str(tmp_path / "text.keras")]) == 1
    told, complaint = capsys.readouterr()
    assert told == ""
    assert complaint.count("\n") == 1


def test_a_setting_is_part_of_the_method() -> None:
    from explainers.command_line.naming import Method

    for said in ("lime:samples=500,fill=blur", "lime:samples=500:fill=blur"):
        assert Method().convert(said, None, None) == LimeSuperpixels(samples=500, fill="blur")


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("segmentation=slic", Slic()),
        ("segmentation=SLIC,segmentation.n_segments=80", Slic(n_segments=80)),
        ("segmentation=slic,segmentation.compactness=2.5", Slic(compactness=2.5)),
        ("segmentation.kernel_size=3.5", Quickshift(kernel_size=3.5)),
        ("segmentation.ratio=0.5,segmentation.max_dist=9", Quickshift(ratio=0.5, max_dist=9)),
        ("segmentation=felzenszwalb,samples=70", Felzenszwalb()),
    ],
)
def test_a_setting_may_have_settings(told: str, meant: Segmentation) -> None:
    from explainers.command_line.naming import Method, methods_named

    read = Method().convert(f"lime:{told}", None, None)
    assert isinstance(read, LimeSuperpixels)
    assert read.segmentation == meant
    assert methods_named(f"grad-cam,lime:{told.replace(',', ':')}") == (GradCam(), read)
    assert settings_of(read)["segmentation"] == repr(meant)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_the_help_can_be_understood(
    name: str, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("pets.keras", "pets.txt", "cat.json", "pet.json", "pet.jpg", "cat-report.html"):
        (tmp_path / file).touch()
    (tmp_path / "run").mkdir()
    assert main([name, "--help"]) == 0
    told = capsys.readouterr().out
    examples = [line.strip() for line in told.splitlines() if line.startswith("    triptych")]
    assert examples
    for example in examples:
        asked = example.partition("  ")[0].partition("|")[0].partition(">")[0]
        _, named, *rest = (
            [*shlex.split(asked), "app"] if asked == "triptych" else shlex.split(asked)
        )
        command = triptych.get_command(click.Context(triptych), named)
        assert command is not None
        command.make_context(named, rest)


def test_help_waits_for_nothing_slow() -> None:
    asked = "import sys; from explainers.command_line import main; main(['--help'])"
    tell = "print({'numpy', 'explainers.methods'} & {*sys.modules})"
    told = subprocess.run(
        [sys.executable, "-c", f"{asked}; {tell}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.splitlines()[-1] == "set()"
    for name, summary in COMMANDS.items():
        assert f"  {name:8}  {summary}" in told.stdout


def test_without_a_command_the_app_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    main([])
    main(["app", "--server.port=8600"])
    plain = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
    assert started == [plain, [*plain, "--server.port=8600"]]


def test_the_version_is_the_one_that_is_installed(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"Triptych {__version__}\n"


def test_progress_is_for_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, told in ((True, "\rcat: 3 of 9\x1b[K"), (False, "")):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        tell("cat: 3 of 9")
        assert stream.getvalue() == told


def test_what_is_below_python_is_hushed_for_a_while(capfd: Captured) -> None:
    with hushed():
        os.write(2, b"noise\n")
        print("reason", file=sys.stderr)
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "reason\nlater\n"
