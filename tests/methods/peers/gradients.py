"""Write `gradients.npz`: integrated gradients of xplique and of PAIR's saliency.

    python -m tests.methods.peers.gradients      (needs both, see benchmarks/requirements.txt)

Only the figures are kept, so that the tests need neither: of a tiny network its weights and the
maps, of the bundled one every eighth pixel of the map of the cat, down and across.

xplique takes the rule of trapezoids. saliency takes the mean of all points, so that the two ends
count double; with two points they are all there is. So its maps of n and of two points, S(n) and
S(2), give the trapezoids of n, exactly: (n S(n) - S(2)) / (n - 1). That is what is kept.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from explainers import load_classifier
from explainers.classifiers.scaling import LITE, UNIT
from explainers.images.regions import fill_picture
from explainers.images.samples import SAMPLES
from tests.methods.peers.activation import without_softmax

FIGURES = Path(__file__).with_suffix(".npz")
SIZE = (12, 15)
CLASS, CAT = 1, 285
STEPS, LITE0_STEPS = 23, 9
EVERY = 8


def network(activation: str | None = "softmax") -> keras.Model:
    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, strides=2, activation="tanh"),
            layers.Conv2D(5, 3, activation="softplus"),
            layers.Flatten(),
            layers.Dense(3, activation=activation),
        ]
    )


def _xplique(
    model: keras.Model, scaled: np.ndarray, black: float, index: int, steps: int
) -> np.ndarray:
    """From a black picture, added up over the channels."""
    from xplique.attributions import IntegratedGradients

    explainer = IntegratedGradients(model, steps=steps, baseline_value=black, reducer=None)
    one_hot = np.eye(model.output_shape[-1], dtype=np.float32)[[index]]
    return np.asarray(explainer.explain(scaled[None], one_hot))[0].sum(axis=-1)


def _saliency(
    model: keras.Model, scaled: np.ndarray, baseline: np.ndarray, index: int, steps: int
) -> np.ndarray:
    """From any baseline, by the rule of trapezoids, added up over the channels."""
    import saliency.core as saliency

    def gradients(batch: np.ndarray, *_: Any, **__: Any) -> dict[str, np.ndarray]:
        inputs = tf.constant(batch, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            score = model(inputs, training=False)[:, index]
        return {saliency.INPUT_OUTPUT_GRADIENTS: tape.gradient(score, inputs).numpy()}

    def of(points: int) -> np.ndarray:
        return saliency.IntegratedGradients().GetMask(
            scaled, gradients, x_baseline=baseline, x_steps=points, batch_size=8
        )

    return ((steps * of(steps) - of(2)) / (steps - 1)).sum(axis=-1)


def main() -> None:
    pixels = np.random.default_rng(2).uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    model = network(activation=None)
    scaled, blurred = UNIT(pixels), UNIT(fill_picture(pixels, "blur"))
    figures = {f"weight {number}": each for number, each in enumerate(model.get_weights())}
    figures |= {
        "pixels": pixels,
        "xplique black": _xplique(model, scaled, 0.0, CLASS, STEPS),
        "saliency black": _saliency(model, scaled, np.zeros_like(scaled), CLASS, STEPS),
        "saliency blur": _saliency(model, scaled, blurred, CLASS, STEPS),
    }
    classifier = load_classifier("efficientnet-lite0")
    cat = classifier.prepare(SAMPLES["cat"].read())
    linear = without_softmax(classifier._graph.model)
    scaled, blurred = (LITE(each).astype(np.float32) for each in (cat, fill_picture(cat, "blur")))
    lite0 = {
        "lite0 xplique black": _xplique(linear, scaled, -127 / 128, CAT, LITE0_STEPS),
        "lite0 saliency blur": _saliency(linear, scaled, blurred, CAT, LITE0_STEPS),
    }
    figures |= {name: each[::EVERY, ::EVERY] for name, each in lite0.items()}
    np.savez_compressed(
        FIGURES, **{name: np.asarray(each, np.float32) for name, each in figures.items()}
    )
    for name, figure in figures.items():
        print(f"{name:30}{figure.shape!s:20}{np.abs(figure).max():.3g}")


if __name__ == "__main__":
    main()
