"""Integrated gradients: its peers, a linear model, and what they add up to."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, IntegratedGradients, Target
from explainers.classifiers.scaling import UNIT
from explainers.images.regions import fill_picture
from tests.conftest import Hold
from tests.methods.peers import gradients as peers

PLAIN = IntegratedGradients(sigma=0.0)


@pytest.fixture(scope="module")
def figures() -> Mapping[str, np.ndarray]:
    with np.load(peers.FIGURES) as file:
        return dict(file)


@pytest.fixture(scope="module")
def curved(figures: Mapping[str, np.ndarray]) -> Classifier:
    """The network that the peers explained."""
    model = peers.network()
    model.set_weights([figures[f"weight {number}"] for number in range(6)])
    return Classifier(model, name="curved", scaling=UNIT)


@pytest.fixture(scope="module")
def picture(figures: Mapping[str, np.ndarray]) -> np.ndarray:
    return figures["pixels"]


@pytest.fixture(scope="module")
def linear() -> tuple[Classifier, np.ndarray]:
    """A linear model, and its weights as pictures, one a class."""
    keras.utils.set_random_seed(2)
    shape = (*peers.SIZE, 3)
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(3)])
    weights = np.moveaxis(np.asarray(model.layers[1].kernel).reshape(*shape, 3), -1, 0)
    return Classifier(model, name="linear"), weights


def _held(held: Hold, peer: str, ours: np.ndarray, theirs: np.ndarray, at_most: float) -> None:
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= 0.9999
    difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
    held("Integrated gradients, relative", peer, difference, at_most)


XPLIQUE, SALIENCY = "xplique 2.0.2", "PAIR's saliency 0.2.1, its ends counted half"


@pytest.mark.parametrize(
    ("key", "peer"), [("xplique black", XPLIQUE), ("saliency black", SALIENCY),
                      ("saliency blur", SALIENCY)],
)  # fmt: skip
def test_maps_are_those_of_the_peers(
    curved: Classifier, picture: np.ndarray, figures: Mapping[str, np.ndarray], key: str, peer: str,
    held: Hold,
) -> None:  # fmt: skip
    explainer = dataclasses.replace(PLAIN, baseline=key.split()[1], steps=peers.STEPS)
    ours = explainer.explain(curved, picture, peers.CLASS).heatmap
    _held(held, peer, ours, figures[key], 1e-4)


@pytest.mark.parametrize(("key", "peer"), [("xplique black", XPLIQUE), ("saliency blur", SALIENCY)])
def test_of_the_bundled_network_they_are_as_well(
    lite0: Classifier, cat: np.ndarray, figures: Mapping[str, np.ndarray], key: str, peer: str,
    held: Hold,
) -> None:  # fmt: skip
    """But for units that stand at a kink of their ReLU6: rounding decides whether they pass on.

    A picture a ten-millionth brighter moves the gradient that Keras itself gives by up to 0.03 of
    its largest value; at points of the way where no unit stands so near, all agree to a millionth.
    """
    explainer = dataclasses.replace(PLAIN, baseline=key.split()[1], steps=peers.LITE0_STEPS)
    ours = explainer.explain(lite0, cat, peers.CAT).heatmap[:: peers.EVERY, :: peers.EVERY]
    _held(held, f"{peer}, on EfficientNet-Lite0", ours, figures[f"lite0 {key}"], 0.02)


@pytest.mark.parametrize("baseline", ["black", "grey", "white", "blur"])
@pytest.mark.parametrize("steps", [2, 9])
def test_of_a_linear_model_it_is_the_weights_times_the_way(
    linear: tuple[Classifier, np.ndarray], picture: np.ndarray, baseline: str, steps: int,
    held: Hold,
) -> None:  # fmt: skip
    classifier, weights = linear
    way = picture - fill_picture(picture, baseline)
    explainer = dataclasses.replace(PLAIN, baseline=baseline, steps=steps)
    for target, kernel in ((Target(1), weights[1]), (Target(0, 2), weights[0] - weights[2])):
        expected = (way * kernel).sum(axis=-1)
        explanation = explainer.explain(classifier, picture, target)
        difference = np.abs(explanation.heatmap - expected).max() / np.abs(expected).max()
        held("Integrated gradients, relative", "a linear model, by hand", difference, 1e-4)
        assert explanation.signed
        absolute = dataclasses.replace(explainer, reduction="sum of absolute values")
        found = absolute.explain(classifier, picture, target)
        np.testing.assert_allclose(found.heatmap, np.abs(way * kernel).sum(-1), rtol=1e-3)
        assert not found.signed


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize("baseline", ["grey", "random"])
def test_it_adds_up_to_the_change_of_the_score_and_says_so(
    curved: Classifier, picture: np.ndarray, of: str, baseline: str, held: Hold
) -> None:
    explainer = IntegratedGradients(baseline=baseline, baselines=3, steps=60, of=of, seed=4)
    ask = curved.logits if of == "logit" else curved.probabilities
    starts = fill_picture(picture, "grey")[None]
    if baseline == "random":
        starts = np.random.default_rng(4).uniform(0, 255, (3, *picture.shape)).astype(np.float32)
    changes = ask(picture[None])[0] - ask(starts).mean(axis=0)
    for target in (Target(2), Target(0, rather_than=2)):
        explanation = explainer.explain(curved, picture, target)
        change = float(changes @ target.weights(3))
        found = float(explanation.heatmap.sum(dtype=np.float64))
        held("Sum of integrated gradients", "the change of the score", abs(found - change), 1e-3)
        (note,) = explanation.notes
        assert f"add up to {found:+.3f}. From " in note
        assert f" changes by {change:+.3f}. " in note
        assert ("pictures of noise" in note) == (baseline == "random")
        assert ("the difference of the" in note) == target.signed


def test_more_steps_come_nearer_to_completeness(curved: Classifier, picture: np.ndarray) -> None:
    def missing(steps: int) -> float:
        (note,) = IntegratedGradients(steps=steps).explain(curved, picture, 1).notes
        return float(note.rstrip(".").split("differ by ")[1])

    assert missing(2) > missing(5) > missing(40)


def test_what_is_drawn_before_the_last_is_an_estimate_of_the_whole(
    curved: Classifier, picture: np.ndarray
) -> None:
    steps = list(dataclasses.replace(PLAIN, steps=100).refine(curved, picture, 1))
    assert [step.done for step in steps] == [16, 32, 48, 64, 80, 96, 100]
    last = steps[-1].heatmap
    first = np.abs(steps[0].heatmap - last).max() / np.abs(last).max()
    assert 0 < first < 0.05
    in_order = dataclasses.replace(PLAIN, steps=2).explain(curved, picture, 1).heatmap
    assert np.abs(in_order - last).max() / np.abs(last).max() > first


def test_smoothing_keeps_the_sum(curved: Classifier, picture: np.ndarray) -> None:
    smoothed = IntegratedGradients(sigma=4.0, steps=5)
    *_, seen = smoothed.observations(curved, picture, 0)
    rough = dataclasses.replace(smoothed, sigma=0.0)
    assert rough.observer == smoothed.observer
    sums = [each.interpret(seen, Target(0)).heatmap.sum() for each in (rough, smoothed)]
    assert sums[1] == pytest.approx(sums[0], rel=1e-4)


def test_what_no_random_baseline_needs_does_not_ask_anew() -> None:
    assert IntegratedGradients(seed=3, baselines=9).observer == IntegratedGradients().observer
    one, other = (IntegratedGradients(baseline="random", seed=seed) for seed in (0, 1))
    assert one.observer != other.observer
    assert one.random
    assert not IntegratedGradients().random


def test_the_seed_of_random_baselines_decides(curved: Classifier, picture: np.ndarray) -> None:
    def heatmap(seed: int) -> np.ndarray:
        explainer = IntegratedGradients(baseline="random", baselines=2, steps=4, seed=seed)
        return explainer.explain(curved, picture, 0).heatmap

    np.testing.assert_array_equal(heatmap(3), heatmap(3))
    assert (heatmap(3) != heatmap(4)).any()


def test_blank_maps_tell_what_was_seen(
    curved: Classifier, linear: tuple[Classifier, np.ndarray], picture: np.ndarray
) -> None:
    black = IntegratedGradients(steps=3).explain(curved, np.zeros_like(picture), 0)
    assert black.blank_reason == (
        "The picture is the baseline itself, so no pixel has anything to add."
    )
    model = keras.Sequential([keras.Input(picture.shape), layers.Flatten(), layers.Dense(2)])

    def reason(colours: list[float], seen: np.ndarray) -> str | None:
        kernel = np.tile(np.float32(colours), picture.size // 3)[:, None].repeat(2, axis=1)
        model.layers[1].set_weights([kernel, np.zeros(2)])
        painted = Classifier(model, name=f"{colours}")
        return PLAIN.explain(painted, seen, 0).blank_reason

    assert "no pixel moves the score on balance" in str(reason([0, 0, 0], picture))
    assert "cancels out exactly" in str(reason([1, -1, 0], np.full_like(picture, 100)))
