"""Tests and experiments travel: what was run in a session stands in its record and its report."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam, Saliency
from explainers.images.regions import box, hide
from explainers.images.samples import SAMPLES
from explainers.metrics.faithfulness import RANDOM, beaten, cells, curves, strengths_of
from explainers.metrics.randomisation import randomisation
from explainers.metrics.stability import ask_again
from explainers.report.page import record_in
from explainers.report.record import Found, Record
from explainers.report.replay import replay
from explainers.words import percent
from pages.parts import cache
from pages.parts.tried import DeletionInsertion
from tests.app.conftest import Offered
from tests.app.driving import open_app
from tests.report.parsed import Parsed

HOW_FAR, WHAT_IF = "pages/how_far.py", "pages/what_if.py"
CUP = ((4.0, 10.0), (2.0, 11.0))
QUICK = {
    "test-steps": 5, "repeat-times": 2, "repeat-noise": 4, "forget-copies": 2, "forget-stages": 1,
    "forget-seed": 3,
}  # fmt: skip
"""Settings of the tests that nobody begins with."""


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, smooth: Classifier) -> Classifier:
    """A network that is broken in no time, in the place of the one that is chosen."""
    tiny = smooth.variant(scaling=smooth.scaling, name="efficientnet-lite0, tiny")
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: tiny)
    return tiny


def press(app: AppTest, label: str) -> None:
    (button,) = (each for each in app.button if each.label.startswith(label))
    button.click().run()
    assert not app.exception


def run_all_tests(app: AppTest) -> None:
    for name, value in QUICK.items():
        app.session_state[name] = value
    app.run()
    press(app, "Run all three")


def drag(app: AppTest, across: tuple[float, float], down: tuple[float, float]) -> np.ndarray:
    """What dragging a box does, which cannot be done here."""
    ((key, past),) = app.session_state["regions"].items()
    region = box(key[1], across, down)
    past.append(region)
    app.run()
    assert not app.exception
    return region


def go(app: AppTest, page: str) -> None:
    """Go to another page with the methods, as its link does."""
    methods = app.session_state["methods"]
    app.switch_page(page).run()
    app.pills(key="methods").set_value(methods).run()
    assert not app.exception


def record(offered: Offered) -> Record:
    return Record.read(offered["Record"][0]())


def test_tests_that_were_run_stand_in_record_and_report_of_compare(
    tiny: Classifier, offered: Offered
) -> None:
    app = open_app(HOW_FAR, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    run_all_tests(app)
    go(app, "app.py")
    written = offered["Report"][0]().decode()
    found = record_in(written).tests
    assert record(offered).tests == found

    pixels = tiny.prepare(SAMPLES["coffee"].read())
    target = int(tiny.predict(pixels).ranking[0])
    maps = [each.explain(tiny, pixels, target) for each in (GradCam(), Saliency(samples=4))]
    segments = cells(tiny.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in maps}
    *_, tested = curves(tiny, pixels, target, strengths, segments, steps=5)
    assert found.curves is not None
    assert (found.curves.fill, found.curves.steps, found.curves.random_orders) == ("blur", 5, 19)
    for line, curve in zip(found.curves.curves, tested.curves, strict=True):
        assert (line.name, line.kind) == (curve.name, curve.kind)
        np.testing.assert_allclose(line.runs, curve.runs, atol=1e-6)
        if curve.name != RANDOM:
            assert line.beaten == beaten(curve, tested.of(curve.kind)[RANDOM])
    asked = {(each.title, each.change): each for each in found.again}
    assert set(asked) == {
        ("Grad-CAM", "noise"), ("Smoothed saliency", "noise"), ("Smoothed saliency", "seed"),
    }  # fmt: skip
    *_, noisy = ask_again(maps[0], tiny, pixels, "noise", times=2, noise=0.04)
    assert asked["Grad-CAM", "noise"].noise == 0.04
    np.testing.assert_allclose(asked["Grad-CAM", "noise"].correlations, noisy.correlations)
    others = {name: each.read() for name, each in SAMPLES.items() if name != "coffee"}
    *_, broken = randomisation(
        maps, tiny, pixels, [tiny.prepare(each) for each in others.values()],
        stages=1, copies=2, seed=3,
    )  # fmt: skip
    assert found.forgotten is not None
    assert [each.sample for each in found.forgotten.others] == list(others)
    assert (found.forgotten.way, found.forgotten.seed) == ("untrained", 3)
    for each in found.forgotten.maps:
        np.testing.assert_allclose(each.similarities[-1], broken.remaining(each.title))
        assert each.stayed == broken.stayed(each.title)

    page = Parsed(written)
    (table,) = (each for each in page.tables if each.caption == "What the tests found of each map")
    rows = {cells[0].text: [cell.text for cell in cells[1:]] for cells in table.rows[1:]}
    for title in strengths:
        deletion = tested.of("deletion")[title]
        assert rows[title][0] == f"{deletion.area:.3f}"
        assert rows[title][1] == str(beaten(deletion, tested.of("deletion")[RANDOM]))
        assert rows[title][7] == str(broken.stayed(title))
    assert rows["Grad-CAM"][5] == "–"  # draws nothing, so no other seed
    assert f"area {tested.of('insertion')['Grad-CAM'].area:.3f}" in page.text
    assert "Not measured: " not in page.text


@pytest.mark.usefixtures("tiny")
def test_what_was_not_run_is_said_as_not_run(offered: Offered) -> None:
    app = open_app(HOW_FAR, picture="coffee", methods=["Grad-CAM"])
    app.session_state["repeat-times"] = 2
    app.run()
    press(app, "Ask again")
    go(app, "app.py")
    page = Parsed(offered["Report"][0]().decode())
    assert "Asked again with a little noise on the picture, maps are as alike" in page.text
    assert (
        "Not tested: deletion and insertion and copies of the network that have forgotten what it "
        "learnt. Run it again" in page.text
    )
    found = record(offered).tests
    assert (found.curves, found.forgotten) == (None, None)
    assert len(found.again) == 1


@pytest.mark.usefixtures("tiny")
def test_tests_of_anything_else_do_not_slip_in(offered: Offered) -> None:
    """Not of another picture, class, cut or setting; and back again they are there."""
    app = open_app(HOW_FAR, picture="coffee", methods=["Grad-CAM"])
    app.session_state["test-steps"] = 5
    app.run()
    press(app, "Run the test")
    go(app, "app.py")
    tested = record(offered).tests
    assert tested.curves is not None

    def shown() -> Found:
        assert not app.exception
        return record(offered).tests

    (menu,) = (each for each in app.selectbox if each.label == "Class to explain")
    first, other = menu.value, (menu.value + 1) % 3
    menu.set_value(other).run()
    assert shown() == Found()
    next(each for each in app.selectbox if each.label == "Class to explain").set_value(first).run()
    assert shown() == tested
    app.selectbox(key="grad-cam-of").set_value("probability").run()
    assert shown() == Found()
    app.selectbox(key="grad-cam-of").set_value("logit").run()
    assert shown() == tested
    app.toggle(key="square").set_value(True).run()
    assert shown() == Found()
    app.toggle(key="square").set_value(False).run()
    app.button(key="sample-cat").click().run()
    assert shown() == Found()
    app.button(key="sample-coffee").click().run()
    assert shown() == tested
    app.pills(key="methods").set_value(["Grad-CAM", "Smoothed saliency"]).run()
    assert shown() == tested  # of the one map alone, and of the other nothing
    assert "Smoothed saliency" not in str(shown())
    app.pills(key="methods").set_value(["Smoothed saliency"]).run()
    assert shown() == Found()


def test_another_network_is_another_decision(
    monkeypatch: pytest.MonkeyPatch, tiny: Classifier, offered: Offered
) -> None:
    """Even one that takes pictures of the same size, and an experiment with the same region."""
    asked = tiny
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: asked)
    app = open_app(WHAT_IF, picture="coffee", methods=["Grad-CAM"])
    drag(app, *CUP)
    assert len(record(offered).experiments) == 1
    asked = tiny.variant(scaling=tiny.scaling, name="efficientnet-lite0, another")
    go(app, "app.py")
    assert record(offered).experiments == ()
    go(app, WHAT_IF)
    assert len(record(offered).experiments) == 1
    assert "Experiments so far: 2" in [each.label for each in app.expander]


@pytest.mark.usefixtures("tiny")
def test_a_test_that_was_stopped_is_not_told(offered: Offered) -> None:
    app = open_app(HOW_FAR, picture="coffee", methods=["Grad-CAM"])
    for name, value in QUICK.items():
        app.session_state[name] = value
    app.run()
    press(app, "Run the test")
    (run,) = (
        run
        for session in cache._SESSIONS.values()
        for (_, _, work), run in session.all("job")
        if isinstance(work, DeletionInsertion) and work.steps == 5
    )
    run.latest = replace(run.latest, done=run.latest.done - 1)
    run.finished, run.paused = False, True
    go(app, "app.py")
    assert record(offered).tests == Found()


def test_experiments_stand_in_record_and_report(lite0: Classifier, offered: Offered) -> None:
    app = open_app(WHAT_IF, picture="coffee", methods=["Grad-CAM"])
    region = drag(app, *CUP)
    app.pills(key="kinds").set_value(["Hide the region", "Keep only the region"]).run()
    here = record(offered)
    pixels = lite0.prepare(SAMPLES["coffee"].read())
    go(app, "app.py")
    assert [each.kind for each in here.experiments] == ["hide", "keep"]
    assert record(offered).experiments == here.experiments
    page = Parsed(offered["Report"][0]().decode())
    for tried, hidden in zip(here.experiments, (region, ~region), strict=True):
        after = lite0.predict(hide(pixels, hidden, "blur"))
        said = {each.index: each.probability for each in tried.answer}
        assert said[967] == pytest.approx(after[967].probability, abs=1e-6)
        assert tried.answer[0].index == int(after.ranking[0])
        assert f"espresso goes from 90.0% to {percent(after[967].probability)}" in page.text
    app.button(key="sample-cat").click().run()
    assert record(offered).experiments == ()


@pytest.mark.usefixtures("tiny")
def test_record_and_report_are_offered_where_tests_and_experiments_are(offered: Offered) -> None:
    app = open_app(HOW_FAR, picture="coffee", methods=["Grad-CAM"])
    app.session_state["test-steps"] = 5
    app.run()
    press(app, "Run the test")
    assert record(offered).tests.curves is not None
    offered.clear()
    go(app, WHAT_IF)
    assert "Record" not in offered  # before any experiment there are no maps
    drag(app, *CUP)
    told = record_in(offered["Report"][0]().decode())
    assert len(told.experiments) == 1
    assert told.tests.curves is not None


@pytest.mark.usefixtures("tiny")
def test_a_record_from_the_page_says_the_same_when_it_is_run_again(
    tiny: Classifier, offered: Offered
) -> None:
    """So it holds the very settings that the tests were run with."""
    app = open_app(HOW_FAR, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    run_all_tests(app)
    go(app, WHAT_IF)
    drag(app, *CUP)
    outcome = replay(record(offered), model=tiny)
    assert outcome.status == 0, str(outcome)
    said = str(outcome)
    for what in (
        "Deletion of Grad-CAM", "Smoothed saliency asked again, another seed",
        "Grad-CAM of copies that forget", "Experiment 1",
    ):  # fmt: skip
        assert f"same    {what}" in said
