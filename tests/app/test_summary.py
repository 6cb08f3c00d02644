"""The paragraph under the maps: every figure in it is one that the library gives."""

import re
from urllib.parse import parse_qs

import numpy as np
import pytest

from explainers import Classifier, GradCam, LimeSuperpixels
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Quickshift
from explainers.metrics.agreement import agreements
from explainers.metrics.pointing import Hiding, hide_hottest, place
from explainers.words import percent, rounded
from pages.parts.words import escaped
from tests.app.driving import captions, open_app


def summary(app) -> str:
    (said,) = (each.value for each in app.markdown if each.value.startswith("**The answer**"))
    return said


def test_every_figure_is_the_librarys(lite0: Classifier) -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    said = summary(app)
    pixels = lite0.prepare(SAMPLES["coffee"].read())
    first, second = lite0.predict(pixels).top(2)
    assert f"**{first.label}**, with a probability of [{percent(first.probability)}]" in said
    assert f"Next comes {second.label}, with {percent(second.probability)}." in said
    maps = [each.explain(lite0, pixels, 967) for each in (GradCam(), LimeSuperpixels(samples=60))]
    for explanation in maps:
        found = place(explanation)
        (top, bottom), (left, right) = found.rows, found.columns
        cells = f"{found.count} cells in rows {top} to {bottom} and columns {left} to {right}."
        assert cells in said
        hiding = hide_hottest(lite0, pixels, explanation)
        low, high = hiding.elsewhere.min(), hiding.elsewhere.max()
        assert (
            f"blur the hottest {hiding.share:.0%} of the picture, and {percent(hiding.after)} are "
            f"left. The random places leave {percent(low)} to {percent(high)}; "
            f"{hiding.matched or 'all 19'}"
        ) in said
    assert "what speaks for espresso is strongest" in said
    assert "what raises the probability of espresso is strongest" in said
    assert "matrix, from 0 at the top left." in said
    assert "the same shape is blurred at 19 random places" in said
    pair, *blobs = agreements(maps)
    assert f"[{pair.correlation:.2f}](#agreement) for Grad-CAM and LIME superpixels." in said
    assert "is chance" not in said
    for blob in blobs:
        assert f"{rounded(blob.correlation)} with {blob.names[0]}" in said
    assert "Read the figures against it, not against 0." in captions(app)
    assert "squeezed 1.5 times" in said


def test_what_luck_would_do_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def say(after: float) -> str:
        found = Hiding(np.ones((2, 2), bool), 0.9, after, np.array([0.2, 0.5, 0.9] + 16 * [0.8]))
        monkeypatch.setattr("pages.parts.cache.hiding", lambda *_: found)
        return summary(open_app(picture="coffee", methods=["Grad-CAM"]))

    assert "leave 20.0% to 90.0%; 2 of the 19 leave no more than that." in say(0.6)
    assert "; 1 of the 19 leaves no more than that." in say(0.3)
    assert "; all 19 leave more, which luck alone brings about at most once in 20 times" in say(0.1)


def test_saliency_moves_a_score_and_speaks_for_nothing() -> None:
    said = summary(open_app(picture="coffee", methods=["Smoothed saliency"]))
    assert "what moves the score of espresso is strongest" in said
    assert "speaks for" not in said


def test_a_map_that_is_the_same_everywhere_is_not_said_to_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = np.zeros((224, 224), np.int32)
    monkeypatch.setattr(Quickshift, "segments", lambda self, pixels: whole)
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    said = summary(app)
    reason = "This map says the same everywhere, so it points to no place."
    assert f"[LIME superpixels](#lime) points nowhere. {reason}" in said
    assert reason in [each.value for each in app.info]
    assert "- [LIME superpixels]" not in said
    assert "rank correlation" not in said.casefold()


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.771, "77.1%"),
        (1 / 3, "33.3%"),
        (0.05, "5.0%"),
        (0.0014, "0.14%"),
        (1.7e-4, "0.017%"),
        (1.7e-6, "0.00017%"),
        (1e-6, "0.00010%"),
        (9e-7, "under 0.0001%"),
        (1e-9, "under 0.0001%"),
        (0.0, "under 0.0001%"),
        (0.99998, "99.998%"),
        (0.9995, "99.95%"),
        (0.999999, "99.9999%"),
        (1 - 1e-9, "over 99.9999%"),
        (1.0, "over 99.9999%"),
        (-0.262, "−26.2%"),
        (-4e-5, "−0.0040%"),
        (-1e-9, "over −0.0001%"),
        (1.043, "104.3%"),
    ],
)
def test_a_probability_is_a_percentage(probability: float, said: str) -> None:
    assert percent(probability) == said


def test_links_lead_to_headings_on_the_page() -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    anchors = {each.anchor for each in [*app.title, *app.header, *app.subheader]}
    links = set(re.findall(r"\]\(#([^)]+)\)", summary(app)))
    assert links == {"answer", "agreement", "grad-cam", "lime"}
    assert links <= anchors


def test_links_to_other_pages_carry_all_methods() -> None:
    chosen = ["Grad-CAM", "Smoothed saliency"]
    app = open_app(picture="coffee", methods=chosen)
    links = [link.proto for link in app.main.get("page_link")]
    assert {link.label for link in links} >= {"What if?", "How far to believe it?"}
    assert all(parse_qs(link.query_string)["methods"] == chosen for link in links)


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
    def torn(self, batch):
        answers = np.zeros((len(batch), 1000), np.float32)
        answers[:, 285], answers[:, 281] = 0.42, 0.40
        return answers

    monkeypatch.setattr(Classifier, "probabilities", torn)
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
