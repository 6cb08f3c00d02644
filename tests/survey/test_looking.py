"""The rows of a survey are what the methods say of each picture alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import scipy.stats
from PIL import Image

from explainers import (
    Classifier,
    Explainer,
    Explanation,
    GradCam,
    LimeSuperpixels,
    Saliency,
    Target,
    read_image,
)
from explainers.images.samples import SAMPLES
from explainers.metrics import faithfulness
from explainers.metrics.agreement import agree
from explainers.metrics.confidence import blob_seen, confidences, seen_of
from explainers.metrics.faithfulness import cells
from explainers.models.imagenet import classes_named, imagenet_labels
from explainers.observing.layer_gradients import LayerGradients
from explainers.survey import worker
from explainers.survey.looking import centre_of_mass, look, look_closer
from explainers.survey.pictures import BY_FOLDER, Collection, Found
from explainers.survey.survey import Survey
from explainers.survey.table import schema, write
from tests.conftest import Hold
from tests.survey.conftest import Paint

QUICK = Survey(
    methods=(GradCam(), Saliency(samples=3)), closer=(LimeSuperpixels(samples=60),), worst=1
)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of the gallery as files, each in a folder of its name."""
    root = tmp_path_factory.mktemp("gallery")
    for name, entry in SAMPLES.items():
        (root / name).mkdir()
        Image.fromarray(entry.read()).save(root / name / "picture.png")
    return root


def test_rows_are_those_of_each_picture_alone(lite0: Classifier, gallery: Path, held: Hold) -> None:
    rows = look(QUICK, lite0, gallery, list(Collection(gallery, BY_FOLDER)))
    assert [row["path"] for row in rows] == [f"{name}/picture.png" for name in sorted(SAMPLES)]
    furthest, off = 0.0, 0.0
    for row in rows:
        pixels = lite0.prepare(read_image(gallery / row["path"]))
        prediction = lite0.predict(pixels)
        answer = prediction.top(1)[0]
        assert (row["answer"], row["answer_index"]) == (answer.label, answer.index)
        assert row["top_labels"] == [each.label for each in prediction.top(5)]
        furthest = max(furthest, abs(row["probability"] - answer.probability))
        grids = []
        for method in QUICK.methods:
            grid = method.explain(lite0, pixels, answer.index).grid(14)
            column = f"{method.name.replace('-', '_')}_matrix"
            off = max(off, float(np.abs(row[column] - grid.ravel()).max() / np.abs(grid).max()))
            grids.append(grid)
        assert row["grad_cam_saliency_spearman"] == pytest.approx(
            scipy.stats.spearmanr(*(grid.ravel() for grid in grids)).statistic, abs=1e-4
        )
        assert row["agreement"] == row["grad_cam_saliency_spearman"]
    held("Probabilities of a survey", "each picture asked alone", furthest, 1e-5)
    held("Maps of a survey, relative", "each picture explained alone", off, 1e-5)


def test_figures_of_a_row_are_what_they_are_called(lite0: Classifier, gallery: Path) -> None:
    (row,) = look(QUICK, lite0, gallery, [Found("cat/picture.png", 1, "Egyptian CAT")])
    matrix = np.reshape(row["grad_cam_matrix"], (14, 14))
    assert matrix[row["grad_cam_row"], row["grad_cam_column"]] == matrix.max()
    heat = matrix / matrix.sum()
    rows, columns = np.mgrid[:14, :14]
    assert row["grad_cam_centre_row"] == pytest.approx((heat * rows).sum(), abs=1e-4)
    assert row["grad_cam_centre_column"] == pytest.approx((heat * columns).sum(), abs=1e-4)
    assert row["grad_cam_share"] == pytest.approx(np.sort(heat.ravel())[-20:].sum(), abs=1e-5)
    ring = np.ones((14, 14), bool)
    ring[1:-1, 1:-1] = False
    assert row["grad_cam_border"] == pytest.approx(heat[ring].sum(), abs=1e-5)
    assert row["correct"] is True
    assert row["label_index"] == row["answer_index"] == 285
    probabilities = lite0.probabilities(lite0.prepare(read_image(gallery / row["path"]))[None])[0]
    entropy = scipy.stats.entropy(probabilities.astype(np.float64), base=2)
    assert row["entropy"] == pytest.approx(entropy, abs=1e-4)


def test_a_wrong_answer_has_maps_for_the_truth_as_well(lite0: Classifier, gallery: Path) -> None:
    (row,) = look(QUICK, lite0, gallery, [Found("rocket/picture.png", 1, "missile")])
    assert row["answer"] == "drilling platform"
    assert row["correct"] is False
    pixels = lite0.prepare(read_image(gallery / row["path"]))
    grid = GradCam().explain(lite0, pixels, 657).grid(14)
    np.testing.assert_allclose(row["grad_cam_label_matrix"], grid.ravel(), atol=1e-5 * grid.max())
    (known,) = look(QUICK, lite0, gallery, [Found("cat/picture.png", 1, "n02124075")])
    assert known["correct"] is True
    (unknown,) = look(QUICK, lite0, gallery, [Found("cat/picture.png", 1, "my cat")])
    assert unknown["label"] == "my cat"
    assert unknown["correct"] is None


def test_a_closer_look_tests_all_maps_and_asks_the_random_ones_again(
    smooth: Classifier, painted: Paint, tmp_path: Path
) -> None:
    root = painted("a", 2)
    first, second = Collection(root)
    drawn = look_closer(QUICK, smooth, root, first, "random")
    worst = look_closer(QUICK, smooth, root, second, "worst")
    for row in (drawn, worst):
        assert row["random_orders"] == 19
        for name in ("grad_cam", "saliency", "lime"):
            assert 0 <= row[f"{name}_deletion_beaten"] <= 19
            assert 0 <= row[f"{name}_deletion"] <= 1
        assert row["lime_samples"] == 60
        assert -1 <= row["grad_cam_lime_spearman"] <= 1
    assert "saliency_again" not in worst
    assert "grad_cam_again" not in drawn  # it draws nothing, so another seed says the same
    again = Saliency(samples=3, seed=1)
    pixels = smooth.prepare(read_image(root / first.path))
    grids = [each.explain(smooth, pixels, drawn["answer_index"]).grid(14)
             for each in (QUICK.methods[1], again)]  # fmt: skip
    assert drawn["saliency_again"] == pytest.approx(agree(*grids).correlation, abs=1e-4)
    shift = np.subtract(*map(centre_of_mass, grids))
    assert drawn["saliency_again_shift"] == pytest.approx(np.hypot(*shift), abs=1e-4)
    write([drawn, worst], tmp_path / "a.parquet", schema(QUICK))


def test_drop_and_increase_are_those_of_each_map_alone(
    smooth: Classifier, painted: Paint, tmp_path: Path
) -> None:
    root = painted("a", 1)
    (picture,) = Collection(root)
    row = look_closer(QUICK, smooth, root, picture, "random")
    pixels = smooth.prepare(read_image(root / picture.path))
    for method in (*QUICK.methods, *QUICK.closer):
        explanation = method.explain(smooth, pixels, row["answer_index"])
        seen = seen_of(explanation, smooth.size)
        assert seen is not None
        found = confidences(smooth, pixels, row["answer_index"], {"map": seen})["map"]
        own = method.name.replace("-", "_")
        assert row[f"{own}_drop"] == pytest.approx(found.drop, abs=1e-5)
        assert row[f"{own}_increase"] == found.increased
    blob = confidences(smooth, pixels, row["answer_index"], {"blob": blob_seen(smooth.size)})[
        "blob"
    ]
    assert row["blob_drop"] == pytest.approx(blob.drop, abs=1e-5)
    assert 0 <= row["blob_deletion"] <= 1
    write([row], tmp_path / "a.parquet", schema(QUICK))
    (kept,) = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert kept["grad_cam_increase"] == row["grad_cam_increase"]
    assert kept["blob_insertion"] == pytest.approx(row["blob_insertion"])


class Mirrored(GradCam):
    """Reads what Grad-CAM reads, otherwise."""

    name = "mirrored"

    def interpret(self, observation: Any, target: Target) -> Explanation:
        found = super().interpret(observation, target)
        return replace(found, heatmap=np.ascontiguousarray(found.heatmap[:, ::-1]))


def test_what_several_methods_read_is_observed_once(
    smooth: Classifier, painted: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice for each picture that is wrong: for the answer, and for what it truly shows."""
    root = painted("a", 4)
    pictures = [
        replace(each, label=smooth.labels[number % 3])
        for number, each in enumerate(Collection(root))
    ]
    few = Saliency(samples=3)
    alone = [
        look(Survey(methods=(method,), closer=()), smooth, root, pictures)
        for method in (GradCam(), Mirrored(), few)
    ]
    asked: list[int] = []
    observe = LayerGradients._observe_together

    def counted(self: LayerGradients, *told: Any) -> Any:
        asked.append(len(told[1]))
        return observe(self, *told)

    monkeypatch.setattr(LayerGradients, "_observe_together", counted)
    survey = Survey(methods=(GradCam(), Mirrored(), few), closer=())
    rows = look(survey, smooth, root, pictures)
    wrong = sum(row["correct"] is False for row in rows)
    assert wrong > 0
    assert asked == [4, wrong]
    for name, lone in zip(("grad_cam", "mirrored", "saliency"), alone, strict=True):
        for row, other in zip(rows, lone, strict=True):
            for column in (f"{name}_matrix", f"{name}_label_matrix"):
                assert (column in row) == (column in other)
                if column in row:
                    np.testing.assert_array_equal(row[column], other[column])
    asked.clear()
    closer = Survey(methods=(GradCam(), few), closer=(Mirrored(),))
    row = look_closer(closer, smooth, root, replace(pictures[0], label=None), "worst")
    assert asked == [1]
    np.testing.assert_allclose(row["mirrored_matrix"], rows[0]["mirrored_matrix"], rtol=1e-4)


def test_a_price_counts_what_is_observed_once(
    smooth: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_opened", lambda job: smooth)

    def price(*methods: Explainer, closer: tuple[Explainer, ...] = ()) -> worker.Price:
        return worker.measure(
            worker.Job(Survey(methods=methods, closer=closer), "", tmp_path, tmp_path)
        )

    alone, twins = price(GradCam()), price(GradCam(), Mirrored())
    assert alone.passes == twins.passes == 3
    # Beyond that, one more map costs two orders of the cells, and a pass for what is seen of it.
    order = faithfulness.passes(1, cells(smooth.size), random_runs=0) - 2
    order -= faithfulness.passes(0, cells(smooth.size), random_runs=0) - 2
    assert twins.closer_passes == alone.closer_passes + order + 1
    slow = LimeSuperpixels(samples=60)
    besides = price(GradCam(), closer=(slow,))
    assert besides.closer_passes == alone.closer_passes + 2 * slow.samples + order + 1
    assert price(slow).seconds > 0


def test_a_bad_picture_is_a_row_with_its_sentence(smooth: Classifier, painted: Paint) -> None:
    root = painted("a", 2)
    (root / "a" / "broken.png").write_bytes((root / "a" / "000.png").read_bytes()[:60])
    (root / "a" / "notes.jpg").write_text("no picture")
    (root / "a" / "none.jpg").touch()
    rows = look(QUICK, smooth, root, list(Collection(root)))
    errors = {row["path"]: row["error"] for row in rows}
    assert errors["a/000.png"] is errors["a/001.png"] is None
    assert errors["a/broken.png"].startswith("The file looks like PNG but is damaged")
    assert errors["a/notes.jpg"].startswith("The file is not a picture of a known format")
    assert errors["a/none.jpg"] == "The file is empty, it has zero bytes: choose another one."


def test_a_picture_without_an_answer_takes_no_other_with_it(painted: Paint) -> None:
    import keras
    from keras import layers

    class Dividing(layers.Layer):
        """Divides by how much a picture varies, so a flat one has no answer."""

        def call(self, inputs):  # type: ignore[no-untyped-def]
            return inputs / (keras.ops.std(inputs, axis=(1, 2, 3), keepdims=True))

    keras.utils.set_random_seed(1)
    classifier = Classifier(
        keras.Sequential(
            [
                keras.Input((24, 32, 3)), Dividing(), layers.Conv2D(4, 3),
                layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax"),
            ]
        ),
        name="dividing",
    )  # fmt: skip
    root = painted("a", 3)
    Image.fromarray(np.full((48, 64, 3), 9, np.uint8)).save(root / "a" / "001.png")
    rows = look(QUICK, classifier, root, list(Collection(root)))
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert "that is no number" in rows[1]["error"]
    assert rows[2]["grad_cam_matrix"].any()


def test_classes_are_known_by_name_by_number_and_by_wordnet() -> None:
    assert classes_named(("cat", "Dog"))["dog"] == 1
    assert classes_named(("cat", "Dog"))["1"] == 1
    assert "n02124075" not in classes_named(("cat", "Dog"))
    assert classes_named(imagenet_labels())["n02124075"] == 285
