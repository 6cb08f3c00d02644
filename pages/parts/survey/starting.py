"""A survey started from the page: its pictures, what is asked of them, and how far it is."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explainers import METHODS, Explainer, ModelError
from explainers.images.reading import MAX_BYTES
from explainers.models import zoo
from explainers.survey import background
from explainers.survey.background import Running
from explainers.survey.brought import MOST, UNPACKED, bring
from explainers.survey.pictures import BY_FOLDER, ENDINGS
from explainers.survey.running import Progress
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import SETTINGS
from explainers.words import duration, legible, slug
from pages.parts import cache
from pages.parts.classifiers import Wanted
from pages.parts.words import escaped

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

PICTURES = os.environ.get("TRIPTYCH_PICTURES")
"""A folder whose sub-folders of pictures all visitors may survey; see README, "Deploying it"."""

SURVEYS = os.environ.get("TRIPTYCH_SURVEYS")
"""Where surveys of those lie, so that all visitors see them."""

OFTEN = 1.0
"""Seconds between one look at a run and the next."""
DOING = {
    "starting": "Starting",
    "measuring": "Waking TensorFlow, and measuring how fast it goes here",
    "looking": "Looking",
    "closer": "Looking closer at some",
}


def offer() -> None:
    """The choice of what this session is to run, behind a button; none while it runs something."""
    if "survey_run" not in st.session_state:
        with st.popover("New survey", icon=":material/add:", width="content"):
            _choose()


def watch() -> None:
    """How far the run of this session is, if there is one, or how it ended."""
    running: Running | None = st.session_state.get("survey_run")
    if running is None:
        return
    with st.container(border=True):
        if running.going:
            _watch()
        else:
            _tell_end(running)


def busy(out: Path | None = None) -> bool:
    """Whether this session runs a survey: that of a folder, or any."""
    running: Running | None = st.session_state.get("survey_run")
    return running is not None and running.going and out in (None, running.out)


def in_words(standing: Progress) -> str:
    """``Looking: 120 of 1,000 pictures, 14 a second, about 60 s left, 2 failed``."""
    said = DOING.get(standing.state, standing.state.capitalize())
    if not standing.total:
        return said
    said += f": {standing.done:,} of {standing.total:,} pictures"
    if standing.rate:
        said += f", {standing.rate:.3g} a second"
    if standing.left is not None:
        said += f", about {duration(standing.left)} left"
    return said + (f", {standing.failed:,} failed" if standing.failed else "")


def _choose() -> None:
    """Draw what can be chosen, and start it."""
    folder = _choose_pictures()
    by_folder = st.toggle(
        "Folders are named as what they show", key="survey-by-folder",
        help="The name of the folder that a picture lies in, in a zip too, is then taken for what "
        "it truly shows.",
    )  # fmt: skip
    survey = _choose_survey()
    files: Sequence[UploadedFile] = st.session_state.get("survey-files") or []
    refusal = st.empty()
    pressed = st.button(
        "Start", icon=":material/play_arrow:", key="survey-start",
        disabled=survey is None or not (folder or files),
    )  # fmt: skip
    st.caption(_where(folder))
    if pressed and survey is not None:
        try:
            _start(survey, folder, files, by_folder)
        except SurveyError as reason:
            refusal.error(escaped(str(reason)), icon=":material/block:")
        else:
            st.rerun()


def _choose_pictures() -> Path | None:
    """A folder of the server's; None for what was dropped."""
    sources = ["Bring some", "On this server"]
    source = sources[0]
    if PICTURES:
        source = st.segmented_control(
            "Pictures", sources, default=sources[0], required=True, key="survey-source",
            persist_state="session",
        )  # fmt: skip
    if source != sources[0]:
        return _choose_folder(Path(PICTURES or ""))
    st.file_uploader(
        "Pictures, or zips of them",
        sorted(ending[1:] for ending in (*ENDINGS, ".zip")),
        accept_multiple_files=True,
        key="survey-files",
        help=f"At most {MOST:,} pictures of {MAX_BYTES // 2**20} MiB each, "
        f"{UNPACKED // 2**20} MiB in all. They stay in this session.",
    )
    return None


def _choose_folder(root: Path) -> Path | None:
    """A folder in that of the operator's."""
    if not root.is_dir():
        st.warning(
            "The folder of pictures that this server was given is not there.",
            icon=":material/folder_off:",
        )
        return None
    folders = {
        legible(path.name): path
        for path in sorted(root.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    if not folders:
        st.caption("The folder of pictures that this server was given holds no folders.")
        return None
    name = st.selectbox("Folder", list(folders), key="survey-folder", persist_state="session")
    return folders[name]


def _choose_survey() -> Survey | None:
    """What is asked of every picture; None as long as no method is chosen."""
    here = [name for name in zoo.CLASSIFIERS if zoo.whereabouts(name) != "elsewhere"]
    classifier = st.selectbox(
        "Network", here, format_func=lambda name: zoo.CLASSIFIERS[name], key="survey-network",
        persist_state="session", help="Those whose weights are on this server.",
    )  # fmt: skip
    chosen = _choose_methods("For every picture", Survey.methods, "survey-methods")
    closer = st.toggle(
        f"Look closer at {Survey.worst + Survey.sample} of them", True, key="survey-closer",
        persist_state="session",
        help="The tests of how far to believe a map take up to minutes a picture, and so do some "
        f"methods. They look at the {Survey.worst} on which the methods above agree least, and at "
        f"{Survey.sample} drawn at random, which say which method to trust.",
    )  # fmt: skip
    besides = _choose_methods(
        "For those besides", Survey.closer, "survey-closer-methods", disabled=not closer
    )
    _tell_costs(classifier)
    square = st.toggle("Only the middle square", key="survey-square", persist_state="session")
    if not chosen:
        st.caption("A survey needs a method: choose at least one.")
        return None
    return Survey(
        classifier=classifier,
        methods=chosen,
        closer=tuple(each for each in besides if each not in chosen) if closer else (),
        worst=Survey.worst if closer else 0,
        sample=Survey.sample if closer else 0,
        square=square,
    )


def _choose_methods(
    label: str, usual: Sequence[Explainer], key: str, *, disabled: bool = False
) -> tuple[Explainer, ...]:
    """Some of all methods, kind by kind, with their usual settings."""
    titles = {method.title: method for method in METHODS}
    chosen = st.pills(
        label, list(titles), selection_mode="multi", default=[each.title for each in usual],
        key=key, persist_state="session", wrap=True, disabled=disabled,
    )  # fmt: skip
    return tuple(method() for title, method in titles.items() if title in chosen)


def _tell_costs(name: str) -> None:
    """What each method takes of a picture, once it is asked for: the network has to be opened."""
    asked = st.button(
        "What does each cost here?", icon=":material/speed:", type="tertiary", key="survey-costs"
    )
    if asked:
        st.session_state.survey_costs_of = name
    if st.session_state.get("survey_costs_of") != name:
        return
    try:
        network = cache.classifier(name, Wanted(name).load)
    except ModelError as reason:
        st.error(escaped(str(reason)), icon=":material/block:")
        return
    pace = cache.pace(network)
    passes: dict[str, int | None] = {}
    for method in METHODS:
        try:
            passes[method.title] = method().cost(network).passes
        except LookupError:
            passes[method.title] = None
    st.dataframe(
        {
            "Method": list(passes),
            "Kind": [method.kind for method in METHODS],
            "Passes": list(passes.values()),
            "Seconds": [None if count is None else count * pace for count in passes.values()],
        },
        hide_index=True,
        height="content",
        column_config={
            "Passes": st.column_config.NumberColumn(
                format="localized",
                help="Forward passes for one picture; a backward one counts as two. Methods that "
                "read the same gradients of a layer are asked once for all of them.",
            ),
            "Seconds": st.column_config.NumberColumn(
                format="%.2f", help="Of one picture on one core busy with nothing else."
            ),
        },
        alt="Passes for one picture: "
        + ", ".join(f"{title} {count:,}" for title, count in passes.items() if count is not None),
    )


def _where(folder: Path | None) -> str:
    """Where the survey will lie, and who sees it."""
    if folder is not None and SURVEYS:
        return (
            "It is kept on this server, where all visitors see it. The run ends with this "
            "session; what is done stays."
        )
    return (
        "It lies in a temporary folder of this session, for you alone, and goes with it: take "
        "away what you want to keep."
    )


def _start(
    survey: Survey, folder: Path | None, files: Sequence["UploadedFile"], by_folder: bool
) -> None:
    """Start it.

    Raises
    ------
    SurveyError
        If the pictures are refused, or as many run as may.
    """
    own = _own_folder()
    title = slug(legible(folder.name)) if folder is not None else "pictures"
    name = f"{title}-{survey.classifier}-{time.strftime('%Y-%m-%d-%H%M%S')}"
    labels: Path | str | None = BY_FOLDER if by_folder else None
    out = Path(SURVEYS) / name if folder is not None and SURVEYS else own / name
    st.session_state.survey_left_out = 0
    if folder is None:
        room = own / f"brought-for-{name}"
        try:
            brought = bring(((file.name, file) for file in files), room / "pictures")
            if by_folder and brought.labels is None:
                raise SurveyError(
                    "What you brought lies in no folders, so none says what it shows."
                )
        except SurveyError:
            shutil.rmtree(room, ignore_errors=True)
            raise
        folder, labels = brought.folder, brought.labels if by_folder else None
        st.session_state.survey_left_out = brought.left_out
    command = background.command(survey, folder, out, labels)
    st.session_state.survey_run = background.start(out, command, _alive())
    st.session_state.setdefault("own_surveys", {})[name] = out


def _own_folder() -> Path:
    """A temporary folder of this session, which goes with it."""
    if "survey_folder" not in st.session_state:
        folder = tempfile.TemporaryDirectory(prefix="triptych-surveys-", ignore_cleanup_errors=True)
        background.when_gone(_alive(), partial(background.clear, folder))
        st.session_state.survey_folder = folder
    return Path(st.session_state.survey_folder.name)


def _alive() -> "partial[bool]":
    """Tells whether this session is still connected."""
    context = get_script_run_ctx()
    return partial(_connected, context.session_id if context else "")


def _connected(session: str) -> bool:
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


@st.fragment(run_every=OFTEN)
def _watch() -> None:
    """How far it is, looked at again and again; Stop."""
    running: Running = st.session_state.survey_run
    if not running.going:
        st.rerun()
    standing = running.standing
    share = standing.done / standing.total if standing.total else 0.0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, share), in_words(standing))
        st.button(
            "Stop", icon=":material/stop:", key="survey-stop", on_click=running.stop,
            help="What is done stays. It takes some seconds to end.",
        )  # fmt: skip
    if running.price:
        st.caption(escaped(running.price))
    _tell_left_out()


def _tell_left_out() -> None:
    count = st.session_state.get("survey_left_out", 0)
    if count:
        one = count == 1
        st.caption(
            f"{count:,} {'file' if one else 'files'} that you brought "
            f"{'is no picture' if one else 'are no pictures'} by name, and "
            f"{'was' if one else 'were'} left out."
        )


def _tell_end(running: Running) -> None:
    """How it ended, and what can be done then."""
    standing = running.standing
    name = next(name for name, out in st.session_state.own_surveys.items() if out == running.out)
    if standing.state == "done":
        st.success(f"{escaped(name)} is done.", icon=":material/check:")
    elif standing.state == "stopped":
        st.info("Stopped. What is done stays.", icon=":material/stop:")
    else:
        st.error(escaped(standing.message), icon=":material/block:")
    _tell_left_out()
    with st.container(horizontal=True):
        if (running.out / SETTINGS).exists():
            st.button(
                "Look at it", icon=":material/grid_view:", key="survey-look", on_click=_look_at,
                args=(name,),
            )  # fmt: skip
        if standing.state != "done":
            st.button(
                "Continue", icon=":material/play_arrow:", key="survey-continue",
                on_click=_resume, args=(running,),
            )  # fmt: skip
        st.button("Another survey", icon=":material/add:", key="survey-another", on_click=_forget)
    if refused := st.session_state.pop("survey_refused", None):
        st.error(escaped(refused), icon=":material/block:")


def _resume(running: Running) -> None:
    """Start the same command again, which goes on where it was."""
    try:
        st.session_state.survey_run = background.start(running.out, running.command, _alive())
    except SurveyError as reason:
        st.session_state.survey_refused = str(reason)


def _look_at(name: str) -> None:
    st.session_state.survey = name
    _forget()


def _forget() -> None:
    del st.session_state["survey_run"]
