"""What is this model, and is it fed right? Its check-up, and every layer inside."""

import streamlit as st

from pages.parts import check_up
from pages.parts.frame import frame
from pages.parts.model.layers import draw as draw_layers
from pages.parts.words import escaped

selection = frame("The model").answered()
st.title(escaped(selection.classifier.title), anchor=False)
st.caption("What it is, whether it is fed right, and every layer inside.")
check_up.draw(selection)
draw_layers(selection.classifier)
