"""Experiments on a picture: what the network says without a region, or to that region alone."""

import io
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from explainers import Explanation, NoAnswerError
from explainers.images.colouring import encode
from explainers.images.regions import REGION_FILLS, hide
from explainers.report.files import table_csv
from explainers.report.telling import TRIED, trial_in_words
from explainers.words import percent, slug
from pages.parts import cache, taking_away, tried
from pages.parts.card import Subject
from pages.parts.figures import QUIET
from pages.parts.frame import Selection, screen_theme
from pages.parts.picture import Picture
from pages.parts.plots import change_figure
from pages.parts.table import draw, one_line
from pages.parts.tried import Trial
from pages.parts.what_if import canvas
from pages.parts.words import MARKDOWN, escaped

KINDS = tuple(TRIED.values())
CLASSES = 4
SHOWN = 5
TENTH = 0.1
FILLS_IN_WORDS = {
    "superpixel mean": "their mean colour",
    "picture mean": "the picture's mean colour",
    "region mean": "the region's mean colour",
}


def draw_trials(selection: Selection) -> None:
    """Draw what is done with the region, and the probabilities before and after."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.pills(
            "Then", KINDS, selection_mode="multi", default=KINDS[:1],
            key="kinds", persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
        st.selectbox(
            "Hidden parts show", REGION_FILLS, format_func=lambda fill: f"Hidden: {fill}",
            key="region-fill", persist_state="session", label_visibility="collapsed", width=190,
        )  # fmt: skip
    _try_again(selection)
    region = canvas.region(selection)
    if region.all():
        st.info(
            "Everything is selected, so there is nothing left to look at: remove a part.",
            icon=":material/touch_app:",
        )
        return
    if not region.any():
        _offer_first(selection)
        return
    trials, unanswered = _trials(selection)
    _tell(trials, unanswered)
    if trials:
        _draw_change(selection, trials)


def compare(selection: Selection) -> None:
    """Every method before and after, and what a linear model behind a map expects of it."""
    trials, _ = _trials(selection)
    if not trials:
        return
    prediction, target = selection.prediction, selection.target
    rows = [
        Subject(
            picture, selection.classifier, pixels, said, target, heading=what,
            note=said[target.index].label, probability=said[target.index].probability,
        )
        for what, picture, pixels, said in (
            ("As it is", selection.picture, selection.pixels, prediction),
            *((trial.kind, trial.picture, trial.pixels, trial.prediction) for trial in trials),
        )
    ]  # fmt: skip
    bar = one_line()
    explained = draw(rows, selection.methods, selection.style, one_scale=True, bar=bar)
    if known := [each for each in explained[0] if each is not None]:
        place = taking_away.together(bar)
        taking_away.offer(place, Subject.of(selection), known, selection.style)
    label = escaped(prediction[target.index].label)
    for explanation in explained[0]:
        if explanation is not None and explanation.surrogate is not None:
            _draw_surrogate(selection, explanation, trials, label)


def _offer_first(selection: Selection) -> None:
    """Something to press while nothing is selected: the hottest tenth of a map, hidden or kept."""
    st.info("Nothing is selected yet: drag a box on the picture.", icon=":material/touch_app:")
    if not selection.methods:
        return
    method = selection.methods[0]
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = [
            st.button(
                said, icon=":material/local_fire_department:", key=f"first-{kind}",
                on_click=_choose, args=(kind,),
            )
            for kind, said in zip(
                KINDS,
                (f"Hide the tenth that {method.title} calls hottest", "Keep only that tenth"),
                strict=True,
            )
        ]  # fmt: skip
    if any(pressed):
        reason = canvas.select_hottest(selection, method, TENTH)
        if reason:
            st.warning(f"{method.title}: {escaped(reason)}", icon=":material/block:")
        else:
            st.rerun()


def _choose(kind: str) -> None:
    st.session_state["kinds"] = [kind]


def draw_log(selection: Selection) -> None:
    """The experiments of this session, newest first, each to be restored by a click."""
    log = tried.experiments()
    with st.expander(f"Experiments so far: {len(log)}", icon=":material/science:"):
        if not log:
            st.caption("Whatever you try is kept here until you close the page.")
            return
        with st.container(horizontal=True):
            st.download_button(
                "Table, CSV", lambda: _table(log), "triptych-experiments.csv", "text/csv",
                icon=":material/download:", on_click="ignore", key="experiments-csv",
            )  # fmt: skip
            st.download_button(
                "Pictures, ZIP", lambda: _pictures(log), "triptych-experiments.zip",
                "application/zip", icon=":material/download:", on_click="ignore",
                key="experiments-zip",
            )  # fmt: skip
        for number in range(len(log) - 1, max(-1, len(log) - 1 - 12), -1):
            _draw_entry(selection, number, log[number])


def _trials(selection: Selection) -> tuple[list[Trial], list[str]]:
    """What is asked of the region that is selected, and why the network had no answer to some."""
    region = canvas.region(selection)
    if not region.any() or region.all():
        return [], []
    fill = st.session_state["region-fill"]
    return _answers(selection, [(kind, fill, region) for kind in st.session_state["kinds"]])


def _answers(
    selection: Selection, asked: Sequence[tuple[str, str, np.ndarray]]
) -> tuple[list[Trial], list[str]]:
    trials, unanswered = [], []
    for kind, fill, region in asked:
        try:
            trials.append(_try(selection, region, kind, fill))
        except NoAnswerError as reason:
            unanswered.append(f"{kind}: {reason}")
    return trials, unanswered


def _tell(trials: Sequence[Trial], unanswered: Sequence[str]) -> None:
    for reason in unanswered:
        st.warning(escaped(reason), icon=":material/block:")
    for trial in trials:
        tried.keep(trial)


def _try_again(selection: Selection) -> None:
    """Do the experiments of a record that was opened, once, if this network can."""
    digest, opened = st.session_state.get("to_be_tried", (None, ()))
    if digest != selection.picture.digest:
        return
    size = selection.pixels.shape[:2]
    with st.spinner("Doing the experiments of the record again"):
        _tell(*_answers(selection, [each for each in opened if each[2].shape == size]))
    del st.session_state.to_be_tried


def _try(selection: Selection, region: np.ndarray, kind: str, fill: str) -> Trial:
    def ask() -> Trial:
        hidden = region if kind == KINDS[0] else ~region
        pixels = hide(selection.pixels, hidden, fill)
        picture = selection.picture.edited(pixels, hidden)
        prediction = cache.prediction(picture, selection.classifier, pixels)
        return Trial(
            selection.picture.digest, selection.classifier.name, kind, fill, region, hidden,
            pixels, picture, selection.prediction, prediction,
        )  # fmt: skip

    return cache.trial(selection.picture, selection.classifier, region, f"{kind} {fill}", ask)


def _draw_change(selection: Selection, trials: list[Trial]) -> None:
    """The probabilities of the classes that lead before or after."""
    before = selection.prediction
    shown = [selection.target.index]
    for prediction in (before, *(trial.prediction for trial in trials)):
        shown += [answer.index for answer in prediction.top(CLASSES)]
    shown = list(dict.fromkeys(shown))[:SHOWN]
    for trial in trials:
        seen, told = st.columns([1, 2], vertical_alignment="center", wrap=False)
        seen.image(
            cache.screen(trial.picture), width="stretch",
            alt=f"{trial.kind}: {trial.hidden.mean():.1%} of the picture show {trial.fill}",
        )  # fmt: skip
        was, now = before[selection.target.index], trial.prediction[selection.target.index]
        first = trial.prediction.top(1)[0]
        turned = first.index != before.top(1)[0].index
        said = trial_in_words(was, now, first, turned=turned, marks=MARKDOWN)
        told.markdown(f"**{trial.kind}**: {said}")
    st.plotly_chart(
        change_figure(
            [before.labels[index] for index in shown],
            before.probabilities[shown],
            [(trial.kind, trial.prediction.probabilities[shown]) for trial in trials],
            theme=screen_theme(),
        ),
        theme=None,
        config=QUIET,
        key="change",
        alt="; ".join(
            f"{before.labels[index]}: {percent(float(before.probabilities[index]))} before, "
            + ", ".join(
                f"{percent(float(trial.prediction.probabilities[index]))} if you "
                f"{trial.kind.lower()}"
                for trial in trials
            )
            for index in shown
        ),
    )


def _draw_surrogate(
    selection: Selection, explanation: Explanation, trials: list[Trial], label: str
) -> None:
    """What a linear model expects of each trial, beside what the network says to it."""
    surrogate = explanation.surrogate
    assert surrogate is not None
    for trial in trials:
        found = cache.forecast(
            trial.picture, selection.classifier, selection.pixels, explanation, trial.hidden
        )
        said = (
            f"**{trial.kind}** · The linear model of {explanation.explainer.title} "
            f"(R² {surrogate.r2:.2f}) expects "
            f"{percent(found.expected)} for {label}. It was fitted to pictures whose hidden pieces "
            f"show {_in_words(found.fill)}; hidden like that, the network says "
            f"{percent(found.happened)}."
        )
        if found.fill != trial.fill:
            happened = trial.prediction[explanation.target.index].probability
            said += f" With {_in_words(trial.fill)}, as above, it says {percent(happened)}."
        if not 0 <= found.expected <= 1:
            said += (
                " The model is linear, so it can leave 0% to 100%, as here; a probability cannot."
            )
        if found.cut:
            said += (
                f" The region cuts through {found.cut} of {len(surrogate.coefficients)} pieces; "
                "the model counts those in part."
            )
        st.caption(said)


def _in_words(fill: str) -> str:
    return FILLS_IN_WORDS.get(fill, fill)


def _draw_entry(selection: Selection, number: int, trial: Trial) -> None:
    was, now = trial.before.top(1)[0], trial.prediction.top(1)[0]
    small, words, action = st.columns([1, 4, 1], vertical_alignment="center")
    small.image(
        cache.made(Picture.thumbnail, trial.picture), width=72,
        alt=f"Experiment {number + 1}: {trial.hidden.mean():.1%} of the picture hidden",
    )  # fmt: skip
    first, last = escaped(was.label), escaped(now.label)
    words.markdown(
        f"**{number + 1}. {escaped(trial.picture.title)}**: {trial.kind.lower()}, "
        f"{trial.region.mean():.1%} of it, {trial.fill}  \n{first} {percent(was.probability)} → "
        f"{last} {percent(now.probability)} ({first} "
        f"{percent(trial.prediction[was.index].probability)})"
    )
    same = trial.of == selection.picture.digest and trial.region.shape == selection.pixels.shape[:2]
    action.button(
        "Restore", key=f"restore-{number}", disabled=not same, on_click=_restore(selection, trial),
        help=None if same else "It was done on another picture or another network's size.",
    )  # fmt: skip


def _restore(selection: Selection, trial: Trial) -> Callable[[], None]:
    def restore() -> None:
        canvas.restore(selection, trial.region)
        st.session_state["kinds"] = [trial.kind]
        st.session_state["region-fill"] = trial.fill

    return restore


def _table(log: Sequence[Trial]) -> bytes:
    rows: list[list[object]] = [
        ["number", "picture", "experiment", "share of area", "fill", "class before",
         "probability before", "probability after", "class after", "its probability after"]
    ]  # fmt: skip
    for number, trial in enumerate(log, 1):
        was, now = trial.before.top(1)[0], trial.prediction.top(1)[0]
        rows.append(
            [number, trial.picture.title, trial.kind, trial.region.mean(), trial.fill, was.label,
             was.probability, trial.prediction[was.index].probability, now.label, now.probability]
        )  # fmt: skip
    return table_csv(rows)


def _pictures(log: Sequence[Trial]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, trial in enumerate(log, 1):
            name = f"{number:02}-{slug(trial.picture.title)}-{slug(trial.kind)}.png"
            archive.writestr(name, encode(trial.picture.image, "PNG"))
    return file.getvalue()
