"""What happens inside the network?"""

import streamlit as st

from pages.parts.frame import choose, frame
from pages.parts.network import feature_maps, filters, grad_cam_steps
from pages.parts.words import escaped

VIEWS = {
    "Feature maps": feature_maps.draw,
    "All layers": feature_maps.draw_all_layers,
    "Filters": filters.draw,
    "Grad-CAM step by step": grad_cam_steps.draw,
}

selection = frame("Inside the network").answered()
st.title("Inside the network", anchor=False)
st.caption(
    f"{escaped(selection.classifier.title)} looking at {escaped(selection.picture.title)}, and "
    "what its parts look for."
)
choose("View", VIEWS, "network-view")(selection)
