"""The page "How far to believe it?": three tests, their scoreboard, details, and a card."""

import io
import re
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pytest

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency, Target
from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, beaten, cells, curves, strengths_of
from explainers.metrics.method_card import method_card
from explainers.metrics.randomisation import Spread, cost, randomisation
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import ask_again
from explainers.words import percent
from pages.parts.how_far import verdicts
from pages.parts.words import escaped
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


def scoreboard(app) -> pd.DataFrame:
    return app.dataframe[0].value.set_index("Method")


def texts(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.warning])


def test_all_three_tests_stand_under_the_maps_and_none_runs_unasked() -> None:
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM"])
    table = scoreboard(app)
    assert list(table.index) == ["Grad-CAM", "Blob in the middle", "Random orders, mean"]
    filled = table.dropna(axis=1, how="all")
    assert list(filled) == ["Places", "Passes", "Seconds"]
    assert list(filled.loc["Grad-CAM"])[:2] == [49, 3]
    assert re.search(
        r"Still empty: deletion and insertion \(\*Test it\*: [\d,]+ passes, about .+\); noise and "
        r"seed \(\*Ask again\*: .+\); forgotten \(\*Break the network\*: .+\)\.",
        captions(app),
    )
    starts = [each.label for each in app.button if "passes, about" in each.label]
    assert [label.split(":")[0] for label in starts] == [
        "Run the test", "Ask again", "Break copies", "Run all three",
    ]  # fmt: skip
    each, total = [int(label.split()[-5].replace(",", "")) for label in starts[:3]], starts[3]
    assert total.startswith(f"Run all three: {sum(each):,} passes")
    assert "How far do they agree?" not in [header.value for header in app.header]


def test_links_carry_all_methods_that_are_compared() -> None:
    chosen = ["Grad-CAM", "LIME superpixels"]
    app = open_app(PAGE, picture="coffee", methods=chosen)
    links = {link.proto.label: parse_qs(link.proto.query_string) for link in app.get("page_link")}
    assert links["Do they agree? See Compare"]["methods"] == chosen
    assert links["One picture ranks no methods; a survey can"]["methods"] == chosen


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
    assert len(app.dataframe) == 2


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
    table = scoreboard(app)
    named = {BLOB: "Blob in the middle", RANDOM: "Random orders, mean"}
    for curve in found.curves:
        kind, random = curve.kind.capitalize(), found.of(curve.kind)[RANDOM]
        row = table.loc[named.get(curve.name, curve.name)]
        assert row[kind] == pytest.approx(curve.area, abs=1e-6)
        if curve is random:
            assert pd.isna(row[f"{kind}: random orders beaten"])
        else:
            assert row[f"{kind}: random orders beaten"] == beaten(curve, random)
    assert beaten(found.of("insertion")["Grad-CAM"], found.of("insertion")[RANDOM]) == 19
    said, random = texts(app), found.of("deletion")[RANDOM]
    assert (
        "Better than all 19 random orders: 1 of 1; of as many maps that know nothing, 0.05 would "
        "be on average." in said
    )
    assert f"have areas of {random.area:.3f} ± {random.spread:.3f}" in captions(app)
    assert f"differ by more than {np.ptp(random.areas):.3f}, and two others" in captions(app)
    assert "deletion and insertion (" not in captions(app)
    traces = [trace for trace in charts(app) if "name" in trace]
    lines = [trace for trace in traces if trace["name"].startswith("Grad-CAM")]
    np.testing.assert_allclose(array(lines[0]["y"]), found.curves[0].mean, atol=1e-5)
    assert any(RANDOM in trace["name"] for trace in traces)
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
    assert scoreboard(app).notna().loc["Grad-CAM", "Deletion"]


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
    row = scoreboard(app).loc["LIME superpixels"]
    assert row["Seed"] == pytest.approx(np.median(seeds.correlations), abs=1e-6)
    assert pd.isna(scoreboard(app).loc["Grad-CAM", "Seed"])
    assert scoreboard(app).loc["Grad-CAM", "Noise"] == pytest.approx(
        np.median(noise.correlations), abs=1e-6
    )
    table = app.dataframe[1].value.set_index(["Method", "What changes"])
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
        copies = Spread.of(found.remaining(title))
        assert f"Everything forgotten: {copies}, 2 copies." in captions(app)
        assert f"Other pictures: {typical}, 4 maps." in captions(app)
        row = scoreboard(app).loc[title]
        median = np.nanmedian(found.remaining(title))
        assert row["Forgotten"] == pytest.approx(median, abs=1e-6)
        assert row["Forgotten: copies stayed"] == found.stayed(title)
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


@pytest.mark.usefixtures("tiny")
def test_the_scoreboard_is_taken_away_as_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, bytes] = {}
    monkeypatch.setattr(
        "streamlit.download_button",
        lambda label, make, name, *_, **__: files.update({name: make()}),
    )
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    shown = app.dataframe[0].value
    taken = pd.read_csv(io.BytesIO(files["triptych-coffee-scoreboard.csv"]))
    assert list(taken) == list(shown)
    assert list(taken["Method"]) == list(shown["Method"])
    for name in taken.columns[1:]:
        np.testing.assert_allclose(taken[name].astype(float), shown[name].astype(float), rtol=1e-6)


@pytest.mark.usefixtures("tiny")
def test_where_verdicts_have_no_room_under_the_maps_the_scoreboard_alone_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pages.parts.viewport.width", lambda: 700)
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    assert "beats **" in texts(app)
    app.query_params["methods"] = ["Grad-CAM", "Smoothed saliency", "LIME superpixels"]
    app.session_state["methods"] = app.query_params["methods"]
    app.run()
    button(app, "Run the test").click().run()
    assert not app.exception
    assert "beats **" not in texts(app)
    assert scoreboard(app)["Deletion"].notna().sum() == 5


@pytest.mark.parametrize(("width", "most"), [(358, 3), (700, 2), (820, 3), (980, 3), (1460, 5)])
def test_verdicts_stand_under_as_many_maps_as_one_line_has_room_for(
    width: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.viewport.width", lambda: width)
    assert verdicts.side_by_side(most)
    assert not verdicts.side_by_side(most + 1)


@pytest.mark.usefixtures("tiny")
def test_of_many_maps_some_stand_in_detail_and_all_in_the_scoreboard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verdicts, "IN_DETAIL", 1)
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "Smoothed saliency"])
    app.number_input(key="test-steps").set_value(5).run()
    button(app, "Run the test").click().run()
    (maps,) = (pills for pills in app.pills if pills.label == "Maps in detail")
    maps.set_value(["Smoothed saliency"]).run()
    assert not app.exception
    drawn = [trace["name"].rsplit(" ", 1)[0] for trace in charts(app) if trace.get("name")]
    assert drawn == 2 * ["Smoothed saliency", BLOB, RANDOM]
    assert scoreboard(app)["Deletion"].notna().all()
    assert app.selectbox(key="point-order").options == ["Smoothed saliency", BLOB, RANDOM]


def test_a_card_says_what_is_known_and_what_is_not_tested_yet(coffee) -> None:
    classifier, pixels = coffee
    app = open_app(PAGE, picture="coffee", methods=["Grad-CAM", "LIME superpixels"])
    assert "**Model agnosticism**" in texts(app)
    assert GradCam.needs in texts(app)
    assert escaped("Deletion: not tested yet.") in texts(app)
    app.selectbox(key="card").set_value("LIME superpixels").run()
    assert not app.exception
    lime = LimeSuperpixels(samples=60)
    *_, seen = lime.observations(classifier, pixels, 967)
    first, second = (int(index) for index in classifier.predict(pixels).ranking[:2])
    card = method_card(
        lime.interpret(seen, Target(first)), classifier, Findings(),
        lime.interpret(seen, Target(second)),
    )  # fmt: skip
    for attribute in card.attributes:
        if attribute.name != "Computational efficiency":  # the seconds are another run's
            assert f"**{attribute.name}**" in texts(app)
            assert escaped(attribute.said) in texts(app)
    assert escaped(card.sources[0]) in captions(app)
    app.session_state["methods"] = ["Grad-CAM"]
    app.run()
    assert not app.exception
    assert app.selectbox(key="card").value == "Grad-CAM"
