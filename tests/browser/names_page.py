"""A page that shows every text of a JSON file in every element that knows Markdown."""

import json
import sys
from pathlib import Path

import streamlit as st

for number, text in enumerate(json.loads(Path(sys.argv[1]).read_text())):
    with st.container(key=f"name-{number}"):
        st.title(text, anchor=False)
        st.markdown(text)
        st.markdown(f"##### {text}")
        st.markdown(f"**{text}**: *{text}*, {text}")
        st.caption(text)
        st.error(text, icon=":material/block:")
        st.info(text, icon=":material/block:")
        st.expander(text)
        st.table([[text]], hide_header=True)
        st.button(text, key=f"button-{number}")
        st.progress(0.5, text)
