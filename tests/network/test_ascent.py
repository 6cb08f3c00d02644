"""Gradient ascent: it climbs, it is seeded, and on a linear filter it goes where it should."""

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier
from explainers.network.ascent import Ascent, Climb

PLAIN = Ascent(steps=12, fourier=False, jitter=0, size=32)


def _last(ascent: Ascent, classifier: Classifier, units, layer: str | None = None) -> Climb:
    *_, climb = ascent.climb(classifier, units, layer)
    return climb


@pytest.mark.parametrize("fourier", [False, True])
@pytest.mark.parametrize("layer", ["early", "late"])
def test_every_filter_responds_more_than_to_the_noise(
    smooth: Classifier, layer: str, fourier: bool
) -> None:
    ascent = Ascent(steps=12, fourier=fourier, jitter=0, size=32)
    climb = _last(ascent, smooth, range(4), layer)
    assert climb.pictures.shape == (4, 32, 32, 3)
    assert climb.values.shape == (13, 4)
    assert (climb.values[-1] > climb.values[0]).all()
    assert not climb.silent.any()
    response, _ = smooth.responses(climb.pictures, range(4), layer)
    np.testing.assert_allclose(response, climb.values[-1], rtol=1e-6)


def test_a_class_climbs_at_the_size_of_the_network(smooth: Classifier) -> None:
    climb = _last(PLAIN, smooth, [2])
    assert climb.pictures.shape == (1, *smooth.size, 3)
    assert climb.values[-1, 0] > climb.values[0, 0]
    np.testing.assert_allclose(smooth.logits(climb.pictures)[:, 2], climb.values[-1], rtol=1e-5)


def test_the_bundled_network_climbs_with_all_that_is_on_by_default(lite0: Classifier) -> None:
    layer = "block4_project_convolution"
    climb = _last(Ascent(steps=10, size=64), lite0, range(4), layer)
    assert (climb.values[-1] > climb.values[0]).all()


def test_a_step_goes_along_the_gradient_and_is_as_long_as_it_says() -> None:
    """A linear filter: its gradient is its kernel, wherever one stands."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Dense(2)(
        layers.GlobalAveragePooling2D()(layers.Conv2D(2, 8, name="f")(inputs))
    )
    classifier = Classifier(keras.Model(inputs, outputs), name="linear")
    ascent = Ascent(steps=1, step=2.5, fourier=False, jitter=0, size=16)
    pictures = np.random.default_rng(0).uniform(117.5, 137.5, (1, 8, 8, 3)).astype(np.float32)
    values, gradients = classifier.responses(pictures, [1], "f")
    kernel = np.asarray(classifier._acting["f"].kernel)[..., 1]
    np.testing.assert_allclose(gradients[0], kernel, rtol=1e-5)
    assert values[0] == pytest.approx(float((kernel * pictures[0]).sum()), rel=1e-4)
    climb = _last(ascent, classifier, [1], "f")
    start = np.random.default_rng(0).uniform(-10, 10, (1, 16, 16, 3)).astype(np.float32) + 127.5
    step = climb.pictures - start
    assert np.sqrt((step**2).mean()) == pytest.approx(2.5, rel=1e-3)
    _, direction = classifier.responses(start, [1], "f")
    cosine = (step * direction).sum() / np.sqrt((step**2).sum() * (direction**2).sum())
    assert cosine == pytest.approx(1.0, abs=1e-4)


def test_the_same_seed_climbs_the_same_way(smooth: Classifier) -> None:
    ascent = Ascent(steps=3, size=32, blur=0.5)
    one, same = (_last(ascent, smooth, [0, 1], "late") for _ in range(2))
    other = _last(Ascent(steps=3, size=32, blur=0.5, seed=1), smooth, [0, 1], "late")
    np.testing.assert_array_equal(one.pictures, same.pictures)
    assert (one.pictures != other.pictures).any()
    alone = _last(ascent, smooth, [0], "late")
    assert alone.pictures.shape[0] == 1


def test_what_there_is_can_be_kept_at_any_step(smooth: Classifier) -> None:
    climbs = [climb for climb, _ in zip(PLAIN.climb(smooth, [0], "late"), range(4), strict=False)]
    assert [climb.done for climb in climbs] == [1, 2, 3, 4]
    assert [len(climb.values) for climb in climbs] == [2, 3, 4, 5]
    assert (climbs[0].pictures != climbs[3].pictures).any()


def test_a_filter_that_never_responds_is_told() -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Conv2D(3, 3, activation="relu", name="f")
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(hidden(inputs)))
    hidden.bias.assign([0.0, -1e6, 1e6])
    classifier = Classifier(keras.Model(inputs, outputs), name="mute")
    climb = _last(Ascent(steps=3, size=16, fourier=True), classifier, [0, 1, 2], "f")
    assert climb.silent.tolist()[1:] == [True, False]
    np.testing.assert_array_equal(climb.values[:, 1], 0)
    assert np.isfinite(climb.pictures).all()
    assert climb.stretched().dtype == np.uint8


def test_what_is_not_there_is_refused_in_a_sentence(smooth: Classifier) -> None:
    with pytest.raises(LookupError, match="no channel of late 6: they are numbered 0 to 5"):
        next(PLAIN.climb(smooth, [6], "late"))
    with pytest.raises(LookupError, match="no class 3: they are numbered 0 to 2"):
        next(PLAIN.climb(smooth, [3]))
    with pytest.raises(LookupError, match="no layer 'nowhere'"):
        next(PLAIN.climb(smooth, [0], "nowhere"))
    with pytest.raises(ValueError, match="steps must lie in 1 to 512"):
        Ascent(steps=0)


def test_a_layer_behind_a_fixed_size_says_so() -> None:
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Reshape((4, 4, 4))(layers.Dense(64)(layers.Flatten()(inputs)))
    hidden = layers.Conv2D(2, 3, name="behind")(hidden)
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(hidden))
    classifier = Classifier(keras.Model(inputs, outputs), name="fixed")
    with pytest.raises(LookupError, match=r"behind can only be reached .* own size, 8 x 8"):
        next(PLAIN.climb(classifier, [0], "behind"))
