"""The page "What if?": regions, what is done with them, and the log of what was tried."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam, LimeSuperpixels
from explainers.images.regions import box, hide, hottest
from explainers.images.samples import SAMPLES
from explainers.metrics.forecast import forecast
from explainers.words import percent
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, open_app

PAGE = "pages/what_if.py"
CUP = ((4.0, 10.0), (2.0, 11.0))


def markdown(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def select(app: AppTest, across: tuple[float, float], down: tuple[float, float]) -> np.ndarray:
    """What dragging a box does, which cannot be done here."""
    ((_, shape),) = (key for key in app.session_state["regions"])
    region = box(shape, across, down)
    next(iter(app.session_state["regions"].values())).append(region)
    app.run()
    assert not app.exception
    return region


def button(app: AppTest, label: str):
    (found,) = (each for each in app.button if each.label == label)
    return found


def test_nothing_selected_is_said() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    assert app.info[0].value == "Nothing is selected yet: drag a box on the picture."
    assert not heatmaps(app)
    button(app, "Invert").click().run()
    assert app.info[0].value.startswith("Everything is selected")


@pytest.mark.parametrize("kind", ["Hide the region", "Keep only the region"])
def test_the_empty_page_offers_the_hottest_tenth(lite0: Classifier, kind: str) -> None:
    """Of the map as a person has set it; pressed, it is selected and the network is asked."""
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    app.session_state["grad-cam-layer"] = "block11_project_convolution"
    hide_it, keep_it = (
        button(app, label)
        for label in ("Hide the tenth that Grad-CAM calls hottest", "Keep only that tenth")
    )
    (hide_it if kind.startswith("Hide") else keep_it).click().run()
    assert not app.exception
    pixels = lite0.prepare(SAMPLES["coffee"].read())
    explanation = GradCam(layer="block11_project_convolution").explain(lite0, pixels, 967)
    region = hottest(explanation.resized(pixels.shape[:2]), 0.1)
    hidden = region if kind.startswith("Hide") else ~region
    after = lite0.predict(hide(pixels, hidden, "blur"))[967].probability
    assert f"**{kind}**: espresso goes from 90.0% to **{percent(after)}**" in markdown(app)
    assert f"{region.mean():.1%} of the picture" in captions(app)
    assert "Nothing is selected yet" not in "".join(info.value for info in app.info)


def test_what_cannot_be_called_hottest_says_why() -> None:
    app = open_app(PAGE, picture="cat", methods=["Grad-CAM"])
    app.session_state["grad-cam-layer"] = "block10_project_convolution"
    button(app, "Hide the tenth that Grad-CAM calls hottest").click().run()
    assert not app.exception
    assert app.warning[0].value.startswith("Grad-CAM: Nowhere in this layer does what speaks for")
    assert "0.0% of the picture" in captions(app)


def test_a_box_is_selected_by_its_numbers() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.slider(key="cells-Rows").set_value((2, 5))
    app.slider(key="cells-Columns").set_value((0, 13)).run()
    app.button(key="cells-add").click().run()
    assert not app.exception
    (past,) = app.session_state["regions"].values()
    np.testing.assert_array_equal(past[-1], box(past[-1].shape, (-0.5, 13.5), (1.5, 5.5)))
    app.slider(key="cells-Columns").set_value((7, 13)).run()
    app.button(key="cells-remove").click().run()
    assert f"{4 * 7 / 196:.1%} of the picture" in captions(app)


def test_the_log_stands_below_the_maps() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    select(app, *CUP)
    children = list(app.main.children.values())
    maps, log = (
        next(place for place, child in enumerate(children) if found(child))
        for found in (
            lambda child: hasattr(child, "get") and child.get("progress"),
            lambda child: getattr(child, "label", "").startswith("Experiments so far"),
        )
    )
    assert maps < log


def test_without_the_cup_it_is_no_espresso(lite0: Classifier) -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    region = select(app, *CUP)
    pixels = lite0.prepare(SAMPLES["coffee"].read())
    before = lite0.predict(pixels)[967].probability
    after = lite0.predict(hide(pixels, region, "blur"))
    top = after.top(1)[0]
    assert f"espresso goes from {before:.1%} to **{after[967].probability:.1%}**" in markdown(app)
    assert f"the answer is now *{top.label}* ({top.probability:.1%})" in markdown(app)
    scales = [trace["zmax"] for trace in heatmaps(app) if "colorbar" in trace]
    assert len(scales) == 2
    assert scales[0] == scales[1]
    app.pills(key="kinds").set_value(["Hide the region", "Keep only the region"]).run()
    assert not app.exception
    alone = lite0.predict(hide(pixels, ~region, "blur"))[967].probability
    assert f"**Keep only the region**: espresso goes from {before:.1%}" in markdown(app)
    assert f"to **{alone:.1%}**" in markdown(app)
    assert len([trace for trace in heatmaps(app) if "colorbar" in trace]) == 3


def test_an_experiment_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def counted(pixels: np.ndarray, hidden: np.ndarray, fill: str) -> np.ndarray:
        done.append(fill)
        return hide(pixels, hidden, fill)

    monkeypatch.setattr("pages.parts.what_if.experiments.hide", counted)
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    select(app, *CUP)
    app.segmented_control(key="region-tool").set_value("lasso").run()
    assert done == ["blur"]
    app.selectbox(key="region-fill").set_value("black").run()
    app.selectbox(key="region-fill").set_value("blur").run()
    assert done == ["blur", "black"]


def test_what_limes_model_expects_stands_beside_what_the_network_says_to_its_fill(
    lite0: Classifier,
) -> None:
    app = open_app(PAGE, picture="coffee", methods=["LIME superpixels"])
    region = select(app, *CUP)
    pixels = lite0.prepare(SAMPLES["coffee"].read())
    explanation = LimeSuperpixels(samples=60).explain(lite0, pixels, 967)
    found = forecast(lite0, pixels, explanation, region)
    blurred = lite0.predict(hide(pixels, region, "blur"))[967].probability
    (said,) = (each.value for each in app.caption if "linear model of LIME" in each.value)
    assert f"expects {percent(found.expected)} for espresso." in said
    assert "show their mean colour; hidden like that, the network says" in said
    assert f"the network says {percent(found.happened)}. With blur, as above, it says" in said
    assert f"it says {percent(blurred)}." in said
    assert f"cuts through {found.cut} of " in said
    assert percent(found.happened) != percent(blurred)
    app.selectbox(key="lime-fill").set_value("blur").run()
    (said,) = (each.value for each in app.caption if "linear model of LIME" in each.value)
    assert f"show blur; hidden like that, the network says {percent(blurred)}." in said
    assert "as above" not in said


def test_a_linear_model_that_leaves_the_probabilities_is_said_to() -> None:
    app = open_app(PAGE, picture="rocket", methods=["LIME superpixels"])
    app.pills(key="kinds").set_value(["Keep only the region"])
    select(app, (-0.5, 11.5), (11.5, 13.5))
    (said,) = (each.value for each in app.caption if "linear model of LIME" in each.value)
    assert re.search(r"expects −\d+\.\d% for drilling platform", said)
    assert "The model is linear, so it can leave 0% to 100%, as here" in said


def test_regions_are_undone_cleared_and_inverted_and_stay_with_their_picture() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    region = select(app, *CUP)
    assert f"{region.mean():.1%} of the picture" in captions(app)
    button(app, "Invert").click().run()
    assert f"{1 - region.mean():.1%} of the picture" in captions(app)
    button(app, "Undo").click().run()
    assert f"{region.mean():.1%} of the picture" in captions(app)
    app.button(key="sample-cat").click().run()
    assert "0.0% of the picture" in captions(app)
    app.button(key="sample-coffee").click().run()
    assert f"{region.mean():.1%} of the picture" in captions(app)
    button(app, "Clear").click().run()
    assert "0.0% of the picture" in captions(app)
    assert not app.exception


def test_the_hottest_part_according_to_a_method() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.slider(key="hottest-share").set_value(20)
    app.button(key="hottest-select").click().run()
    assert not app.exception
    (past,) = app.session_state["regions"].values()
    assert past[-1].mean() == pytest.approx(0.2, abs=0.01)
    assert "espresso goes from 90.0%" in markdown(app)


def test_experiments_are_kept_and_restored() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    region = select(app, *CUP)
    app.selectbox(key="region-fill").set_value("black").run()
    assert "Experiments so far: 2" in [expander.label for expander in app.expander]
    button(app, "Clear").click().run()
    app.button(key="restore-0").click().run()
    assert not app.exception
    assert f"{region.mean():.1%} of the picture" in captions(app)
    assert app.selectbox(key="region-fill").value == "blur"
    assert "Experiments so far: 2" in [expander.label for expander in app.expander]
    app.button(key="sample-cat").click().run()
    assert app.button(key="restore-0").disabled


def test_a_map_before_is_the_one_of_compare(lite0: Classifier) -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    select(app, *CUP)
    shown = array(next(t for t in heatmaps(app) if "colorbar" in t)["z"])
    app.switch_page("app.py").run()
    np.testing.assert_array_equal(array(heatmaps(app)[0]["z"]), shown)
