"""One scale for all rows: colours, numbers, bold cells and downloads of a method share it."""

import io
import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam
from explainers.images.colouring import Style, coloured, overlay
from explainers.images.poster import MARGIN, WIDTH
from explainers.images.regions import box
from explainers.report.maps import overlay_image
from pages.parts.downloads import poster_png
from pages.parts.picture import Picture
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, open_app

BRIGHT, DIM = 250, 5
PATCH = slice(4, 20)


@pytest.fixture
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose Grad-CAM is the brightness of its picture times a constant."""
    inputs = keras.Input((28, 28, 3))
    convolution = layers.Conv2D(1, 1, use_bias=False, name="brightness")
    dense = layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, dense(layers.GlobalAveragePooling2D()(convolution(inputs))))
    convolution.set_weights([np.full((1, 1, 3, 1), 1 / 3, np.float32)])
    dense.set_weights([np.array([[-1, 1]], np.float32)])
    classifier = Classifier(model, name="brightness", labels=["dark", "bright"])
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: classifier)


def bright_patch() -> np.ndarray:
    """A dim ramp of 0 to 5, with a patch in it that goes up to fifty times as much."""
    values = np.tile(np.linspace(0, DIM, 28), (28, 1))
    values[PATCH, PATCH] = np.linspace(0.8 * BRIGHT, BRIGHT, 16)
    return np.repeat(values.round()[..., None], 3, axis=-1).astype(np.uint8)


def without_the_patch(*, one_scale: bool = True) -> AppTest:
    """What if the bright patch were black: two rows whose largest raw values differ 50-fold."""
    app = open_app("pages/what_if.py", methods=["Grad-CAM"])
    app.session_state.picture = Picture.of("Patch", bright_patch())
    app.session_state["views-rows"] = ["Overlay", "Heatmap", "Matrix"]
    app.selectbox(key="region-fill").set_value("black").run()
    past = list(app.session_state["regions"].values())[-1]
    past.append(box((28, 28), (1.5, 9.5), (1.5, 9.5)))
    app.run()
    if not one_scale:
        app.toggle(key="locked-True").set_value(False).run()
    assert not app.exception
    return app


def matrices(app: AppTest) -> list[dict[str, Any]]:
    return [trace for trace in heatmaps(app) if "text" in trace]


def maps(app: AppTest) -> list[dict[str, Any]]:
    return [trace for trace in heatmaps(app) if "colorbar" in trace]


def bold(trace: dict[str, Any]) -> np.ndarray:
    return np.array([["<b>" in text for text in row] for row in trace["text"]])


def shares(trace: dict[str, Any]) -> np.ndarray:
    """Where on the colour scale the cells lie, 0..1."""
    z = array(trace["z"])
    return (z - trace["zmin"]) / (trace["zmax"] - trace["zmin"])


@pytest.mark.usefixtures("brightness")
def test_a_row_fifty_times_weaker_is_drawn_fifty_times_fainter() -> None:
    app = without_the_patch()
    as_it_is, hidden = matrices(app)
    overlay, heatmap, weak_overlay, weak_heatmap = maps(app)
    ratio = array(overlay["z"]).max() / array(weak_overlay["z"]).max()
    assert ratio == pytest.approx(BRIGHT / DIM)
    assert shares(as_it_is).max() > 0.99
    assert shares(hidden).max() == pytest.approx(1 / ratio, rel=0.1)
    assert (as_it_is["zmin"], as_it_is["zmax"]) == (hidden["zmin"], hidden["zmax"]) == (0, 1)
    assert as_it_is["colorscale"] == hidden["colorscale"]
    limit = array(overlay["z"]).max()
    for trace in (overlay, heatmap, weak_overlay, weak_heatmap):
        assert (trace["zmin"], trace["zmax"]) == (0, pytest.approx(limit))
    for trace, raw in ((as_it_is, overlay), (hidden, weak_overlay)):
        cells = array(raw["z"]).reshape(14, 2, 14, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(array(trace["z"]), cells / limit, atol=1e-6)
        printed = [[float(re.sub("<.*?>", "", text)) for text in row] for row in trace["text"]]
        np.testing.assert_allclose(printed, cells / limit, atol=0.0051)
    assert captions(app).count(f"0 to 1, 1 is {limit:.3g} · strongest in row") == 2


@pytest.mark.usefixtures("brightness")
def test_bold_are_the_strongest_tenth_of_all_rows_together() -> None:
    as_it_is, hidden = matrices(without_the_patch())
    together = np.stack([array(as_it_is["z"]), array(hidden["z"])])
    expected = together >= np.quantile(together, 0.9)
    np.testing.assert_array_equal([bold(as_it_is), bold(hidden)], expected)
    assert not bold(hidden).any()
    assert bold(as_it_is).sum() >= 39


@pytest.mark.usefixtures("brightness")
def test_raw_values_share_the_power_of_ten_and_the_colours() -> None:
    app = without_the_patch()
    app.segmented_control(key="scale").set_value("Raw").run()
    as_it_is, hidden = matrices(app)
    assert as_it_is["zmax"] == hidden["zmax"]
    assert array(as_it_is["z"]).max() / array(hidden["z"]).max() == pytest.approx(50, rel=0.1)
    assert not bold(hidden).any()


@pytest.mark.usefixtures("brightness")
def test_otherwise_each_matrix_has_its_own() -> None:
    app = without_the_patch(one_scale=False)
    for trace in matrices(app):
        assert (array(trace["z"]).max(), trace["zmax"]) == (1, 1)
        assert bold(trace).any()
    assert "1 is" not in captions(app)


@pytest.mark.usefixtures("brightness")
def test_what_is_taken_away_is_on_the_same_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Callable[[], bytes]] = {}

    def offered(*args: Any, **kwargs: Any) -> None:
        taken[kwargs["key"]] = args[1]

    monkeypatch.setattr("streamlit.download_button", offered)
    app = without_the_patch()
    shown, limit = maps(app)[::2], array(maps(app)[0]["z"]).max()
    (menu,) = (each for each in app.selectbox if each.label == "Map")
    assert menu.options == ["As it is: Grad-CAM", "Hide the region: Grad-CAM"]
    for row, (key, trace) in enumerate(zip(("grad-cam", "grad-cam-1"), shown, strict=True)):
        menu.select_index(row).run()
        values = array(trace["z"]) / limit
        heatmap = Image.open(io.BytesIO(taken[f"{key}-heatmap.png"]()))
        np.testing.assert_array_equal(heatmap, coloured(values, Style(), signed=False))
        if key == "grad-cam":
            over = Image.open(io.BytesIO(taken[f"{key}-overlay.png"]()))
            expected = overlay(bright_patch(), values, Style(), signed=False)
            np.testing.assert_array_equal(over, expected)


def test_a_poster_says_where_its_colours_end(smooth: Classifier, pixels: np.ndarray) -> None:
    prediction = smooth.predict(pixels)
    target = prediction.top(1)[0].index
    explanation = GradCam(layer="early").explain(smooth, pixels, target)
    picture = Picture.of("Blocks", pixels.astype(np.uint8))
    own, shared = (
        np.asarray(Image.open(io.BytesIO(poster_png(
            [explanation], [limit], picture, smooth, prediction, Style(fading=False)
        ))))
        for limit in (explanation.scale, 50 * explanation.scale)
    )  # fmt: skip
    left, top = 2 * MARGIN + WIDTH, 134
    bottom = top + round(WIDTH * picture.aspect)
    panel = (slice(top, bottom), slice(left, left + WIDTH))
    small = picture.resized(WIDTH, bottom - top)
    expected = overlay_image(explanation, small.image, Style(fading=False), 50 * explanation.scale)
    np.testing.assert_array_equal(shared[panel], expected)
    assert (shared[panel] != own[panel]).any()
    note = (slice(bottom + 40, None), slice(left, None))
    assert (shared[note] < 200).sum() > (own[note] < 200).sum()


def test_a_stronger_row_that_comes_later_is_no_error() -> None:
    """The rows that were complete are drawn again; Streamlit lets a key be used but once."""
    app = open_app("pages/why.py", picture="cat", methods=["Grad-CAM"])
    app.segmented_control(key="question").set_value("Layers").run()
    app.toggle(key="locked-False").set_value(True).run()
    for chosen in (["stem_convolution"], ["stem_convolution", "block12_project_convolution"]):
        (menu,) = (each for each in app.multiselect if each.label.startswith("Layers"))
        menu.set_value(chosen).run()
        assert not app.exception
    weak, strong = maps(app)
    assert array(weak["z"]).max() < array(strong["z"]).max() == strong["zmax"] == weak["zmax"]
