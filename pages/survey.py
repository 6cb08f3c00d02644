"""Many pictures: where are the strangest decisions?"""

import streamlit as st

from explainers.survey.survey import SurveyError
from pages.parts.frame import frame_of_many
from pages.parts.survey import choosing, methods, moves, overview, pictures, starting
from pages.parts.words import escaped

VIEWS = {
    "Overview": overview.draw,
    "Pictures": pictures.draw,
    "Methods": methods.draw,
    "What changed": moves.draw,
}

style = frame_of_many("Survey")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title("Survey", anchor=False, width="content")
    chosen = choosing.choose(choosing.listed())
    if chosen is not None:
        view = st.segmented_control(
            "View", list(VIEWS), default="Overview", required=True, key="show",
            bind="query-params", label_visibility="collapsed", wrap=True,
        )  # fmt: skip
    starting.offer()
starting.watch()
if chosen is None:
    st.stop()
name, stored = chosen
st.session_state.survey_link = pictures.link(name)
if not starting.busy(stored.folder):
    choosing.watch(stored)

st.caption(choosing.told(stored))
if not stored.files:
    st.info("There are no rows yet.", icon=":material/hourglass_top:")
    st.stop()
try:
    VIEWS[view](name, stored, style)
except SurveyError as reason:
    st.error(escaped(str(reason)), icon=":material/broken_image:")
