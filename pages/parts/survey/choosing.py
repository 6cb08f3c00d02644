"""Which survey is looked at: one that the server offers, or one that this session started."""

import os
import time
from pathlib import Path

import streamlit as st

from explainers.survey.background import told_by
from explainers.survey.running import PROGRESS
from explainers.survey.survey import SurveyError, method_named
from explainers.survey.table import SETTINGS, Stored
from explainers.words import enumerated, legible
from pages.parts.survey.starting import in_words
from pages.parts.words import escaped

FOLDER = os.environ.get("TRIPTYCH_SURVEYS")
"""A folder of surveys that the server's operator offers to all visitors."""

COMMAND = "python -m explainers survey FOLDER --out surveys/NAME"
GOING = ("measuring", "looking", "closer")
SILENT = 60
"""Seconds without a word after which that is said: a run tells how far it is every few."""
LOOK = 2.0


def listed() -> dict[str, Path]:
    """The folders of all surveys by their names: those of this session, then those offered."""
    own: dict[str, Path] = st.session_state.get("own_surveys", {})
    offered = sorted(Path(FOLDER).iterdir()) if FOLDER and Path(FOLDER).is_dir() else []
    there = own | {legible(path.name): path for path in offered if path not in own.values()}
    return {name: path for name, path in there.items() if (path / SETTINGS).is_file()}


def choose(folders: dict[str, Path]) -> tuple[str, Stored] | None:
    """One of them, as the address says or a person chooses; None, said why, if there is none."""
    if not folders:
        _say_how()
        return None
    names = list(folders)
    linked = st.query_params.get("survey")
    name = st.selectbox(
        "Survey",
        names,
        names.index(linked) if linked in folders and "survey" not in st.session_state else 0,
        key="survey",
        persist_state="session",
        label_visibility="collapsed",
        width=300,
    )
    st.query_params["survey"] = name
    try:
        return name, Stored.at(folders[name])
    except SurveyError as reason:
        st.warning(escaped(str(reason)), icon=":material/folder_off:")
        return None


def beside(name: str, stored: Stored) -> dict[str, Path]:
    """All other surveys, those of the same folder of pictures first."""

    def of_other_pictures(path: Path) -> bool:
        try:
            return Stored.at(path).told.get("root") != stored.told.get("root")
        except SurveyError:
            return True

    others = ((each, path) for each, path in listed().items() if each != name)
    return dict(sorted(others, key=lambda entry: of_other_pictures(entry[1])))


def watch(stored: Stored) -> None:
    """Tell how far a run is that has not ended, if there is one."""
    if told_by(stored.folder).state in GOING:
        _watch(stored)


@st.fragment(run_every=LOOK)
def _watch(stored: Stored) -> None:
    standing = told_by(stored.folder)
    if standing.state not in GOING:
        st.rerun()
    share = standing.done / standing.total if standing.total else 0.0
    st.progress(min(1.0, share), in_words(standing))
    silence = time.time() - (stored.folder / PROGRESS).stat().st_mtime
    if silence > SILENT:
        st.caption(
            f"It has said nothing for {silence / 60:.0f} min: it may have been ended. The same "
            "command goes on where it was."
        )
    if st.button("Show the rows that there are now", icon=":material/refresh:"):
        st.rerun()


def _say_how() -> None:
    if not FOLDER:
        why = "This server was given no folder of surveys: start it with `TRIPTYCH_SURVEYS` set."
    elif not Path(FOLDER).is_dir():
        why = "The folder of surveys that this server was given is not there."
    else:
        why = "There is no survey yet in the folder that this server was given."
    st.info(f"{why} A survey is made by this command:", icon=":material/grid_view:")
    st.code(COMMAND, language="sh")
    st.caption(
        "It asks a classifier and the methods about every picture in a folder, and writes one "
        "table. This page then shows on which pictures the methods disagree, which answers are "
        "wrong, and where the network looks for each class."
    )


def told(stored: Stored) -> str:
    """What was asked, in a sentence of Markdown."""
    title = escaped(stored.told.get("title", "A classifier"))
    every = enumerated(method_named(name).title for name in stored.methods)
    said = f"{title}, asked by {every} about every picture in {escaped(stored.root.name)}"
    if stored.told["worst"] + stored.told["sample"]:
        closer = [method_named(name).title for name in stored.closer]
        by = f"by {enumerated(closer)}, and tested," if closer else "tested"
        said += (
            f"; {by} on {stored.told['worst']} of the worst and "
            f"{stored.told['sample']} drawn at random"
        )
    return f"{said}."
