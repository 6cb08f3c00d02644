"""Which methods did better: against SciPy, by closed testing, and where the truth is planted."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import stats

from explainers import GradCam, LimeSuperpixels, Saliency
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM
from explainers.survey.gathering import gather, renew
from explainers.survey.questions import Question, page
from explainers.survey.ranking import (
    ALPHA,
    FEWEST,
    FLIPS,
    MEASURES,
    holm,
    intervals,
    rank,
    rankings,
    sign_flips,
    tail,
)
from explainers.survey.survey import Survey
from explainers.survey.table import PARTS, TABLE, Stored, schema, write
from tests.conftest import Hold
from tests.survey.made_up import make

SURVEY = Survey(
    methods=(GradCam(), Saliency()), closer=(LimeSuperpixels(),), worst=10, sample=24, seed=3
)


def made_up(seed: int, pictures: int, merits: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Figures of pictures that differ more than the methods do."""
    random = np.random.default_rng(seed)
    hard = random.uniform(0, 1, (pictures, 1))
    figures = hard + random.gamma(2, 0.05, (pictures, len(merits))) + np.array(merits)
    return {f"method {place}": column for place, column in enumerate(figures.T)}


def test_an_interval_is_scipys_bootstrap(held: Hold) -> None:
    for n in (8, 20, 60):
        sample = np.random.default_rng(n).beta(1, 3, n)
        (low,), (high,) = intervals(sample[:, None])
        theirs = stats.bootstrap(
            (sample,), np.mean, n_resamples=20_000, confidence_level=1 - 2 * tail(n),
            method="percentile", rng=np.random.default_rng(1),
        ).confidence_interval  # fmt: skip
        apart = max(abs(low - theirs.low), abs(high - theirs.high)) / (theirs.high - theirs.low)
        held("Ends of an interval, in its lengths", "scipy.stats.bootstrap", apart, 0.05)
        wider = np.sqrt(n / (n - 1)) * stats.t.ppf(0.025, n - 1)
        assert tail(n) == pytest.approx(stats.norm.cdf(wider), abs=1e-12)


@pytest.mark.parametrize("n", [10, 20, 100])
def test_an_interval_misses_the_truth_once_in_twenty(n: int, held: Hold) -> None:
    samples = 500
    figures = np.random.default_rng(n).beta(2, 3, (n, samples))
    low, high = intervals(figures)
    missed = 1 - ((low <= 0.4) & (high >= 0.4)).mean()
    bound = 3 * (ALPHA * (1 - ALPHA) / samples) ** 0.5
    held("How often a 95% interval misses", "1 in 20, 500 samples", abs(missed - ALPHA), bound)


def test_pictures_without_a_figure_are_left_out_of_the_interval() -> None:
    figures = np.random.default_rng(0).normal(size=(40, 2))
    figures[30:, 1] = np.nan
    (_, low), (_, high) = intervals(figures)
    (alone,), (end,) = intervals(figures[:30, 1:])
    assert low == pytest.approx(alone, abs=0.05)
    assert high == pytest.approx(end, abs=0.05)


def test_flipped_signs_are_scipys_permutations(held: Hold) -> None:
    random = np.random.default_rng(5)
    for n, bound in ((7, 1e-12), (12, 1e-12), (24, 5 * (0.25 * 2 / FLIPS) ** 0.5)):
        differences = random.normal(0.3, 1, (n, 4))
        theirs = [
            stats.permutation_test(
                (column, np.zeros(n)), lambda x, y, axis: np.mean(x - y, axis=axis),
                permutation_type="samples", vectorized=True, n_resamples=FLIPS,
                rng=np.random.default_rng(2),
            ).pvalue
            for column in differences.T
        ]  # fmt: skip
        apart = float(np.abs(sign_flips(differences) - theirs).max())
        what = "Flipped signs, all tried" if n < 14 else "Flipped signs, some drawn"
        held(what, "scipy.stats.permutation_test", apart, bound)


def test_holms_correction_is_closed_testing(held: Hold) -> None:
    """A difference is found if every set of differences that holds it is, by Bonferroni."""
    random = np.random.default_rng(0)
    for count in (1, 3, 7):
        p = random.beta(0.3, 2, count)
        sets = [each for size in range(1, count + 1) for each in combinations(range(count), size)]
        expected = [
            max(min(1, len(each) * min(p[list(each)])) for each in sets if one in each)
            for one in range(count)
        ]
        apart = float(np.abs(holm(p) - expected).max())
        held("Corrected for many comparisons", "closed testing, by hand", apart, 1e-12)


def test_equal_methods_are_told_apart_at_most_once_in_twenty(held: Hold) -> None:
    tries, wrong = 300, 0
    for seed in range(tries):
        figures = np.column_stack(list(made_up(seed, 20, (0.0,) * 5).values()))
        leads = np.stack([figures[:, a] - figures[:, b] for a, b in combinations(range(5), 2)], 1)
        wrong += bool((holm(sign_flips(leads, seed)) <= ALPHA).any())
    over = wrong / tries - ALPHA
    held(
        "How often any two equal methods are told apart", "at most 1 in 20, 300 made-up samples",
        max(0.0, over), 2 * (ALPHA * (1 - ALPHA) / tries) ** 0.5,
    )  # fmt: skip
    assert wrong  # or the test would have no power


def test_methods_that_differ_are_told_apart_though_pictures_differ_more() -> None:
    told = 0
    for seed in range(20):
        found = rank("drop", made_up(seed, 20, (0.2, 0.0, 0.0)), more=False, seed=seed)
        assert found.standings[-1].name == "method 0"
        told += set(found.better_than("method 0")) == {"method 1", "method 2"}
        close = next(pair for pair in found.pairs if "method 0" not in (pair.better, pair.worse))
        assert close in found.neighbours
        lead = found.standings[1].mean - found.standings[0].mean
        assert close.lead == pytest.approx(lead)
    assert told >= 18


def test_the_best_come_first_whichever_way_is_better() -> None:
    values = made_up(1, 12, (0.5, 0.0, 0.2))
    fewer = rank("drop", values, more=False)
    more = rank("insertion", values, more=True)
    assert [each.name for each in fewer.standings] == ["method 1", "method 2", "method 0"]
    assert [each.name for each in more.standings] == ["method 0", "method 2", "method 1"]
    assert all(pair.lead > 0 for pair in (*fewer.pairs, *more.pairs))
    assert [(pair.better, pair.worse) for pair in more.neighbours] == [
        ("method 0", "method 2"), ("method 2", "method 1"),
    ]  # fmt: skip


def test_of_few_pictures_there_is_no_interval_and_nothing_is_told_apart() -> None:
    few = rank("drop", made_up(0, FEWEST - 1, (0.0, 9.0)), more=False)
    assert [(each.low, each.high) for each in few.standings] == [(None, None)] * 2
    assert not few.neighbours[0].told_apart
    assert rank("drop", made_up(0, FEWEST, (0.0, 9.0)), more=False).neighbours[0].told_apart


def test_a_share_of_none_is_not_certain_and_twins_are_never_told_apart() -> None:
    values = {"none": np.zeros(20), "twin": np.zeros(20), "all": np.ones(20)}
    found = rank("increase", values, more=True, shares=True)
    theirs = stats.binomtest(0, 20).proportion_ci(method="wilson")
    none = next(each for each in found.standings if each.name == "none")
    assert none.low == 0
    assert none.high == pytest.approx(theirs.high)
    assert [pair.told_apart for pair in found.neighbours] == [True, False]
    assert found.neighbours[1].p == 1


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("ranked") / "cats"
    return make(folder, pictures=120, survey=SURVEY, seed=2, merits={"lime": 0.3})


def test_it_is_of_the_random_sample_alone(stored: Stored) -> None:
    frame = pd.read_parquet(stored.folder / TABLE)
    drawn = frame[frame.chosen == "random"]
    found = rankings(stored)
    assert list(found) == list(MEASURES)
    stems = {"grad-cam": "grad_cam", "saliency": "saliency", "lime": "lime", BLOB: "blob"}
    for measure, ranking in found.items():
        names = {each.name for each in ranking.standings}
        assert names == {*stems} | ({RANDOM} if measure in ("deletion", "insertion") else set())
        for each in ranking.standings:
            column = drawn[f"{stems.get(each.name, 'random')}_{measure}"].dropna().astype(float)
            assert each.pictures == len(column) > 20
            assert each.mean == pytest.approx(column.mean())
            assert each.low is not None
            assert each.high is not None
            assert each.low <= each.mean <= each.high
            assert each.low < each.high
    assert found["deletion"].standings[0].name == "lime"
    for other in ("grad-cam", "saliency", BLOB):
        assert "lime" in found["deletion"].better_than(other)
    assert found["deletion"].better_than("lime") == ()
    assert rankings(stored)["drop"].standings == found["drop"].standings


def test_a_survey_of_before_has_what_it_has(tmp_path: Path) -> None:
    """Its table has no such columns, and its sample may be none."""
    old = make(tmp_path / "old", pictures=60, survey=SURVEY)
    table = pq.read_table(old.folder / TABLE)
    late = [n for n in table.column_names if n.endswith(("_drop", "_increase")) or n[:5] == "blob_"]
    pq.write_table(table.drop_columns(late), old.folder / TABLE)
    found = rankings(old)
    assert list(found) == ["deletion", "insertion"]
    assert BLOB not in {each.name for each in found["deletion"].standings}
    alone = Survey(methods=(GradCam(),), closer=(), worst=0, sample=0)
    assert rankings(make(tmp_path / "none", pictures=9, survey=alone)) == {}


def test_a_survey_of_before_can_be_gone_on_with(tmp_path: Path) -> None:
    old = make(tmp_path / "old", pictures=12, survey=SURVEY, errors=0)
    table = pq.read_table(old.folder / TABLE)
    late = [name for name in table.column_names if name.endswith(("_drop", "_increase"))]
    pq.write_table(table.slice(0, 8).drop_columns(late), old.folder / TABLE)
    write(table.slice(6, 3), old.folder / PARTS / "1-more.parquet", table.schema)
    renew(old, schema(SURVEY))
    assert not old.parts
    write(table.slice(9, 3), old.folder / PARTS / "2-new.parquet", schema(SURVEY))
    drops = [None] * 6 + table["grad_cam_drop"].to_pylist()[6:]
    assert any(drops)
    expected = sorted(zip(table["path"].to_pylist(), drops, strict=True))
    for _ in range(2):
        rows = page(old, Question("path"), limit=20).rows
        assert [(row["path"], row["grad_cam_drop"]) for row in rows] == expected
        gather(old, schema(SURVEY))
    there = pq.read_schema(old.folder / TABLE)
    assert there.names == schema(SURVEY).names
    assert all(field.metadata[b"meaning"] for field in there)
    before = old.state
    renew(old, schema(SURVEY))
    assert old.state == before
