"""The report that one takes away of Compare says what Compare says."""

import re

from explainers import Classifier
from explainers.images.samples import SAMPLES
from explainers.report.digests import digest_of
from explainers.report.page import record_in
from tests.app.conftest import Offered
from tests.app.driving import captions, open_app
from tests.app.test_records import drop
from tests.app.test_summary import summary
from tests.report.parsed import Parsed


def plain(markdown: str) -> str:
    """Text without its marks, one space between words."""
    unlinked = re.sub(r"\[([^]]*)\]\(#[^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"\*\*|^- | · |\\", " ", unlinked, flags=re.MULTILINE).split())


def test_the_report_of_compare(offered: Offered, lite0: Classifier) -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    make, name, kind, _ = offered["Report"]
    assert (name, kind) == ("triptych-coffee-report.html", "text/html")
    written = make().decode()
    page, record = Parsed(written), record_in(written)
    assert [each.title for each in record.explanations] == ["Grad-CAM", "LIME superpixels"]
    assert record.explanations[1].settings["samples"] == 60
    assert record.picture.sample == "coffee"
    assert record.picture.digest == digest_of(SAMPLES["coffee"].read())
    assert record.classifier.network == "efficientnet-lite0"
    assert record.check_up is not None
    assert "Why espresso?" in page.text
    sentences = re.split(r"(?<=[.:]) (?=[A-Z])", plain(summary(app)))
    spoken = re.sub(r"[^\w.%]+", " ", page.text)
    for sentence in sentences:
        if "Only the middle square" not in sentence:
            assert re.sub(r"[^\w.%]+", " ", sentence).strip() in spoken
    assert len(sentences) > 10


def test_the_picture_that_is_cut_is_the_one_of_the_report(offered: Offered) -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM"])
    app.toggle(key="square").set_value(True).run()
    written = offered["Report"][0]().decode()
    assert record_in(written).picture.square
    assert "Coffee, 400 × 400 pixels." in Parsed(written).text


def test_a_report_that_is_dropped_opens_as_the_page_stood(offered: Offered) -> None:
    open_app(picture="rocket", methods=["Grad-CAM"], **{"class": "657"})
    report = offered["Report"][0]()
    app = open_app(methods=["LIME superpixels"])
    drop(app, report, "report.html")
    assert app.title[0].value == "Why missile?"
    assert app.session_state.methods == ["Grad-CAM"]
    assert "As it stood on 20" in captions(app)
    drop(app, b"<!doctype html><p>Another page", "page.html")
    assert "There is no record in this file" in app.error[0].value


def test_the_poster_stands_beside_it() -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM"])
    labels = [button.proto.label for button in app.get("download_button")]
    assert {"Poster", "Record", "Report"} <= set(labels)


def test_without_maps_there_is_no_report(offered: Offered) -> None:
    app = open_app(picture="cat", methods=["Grad-CAM"])
    offered.clear()
    app.pills(key="methods").set_value([]).run()
    assert "Report" not in offered
