"""The view to present, as people in a meeting see it: what Compare says, and nothing to set."""

import numpy as np
import pytest

from explainers.report import telling
from pages.parts.compare import presentation
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, open_app


def controls(app) -> list[str]:
    """What a person could set, or press."""
    kinds = (
        "selectbox", "pills", "segmented_control", "slider", "number_input", "toggle",
        "file_uploader", "camera_input", "text_area", "checkbox", "radio",
    )  # fmt: skip
    return [each.label for kind in kinds for each in app.get(kind)]


def words(app) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption])


def test_one_screen_shows_what_compare_shows_and_no_settings() -> None:
    compare = open_app(picture="coffee")
    app = open_app(picture="coffee", view="present")
    assert not app.sidebar.children
    assert controls(app) == []
    assert [each.label for each in app.button] == ["Compare", "Back", "Next"]
    assert app.title[0].value == "Why espresso?"
    shown, known = heatmaps(app), heatmaps(compare)
    assert len(shown) == 3
    for heatmap in shown:
        assert any(
            array(heatmap["z"]).shape == array(other["z"]).shape
            and np.allclose(array(heatmap["z"]), array(other["z"]))
            for other in known
        )
    (paragraph,) = (each.value for each in compare.markdown if "**The answer**" in each.value)
    plain = presentation.LINK.sub(r"\1", paragraph)
    for said in plain.split("\n\n"):
        assert said in words(app)
    assert "](#" not in words(app)


@pytest.mark.parametrize(
    ("step", "title", "maps", "said"),
    [
        ("1", "The picture", 0, "1 of 5 · Coffee"),
        ("2", "What the network says", 0, "EfficientNet-Lite0 gives it 90."),
        ("3", "Where each method looked", 3, telling.PLACES),
        ("4", "Whether they agree", 3, telling.AGREEMENT),
        ("5", "Whether it matters", 3, telling.HIDING),
    ],
)
def test_a_link_opens_at_a_step(step: str, title: str, maps: int, said: str) -> None:
    app = open_app(picture="coffee", view="present", step=step)
    assert [each.value for each in app.title] == [title]
    assert len(heatmaps(app)) == maps
    assert said in words(app)
    assert controls(app) == []


@pytest.mark.parametrize("step", ["0", "6", "-1", "²", "cat"])
def test_a_link_to_no_step_shows_all(step: str) -> None:
    app = open_app(picture="coffee", view="present", step=step, methods=["Grad-CAM"])
    assert app.title[0].value == "Why espresso?"


def test_two_buttons_walk_through_all_steps_and_around() -> None:
    app = open_app(picture="coffee", view="present", methods=["Grad-CAM"])
    titles = []
    for _ in range(6):
        app.button(key="present-Next").click().run()
        titles.append(app.title[0].value)
    assert titles == [*presentation.STEPS, "Why espresso?"]
    assert "step" not in app.query_params
    app.button(key="present-Back").click().run()
    assert app.title[0].value == "Whether it matters"
    assert app.query_params["step"] == "5"
    shortcuts = [app.button(key=f"present-{each}").proto.shortcut for each in ("Back", "Next")]
    assert [each.casefold() for each in shortcuts] == ["left", "right"]


def test_a_press_on_compare_leads_there_and_back_with_all_that_was_set() -> None:
    app = open_app(picture="rocket", **{"class": "657"})
    app.toggle(key="square").set_value(True).run()
    app.segmented_control(key="style").set_value("Even").run()
    app.pills(key="methods").set_value(["Grad-CAM"]).run()
    app.selectbox(key="grad-cam-of").set_value("probability").run()
    label = app.title[0].value
    before = array(heatmaps(app)[0]["z"])
    app.button(key="present").click().run()
    assert app.query_params["view"] == "present"
    app.run()
    assert not app.exception
    assert not app.sidebar.children
    assert app.title[0].value == label
    (shown,) = heatmaps(app)
    np.testing.assert_allclose(array(shown["z"]), before)
    app.button(key="present-Compare").click().run()
    assert "view" not in app.query_params
    assert app.toggle(key="square").value is True
    assert app.segmented_control(key="style").value == "Even"
    assert app.selectbox(key="grad-cam-of").value == "probability"
    np.testing.assert_allclose(array(heatmaps(app)[0]["z"]), before)


def test_a_link_with_methods_and_a_class_shows_those() -> None:
    app = open_app(picture="coffee", view="present", methods=["Grad-CAM"], **{"class": "968"})
    assert app.title[0].value == "Why cup?"
    assert len(heatmaps(app)) == 1
    assert "3.5%" in captions(app)


def test_a_link_without_its_class_is_about_the_most_probable() -> None:
    app = open_app(picture="coffee", view="present", methods=["Grad-CAM"], **{"class": "5000"})
    assert app.title[0].value == "Why espresso?"


def test_only_links_are_taken_out_of_words() -> None:
    said = r"**a \[x\](#y)** · [77.1%](#answer) and [LIME superpixels](#lime-superpixels)"
    plain = r"**a \[x\](#y)** · 77.1% and LIME superpixels"
    assert presentation.LINK.sub(r"\1", said) == plain
