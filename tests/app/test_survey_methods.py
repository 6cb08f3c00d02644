"""Which method to trust, as a person reads it: figures, intervals, and what is not significant."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explainers import METHODS, GradCam, LimeSuperpixels, Saliency
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM
from explainers.survey.ranking import rankings
from explainers.survey.survey import Survey
from explainers.survey.table import Stored
from pages.parts.survey import choosing
from tests.app.driving import captions, open_app
from tests.survey.made_up import make

PAGE = "pages/survey.py"
SURVEY = Survey(methods=(GradCam(), Saliency()), closer=(LimeSuperpixels(),), worst=5, sample=30)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(choosing, "FOLDER", str(tmp_path / "surveys"))
    (tmp_path / "surveys").mkdir()
    return tmp_path / "surveys"


@pytest.fixture
def stored(folder: Path) -> Stored:
    return make(folder / "cats", pictures=90, survey=SURVEY, merits={"lime": 0.4})


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in app.markdown)


def test_the_table_has_means_and_intervals_of_the_random_sample(stored: Stored) -> None:
    app = open_app(PAGE, show="Methods")
    found = rankings(stored)
    table = app.dataframe[0].value
    titles = {"lime": "LIME superpixels", "grad-cam": "Grad-CAM", "saliency": "Smoothed saliency",
              BLOB: "Blob in the middle", RANDOM: "Random orders"}  # fmt: skip
    deletion = found["deletion"].standings
    assert table["Method"].tolist() == [titles[each.name] for each in deletion]
    assert table["Deletion"].tolist() == pytest.approx([each.mean for each in deletion])
    first = deletion[0]
    assert first.low is not None
    assert table["Deletion, 95%"].iloc[0] == f"{first.low:.3f} to {first.high:.3f}"
    drops = {each.name: each for each in found["drop"].standings}
    place = [each.name for each in deletion].index("lime")
    assert table["Average drop"].iloc[place] == pytest.approx(100 * drops["lime"].mean)
    assert table["Average drop"].isna().sum() == 1  # random orders are no map
    assert "the 30 pictures that were drawn at random, never the worst" in captions(app)
    assert "corrected for all 10 pairs" in captions(app)


def test_it_says_where_the_order_is_not_significant(stored: Stored) -> None:
    app = open_app(PAGE, show="Methods")
    ranked = rankings(stored)["deletion"]
    unsure = [pair for pair in ranked.neighbours if not pair.told_apart]
    assert unsure
    assert ranked.neighbours[0].told_apart
    assert "**By deletion the order of " in said(app)
    assert "is not significant" in said(app)
    assert "LIME superpixels" not in said(app).split("is not significant")[0]
    assert "Significantly better than a blob in the middle: **LIME superpixels**." in said(app)
    app.segmented_control(key="ranked-by").set_value("increase").run()
    assert not app.exception
    assert "**By increase no two neighbours in the order differ significantly**" in said(app)
    assert "Significantly better than a blob in the middle: **no method**." in said(app)
    assert "random orders" not in said(app)


def test_of_few_pictures_no_order_is_told(folder: Path) -> None:
    few = Survey(methods=(GradCam(), Saliency()), closer=(), worst=2, sample=4)
    make(folder / "few", pictures=30, survey=few, merits={"saliency": 0.4})
    app = open_app(PAGE, show="Methods")
    assert "No order by deletion is significant yet" in said(app)
    assert "Of fewer than 6 pictures" in said(app)
    assert app.dataframe[0].value["Deletion, 95%"].isna().all()


def test_without_a_random_sample_it_says_what_to_do(folder: Path) -> None:
    plain = Survey(methods=(GradCam(),), closer=(), worst=0, sample=0)
    make(folder / "plain", pictures=9, survey=plain)
    app = open_app(PAGE, show="Methods")
    assert "--sample 50" in app.info[0].value
    assert not app.dataframe


def test_many_methods_stay_legible(folder: Path) -> None:
    """As many as there are; were they in a row, the last would stand beyond the window."""
    everyone = tuple(method() for method in METHODS)
    survey = Survey(methods=everyone, closer=(), worst=5, sample=12)
    make(folder / "all", pictures=40, survey=survey)
    make(folder / "again", pictures=40, survey=survey, seed=1)
    app = open_app(PAGE)
    if len(everyone) > 5:
        app.selectbox(key="looks-method").set_value(everyone[-1].title).run()
        assert not app.exception
        assert f"the least and the most alike of all {len(everyone)}" in captions(app)
    table = open_app(PAGE, show="Methods").dataframe[0].value
    assert len(table) == len(everyone) + 2
    assert not open_app(PAGE, show="Pictures", map=everyone[-1].title).exception
    app = open_app(PAGE, show="What changed")
    assert not app.exception
    assert "Maps that moved though the answer stayed" in [each.value for each in app.header]
