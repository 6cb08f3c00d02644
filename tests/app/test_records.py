"""A record is taken away from the page, and dropped there again."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam, Saliency
from explainers.images.colouring import encode
from explainers.images.regions import box, cells, hide
from explainers.images.samples import SAMPLES
from explainers.metrics.faithfulness import STEPS, curves, strengths_of
from explainers.metrics.randomisation import randomisation
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import ask_again
from explainers.report import recording
from explainers.report.digests import digest_of
from explainers.report.record import Record
from explainers.report.recording import experiment, pictured, record_of, what_tests_found
from pages.parts import taking_away
from pages.parts.words import escaped
from tests.app.conftest import Offered
from tests.app.driving import captions, open_app
from tests.names import NAMES

SETTINGS = {
    "grad-cam-of": "probability",
    "lime-segmentation": "SLIC",
    "lime-segmentation-SLIC-n_segments": 20,
    "square": True,
}
"""That nobody begins with."""


@pytest.fixture(scope="module")
def missile(lite0: Classifier) -> Record:
    """The rocket, asked about a missile."""
    image = SAMPLES["rocket"].read()
    explanation = GradCam(of="probability").explain(lite0, lite0.prepare(image), 657)
    return record_of(lite0, image, [explanation], title="Rocket", sample="rocket")


def drop(app: AppTest, content: bytes, name: str = "a.json") -> None:
    app.segmented_control(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").set_value((name, content, "text/plain")).run()
    assert not app.exception


def edited(record: Record, edit: Callable[[dict[str, Any]], object]) -> bytes:
    found = json.loads(record.text)
    edit(found)
    return json.dumps(found).encode()


def test_the_page_stands_as_it_did(offered: Offered) -> None:
    """Whoever drops a record gets a page that makes the same one."""
    app = open_app(picture="rocket", methods=["Grad-CAM", "LIME superpixels"], **{"class": "657"})
    for name, value in SETTINGS.items():
        app.session_state[name] = value
    app.run()
    content = offered["Record"][0]()
    before = Record.read(content)
    assert before.explanations[0].settings["of"] == "probability"
    assert before.explanations[1].settings["segmentation"]["n_segments"] == 20  # type: ignore[index,call-overload]
    assert before.picture.square
    assert before.target.label == "missile"
    other = open_app()
    drop(other, content)
    after = Record.read(offered["Record"][0]())
    assert replace(before, ran=after.ran) == after
    assert "As it stood on 20" in captions(other)
    other.segmented_control(key="source").set_value("Gallery").run()
    other.button(key="sample-coffee").click().run()
    assert "As it stood on 20" not in captions(other)


def test_a_picture_of_ones_own_is_inside(missile: Record, offered: Offered) -> None:
    image = np.ascontiguousarray(SAMPLES["rocket"].read()[:, ::-1])

    def swap(record: dict[str, Any], png: str | None) -> None:
        record["picture"].update(png=png, digest=digest_of(image), sample=None)

    app = open_app(methods=["Grad-CAM"])
    drop(app, edited(missile, lambda record: swap(record, None)))
    assert "drop the picture first, and then the record" in app.error[0].value
    png = base64.b64encode(encode(image)).decode()
    drop(app, edited(missile, lambda record: swap(record, png)))
    assert not app.error
    found = Record.read(offered["Record"][0]()).picture.image()
    assert found is not None
    np.testing.assert_array_equal(found, image)


def test_a_picture_too_large_for_a_record_is_told_by_its_digest(
    offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is made all the same, and opens once the picture is there."""
    monkeypatch.setattr(recording, "LARGEST_PNG", 1000)
    monkeypatch.setattr(taking_away, "LARGEST_PNG", 1000)
    image = np.ascontiguousarray(SAMPLES["rocket"].read()[:, ::-1])
    app = open_app(methods=["Grad-CAM"])
    assert "stays outside" not in offered["Record"][3]
    app.segmented_control(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").set_value(("a.png", encode(image), "image/png")).run()
    assert "stays outside: the record then tells it by its digest" in offered["Record"][3]
    content = offered["Record"][0]()
    record = Record.read(content)
    assert record.picture.png is None
    assert record.picture.digest == digest_of(image)
    other = open_app(methods=["Grad-CAM"])
    drop(other, content)
    assert "drop the picture first, and then the record" in other.error[0].value
    other.file_uploader(key="upload").set_value(("a.png", encode(image), "image/png")).run()
    drop(other, content)
    assert not other.error
    assert "As it stood on 20" in captions(other)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r.update(format=2), "its format is 2"),
        (lambda r: r["explanations"][0].update(method="os.system"), "There is no method"),
        (lambda r: r["explanations"][0]["settings"].update(of="loss"), "must be one of"),
        (lambda r: r["picture"].update(digest="0" * 64), "is not the one of the record"),
        (lambda r: r.pop("ran"), "lacks 'ran'"),
    ],
)
def test_what_cannot_be_opened_is_told_and_everything_stands(
    missile: Record, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    app = open_app(methods=["Grad-CAM"])
    drop(app, edited(missile, edit))
    assert escaped(said) in app.error[0].value
    assert app.title[0].value == "Why Egyptian cat?"
    assert app.session_state["grad-cam-of"] == "logit"


@pytest.mark.parametrize("name", [each for each in NAMES if "<img" in each or "![" in each])
def test_names_in_a_record_are_shown_letter_by_letter(missile: Record, name: str) -> None:
    def call(record: dict[str, Any]) -> None:
        record["picture"]["title"] = record["classifier"]["title"] = name
        record["answer"][0]["label"] = record["purpose"] = name
        record["classifier"]["network"] = None

    app = open_app(methods=["Grad-CAM"])
    drop(app, edited(missile, call))
    said = captions(app)
    assert f"Then it said {escaped(name)}, " in said
    assert f"It was {escaped(name)} that answered" in said


def test_weights_that_are_not_here_are_asked_for(missile: Record) -> None:
    app = open_app(methods=["Grad-CAM"])
    drop(app, edited(missile, lambda record: record["classifier"].update(file="0" * 64)))
    assert "It was EfficientNet-Lite0 that answered, from a file that is not on" in captions(app)


def test_a_layer_that_is_not_there_breaks_nothing(missile: Record) -> None:
    app = open_app(methods=["Grad-CAM"])
    drop(
        app, edited(missile, lambda record: record["explanations"][0]["settings"].update(layer="x"))
    )
    assert app.title[0].value == "Why missile?"


@pytest.mark.parametrize("visited", [False, True])
def test_tests_and_experiments_stand_as_they_did(
    monkeypatch: pytest.MonkeyPatch, smooth: Classifier, offered: Offered, visited: bool
) -> None:
    """Also where their pages were seen before, under other settings."""
    tiny = smooth.variant(scaling=smooth.scaling, name="efficientnet-lite0, tiny")
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: tiny)
    image = SAMPLES["coffee"].read()
    pixels = tiny.prepare(image)
    target = int(tiny.predict(pixels).ranking[0])
    maps = [each.explain(tiny, pixels, target) for each in (GradCam(), Saliency(samples=4))]
    segments = cells(tiny.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in maps}
    *_, tested = curves(tiny, pixels, target, strengths, segments, fill="black", steps=10)
    repeats = {}
    for each, change in ((maps[0], "noise"), (maps[1], "seed"), (maps[1], "noise")):
        *_, again = ask_again(each, tiny, pixels, change, times=4, noise=0.07)
        repeats[each.explainer.title, change] = again
    names = [name for name in SAMPLES if name != "coffee"]
    others = [SAMPLES[name].read() for name in names]
    seen = [tiny.prepare(each) for each in others]
    *_, broken = randomisation(
        maps[:1], tiny, pixels, seen, way="shuffled", stages=2, copies=3, seed=5
    )
    tests = what_tests_found(
        Findings(tested, repeats, broken), fill="black", steps=10, noise=0.07, way="shuffled",
        others=[
            pictured(other, shown, SAMPLES[name].title, sample=name)
            for name, other, shown in zip(names, others, seen, strict=True)
        ],
    )  # fmt: skip
    assert tests.forgotten is not None
    tests = replace(tests, forgotten=replace(tests.forgotten, seed=5))
    small, large = (box(tiny.size, (2, 6), (3, 8)), box(tiny.size, (0, 9), (1, 12)))
    tried = [
        experiment(kind, fill, region, tiny.predict(hide(pixels, hidden, fill)), target)
        for kind, fill, region, hidden in (
            ("hide", "black", small, small),
            ("keep", "grey", large, ~large),
            ("hide", "grey", large, large),
        )
    ]
    before = record_of(
        tiny, image, maps, title="Coffee", sample="coffee", tests=tests, experiments=tried,
        network="efficientnet-lite0",
    )  # fmt: skip

    app = open_app(picture="coffee")
    if visited:
        for page in ("pages/what_if.py", "pages/how_far.py", "app.py"):
            app.switch_page(page).run()
    drop(app, before.text.encode())
    assert "Its tests are set as they were on *How far to believe it?*, to be run" in captions(app)
    assert "Its experiments are done again on *What if?*." in captions(app)
    app.switch_page("pages/what_if.py").run()
    assert not app.exception
    assert "Experiments so far: 3" in [each.label for each in app.expander]
    assert app.selectbox(key="region-fill").value == "grey"
    assert app.pills(key="kinds").value == ["Keep only the region", "Hide the region"]
    assert f"{large.mean():.1%} of the picture" in captions(app)
    app.switch_page("pages/how_far.py").run()
    app.pills(key="methods").set_value(["Grad-CAM", "Smoothed saliency"]).run()
    for start in ("Run the test", "Ask again", "Break copies"):
        (button,) = (each for each in app.button if each.label.startswith(start))
        button.click().run()
        assert not app.exception
    after = Record.read(offered["Record"][0]())
    assert after.tests == before.tests
    assert after.experiments == before.experiments
    assert replace(before, ran=after.ran) == after


def test_settings_of_tests_that_no_control_has_are_left(missile: Record) -> None:
    def strange(record: dict[str, Any]) -> None:
        line = {
            "name": "Grad-CAM", "kind": "deletion", "shares": [0, 1], "runs": [[1, 0]],
            "areas": [0.5], "beaten": None,
        }  # fmt: skip
        record["tests"]["curves"] = {
            "segmentation": {"kind": "Slic"}, "fill": "nothing", "steps": 3, "random_orders": 1,
            "seed": 1, "curves": [line],
        }  # fmt: skip
        record["tests"]["again"] = [
            {"title": "Grad-CAM", "change": "noise", "times": 50, "noise": 0.9, "seed": 0,
             "correlations": [1.0]}
        ]  # fmt: skip

    app = open_app(methods=["Grad-CAM"])
    drop(app, edited(missile, strange))
    app.switch_page("pages/how_far.py").run()
    assert not app.exception
    assert app.number_input(key="test-steps").value == STEPS
    assert app.number_input(key="repeat-times").value == 3
    assert app.selectbox(key="test-fill").value == "blur"
