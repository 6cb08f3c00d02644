"""Records on the screen: what stands there as a file, and a file opened as the page stood then."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import CheckUp, Explanation
from explainers.images.regions import REGION_FILLS, of_boxes
from explainers.models import zoo
from explainers.report.digests import file_digest
from explainers.report.page import is_report, record_from
from explainers.report.plain import RecordError
from explainers.report.record import Record
from explainers.report.recording import record_of
from explainers.report.remaking import method_of
from explainers.report.replay import picture_of
from explainers.settings import Settings
from explainers.words import percent, slug
from pages.parts.classifiers import Wanted
from pages.parts.picture import Picture
from pages.parts.words import escaped

if TYPE_CHECKING:
    from pages.parts.card import Subject


def offer(slot: DeltaGenerator, subject: "Subject", explanations: Sequence[Explanation]) -> None:
    """A button for the record of some maps, made when it is pressed."""
    slot.download_button(
        "Record",
        maker(subject, explanations),
        f"triptych-{slug(subject.picture.title)}-record.json",
        "application/json",
        icon=":material/receipt_long:",
        key="record",
        on_click="ignore",
        width="stretch",
        disabled=not explanations,
        help="All that these maps rest on, exactly, and the picture, in one file. Drop it where "
        "pictures are uploaded, and the page stands as it does now; `replay` runs it again and "
        "tells what has changed.",
    )


def maker(subject: "Subject", explanations: Sequence[Explanation]) -> Callable[[], bytes]:
    """What makes the file of a record of some maps; see `recorder`."""
    recorded = recorder(subject, explanations)
    return lambda: recorded(None).text.encode()


def recorder(
    subject: "Subject", explanations: Sequence[Explanation]
) -> Callable[[CheckUp | None], Record]:
    """What makes a record of some maps and a check-up, apart from the session that shows them."""
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
            check_up=looked_over,
        )  # fmt: skip

    return recorded


def is_one(content: bytes) -> bool:
    """Whether a file looks like a record or a report with one inside, and like no picture."""
    return content.lstrip()[:1] == b"{" or is_report(content)


def open_again(content: bytes) -> None:
    """Let the page stand as it did: picture, network, class, methods as they were set, region.

    To be called before any control is drawn. A model of somebody's own is not in a record; its
    owner is told to choose it.

    Raises
    ------
    RecordError, ImageError
        If it cannot be; nothing has changed then.
    """
    record = record_from(content)
    image = picture_of(record.picture)
    methods = [method_of(each.method, each.settings) for each in record.explanations]
    settings: dict[str, Any] = {}
    for method in methods:
        settings |= _controls(method, method.name)
    last = record.experiments[-1] if record.experiments else None
    if last is not None and last.fill not in REGION_FILLS:
        raise RecordError(f"There is no fill {last.fill[:40]!r} here.")
    whole = Picture.of(record.picture.title, image, record.picture.sample)
    seen = whole.centre() if record.picture.square else whole
    ready_made = _is_here(record)
    state = st.session_state
    state.picture, state.square, state.refusal = whole, record.picture.square, None
    if ready_made:
        state.network = state.classifier = record.classifier.network
        state["classifier-source"] = "Ready-made"
        state.pop(f"class-{seen.digest}-{record.classifier.network}", None)
    state.chosen_classes[f"{seen.digest}-{record.classifier.classes}"] = record.target.index
    if methods:
        titles = [method.title for method in methods]
        state.methods = state.chosen_methods = titles
        state.methods_at_hand = {*state.get("methods_at_hand", ()), *titles}
    for key, value in settings.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value
    if last is not None:
        region = of_boxes(record.classifier.size, last.region)
        past = [np.zeros(region.shape, bool), region]
        state.setdefault("regions", {})[seen.digest, record.classifier.size] = past
        state["region-fill"] = last.fill
    first = record.answer[0]
    state.opened_record = {
        "digest": whole.digest,
        "said": f"As it stood on {record.ran.date[:10]}, asked anew. Then it said "
        f"{escaped(first.label)}, {percent(first.probability)}.",
        "by": None if ready_made or _answers(record) else record.classifier.title,
    }


def draw_opened() -> None:
    """What is to be said of the record that was opened, as long as its picture is there."""
    opened: dict[str, Any] | None = st.session_state.get("opened_record")
    if opened is None or opened["digest"] != st.session_state.picture.digest:
        return
    st.caption(f":material/receipt_long: {opened['said']}")
    if opened["by"] is not None:
        st.caption(
            f"It was {escaped(opened['by'])} that answered, from a file that is not on this "
            "machine: choose that file to see the same maps."
        )


def _is_here(record: Record) -> bool:
    """Whether it was a ready-made network, whose weights on this machine are the same."""
    network = record.classifier.network
    if network not in zoo.CLASSIFIERS or zoo.whereabouts(network) == "elsewhere":
        return False
    return record.classifier.file in (None, file_digest(zoo.weights_file(network)))


def _answers(record: Record) -> bool:
    """Whether the file that answers in this session is the one that answered then."""
    answering: Wanted | None = st.session_state.get("answering")
    if answering is None or answering.file is None:
        return False
    return file_digest(answering.file.content) == record.classifier.file


def _controls(settings: Settings, key: str) -> dict[str, Any]:
    """The values of the controls that stand for some settings, by their keys; see `controls.draw`.

    None where a control has its first choice.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        value, default = getattr(settings, field.name), type(field.default)
        own = f"{key}-{field.name}"
        if isinstance(value, Settings):
            found[own] = value.title  # type: ignore[attr-defined]
            found |= _controls(value, f"{own}-{found[own]}")
        elif default is int and value != int(value):
            raise RecordError(f"The controls of this page cannot be set to {field.name} {value}.")
        else:
            found[own] = default(value) if default in (int, float) else value
    return found
