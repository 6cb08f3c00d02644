"""Gradients by the pixels, against xplique and PAIR's saliency."""

from typing import Any

import numpy as np

from benchmarks.duels.duel import CAT, Duel, Duels, Subject
from explainers import IntegratedGradients, Saliency

import saliency.core as saliency  # isort: skip
import tensorflow as tf  # isort: skip
from xplique.attributions import IntegratedGradients as XpliqueIntegratedGradients  # isort: skip
from xplique.attributions import SmoothGrad  # isort: skip

STEPS = 50
BLACK = -127 / 128


def duels(subject: Subject) -> Duels:
    linear, scaled = subject.linear, subject.scaled
    smooth = SmoothGrad(
        linear, batch_size=16, nb_samples=50, noise=0.15 * np.ptp(scaled), reducer=None
    )
    integrated = XpliqueIntegratedGradients(
        linear, batch_size=16, steps=STEPS, baseline_value=BLACK, reducer=None
    )

    @tf.function(reduce_retracing=True)
    def differentiate(inputs: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            score = linear(inputs, training=False)[:, CAT]
        return tape.gradient(score, inputs)

    def gradients(batch: np.ndarray, *_: Any, **__: Any) -> dict[str, np.ndarray]:
        found = differentiate(tf.constant(batch, tf.float32)).numpy()
        return {saliency.INPUT_OUTPUT_GRADIENTS: found}

    def masked() -> np.ndarray:
        return saliency.IntegratedGradients().GetMask(
            scaled[0], gradients, x_baseline=np.full_like(scaled[0], BLACK), x_steps=STEPS,
            batch_size=16,
        ).sum(axis=-1)  # fmt: skip

    yield (
        "SmoothGrad, 50 samples",
        Duel(
            "xplique",
            lambda: np.asarray(smooth.explain(scaled, subject.one_hot))[0],
            subject.explain(Saliency(samples=50, sigma=0, reduction="mean absolute")),
            1.6,
            subject.fewer,
        ),
    )
    ours = subject.explain(IntegratedGradients(steps=STEPS, sigma=0.0))
    for peer, peers in (
        ("xplique", lambda: np.asarray(integrated.explain(scaled, subject.one_hot))[0].sum(-1)),
        ("saliency", masked),
    ):
        yield f"Integrated grad., {STEPS} steps", Duel(peer, peers, ours, 1, subject.fewer)
