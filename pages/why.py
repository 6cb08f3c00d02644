"""Why this class and not that one?"""

import streamlit as st

from pages.parts import cache
from pages.parts.figures import QUIET
from pages.parts.frame import choose, frame, screen_theme
from pages.parts.plots import ranking_figure
from pages.parts.why import comparisons
from pages.parts.words import escaped

selection = frame("Why this class?").answered()
prediction, said = selection.prediction, selection.target.index
label = escaped(prediction[said].label)
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.title(f"Why {label} and not another?", anchor=False, width="content")
    compared = choose("Compare", comparisons.COMPARISONS, "question")
compared(selection)
with st.expander("All classes, ranked", icon=":material/format_list_numbered:"):
    st.plotly_chart(
        cache.made(ranking_figure, prediction, said, count=10, row_height=34, theme=screen_theme()),
        theme=None,
        config=QUIET,
        alt="The ten most probable classes",
    )
    comparisons.draw_ranking(prediction)
