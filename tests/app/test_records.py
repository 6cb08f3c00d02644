"""A record is taken away from the page, and dropped there again."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam
from explainers.images.colouring import encode
from explainers.images.samples import SAMPLES
from explainers.report.digests import digest_of
from explainers.report.record import Record
from explainers.report.recording import record_of
from pages.parts import records
from pages.parts.words import escaped
from tests.app.driving import captions, open_app
from tests.names import NAMES

Made = list[Callable[[], bytes]]
SETTINGS = {
    "grad-cam-of": "probability",
    "lime-segmentation": "SLIC",
    "lime-segmentation-SLIC-n_segments": 20,
    "square": True,
}
"""That nobody begins with."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What the button would make, each time that it is drawn."""
    found: Made = []
    maker = records.maker

    def watched(*arguments: Any) -> Callable[[], bytes]:
        found.append(maker(*arguments))
        return found[-1]

    monkeypatch.setattr(records, "maker", watched)
    return found


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


def test_the_page_stands_as_it_did(made: Made) -> None:
    """Whoever drops a record gets a page that makes the same one."""
    app = open_app(picture="rocket", methods=["Grad-CAM", "LIME superpixels"], **{"class": "657"})
    for name, value in SETTINGS.items():
        app.session_state[name] = value
    app.run()
    content = made[-1]()
    before = Record.read(content)
    assert before.explanations[0].settings["of"] == "probability"
    assert before.explanations[1].settings["segmentation"]["n_segments"] == 20  # type: ignore[index,call-overload]
    assert before.picture.square
    assert before.target.label == "missile"
    other = open_app()
    drop(other, content)
    after = Record.read(made[-1]())
    assert replace(before, ran=after.ran) == after
    assert "As it stood on 20" in captions(other)
    other.segmented_control(key="source").set_value("Gallery").run()
    other.button(key="sample-coffee").click().run()
    assert "As it stood on 20" not in captions(other)


def test_a_picture_of_ones_own_is_inside(missile: Record, made: Made) -> None:
    image = np.ascontiguousarray(SAMPLES["rocket"].read()[:, ::-1])

    def swap(record: dict[str, Any], png: str | None) -> None:
        record["picture"].update(png=png, digest=digest_of(image), sample=None)

    app = open_app(methods=["Grad-CAM"])
    drop(app, edited(missile, lambda record: swap(record, None)))
    assert "name the picture's file" in app.error[0].value
    png = base64.b64encode(encode(image)).decode()
    drop(app, edited(missile, lambda record: swap(record, png)))
    assert not app.error
    found = Record.read(made[-1]()).picture.image()
    assert found is not None
    np.testing.assert_array_equal(found, image)


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
