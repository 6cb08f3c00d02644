"""What is the same, what has moved, and what could not be run."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from explainers import (
    METHODS,
    GradCam,
    IntegratedGradients,
    LimeSuperpixels,
    Saliency,
    check_up,
)
from explainers.classifiers.check_up import PASSES
from explainers.classifiers.scaling import Scaling
from explainers.images.colouring import encode
from explainers.images.regions import cells
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Felzenszwalb, Quickshift, Slic
from explainers.metrics import faithfulness
from explainers.metrics.faithfulness import curves, strengths_of
from explainers.metrics.randomisation import cost
from explainers.metrics.scoreboard import Findings
from explainers.report.comparing import CELL, CORRELATION, PROBABILITY, compared, within
from explainers.report.digests import file_digest
from explainers.report.plain import RecordError
from explainers.report.record import Record
from explainers.report.recording import record_of, what_tests_found
from explainers.report.remaking import method_of, told
from explainers.report.replay import Outcome, passes, replay
from explainers.settings import Settings
from tests.conftest import Hold
from tests.report.conftest import plain
from tests.report.running import METHODS as METHODS_OF_A_RUN

if TYPE_CHECKING:
    import keras

    from explainers import Classifier

ROOT = Path(__file__).parents[2]
TITLES = ["Grad-CAM", "Smoothed saliency", "LIME superpixels"]


@pytest.fixture(scope="module")
def outcome(record: Record, smooth: "Classifier") -> Outcome:
    return replay(record, model=smooth)


def test_what_is_run_again_says_the_same(record: Record, outcome: Outcome) -> None:
    assert outcome.status == 0
    assert str(outcome).startswith("It still says the same, ")
    assert outcome.now is not None
    assert outcome.now.text == replace(record, ran=outcome.now.ran).text


def test_all_that_a_record_says_is_compared(outcome: Outcome) -> None:
    said = str(outcome)
    for what in (
        "The answer", *TITLES, "LIME superpixels, R²", "Agreement of Grad-CAM and",
        "Experiment 1", "Experiment 2", "Deletion of Grad-CAM", "Insertion of random order",
        "Grad-CAM asked again", "LIME superpixels asked again", "Grad-CAM of copies that forget",
        "The check-up",
    ):  # fmt: skip
        assert f"same    {what}" in said


def _edited(record: Record, edit: Callable[[dict[str, Any]], object]) -> Record:
    """The record with its file edited by hand."""
    found = json.loads(record.text)
    edit(found)
    return Record.read(json.dumps(found).encode())


def _warm(explained: dict[str, Any]) -> None:
    """One cell is made as hot as can be, or cold where it is hot."""
    matrix, scale = explained["matrix"], explained["scale"]
    matrix[3][5] = scale if matrix[3][5] < scale / 2 else 0.0


def _curve(r: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = r["tests"]["curves"]["curves"][0]
    return found


@pytest.mark.parametrize(
    ("edit", "what", "said"),
    [
        (lambda r: _warm(r["explanations"][0]), "Grad-CAM", "1 of 196 cells by up to"),
        (lambda r: _warm(r["explanations"][0]), "Grad-CAM", "row 3, column 5 from"),
        (lambda r: r["answer"][0].update(probability=0.999), "The answer", "99.9% then"),
        (lambda r: r["answer"].reverse(), None, ""),
        (lambda r: r["agreement"][0].update(correlation=0.99), "Agreement of Grad-CAM and", "0.99"),
        (lambda r: r["experiments"][0]["answer"][0].update(probability=0), "Experiment 1", "under"),
        (lambda r: r["tests"]["curves"]["curves"][0].update(areas=[0.999]), "Deletion of", "0.999"),
        (lambda r: r["tests"]["curves"]["curves"][0].update(beaten=99), "Deletion of", "99 then"),
        (lambda r: r["tests"]["again"][0].update(correlations=[-1] * 3), "Grad-CAM asked", "−1.00"),
        (
            lambda r: r["tests"]["forgotten"]["maps"][0].update(baseline=[None]),
            "Grad-CAM of copies", "none then",
        ),
        (
            lambda r: r["tests"]["forgotten"]["stages"][0].update(probabilities=[0, 1]),
            "What copies that forget", "off by",
        ),
        (lambda r: _curve(r)["runs"][0].__setitem__(2, 0.999), "Deletion of Grad-CAM", "at 50%"),
        (lambda r: _curve(r)["runs"][0].__setitem__(2, 0.999), "Deletion of", "1 of 5 points"),
        (lambda r: r["explanations"][0].update(notes=["It."]), "Grad-CAM, what else", "It. then"),
        (lambda r: r["check_up"].update(likeliest="caffe"), "The check-up", "caffe"),
        (
            lambda r: r["check_up"]["feedings"][1]["answer"].update(probability=0.999),
            "The check-up, if fed", "99.9%",
        ),
        (
            lambda r: r["check_up"]["feedings"][1].update(given=[-9, 9]),
            "The check-up, if fed", "given -9 to 9",
        ),
    ],
)  # fmt: skip
def test_what_moved_is_told_with_figures(
    record: Record, outcome: Outcome, edit: Any, what: str | None, said: str
) -> None:
    assert outcome.now is not None
    found = Outcome(_edited(record, edit), outcome.now, ())
    if what is None:
        assert found.status == 0  # in another order the same is said
        return
    assert found.status == 1
    (moved,) = found.moved
    assert moved.what.startswith(what)
    assert said in moved.said
    assert f"moved   {moved.what}: {moved.said}" in str(found)


def test_the_cells_that_moved_are_named(record: Record, outcome: Outcome) -> None:
    assert outcome.now is not None
    edited = _edited(record, lambda r: _warm(r["explanations"][0]))
    found = Outcome(edited, outcome.now, ())
    (moved,) = found.moved
    (cell,) = moved.cells
    assert (cell.row, cell.column) == (3, 5)
    assert cell.now == pytest.approx(outcome.now.explanations[0].matrix[3][5])
    told = json.loads(found.json)
    assert told["status"] == 1
    assert [each["cells"] for each in told["figures"] if each["moved"]] == [
        [{"row": 3, "column": 5, "then": cell.then, "now": cell.now}]
    ]


def test_rounding_is_no_move(record: Record, outcome: Outcome) -> None:
    assert outcome.now is not None

    def nudge(r: dict[str, Any]) -> None:
        cell = 0.9 * CELL * r["explanations"][0]["scale"]
        row = r["explanations"][0]["matrix"][3]
        row[5] += cell if row[5] <= 0 else -cell
        r["answer"][0]["probability"] -= 0.9 * PROBABILITY
        r["agreement"][0]["correlation"] += 0.9 * CORRELATION
        run = _curve(r)["runs"][0]
        run[2] += 0.9 * PROBABILITY if run[2] < 0.5 else -0.9 * PROBABILITY

    assert Outcome(_edited(record, nudge), outcome.now, ()).status == 0


@pytest.mark.parametrize(
    ("then", "now", "equal"),
    [
        ("They differ by 0.0012.", "They differ by 0.0013.", True),
        ("They differ by 0.0012.", "They differ by 0.0014.", False),
        ("8.123, less 0.001", "8.123, less 0.008", True),
        ("8.123, less 0.001", "8.123, less 0.010", False),
        ("by 2e-07", "by 3e-07", True),
        ("by 2e-07", "by 2e-05", False),
        ("1,204 samples", "1,205 samples", True),
        ("1,204 samples", "1,304 samples", False),
        ("sum to −0.4", "sum to 0.4", False),
        ("One. 2", "One. 2. Three.", False),
        ("9" * 50, "9", False),
    ],
)
def test_a_figure_in_a_sentence_may_be_off_by_one_in_its_last_digit(
    smooth: "Classifier", image: np.ndarray, then: str, now: str, equal: bool
) -> None:
    record = plain(smooth, image, GradCam())

    def noted(note: str) -> Record:
        return _edited(record, lambda r: r["explanations"][0].update(notes=[note]))

    (line,) = (each for each in compared(noted(then), noted(now)) if "what else" in each.what)
    assert line.moved is not equal
    assert equal or line.said == f"{then} then, {now} now"


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (0.5, 0.5009, True), (0.5, 0.5011, False), (0.0001, 0.0009, False), (1e-4, 1.09e-4, True),
        (0.0, 9e-7, True), (0.0, 2e-6, False), (1.0, 0.9991, True),
    ],
)  # fmt: skip
def test_small_probabilities_are_held_to_a_tenth_of_themselves(
    one: float, other: float, equal: bool
) -> None:
    assert (abs(one - other) <= within(one, other)) is equal


def test_a_changed_place_is_told_apart_from_a_changed_result(
    record: Record, outcome: Outcome
) -> None:
    assert outcome.now is not None
    elsewhere = replace(record.ran, versions=record.ran.versions | {"keras": "2.0"}, cores=512)
    same = Outcome(replace(record, ran=elsewhere), outcome.now, ())
    assert same.status == 0
    assert "keras 2.0 → " in str(same)
    assert "cores 512 → " in str(same)
    assert "though not all is as it was" in same.verdict
    edited = _edited(record, lambda r: r["answer"][0].update(probability=0.999))
    assert "may be why" in Outcome(replace(edited, ran=elsewhere), outcome.now, ()).verdict
    here = Outcome(replace(edited, ran=outcome.now.ran), outcome.now, ())
    assert here.changed == ("of which file the network comes is not known of both",)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda e: e.update(method="grad-kam"), "There is no method 'grad-kam' here"),
        (lambda e: e["settings"].update(of="loss"), "must be one of"),
        (lambda e: e["settings"].update(layer="nowhere"), "has no layer 'nowhere'"),
        (lambda e: e["settings"].update(layer=3), "Grad-CAM, layer, cannot be 3"),
        (lambda e: e["settings"].pop("of"), "has the setting 'of' here, of which the record says"),
        (lambda e: e["settings"].update(depth=3), "has no setting 'depth'"),
        (lambda e: e.update(method="hirescam"), "Here the method 'hirescam' is HiResCAM"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_made_is_told_and_the_rest_is_run(
    smooth: "Classifier", image: np.ndarray, edit: Any, said: str
) -> None:
    record = plain(smooth, image, GradCam())
    found = replay(_edited(record, lambda r: edit(r["explanations"][0])), model=smooth)
    assert found.status == 2
    (sentence,) = found.unrun
    assert sentence.startswith("Grad-CAM: ")
    assert said in sentence
    assert f"not run {sentence}" in str(found)
    assert [each.what for each in found.figures] == ["The answer"]


def test_what_moved_outweighs_what_could_not_be_run(
    smooth: "Classifier", image: np.ndarray
) -> None:
    def edit(r: dict[str, Any]) -> None:
        r["explanations"][0].update(method="grad-kam")
        r["answer"][0].update(probability=0.999)

    assert replay(_edited(plain(smooth, image, GradCam()), edit), model=smooth).status == 1


def test_a_test_whose_map_cannot_be_made_is_not_run(record: Record, smooth: "Classifier") -> None:
    edited = _edited(record, lambda r: r["explanations"][0].update(method="grad-kam"))
    found = replay(edited, model=smooth)
    assert [sentence.split(":")[0] for sentence in found.unrun] == [
        "Grad-CAM", "Deletion and insertion", "Grad-CAM asked again (noise)", "Copies that forget",
    ]  # fmt: skip
    assert found.status == 2


@pytest.mark.parametrize("method", METHODS)
def test_every_setting_comes_back(method: Any) -> None:
    for flipped in _flipped(method()):
        settings = json.loads(json.dumps(told(flipped)))
        assert method_of(method.name, settings) == flipped


def test_one_flipped_setting_is_one_line(smooth: "Classifier", image: np.ndarray) -> None:
    """Of what was asked; what came out of it differs as it may."""
    first = LimeSuperpixels(segmentation=Slic(n_segments=9), samples=30)
    record = plain(smooth, image, first)
    (explained,) = record.explanations
    for flipped in _flipped(first):
        if type(flipped.segmentation) is not Slic:
            continue  # another cut has other settings
        changed = replace(record, explanations=(replace(explained, settings=told(flipped)),))
        pairs = zip(record.text.splitlines(), changed.text.splitlines(), strict=True)
        assert sum(one != other for one, other in pairs) == 1


def _flipped(settings: Any) -> list[Any]:
    """The same with one setting changed, for each setting; those of a nested cut as well."""
    found = []
    for name, entry in settings.settings().items():
        now = getattr(settings, name)
        if isinstance(now, Settings):
            others = [*_flipped(now), Quickshift(), Felzenszwalb()]
        elif isinstance(now, bool):
            others = [not now]
        elif isinstance(entry.choices, tuple):
            others = [choice for choice in entry.choices if choice != now]
        elif now is None:
            others = ["early"]
        else:
            others = [now + entry.step if now < entry.maximum else now - entry.step]
        found += [replace(settings, **{name: other}) for other in others]
    return found


@pytest.mark.parametrize("method", METHODS)
def test_settings_are_held_against_their_own_bounds(method: Any) -> None:
    for name, entry in method.settings().items():
        wrong: list[Any] = [[], {}, {"kind": "os.system"}, 10**400]
        wrong += [True, "__import__('os')"] if entry.maximum is not None else [3.5]
        wrong += [] if entry.maximum is None else [entry.maximum * 2 + 1, float("nan"), None]
        for value in wrong:
            with pytest.raises(RecordError):
                method_of(method.name, told(method()) | {name: value})


def test_the_picture_is_the_one_that_was_recorded(
    smooth: "Classifier", image: np.ndarray, tmp_path: Path
) -> None:
    record = plain(smooth, image, GradCam())
    without = replace(record, picture=replace(record.picture, png=None))
    file = tmp_path / "picture.png"
    file.write_bytes(encode(image))
    assert replay(without, file, smooth).status == 0
    assert "name the picture's file" in replay(without, model=smooth).unrun[0]
    file.write_bytes(encode(image[::-1]))
    found = replay(without, file, smooth)
    assert found.status == 2
    assert str(found).startswith("It could not be run again.")
    assert "its digest is another" in found.unrun[0]
    sampled = replace(without, picture=replace(without.picture, sample="cat"))
    assert "The sample picture here is not the one" in replay(sampled, model=smooth).unrun[0]


def test_the_model_is_the_file_that_was_recorded(
    smooth: "Classifier", smooth_model: "keras.Model", image: np.ndarray, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.keras"
    smooth_model.save(file)
    maps = [GradCam().explain(smooth, smooth.prepare(image), 0)]
    record = record_of(smooth, image, maps, inside=True, file=file_digest(file))
    found = replay(record, model=file)
    assert found.status == 0, str(found)
    assert found.changed == ()
    assert found.now is not None
    assert [said.label for said in found.now.answer] == [said.label for said in record.answer]
    assert "Not all classes have the names" not in str(found)
    assert "'smooth' is somebody's own model: name its file" in replay(record).unrun[0]
    file.write_bytes(file.read_bytes() + b" ")
    assert "its digest is another" in replay(record, model=file).unrun[0]
    assert replay(record, model=tmp_path / "none.keras").status == 2


def test_a_model_is_fed_and_called_as_the_record_says(
    smooth: "Classifier", smooth_model: "keras.Model", image: np.ndarray, tmp_path: Path
) -> None:
    """A scaling that nobody would guess, and names of which the record does not tell all."""
    file = tmp_path / "tiny.keras"
    smooth_model.save(file)
    odd = Scaling("typed in", (10.0, 20.0, 30.0), (99.0, 98.0, 97.0), bgr=True)
    fed = smooth.variant(name="smooth", scaling=odd, labels=["zebra", "lynx", "owl"])
    maps = [GradCam().explain(fed, fed.prepare(image), 1)]
    record = record_of(fed, image, maps, inside=True, file=file_digest(file))
    found = replay(record, model=file)
    assert found.status == 0, str(found)
    assert found.now is not None
    assert found.now.classifier == record.classifier
    few = replace(record, answer=record.answer[:1])
    assert few.answer[0].index != few.target.index
    found = replay(few, model=file)
    assert found.status == 0, str(found)
    assert found.now is not None
    known = {few.answer[0].index: few.answer[0].label, 1: "lynx"}
    (other,) = {0, 1, 2} - {*known}
    named = {said.index: said.label for said in found.now.answer}
    assert named == known | {other: f"class {other}"}
    assert found.now.target.label == "lynx"
    assert "compared by their numbers" in str(found)
    moved = replace(
        few,
        classifier=replace(
            few.classifier,
            scaling=record_of(
                smooth, image, [GradCam().explain(smooth, smooth.prepare(image), 1)]
            ).classifier.scaling,
        ),
    )
    assert replay(moved, model=file).status == 1


def test_another_network_is_no_replay(
    smooth: "Classifier", lite0: "Classifier", image: np.ndarray
) -> None:
    found = replay(plain(smooth, image, GradCam()), model=lite0)
    assert found.status == 2
    assert "takes 224 x 224 pixels and knows 1,000 classes" in found.unrun[0]


def test_nothing_is_fetched_because_a_record_says_so(
    smooth: "Classifier", image: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    record = plain(smooth, image, GradCam())
    for network, said in (("vgg16", "are not on this machine"), ("../x", "no network '../x'")):
        named = replace(record, classifier=replace(record.classifier, network=network))
        assert said in replay(named).unrun[0]
    assert not list(tmp_path.iterdir())


def test_a_map_that_was_stopped_is_compared_at_the_same_point(
    smooth: "Classifier", image: np.ndarray
) -> None:
    method = LimeSuperpixels(segmentation=Slic(n_segments=9), samples=100)
    early, *_ = method.refine(smooth, smooth.prepare(image), 0)
    assert early.done < early.total
    record = record_of(smooth, image, [early], inside=True)
    found = replay(record, model=smooth)
    assert found.status == 0, str(found)
    assert found.now is not None
    assert found.now.explanations[0].done == early.done


def test_the_bundled_network_says_the_same_on_tensorflows_other_kernels(
    lite0: "Classifier", cat: np.ndarray, tmp_path: Path, held: Hold
) -> None:
    """Another process, with the kernels that are not in use here: another place, the same result.

    What differs is what rounding alone does.
    """
    methods = (
        GradCam(), Saliency(samples=20), LimeSuperpixels(samples=100), IntegratedGradients(steps=8)
    )  # fmt: skip
    maps = [method.explain(lite0, cat, 285) for method in methods]
    segments = cells(lite0.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in maps}
    *_, tested = curves(lite0, cat, 285, strengths, segments, steps=14)
    record = record_of(
        lite0, SAMPLES["cat"].read(), maps, title="Cat", sample="cat",
        check_up=check_up(lite0, cat), tests=what_tests_found(Findings(tested), steps=14),
    )  # fmt: skip
    then, now = tmp_path / "then.json", tmp_path / "now.json"
    then.write_text(record.text)
    other = {"oneDNN": "0", "Eigen": "1"}[record.ran.kernels]
    code = (
        "import sys; from explainers.report.record import Record; "
        "from explainers.report.replay import replay; "
        f"outcome = replay(Record.read({str(then)!r})); print(outcome); "
        f"open({str(now)!r}, 'w').write(outcome.now.text); sys.exit(outcome.status)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": other},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    assert "kernels " in run.stdout
    figures = list(compared(record, Record.read(now)))
    against = "TensorFlow's other kernels, replayed in a process of their own"
    for what, like, bound in (
        ("Probabilities of a record", "^The answer$", PROBABILITY),
        ("Cells of a record's maps, shares of their scale", f"^({'|'.join(TITLES)})$", CELL),
        ("Rank correlations of a record", "^Agreement of", CORRELATION),
        ("Points of a record's curves", "^(Deletion|Insertion) of (?!.*beaten)", PROBABILITY),
        ("A record's answers under each scaling", "^The check-up, if fed", PROBABILITY),
    ):
        chosen = [each for each in figures if re.search(like, each.what)]
        assert all(each.bound <= bound for each in chosen)
        held(what, against, max(each.by for each in chosen), bound)


def test_the_price_is_told_before_anything_is_run(record: Record, smooth: "Classifier") -> None:
    """It is what each part says of itself."""
    told: list[str] = []
    priced: list[tuple[int, float]] = []

    def price(count: int, seconds: float) -> None:
        told.append("the price")
        priced.append((count, seconds))

    replay(record, model=smooth, tell=told.append, price=price)
    assert told[:3] == ["Opening the network", "the price", "Grad-CAM"]
    cam, saliency, lime = (each.cost(smooth).passes for each in METHODS_OF_A_RUN)
    tested = faithfulness.passes(3, cells(smooth.size), steps=4, random_runs=3)
    broken = cost(GradCam(), smooth, 1, stages=2, copies=2).passes
    ((count, seconds),) = priced
    assert count == 1 + cam + saliency + lime + 2 + tested + 2 * (cam + lime) + broken + PASSES
    assert 0 < seconds < 60
    asked = _edited(record, lambda r: r["explanations"][0].update(method="grad-kam"))
    assert passes(asked, smooth) == count - 3 * cam - broken
