"""LIME against the `lime` package itself, and against a model that is additive by construction."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from lime.lime_image import LimeImageExplainer

from explainers import Classifier, LimeSuperpixels, Target
from explainers.images.regions import FILLS, fill_picture
from explainers.images.superpixels import Felzenszwalb, Quickshift, Segmentation, Slic
from tests.conftest import Hold


@pytest.mark.parametrize("kernel_width", [0.25, 0.7])
def test_coefficients_are_those_of_stock_lime(
    lite0: Classifier, cat: np.ndarray, kernel_width: float, held: Hold
) -> None:
    ours = LimeSuperpixels(samples=150, seed=11, kernel_width=kernel_width)
    explanation = ours.explain(lite0, cat, 285)
    surrogate = explanation.surrogate
    assert surrogate is not None
    stock = LimeImageExplainer(kernel_width=kernel_width, random_state=11).explain_instance(
        cat.astype(np.float64),
        lambda batch: lite0.probabilities(np.asarray(batch, np.float32)),
        labels=(285,),
        top_labels=None,
        num_samples=150,
        segmentation_fn=lambda _: Quickshift().segments(cat),
    )
    coefficients = np.zeros(len(surrogate.coefficients))
    for superpixel, coefficient in stock.local_exp[285]:
        coefficients[superpixel] = coefficient
    difference = np.abs(surrogate.coefficients - coefficients).max()
    held("LIME's coefficients", "stock lime with the same seed", difference, 1e-5)
    held("LIME's R²", "stock lime with the same seed", abs(surrogate.r2 - stock.score), 1e-5)
    assert surrogate.intercept == pytest.approx(stock.intercept[285], abs=1e-5)
    assert surrogate.predicted == pytest.approx(stock.local_pred[0], abs=1e-5)
    assert surrogate.observed == pytest.approx(lite0.predict(cat)[285].probability, abs=1e-5)


CONTRIBUTIONS = np.array([0.30, -0.10, 0.05, 0.0, 0.20, -0.02])


@pytest.fixture
def additive() -> SimpleNamespace:
    """A classifier whose probability is a sum over the superpixels that are shown."""

    def masked_probabilities(pixels, fill, segments, rows):
        dog = 0.2 + rows @ CONTRIBUTIONS
        return np.stack([1 - dog, dog], axis=1).astype(np.float32)

    return SimpleNamespace(
        name="additive", labels=("cat", "dog"), masked_probabilities=masked_probabilities
    )


@pytest.fixture
def six(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Six superpixels side by side, whatever the picture."""
    segments = np.repeat(np.arange(6), 8)[None].repeat(10, axis=0).astype(np.int32)
    monkeypatch.setattr(Slic, "segments", lambda self, pixels: segments)
    return segments


def test_an_additive_model_gives_back_its_contributions(
    additive: SimpleNamespace, six: np.ndarray
) -> None:
    pixels = np.zeros((*six.shape, 3), np.float32)
    explainer = LimeSuperpixels(segmentation=Slic(), samples=1000, kernel_width=5.0, shown=6)
    explanation = explainer.explain(additive, pixels, 1)  # type: ignore[arg-type]
    surrogate = explanation.surrogate
    assert surrogate is not None
    np.testing.assert_allclose(surrogate.coefficients, CONTRIBUTIONS, atol=2e-3)
    assert surrogate.intercept == pytest.approx(0.2, abs=5e-3)
    assert surrogate.r2 > 0.999
    np.testing.assert_allclose(explanation.heatmap, CONTRIBUTIONS[six], atol=2e-3)
    assert explanation.signed


def test_only_the_strongest_pieces_are_shown(additive: SimpleNamespace, six: np.ndarray) -> None:
    pixels = np.zeros((*six.shape, 3), np.float32)
    three = LimeSuperpixels(segmentation=Slic(), samples=500, shown=3)
    shown = three.explain(additive, pixels, 1).heatmap[0, ::8]  # type: ignore[arg-type]
    assert list(np.flatnonzero(shown)) == [0, 1, 4]
    positive = LimeSuperpixels(segmentation=Slic(), samples=500, shown=3, positive_only=True)
    explanation = positive.explain(additive, pixels, 1)  # type: ignore[arg-type]
    assert list(np.flatnonzero(explanation.heatmap[0, ::8])) == [0, 2, 4]
    assert not explanation.signed


def test_a_blank_map_tells_what_was_seen(
    additive: SimpleNamespace, six: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((*six.shape, 3), np.float32)

    def reason(answer, positive_only: bool) -> str | None:
        monkeypatch.setattr(
            additive, "masked_probabilities",
            lambda pixels, fill, segments, rows: np.stack(
                [1 - answer(rows), answer(rows)], axis=1
            ).astype(np.float32),
        )  # fmt: skip
        lime = LimeSuperpixels(segmentation=Slic(), samples=300, positive_only=positive_only)
        return lime.explain(additive, pixels, 1).blank_reason  # type: ignore[arg-type]

    for certain in (0.3, 0.77123, 1.0):
        unmoved = reason(lambda rows, p=certain: np.full(len(rows), p), False)
        assert unmoved == "The probability stayed exactly the same, whatever was hidden."
    lowering = reason(lambda rows: 0.9 - rows @ np.full(6, 0.1), True)
    assert (
        lowering == "No superpixel raises the probability; show both signs to see what lowers it."
    )
    assert reason(lambda rows: 0.9 - rows @ np.arange(6) / 100, False) is None


def test_a_single_superpixel_points_nowhere(
    additive: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = np.zeros((10, 48), np.int32)
    monkeypatch.setattr(Slic, "segments", lambda self, pixels: whole)
    monkeypatch.setattr(
        additive, "masked_probabilities",
        lambda pixels, fill, segments, rows: np.concatenate([1 - rows, rows], axis=1) * np.float32(
            0.5
        ),
    )  # fmt: skip
    lime = LimeSuperpixels(segmentation=Slic(), samples=50)
    explanation = lime.explain(additive, np.zeros((10, 48, 3), np.float32), 1)  # type: ignore[arg-type]
    assert explanation.heatmap.any()
    assert "says the same everywhere" in str(explanation.blank_reason)


def test_a_difference_is_the_difference_of_the_coefficients(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    explainer = LimeSuperpixels(segmentation=Slic(n_segments=10), samples=120)

    def coefficients(target: Target) -> np.ndarray:
        surrogate = explainer.explain(smooth, pixels, target).surrogate
        assert surrogate is not None
        return surrogate.coefficients

    np.testing.assert_allclose(
        coefficients(Target(2, rather_than=0)),
        coefficients(Target(2)) - coefficients(Target(0)),
        atol=1e-6,
    )


def test_the_first_picture_comes_within_a_hundred_samples(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    first = next(LimeSuperpixels(samples=1000).refine(smooth, pixels, 0))
    assert first.done <= 100
    assert first.total == 1000
    assert first.heatmap.any()


@pytest.mark.parametrize("segmentation", [Quickshift(), Slic(), Felzenszwalb()], ids=repr)
def test_superpixels_are_numbered_without_gaps(segmentation: Segmentation, cat: np.ndarray) -> None:
    segments = segmentation.segments(cat)
    assert segments.shape == cat.shape[:2]
    assert segments.dtype == np.int32
    np.testing.assert_array_equal(np.unique(segments), np.arange(segments.max() + 1))
    assert 10 < segments.max() < 400


def test_fills_are_what_they_are_called() -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    segments = np.repeat([[0, 0, 0, 0, 1, 1, 1, 2]], 6, axis=0)
    fills = {fill: fill_picture(pixels, fill, segments) for fill in FILLS}
    assert (fills["black"] == 0).all()
    assert (fills["grey"] == 127.5).all()
    assert (fills["white"] == 255).all()
    mean = fills["superpixel mean"]
    np.testing.assert_allclose(mean[0, 0], pixels[:, :4].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(mean[5, 7], pixels[:, 7].mean(axis=0), rtol=1e-5)
    assert fills["blur"].std() < pixels.std()
    with pytest.raises(ValueError, match="pink"):
        fill_picture(pixels, "pink", segments)


class Growing:
    """A classifier of four superpixels whose strongest change until a given sample."""

    name, labels = "growing", ("no", "yes")

    def masked_probabilities(self, pixels, fill, segments, rows):
        yes = 0.1 + rows @ np.linspace(0.02, 0.2, rows.shape[1])
        return np.stack([1 - yes, yes], axis=1).astype(np.float32)


def test_it_stops_by_itself_once_the_strongest_pieces_stay(pixels: np.ndarray) -> None:
    lime = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=2000, until_stable=True)
    *_, last = lime.observations(Growing(), pixels, 1)
    assert last.done == last.total < 2000
    assert lime.settled_at(last, 1) == last.done
    whole = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=2000)
    *_, everything = whole.observations(Growing(), pixels, 1)
    assert everything.done == 2000
    assert whole.settled_at(everything, 1) == last.done
    np.testing.assert_array_equal(last.rows, everything.rows[: last.done])
    strengths = np.abs(whole.interpret(last, Target(1)).surrogate.coefficients)
    assert set(np.argsort(-strengths)[:5]) == set(range(len(strengths) - 5, len(strengths)))


def test_it_says_when_it_has_not_settled(smooth: Classifier, pixels: np.ndarray) -> None:
    lime = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=300)
    *_, seen = lime.observations(smooth, pixels, 1)
    assert lime.settled_at(seen, 1) is None


def test_one_class_settled_is_not_every_class_settled() -> None:
    assert LimeSuperpixels().all_classes
    assert not LimeSuperpixels(until_stable=True).all_classes


def test_it_stops_by_the_kernel_that_it_is_read_with() -> None:
    wide = LimeSuperpixels(until_stable=True, kernel_width=0.7, shown=3)
    assert wide.observer == LimeSuperpixels(until_stable=True, kernel_width=0.7)
    assert LimeSuperpixels(kernel_width=0.7).observer == LimeSuperpixels().observer


def test_the_lime_package_is_not_imported_before_lime_is_run() -> None:
    """It brings more of scikit-learn than an answer has time for."""
    ask = "import sys, explainers.methods; print('lime' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
