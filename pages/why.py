"""Why this class and not that one?"""

import streamlit as st

from pages.parts import cache
from pages.parts.figures import QUIET
from pages.parts.frame import choose, frame, screen_theme
from pages.parts.plots import ranking_figure
from pages.parts.why import comparisons
from pages.parts.words import escaped, percent

selection = frame("Why this class?").answered()
prediction, said = selection.prediction, selection.target.index
st.title(f"Why {escaped(prediction[said].label)} and not another?", anchor=False)
st.caption(
    f"{escaped(selection.classifier.title)} gives it {percent(prediction[said].probability)}, "
    f"place {prediction.rank(said)} of {len(prediction.labels):,}."
)
choose("Compare", comparisons.COMPARISONS, "question")(selection)
with st.expander("All classes, ranked", icon=":material/format_list_numbered:"):
    st.plotly_chart(
        cache.made(ranking_figure, prediction, said, count=10, row_height=34, theme=screen_theme()),
        theme=None,
        config=QUIET,
        alt="The ten most probable classes",
    )
    comparisons.draw_ranking(prediction)
