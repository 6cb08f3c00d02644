"""How far the maps agree: a square of methods by methods on Compare, and there alone."""

import json
from itertools import combinations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency
from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import BLOB, agreements
from pages.parts.compare import agreement
from tests.app.charts import array
from tests.app.driving import captions, open_app

METHODS = ["Grad-CAM", "Smoothed saliency", "LIME superpixels"]


def square(app: AppTest) -> dict:
    """The figure of the square."""
    (figure,) = (
        figure
        for chart in app.get("plotly_chart")
        if BLOB.replace(" ", "<br>", 1)
        in (figure := json.loads(chart.proto.spec))["layout"].get("yaxis", {}).get("ticktext", ())
    )
    return figure


def shown(app: AppTest) -> dict[tuple[str, str], float]:
    """The figures of the square by the names of their columns and rows."""
    figure = square(app)
    across, down = (
        [name.replace("<br>", " ") for name in figure["layout"][axis]["ticktext"]]
        for axis in ("xaxis", "yaxis")
    )
    cells = figure["data"][0]["text"]
    return {
        (column, row): float(text.replace("−", "-"))
        for row, line in zip(down, cells, strict=True)
        for column, text in zip(across, line, strict=True)
        if text
    }


@pytest.fixture
def maps(lite0: Classifier) -> list:
    pixels = lite0.prepare(SAMPLES["coffee"].read())
    methods = (GradCam(), Saliency(samples=4), LimeSuperpixels(samples=60))
    return [method.explain(lite0, pixels, 967) for method in methods]


def test_the_square_is_what_the_library_says(maps: list) -> None:
    app = open_app(picture="coffee")
    pairs = agreements(maps)
    assert set(shown(app)) == {*combinations(METHODS, 2), *((name, BLOB) for name in METHODS)}
    for pair in pairs:
        assert shown(app)[pair.names] == pytest.approx(pair.correlation, abs=0.0051)
    for place, figure in enumerate(("Hottest 10%", "Hottest 25%")):
        app.segmented_control(key="agreement-figure").set_value(figure).run()
        assert not app.exception
        for pair in pairs:
            assert shown(app)[pair.names] == pytest.approx(pair.overlap[place], abs=0.0051)
    assert "Agreement is not correctness" in captions(app)


def test_the_square_is_small_and_a_hover_tells_every_figure(maps: list) -> None:
    figure = square(open_app(picture="coffee"))
    assert figure["layout"]["width"] < 358, "the width of a phone"
    pair = agreements(maps)[0]
    assert figure["data"][0]["customdata"][0][0] == (
        f"Grad-CAM and Smoothed saliency<br>Rank correlation: {pair.correlation:.2f}<br>"
        f"Hottest 10%: {pair.overlap[0]:.2f}<br>Hottest 25%: {pair.overlap[1]:.2f}"
    )


def test_the_matrices_are_made_when_they_are_asked_for(
    maps: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    original = agreement.matrix_figure
    monkeypatch.setattr(
        agreement, "matrix_figure", lambda *a, **k: made.append(a[0]) or original(*a, **k)
    )
    app = open_app(picture="coffee")
    assert not made
    app.session_state["agreement-where"] = True
    app.run()
    assert not app.exception
    together, apart = (array(matrix) for matrix in made)
    ranks = [agreement.agreement.ranks(each) for each in maps]
    np.testing.assert_allclose(together, np.min(ranks, axis=0), atol=1e-6)
    np.testing.assert_allclose(apart, np.ptp(ranks, axis=0), atol=1e-6)


def test_one_map_agrees_with_nobody() -> None:
    app = open_app(picture="coffee", methods=["Grad-CAM"])
    assert "How far do they agree?" not in [header.value for header in app.header]


def test_how_far_links_to_it_instead_of_repeating_it() -> None:
    app = open_app("pages/how_far.py", picture="coffee", methods=METHODS[:2])
    assert "How far do they agree?" not in [header.value for header in app.header]
    links = [link.proto for link in app.get("page_link")]
    (link,) = (link for link in links if link.label == "Do they agree? See Compare")
    assert "picture=coffee" in link.query_string
