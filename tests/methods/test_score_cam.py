"""Score-CAM on networks whose channels and answers are known."""

import dataclasses
from collections import Counter

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, ScoreCam, Target
from explainers.images.regions import fill_picture
from tests.conftest import Hold
from tests.methods.test_contract import Spy

WEIGHTS = np.array([[2.0, -1.0], [0.5, 1.0], [-0.25, 0.0]])


@pytest.fixture(scope="module")
def colours() -> Classifier:
    """Three channels, the colours over 255; each logit is a weighted sum of their means."""
    model = keras.Sequential(
        [
            keras.Input((6, 8, 3)),
            layers.Conv2D(3, 1, use_bias=False, name="colours"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.layers[0].set_weights([np.eye(3)[None, None] / 255])
    model.layers[2].set_weights([WEIGHTS, np.zeros(2)])
    return Classifier(model, name="colours")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Green varies most between places, blue least."""
    random = np.random.default_rng(0)
    picture = 120 + random.uniform(-1, 1, (6, 8, 3)) * np.array([60, 110, 10])
    return picture.astype(np.float32)


def _masks(picture: np.ndarray) -> np.ndarray:
    low, high = picture.min(axis=(0, 1)), picture.max(axis=(0, 1))
    return (picture - low) / (high - low)


@pytest.mark.parametrize("fill", ["black", "grey", "blur"])
def test_weights_are_what_the_network_says_to_the_picture_through_each_channel(
    colours: Classifier, picture: np.ndarray, fill: str, held: Hold
) -> None:
    filled = fill_picture(picture, fill)
    masks = np.moveaxis(_masks(picture), -1, 0)
    means = [(filled + mask[..., None] * (picture - filled)).mean(axis=(0, 1)) for mask in masks]
    scores, unseen = np.array(means) / 255 @ WEIGHTS, filled.mean(axis=(0, 1)) / 255 @ WEIGHTS
    readings = {
        "increase": scores - unseen,
        "score": scores,
        "softmax": np.exp(scores) / np.exp(scores).sum(axis=0),
    }
    explainer = ScoreCam(of="logit", fill=fill)
    *_, seen = explainer.observations(colours, picture, 0)
    for reading, weights in readings.items():
        read = dataclasses.replace(explainer, weights=reading)
        assert read.observer == explainer
        for index in range(2):
            expected = np.maximum(picture / 255 @ weights[:, index], 0)
            found = read.interpret(seen, Target(index)).heatmap
            difference = np.abs(found - expected).max()
            held("Score-CAM", "weights and masks worked out by hand", difference, 1e-5)
        between = read.interpret(seen, Target(1, rather_than=0))
        expected = picture / 255 @ (weights[:, 1] - weights[:, 0])
        np.testing.assert_allclose(between.heatmap, expected, atol=1e-5)
        assert between.signed


def test_channels_that_differ_most_between_places_come_first(
    colours: Classifier, picture: np.ndarray
) -> None:
    two = ScoreCam(channels=2)
    *_, seen = two.observations(colours, picture, 0)
    np.testing.assert_allclose(seen.activations, picture[..., [1, 0]] / 255, rtol=1e-5)
    variances = picture.var(axis=(0, 1))
    share = f"{variances[:2].sum() / variances.sum():.0%}"
    (note,) = two.interpret(seen, Target(0)).notes
    assert note.startswith(f"It is made of 2 of the layer's 3 channels, which hold {share} of how")


def test_it_streams_asks_what_it_costs_and_serves_every_class(
    smooth: Classifier, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explainers.methods.score_cam.PIECE", 2)
    explainer = ScoreCam(channels=5)
    spy = Spy(smooth)
    steps = list(explainer.observations(spy, pixels, 0))  # type: ignore[arg-type]
    assert [(step.done, step.total) for step in steps] == [(2, 5), (4, 5), (5, 5)]
    assert spy.passes == Counter(forward=7) == Counter(forward=explainer.cost(smooth).forward)
    other = explainer.interpret(steps[-1], Target(2))
    np.testing.assert_array_equal(other.heatmap, explainer.explain(smooth, pixels, 2).heatmap)
    first = dataclasses.replace(explainer, channels=2).explain(smooth, pixels, 2)
    np.testing.assert_allclose(
        explainer.interpret(steps[0], Target(2)).heatmap, first.heatmap, atol=1e-6
    )
    assert ScoreCam(channels=4096).cost(smooth).forward == 2 + smooth.layer("late").channels


def test_where_there_is_no_layer_nothing_is_asked() -> None:
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)])
    flat = Classifier(model, name="flat")
    asked = Spy(flat)
    with pytest.raises(LookupError, match="has no convolution"):
        next(ScoreCam().observe(asked, np.zeros((4, 4, 3), np.float32), (0,)))  # type: ignore[arg-type]
    assert not asked.passes
    assert ScoreCam().cost(flat).passes == 0


def test_blank_maps_tell_what_was_seen(colours: Classifier, picture: np.ndarray) -> None:
    def reason(seen: np.ndarray, **settings: str) -> str:
        explainer = ScoreCam(of="logit", fill="black", **settings)
        return str(explainer.explain(colours, seen, 1).blank_reason)

    assert reason(np.zeros_like(picture)) == "This layer is silent: it answers zero everywhere."
    flat = np.broadcast_to(np.float32([200, 100, 50]), picture.shape).copy()
    assert "the score is as if nothing were" in reason(flat)
    alike = ScoreCam(weights="softmax").explain(colours, flat, Target(0, rather_than=1))
    assert alike.blank_reason == "No channel of this layer weighs anything."
    red = picture * np.float32([1, 0, 0])
    assert "outweigh" in reason(red)
