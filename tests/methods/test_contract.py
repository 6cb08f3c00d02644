"""The contract, on every method, at a size that is not square, for a class and for a difference."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import pytest

from explainers import (
    METHODS,
    Classifier,
    Explainer,
    Explanation,
    GradCam,
    GradCamPlusPlus,
    HiResCam,
    IntegratedGradients,
    KernelShap,
    LayerCam,
    LimeSuperpixels,
    Occlusion,
    Rise,
    Saliency,
    ScoreCam,
    Target,
)
from explainers.images.superpixels import Felzenszwalb, Quickshift, Slic

QUICK: list[Explainer] = [
    GradCam(),
    GradCam(layer="early", of="probability"),
    HiResCam(layer="early"),
    LayerCam(layer="early"),
    GradCamPlusPlus(layer="early"),
    GradCamPlusPlus(normalised=True, of="probability"),
    ScoreCam(layer="early", channels=3, of="logit", weights="softmax"),
    ScoreCam(fill="blur"),
    Saliency(samples=1),
    Saliency(samples=25, reduction="mean absolute", sigma=0.0),
    IntegratedGradients(steps=20, sigma=0.0, of="probability"),
    IntegratedGradients(
        baseline="random", baselines=3, steps=7, reduction="sum of absolute values"
    ),
    LimeSuperpixels(segmentation=Slic(n_segments=12), samples=200),
    LimeSuperpixels(segmentation=Felzenszwalb(min_size=30), samples=100, positive_only=True),
    KernelShap(segmentation=Slic(n_segments=12), samples=100),
    KernelShap(segmentation=Slic(n_segments=4), samples=100, sampling="coin tosses"),
    Occlusion(),
    Occlusion(stride=5, patch=1, fill="blur"),
    Rise(masks=80, cells=5),
    Rise(masks=40, cells=3, fill="black", against="nothing"),
]
TARGETS = [Target(1), Target(2, rather_than=0)]


class Spy:
    """A classifier that counts the pictures it is shown, forwards and backwards."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.passes: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._classifier, name)

    def gradients(self, batch: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        self.passes["forward"] += len(batch)
        self.passes["backward"] += len(batch)
        return self._classifier.gradients(batch, *args, **kwargs)

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        self.passes["forward"] += len(batch)
        return self._classifier.probabilities(batch)

    def logits(self, batch: np.ndarray) -> np.ndarray:
        self.passes["forward"] += len(batch)
        return self._classifier.logits(batch)

    def activations(self, batch: np.ndarray, *layers: str) -> list[np.ndarray]:
        self.passes["forward"] += len(batch)
        return self._classifier.activations(batch, *layers)

    def masked_probabilities(self, *args: Any) -> np.ndarray:
        self.passes["forward"] += len(args[-1])
        return self._classifier.masked_probabilities(*args)


def test_every_method_is_under_test() -> None:
    assert {type(explainer) for explainer in QUICK} == set(METHODS)


@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("explainer", QUICK, ids=repr)
def test_the_contract(
    smooth: Classifier, pixels: np.ndarray, explainer: Explainer, target: Target
) -> None:
    before = pixels.copy()
    steps = list(explainer.refine(smooth, pixels, target))
    final = explainer.explain(smooth, pixels, target)
    progress = [step.progress for step in steps]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    for step in steps:
        assert step.heatmap.dtype == np.float32
        assert np.isfinite(step.heatmap).all()
        assert step.explainer == explainer
        assert step.target == target
        assert step.seconds > 0
        with pytest.raises(ValueError, match="read-only"):
            step.heatmap[0, 0] = 1
    np.testing.assert_array_equal(steps[-1].heatmap, final.heatmap)
    assert final.grid(14).shape == (14, 14)
    low, high = (-1, 0) if final.signed else (0, 0)
    assert low <= final.normalised().min() <= high + 1
    assert np.abs(final.normalised()).max() == pytest.approx(1) or final.blank_reason
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("explainer", QUICK, ids=repr)
def test_the_cost_is_what_is_spent(
    smooth: Classifier, pixels: np.ndarray, explainer: Explainer
) -> None:
    spy = Spy(smooth)
    explainer.explain(spy, pixels, 0)  # type: ignore[arg-type]
    cost = explainer.cost(smooth)
    assert spy.passes == Counter(forward=cost.forward) + Counter(backward=cost.backward)


@pytest.mark.parametrize("explainer", QUICK, ids=repr)
def test_a_method_is_its_settings(explainer: Explainer) -> None:
    names = {kind.__name__: kind for kind in (*METHODS, Quickshift, Slic, Felzenszwalb)}
    again = eval(repr(explainer), names)
    assert again == explainer
    assert hash(again) == hash(explainer)
    assert all(setting.label and setting.help for setting in explainer.settings().values())


@pytest.mark.parametrize(
    "explainer",
    [
        Saliency(samples=8),
        LimeSuperpixels(samples=100),
        KernelShap(samples=100),
        Rise(masks=40),
    ],
    ids=repr,
)
def test_the_seed_decides(smooth: Classifier, pixels: np.ndarray, explainer: Explainer) -> None:
    def heatmap(seed: int) -> np.ndarray:
        seeded = dataclasses.replace(explainer, seed=seed)  # type: ignore[call-arg]
        return seeded.explain(smooth, pixels, 0).heatmap

    np.testing.assert_array_equal(heatmap(3), heatmap(3))
    assert (heatmap(3) != heatmap(4)).any()


def test_an_observation_serves_every_reading_and_lime_every_class(
    smooth: Classifier, pixels: np.ndarray
) -> None:
    plain = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=100)
    reading = dataclasses.replace(plain, shown=2, positive_only=True, kernel_width=0.5)
    assert reading.observer == plain.observer
    *_, seen = plain.observations(smooth, pixels, 0)
    for explainer in (plain, reading):
        for target in TARGETS:
            np.testing.assert_array_equal(
                explainer.interpret(seen, target).heatmap,
                explainer.explain(smooth, pixels, target).heatmap,
            )
    assert dataclasses.replace(plain, seed=1).observer != plain.observer
    assert Saliency(sigma=9.0, reduction="red").observer == Saliency()


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (Saliency, {"samples": 0}, "samples must lie in 1 to 500, and 0"),
        (Saliency, {"noise": float("nan")}, "noise must lie in 0.0 to 1.0, and nan"),
        (Saliency, {"reduction": "median"}, "reduction must be one of .*'median' is not"),
        (LimeSuperpixels, {"fill": "pink"}, "fill must be one of .*'pink' is not"),
        (LimeSuperpixels, {"segmentation": "slic"}, "segmentation must be one of"),
        (Slic, {"n_segments": 1}, "n_segments must lie in 4 to 400, and 1"),
    ],
)
def test_settings_out_of_bounds_are_refused(kind: type, settings: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind(**settings)


def test_an_explanation_refuses_what_is_no_heatmap() -> None:
    def explanation(heatmap: np.ndarray, **facts: Any) -> Explanation:
        return Explanation(GradCam(), "none", Target(0), heatmap, **facts)

    with pytest.raises(ValueError, match="two axes"):
        explanation(np.zeros((2, 2, 2), np.float32))
    with pytest.raises(ValueError, match="float64"):
        explanation(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="not finite"):
        explanation(np.full((2, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match="unsigned"):
        explanation(np.full((2, 2), -1, np.float32))
    assert explanation(np.full((2, 2), -1, np.float32), signed=True).normalised().min() == -1
