"""A report: one decision, its explanations and their tests as one file that opens anywhere.

The file runs nothing and loads nothing: pictures are inside as data, there is no script, and its
own policy forbids both. It is made for a browser, a phone, a printer and a screen reader alike.
The record in it is what `replay` runs again.

>>> case = case_of(record, classifier, image, explanations)  # doctest: +SKIP
>>> Path("cat.html").write_text(report(case), encoding="utf-8")  # doctest: +SKIP
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from markupsafe import escape as marked
from PIL import Image

from explainers.classifiers.check_up import CheckUp
from explainers.classifiers.prediction import Answer, Prediction
from explainers.classifiers.scaling import centre_square
from explainers.explanation import Explanation
from explainers.images.colouring import Style, coloured, encode, ink_on
from explainers.images.regions import hide, of_boxes, resized
from explainers.metrics.agreement import BLOB, CELLS, SHARES, Agreement, agreements
from explainers.metrics.faithfulness import KINDS, RANDOM
from explainers.metrics.method_card import Group, MethodCard, method_card
from explainers.metrics.pointing import Hiding, hide_hottest, place
from explainers.metrics.randomisation import Spread
from explainers.metrics.scoreboard import Findings, Score, baselines, standing
from explainers.report.curves import drawn_curves
from explainers.report.evidence import evidence, limits, made_on
from explainers.report.maps import bold_from, overlay_image
from explainers.report.model import facts_of, given_in_words, judged
from explainers.report.plain import RecordError
from explainers.report.record import Experiment, File, Record, Said, content_of
from explainers.report.recording import PROBABLE
from explainers.report.standings import rule, standing_in_words
from explainers.report.telling import (
    HOW_TO_READ_AGREEMENT,
    TRIED,
    Marks,
    Told,
    in_words,
    points_to,
    rivals,
    trial_in_words,
)
from explainers.words import in_words as target_in_words
from explainers.words import (
    legible,
    number,
    percent,
    raw_range,
    resolution,
    rounded,
    seconds,
    short,
    slug,
)

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

LONGEST = 640
"""Pixels of a picture's longer side: a third of a wide window at twice its pixels, roughly."""
WHOLE = 9
"""So many experiments have their pictures at that size; of more, all together have no more pixels.
"""
QUALITY = 80
"""Of pictures in WebP: they are to look at, and the record holds the numbers."""
UNBROKEN = "\N{NO-BREAK SPACE}"
LARGEST_PNG = 640_000
"""Characters of the pictures in a report's record: about 0.9 MB of a report of less than 2."""
BEGINS = "data:application/json;base64,"
LONGEST_HEAD = 1000
"""Bytes before the end of which a page says that it is one."""
LINK = f'<a id="record" href="{BEGINS}'
"""What the link that holds the record begins with, in every report."""


@dataclass(frozen=True, eq=False)
class Case:
    """All that a report tells.

    Parameters
    ----------
    record : Record
        What was run and what came out; it lies in the report as well.
    image : (H, W, 3) uint8 ndarray
        The picture, as much of it as the network was shown, at its own size.
    told : Told
        The decision, its maps, and what was measured of these.
    cards : sequence of MethodCard
        One a map.
    findings : Findings
        What tests were run, and found.
    tried : sequence of (H, W, 3) uint8 ndarray
        The picture as it was shown in each experiment of the record.
    check_up : CheckUp, optional
    """

    record: Record
    image: np.ndarray
    told: Told
    cards: Sequence[MethodCard] = ()
    findings: Findings = field(default_factory=Findings)
    tried: Sequence[np.ndarray] = ()
    check_up: CheckUp | None = None


def case_of(
    record: Record,
    classifier: "Classifier",
    image: np.ndarray,
    explanations: Sequence[Explanation],
    findings: Findings | None = None,
    check_up: CheckUp | None = None,
    hidings: Mapping[str, Hiding] | None = None,
    prediction: Prediction | None = None,
) -> Case:
    """All that a report tells, of what was found already; the rest is asked of the network.

    That is, unless they are given, its answer, and what hiding the hottest part of each map does:
    some 20 passes a map.

    Parameters
    ----------
    record : Record
        Of these maps; see `record_of`.
    classifier : Classifier
    image : (H, W, 3) uint8 ndarray
        The picture as it was read.
    explanations : sequence of Explanation
        Of one decision; one or more.
    findings : Findings, optional
        What tests were run, and found.
    check_up : CheckUp, optional
    hidings : mapping of str to Hiding, optional
        Of the maps that are not blank, by the titles of their methods.
    prediction : Prediction, optional
        The network's answer.
    """
    found = findings or Findings()
    pixels = classifier.prepare(image, crop=record.picture.square)
    shown = centre_square(image) if record.picture.square else image
    usable = [each for each in explanations if not each.blank_reason]
    if hidings is None:
        hidings = {each.explainer.title: hide_hottest(classifier, pixels, each) for each in usable}
    told = Told(
        classifier.title,
        prediction or classifier.predict(pixels),
        rivals(classifier),
        explanations,
        agreements(usable),
        hidings,
        seen=(pixels.shape[0], pixels.shape[1]),
        shown=(shown.shape[0], shown.shape[1]),
    )
    return Case(
        record,
        shown,
        told,
        [method_card(each, classifier, found) for each in explanations],
        found,
        _tried(record.experiments, pixels, shown),
        check_up,
    )


HTML = Marks(
    name=lambda text: str(marked(legible(text))),
    strong=lambda text: f"<strong>{text}</strong>",
    emphasis=lambda text: f"<em>{text}</em>",
    link=lambda text, anchor: f'<a href="#{anchor}">{text}</a>',
)


def report(case: Case, style: Style | None = None) -> str:
    """The report as HTML.

    It takes less than 2 MB for three maps: pictures are made small, and the record in the report
    goes without those that are large, which is said then.

    Parameters
    ----------
    case : Case
    style : Style, optional
        How maps are drawn; as the app does, if None.

    Returns
    -------
    str
        A whole document, for a file of UTF-8.
    """
    told, drawn, record = case.told, style or Style(), _mailable(case.record)
    prediction, index = told.prediction, told.index
    small = smaller(case.image)
    return template("report.html").render(
        question=f"Why {target_in_words(prediction, told.explanations[0].target)}?",
        record=record,
        explained=told.explanations[0].target.classes,
        beyond=len(record.answer) > PROBABLE,
        answer=prediction[index],
        rank=prediction.rank(index),
        classes=len(prediction.labels),
        size=f"{case.image.shape[1]} × {case.image.shape[0]} pixels",
        picture=address_of(small),
        words=[
            (question, Markup(said.before), [*map(Markup, said.points)], Markup(said.after))
            for question, said in in_words(told, HTML).items()
        ],
        maps=[_map(each, told, small, drawn) for each in told.explanations],
        agreement=_agreement(told),
        shares=[f"Hottest {share:.0%}" for share in SHARES],
        how_to_read_agreement=HOW_TO_READ_AGREEMENT,
        experiments=[
            _experiment(each, record, image)
            for each, image in zip(record.experiments, case.tried, strict=True)
        ],
        scores=_scores(case),
        standings=_standings(case.findings),
        curves=drawn_curves(case.findings),
        cards=[
            (each, card, [(group, card.of(group)) for group in get_args(Group)])
            for each, card in zip(told.explanations, case.cards, strict=True)
        ],
        settings=_settings,
        model=None if case.check_up is None else _model(case.check_up),
        evidence=evidence(record, told, case.findings),
        limits=limits(told, case.findings),
        made_on=made_on(record),
        address=BEGINS + base64.b64encode(record.text.encode()).decode(),
        stem=f"triptych-{slug(record.picture.title)}",
        left_out=case.record.picture.png is not None and record.picture.png is None,
    )


def is_report(content: bytes) -> bool:
    """Whether the content of a file looks like a page, as a report is one."""
    return content[:LONGEST_HEAD].lstrip().lower().startswith(b"<!doctype html")


def record_from(source: File | bytes) -> Record:
    """The record that a file is, or the one in the report that it is.

    Parameters
    ----------
    source : path or bytes
        Where it is, or what stands in it.

    Raises
    ------
    RecordError
        If there is none that can be read; the text says why in a sentence.
    """
    content = source if isinstance(source, bytes) else content_of(source)
    if not is_report(content):
        return Record.read(content)
    try:
        return record_in(content.decode())
    except UnicodeDecodeError as error:
        raise RecordError("The report is no text in UTF-8, as reports are.") from error


def record_in(page: str) -> Record:
    """The record in a report.

    Raises
    ------
    RecordError
        If there is none that can be read; the text says why in a sentence.
    """
    _, link, rest = page.partition(LINK)
    address, ends, _ = rest.partition('"')
    if not link:
        raise RecordError("There is no record in this file: it is no report of Triptych's.")
    if not ends:
        raise RecordError("The record in this report was cut short.")
    try:
        content = base64.b64decode(address, validate=True)
    except ValueError as error:
        raise RecordError("The record in this report is damaged.") from error
    return Record.read(content)


@cache
def template(name: str) -> Template:
    """A page; what is not given is an error, and what is given is text, shown letter by letter."""
    environment = Environment(
        loader=PackageLoader("explainers.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
        finalize=lambda value: legible(value) if type(value) is str else value,
    )  # fmt: skip
    environment.filters |= {
        "name": legible, "percent": percent, "rounded": rounded, "number": number,
        "seconds": seconds,
    }  # fmt: skip
    return environment.get_template(name)


def smaller(image: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """A picture whose longer side has no more pixels than that, ``(h, w, 3)`` uint8."""
    picture = Image.fromarray(image)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def address_of(image: np.ndarray, kind: str = "WEBP") -> str:
    """An array as an address that holds the picture."""
    content = base64.b64encode(encode(image, kind, quality=QUALITY)).decode()
    return f"data:image/{kind.lower()};base64,{content}"


def _mailable(record: Record) -> Record:
    """The record without its pictures, where they are too large to be mailed."""
    forgotten = record.tests.forgotten
    others = () if forgotten is None else forgotten.others
    if sum(len(each.png or "") for each in (record.picture, *others)) <= LARGEST_PNG:
        return record
    picture, *rest = (replace(each, png=None) for each in (record.picture, *others))
    if forgotten is not None:
        forgotten = replace(forgotten, others=tuple(rest))
    return replace(record, picture=picture, tests=replace(record.tests, forgotten=forgotten))


def _agreement(told: Told) -> list[tuple[Agreement, bool]]:
    """Each pair, and whether one of them is the blob; nothing of a map alone."""
    pairs = [(pair, BLOB in pair.names) for pair in told.agreements]
    return [] if all(blob for _, blob in pairs) else pairs


def _map(each: Explanation, told: Told, image: np.ndarray, style: Style) -> dict[str, Any]:
    """A map over the picture with its scale, and as a matrix."""
    method = each.explainer
    found = None if each.blank_reason else place(each)
    label = legible(told.prediction[told.index].label)
    seen = (
        f"what {method.heat} {label} is strongest {points_to(found)}"
        if found
        else each.blank_reason or "no cell is above zero"
    )
    steps = np.linspace(-1.0 if each.signed else 0.0, 1.0, 256)[None]
    return {
        "told": each,
        "address": address_of(overlay_image(each, image, style)),
        "alt": f"{method.title} over the picture: {legible(seen)}",
        "scale": address_of(coloured(steps, style, signed=each.signed), "PNG"),
        "ticks": [number(end * each.scale) for end in ((-1, 0, 1) if each.signed else (0, 1))],
        "measured": resolution(each),
        "raw": raw_range(each),
        "matrix": _matrix(each, style),
    }


def _matrix(each: Explanation, style: Style) -> dict[str, Any]:
    """The 14 x 14 matrix as shares of its strongest cell: each number with its colours."""
    grid = each.grid(CELLS)
    strengths = np.abs(grid)
    largest = float(strengths.max())
    shares = grid / (largest or 1.0)
    colours = style.opaque.colours(each.signed)[:, :3]
    low = -1.0 if each.signed else 0.0
    steps = np.rint((shares - low) / (1.0 - low) * (len(colours) - 1)).astype(int)
    inks = ink_on(colours)
    grounds = ["#" + bytes(np.rint(255 * colour).astype(np.uint8)).hex() for colour in colours]
    strong = strengths >= bold_from(grid)
    return {
        "largest": largest,
        "first": tuple(int(at) for at in np.unravel_index(strengths.argmax(), grid.shape)),
        "rows": [
            [
                (short(float(share)).replace("-", "−"), grounds[step], str(inks[step]), bool(bold))
                for share, step, bold in zip(*cells, strict=True)
            ]
            for cells in zip(shares, steps, strong, strict=True)
        ],
    }


def _tried(
    experiments: Sequence[Experiment], pixels: np.ndarray, image: np.ndarray
) -> list[np.ndarray]:
    """The picture as it was shown in each experiment, the smaller the more there are."""
    small = smaller(image, round(LONGEST * min(1.0, (WHOLE / max(1, len(experiments))) ** 0.5)))
    return [_changed(each, pixels, small) for each in experiments]


def _changed(each: Experiment, pixels: np.ndarray, small: np.ndarray) -> np.ndarray:
    """The picture as it was shown in an experiment, for people: what was not hidden is sharp."""
    hidden = _hidden(each, (pixels.shape[0], pixels.shape[1]))
    shape = small.shape[0], small.shape[1]
    seen = np.clip(hide(pixels, hidden, each.fill).round(), 0, 255).astype(np.uint8)
    filled = np.asarray(Image.fromarray(seen).resize(shape[::-1], Image.Resampling.BICUBIC))
    return np.where(resized(hidden, shape)[..., None], filled, small)


def _hidden(each: Experiment, shape: tuple[int, int]) -> np.ndarray:
    region = of_boxes(shape, each.region)
    return region if each.kind == "hide" else ~region


def _experiment(each: Experiment, record: Record, image: np.ndarray) -> dict[str, Any]:
    """An experiment, and what became of the class that is explained."""
    first = _answer(each.answer)
    said = trial_in_words(
        _answer(record.answer, record.target.index), _answer(each.answer, record.target.index),
        first, turned=first.index != record.answer[0].index, marks=HTML,
    )  # fmt: skip
    return {
        "what": TRIED[each.kind],
        "fill": each.fill,
        "share": f"{_hidden(each, record.classifier.size).mean():.1%}",
        "address": address_of(image),
        "said": Markup(said),
    }


def _answer(said: Sequence[Said], index: int | None = None) -> Answer:
    """What was said of a class; of the most probable one if None."""
    each = next(each for each in said if index in (None, each.index))
    return Answer(each.index, each.label, each.probability)


def _scores(case: Case) -> list[tuple[Score, list[str]]]:
    """What the tests have found of each map and of what knows nothing; nothing before any ran."""
    maps = [card.score for card in case.cards]
    if not any(map(_tested, maps)):
        return []
    rows = [*maps, *filter(_tested, baselines(case.findings))]
    return [(row, [*map(_figure, _columns(row))]) for row in rows]


def _tested(row: Score) -> bool:
    """Whether any test has told something of a row."""
    return any(value is not None for value in _columns(row))


def _columns(row: Score) -> tuple[float | Spread | None, ...]:
    return (
        row.deletion, row.deletion_beaten, row.insertion, row.insertion_beaten, row.noise,
        row.seed, row.forgotten, row.stayed,
    )  # fmt: skip


def _figure(value: float | Spread | None) -> str:
    if value is None:
        return "–"
    said = f"{value:.3f}" if isinstance(value, float) else f"{value}"
    return said.replace(" to ", f"{UNBROKEN}to{UNBROKEN}")


def _standings(findings: Findings) -> list[Markup]:
    """Which map does best, and by how much two must differ."""
    found = [each for kind in KINDS if (each := standing(findings, kind)) is not None]
    said = [standing_in_words(each, findings.curves(each.kind), HTML) for each in found]
    if found:
        said.append(rule(found, findings.curves(found[0].kind)[RANDOM]))
    return [Markup(each) for each in said]


def _model(found: CheckUp) -> dict[str, Any]:
    fits, said = judged(found, HTML)
    return {
        "facts": facts_of(found),
        "fits": fits,
        "judged": Markup(said),
        "feedings": [
            (fed, fed.scaling == found.fed.scaling, given_in_words(fed)) for fed in found.feedings
        ],
    }


def _settings(each: Explanation) -> list[tuple[str, str]]:
    """The settings of the method, as they were."""
    method = each.explainer
    return [(entry.label, _set(getattr(method, name))) for name, entry in method.settings().items()]


def _set(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "left to the method" if value is None else str(value)
