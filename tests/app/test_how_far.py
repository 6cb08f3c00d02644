"""The page "How far to believe it?", and the agreement under the maps."""

import numpy as np
import pytest

from explainers import GradCam, LimeSuperpixels, load_classifier
from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import agreements
from explainers.metrics.faithfulness import RANDOM, cells, curves
from explainers.metrics.flipping import strengths_of
from tests.app.charts import array, charts
from tests.app.driving import captions, open_app

PAGE = "pages/how_far.py"


@pytest.fixture(scope="module")
def coffee():
    classifier = load_classifier("efficientnet-lite0")
    return classifier, classifier.prepare(SAMPLES["coffee"].read())


def button(app, label: str):
    (found,) = (each for each in app.button if each.label.startswith(label))
    return found


def test_agreement_is_what_the_library_says(coffee) -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    classifier, pixels = coffee
    maps = [
        explainer.explain(classifier, pixels, 967)
        for explainer in (GradCam(), LimeSuperpixels(samples=60))
    ]
    expected = agreements(maps)
    shown = app.dataframe[0].value
    assert shown["Maps"].tolist() == [" and ".join(pair.names) for pair in expected]
    np.testing.assert_allclose(
        shown["Rank correlation"], [pair.correlation for pair in expected], atol=1e-4
    )
    assert "Agreement is not correctness" in captions(app)


def test_one_map_agrees_with_nobody() -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM"])
    assert "How far do they agree?" not in [header.value for header in app.subheader]
    assert not app.dataframe


def test_the_test_costs_what_it_says_and_shows_what_the_library_finds(
    coffee, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier, pixels = coffee
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.number_input(key="test-steps").set_value(10).run()
    asked: list[int] = []
    original = type(classifier).masked_probabilities

    def counted(self, pixels, fill, segments, rows):
        asked.append(len(rows))
        return original(self, pixels, fill, segments, rows)

    monkeypatch.setattr(type(classifier), "masked_probabilities", counted)
    button(app, "Run the test: 154 passes").click().run()
    assert not app.exception
    assert sum(asked) == 154
    explanation = GradCam().explain(classifier, pixels, 967)
    segments = cells((224, 224))
    strengths = {"Grad-CAM": strengths_of(explanation, segments)}
    found = list(curves(classifier, pixels, 967, strengths, segments, steps=10))
    table = app.dataframe[0].value.set_index("Order")
    for curve in found:
        column = next(name for name in table if name.lower().startswith(f"{curve.kind} ("))
        assert table.loc[curve.name, column].startswith(f"{curve.area:.3f}")
    named = [trace for trace in charts(app) if "name" in trace]
    lines = [trace for trace in named if trace["name"].startswith("Grad-CAM")]
    np.testing.assert_allclose(array(lines[0]["y"]), found[0].mean, atol=1e-5)
    assert any(RANDOM in trace["name"] for trace in named)
    assert "does best, with" in "\n".join(element.value for element in app.markdown)


def test_a_finished_test_is_kept_and_other_settings_ask_again() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    app.selectbox(key="test-fill").set_value("black").run()
    assert button(app, "Run the test").label == "Run the test: 84 passes"
    app.selectbox(key="test-fill").set_value("blur").run()
    assert not [each for each in app.button if each.label.startswith("Run the test")]
    app.segmented_control(key="test-unit").set_value("Superpixels").run()
    button(app, "Run the test").click().run()
    assert not app.exception
    assert len(app.dataframe) == 1
