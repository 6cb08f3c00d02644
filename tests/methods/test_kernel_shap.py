"""KernelSHAP against Shapley values summed over all coalitions, and against its peers."""

from itertools import product
from math import factorial

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, KernelShap, LimeSuperpixels, Target
from explainers.classifiers.scaling import UNIT
from explainers.images.regions import fill_picture
from explainers.images.superpixels import Slic
from explainers.observing.hidden_superpixels import Coalitions, CoinTosses, Neighbourhood
from tests.conftest import SIZE, Hold
from tests.methods.peers import hiding

PIECES = Slic(n_segments=8, compactness=100.0)


def shapley(answers: dict[tuple[int, ...], float], pieces: int) -> np.ndarray:
    """Of each piece what it adds, over all orders in which the pieces can appear."""
    values = np.zeros(pieces)
    for shown, answer in answers.items():
        k = sum(shown)
        share = factorial(k) * factorial(pieces - k - 1) / factorial(pieces) if k < pieces else 0
        for piece in np.flatnonzero(np.array(shown) == 0):
            with_it = (*shown[:piece], 1, *shown[piece + 1 :])
            values[piece] += share * (answers[with_it] - answer)
    return values


def seen(rows: np.ndarray, answers: np.ndarray) -> Neighbourhood:
    """As if a network of two classes had said the second with these probabilities."""
    return Neighbourhood(
        classifier="told", classes=(1,), done=len(rows), total=len(rows),
        segments=np.arange(rows.shape[1], dtype=np.int32)[None], rows=rows,
        probabilities=np.stack([1 - answers, answers], axis=1),
    )  # fmt: skip


def coefficients(explainer: KernelShap, observation: Neighbourhood, target: int = 1) -> np.ndarray:
    surrogate = explainer.interpret(observation, Target(target)).surrogate
    assert surrogate is not None
    return surrogate.coefficients


@pytest.fixture(scope="module")
def bent(pixels: np.ndarray) -> Classifier:
    """A network in which the pieces do not simply add up."""
    keras.utils.set_random_seed(7)
    strong = keras.initializers.RandomNormal(stddev=0.5)
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(5, activation="tanh", kernel_initializer=strong),
            layers.Dense(3, activation="softmax", kernel_initializer=strong),
        ]
    )
    return Classifier(model, name="bent", scaling=UNIT)


@pytest.fixture(scope="module")
def everything(bent: Classifier, pixels: np.ndarray) -> Neighbourhood:
    """What the network says to every coalition, each as often as the next."""
    segments = PIECES.segments(pixels)
    pieces = int(segments.max()) + 1
    assert 5 <= pieces <= 8
    rows = np.tile(list(product((1, 0), repeat=pieces)), (2, 1))
    fill = fill_picture(pixels, "grey")
    return Neighbourhood(
        classifier=bent.name, classes=(0,), done=len(rows), total=len(rows), segments=segments,
        rows=rows, probabilities=bent.masked_probabilities(pixels, fill, segments, rows),
    )  # fmt: skip


@pytest.fixture(scope="module", params=[Target(0), Target(1, rather_than=2)], ids=str)
def truth(request: pytest.FixtureRequest, everything: Neighbourhood) -> tuple[Target, np.ndarray]:
    """A target, and the Shapley values of the network for it."""
    answers = everything.answers(request.param).astype(float)
    known = dict(zip(map(tuple, everything.rows.tolist()), answers, strict=True))
    values = shapley(known, everything.rows.shape[1])
    assert np.ptp(values) > 0.01
    return request.param, values


def test_all_coalitions_give_the_shapley_values(
    everything: Neighbourhood, truth: tuple[Target, np.ndarray], held: Hold
) -> None:
    target, values = truth
    surrogate = KernelShap(sampling="coin tosses").interpret(everything, target).surrogate
    assert surrogate is not None
    difference = np.abs(surrogate.coefficients - values).max()
    held("KernelSHAP of all coalitions", "Shapley values, summed by hand", difference, 1e-9)
    assert surrogate.predicted == pytest.approx(surrogate.observed, abs=1e-9)


def test_without_the_empty_picture_all_values_move_alike(
    everything: Neighbourhood, truth: tuple[Target, np.ndarray]
) -> None:
    target, values = truth
    some = everything.rows.any(axis=1)
    answers = everything.answers(target)
    kept = Neighbourhood(
        classifier="bent", classes=(0,), done=int(some.sum()), total=int(some.sum()),
        segments=everything.segments, rows=everything.rows[some],
        probabilities=everything.probabilities[some],
    )  # fmt: skip
    surrogate = KernelShap(sampling="coin tosses").interpret(kept, target).surrogate
    assert surrogate is not None
    wrong = surrogate.intercept - answers[~some][0]
    assert abs(wrong) > 1e-3
    np.testing.assert_allclose(surrogate.coefficients - values, -wrong / len(values), atol=1e-7)


def test_its_own_samples_come_near_the_truth_and_always_add_up(
    bent: Classifier, pixels: np.ndarray, truth: tuple[Target, np.ndarray]
) -> None:
    """The error of a mean of random draws falls as the root of their number."""
    target, values = truth
    errors = []
    for samples in (40, 640):
        several = []
        for seed in range(3):
            explainer = KernelShap(PIECES, samples, "grey", seed)
            explanation = explainer.explain(bent, pixels, target)
            surrogate = explanation.surrogate
            assert surrogate is not None
            whole, empty = (
                bent.probabilities(picture[None])[0] @ target.weights(3)
                for picture in (pixels, fill_picture(pixels, "grey"))
            )
            assert surrogate.coefficients.sum() == pytest.approx(whole - empty, abs=1e-6)
            (note,) = explanation.notes
            assert f"sum to {whole - empty:+.3f}: {whole:.3f} with" in note
            assert f"less {empty:.3f} with none" in note
            several.append(np.square(surrogate.coefficients - values).mean())
        errors.append(np.sqrt(np.mean(several)))
    assert errors[1] < errors[0] / 2
    assert errors[1] < np.ptp(values) / 20


def test_what_pairs_of_pieces_do_is_halved_between_them() -> None:
    """Of pieces and pairs alone, pictures with their complements leave nothing to chance."""
    random = np.random.default_rng(2)
    pairs = np.triu(random.normal(0, 0.01, (7, 7)))
    rows = Coalitions(samples=80, seed=3).rows(7)
    told = 0.3 + np.einsum("ni,ij,nj->n", rows.astype(float), pairs, rows.astype(float))
    alone = pairs.diagonal()
    expected = alone + (pairs.sum(axis=0) + pairs.sum(axis=1) - 2 * alone) / 2
    np.testing.assert_allclose(coefficients(KernelShap(), seen(rows, told)), expected, atol=1e-9)


def test_coalitions_are_drawn_by_the_shapley_kernel() -> None:
    pieces, count = 6, 10_000
    rows = Coalitions(samples=count, seed=0).rows(pieces)
    np.testing.assert_array_equal(rows[::2], ~rows[1::2])
    assert rows[0].all()
    sizes = np.bincount(rows[2:].sum(axis=1), minlength=pieces + 1)[1:pieces] / (count - 2)
    kernel = 1 / (np.arange(1, pieces) * np.arange(pieces - 1, 0, -1))
    np.testing.assert_allclose(sizes, kernel / kernel.sum(), atol=0.02)
    np.testing.assert_allclose(rows.mean(axis=0), 0.5, atol=1e-9)
    alone = rows[rows.sum(axis=1) == 1].sum(axis=0)
    np.testing.assert_allclose(alone / alone.sum(), 1 / pieces, atol=0.03)


def test_lime_and_kernel_shap_read_one_observation(smooth: Classifier, pixels: np.ndarray) -> None:
    lime = LimeSuperpixels(segmentation=PIECES, samples=400, seed=3)
    reading = KernelShap(segmentation=PIECES, samples=400, seed=3, sampling="coin tosses")
    assert reading.observer == lime.observer == CoinTosses(PIECES, 400, seed=3)
    assert KernelShap(PIECES, 400, seed=3).observer == Coalitions(PIECES, 400, seed=3)
    *_, asked = lime.observations(smooth, pixels, 0)
    np.testing.assert_array_equal(
        reading.interpret(asked, Target(0)).heatmap, reading.explain(smooth, pixels, 0).heatmap
    )


def test_answers_of_lime_that_are_worth_too_little_are_refused() -> None:
    """The fewer pieces, the more often LIME shows almost nothing or almost all of them."""
    reading = KernelShap(sampling="coin tosses")
    for pieces, samples, enough in ((6, 400, True), (30, 1000, False)):
        rows = CoinTosses(samples=samples).rows(pieces)
        told = 0.1 + rows @ np.linspace(0, 0.8 / pieces, pieces)
        explanation = reading.interpret(seen(rows, told), Target(1))
        assert (explanation.surrogate is not None) == enough
        shown = rows.sum(axis=1)
        between = shown[(shown > 0) & (shown < pieces)]
        weights = np.array(
            [factorial(k - 1) * factorial(pieces - k - 1) / factorial(pieces) for k in between]
        )
        worth = weights.sum() ** 2 / (weights**2).sum()
        assert (worth >= 10 * pieces) == enough
        said = " ".join(explanation.notes) if enough else explanation.blank_reason
        assert said is not None
        assert f"worth {worth:,.0f} of its own" in said
        if not enough:
            assert "300 are needed, 10 for each superpixel" in said


def test_no_answer_moves_no_piece() -> None:
    rows = Coalitions(samples=50).rows(5)
    explanation = KernelShap().interpret(seen(rows, np.full(50, np.float32(0.77123))), Target(1))
    assert explanation.blank_reason == (
        "The probability stayed exactly the same, whatever was hidden."
    )


def test_one_piece_is_all_there_is() -> None:
    rows = Coalitions(samples=10).rows(1)
    told = np.where(rows[:, 0], 0.9, 0.2)
    np.testing.assert_allclose(coefficients(KernelShap(), seen(rows, told)), [0.7])


@pytest.fixture(scope="module")
def peers() -> dict[str, np.ndarray]:
    return dict(np.load(hiding.FIGURES))


def test_its_values_are_those_of_its_peers(
    peers: dict[str, np.ndarray], lite0: Classifier, cat: np.ndarray, held: Hold
) -> None:
    tiny, picture = hiding.classifier(peers), hiding.picture()
    for name, network, pixels, explainer, index in (
        ("kernel_shap", tiny, picture, hiding.SHAP, hiding.FIRST),
        ("lite0_kernel_shap", lite0, cat, hiding.SHAP_LITE0, hiding.CAT),
    ):
        *_, asked = explainer.observations(network, pixels, index)
        difference = np.abs(coefficients(explainer, asked, index) - peers[name]).max()
        held("KernelSHAP", "xplique 2.0.2 given our coalitions", difference, 1e-5)


def test_it_comes_nearer_to_the_truth_than_a_regression_that_need_not_add_up(
    peers: dict[str, np.ndarray], held: Hold
) -> None:
    tiny, picture = hiding.classifier(peers), hiding.picture()
    *_, asked = hiding.SHAP.observations(tiny, picture, hiding.FIRST)
    ours = np.abs(coefficients(hiding.SHAP, asked, hiding.FIRST) - peers["shap"]).max()
    assert ours < np.abs(peers["kernel_shap_alone"] - peers["shap"]).max()
    segments = asked.segments
    rows = np.tile(list(product((1, 0), repeat=int(segments.max()) + 1)), (4, 1))
    all_of_them = Neighbourhood(
        classifier=tiny.name, classes=(0,), done=len(rows), total=len(rows), segments=segments,
        rows=rows, probabilities=tiny.masked_probabilities(
            picture, fill_picture(picture, "grey"), segments, rows
        ),
    )  # fmt: skip
    exact = coefficients(KernelShap(sampling="coin tosses"), all_of_them, hiding.FIRST)
    held("KernelSHAP of all coalitions", "shap 0.51", np.abs(exact - peers["shap"]).max(), 1e-5)
