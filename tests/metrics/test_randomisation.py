"""Breaking the network: copies that forget, and how far the maps stay what they were."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers
from scipy import stats

from explainers import Classifier, Explanation, GradCam, LimeSuperpixels, Saliency, Target
from explainers.classifiers.randomised import RandomisedClassifier, Way
from explainers.images.superpixels import Slic
from explainers.metrics.randomisation import Randomisation, Spread, Stage, cost, randomisation
from tests.conftest import Hold

SIZE = (14, 14)
PLAIN = Saliency(samples=1, sigma=0.0, reduction="red")
WAYS: tuple[Way, ...] = ("untrained", "shuffled", "normal")


@pytest.fixture
def linear() -> Classifier:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Flatten(), layers.Dense(2, name="answer")]
    )
    return Classifier(model, name="linear")


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (5, *SIZE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def normalised() -> Classifier:
    """Three convolutions, each normalised, with statistics that no picture here has."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((16, 16, 3))])
    for number in range(3):
        model.add(layers.Conv2D(6, 3, name=f"conv{number}", use_bias=False))
        model.add(layers.BatchNormalization(name=f"norm{number}"))
        model.add(layers.ReLU(name=f"relu{number}"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(4, activation="softmax", name="answer"))
    random = np.random.default_rng(0)
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(random.uniform(0.2, 2.0, weight.shape))
    return Classifier(model, name="normalised")


def many(shape: tuple[int, int], count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (count, *shape, 3)).astype(np.float32)


@pytest.mark.parametrize("way", WAYS)
def test_the_maps_of_a_linear_model_are_the_weights_of_its_copies(
    linear: Classifier, pictures: np.ndarray, way: Way, held: Hold
) -> None:
    picture, *others = pictures
    first = PLAIN.explain(linear, picture, 1)
    *_, found = randomisation([first], linear, picture, others, way=way, copies=3, seed=5)
    (stage,) = found.stages
    assert stage.forgotten == 1
    copy = RandomisedClassifier(linear, pictures)
    original = np.asarray(linear._acting["answer"].kernel)[:, 1].reshape(*SIZE, 3)[..., 0]
    for number, seed in enumerate(np.random.SeedSequence(5).generate_state(3)):
        copy.randomise(1, int(seed), way)
        weights = np.asarray(copy._acting["answer"].kernel)[:, 1].reshape(*SIZE, 3)[..., 0]
        heatmap = stage.explanations[PLAIN.title][number].heatmap
        np.testing.assert_allclose(heatmap, np.abs(weights), rtol=1e-6)
        expected = stats.spearmanr(np.abs(weights).ravel(), np.abs(original).ravel()).statistic
        held(
            "Similarity of a broken copy's map",
            "SciPy's spearmanr of a linear model's weights",
            abs(found.remaining(PLAIN.title)[number] - expected),
            1e-12,
        )
        assert stage.probabilities[number] == pytest.approx(copy.predict(picture)[1].probability)
    assert (np.abs(found.remaining(PLAIN.title)) < 0.3).all()
    as_it_is = np.asarray(linear._acting["answer"].kernel).reshape(*SIZE, 3, 2)[..., 0, :]
    by_class = stats.spearmanr(np.abs(as_it_is).reshape(-1, 2)).statistic
    answers = [1.0 if linear.predict(other).ranking[0] == 1 else by_class for other in others]
    np.testing.assert_allclose(found.baseline(PLAIN.title), answers, atol=1e-12)
    assert found.stayed(PLAIN.title) == 0


@dataclass(frozen=True)
class Edges(Saliency):
    """A map that shows the picture and calls it an explanation."""

    title = "Edges"

    def refine(self, classifier, pixels, target):
        heatmap = np.abs(np.gradient(pixels.mean(-1))[0]).astype(np.float32)
        yield Explanation(self, classifier.name, Target.of(target), heatmap)


@pytest.mark.parametrize("way", WAYS)
def test_a_map_that_ignores_the_network_stays_in_every_copy(
    linear: Classifier, pictures: np.ndarray, way: Way
) -> None:
    picture, *others = pictures
    (first,) = Edges().refine(linear, picture, 0)
    *_, found = randomisation([first], linear, picture, others, way=way)
    np.testing.assert_allclose(found.remaining("Edges"), 1)
    assert found.stayed("Edges") == found.copies == 5
    assert found.baseline("Edges").max() < 0.5


def by_hand(original: np.ndarray, copies: list[np.ndarray], others: list[np.ndarray]):
    """A finding made of maps that are given."""
    as_map = lambda values: Explanation(  # noqa: E731
        PLAIN, "hand", Target(0), np.asarray(values, np.float32), signed=True
    )
    stage = Stage(1.0, "first", (0.5,) * len(copies), {PLAIN.title: tuple(map(as_map, copies))})
    return Randomisation(
        {PLAIN.title: as_map(original)},
        {PLAIN.title: tuple(map(as_map, others))},
        (stage,),
        len(copies),
        1,
        1,
    )


def test_the_verdict_counts_against_the_median_of_other_pictures_and_minds_the_sign() -> None:
    ramp = np.arange(196.0).reshape(SIZE)
    random = np.random.default_rng(0)
    noisy = [ramp + random.normal(0, deviation, SIZE) for deviation in (30, 60, 120)]
    unlike = random.normal(size=SIZE)
    found = by_hand(ramp, [-ramp, ramp, noisy[0], noisy[2], unlike], noisy)
    others = found.baseline(PLAIN.title)
    assert others[0] > others[1] > others[2] > 0
    remaining = found.remaining(PLAIN.title)
    assert remaining[0] == pytest.approx(-1)
    assert found.stayed(PLAIN.title) == 2
    (as_typical,) = by_hand(ramp, [noisy[1]], noisy).remaining(PLAIN.title)
    assert as_typical == others[1]
    assert by_hand(ramp, [noisy[1]], noisy).stayed(PLAIN.title) == 1


def test_nothing_left_is_never_similar() -> None:
    ramp = np.arange(196.0).reshape(SIZE)
    blank, flat = np.zeros(SIZE), np.full(SIZE, 3.0)
    found = by_hand(ramp, [blank, flat, ramp], [-ramp])
    np.testing.assert_array_equal(np.isnan(found.remaining(PLAIN.title)), [True, True, False])
    assert found.stayed(PLAIN.title) == 1
    assert Spread.of(found.remaining(PLAIN.title)) == Spread(1.0, 1.0, 1.0, 1)
    assert by_hand(ramp, [ramp], [blank]).stayed(PLAIN.title) is None
    assert Spread.of(np.array([np.nan])) is None


def test_half_of_the_copies_count_where_only_what_all_maps_share_is_left() -> None:
    random = np.random.default_rng(0)
    blob = np.exp(-((np.arange(14) - 6.5) ** 2) / 20)
    shared = np.outer(blob, blob)
    counted = [
        by_hand(*maps[:1], list(maps[1:6]), list(maps[6:])).stayed(PLAIN.title)
        for maps in (shared + random.normal(0, 0.3, (10, *SIZE)) for _ in range(200))
    ]
    assert np.mean(counted) / 5 == pytest.approx(0.5, abs=0.05)


def test_the_shared_network_is_never_touched_and_the_cheapest_verdict_comes_first(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    before = smooth.logits(pixels[None])
    methods = [LimeSuperpixels(segmentation=Slic(n_segments=12), samples=200), GradCam()]
    maps = [method.explain(smooth, pixels, 2) for method in methods]
    others = list(many(smooth.size, 2))
    steps = list(randomisation(maps, smooth, pixels, others, stages=3, copies=2))
    found = steps[-1]
    np.testing.assert_array_equal(smooth.logits(pixels[None]), before)
    assert [round(stage.forgotten, 2) for stage in found.stages] == [0.33, 0.67, 1.0]
    assert [stage.layer for stage in found.stages] == ["answer", "late", "early"]
    assert found.done == found.total == 2 * (2 + 3 * 2)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert any(each % 1 for each in done)
    fourth = next(step for step in steps if step.done == 4)
    assert len(fourth.remaining("Grad-CAM")) == 2
    assert fourth.stayed("Grad-CAM") is not None
    assert len(fourth.remaining("LIME superpixels")) == 0
    asked = {each.target for each in found.others["Grad-CAM"]}
    assert asked == {Target(int(smooth.predict(other).ranking[0])) for other in others}


def test_another_picture_is_asked_for_its_own_answer_rather_than_the_second(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    first = GradCam().explain(smooth, pixels, Target(0, rather_than=1))
    (other,) = many(smooth.size, 1)
    *_, found = randomisation([first], smooth, pixels, [other], stages=1, copies=1)
    ranking = smooth.predict(other).ranking
    (asked,) = found.others["Grad-CAM"]
    assert asked.target == Target(int(ranking[0]), rather_than=int(ranking[1]))


def test_a_seed_repeats_and_another_draws_other_copies(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    first = GradCam().explain(smooth, pixels, 0)
    others = list(many(smooth.size, 1))

    def remaining(seed: int) -> list[float]:
        *_, found = randomisation([first], smooth, pixels, others, stages=1, copies=3, seed=seed)
        return found.remaining("Grad-CAM").tolist()

    assert remaining(0) == remaining(0)
    assert not set(remaining(0)) & set(remaining(1))
    assert len(set(remaining(0))) == 3


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_remembers_until_it_forgets_from_the_top_down(
    smooth: Classifier, pixels: np.ndarray, way: Way
) -> None:
    copy = RandomisedClassifier(smooth, pixels[None])
    early, late = (smooth.activations(pixels[None], layer)[0] for layer in ("early", "late"))
    np.testing.assert_array_equal(copy.logits(pixels[None]), smooth.logits(pixels[None]))
    copy.randomise(1, way=way)
    np.testing.assert_array_equal(copy.activations(pixels[None], "late")[0], late)
    assert (copy.logits(pixels[None]) != smooth.logits(pixels[None])).all()
    copy.randomise(2, way=way)
    np.testing.assert_array_equal(copy.activations(pixels[None], "early")[0], early)
    assert (copy.activations(pixels[None], "late")[0] != late).any()
    masked = copy.masked_probabilities(
        pixels, pixels, np.zeros(smooth.size, np.int32), np.ones((1, 1), bool)
    )
    np.testing.assert_allclose(masked[0], copy.predict(pixels).probabilities, atol=1e-6)
    copy.randomise(0, way=way)
    np.testing.assert_array_equal(copy.logits(pixels[None]), smooth.logits(pixels[None]))


def test_a_layer_forgets_in_the_way_that_is_asked_for(held: Hold) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(64, 5, name="conv"), layers.Flatten(),
         layers.Dense(40, kernel_initializer="he_normal", name="dense")]
    )  # fmt: skip
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(3, 2, weight.shape))
    copy = RandomisedClassifier(Classifier(model, name="wide"), many((8, 8), 1))
    conv, dense = (copy._acting[name] for name in ("conv", "dense"))
    learnt = np.asarray(model.get_layer("conv").kernel)

    copy.randomise(2, way="shuffled")
    np.testing.assert_array_equal(np.sort(conv.kernel, axis=None), np.sort(learnt, axis=None))
    assert abs(stats.pearsonr(np.asarray(conv.kernel).ravel(), learnt.ravel()).statistic) < 0.1

    copy.randomise(2, way="normal")
    drawn = np.asarray(conv.kernel)
    assert (drawn.mean(), drawn.std()) == pytest.approx((learnt.mean(), learnt.std()), rel=0.05)

    copy.randomise(2, way="untrained")
    np.testing.assert_array_equal(conv.bias, 0)
    limit = np.sqrt(6 / (5 * 5 * 3 + 5 * 5 * 64))
    fair = stats.kstest(np.asarray(conv.kernel).ravel(), stats.uniform(-limit, 2 * limit).cdf)
    held("Untrained convolution", "Glorot's uniform distribution (SciPy's kstest)",
         fair.statistic, 0.03)  # fmt: skip
    he = keras.initializers.HeNormal(seed=1)((2 * 2 * 64 * 4, 40))
    assert np.asarray(dense.kernel).std() == pytest.approx(np.asarray(he).std(), rel=0.05)


def test_the_parts_of_a_layer_do_not_share_a_draw() -> None:
    inputs = keras.Input((4, 4, 3))
    rows = layers.Reshape((16, 3))(inputs)
    seen = layers.MultiHeadAttention(1, 3, name="attention")(rows, rows)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(seen)))
    copy = RandomisedClassifier(Classifier(model, name="attentive"), many((4, 4), 1))
    copy.randomise(2, way="untrained")
    kernels = [each for each in copy._acting["attention"].weights if each.name == "kernel"]
    assert len(kernels) == 4
    assert len({np.asarray(kernel).tobytes() for kernel in kernels}) == 4


@pytest.mark.parametrize("way", WAYS)
def test_forgotten_normalisations_count_anew_and_those_below_keep_what_they_counted(
    normalised: Classifier, way: Way, held: Hold
) -> None:
    pictures = many((16, 16), 3)
    copy = RandomisedClassifier(normalised, pictures)
    copy.randomise(3, seed=2, way=way)  # the answer, norm2 and conv2
    kept, counted = copy._acting["norm1"], copy._acting["norm2"]
    for mine, learnt in zip(kept.weights, normalised._acting["norm1"].weights, strict=True):
        np.testing.assert_array_equal(mine, learnt)
    (below,) = normalised.activations(pictures, "relu1")
    seen = np.asarray(keras.ops.conv(below, copy._acting["conv2"].kernel)).astype(np.float64)
    for what, own, by_hand in (
        ("mean", counted.moving_mean, seen.mean((0, 1, 2))),
        ("variance", counted.moving_variance, seen.var((0, 1, 2))),
    ):
        difference = np.abs(np.asarray(own) / by_hand - 1).max()
        held(f"Batch {what} counted anew", "NumPy on what Keras lets through", difference, 1e-4)


def test_signals_keep_their_strength(lite0: Classifier, cat: np.ndarray) -> None:
    pictures = np.stack([cat, cat[::-1]])
    copy = RandomisedClassifier(lite0, pictures)
    intact = lite0.logits(pictures).std()
    for way in WAYS:
        copy.randomise(len(copy.learnt), way=way)
        logits = copy.logits(pictures)
        assert 0.1 < logits.std() / intact < 2
        assert np.ptp(logits, axis=0).max() > 0.01


def test_a_nested_frozen_network_forgets_too() -> None:
    keras.utils.set_random_seed(3)
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Normalization(name="scaled"),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
        ],
        name="inner",
    )
    inner.trainable = False
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), inner, layers.GlobalMaxPooling2D(), layers.Dense(1, "sigmoid")]
    )
    pictures = many((8, 8), 2)
    inner.get_layer("scaled").adapt(pictures)
    original = Classifier(model, name="nested")
    copy = RandomisedClassifier(original, pictures)
    np.testing.assert_allclose(copy.logits(pictures), original.logits(pictures), rtol=1e-5)
    np.testing.assert_allclose(
        original.probabilities(pictures)[:, 1], model.predict(pictures, verbose=0)[:, 0], atol=1e-6
    )
    assert copy.learnt[:2] == ("inner/conv", "inner/norm")
    copy.randomise(3)
    (normal,) = copy.activations(pictures, "inner/norm")
    np.testing.assert_allclose(normal.mean((0, 1, 2)), 0, atol=1e-5)
    assert not inner.get_layer("conv").trainable
    kernel, drawn = (
        np.asarray(layer.kernel) for layer in (inner.get_layer("conv"), copy._acting["inner/conv"])
    )
    assert abs(stats.pearsonr(kernel.ravel(), drawn.ravel()).statistic) < 0.4


def test_the_price_is_what_is_asked(
    normalised: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, *others = many((16, 16), 3)
    method = Saliency(samples=4)
    first = method.explain(normalised, picture, 1)
    price = cost(method, normalised, 2, stages=1, copies=3)
    passes = {"forward": 0, "backward": 0}
    feed, gradients = Classifier._feed, Classifier.gradients

    def fed(self, pixels, *scaling):
        passes["forward"] += len(pixels)
        return feed(self, pixels, *scaling)

    def back(self, batch, *arguments, **settings):
        passes["backward"] += len(batch)
        return gradients(self, batch, *arguments, **settings)

    monkeypatch.setattr(Classifier, "_feed", fed)
    monkeypatch.setattr(Classifier, "gradients", back)
    *_, _ = randomisation([first], normalised, picture, others, stages=1, copies=3)
    assert passes == {"forward": price.forward, "backward": price.backward}


def test_what_cannot_be_compared_says_so(linear: Classifier, pictures: np.ndarray) -> None:
    picture, *others = pictures
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.GlobalAveragePooling2D()])
    classifier = Classifier(model, name="mean")
    first = PLAIN.explain(classifier, picture, 0)
    with pytest.raises(LookupError, match="mean has learnt nothing"):
        next(randomisation([first], classifier, picture, others))
    maps = [PLAIN.explain(linear, picture, target) for target in (0, 1)]
    with pytest.raises(ValueError, match="Without another picture"):
        next(randomisation(maps[:1], linear, picture, []))
    with pytest.raises(ValueError, match="several targets"):
        next(randomisation(maps, linear, picture, others))
