"""A model for which the right answers can be found by hand."""

from typing import cast

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier

SIZE = (8, 12)
SEGMENTS = (np.arange(8)[:, None] // 4 * 3 + np.arange(12) // 4).astype(np.int32)
EFFECTS = np.array([0.5, 3.0, -1.0, 2.0, 1.0, -2.0])


@pytest.fixture(scope="session")
def additive() -> Classifier:
    """Class 0's lead over class 1 is the sum of the effects of what is shown; white shows all."""
    weights = np.zeros((*SIZE, 3, 3), np.float32)
    share = EFFECTS[SEGMENTS] / 16 / 3 / 255
    weights[..., 0] = share[..., None]
    dense = layers.Dense(3)
    model = keras.Sequential([keras.Input((*SIZE, 3)), layers.Flatten(), dense])
    dense.set_weights([weights.reshape(-1, 3), np.array([-1.0, 0.0, -9.0])])
    return Classifier(model, name="additive", labels=["said", "expected", "never"])


class Table:
    """Stands for a classifier whose answers to every choice of pieces are drawn, and known."""

    def __init__(self, pieces: int, classes: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.labels = tuple(f"class {index}" for index in range(classes))
        self.answers = random.dirichlet(np.ones(classes), 2**pieces).astype(np.float32)
        self.bits = 2 ** np.arange(pieces)
        self.shown = (np.arange(2**pieces)[:, None] & self.bits > 0).sum(axis=1)
        self.asked = 0

    def of(self, shown: np.ndarray) -> np.ndarray:
        """The probabilities when the pieces of each row are shown, ``(n, C)``."""
        return self.answers[shown @ self.bits]

    def masked_probabilities(
        self, pixels: np.ndarray, fill: np.ndarray, segments: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        self.asked += len(rows)
        return self.of(np.asarray(rows))


def table(pieces: int, classes: int, seed: int) -> Classifier:
    return cast(Classifier, Table(pieces, classes, seed))


@pytest.fixture
def white() -> np.ndarray:
    return np.full((*SIZE, 3), 255, np.float32)
