"""A record opened on the screen: the page as it stood then."""

import dataclasses
from typing import Any

import numpy as np
import streamlit as st

from explainers.images.regions import REGION_FILLS, of_boxes
from explainers.models import zoo
from explainers.report.digests import digest_of, file_digest
from explainers.report.page import is_report, record_from
from explainers.report.plain import RecordError
from explainers.report.record import Found, Pictured, Record
from explainers.report.remaking import method_of
from explainers.report.replay import picture_of
from explainers.report.telling import TRIED
from explainers.settings import Settings
from explainers.words import percent
from pages.parts.classifiers import Wanted
from pages.parts.picture import Picture
from pages.parts.tried import controls_of
from pages.parts.words import escaped


def _pictured(wanted: Pictured) -> np.ndarray:
    """The picture of a record, which may stand on the screen if it lies nowhere else.

    Raises
    ------
    RecordError, ImageError
        As `picture_of` does.
    """
    if wanted.png is not None or wanted.sample is not None:
        return picture_of(wanted)
    here: np.ndarray = st.session_state.picture.image
    if digest_of(here) != wanted.digest:
        raise RecordError(
            f"The record tells {wanted.title!r} by its digest alone: drop the picture first, and "
            "then the record."
        )
    return here


def is_one(content: bytes) -> bool:
    """Whether a file looks like a record or a report with one inside, and like no picture."""
    return content.lstrip()[:1] == b"{" or is_report(content)


def open_again(content: bytes) -> None:
    """Let the page stand as it did: picture, network, class, methods and tests as they were set.

    Its experiments are done again where they are shown; its tests, at their price, when they are
    asked for. To be called before any control is drawn. A model of somebody's own is not in a
    record; its owner is told to choose it.

    Raises
    ------
    RecordError, ImageError
        If it cannot be; nothing has changed then.
    """
    record = record_from(content)
    image = _pictured(record.picture)
    methods = [method_of(each.method, each.settings) for each in record.explanations]
    settings: dict[str, Any] = {}
    for method in methods:
        settings |= _controls(method, method.name)
    for tried in record.experiments:
        if tried.fill not in REGION_FILLS:
            raise RecordError(f"There is no fill {tried.fill[:40]!r} here.")
    usable = [each.title for each in record.explanations if each.blank is None]
    settings |= controls_of(record.tests, usable)
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
    if record.experiments:
        _try_again(record, seen.digest)
    first = record.answer[0]
    state.opened_record = {
        "digest": whole.digest,
        "said": f"As it stood on {record.ran.date[:10]}, asked anew. Then it said "
        f"{escaped(first.label)}, {percent(first.probability)}.{_elsewhere(record)}",
        "by": None if ready_made or _answers(record) else record.classifier.title,
    }


def _try_again(record: Record, digest: str) -> None:
    """The experiments as they were, to be done anew; the region of the last one is selected."""
    size, state = record.classifier.size, st.session_state
    tried = [
        (TRIED[each.kind], each.fill, of_boxes(size, each.region)) for each in record.experiments
    ]
    _, fill, region = tried[-1]
    state.setdefault("regions", {})[digest, size] = [np.zeros(size, bool), region]
    state["region-fill"] = fill
    alike = (each for each in tried if each[1] == fill and np.array_equal(each[2], region))
    state["kinds"] = list(dict.fromkeys(kind for kind, _, _ in alike))
    state.to_be_tried = digest, tried


def _elsewhere(record: Record) -> str:
    """Where the tests and experiments of a record are to be found."""
    places = {
        "Its tests are set as they were on *How far to believe it?*, to be run again.":
            record.tests != Found(),
        "Its experiments are done again on *What if?*.": bool(record.experiments),
    }  # fmt: skip
    return "".join(f" {said}" for said, there in places.items() if there)


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
