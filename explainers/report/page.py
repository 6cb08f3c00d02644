"""A report: one decision, its explanations and their tests as one file that opens anywhere.

The file runs nothing and loads nothing: pictures are inside as data, there is no script, and its
own policy forbids both. It is a page of its own for a browser, a phone, a printer and a screen
reader; the record in it is what `replay` runs again.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any, get_args

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from markupsafe import escape as marked
from PIL import Image

from explainers.classifiers.check_up import CheckUp
from explainers.classifiers.prediction import Answer
from explainers.explanation import Explanation
from explainers.images.colouring import Style, coloured, encode, ink_on
from explainers.metrics.agreement import BLOB, CELLS, SHARES
from explainers.metrics.faithfulness import KINDS, RANDOM
from explainers.metrics.method_card import Group, MethodCard
from explainers.metrics.pointing import place
from explainers.metrics.randomisation import Spread
from explainers.metrics.scoreboard import Findings, Score, baselines, standing
from explainers.report.curves import drawn_curves
from explainers.report.evidence import evidence, limits
from explainers.report.maps import bold_from, overlay_image
from explainers.report.model import facts_of, given_in_words, judged
from explainers.report.standings import rule, standing_in_words
from explainers.report.telling import HOW_TO_READ_AGREEMENT, Marks, Told, in_words, points_to
from explainers.words import (
    change,
    legible,
    number,
    percent,
    raw_range,
    resolution,
    rounded,
    seconds,
    short,
)
from explainers.words import in_words as target_in_words

LONGEST = 640
"""Pixels of a picture's longer side: a third of a wide window, or of a printed page at 250 dpi."""
COUNT = 5
RECORD = "record"
"""The id of the link that holds the record."""
BEGINS = "data:application/json;base64,"


@dataclass(frozen=True, eq=False)
class Experiment:
    """What the network said when a part of the picture was hidden.

    Parameters
    ----------
    what : str
        What was done: ``"Hide the region"``.
    fill : str
        What was seen where it was hidden.
    share : float
        How much of the picture was hidden, in 0..1.
    image : (H, W, 3) uint8 ndarray
        The picture as it was shown then.
    before, after : Answer
        What the explained class got.
    answer : Answer
        The most probable class then.
    """

    what: str
    fill: str
    share: float
    image: np.ndarray
    before: Answer
    after: Answer
    answer: Answer


@dataclass(frozen=True, eq=False)
class Case:
    """All that a report tells.

    Parameters
    ----------
    title : str
        What the picture is called.
    image : (H, W, 3) uint8 ndarray
        The picture, at its own size.
    told : Told
        The decision, its explanations, and what was measured of these.
    record : str
        The same for a machine, as JSON: what `replay` reads.
    cards : sequence of MethodCard
        One an explanation.
    findings : Findings
        What tests were run, and found.
    experiments : sequence of Experiment
    check_up : CheckUp, optional
    ran : mapping of str to str
        On what it ran, and when: names and values for people.
    stem : str
        What the record is called when it is saved, without its ending.
    """

    title: str
    image: np.ndarray
    told: Told
    record: str
    cards: Sequence[MethodCard] = ()
    findings: Findings = field(default_factory=Findings)
    experiments: Sequence[Experiment] = ()
    check_up: CheckUp | None = None
    ran: Mapping[str, str] = field(default_factory=dict)
    stem: str = "triptych"


HTML = Marks(
    name=lambda text: str(marked(legible(text))),
    strong=lambda text: f"<strong>{text}</strong>",
    link=lambda text, anchor: f'<a href="#{anchor}">{text}</a>',
)


def report(case: Case, style: Style | None = None) -> str:
    """The report as HTML.

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
    told, drawn = case.told, style or Style()
    prediction, index = told.prediction, told.index
    target = told.explanations[0].target
    return _template().render(
        question=f"Why {target_in_words(prediction, target)}?",
        title=case.title,
        classifier=told.classifier,
        answer=prediction[index],
        rank=prediction.rank(index),
        classes=len(prediction.labels),
        size=f"{case.image.shape[1]} × {case.image.shape[0]} pixels",
        picture=_address(_smaller(case.image)),
        top=_top(told),
        words=[
            (question, _markup(said.before), [*map(_markup, said.points)], _markup(said.after))
            for question, said in in_words(told, HTML).items()
        ],
        maps=[_map(each, told, case.image, drawn) for each in told.explanations],
        agreement=_agreement(told),
        shares=[f"Hottest {share:.0%}" for share in SHARES],
        how_to_read_agreement=HOW_TO_READ_AGREEMENT,
        experiments=[_experiment(each) for each in case.experiments],
        scores=_scores(case),
        standings=_standings(case.findings),
        curves=drawn_curves(case.findings),
        cards=[
            (each, card, [(group, card.of(group)) for group in get_args(Group)])
            for each, card in zip(told.explanations, case.cards, strict=False)
        ],
        settings=_settings,
        model=None if case.check_up is None else _model(case.check_up),
        evidence=evidence(case.title, case.image.shape, told, case.findings, case.ran),
        limits=limits(told, case.findings),
        ran=case.ran,
        record=BEGINS + base64.b64encode(case.record.encode()).decode(),
        stem=case.stem,
    )


def record_in(page: str) -> str:
    """The record in a report, as JSON.

    Raises
    ------
    ValueError
        If there is none; the text is one sentence.
    """
    reader = _Reader()
    reader.feed(page)
    if reader.address is None or not reader.address.startswith(BEGINS):
        raise ValueError("There is no record in this file: it is no report of Triptych's.")
    try:
        return base64.b64decode(reader.address.removeprefix(BEGINS), validate=True).decode()
    except ValueError as error:
        raise ValueError("The record in this report is damaged.") from error


class _Reader(HTMLParser):
    """Looks for the link that holds the record."""

    address: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "a" and named.get("id") == RECORD and self.address is None:
            self.address = named.get("href")


@cache
def _template() -> Any:
    """The page; what is not given is an error, and what is given is text."""
    environment = Environment(
        loader=PackageLoader("explainers.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "name": legible, "percent": percent, "change": change, "rounded": rounded,
        "number": number, "seconds": seconds,
    }  # fmt: skip
    return environment.get_template("report.html")


def _markup(text: str) -> Markup:
    """What `HTML` has marked up: the only text of a report that is not escaped."""
    return Markup(text)


def _top(told: Told) -> list[Answer]:
    """The most probable classes, and the one that is explained."""
    prediction = told.prediction
    shown = [answer.index for answer in prediction.top(COUNT)]
    return [prediction[index] for index in dict.fromkeys([*shown, told.index])]


def _map(each: Explanation, told: Told, image: np.ndarray, style: Style) -> dict[str, Any]:
    """A map over the picture with its scale, and as a matrix."""
    found = None if each.blank_reason else place(each)
    label = legible(told.prediction[told.index].label)
    where = f"{each.explainer.heat} {label} is strongest {points_to(found)}" if found else ""
    limit = each.scale or 1.0
    steps = np.linspace(-1.0 if each.signed else 0.0, 1.0, 256)[None]
    return {
        "id": each.explainer.name,
        "title": each.explainer.title,
        "heat": each.explainer.heat,
        "kind": each.explainer.kind,
        "address": _address(overlay_image(each, _smaller(image), style)),
        "alt": f"{each.explainer.title} over the picture: "
        + (f"what {where}" if where else each.blank_reason or "no cell is above zero"),
        "scale": _address(coloured(steps, style, signed=each.signed), "PNG"),
        "ticks": [number(tick) for tick in ([-limit, 0.0, limit] if each.signed else [0.0, limit])],
        "signed": each.signed,
        "blank": each.blank_reason,
        "measured": resolution(each),
        "raw": raw_range(each),
        "seconds": each.seconds,
        "done": each.done,
        "total": each.total,
        "surrogate": each.surrogate,
        "notes": each.notes,
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
    row, column = (int(at) for at in np.unravel_index(strengths.argmax(), grid.shape))
    return {
        "largest": largest,
        "first": (row, column),
        "rows": [
            [
                (short(float(share)).replace("-", "−"), grounds[step], str(inks[step]), bool(bold))
                for share, step, bold in zip(*cells, strict=True)
            ]
            for cells in zip(shares, steps, strong, strict=True)
        ],
    }


def _agreement(told: Told) -> list[dict[str, Any]]:
    """A row for each pair of maps, and then for each map and the blob."""
    return [
        {
            "names": pair.names,
            "blob": BLOB in pair.names,
            "figures": [rounded(pair.correlation), *(f"{share:.2f}" for share in pair.overlap)],
        }
        for pair in told.agreements
    ]


def _experiment(each: Experiment) -> dict[str, Any]:
    return {
        "told": each,
        "address": _address(_smaller(each.image, LONGEST // 2)),
        "turned": each.answer.index != each.before.index,
    }


def _scores(case: Case) -> list[tuple[Score, list[str]]]:
    """What the tests have found of each map and of what knows nothing; nothing before any ran."""
    rows = [*(card.score for card in case.cards), *baselines(case.findings)]
    if not any(_tests(row) for row in rows[: len(case.cards)]):
        return []
    return [(row, [*map(_told_of, _columns(row))]) for row in rows if _tests(row)]


def _tests(row: Score) -> bool:
    """Whether any test has told something of a row."""
    return any(value is not None for value in _columns(row))


def _columns(row: Score) -> tuple[float | Spread | None, ...]:
    return (
        row.deletion, row.deletion_beaten, row.insertion, row.insertion_beaten, row.noise,
        row.seed, row.forgotten, row.stayed,
    )  # fmt: skip


def _told_of(value: float | Spread | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, Spread):
        return str(value)
    return f"{value:.3f}" if isinstance(value, float) else f"{value}"


def _standings(findings: Findings) -> list[Markup]:
    """Which map does best, and by how much two must differ."""
    found = [each for kind in KINDS if (each := standing(findings, kind)) is not None]
    said = [standing_in_words(each, findings.curves(each.kind), HTML) for each in found]
    if found:
        said.append(rule(found, findings.curves("deletion")[RANDOM]))
    return [_markup(each) for each in said]


def _model(found: CheckUp) -> dict[str, Any]:
    fits, said = judged(found, HTML)
    return {
        "facts": facts_of(found),
        "fits": fits,
        "judged": _markup(said),
        "feedings": [(fed, fed is found.fed, given_in_words(fed)) for fed in found.feedings],
    }


def _settings(each: Explanation) -> list[tuple[str, str]]:
    """The settings of the method, as they were."""
    explainer = each.explainer
    values = (
        (entry.label, getattr(explainer, name)) for name, entry in explainer.settings().items()
    )
    return [(label, _set(value)) for label, value in values]


def _set(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "left to the method" if value is None else str(value)


def _smaller(image: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    picture = Image.fromarray(image)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _address(image: np.ndarray, kind: str = "WEBP") -> str:
    """An array as an address that holds the picture."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encode(image, kind)).decode()}"
