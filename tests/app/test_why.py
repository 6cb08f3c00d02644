"""The page "Why this class?": rows of anything, and what has to be hidden for another answer."""

from collections import Counter

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam, LimeSuperpixels, Target
from explainers.images.samples import SAMPLES
from explainers.metrics.flipping import effects_of, flip, pairs_with_less, try_pairs
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, class_menu, open_app

PAGE = "pages/why.py"


@pytest.fixture
def rocket(lite0: Classifier) -> tuple[Classifier, np.ndarray]:
    return lite0, lite0.prepare(SAMPLES["rocket"].read())


def markdown(app: AppTest) -> str:
    return "\n".join(element.value for element in app.markdown)


def expected_menu(app: AppTest):
    (menu,) = (menu for menu in app.selectbox if menu.label == "It should have been")
    return menu


def maps(app: AppTest) -> list[np.ndarray]:
    """The heatmaps over the picture, row by row."""
    return [array(trace["z"]) for trace in heatmaps(app) if "colorbar" in trace]


def test_the_rocket_is_set_against_the_missile(rocket: tuple[Classifier, np.ndarray]) -> None:
    classifier, pixels = rocket
    app = open_app(PAGE, picture="rocket", methods=["Grad-CAM"])
    assert app.title[0].value == "Why drilling platform and not another?"
    assert "missile" in expected_menu(app).options[0]
    assert "**drilling platform rather than missile**" in markdown(app)
    said, missile = 540, 657
    rows = (Target(said, rather_than=missile), Target(said), Target(missile))
    for shown, target in zip(maps(app), rows, strict=True):
        expected = GradCam().explain(classifier, pixels, target).heatmap
        np.testing.assert_allclose(shown, expected, atol=2e-3)
    assert "of the map speaks for *drilling platform*" in markdown(app)
    assert "What speaks for *missile* by itself is strongest at row 7, column 7" in markdown(app)
    assert "of the 14 × 14 matrix, from 0 at the top left" in captions(app)


def test_saliency_is_not_said_to_speak_for_a_class() -> None:
    app = open_app(PAGE, picture="rocket", methods=["Smoothed saliency"])
    (said,) = (each for each in markdown(app).split("\n") if each.startswith("**Smoothed sal"))
    assert "What moves the score of *missile* by itself is strongest at row " in said
    assert "speaks for" not in said


def test_small_probabilities_are_percentages_in_the_table() -> None:
    app = open_app(PAGE, picture="cat", methods=["Grad-CAM"])
    shown = app.dataframe[0].value["Probability, %"]
    assert shown.sum() == pytest.approx(100, abs=1e-3)
    assert "%.4f" in app.dataframe[0].proto.columns


def test_what_has_to_be_hidden_is_shown(rocket: tuple[Classifier, np.ndarray]) -> None:
    classifier, pixels = rocket
    app = open_app(PAGE, picture="rocket", methods=["LIME superpixels"])
    lime = LimeSuperpixels(samples=60)
    difference = lime.explain(classifier, pixels, Target(540, rather_than=657))
    assert difference.surrogate is not None
    found = flip(
        classifier, pixels, difference.surrogate.segments, difference.surrogate.coefficients,
        until=657,
    )  # fmt: skip
    assert found.winner == 657
    assert f"**{found.share:.1%} of the picture**" in markdown(app)
    assert "without them it is *missile*" in markdown(app)
    count = difference.surrogate.segments.max() + 1
    assert f"No single piece of the {count} does it with less area; pairs were not" in captions(app)


def test_pairs_are_tried_at_a_price_and_what_was_tried_is_said(
    lite0: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The motorcycle: hiding one piece of 2.9 % does it, and so do two that are smaller."""
    pixels = lite0.prepare(SAMPLES["motorcycle"].read())
    said, expected = (answer.index for answer in lite0.predict(pixels).top(2))
    app = open_app(PAGE, picture="motorcycle", methods=["LIME superpixels"])
    target = Target(said, rather_than=expected)
    difference = LimeSuperpixels(samples=60).explain(lite0, pixels, target)
    segments = difference.segments
    assert segments is not None
    start = flip(lite0, pixels, segments, effects_of(difference, segments), until=expected)
    assert len(start.hidden) == 1
    assert f"**{start.share:.1%} of the picture**" in markdown(app)
    asked: list[int] = []
    original = Classifier.masked_probabilities

    def counted(self, pixels, fill, segments, rows):
        asked.append(len(rows))
        return original(self, pixels, fill, segments, rows)

    monkeypatch.setattr(Classifier, "masked_probabilities", counted)
    price = len(pairs_with_less(start, segments))
    (button,) = (each for each in app.button if each.label.startswith("Try smaller pairs"))
    assert button.label.startswith(f"Try smaller pairs, at most: {price:,} passes, about ")
    button.click().run()
    assert not app.exception
    assert 0 < sum(asked) <= price
    *_, tried = try_pairs(lite0, pixels, segments, start)
    assert len(tried.flip.hidden) == 2
    assert tried.flip.share < start.share
    assert f"**{tried.flip.share:.1%} of the picture**, 2 pieces" in markdown(app)
    count = segments.max() + 1
    assert f"No single piece and no pair of the {count} does it with less area" in captions(app)
    assert not [each for each in app.button if each.label.startswith("Try ")]
    app.run()
    assert f"**{tried.flip.share:.1%} of the picture**, 2 pieces" in markdown(app)


def test_another_class_is_expected_and_cannot_be_had() -> None:
    app = open_app(PAGE, picture="cat", methods=["Grad-CAM"])
    menu = expected_menu(app)
    menu.set_value(menu.options and 400).run()
    assert not app.exception
    assert "rather than" in markdown(app)
    assert "Nothing changes it" in app.info[0].value


def test_classes_are_observed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[int] = Counter()
    gradients = Classifier.gradients

    def counted(self, batch, target, *args, **kwargs):
        asked[len(target)] += 1
        return gradients(self, batch, target, *args, **kwargs)

    monkeypatch.setattr(Classifier, "gradients", counted)
    app = open_app(PAGE, picture="rocket", methods=["Grad-CAM"])
    app.segmented_control(key="question").set_value("Classes").run()
    assert not app.exception
    app.toggle(key="least-class").set_value(True).run()
    assert len(maps(app)) == 4
    assert asked == {2: 1, 3: 1, 4: 1}


def test_rows_on_one_scale(rocket: tuple[Classifier, np.ndarray]) -> None:
    app = open_app(PAGE, picture="rocket", methods=["Grad-CAM"])
    app.segmented_control(key="question").set_value("Classes").run()
    limits = [trace["zmax"] for trace in heatmaps(app) if "colorbar" in trace]
    assert len(set(limits)) == 3
    app.toggle(key="locked-False").set_value(True).run()
    locked = [trace["zmax"] for trace in heatmaps(app) if "colorbar" in trace]
    assert locked == [max(limits)] * 3
    assert not app.exception


def test_layers_are_rows_of_grad_cam_alone() -> None:
    app = open_app(PAGE, picture="cat")
    app.segmented_control(key="question").set_value("Layers").run()
    assert not app.exception
    assert [shown.shape for shown in maps(app)] == [(112, 112), (14, 14), (7, 7)]
    (info,) = app.info
    assert info.value.startswith("Nowhere in this layer does what speaks for this class outweigh")
    assert "**block10_project_convolution**  \n14 × 14" in markdown(app)
    app.pills(key="methods").set_value(["LIME superpixels"]).run()
    assert (
        "Only Grad-CAM, HiResCAM, LayerCAM, Grad-CAM++ and Score-CAM look at a layer"
        in app.info[0].value
    )


def test_two_networks_answer_each_for_themselves() -> None:
    app = open_app(PAGE, picture="cat", methods=["Grad-CAM"])
    app.segmented_control(key="question").set_value("Classifiers").run()
    assert not app.exception
    assert "**EfficientNet-Lite0**  \nEgyptian cat" in markdown(app)
    assert "**EfficientNet-Lite2**  \nEgyptian cat" in markdown(app)
    assert [bar.proto.text for bar in app.get("progress")] == ["77.1%", "75.2%"]
    assert [shown.shape for shown in maps(app)] == [(7, 7), (9, 9)]


def test_the_ranking_is_searched_and_the_class_chosen_in_the_sidebar_is_asked_about() -> None:
    app = open_app(PAGE, picture="cat", methods=["Grad-CAM"])
    app.text_input(key="class-search").set_value("tabby").run()
    assert app.dataframe[0].value["Name"].tolist() == ["tabby"]
    app.text_input(key="class-search").set_value("unicorn").run()
    assert "No class has a name like this." in [info.value for info in app.info]
    class_menu(app).select_index(1).run()
    assert app.title[0].value == "Why tiger cat and not another?"
    assert "**tiger cat rather than Egyptian cat**" in markdown(app)
    assert "**tiger cat**  \nplace 2 of 1,000" in markdown(app)
