"""Feature maps against Keras's own intermediate outputs, and their orders by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, Target
from explainers.models.efficientnet_lite import VARIANTS, build
from explainers.network.feature_maps import FeatureMaps, feature_maps, strongest_maps
from tests.conftest import SIZE, Hold


def test_maps_are_kerass_own_intermediate_outputs(
    smooth: Classifier, smooth_model: keras.Model, pixels: np.ndarray
) -> None:
    for name in ("early", "late"):
        inner = keras.Model(smooth_model.inputs, smooth_model.get_layer(name).output)
        expected = inner.predict(pixels[None] / 255, verbose=0)[0]
        found = feature_maps(smooth, pixels, name, 1)
        np.testing.assert_allclose(found.maps, expected, atol=1e-6)
        assert found.layer == name


def test_importance_is_what_a_small_change_of_a_channel_does(
    smooth: Classifier, smooth_model: keras.Model, pixels: np.ndarray
) -> None:
    """Grow one channel by a little: the logit of the class follows."""
    found = feature_maps(smooth, pixels, "late", Target(2, rather_than=0))
    dense = smooth_model.get_layer("answer")
    kernel, bias = (np.asarray(each, np.float64) for each in (dense.kernel, dense.bias))
    little = 1e-4

    def lead(grown: int | None) -> float:
        means = found.maps.astype(np.float64).mean(axis=(0, 1))
        if grown is not None:
            means[grown] *= 1 + little
        logits = means @ kernel + bias
        return logits[2] - logits[0]

    expected = [(lead(channel) - lead(None)) / little for channel in range(6)]
    np.testing.assert_allclose(found.importance, expected, rtol=1e-3, atol=1e-5)


def test_after_the_activation_is_kerass_own_output_there(pixels: np.ndarray, held: Hold) -> None:
    """A block of the field, nested: the normalisation and the activation lie outside."""
    keras.utils.set_random_seed(4)
    inner = keras.Sequential(
        [keras.Input((*SIZE, 3)), layers.Conv2D(5, 3, strides=2, name="conv")], name="inner"
    )
    inputs = keras.Input((*SIZE, 3))
    seen = layers.ReLU(name="act")(layers.BatchNormalization(name="norm")(inner(inputs)))
    logits = layers.Dense(3)(layers.GlobalAveragePooling2D()(seen))
    model = keras.Model(inputs, logits)
    random = np.random.default_rng(4)
    norm = model.get_layer("norm")
    norm.set_weights([random.uniform(0.5, 2, each.shape) for each in norm.get_weights()])
    classifier = Classifier(model, name="nested", labels="abc")
    after = classifier.activated("inner/conv")
    assert after is not None
    found = feature_maps(classifier, pixels, after.path, 1)
    expected = keras.Model(inputs, seen).predict(pixels[None], verbose=0)[0]
    off = np.abs(found.maps - expected).max() / np.abs(expected).max()
    held("Feature maps after the activation", "Keras's own output there", off, 1e-6)
    assert found.maps.min() == 0
    assert not np.allclose(found.maps, feature_maps(classifier, pixels, "inner/conv", 1).maps)
    kernel = np.asarray(model.layers[-1].kernel)[:, 1]
    by_hand = expected.mean(axis=(0, 1)) * kernel
    np.testing.assert_allclose(found.importance, by_hand, rtol=1e-4)


def test_so_it_is_inside_the_bundled_network(
    lite0: Classifier, cat: np.ndarray, held: Hold
) -> None:
    model = build(VARIANTS["efficientnet-lite0"])
    paths = [layer.path for layer in lite0.convolutions]
    shown = [after.path for path in paths if (after := lite0.activated(path))][::8]
    outputs = [model.get_layer(path).output for path in shown]
    expected = keras.Model(model.inputs, outputs).predict((cat[None] - 127) / 128, verbose=0)
    found = strongest_maps(lite0, cat, shown, count=10_000)
    off = [
        np.abs(found[path][1] - maps[0][..., found[path][0]]).max() / np.abs(maps).max()
        for path, maps in zip(shown, expected, strict=True)
    ]
    assert len(off) >= 4
    held("Feature maps after the activation", "the unmodified EfficientNet-Lite0", max(off), 1e-5)


MAPS = np.zeros((2, 3, 4), np.float32)
MAPS[..., 0] = [[1, 1, 1], [1, 1, 1]]
MAPS[1, 2, 1] = -5
MAPS[..., 3] = [[2, 0, 2], [0, 2, 0]]
SEEN = FeatureMaps("x", MAPS, np.array([0.5, -1.0, 0.0, 2.0], np.float32))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("number", [0, 1, 2, 3]),
        ("strongest", [1, 3, 0, 2]),
        ("most varied", [1, 3, 0, 2]),
        ("most important", [3, 0, 2, 1]),
    ],
)
def test_channels_are_ranked(order: str, expected: list[int]) -> None:
    assert SEEN.ranked(order).tolist() == expected


def test_dead_channels_and_the_strongest_cell() -> None:
    assert SEEN.dead.tolist() == [False, False, True, False]
    assert SEEN.strongest_cell(1) == (1, 2)


def test_the_strongest_of_many_layers_come_in_one_pass(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    found = strongest_maps(smooth, pixels, ["early", "late"], count=3)
    assert list(found) == ["early", "late"]
    for layer, (numbers, maps) in found.items():
        seen = feature_maps(smooth, pixels, layer, 0)
        assert numbers.tolist() == seen.ranked("strongest")[:3].tolist()
        np.testing.assert_allclose(maps, seen.maps[..., numbers], atol=1e-6)


def test_a_layer_without_a_grid_is_refused(smooth: Classifier, pixels: np.ndarray) -> None:
    with pytest.raises(LookupError, match="no layer 'answer' whose output keeps a grid"):
        feature_maps(smooth, pixels, "answer", 0)
