"""What many tests share: the bundled classifier, and tiny seeded networks with known answers."""

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, load_classifier
from explainers.classifiers.scaling import UNIT
from explainers.images.samples import SAMPLES

SIZE = (24, 32)
CLASSES = ("cat", "dog", "bird")


@pytest.fixture(scope="session")
def lite0() -> Classifier:
    """The bundled EfficientNet-Lite0 with its trained weights."""
    return load_classifier("efficientnet-lite0")


@pytest.fixture(scope="session")
def cat(lite0: Classifier) -> np.ndarray:
    """The cat at the size of Lite0."""
    return lite0.prepare(SAMPLES["cat"].read())


@pytest.fixture(scope="session")
def smooth_model() -> keras.Model:
    """Two convolutions without kinks, so that finite differences are a fair judge."""
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, strides=2, activation="tanh", name="early"),
            layers.Conv2D(6, 3, activation="softplus", name="late"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )


@pytest.fixture(scope="session")
def smooth(smooth_model: keras.Model) -> Classifier:
    """A tiny classifier of pictures that are not square."""
    return Classifier(smooth_model, name="smooth", labels=CLASSES, scaling=UNIT)


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """A seeded picture at the size of the tiny classifiers: coloured blocks under some noise."""
    random = np.random.default_rng(0)
    blocks = np.kron(random.uniform(0, 225, (4, 4, 3)), np.ones((SIZE[0] // 4, SIZE[1] // 4, 1)))
    return (blocks + random.uniform(0, 30, (*SIZE, 3))).astype(np.float32)
