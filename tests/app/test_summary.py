"""The paragraph under the maps: every figure in it is one that the library gives."""

import re

import numpy as np
import pytest

from explainers import GradCam, LimeSuperpixels, load_classifier
from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import agreements
from explainers.metrics.pointing import hide_hottest, place
from pages.parts.words import escaped, percent
from tests.app.driving import open_app


def summary(app) -> str:
    (said,) = (each.value for each in app.markdown if each.value.startswith("**The answer**"))
    return said


def test_every_figure_is_the_librarys() -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    said = summary(app)
    classifier = load_classifier("efficientnet-lite0")
    pixels = classifier.prepare(SAMPLES["coffee"].read())
    first, second = classifier.predict(pixels).top(2)
    assert f"**{first.label}**, with a probability of [{percent(first.probability)}]" in said
    assert f"{second.label} with {percent(second.probability)}" in said
    maps = [
        each.explain(classifier, pixels, 967) for each in (GradCam(), LimeSuperpixels(samples=60))
    ]
    for explanation in maps:
        found = place(explanation)
        share = f"{found.share:.0%} of them"
        cells = f"{share}, rows {found.rows[0]} to {found.rows[1]}, columns {found.columns[0]} to"
        assert f"{cells} {found.columns[1]}" in said
        hiding = hide_hottest(classifier, pixels, explanation)
        title = explanation.explainer.title
        assert f"{percent(hiding.after)} where {title} is hottest ({hiding.share:.0%} of" in said
    assert f"[{agreements(maps)[0].correlation:.2f}](#agreement)" in said
    assert "squeezed 1.5 times" in said


def test_links_lead_to_headings_on_the_page() -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    anchors = {each.anchor for each in [*app.title, *app.subheader]}
    headings = [
        each.value.removeprefix("#### ") for each in app.markdown if each.value.startswith("#### ")
    ]
    anchors |= {heading.casefold().replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", summary(app)))
    assert links == {"answer", "agreement", "grad-cam", "lime-superpixels"}
    assert links <= anchors


def test_what_to_be_careful_about() -> None:
    app = open_app(picture="cat", methods=["LIME superpixels"])
    app.number_input(key="lime-samples").set_value(200).run()
    said = summary(app)
    assert re.search(r"accounts for only \d+% of what the network does \(R² 0\.\d\d\)", said)
    assert "Do the maps agree?" not in said


def test_another_class_than_the_first_is_named_and_a_sense_told() -> None:
    app = open_app(picture="cat", methods=["Grad-CAM"], **{"class": "97"})
    said = summary(app)
    assert "says **Egyptian cat**" in said
    assert "What follows is about **drake**, which gets " in said
    assert "“drake” has a meaning of its own in ImageNet: a male duck." in said


def test_a_close_call_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = load_classifier("efficientnet-lite0")

    def torn(self, batch):
        answers = np.zeros((len(batch), 1000), np.float32)
        answers[:, 285], answers[:, 281] = 0.42, 0.40
        return answers

    monkeypatch.setattr(type(classifier), "probabilities", torn)
    said = summary(open_app(picture="cat", methods=["Grad-CAM"]))
    assert "a close call: Egyptian cat leads tabby by only 2.0 percentage points" in said


def test_nothing_to_say_without_maps() -> None:
    app = open_app(picture="cat", methods=["Grad-CAM"])
    app.pills(key="methods").set_value([]).run()
    assert "In words" not in [each.value for each in app.subheader]


def test_a_name_is_a_name_and_never_markdown() -> None:
    assert escaped("a*b [x](y) $z$ :red[q] jack-o'-lantern") == (
        r"a\*b \[x\](y) \$z\$ \:red\[q\] jack-o'-lantern"
    )
