"""A report says what its record says, to everybody, and runs and loads nothing."""

import base64
import io
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from explainers import GradCam, LimeSuperpixels, Prediction, Saliency, Target
from explainers.explanation import Explanation
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Quickshift
from explainers.metrics.agreement import BLOB, Agreement
from explainers.metrics.faithfulness import RANDOM, Kind
from explainers.metrics.method_card import MethodCard
from explainers.metrics.scoreboard import Findings
from explainers.report import recording
from explainers.report.curves import HEIGHT, WIDTH, drawn_curves
from explainers.report.digests import digest_of
from explainers.report.index import Entry, index
from explainers.report.page import (
    LARGEST_PNG,
    LINK,
    Case,
    case_of,
    record_from,
    record_in,
    report,
)
from explainers.report.record import Record, RecordError
from explainers.report.recording import experiment, record_of
from explainers.report.telling import Marks, in_words
from explainers.words import legible, percent, rounded, short
from tests.names import NAMES
from tests.report.parsed import Parsed
from tests.report.running import Run

if TYPE_CHECKING:
    from explainers import Classifier

MEGABYTE = 1_000_000
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
OURS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer",
    "article", "div", "span", "h1", "h2", "h3", "h4", "p", "ul", "li", "dl", "dt", "dd", "strong",
    "b", "em", "a", "pre", "code", "img", "figure", "figcaption", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "svg", "path", "polygon", "polyline", "text",
}  # fmt: skip
"""No element of these runs or loads anything, but for what `src`, `href` and `style` may name."""
HOSTILE = (
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "<svg onload=alert(1)><image href='//zq.example/a.png'/></svg>",
    "<svg><style>@import '//zq.example/a.css'</style></svg>",
    '" onload="alert(1)" style="background:url(//zq.example/a.png)" x="',
    "' onerror='alert(1)' x='",
    "`onfocus=alert(1) autofocus`",
    "<img src=x onerror=alert(1)>",
    "<a href=javascript:alert(1)>zq</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=//zq.example'>",
    "<base href=//zq.example>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}{# zq #}",
    "{label.__class__} %(label)s %s",
    "</a></p></section></main></body></html><script>alert(1)</script>",
    *NAMES,
)


@pytest.fixture(scope="module")
def case(ran: Run, smooth: "Classifier", image: np.ndarray) -> Case:
    return case_of(ran.record, smooth, image, ran.explanations, ran.findings, ran.check_up)


@pytest.fixture(scope="module")
def written(case: Case) -> str:
    return report(case)


@pytest.fixture(scope="module")
def page(written: str) -> Parsed:
    return Parsed(written)


def bare(classifier: "Classifier", image: np.ndarray, *, title: str = "Blocks") -> Case:
    """A case of one map, without tests, experiments and check-up."""
    explanation = GradCam().explain(classifier, classifier.prepare(image), 0)
    record = record_of(classifier, image, [explanation], title=title, inside=True)
    return case_of(record, classifier, image, [explanation])


def test_nothing_in_it_can_run_or_load(written: str, page: Parsed) -> None:
    assert {tag for tag, _ in page.elements} <= OURS
    assert page.others == ["doctype html"]
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert str(attributes.get("src", "data:image/")).startswith("data:image/")
        assert re.match("#|data:application/json;base64,", str(attributes.get("href", "#")))
        assert "url(" not in str(attributes.get("style"))
    assert not re.search(r"url\(|@import|expression", written)
    policies = [
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == [POLICY]


def named(case: Case, text: str) -> Case:
    """The case with every name and every text that could come from people set to one."""
    told, record = case.told, case.record

    def say(answers: Any) -> Any:
        return tuple(replace(each, label=text) for each in answers)

    prediction = Prediction(told.prediction.probabilities, (text,) * len(told.prediction.labels))
    first, second, third = told.explanations
    nothing = np.zeros_like(second.heatmap)
    assert case.check_up is not None
    assert case.findings.tested is not None
    fed = [
        replace(
            each,
            scaling=replace(each.scaling, name=text),
            answer=each.answer and replace(each.answer, label=text),
        )
        for each in case.check_up.feedings
    ]
    return replace(
        case,
        told=replace(
            told,
            classifier=text,
            prediction=prediction,
            explanations=(
                replace(first, explainer=GradCam(layer=text), notes=(text, text)),
                replace(second, heatmap=nothing, why_blank=text),
                replace(third, notes=(text,)),
            ),
            agreements=[
                Agreement((text, BLOB if BLOB in each.names else text), *_figures(each))
                for each in told.agreements
            ],
        ),
        cards=[_card(each, text) for each in case.cards],
        findings=replace(case.findings, tested=_curves_named(case.findings, text)),
        check_up=replace(
            case.check_up, kind=text, head=text, rescaling=text, feedings=tuple(fed),
            fed=fed[case.check_up.feedings.index(case.check_up.fed)],
        ),
        record=replace(
            record,
            picture=replace(record.picture, title=text, sample=text),
            classifier=replace(
                record.classifier, title=text, scaling=replace(record.classifier.scaling, name=text)
            ),
            target=replace(record.target, label=text, rather_than_label=text),
            answer=say(record.answer),
            experiments=tuple(
                replace(each, fill=text, answer=say(each.answer)) for each in record.experiments
            ),
            purpose=text,
            ran=replace(
                record.ran, system=text, processor=text, versions={text: text, f"{text} ": text}
            ),
        ),
    )  # fmt: skip


def _figures(each: Agreement) -> tuple[float, tuple[float, ...]]:
    return each.correlation, each.overlap


def _card(card: MethodCard, text: str) -> MethodCard:
    return replace(
        card,
        title=text,
        kind=text,
        attributes=tuple(replace(each, said=text) for each in card.attributes),
        blind_to=text,
        notes=(text,),
        sources=(text,),
        score=replace(card.score, name=text),
    )


def _curves_named(findings: Findings, text: str) -> Any:
    assert findings.tested is not None
    known = {BLOB, RANDOM}
    return replace(
        findings.tested,
        curves=tuple(
            each if each.name in known else replace(each, name=f"{each.name} {text}")
            for each in findings.tested.curves
        ),
    )


@pytest.fixture(scope="module")
def outline(case: Case) -> list:
    return Parsed(report(named(case, "plain"))).outline


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_shown_letter_by_letter_and_nothing_else(
    case: Case, outline: list, text: str
) -> None:
    page = Parsed(report(named(case, text)))
    assert page.outline == outline
    assert page.others == ["doctype html"]
    assert page.text.count(" ".join(legible(text).split())) > 50


def test_what_cannot_be_seen_is_left_out(case: Case) -> None:
    page = Parsed(report(named(case, "a\u202eb\u200b")))
    assert "\u202e" not in page.text
    assert "\u200b" not in page.text


def test_the_record_is_inside_and_the_page_says_what_it_says(
    case: Case, written: str, page: Parsed
) -> None:
    record = record_in(written)
    assert record == case.record
    answers, *rest = page.tables
    assert [
        (label.text.removesuffix(" explained"), said.text) for label, said in answers.rows[1:]
    ] == [(each.label, percent(each.probability)) for each in record.answer]
    for each, table in zip(record.explanations, rest, strict=False):
        assert table.caption.startswith(each.title)
        largest = np.abs(each.grid).max()
        row, column = np.unravel_index(np.abs(each.grid).argmax(), each.grid.shape)
        assert f"row {row}, column {column}" in table.caption
        numbers = [[cell.text for cell in row[1:]] for row in table.rows[1:]]
        shares = (each.grid / largest).tolist()
        assert numbers == [[short(share).replace("-", "−") for share in row] for row in shares]
    assert [
        [cell.text for cell in row] for row in rest[len(record.explanations)].rows[1:]
    ] == [
        [" and ".join(each.names), *map(rounded, (each.correlation, *each.overlap))]
        for each in record.agreement
    ]  # fmt: skip
    found = {row[0].text: [cell.text for cell in row[1:]] for row in rest[4].rows[1:]}
    assert record.tests.curves is not None
    for line in record.tests.curves.curves:
        place = 0 if line.kind == "deletion" else 2
        assert found[line.name][place] == f"{np.mean(line.areas):.3f}"
        beaten = "–" if line.beaten is None else f"{line.beaten}"
        assert found[line.name][place + 1] == beaten
    assert record.check_up is not None
    model = {row[0].text.removesuffix(" in use"): row[1].text for row in rest[5].rows[1:]}
    assert model == {
        fed.scaling: fed.answer.label if fed.answer else "no number"
        for fed in record.check_up.feedings
    }
    for each in (record.picture.digest, record.picture.seen, record.classifier.labels):
        assert each in page.text
    assert f"In the words of who made it: {record.purpose}" in page.text


def test_experiments_are_told_with_what_became_of_the_class(case: Case, page: Parsed) -> None:
    before = next(each for each in case.record.answer if each.index == 0)
    for each in case.record.experiments:
        after = next(said for said in each.answer if said.index == 0)
        first = each.answer[0]
        turned = "still" if first.index == case.record.answer[0].index else "now"
        assert (
            f"{before.label} goes from {percent(before.probability)} to "
            f"{percent(after.probability)}; the answer is {turned} {first.label} "
            f"({percent(first.probability)})."
        ) in page.text
    hidden, kept = case.tried
    assert (hidden != case.image).any(axis=2).mean() < (kept != case.image).any(axis=2).mean()


def test_it_says_in_words_what_compare_says(case: Case, page: Parsed) -> None:
    plain = Marks(name=str, strong=str, emphasis=str, link=lambda text, _: text)
    for question, said in in_words(case.told, plain).items():
        assert question in page.text
        for sentence in (said.before, *said.points, said.after):
            assert sentence in page.text


def test_links_lead_to_what_is_there(page: Parsed) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {str(each["href"]) for tag, each in page.elements if tag == "a" and "href" in each}
    inside = {link.removeprefix("#") for link in links if link.startswith("#")}
    assert inside
    assert inside <= set(ids)
    labelled = {each["aria-labelledby"] for _, each in page.elements if "aria-labelledby" in each}
    assert labelled <= set(ids)


def test_tables_have_headers_with_their_scope(page: Parsed) -> None:
    for table in page.tables:
        assert table.caption
        head, *body = table.rows
        assert {cell.attributes.get("scope") for cell in head} == {"col"}
        assert {row[0].attributes.get("scope") for row in body} == {"row"}
        assert {len(row) for row in body} == {len(head)}


def test_pictures_say_what_was_found(page: Parsed) -> None:
    pictures = [attributes["alt"] for tag, attributes in page.elements if tag == "img"]
    assert all(pictures)
    for title in ("Grad-CAM", "Smoothed saliency", "LIME superpixels"):
        (said,) = (each for each in pictures if str(each).startswith(f"{title} over the picture"))
        assert re.search(r"cells in rows \d+ to \d+ and columns \d+ to \d+", str(said))


def test_headings_go_down_step_by_step(page: Parsed) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert max(np.diff(levels)) == 1


def test_what_was_not_tested_is_said(smooth: "Classifier", image: np.ndarray, page: Parsed) -> None:
    alone = Parsed(report(bare(smooth, image))).text
    assert (
        "Not tested: deletion and insertion, the same again with a little noise on the picture and "
        "copies of the network that have forgotten what it learnt."
    ) in alone
    assert "How far to believe it?" not in alone
    assert "How far do they agree?" not in alone
    assert "What if?" not in alone
    assert "Not tested: the same" not in page.text
    assert "Deletion and insertion were followed beside 3 random orders and a blob" in page.text


def test_what_was_measured_stands_with_its_figures(case: Case, page: Parsed) -> None:
    curves, again = case.record.tests.curves, case.record.tests.again
    assert curves is not None
    titles = [each.title for each in case.record.explanations]
    for kind in ("deletion", "insertion"):
        lines = [line for line in curves.curves if line.kind == kind]
        best = sum(line.beaten == 3 for line in lines if line.name in titles)
        assert f"{best} of 3 maps in {kind}" in page.text
    assert "of as many maps that know nothing, 0.75 would on average" in page.text
    for each in again:
        median = f"{np.median(each.correlations):.2f}".replace("-", "−")
        assert re.search(rf": {each.title} {median} \(.* to .*\) of 3 pairs\.", page.text)


def test_evidence_is_no_compliance(page: Parsed) -> None:
    for heading in ("Purpose", "Version", "Data", "Why these methods", "Measured limits"):
        assert heading in page.text
    assert "nothing in this file says that a rule is met" in page.text
    assert not re.search("complian|conform|certif|guarantee|trustworthy", page.text, re.IGNORECASE)


def test_how_to_run_it_again(case: Case, page: Parsed) -> None:
    assert "python -m explainers replay triptych-blocks.json --model MODEL" in page.text
    record = case.record
    stranger = replace(record, picture=replace(record.picture, png=None, sample=None))
    alone = Parsed(report(replace(case, record=stranger))).text
    assert "replay triptych-blocks.json --picture PICTURE --model MODEL" in alone


@pytest.mark.parametrize("part", [None, "Nothing", "!!", "bm90aGluZw=="])
def test_a_page_without_a_record_is_told(written: str, part: str | None) -> None:
    found = re.search('href="(data:application/json;base64,)([^"]*)"', written)
    assert found is not None
    broken = (
        "<p>Hello</p>" if part is None else written.replace(found[0], f'href="{found[1]}{part}"')
    )
    with pytest.raises(RecordError) as told:
        record_in("<p>Hello</p>" if part is None else broken)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize("marks", ["<a>", "</a>", "<", "<!--", '<a id="record" ', LINK])
def test_a_page_of_nothing_but_marks_is_told_in_no_time(marks: str) -> None:
    page = f"<!doctype html>{marks * (2**23 // len(marks))}".encode()
    before = time.process_time()
    with pytest.raises(RecordError) as told:
        record_from(page)
    assert time.process_time() - before < 1
    assert str(told.value).endswith(".")


def test_a_large_picture_is_left_out_of_the_record(smooth: "Classifier") -> None:
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    case = bare(smooth, noise)
    assert len(case.record.picture.png or "") > LARGEST_PNG
    written = report(case)
    assert len(written) < 2 * MEGABYTE
    record = record_in(written)
    assert record.picture == replace(case.record.picture, png=None)
    assert "too large for this file" in Parsed(written).text


def test_a_record_leaves_out_a_picture_that_is_too_large_for_it_and_the_report_says_so(
    smooth: "Classifier", image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "LARGEST_PNG", 1000)
    case = bare(smooth, image)
    assert case.record.picture.png is None
    assert case.record.picture.digest == digest_of(image)
    page = Parsed(report(case)).text
    assert "The picture itself is not in the record; the digest under Evidence tells" in page
    assert "--picture PICTURE" in page


def test_a_picture_and_three_methods_take_less_than_two_megabytes(
    lite0: "Classifier", cat: np.ndarray
) -> None:
    image = SAMPLES["cat"].read()
    methods = (GradCam(), Saliency(samples=4), LimeSuperpixels(samples=60))
    maps = [method.explain(lite0, cat, 285) for method in methods]
    record = record_of(lite0, image, maps, title="Cat", inside=True)
    written = report(case_of(record, lite0, image, maps))
    assert len(written.encode()) < 2 * MEGABYTE
    assert record_in(written) == record
    assert "EfficientNet-Lite0 gives Egyptian cat 77.1%, place 1 of 1,000." in Parsed(written).text


def test_fifty_experiments_do_too(lite0: "Classifier") -> None:
    """As many as a session keeps, each with a quarter of the superpixels of a busy picture."""
    image = SAMPLES["motorcycle"].read()
    pixels = lite0.prepare(image)
    maps = [GradCam().explain(lite0, pixels, 665)]
    segments, random = Quickshift().segments(pixels), np.random.default_rng(0)
    pieces = int(segments.max()) + 1
    answer = lite0.predict(pixels)
    tried = [
        experiment("hide", "blur", np.isin(segments, chosen[: pieces // 4]), answer, 665)
        for chosen in (random.permutation(pieces) for _ in range(50))
    ]
    record = record_of(lite0, image, maps, sample="motorcycle", experiments=tried)
    written = report(case_of(record, lite0, image, maps))
    assert len(written.encode()) < 2 * MEGABYTE
    assert "50. Hide the region" in Parsed(written).text


def test_a_map_is_drawn_as_large_as_its_scale_says(case: Case, page: Parsed) -> None:
    for each in case.told.explanations:
        ends = f"{each.scale:.3g}".replace("e-0", "e-")
        low = f"-{ends}" if each.signed else "0"
        said = f"Colours from {low} to {ends}"
        assert said in [attributes.get("alt") for _, attributes in page.elements]


@pytest.mark.parametrize("make", [lambda map: 0 * map, lambda map: 0 * map + 1])
def test_a_map_that_shows_nothing_is_told(
    smooth: "Classifier", image: np.ndarray, make: Callable[[np.ndarray], np.ndarray]
) -> None:
    found = GradCam().explain(smooth, smooth.prepare(image), 0)
    blank = Explanation(found.explainer, found.classifier, Target(0), make(found.heatmap))
    record = record_of(smooth, image, [blank])
    page = Parsed(report(case_of(record, smooth, image, [blank])))
    assert f"It points nowhere. {blank.blank_reason}" in page.text


@pytest.mark.parametrize("kind", ["deletion", "insertion"])
def test_the_area_under_a_curve_that_is_drawn_is_the_one_that_is_said(
    case: Case, kind: Kind
) -> None:
    drawings = {drawing.kind: drawing for drawing in drawn_curves(case.findings)}
    drawing, found = drawings[kind], case.findings.curves(kind)
    assert [line.name for line in drawing.lines] == [name for name in found if name != RANDOM]
    for line in (*drawing.lines, drawing.random):
        points = np.array([point.split(",") for point in line.points.split()], float)
        shares, values = points[:, 0] / WIDTH, (1 - points[:, 1] / HEIGHT) * drawing.largest
        assert np.trapezoid(values, shares) == pytest.approx(found[line.name].area, abs=1e-3)
        assert line.area == found[line.name].area
    band = np.array([point.split(",") for point in drawing.band.split()], float)
    assert len(band) == 2 * len(found[RANDOM].shares)
    assert band[:, 1].min() >= 0
    assert band[:, 1].max() <= HEIGHT


def test_a_folder_of_reports_has_a_first_page(
    case: Case, smooth: "Classifier", image: np.ndarray
) -> None:
    alone = bare(smooth, image, title="Alone")
    entries = [Entry.of(case, "/somewhere/a b#1.html"), Entry.of(alone, "alone.html")]
    written = index(entries)
    page = Parsed(written)
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert links == ["./a%20b%231.html", "./alone.html"]
    assert "2 reports" in page.text
    least = min(
        (each for each in case.record.agreement if BLOB not in each.names),
        key=lambda each: each.correlation,
    )
    said = f"Least alike: {' and '.join(least.names)}, rank correlation"
    assert page.text.count("Least alike") == 1
    assert f"{said} {rounded(least.correlation)}" in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_first_page_shows_names_letter_by_letter(case: Case, text: str) -> None:
    plain, page = (
        Parsed(index([Entry.of(named(case, title), "report.html")])) for title in ("plain", text)
    )
    assert page.outline == plain.outline
    assert page.others == ["doctype html"]
    assert " ".join(legible(text).split()) in page.text


def test_the_pictures_inside_are_pictures(written: str) -> None:
    found = re.findall(r"data:image/(?:webp|png);base64,([^\"]*)", written)
    assert len(found) == 1 + 2 * 3 + 2
    for content in found:
        Image.open(io.BytesIO(base64.b64decode(content))).load()


def test_the_middle_square_is_what_is_shown(smooth: "Classifier", image: np.ndarray) -> None:
    pixels = smooth.prepare(image, crop=True)
    explanation = GradCam().explain(smooth, pixels, 0)
    record = record_of(smooth, image, [explanation], square=True)
    case = case_of(record, smooth, image, [explanation])
    assert case.image.shape == (48, 48, 3)
    assert "Its middle square, resized to 32 × 24 pixels, was shown" in Parsed(report(case)).text
    assert isinstance(case.record, Record)
