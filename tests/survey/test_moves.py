"""Two surveys of the same pictures: what changed is found, and held against other definitions."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy

from explainers.methods import GradCam, Saliency
from explainers.metrics.agreement import agree
from explainers.survey import moves
from explainers.survey.moves import Floor, compare, differences, matrices
from explainers.survey.survey import Survey, SurveyError
from explainers.survey.table import PARTS, SETTINGS, TABLE, N, Stored, schema, write
from tests.conftest import Hold
from tests.survey.made_up import make

SURVEY = Survey(worst=5, sample=8)


def _maps(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of maps as methods make them: rough, with ties, with zeros, flat, blank, signed."""
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, count, N * N)).astype(np.float32)
    other += random.uniform(-2, 2, (count, 1)) * one
    one[::3], other[::4] = np.maximum(one[::3] - 1, 0), np.round(other[::4])
    one[5], other[7], one[11], other[11] = 0, 2.5, 0, 1
    one[13, :190], other[17] = 0, -one[17]
    return one, other


def test_many_at_once_are_as_each_is_alone(held: Hold) -> None:
    one, other = _maps()
    told = [agree(a.reshape(N, N), b.reshape(N, N)) for a, b in zip(one, other, strict=True)]
    alone = np.array([(each.correlation, each.overlap[0]) for each in told])
    assert (alone[:, 0] == 0).sum() >= 3  # the flat ones are among them
    np.testing.assert_allclose(moves.spearman(one, other), alone[:, 0], atol=1e-12)
    np.testing.assert_allclose(moves.overlap(one, other), alone[:, 1], atol=0)
    ranking = [index for index in range(len(one)) if np.ptp(one[index]) and np.ptp(other[index])]
    scipys = [scipy.stats.spearmanr(one[index], other[index]).statistic for index in ranking]
    difference = np.abs(moves.spearman(one, other)[ranking] - scipys).max()
    held("Rank correlations of many maps at once", "SciPy's spearmanr", difference, 1e-12)


def test_the_same_map_has_not_moved_even_where_it_is_flat() -> None:
    flat = np.zeros((1, N * N), np.float32)
    assert moves.spearman(flat, flat) == moves.overlap(flat, flat) == 1


def _edited(stored: Stored, edit: Callable[[pa.Table], pa.Table], folder: Path) -> Stored:
    """A survey whose table was changed by hand."""
    table = edit(pq.read_table(stored.folder / TABLE))
    write(table.cast(schema(SURVEY)), folder / TABLE, schema(SURVEY))
    (folder / SETTINGS).write_text((stored.folder / SETTINGS).read_text())
    return Stored.at(folder)


def _replaced(name: str, values: dict[int, object]) -> Callable[[pa.Table], pa.Table]:
    def edit(table: pa.Table) -> pa.Table:
        column = table[name].to_pylist()
        for row, value in values.items():
            column[row] = value
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.field(name), pa.array(column, table.field(name).type))

    return edit


def test_planted_moves_are_found_first_and_the_rest_has_not_moved(tmp_path: Path) -> None:
    before = make(tmp_path / "before", survey=SURVEY, errors=2)
    table = pq.read_table(before.folder / TABLE)
    maps = np.stack(table["saliency_matrix"].to_pylist()[:3]).astype(np.float32)
    turned = {row: maps[row].reshape(N, N)[::-1, ::-1].ravel() for row in range(2)}
    lifted = {2: maps[2] * 3 + 1}  # another scale, the same order: it has not moved

    def edit(table: pa.Table) -> pa.Table:
        table = _replaced("saliency_matrix", turned | lifted)(table)
        table = _replaced("saliency_centre_row", {0: 13.0})(table)
        return _replaced("answer_index", {7: 1})(_replaced("answer", {7: "goldfish"})(table))

    found = compare(before, _edited(before, edit, tmp_path / "after"))
    assert found.met == moves.Met(58, 0, 0, 0, 2)
    assert found.methods == ("grad-cam", "saliency", "lime")
    moved = found.moved("saliency")
    paths = table["path"].to_pylist()
    assert set(moved["path"].to_pylist()[:2]) == set(paths[:2])
    for row in range(2):
        own = moved["path"].to_pylist().index(paths[row])
        alone = agree(maps[row].reshape(N, N), turned[row].reshape(N, N))
        assert moved["saliency_spearman"][own].as_py() == pytest.approx(alone.correlation, abs=1e-6)
        assert moved["saliency_overlap"][own].as_py() == pytest.approx(alone.overlap[0], abs=1e-6)
    assert moved["saliency_spearman"].to_pylist()[2:] == [1.0] * (moved.num_rows - 2)
    assert found.moved("grad-cam")["grad_cam_spearman"].to_pylist() == [1.0] * 57
    furthest = found.moved("saliency", "shift")
    assert furthest["path"][0].as_py() == paths[0]
    was = table["saliency_centre_row"][0].as_py()
    assert furthest["saliency_shift"][0].as_py() == pytest.approx(13 - was, abs=1e-5)
    assert found.changed["path"].to_pylist() == [paths[7]]
    assert found.changed["answer_after"].to_pylist() == ["goldfish"]
    assert paths[7] not in moved["path"].to_pylist()
    shown = matrices(found.after, paths[0], found.methods)["saliency"]
    np.testing.assert_array_equal(shown.ravel(), turned[0])


def test_a_move_is_held_against_what_another_seed_does(tmp_path: Path) -> None:
    before, after = (make(tmp_path / str(seed), survey=SURVEY, seed=seed) for seed in (0, 1))
    found = compare(before, after)
    floor = found.floors["saliency"]
    assert found.floors["grad-cam"] is None  # it draws nothing at random
    assert found.beyond("grad-cam") is None
    assert floor is not None
    tables = [pq.read_table(stored.folder / TABLE) for stored in (before, after)]
    tries = {
        column: np.concatenate(
            [
                np.array(table[column].to_pylist(), float)[
                    np.array(table["chosen"].to_pylist()) == "random"
                ]
                for table in tables
            ]
        )
        for column in ("saliency_again", "saliency_again_shift")
    }
    assert floor.count("spearman") == len(tries["saliency_again"]) == 16
    moved = found.moved("saliency")["saliency_spearman"].to_numpy()
    counted = [(tries["saliency_again"] <= each).sum() for each in moved]
    np.testing.assert_array_equal(floor.as_far("spearman", moved), counted)
    assert found.beyond("saliency") == sum(each == 0 for each in counted)
    shifts = found.moved("saliency", "shift")["saliency_shift"].to_numpy()
    counted = [(tries["saliency_again_shift"] >= each).sum() for each in shifts]
    np.testing.assert_array_equal(floor.as_far("shift", shifts), counted)


def test_a_try_without_a_centre_counts_for_the_other_measures_alone() -> None:
    """A blank map has none."""
    tries = {"spearman": np.array([0.2, 0.4, 0.9]), "overlap": np.zeros(3)}
    floor = Floor(tries | {"shift": np.array([3.0, 1.0])})
    assert floor.as_far("spearman", np.array([0.1, 0.2, 0.5])).tolist() == [0, 1, 2]
    assert floor.as_far("shift", np.array([4.0, 3.0, 2.0, 0.5])).tolist() == [0, 1, 1, 2]


def test_one_draw_in_a_hundred_is_beyond_99_others(held: Hold) -> None:
    """What the page says chance does."""
    random = np.random.default_rng(2)
    beyond = []
    for _ in range(200):
        draws = random.normal(size=99 + 200)
        tries = dict.fromkeys(moves.MEASURES, np.sort(draws[:99]))
        beyond.append((Floor(tries).as_far("spearman", draws[99:]) == 0).mean())
    held(
        "How often another seed goes beyond 99 tries", "1 in 100, 40,000 draws",
        abs(float(np.mean(beyond)) - 0.01), 0.002,
    )  # fmt: skip


def test_pictures_that_do_not_meet_are_counted(tmp_path: Path) -> None:
    before = make(tmp_path / "before", survey=SURVEY, errors=0)

    def edit(table: pa.Table) -> pa.Table:
        return _replaced("path", {0: "elsewhere.jpg"})(_replaced("digest", {1: "0" * 64})(table))

    after = _edited(before, edit, tmp_path / "after")
    assert compare(before, after).met == moves.Met(58, 1, 1, 1, 0)


def test_of_a_picture_in_two_files_the_later_counts(tmp_path: Path) -> None:
    before, after = (make(tmp_path / name, survey=SURVEY, errors=0) for name in ("one", "two"))
    again = pq.read_table(after.folder / TABLE).slice(3, 2)
    again = _replaced("answer", {0: "goldfish"})(_replaced("answer_index", {0: 1})(again))
    write(again, after.folder / PARTS / "0001.parquet", schema(SURVEY))
    found = compare(before, after)
    assert found.met.both == 60
    assert found.changed["path"].to_pylist() == [again["path"][0].as_py()]


def test_other_numbers_for_the_same_names_are_no_other_answers(tmp_path: Path) -> None:
    before = make(tmp_path / "before", survey=SURVEY, errors=0)
    numbers = [
        each + 1 for each in pq.read_table(before.folder / TABLE)["answer_index"].to_pylist()
    ]
    after = _edited(before, _replaced("answer_index", dict(enumerate(numbers))), tmp_path / "after")
    told = json.loads((after.folder / SETTINGS).read_text())
    (after.folder / SETTINGS).write_text(json.dumps(told | {"labels": ["background"]}))
    assert compare(before, Stored.at(after.folder)).changed.num_rows == 0


def test_surveys_without_a_picture_in_common_are_said_to_be(tmp_path: Path) -> None:
    before = make(tmp_path / "before", survey=SURVEY)
    other = [f"{number}.jpg" for number in range(60)]
    after = _edited(before, _replaced("path", dict(enumerate(other))), tmp_path / "after")
    with pytest.raises(SurveyError, match="no picture in common"):
        compare(before, after)


def test_what_was_asked_otherwise_is_told(tmp_path: Path) -> None:
    before = make(tmp_path / "before", survey=SURVEY)
    same = make(tmp_path / "same", survey=SURVEY, seed=3)
    assert differences(before, same) == []
    other = dataclasses.replace(
        SURVEY, methods=(GradCam(), Saliency(samples=7)), classifier="efficientnet-lite2"
    )
    after = make(tmp_path / "after", survey=other)
    assert differences(before, after) == [
        ("classifier", "efficientnet-lite0", "efficientnet-lite2"),
        ("methods: saliency: samples", str(Saliency().samples), "7"),
    ]
