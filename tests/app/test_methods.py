"""The methods: three at hand, all there are one click away, and what each costs."""

import re

from streamlit.testing.v1 import AppTest

from explainers import METHODS, TRIPTYCH, Classifier, GradCam, Saliency
from pages.parts import cache
from tests.app.driving import FEW, captions, methods_named, open_app

USUAL = [method.title for method in TRIPTYCH]
KINDS = {f"**{method.kind}**" for method in METHODS}


def opened(**link: object) -> AppTest:
    """Compare with the list of all methods open."""
    app = open_app(picture="cat", **link)
    app.button(key="all-methods").click().run()
    assert not app.exception
    return app


def test_the_three_are_at_hand_and_all_are_listed_by_kind() -> None:
    app = opened(methods=["Grad-CAM"])
    assert app.pills(key="methods").options == USUAL
    listed = [box.label for box in app.checkbox if box.key.startswith("method-")]
    assert listed == [method.title for method in METHODS]
    assert [box.value for box in app.checkbox] == [title == "Grad-CAM" for title in listed]
    kinds = [each.value.strip("*") for each in app.markdown if each.value in KINDS]
    assert kinds == list(dict.fromkeys(method.kind for method in METHODS))


def test_the_list_says_what_each_answers_and_costs(lite0: Classifier) -> None:
    app = opened(methods=["Grad-CAM"])
    said = {each.value.split("  \n")[0]: each.value for each in app.caption}
    for method in METHODS:
        assert method.answers in said
    assert said[GradCam.answers].endswith("Nothing left to compute")
    passes = Saliency(samples=FEW["saliency-samples"]).cost(lite0).passes
    assert re.search(rf"\n{passes} passes, about [\d.]+ m?s$", said[Saliency.answers])


def test_what_a_link_names_is_at_hand_and_stays_there() -> None:
    *_, last = (method.title for method in METHODS if method not in TRIPTYCH)
    app = open_app(picture="cat", methods=["Grad-CAM", last])
    assert methods_named(app) == ["Grad-CAM", last]
    app.pills(key="methods").set_value(["Grad-CAM"]).run()
    assert methods_named(app) == ["Grad-CAM"]
    assert last in app.pills(key="methods").options
    assert "All maps are complete" in captions(app)


def test_methods_that_read_the_same_ask_once(lite0: Classifier) -> None:
    families = [method for method in METHODS if method().observer == GradCam().observer]
    assert len(families) > 1
    app = open_app(picture="cat", methods=[method.title for method in families])
    assert methods_named(app) == [method.title for method in families]
    (session,) = cache._SESSIONS.values()
    assert len(session._kinds["run"]) == 1
