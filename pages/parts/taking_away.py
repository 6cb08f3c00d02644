"""What one takes away of some maps to keep, and to mail: the record, and the report that holds it.

Both tell the tests of these maps and the experiments that were tried in this session.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import CheckUp, Explanation
from explainers.images.colouring import Style
from explainers.report.digests import file_digest
from explainers.report.page import case_of, report
from explainers.report.record import LARGEST_PNG, Record
from explainers.report.recording import record_of
from explainers.words import slug
from pages.parts import cache
from pages.parts.classifiers import Wanted
from pages.parts.picture import Picture
from pages.parts.tried import Tried

if TYPE_CHECKING:
    from pages.parts.card import Subject

LARGE = (
    f" A picture that takes more than {LARGEST_PNG * 3 / 4 / 2**20:g} MiB as a PNG, as this one "
    "may, stays outside: the record then tells it by its digest. Drop the picture first, then the "
    "record, and give `replay` its file."
)


def together(line: DeltaGenerator) -> DeltaGenerator:
    """Where in a line stands what is taken away of all maps together."""
    return line.popover("Take away", icon=":material/download:")


def offer(
    slot: DeltaGenerator, subject: "Subject", explanations: Sequence[Explanation], style: Style
) -> None:
    """A button for the record and one for the report, each made when it is pressed."""
    tried = Tried.of(subject, explanations)
    recorded = recorder(subject, explanations, tried)
    large = subject.picture.sample is None and _may_be_too_large(st.session_state.picture)
    stem = f"triptych-{slug(subject.picture.title)}"
    slot.download_button(
        "Record",
        lambda: recorded(None).text.encode(),
        f"{stem}-record.json",
        "application/json",
        icon=":material/receipt_long:",
        key="record",
        on_click="ignore",
        width="stretch",
        disabled=not explanations,
        help="All that these maps rest on, exactly, with the tests and experiments that were run, "
        "and the picture, in one file. Drop it where pictures are uploaded, and the page stands as "
        f"it does now; `replay` runs it again and tells what has changed.{LARGE if large else ''}",
    )
    slot.download_button(
        "Report",
        cache.apart(lambda: _report(subject, explanations, style, tried, recorded)),
        f"{stem}-report.html",
        "text/html",
        icon=":material/article:",
        key="report",
        on_click="ignore",
        width="stretch",
        disabled=not explanations,
        help="The answer, the maps, the numbers, the tests and experiments that were run, and what "
        "is known of the methods, as one page that opens anywhere and can be printed, with the "
        "record inside.",
    )


def recorder(
    subject: "Subject", explanations: Sequence[Explanation], tried: Tried
) -> Callable[[CheckUp | None], Record]:
    """What makes a record of some maps, of what was tried and of a check-up, apart from the session
    that shows them."""
    chosen: Picture = st.session_state.picture
    square = st.session_state.get("square", False)
    seen = chosen.centre() if square else chosen
    picture, cut = (chosen, square) if seen == subject.picture else (subject.picture, False)
    answering: Wanted = st.session_state.answering
    same = subject.classifier.name.startswith(answering.key)
    wanted = answering if same else Wanted(subject.classifier.name)

    def recorded(looked_over: CheckUp | None) -> Record:
        return record_of(
            subject.classifier, picture.image, explanations,
            target=subject.target, prediction=subject.prediction, title=picture.title,
            sample=picture.sample, square=cut, inside=picture.sample is None, network=wanted.name,
            file=None if wanted.file is None else file_digest(wanted.file.content),
            tests=tried.found(subject.classifier), experiments=tried.experiments(subject.target),
            check_up=looked_over,
        )  # fmt: skip

    return recorded


def _report(
    subject: "Subject",
    explanations: Sequence[Explanation],
    style: Style,
    tried: Tried,
    recorded: Callable[[CheckUp | None], Record],
) -> bytes:
    picture, classifier = subject.picture, subject.classifier
    looked_over = cache.check_up(picture, classifier)
    hidings = {
        each.explainer.title: cache.hiding(picture, classifier, subject.pixels, each)
        for each in explanations
        if not each.blank_reason
    }
    case = case_of(
        recorded(looked_over), classifier, picture.image, explanations, tried.findings,
        looked_over, hidings, subject.prediction,
    )  # fmt: skip
    return report(case, style).encode()


def _may_be_too_large(picture: Picture) -> bool:
    """Whether a PNG of a picture may be too large for a record; it is made when one is wanted."""
    return picture.image.nbytes * 4 / 3 > LARGEST_PNG
