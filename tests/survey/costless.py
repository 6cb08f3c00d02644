"""Read by Dask's workers in tests: the network is one that costs nothing, and needs no TensorFlow.

What is held there is what becomes of pictures and rows when processes end, whatever is asked.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from explainers.classifiers import threads
from explainers.survey.survey import Survey


class Colours:
    """Says which colour prevails in a picture: a logit is a channel's mean."""

    name = title = "colours"
    labels = ("red", "green", "blue")
    size = (24, 32)

    def layer(self, path: str | None) -> SimpleNamespace:
        return SimpleNamespace(path="pixels")

    def prepare(self, image: np.ndarray, *, crop: bool) -> np.ndarray:
        rows, columns = self.size
        return np.asarray(Image.fromarray(image).resize((columns, rows)), np.float32)

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        powers = np.exp(batch.mean(axis=(1, 2)) / 255)
        return powers / powers.sum(axis=1, keepdims=True)

    def answers_and_gradients(
        self, batch: np.ndarray, classes: Sequence[int] | np.ndarray | None, **_: Any
    ) -> tuple[np.ndarray, list[SimpleNamespace]]:
        probabilities = self.probabilities(batch)
        chosen = probabilities.argmax(axis=1) if classes is None else np.asarray(classes)
        weights = np.eye(3, dtype=np.float32)[chosen] / np.float32(255 * np.prod(self.size))
        gradients = np.broadcast_to(weights[:, None, None], batch.shape)
        return probabilities, [SimpleNamespace(values=batch, gradients=gradients)]


def dask_setup(worker: object) -> None:
    """Called by Dask in a worker, and nowhere else."""
    threads.use_threads = lambda count: None  # those of TensorFlow, which nobody reads here
    Survey.open = lambda survey: Colours()  # type: ignore[assignment, method-assign, return-value]
