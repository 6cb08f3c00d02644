"""The page "Inside the network": every number on it is the library's."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, GradCam
from explainers.images.samples import SAMPLES
from explainers.network.ascent import Ascent
from explainers.network.feature_maps import feature_maps, strongest_maps
from explainers.network.grad_cam_steps import grad_cam_steps
from explainers.words import number
from tests.app.charts import array, charts, heatmaps
from tests.app.driving import captions, open_app

PAGE = "pages/network.py"
LAYER = "block4_project_convolution"


@pytest.fixture
def coffee(lite0: Classifier) -> tuple[Classifier, np.ndarray]:
    return lite0, lite0.prepare(SAMPLES["coffee"].read())


def opened(view: str | None = None, **query):
    app = open_app(PAGE, picture="coffee", **query)
    if view is not None:
        app.segmented_control(key="network-view").set_value(view).run()
    assert not app.exception
    return app


def button(app, label: str):
    (found,) = (each for each in app.button if each.label.startswith(label))
    return found


def test_channels_are_the_librarys_and_one_is_shown_large(coffee) -> None:
    classifier, pixels = coffee
    app = opened()
    app.selectbox(key="features-layer-efficientnet-lite0").set_value(LAYER).run()
    app.selectbox(key="features-order").set_value("most important").run()
    assert not app.exception
    seen = feature_maps(classifier, pixels, LAYER, 967)
    sheet = next(trace for trace in charts(app) if trace["type"] == "scatter")
    assert array(sheet["customdata"]).tolist() == seen.ranked("most important").tolist()
    app.number_input(key=f"channel-efficientnet-lite0-{LAYER}").set_value(7).run()
    large = heatmaps(app)[0]
    np.testing.assert_allclose(array(large["z"]), seen.maps[..., 7], atol=1e-4)
    row, column = seen.strongest_cell(7)
    assert f"strongest in row {row}, column {column} of 28 × 28 cells" in captions(app)
    assert f"summed: {number(float(seen.importance[7]))} of the logit" in captions(app)
    assert "40 channels, measured on 28 × 28 cells" in captions(app)


def test_it_opens_on_what_is_seen_after_an_activation(coffee) -> None:
    classifier, pixels = coffee
    app = opened()
    chosen = app.selectbox(key="features-layer-efficientnet-lite0").value
    after = classifier.activated(chosen)
    assert after.path.endswith("_relu6")
    assert f"Shown: {after.path}, after the activation." in captions(app).replace("\\", "")
    channel = app.number_input(key=f"channel-efficientnet-lite0-{chosen}").value
    for stage, path, words in (
        ("After the activation", after.path, "after the activation"),
        ("As the convolution gives it", chosen, "before the activation"),
    ):
        app.segmented_control(key="features-stage").set_value(stage).run()
        assert not app.exception
        seen = feature_maps(classifier, pixels, path, 967)
        for trace in heatmaps(app):
            np.testing.assert_allclose(array(trace["z"]), seen.maps[..., channel], atol=1e-4)
            assert trace["zmin"] == (0 if path == after.path else -trace["zmax"])
        said = captions(app).replace("\\", "")
        assert f"Shown: {path}, {words}." in said
        assert f"summed: {number(float(seen.importance[channel]))} of the logit" in said


def test_a_linear_bottleneck_stays_as_it_is_and_says_so() -> None:
    app = opened()
    app.selectbox(key="features-layer-efficientnet-lite0").set_value(LAYER).run()
    said = captions(app).replace("\\", "")
    assert f"Shown: {LAYER}, no activation of its own follows." in said


def test_cells_are_drawn_as_cells_and_smoothed_on_request() -> None:
    app = opened()
    assert [trace["zsmooth"] for trace in heatmaps(app)] == [False, False]
    assert array(heatmaps(app)[0]["z"]).shape == (14, 14)
    app.toggle(key="features-smooth").set_value(True).run()
    assert [trace["zsmooth"] for trace in heatmaps(app)] == ["best", "best"]


def test_many_channels_come_in_sheets_and_two_pictures_side_by_side() -> None:
    app = opened()
    app.selectbox(key="features-layer-efficientnet-lite0").set_value("head_convolution").run()
    sheet = next(trace for trace in charts(app) if trace["type"] == "scatter")
    assert array(sheet["customdata"]).tolist() == list(range(128))
    app.number_input(key="features-page-head_convolution-128").set_value(10).run()
    sheet = next(trace for trace in charts(app) if trace["type"] == "scatter")
    assert array(sheet["customdata"]).tolist() == list(range(1152, 1280))
    app.selectbox(key="features-beside").set_value("Rocket").run()
    assert not app.exception
    sheets = [trace for trace in charts(app) if trace["type"] == "scatter"]
    assert [len(array(each["customdata"])) for each in sheets] == [64, 64]
    limits = {float(trace["zmax"]) for trace in heatmaps(app)}
    assert len(heatmaps(app)) == 2
    assert len(limits) == 1


def test_all_layers_at_a_glance(coffee) -> None:
    classifier, pixels = coffee
    app = opened("All layers")
    table = app.dataframe[0].value
    wanted = [each.path for each in classifier.layers if each.convolution]
    assert [path for path in table["Layer"] if path in wanted] == wanted
    assert table.iloc[0]["Output"] == "112 × 112 × 32"
    strip = table.iloc[-1]["Strongest, each on its own scale"]
    assert strip.startswith("data:image/")
    shown = dict(zip(table["Layer"], table["Shown"], strict=True))
    assert shown["head_convolution"] == "head_relu6, after the activation"
    assert shown[LAYER] == f"{LAYER}, no activation of its own follows"
    strongest = strongest_maps(classifier, pixels, ["head_relu6"])["head_relu6"][0]
    assert table.iloc[-1]["Their numbers"] == ", ".join(map(str, strongest))
    app.segmented_control(key="features-stage").set_value("As the convolution gives it").run()
    table = app.dataframe[0].value
    assert table.iloc[-1]["Shown"] == "head_convolution, before the activation"
    assert table.iloc[-1]["Strongest, each on its own scale"] != strip


def test_filters_climb_as_the_library_says(coffee) -> None:
    classifier, _ = coffee
    app = opened("Filters")
    app.selectbox(key="filters-layer-efficientnet-lite0").set_value(LAYER).run()
    app.selectbox(key="ascent-count-40").set_value(4).run()
    app.number_input(key="ascent-steps").set_value(3).run()
    app.slider(key="ascent-size").set_value(64).run()
    button(app, "Climb: ").click().run()
    assert not app.exception
    *_, climb = Ascent(steps=3, size=64).climb(classifier, range(4), LAYER)
    lines = [array(trace["y"]) for trace in charts(app)]
    np.testing.assert_allclose(np.array(lines).T, climb.values, rtol=1e-3, atol=1e-4)
    risen = int((climb.values[-1] > climb.values[0]).sum())
    assert f"{risen} of 4 respond more than they did to the noise." in captions(app)
    assert {each.label for each in app.get("download_button")} >= {"Sheet, PNG", "Arrays, NPZ"}


def test_a_class_climbs_too(coffee) -> None:
    classifier, _ = coffee
    app = opened("Filters")
    app.segmented_control(key="ascent-kind").set_value("A class").run()
    app.number_input(key="ascent-steps").set_value(2).run()
    button(app, "Climb: 9 passes, about ").click().run()
    assert not app.exception
    *_, climb = Ascent(steps=2).climb(classifier, [967])
    first, last = (number(float(climb.values[step, 0])) for step in (0, -1))
    assert f"From {first} to {last}." in captions(app)


def test_the_steps_end_in_the_matrix_that_compare_shows(coffee) -> None:
    classifier, pixels = coffee
    app = opened("Grad-CAM step by step")
    steps = grad_cam_steps(classifier, pixels, 967)
    bars = next(trace for trace in charts(app) if trace["type"] == "bar")
    np.testing.assert_allclose(array(bars["y"]), np.sort(steps.weights)[::-1], rtol=1e-3, atol=1e-7)
    grid = GradCam().explain(classifier, pixels, 967).grid(14)
    maps = heatmaps(app)
    np.testing.assert_allclose(array(maps[-1]["z"]), grid / grid.max(), atol=1e-5)
    compared = heatmaps(open_app(picture="coffee", methods=["Grad-CAM"]))[1]
    np.testing.assert_allclose(array(maps[-1]["z"]), array(compared["z"]), atol=1e-6)
    app.slider(key="steps-count-1280").set_value(5).run()
    np.testing.assert_allclose(array(heatmaps(app)[0]["z"]), steps.partial(5), atol=1e-5)
    assert "Sum of 5 of 1,280" in "\n".join(each.value for each in app.markdown)


def alts(app) -> list[str]:
    """What those are told who cannot see the charts, the pictures and the tables."""
    told = [chart.proto.alt for chart in app.get("plotly_chart")]
    told += [image.alt for each in app.get("imgs") for image in each.proto.imgs]
    return told + [table.proto.alt for table in app.dataframe]


def test_alternative_texts_say_what_was_found(coffee) -> None:
    classifier, pixels = coffee
    app = opened()
    seen = feature_maps(classifier, pixels, "block8_expand_relu6", 967)
    best = int(seen.ranked("strongest")[0])
    (sheet,) = (alt for alt in alts(app) if alt.startswith("128 channels"))
    shown = seen.maps[..., :128]
    channel = int(np.abs(shown).max(axis=(0, 1)).argmax())
    row, column = seen.strongest_cell(channel)
    assert f"the strongest is channel {channel}, {number(float(shown.max()))} in " in sheet
    assert f"row {row}, column {column}; {int(seen.dead[:128].sum())} are zero everywhere" in sheet
    app.number_input(key="channel-efficientnet-lite0-block8_expand_convolution").set_value(best)
    app.run()
    row, column = seen.strongest_cell(best)
    told = f"{number(float(seen.maps[..., best].max()))}, strongest in row {row}, column {column}"
    assert sum(told in alt for alt in alts(app)) == 2

    app.segmented_control(key="network-view").set_value("Grad-CAM step by step").run()
    steps = grad_cam_steps(classifier, pixels, 967)
    best, worst = int(steps.weights.argmax()), int(steps.weights.argmin())
    assert (
        f"The weights of 1,280 channels, the largest first: {number(float(steps.weights[best]))} "
        f"for channel {best}, down to {number(float(steps.weights[worst]))} for channel {worst}"
    ) in alts(app)
    grid = GradCam().explain(classifier, pixels, 967).grid(14)
    row, column = divmod(int(grid.argmax()), 14)
    half = int((grid >= grid.max() / 2).sum())
    assert (
        f"Grad-CAM as a 14 by 14 matrix: strongest in row {row}, column {column}; half of that or "
        f"more in {half} of 196 cells"
    ) in alts(app)
    assert all(any(map(str.isdigit, alt)) for alt in alts(app) if "Astronaut" not in alt)


@pytest.mark.parametrize("view", ["Feature maps", "All layers", "Filters", "Grad-CAM step by step"])
def test_a_model_without_convolutions_gets_a_sentence(
    view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(1000, activation="softmax")]
    )
    classifier = Classifier(flat, name="flat", title="Flat")
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: classifier)
    app = opened(view)
    assert any("Flat has no convolution" in each.value for each in app.info) or any(
        "No layer of Flat keeps a grid" in each.value for each in app.info
    )
    assert not [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_a_nested_model_of_ones_own_shows_its_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(0)
    inner = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(6, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
        ],
        name="inner",
    )
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), inner, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    classifier = Classifier(model, name="nested", labels=["a", "b"])
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: classifier)
    app = opened()
    (menu,) = (each for each in app.selectbox if each.label == "Layer")
    assert menu.options == [
        "inner/conv · 30 × 30 · 6 channels",
        "inner/pool · 15 × 15 · 6 channels",
    ]
    assert "Shown: inner/conv, its activation is built in. 6 channels" in captions(app)
    menu.set_value("inner/pool").run()
    assert "Shown: inner/pool. 6 channels, measured on 15 × 15 cells." in captions(app)
    app.segmented_control(key="network-view").set_value("Filters").run()
    app.number_input(key="ascent-steps").set_value(2).run()
    button(app, "Climb: ").click().run()
    assert not app.exception
    app.segmented_control(key="network-view").set_value("Grad-CAM step by step").run()
    assert not app.exception
