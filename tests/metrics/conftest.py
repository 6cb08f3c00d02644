"""A model for which the right answers can be found by hand."""

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


@pytest.fixture
def white() -> np.ndarray:
    return np.full((*SIZE, 3), 255, np.float32)
