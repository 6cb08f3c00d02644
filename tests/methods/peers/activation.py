"""Write `activation.npz`: class activation maps of xplique and tf-keras-vis.

    python -m tests.methods.peers.activation      (needs both, see benchmarks/requirements.txt)

Only the figures are kept, so that the tests need neither. Of the tiny networks their weights are
kept as well, of the bundled one the maps of the cat, at the layers' own resolution.

Where a peer and a method's paper are not of one mind, what is asked of the peer says so:

- xplique's Grad-CAM++ takes means where the paper has sums. With n places, its map of n times a
  logit is the paper's map of that logit, exactly; so its networks answer with n times the logits.
- tf-keras-vis's Grad-CAM++ normalises its weights over all places, the authors' code over those
  with a positive gradient; so it is asked of networks where all gradients have one sign.
- tf-keras-vis's Score-CAM interpolates between the corners of a layer's grid, the authors' code
  between the middles of its cells; where there is something to interpolate, SciPy's `grid_mode`
  is turned on for it.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from explainers.classifiers.scaling import LITE
from explainers.images.samples import SAMPLES

FIGURES = Path(__file__).with_suffix(".npz")
SIZE = (12, 15)
CLASSES = 3
CLASS = 1
CHANNELS = 24
"""Those that Score-CAM asks the bundled network about; all, of tiny networks."""
CAT = 285
LATE, EARLY = "head_convolution", "block3_conv1_expand"
Figures = dict[str, np.ndarray]


def network(name: str, activation: str | None = "softmax", times: float = 1) -> keras.Model:
    """A tiny network, seeded by its name; its last kernel positive in the one called rising.

    Parameters
    ----------
    name : {"crossing", "rising"}
    activation : str, optional
    times : float
        What its logits are multiplied by.
    """
    keras.utils.set_random_seed(len(name))
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, padding="same", activation="tanh", name="early"),
            layers.Conv2D(6, 3, strides=3, activation="softplus", name="late"),
            layers.Flatten(),
            layers.Dense(CLASSES, activation=activation, name="answer"),
        ]
    )
    kernel, bias = model.layers[-1].get_weights()
    kernel = np.abs(kernel) if name == "rising" else kernel
    model.layers[-1].set_weights([times * kernel, times * bias])
    return model
