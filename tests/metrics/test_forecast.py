"""LIME's linear model held to its word: on a linear network, and on stock `lime`'s pictures."""

from typing import Any

import numpy as np
import pytest
from lime.lime_image import LimeImageExplainer

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency, Target
from explainers.explanation import Explanation, Surrogate
from explainers.images.superpixels import Slic
from explainers.metrics.forecast import forecast
from tests.conftest import Hold

CONTRIBUTIONS = np.array([0.30, -0.10, 0.05, 0.0, 0.20, -0.02])
SEGMENTS = np.repeat(np.arange(6), 8)[None].repeat(10, axis=0).astype(np.int32)
WHITE = np.full((*SEGMENTS.shape, 3), 255, np.float32)


class Linear:
    """A network whose probability is a sum over pixels: what LIME assumes, come true."""

    name, labels = "linear", ("cat", "dog")

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        dog = 0.2 + (batch[..., 0] / 255 * (CONTRIBUTIONS / 80)[SEGMENTS]).sum(axis=(1, 2))
        return np.stack([1 - dog, dog], axis=1).astype(np.float32)

    def masked_probabilities(self, pixels: Any, fill: Any, segments: Any, rows: Any) -> np.ndarray:
        shown = np.asarray(rows, bool)[:, segments][..., None]
        return self.probabilities(np.where(shown, pixels, fill))


def test_on_a_linear_network_what_is_expected_happens(
    monkeypatch: pytest.MonkeyPatch, held: Hold
) -> None:
    monkeypatch.setattr(Slic, "segments", lambda self, pixels: SEGMENTS)
    lime = LimeSuperpixels(segmentation=Slic(), samples=2000, kernel_width=5.0, fill="black")
    network: Any = Linear()
    explanation = lime.explain(network, WHITE, 1)
    region = np.zeros(SEGMENTS.shape, bool)
    region[:, 4:16] = True  # half of the first piece, all of the second
    found = forecast(network, WHITE, explanation, region)
    by_hand = 0.2 + CONTRIBUTIONS.sum() - CONTRIBUTIONS[0] / 2 - CONTRIBUTIONS[1]
    assert found.happened == pytest.approx(by_hand, abs=1e-6)
    difference = abs(found.expected - by_hand)
    held("What LIME expects of a hidden region", "a linear network, by hand", difference, 5e-3)
    assert (found.fill, found.cut) == ("black", 1)


def test_the_network_is_asked_with_the_fill_of_the_fit(
    smooth: Classifier, pixels: np.ndarray, held: Hold
) -> None:
    lime = LimeSuperpixels(segmentation=Slic(n_segments=12), samples=20)
    *_, seen = lime.observations(smooth, pixels, 1)
    explanation = lime.interpret(seen, Target(1))
    composed: list[np.ndarray] = []

    def watch(batch: Any) -> np.ndarray:
        composed.extend(np.asarray(batch, np.float32))
        return smooth.probabilities(np.asarray(batch, np.float32))

    LimeImageExplainer(random_state=lime.seed).explain_instance(
        pixels.astype(np.float64), watch, labels=(1,), top_labels=None, num_samples=20,
        segmentation_fn=lambda _: seen.segments,
    )  # fmt: skip
    differences = []
    for row, picture in zip(seen.rows, composed, strict=True):
        found = forecast(smooth, pixels, explanation, (row == 0)[seen.segments])
        differences.append(abs(found.happened - smooth.predict(picture)[1].probability))
        assert found.cut == 0
    held(
        "The network under LIME's own fill", "the pictures that stock lime composes",
        max(differences), 1e-5,
    )  # fmt: skip


def test_a_linear_model_may_leave_the_probabilities() -> None:
    surrogate = Surrogate(SEGMENTS, CONTRIBUTIONS - 0.2, 0.3, 0.5, 0.0, 0.0)
    shown = np.full(SEGMENTS.shape, False)
    assert surrogate.expected(shown) == pytest.approx(0.3 + CONTRIBUTIONS.sum() - 6 * 0.2)
    assert surrogate.expected(shown) < 0
    assert surrogate.expected(~shown) == pytest.approx(0.3)


def test_a_map_without_a_linear_model_has_no_forecast(smooth: Classifier) -> None:
    for explainer in (GradCam(), Saliency()):
        explanation = Explanation(explainer, "x", Target(0), np.ones((2, 2), np.float32))
        with pytest.raises(ValueError, match="has no linear model"):
            forecast(smooth, WHITE, explanation, np.zeros((10, 48), bool))
