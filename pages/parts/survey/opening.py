"""From a picture of a survey to Compare, and back."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from explainers.methods import METHODS
from explainers.models import zoo
from explainers.settings import Settings
from explainers.survey.originals import whole
from explainers.survey.table import Stored
from pages.parts.frame import SURVEY, go_to
from pages.parts.picture import Picture
from pages.parts.words import escaped, title_of


def open_picture(name: str, stored: Stored, row: Mapping[str, Any], index: int | None) -> None:
    """Go to Compare with the picture of a row: the survey's classifier, its settings, a class.

    Raises
    ------
    SurveyError
        If the picture is not there as it was.
    """
    title = title_of(row["path"].rsplit("/", 1)[-1], "Picture")
    picture = Picture.of(title, whole(stored, row))
    st.session_state.picture = picture
    st.session_state.refusal = None
    st.session_state.square = bool(stored.told.get("square"))
    asked = stored.told["classifier"]
    if asked in zoo.CLASSIFIERS:
        st.session_state.network = asked
        st.session_state["classifier-source"] = "Ready-made"
    if index is not None:
        classes = len(stored.told["labels"])
        for shown in (picture, picture.centre()):
            st.session_state.chosen_classes[f"{shown.digest}-{classes}"] = index
    _set_as_asked(stored)
    st.session_state.from_survey = {
        "digest": picture.digest, "survey": name, "path": row["path"],
        "asked": stored.told.get("title", ""), "known": asked in zoo.CLASSIFIERS,
    }  # fmt: skip
    go_to("app.py")


def offer_return() -> None:
    """The way back to the survey that the picture came from, at the place that was left."""
    came: dict[str, Any] | None = st.session_state.get("from_survey")
    if came is None or came["digest"] != st.session_state.picture.digest:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            SURVEY,
            label=f"Back to {escaped(came['survey'])}",
            icon=":material/arrow_back:",
            query_params=st.session_state.get("survey_link", {}),
        )
        st.caption(escaped(came["path"]), width="content")
    if not came["known"]:
        st.caption(
            f"The survey asked {escaped(came['asked'])}, a file of its own. The classifier of the "
            "sidebar answers here: choose that file under *Your own* to see the same maps."
        )


def _set_as_asked(stored: Stored) -> None:
    """The methods' controls as the survey had them, so that the maps are the same."""
    told = stored.told["methods"] | stored.told["closer"]
    for method in METHODS:
        for name, entry in method.settings().items():
            choices = () if callable(entry.choices) else entry.choices or ()
            nested = any(isinstance(choice, Settings) for choice in choices)
            if name in told.get(method.name, {}) and not nested:
                value = told[method.name][name]
                if value is not None:
                    st.session_state[f"{method.name}-{name}"] = value
