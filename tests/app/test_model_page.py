"""The page about the model: what it is, every layer inside, and the way to explain at one."""

import numpy as np
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam
from explainers.images.samples import SAMPLES
from explainers.models.efficientnet_lite import VARIANTS, build
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, open_app

PAGE = "pages/model.py"
PARAMETERS = build(VARIANTS["efficientnet-lite0"]).count_params()


def test_the_page_opens_by_a_link_of_its_own() -> None:
    app = open_app(PAGE, picture="coffee")
    assert app.title[0].value == "EfficientNet-Lite0"
    facts = app.table[0].value.to_string()
    assert "1,000 logits through a softmax" in facts
    assert "224 × 224, red, green and blue" in facts
    assert f"{PARAMETERS:,}" in facts
    answers = app.dataframe[0].value
    in_use = answers[answers["Pixels scaled to"] == "(pixels - 127) / 128 (in use)"]
    assert in_use["Answer"].tolist() == ["espresso"]
    assert "which is in use" in app.success[0].value


def test_layers_are_searched() -> None:
    app = open_app(PAGE)
    everything = app.dataframe[1].value
    assert everything["Layer"].iloc[-1] == "probabilities"
    assert everything["Parameters"].sum() == PARAMETERS
    app.text_input(key="layer-search").set_value("7 x 7 depthwiseconv").run()
    found = app.dataframe[1].value
    assert set(found["Kind"]) == {"DepthwiseConv2D"}
    assert all(output.startswith("7 × 7") for output in found["Output"])
    app.text_input(key="layer-search").set_value("nowhere").run()
    assert "No layer of EfficientNet-Lite0 fits this search." in app.info[0].value


def test_compare_and_back_by_the_links() -> None:
    app = open_app(methods=["Grad-CAM"], picture="coffee")
    app.switch_page(PAGE).run()
    assert not app.exception
    assert app.title[0].value == "EfficientNet-Lite0"
    app.switch_page("app.py").run()
    assert app.title[0].value == "Why espresso?"


def explain_at(app: AppTest, layer: str) -> None:
    """What the button does; a row of a table cannot be chosen here."""
    app.session_state[f"{GradCam.name}-layer"] = layer
    app.switch_page("app.py").run()
    assert not app.exception


def test_a_layer_of_the_table_is_explained_on_compare(lite0: Classifier) -> None:
    app = open_app(PAGE, methods=["Grad-CAM"])
    path = app.dataframe[1].value["Layer"].iloc[100]
    layer = lite0.layer(path)
    explain_at(app, path)
    rows, columns = layer.grid
    assert f"Measured on {rows} × {columns} cells" in captions(app)
    expected = GradCam(layer=path).explain(lite0, lite0.prepare(SAMPLES["cat"].read()), 285)
    np.testing.assert_allclose(array(heatmaps(app)[0]["z"]), expected.heatmap, atol=2e-3)
