"""What one takes away of Compare: all of it, as one file that opens anywhere."""

import hashlib
from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explanation, check_up
from explainers.metrics.pointing import Hiding
from explainers.report.page import LARGEST_PNG, case_of, report
from explainers.report.recording import record_of
from pages.parts import cache
from pages.parts.classifiers import Wanted
from pages.parts.frame import Selection
from pages.parts.words import slug

SHRINKS = 4
"""So many times smaller a PNG may be than its pixels; one that is still too large is left out."""


def offer(
    slot: DeltaGenerator, selection: Selection, explanations: Sequence[Explanation | None]
) -> None:
    """A button for the report, which is made when it is pressed."""
    complete = [each for each in explanations if each is not None]
    if not complete:
        return
    picture, classifier = selection.picture, selection.classifier
    hidings = {
        each.explainer.title: cache.hiding(picture, classifier, selection.pixels, each)
        for each in complete
        if not each.blank_reason
    }
    answering = st.session_state.answering
    sample = None if st.session_state.get("square") else picture.sample
    slot.download_button(
        "Report",
        lambda: cache.aside(
            classifier, cache.LOOKED_OVER,
            lambda: _written(selection, complete, hidings, answering, sample),
        ),
        f"triptych-{slug(picture.title)}-report.html",
        "text/html",
        icon=":material/article:",
        key="report",
        on_click="ignore",
        help="The answer, the maps, the numbers and what is known of the methods as one page that "
        "opens anywhere and can be printed. The record to run it again is inside, and the picture "
        "with it.",
    )  # fmt: skip


def _written(
    selection: Selection,
    explanations: Sequence[Explanation],
    hidings: Mapping[str, Hiding],
    answering: Wanted,
    sample: str | None,
) -> bytes:
    picture, classifier = selection.picture, selection.classifier
    looked_over = check_up(classifier, selection.pixels)
    record = record_of(
        classifier, picture.image, explanations,
        title=picture.title, sample=sample,
        inside=picture.image.nbytes <= SHRINKS * LARGEST_PNG,
        network=answering.name, file=_digest(answering), check_up=looked_over,
    )  # fmt: skip
    case = case_of(
        record, classifier, picture.image, explanations, check_up=looked_over, hidings=hidings
    )
    return report(case, selection.style).encode()


def _digest(answering: Wanted) -> str | None:
    """SHA-256 of the file that somebody brought."""
    if answering.file is None:
        return None
    content = answering.file.content
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
