"""Drop and increase, against torch-cam's own metric and a network worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, GradCam, LimeSuperpixels, Target
from explainers.classifiers.scaling import TORCH
from explainers.explanation import Explanation, Surrogate
from explainers.metrics.confidence import UNSEEN, blob_seen, confidences, passes, seen_of
from tests.conftest import Hold
from tests.metrics.conftest import EFFECTS, SEGMENTS
from tests.metrics.peers import make_torchcam


def explanation(heatmap: np.ndarray, *, signed: bool = False) -> Explanation:
    return Explanation(GradCam(), "made up", Target(0), heatmap.astype(np.float32), signed)


def test_drop_and_increase_are_those_of_torch_cam(held: Hold) -> None:
    """The same maps of the same network: torch-cam multiplies what the scaling makes of pixels."""
    theirs = np.load(make_torchcam.FIGURES)
    model = keras.Sequential(
        [
            keras.Input((*make_torchcam.SIZE, 3)),
            layers.Conv2D(6, 3, strides=2, activation="tanh"),
            layers.Conv2D(8, 3, strides=2, activation="tanh"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.set_weights([theirs[f"weight_{number}"] for number in range(len(model.weights))])
    classifier = Classifier(model, name="peer", scaling=TORCH)
    assert 0 < theirs["increases"].mean() < 1
    apart = 0.0
    for pixels, answer, heatmap, drop, increase in zip(
        *(theirs[name] for name in ("pixels", "answers", "heatmaps", "drops", "increases")),
        strict=True,
    ):
        seen = seen_of(explanation(heatmap), make_torchcam.SIZE)
        assert seen is not None
        found = confidences(classifier, pixels, int(answer), {"map": seen})["map"]
        apart = max(apart, abs(found.drop - drop))
        assert found.increased == bool(increase)
    held("Average drop", "torch-cam 0.5.0", apart, 1e-5)


def test_what_a_map_lets_through_counts_as_much_as_it_is_seen(
    additive: Classifier, white: np.ndarray, held: Hold
) -> None:
    shares = np.array([1.0, 0.25, 0.0, 0.5, 0.0, 1.0])
    masks = {
        "some": shares[SEGMENTS].astype(np.float32),
        "all": np.ones(SEGMENTS.shape, np.float32),
    }
    found = confidences(additive, white, 0, masks)

    def expected(shown: np.ndarray) -> float:
        brightness = np.mean(UNSEEN) / 255
        lead = EFFECTS @ (brightness + shown * (1 - brightness)) - 1.0
        return float(np.exp(lead) / (np.exp(lead) + 1 + np.exp(-9)))

    before, after = expected(np.ones(6)), expected(shares)
    drop = (before - after) / before
    held("Average drop", "an additive model, by hand", abs(found["some"].drop - drop), 1e-5)
    assert not found["some"].increased
    assert found["all"].drop == 0
    against = confidences(additive, white, 1, masks)["some"]
    assert against.increased
    assert against.drop == 0


def test_a_map_is_stretched_from_its_least_to_its_most_before_it_is_resized() -> None:
    heatmap = np.array([[2.0, 3.0], [4.0, 6.0]])
    seen = seen_of(explanation(heatmap), (2, 2))
    np.testing.assert_allclose(seen, [[0, 0.25], [0.5, 1]])
    large = seen_of(explanation(heatmap), (8, 8))
    assert large is not None
    assert (large.min(), large.max()) == (0, 1)


def test_evidence_against_is_not_seen() -> None:
    seen = seen_of(explanation(np.array([[-5.0, 0.0], [1.0, 2.0]]), signed=True), (2, 2))
    np.testing.assert_allclose(seen, [[0, 0], [0.5, 1]])


@pytest.mark.parametrize(
    "heatmap", [np.zeros((2, 2)), np.ones((2, 2)), -np.arange(4.0).reshape(2, 2)]
)
def test_a_map_that_tells_no_places_apart_lets_nothing_be_said(heatmap: np.ndarray) -> None:
    assert seen_of(explanation(heatmap, signed=bool((heatmap < 0).any())), (4, 4)) is None


def test_superpixels_keep_their_edges() -> None:
    segments = np.repeat(np.arange(2, dtype=np.int32), 3)[None].repeat(4, axis=0)
    effects = np.array([0.0, 3.0])
    surrogate = Surrogate(segments, effects, 0.0, 1.0, 0.5, 0.5)
    pieces = Explanation(
        LimeSuperpixels(), "made up", Target(0), effects[segments].astype(np.float32), True,
        surrogate,
    )  # fmt: skip
    np.testing.assert_array_equal(seen_of(pieces, (4, 6)), segments)


def test_the_blob_is_a_map_like_any_other_and_it_all_costs_what_it_says() -> None:
    blob = blob_seen((30, 40))
    assert (blob.shape, blob.dtype) == ((30, 40), np.float32)
    assert blob[0, 0] == blob.min() == 0
    assert blob[15, 20] == pytest.approx(1, abs=0.01)

    class Counting:
        asked = 0

        def probabilities(self, batch: np.ndarray) -> np.ndarray:
            self.asked += len(batch)
            return np.full((len(batch), 2), 0.5, np.float32)

    counting = Counting()
    pixels = np.zeros((30, 40, 3), np.float32)
    confidences(counting, pixels, 0, {name: blob for name in ("one", "other", "blob")})  # type: ignore[arg-type]
    assert counting.asked == passes(2)
