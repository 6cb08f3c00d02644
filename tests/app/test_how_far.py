"""The page "How far to believe it?": three tests in a table, and one in detail."""

import re

import numpy as np
import pytest

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency
from explainers.images.samples import SAMPLES
from explainers.metrics.faithfulness import RANDOM, beaten, cells, curves, strengths_of
from explainers.metrics.randomisation import Spread, cost, randomisation
from explainers.metrics.stability import ask_again
from pages.parts.words import percent, spread_in_words
from tests.app.charts import array, charts
from tests.app.driving import captions, open_app

PAGE = "pages/how_far.py"


@pytest.fixture
def coffee(lite0: Classifier) -> tuple[Classifier, np.ndarray]:
    return lite0, lite0.prepare(SAMPLES["coffee"].read())


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, smooth: Classifier) -> None:
    """A network that is broken in no time, where it does not matter which one is."""
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: smooth)


def button(app, label: str):
    (found,) = (each for each in app.button if each.label.startswith(label))
    return found


def texts(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.warning])


def test_all_three_tests_stand_under_the_maps_and_none_runs_unasked() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    assert not app.dataframe
    starts = [each.label for each in app.button if "passes, about" in each.label]
    assert [label.split(":")[0] for label in starts] == [
        "Run the test", "Ask again", "Break copies", "Run all three",
    ]  # fmt: skip
    each, total = [int(label.split()[-5].replace(",", "")) for label in starts[:3]], starts[3]
    assert total.startswith(f"Run all three: {sum(each):,} passes")
    assert "How far do they agree?" not in [header.value for header in app.header]


@pytest.mark.usefixtures("tiny")
def test_one_button_runs_all_three_and_each_verdict_has_its_figures() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.number_input(key="test-steps").set_value(5)
    app.number_input(key="forget-copies").set_value(2)
    app.number_input(key="forget-stages").set_value(1).run()
    button(app, "Run all three").click().run()
    assert not app.exception
    said, beside = texts(app), captions(app)
    assert re.search(r"Deletion 0\.\d{3}, beats \*\*\d+ of 19\*\*", said)
    assert re.search(r"Insertion 0\.\d{3}, beats \*\*\d+ of 19\*\*", said)
    assert re.search(r"Of 19 random orders, with areas of 0\.\d{3} ± 0\.\d{3};", beside)
    assert re.search(r"blob in the middle, which has not seen the picture, beats \d+ ", beside)
    assert re.search(r"Noise: \*\*−?[\d.]+\*\* \(−?[\d.]+ to −?[\d.]+\)", said)
    assert re.search(r"A blob in the middle: −?[\d.]+", said)
    assert "Rank correlation of all pairs among 3 answers" in beside
    assert re.search(r"In \*\*\d of 2\*\* copies it stayed", said)
    assert re.search(r"Other pictures: .+ to .+, 4 maps\.", said)
    assert not [each for each in app.button if "passes, about" in each.label]


@pytest.mark.usefixtures("tiny")
def test_what_is_started_is_looked_at() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    button(app, "Ask again: ").click().run()
    assert app.segmented_control(key="trust-test").value == "Ask again"
    assert len(app.dataframe) == 1


def test_a_point_of_a_curve_is_chosen_by_keyboard(coffee) -> None:
    classifier, pixels = coffee
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    app.segmented_control(key="point-kind").set_value("insertion").run()
    app.select_slider(key="point-step").set_value(2).run()
    assert not app.exception
    strengths = strengths_of(GradCam().explain(classifier, pixels, 967), cells((224, 224)))
    *_, found = curves(classifier, pixels, 967, {"Grad-CAM": strengths}, cells((224, 224)), steps=5)
    curve = found.of("insertion")["Grad-CAM"]
    said = f"Grad-CAM, insertion: {curve.shares[2]:.0%} of the pieces, {percent(curve.runs[0, 2])}"
    assert said in [caption for image in app.image for caption in image.captions]


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
    button(app, "Run the test: 209 passes").click().run()
    assert not app.exception
    assert sum(asked) == 209 == 2 + 9 * (2 * 2 + 19)
    explanation = GradCam().explain(classifier, pixels, 967)
    segments = cells((224, 224))
    strengths = {"Grad-CAM": strengths_of(explanation, segments)}
    *_, found = curves(classifier, pixels, 967, strengths, segments, steps=10)
    table = app.dataframe[0].value.set_index("Order")
    for curve in found.curves:
        kind, random = curve.kind.capitalize(), found.of(curve.kind)[RANDOM]
        column = next(name for name in table if name.startswith(f"{kind} ("))
        assert table.loc[curve.name, column].startswith(f"{curve.area:.3f}")
        better = f"{beaten(curve, random)} of 19" if curve is not random else "–"
        assert table.loc[curve.name, f"{kind}: random orders beaten"] == better
    said = texts(app)
    assert beaten(found.of("insertion")["Grad-CAM"], found.of("insertion")[RANDOM]) == 19
    assert (
        "Grad-CAM does better than all 19 random orders; a random order would be that once in 20."
        in said
    )
    assert "2 questions, 2 for each map. Of 2 random orders, 0.1 would be better than all 19" in (
        captions(app)
    )
    named = [trace for trace in charts(app) if "name" in trace]
    lines = [trace for trace in named if trace["name"].startswith("Grad-CAM")]
    np.testing.assert_allclose(array(lines[0]["y"]), found.curves[0].mean, atol=1e-5)
    assert any(RANDOM in trace["name"] for trace in named)
    assert "does best, with" in "\n".join(element.value for element in app.markdown)


def test_a_finished_test_is_kept_and_other_settings_ask_again() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    app.selectbox(key="test-fill").set_value("black").run()
    assert button(app, "Run the test").label.startswith("Run the test: 94 passes, about ")
    app.selectbox(key="test-fill").set_value("blur").run()
    assert not [each for each in app.button if each.label.startswith("Run the test")]
    app.segmented_control(key="test-unit").set_value("Superpixels").run()
    button(app, "Run the test").click().run()
    assert not app.exception
    assert len(app.dataframe) == 1


def test_superpixels_are_ranked_by_the_map_on_screen(coffee) -> None:
    """LIME fits all pieces and its map shows three, all for the class."""
    classifier, pixels = coffee
    app = open_app(PAGE, picture="coffee", methods=["LIME superpixels"])
    app.number_input(key="lime-shown").set_value(3).run()
    app.toggle(key="lime-positive_only").set_value(True).run()
    app.segmented_control(key="test-unit").set_value("Superpixels").run()
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    assert not app.exception
    lime = LimeSuperpixels(samples=60, shown=3, positive_only=True)
    explanation = lime.explain(classifier, pixels, 967)
    strengths = strengths_of(explanation, explanation.segments)
    assert (strengths > 0).sum() == 3
    assert (strengths == 0).sum() == len(strengths) - 3
    *_, found = curves(
        classifier, pixels, 967, {"LIME superpixels": strengths}, explanation.segments, steps=5
    )
    (line, _) = (each for each in charts(app) if each.get("name", "").startswith("LIME"))
    np.testing.assert_allclose(array(line["y"]), found.curves[0].mean, atol=1e-5)


def test_asking_again_shows_what_the_library_finds(coffee) -> None:
    classifier, pixels = coffee
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    app.segmented_control(key="trust-test").set_value("Ask again").run()
    app.number_input(key="repeat-times").set_value(2).run()
    assert "60 samples cannot tell whether its strongest pieces still change" in texts(app)
    button(app, "Ask again: 123 passes, about ").click().run()
    assert not app.exception
    lime, cam = (
        explainer.explain(classifier, pixels, 967)
        for explainer in (LimeSuperpixels(samples=60), GradCam())
    )
    *_, seeds = ask_again(lime, classifier, pixels, "seed", times=2)
    *_, noise = ask_again(cam, classifier, pixels, "noise", times=2)
    table = app.dataframe[0].value.set_index(["Method", "What changes"])
    shown = table.loc[("LIME superpixels", "Another seed")]
    assert shown["Lowest"] == pytest.approx(seeds.correlations.min(), abs=1e-3)
    assert shown["Area whose sign flips"] == pytest.approx(seeds.flipping.mean(), abs=1e-3)
    shown = table.loc[("Grad-CAM", "A little noise on the picture")]
    assert shown["Rank correlation, mean"] == pytest.approx(noise.correlations.mean(), abs=1e-3)
    assert len(table) == 3
    assert not [each for each in app.button if each.label.startswith("Ask again")]


def break_the_network(app, *, copies: int = 2, stages: int = 1) -> None:
    app.segmented_control(key="trust-test").set_value("Break the network").run()
    app.number_input(key="forget-copies").set_value(copies).run()
    app.number_input(key="forget-stages").set_value(stages).run()


@pytest.mark.usefixtures("tiny")
def test_broken_copies_show_what_the_library_finds(smooth: Classifier) -> None:
    pixels = smooth.prepare(SAMPLES["coffee"].read())
    target = int(smooth.predict(pixels).ranking[0])
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    break_the_network(app)
    others = [smooth.prepare(sample.read()) for name, sample in SAMPLES.items() if name != "coffee"]
    methods = (GradCam(), Saliency(samples=4))
    prices = [cost(each, smooth, 4, stages=1, copies=2) for each in methods]
    passes = [price.forward + 2 * price.backward for price in prices]
    assert "Maps to test" in [pills.label for pills in app.pills]
    button(app, f"Break copies: {sum(passes)} passes, about ").click().run()
    assert not app.exception
    maps = [each.explain(smooth, pixels, target) for each in methods]
    *_, found = randomisation(maps, smooth, pixels, others, stages=1, copies=2)
    traces = [trace for trace in charts(app) if trace.get("name") == "Copies that forget"]
    beside = [trace for trace in charts(app) if trace.get("name") == "Other pictures"]
    for place, title in enumerate(found.originals):
        medians = [Spread.of(values).median for values in found.similarities(title)]
        np.testing.assert_allclose(array(traces[place]["y"]), [1, *medians], atol=1e-3)
        typical = Spread.of(found.baseline(title))
        np.testing.assert_allclose(array(beside[place]["y"]), 2 * [typical.median], atol=1e-3)
        verdict = f"In **{found.stayed(title)} of 2** copies it stayed as similar as maps of other"
        assert f"**{title}**  \n{verdict}" in texts(app)
        copies = spread_in_words(Spread.of(found.remaining(title)))
        assert f"Everything forgotten: {copies}, 2 copies." in captions(app)
        assert f"Other pictures: {spread_in_words(typical)}, 4 maps." in captions(app)
    assert "the first of 2 copies" in texts(app)


@pytest.mark.usefixtures("tiny")
def test_one_map_can_be_broken_alone_and_another_way_asks_again() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    break_the_network(app)
    (maps,) = (pills for pills in app.pills if pills.label == "Maps to test")
    both = button(app, "Break copies").label
    maps.set_value(["Grad-CAM"]).run()
    started = button(app, "Break copies")
    assert started.label != both
    started.click().run()
    assert not app.exception
    assert "**Grad-CAM**  \nIn **" in texts(app)
    assert "**Smoothed saliency**  \nIn **" not in texts(app)
    assert "Not tested" in texts(app)
    assert not [each for each in app.button if each.label.startswith("Break copies")]
    app.selectbox(key="forget-way").set_value("shuffled").run()
    assert button(app, "Break copies")


@pytest.mark.usefixtures("tiny")
def test_what_was_started_can_be_stopped_and_is_kept() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    break_the_network(app)
    started = button(app, "Break copies: ")
    assert not [trace for trace in charts(app) if trace.get("name") == "Copies that forget"]
    started.click().run()
    assert [trace for trace in charts(app) if trace.get("name") == "Copies that forget"]
    app.segmented_control(key="trust-test").set_value("Test it").run()
    app.segmented_control(key="trust-test").set_value("Break the network").run()
    assert not [each for each in app.button if each.label.startswith("Break copies")]
