"""The Compare page, as a person meets it: links, choices, refusals, and nothing computed twice."""

import io
import json
from collections import Counter

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency, read_image
from explainers.images.samples import SAMPLES
from pages.parts import card
from pages.parts.compare import agreement
from pages.parts.figures import matrix_figure
from tests.app.charts import array, charts, heatmaps
from tests.app.driving import captions, class_menu, methods_named, open_app


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what the classifier is asked."""
    counts: Counter[str] = Counter()
    for name in ("predict", "gradients", "masked_probabilities"):
        original = getattr(Classifier, name)

        def counted(self, *args, _name=name, _original=original, **kwargs):
            counts[_name] += 1
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(Classifier, name, counted)
    return counts


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_a_link_opens_what_it_says() -> None:
    app = open_app(picture="coffee", **{"class": "968"}, methods=["Grad-CAM"])
    assert app.title[0].value == "Why cup?"
    assert "EfficientNet-Lite0 gives it 3.5%, place 2 of 1,000" in captions(app)
    assert methods_named(app) == ["Grad-CAM"]
    assert app.query_params["picture"] == "coffee"
    assert app.query_params["class"] == "968"


def test_a_link_names_the_classifier_too() -> None:
    app = open_app(classifier="efficientnet-lite2", methods=["Grad-CAM"])
    assert "EfficientNet-Lite2 gives it 75" in captions(app)
    assert app.query_params["classifier"] == "efficientnet-lite2"


@pytest.mark.parametrize("linked", ["-1", "5000", "cat", "²"])
def test_a_link_to_no_class_shows_the_most_probable(linked: str) -> None:
    app = open_app(picture="no such picture", **{"class": linked}, methods=["Grad-CAM"])
    assert app.title[0].value == "Why Egyptian cat?"
    assert app.query_params["class"] == "285"


def test_three_maps_and_matrices_equal_the_library(lite0: Classifier) -> None:
    app = open_app()
    assert app.title[0].value == "Why Egyptian cat?"
    assert "All maps are complete" in captions(app)
    pixels = lite0.prepare(SAMPLES["cat"].read())
    methods = (GradCam(), Saliency(samples=4), LimeSuperpixels(samples=60))
    *shown, _ = heatmaps(app)
    assert len(shown) == 6
    for method, heatmap, matrix in zip(methods, shown[::2], shown[1::2], strict=True):
        expected = method.explain(lite0, pixels, 285)
        np.testing.assert_allclose(
            array(heatmap["z"]), expected.heatmap, rtol=1e-3, atol=1e-3 * expected.scale
        )
        grid = expected.grid(14)
        np.testing.assert_allclose(array(matrix["z"]), grid / np.abs(grid).max(), atol=2e-3)
        assert heatmap["zmax"] == pytest.approx(expected.scale, rel=1e-3)
    assert "Measured on 7 × 7 cells" in captions(app)
    assert "Measured on 224 × 224 pixels" in captions(app)
    assert "Measured on 38 superpixels" in captions(app)
    assert "60 of 60 samples" in captions(app)
    assert "R² " in captions(app)


def test_another_class_is_explained_without_asking_lime_again(passes: Counter[str]) -> None:
    app = open_app()
    once = Counter(passes)
    menu = class_menu(app)
    assert menu.options[:2] == ["1 · Egyptian cat · 77.1%", "2 · tiger cat · 10.1%"]
    assert menu.options[5].startswith("1000 · ")
    menu.select_index(1).run()
    assert not app.exception
    assert app.title[0].value == "Why tiger cat?"
    assert app.query_params["class"] == "282"
    assert passes["masked_probabilities"] == once["masked_probabilities"]
    assert passes["predict"] == once["predict"]
    assert passes["gradients"] == 2 * once["gradients"]


def test_going_back_asks_nothing(passes: Counter[str]) -> None:
    app = open_app()
    class_menu(app).select_index(1).run()
    app.button(key="sample-coffee").click().run()
    assert app.title[0].value == "Why espresso?"
    there = Counter(passes)
    app.button(key="sample-cat").click().run()
    assert app.title[0].value == "Why tiger cat?"
    class_menu(app).select_index(0).run()
    assert app.title[0].value == "Why Egyptian cat?"
    assert passes == there


def test_a_setting_of_the_reading_asks_nothing_and_one_of_the_asking_does(
    passes: Counter[str],
) -> None:
    app = open_app(methods=["LIME superpixels"])
    once = Counter(passes)
    before = array(heatmaps(app)[0]["z"])
    app.number_input(key="lime-shown").set_value(2).run()
    after = array(heatmaps(app)[0]["z"])
    assert len(np.unique(before[before != 0])) == 10
    assert len(np.unique(after[after != 0])) == 2
    assert passes == once
    app.number_input(key="lime-seed").set_value(7).run()
    assert passes["masked_probabilities"] > once["masked_probabilities"]


def test_a_click_makes_only_what_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[str] = Counter()

    def count(where: object, name: str) -> None:
        original = getattr(where, name)

        def counted(*args, **kwargs):
            made[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(where, name, counted)

    app = open_app()
    for figure in ("map_figure", "matrix_figure"):
        count(card, figure)
    count(agreement, "matrix_figure")  # made where it is looked at, and closed here
    count(LimeSuperpixels, "interpret")
    app.run()
    assert not made
    app.pills(key="views").set_value(["Overlay", "Heatmap", "Matrix"]).run()
    assert made == {"map_figure": 3}
    assert len(heatmaps(app)) == 9 + 1
    app.pills(key="views").set_value(["Matrix"]).run()
    app.pills(key="views").set_value(["Overlay", "Matrix"]).run()
    assert made == {"map_figure": 3}
    app.number_input(key="lime-shown").set_value(2).run()
    assert made == {"map_figure": 4, "matrix_figure": 1, "interpret": 1}


def test_superpixels_can_be_cut_in_another_way() -> None:
    app = open_app(methods=["LIME superpixels"])
    app.selectbox(key="lime-segmentation").select("SLIC").run()
    app.slider(key="lime-segmentation-SLIC-sigma").set_value(2.0).run()
    assert not app.exception
    assert "superpixels" in captions(app)
    assert "Measured on 38 superpixels" not in captions(app)


def test_the_other_classifier_answers_for_itself() -> None:
    app = open_app(methods=["Grad-CAM"])
    app.selectbox(key="classifier").select("efficientnet-lite2").run()
    assert not app.exception
    assert "EfficientNet-Lite2 gives it 75.2%" in captions(app)
    assert "Measured on 9 × 9 cells" in captions(app)


def test_raw_values_and_the_views() -> None:
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="scale").set_value("Raw").run()
    assert "× 10⁻¹ · strongest in row" in captions(app)
    heatmap, matrix = (array(trace["z"]) for trace in heatmaps(app))
    assert matrix.max() / 10 == pytest.approx(heatmap.max(), rel=0.05)
    app.pills(key="views").set_value(["Heatmap"]).run()
    assert len(heatmaps(app)) == 1


def test_all_maps_are_zoomed_without_a_mouse() -> None:
    app = open_app(methods=["Grad-CAM", "Smoothed saliency"])
    app.slider(key="zoom-rows").set_value((2, 5)).run()
    app.slider(key="zoom-columns").set_value((4, 4)).run()
    layouts = [json.loads(chart.proto.spec)["layout"] for chart in app.get("plotly_chart")]
    zoomed = [each for each in layouts if each.get("dragmode") == "select"]
    assert len(zoomed) == 2
    for each in zoomed:
        assert each["yaxis"]["range"] == [5.5, 1.5]
        assert each["xaxis"]["range"] == [3.5, 4.5]
    app.button(key="unzoom").click().run()
    assert app.slider(key="zoom-rows").value == (0, 13)
    assert not [button for button in app.button if button.key == "unzoom"]


def test_an_all_zero_map_says_why() -> None:
    app = open_app(methods=["Grad-CAM"])
    app.selectbox(key="grad-cam-layer").set_value("block10_project_convolution").run()
    assert not app.exception
    (info,) = app.info
    assert info.value.startswith("Nowhere in this layer does what speaks for this class outweigh")
    assert not heatmaps(app)


def test_no_method_is_no_error() -> None:
    app = open_app(methods=["Grad-CAM"])
    app.pills(key="methods").set_value([]).run()
    assert not app.exception
    assert "Choose a method" in app.info[0].value


def test_an_uploaded_picture_replaces_the_gallery_and_leaves_the_address(
    lite0: Classifier,
) -> None:
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="source").set_value("Upload").run()
    content = png(SAMPLES["coffee"].read()[:, ::-1])
    app.file_uploader(key="upload").set_value(("my <b>cup</b>.png", content, "image/png")).run()
    assert not app.exception
    assert app.title[0].value == "Why espresso?"
    assert "picture" not in app.query_params
    pixels = lite0.prepare(read_image(content))
    expected = GradCam().explain(lite0, pixels, 967)
    np.testing.assert_allclose(array(heatmaps(app)[0]["z"]), expected.heatmap, atol=2e-3)


def test_a_bad_upload_says_why_and_leaves_everything_standing() -> None:
    app = open_app(methods=["Grad-CAM"])
    before = array(heatmaps(app)[0]["z"])
    app.segmented_control(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").set_value(("cat.png", b"no picture", "image/png")).run()
    assert not app.exception
    assert app.error[0].value.startswith("The file is not a picture of a known format")
    assert app.title[0].value == "Why Egyptian cat?"
    np.testing.assert_array_equal(array(heatmaps(app)[0]["z"]), before)
    app.segmented_control(key="source").set_value("Gallery").run()
    app.button(key="sample-coffee").click().run()
    assert not app.error


def test_a_picture_stays_in_its_session() -> None:
    mine = open_app(methods=["Grad-CAM"])
    mine.segmented_control(key="source").set_value("Upload").run()
    content = png(SAMPLES["rocket"].read())
    mine.file_uploader(key="upload").set_value(("mine.png", content, "image/png")).run()
    assert mine.title[0].value == "Why drilling platform?"
    other = open_app(methods=["Grad-CAM"])
    assert other.title[0].value == "Why Egyptian cat?"
    assert "mine" not in captions(other)


def test_the_middle_square_is_another_picture() -> None:
    app = open_app(methods=["Grad-CAM"])
    app.toggle(key="square").set_value(True).run()
    assert not app.exception
    assert "Cat, 300 × 300 pixels" in captions(app)


def test_all_that_needs_no_network_stands_before_it_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pages.parts.cache.cold", lambda: True)
    monkeypatch.setattr("pages.parts.classifiers.opened", lambda *_: st.stop())
    app = open_app(picture="coffee")
    assert [button.label for button in app.sidebar.button][:5] == [
        "Cat", ":primary[**Coffee**]", "Rocket", "Motorcycle", "Astronaut",
    ]  # fmt: skip
    assert methods_named(app) == ["Grad-CAM", "Smoothed saliency", "LIME superpixels"]
    assert captions(app).count("Waiting") == 3
    assert "Waking TensorFlow" in captions(app)
    assert len(charts(app)) == 3
    assert not heatmaps(app)
    assert app.selectbox(key="classifier").value == "efficientnet-lite0"


def test_numbers_are_drawn_once_a_map_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[np.ndarray] = []

    def counted(matrix: np.ndarray, *given, **settings):
        drawn.append(matrix)
        return matrix_figure(matrix, *given, **settings)

    monkeypatch.setattr(card, "CALM", 0.0)
    monkeypatch.setattr(card, "matrix_figure", counted)
    app = open_app(methods=["LIME superpixels"])
    drawn.clear()
    app.number_input(key="lime-samples").set_value(300).run()
    (matrix,) = drawn
    shown = array(heatmaps(app)[-1]["z"])
    np.testing.assert_array_equal(shown.reshape(matrix.shape), matrix)
