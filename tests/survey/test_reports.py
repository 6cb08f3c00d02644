"""Reports of a survey's pictures say what the survey says, and tell what they leave out."""

import dataclasses
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from explainers import GradCam, LimeSuperpixels
from explainers.command_line import main
from explainers.command_line.surveyed import PICKS
from explainers.images.superpixels import Slic
from explainers.report.page import record_in
from explainers.report.replay import replay
from explainers.survey.looking import look, look_closer
from explainers.survey.pictures import Found
from explainers.survey.questions import Page, Question, in_words, page
from explainers.survey.reports import (
    Missing,
    Step,
    Written,
    first_page,
    methods_of,
    network_of,
    passes,
    reports,
)
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import SETTINGS, TABLE, Stored, schema, write
from explainers.words import legible
from tests.names import NAMES
from tests.report.parsed import Parsed
from tests.survey.conftest import Paint

if TYPE_CHECKING:
    from explainers import Classifier

LIME = LimeSuperpixels(segmentation=Slic(n_segments=9), samples=60, seed=4)
CLOSER = "a/002.png"
ALL = Question("path")


@pytest.fixture(scope="module", autouse=True)
def _untried() -> Iterator[None]:
    """The model is our own: it is opened without being tried in a process of its own first."""
    from explainers.models import model_file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            model_file, "open_classifier", partial(model_file.open_classifier, tried=False)
        )
        yield


@pytest.fixture(scope="module")
def network(tiny: tuple[Path, Path]) -> "Classifier":
    """What the survey asked."""
    return _survey(tiny).open()


def _survey(tiny: tuple[Path, Path]) -> Survey:
    return Survey(
        classifier=str(tiny[0]), names=str(tiny[1]), scaling="-1..1", methods=(GradCam(),),
        closer=(LIME,), square=True,
    )  # fmt: skip


@pytest.fixture
def stored(
    painted: Paint, tiny: tuple[Path, Path], network: "Classifier", tmp_path: Path
) -> Stored:
    """A survey of five pictures by the tiny model's file, one looked at closer, one that failed."""
    root = painted("a", 5)
    (root / "a" / "004.png").write_bytes(b"")
    survey = _survey(tiny)
    pictures = [Found(f"a/{number:03}.png", 1, None, None) for number in range(5)]
    rows = {row["path"]: row for row in look(survey, network, root, pictures)}
    rows[CLOSER] = look_closer(survey, network, root, pictures[2], "worst")
    folder = tmp_path / "run"
    write([*rows.values()], folder / TABLE, schema(survey))
    told = survey.described() | {
        "root": str(root), "title": "Tiny", "labels": list(network.labels)
    }  # fmt: skip
    (folder / SETTINGS).write_text(json.dumps(told))
    return Stored.at(folder)


def asked(stored: Stored, question: Question = ALL) -> Page:
    return page(stored, question, matrices=["grad-cam"])


def results(steps: Iterator[Step]) -> list[Written | Missing]:
    return [step.result for step in steps if step.result is not None]


def test_a_report_says_what_the_survey_says(stored: Stored, tiny: tuple[Path, Path]) -> None:
    rows = asked(stored, Question("path", failed=False)).rows
    written = results(reports(stored, rows, network_of(stored, tiny[0])))
    assert len(written) == 4
    for row, each in zip(rows, written, strict=True):
        assert isinstance(each, Written)
        record = record_in(each.page)
        assert record.picture.title == row["path"]
        assert record.picture.square
        assert record.target.index == row["answer_index"]
        assert record.answer[0].label == row["answer"]
        assert record.answer[0].probability == pytest.approx(row["probability"], abs=1e-6)
        np.testing.assert_allclose(
            record.explanations[0].grid,
            row["grad_cam_matrix"],
            atol=1e-6 * record.explanations[0].scale,
        )
        closer = ["LIME superpixels"] if row["path"] == CLOSER else []
        assert [map.title for map in record.explanations] == ["Grad-CAM", *closer]
    again = replay(record_in(written[2].page), model=tiny[0])  # type: ignore[union-attr]
    assert again.status == 0


def test_methods_are_set_as_they_were(stored: Stored) -> None:
    rows = {row["path"]: row for row in asked(stored).rows}
    assert methods_of(stored, rows[CLOSER]) == (GradCam(), LIME)
    assert methods_of(stored, rows["a/000.png"]) == (GradCam(),)
    for told in ("Slic(n_segments=9)", "Slic(n_segments=0)", "os.system('x')", "(", "Slic(open)"):
        settings = stored.told["closer"]["lime"] | {"segmentation": told}
        other = dataclasses.replace(stored, told=stored.told | {"closer": {"lime": settings}})
        with pytest.raises(SurveyError):
            methods_of(other, rows[CLOSER])


def test_what_has_changed_or_gone_is_told(stored: Stored, network: "Classifier") -> None:
    first, second, *_ = (stored.root / row["path"] for row in asked(stored).rows)
    first.unlink()
    second.write_bytes((stored.root / CLOSER).read_bytes())
    found = asked(stored)
    steps = list(reports(stored, found.rows, network, [GradCam()]))
    missing = [each for each in results(iter(steps)) if isinstance(each, Missing)]
    assert [each.path for each in missing] == ["a/000.png", "a/001.png", "a/004.png"]
    assert "not there any more" in missing[0].why
    assert "another one now" in missing[1].why
    assert "empty" in missing[2].why
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 5)
    entries = [each.entry for each in results(iter(steps)) if isinstance(each, Written)]
    told = Parsed(first_page(stored, ALL, found.total, entries, missing)).text
    assert "3 pictures have no report: " in told
    for each in missing:
        assert f"{each.path}: {each.why}" in told


def test_the_first_page_says_what_of_the_survey_it_shows(
    stored: Stored, network: "Classifier"
) -> None:
    rows = asked(stored).rows[:2]
    entries = [
        each.entry
        for each in results(reports(stored, rows, network, [GradCam()]))
        if isinstance(each, Written)
    ]
    question = Question("Off the centre", text="a/")
    told = Parsed(first_page(stored, question, 4, entries)).text
    assert "2 reports" in told
    assert (
        "Of the survey run: Tiny, asked by Grad-CAM about every picture in pictures. The first 2 "
        "of 4 pictures of the survey that fit. Only pictures with 'a/' in the path. What comes "
        "first, of the maps of Grad-CAM: The map's centre of mass is farthest from the middle."
    ) in told
    whole = Parsed(first_page(stored, ALL, 2, entries)).text
    assert "All 2 pictures of the survey that fit. In order of path, the smallest first." in whole


def test_every_filter_is_told(stored: Stored) -> None:
    question = Question(
        "entropy", descending=True, label="dog", answer="cat", chosen="random", correct=False,
        failed=True, between=(("margin", 0.25, None), ("entropy", None, None)),
    )  # fmt: skip
    assert in_words(question, stored) == (
        "Only pictures called cat, truly dog, whose answer is wrong, that failed, looked at closer "
        "for being drawn at random, whose margin is at least 0.25.",
        "In order of entropy, the largest first.",
    )


def test_a_network_that_says_something_else_now_is_told(
    stored: Stored, network: "Classifier"
) -> None:
    row = asked(stored).rows[0]
    other = (row["answer_index"] + 1) % 3
    changed = dict(row, answer_index=other, answer="other", correct=False, label="bird")
    (written,) = results(reports(stored, [changed], network, [GradCam()]))
    assert isinstance(written, Written)
    assert record_in(written.page).target.index == other
    assert written.entry.remark == (
        "Truly bird. In the survey it was other: something has changed since."
    )


def test_another_model_is_refused(stored: Stored, tiny: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match="Tiny, a model of its own: name its file"):
        network_of(stored)
    (tmp_path / "other.keras").write_bytes(tiny[0].read_bytes() + b" ")
    with pytest.raises(SurveyError, match="its digest is another"):
        network_of(stored, tmp_path / "other.keras")
    network = network_of(stored, tiny[0])
    assert network.labels == ("cat", "dog", "bird")
    assert network.scaling.name == "-1..1"


def test_hostile_names_are_shown_letter_by_letter_and_name_no_file(
    stored: Stored, network: "Classifier"
) -> None:
    row = asked(stored).rows[0]
    content = (stored.root / row["path"]).read_bytes()
    names = [
        *(name for name in NAMES if "/" not in name), "../../etc/passwd.png", "a\\..\\b.png",
        ".png", "</title><script>alert(1)</script>.png",
    ]  # fmt: skip
    inside = [name for name in names if "/" not in name]
    for name in inside:
        (stored.root / name).write_bytes(content)
    rows = [dict(row, path=name) for name in names]
    found = results(reports(stored, rows, network, [GradCam()]))
    missing = [each for each in found if isinstance(each, Missing)]
    written = [each for each in found if isinstance(each, Written)]
    assert [each.path for each in missing] == [name for name in names if "/" in name]
    assert len({each.name for each in written}) == len(inside)
    assert all(re.fullmatch(r"[0-9]+-[a-z0-9-]+\.html", each.name) for each in written)
    entries = [each.entry for each in written]
    plain = [dataclasses.replace(each, title="plain") for each in entries]
    pages = [
        Parsed(first_page(stored, ALL, 99, shown, [dataclasses.replace(missing[0], path=path)]))
        for shown, path in ((entries, missing[0].path), (plain, "plain"))
    ]
    assert pages[0].outline == pages[1].outline
    assert pages[0].others == ["doctype html"]
    for name in inside:
        assert " ".join(legible(name).split()) in pages[0].text


def test_what_it_costs_is_what_it_asks(
    stored: Stored, network: "Classifier", monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for row in asked(stored).rows if row["path"] in (CLOSER, "a/004.png")]
    count = 0

    def counted(name: str) -> Any:
        ask = getattr(network, name)

        def counting(*given: Any, **more: Any) -> Any:
            nonlocal count
            count += len(given[-1] if name == "masked_probabilities" else given[0])
            return ask(*given, **more)

        return counting

    for name in ("probabilities", "masked_probabilities"):
        monkeypatch.setattr(network, name, counted(name))
    told = passes(stored, rows, network)
    results(reports(stored, rows, network))
    assert 0.6 * told < count < 1.4 * told


def test_the_command_line_writes_them(
    stored: Stored, tiny: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stored.root / "a" / "000.png").unlink()
    out = tmp_path / "out"
    asked = ["report", "--survey", str(stored.folder), "--out", str(out)]
    assert main([*asked, "--pick", "worst"]) == 1
    assert "Tiny, a model of its own: name its file" in capsys.readouterr().err
    more = ["--model", str(tiny[0]), "--method", "grad-cam", "--find", "a/"]
    assert main([*asked, *more, "--pick", "off-the-centre", "--count", "5"]) == 1
    told, complaint = capsys.readouterr()
    assert f"3 of the 4 that fit: {out / 'index.html'}" in told
    assert complaint == "a/000.png: Its file is not there any more.\n"
    page = Parsed((out / "index.html").read_text("utf-8"))
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert links == {f"./{path.name}" for path in out.iterdir()} - {"./index.html"}
    assert "All 4 pictures of the survey that fit." in page.text
    assert main([*asked, *more, "--pick", "wrong"]) == 1
    assert capsys.readouterr().err == "No picture of run fits: pick others, or more.\n"


def test_picks_are_the_orders_of_the_page_and_what_was_looked_at_closer(stored: Stored) -> None:
    assert {"least-agreement", "wrong", "worst", "random"} <= set(PICKS)
    found = {name: page(stored, question).total for name, question in PICKS.items()}
    assert (found["worst"], found["random"], found["off-the-centre"]) == (1, 0, 4)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--survey", ".", "cat"], "PICTURE is for --survey to say: leave it out."),
        (["--survey", ".", "--square"], "--square is for --survey to say: leave it out."),
        (["--survey", ".", "--class", "dog"], "--class is for --survey to say: leave it out."),
        (["cat", "--count", "3"], "--count is of a survey: name it with --survey."),
        ([], "Missing argument 'PICTURE...', or a survey with --survey."),
    ],
)
def test_what_does_not_go_together_is_said(
    more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *more]) == 2
    assert capsys.readouterr().err.startswith(said)
