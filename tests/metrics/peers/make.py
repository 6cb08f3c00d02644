"""Write `xplique.npz`: a tiny network, a map, and xplique's deletion and insertion of them.

    python -m tests.metrics.peers.make      (needs xplique, see benchmarks/requirements.txt)

Only the figures are kept, so that the tests need neither xplique nor what it brings along.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers

FIGURES = Path(__file__).with_name("xplique.npz")
SIZE = (16, 24)
CLASS = 1
STEPS = 12


def network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, strides=2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def main() -> None:
    from xplique.metrics import Deletion, Insertion

    keras.utils.set_random_seed(2)
    model = network()
    random = np.random.default_rng(2)
    pixels = random.uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    heatmap = random.permutation(SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.float32)
    inputs, targets = pixels[None] / 255, np.eye(3, dtype=np.float32)[[CLASS]]
    figures = {}
    for metric in (Deletion, Insertion):
        judge = metric(model, inputs, targets, baseline_mode=0.0, steps=STEPS)
        points = judge.detailed_evaluate(heatmap[None])
        name = metric.__name__.lower()
        figures[name] = np.array(list(points.values()), np.float64).ravel()
        figures[f"{name}_area"] = np.float64(judge.evaluate(heatmap[None]))
    weights = {f"weight_{number}": array for number, array in enumerate(model.get_weights())}
    np.savez_compressed(FIGURES, pixels=pixels, heatmap=heatmap, **figures, **weights)
    print(figures)


if __name__ == "__main__":
    main()
