"""Triptych's methods against their peers: same network, picture and settings, in one run.

    python -m benchmarks.methods [--quick]

The peers are xplique, tf-keras-vis and stock `lime` with `model.predict`; for the answer to one
picture, Keras itself, called and by `model.predict`. All explain the logit (LIME: the probability)
of the Egyptian cat by EfficientNet-Lite0. Runs alternate, A B A B, after a warm-up each, and what
is printed are ratios of medians, with the smallest and the largest ratio of a pair, and the median
of Triptych's own times in milliseconds, with the least and the most. Before anything is timed, the
maps are compared, so that the same thing is timed: they agree to 1 where nothing is random,
SmoothGrad's as far as two seeds of one tool do, and xplique's LIME as far as its own sampling,
kernel and regression allow. Stock LIME asks in its usual batches of 10, xplique's SmoothGrad in
batches of 16, its fastest. Importing Triptych turns TensorFlow's oneDNN kernels on; in one process
the peers profit as much.
"""

import argparse
import contextlib
import importlib.metadata
import io
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explainers import Classifier, GradCam, LimeSuperpixels, Saliency
from explainers.classifiers.scaling import LITE
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Quickshift
from explainers.models.efficientnet_lite import VARIANTS, build
from explainers.models.imagenet import imagenet_labels

import keras  # isort: skip
from lime.lime_image import LimeImageExplainer  # isort: skip
from tf_keras_vis.gradcam import Gradcam  # isort: skip
from tf_keras_vis.utils.scores import CategoricalScore  # isort: skip
from xplique.attributions import GradCAM as XpliqueGradCam  # isort: skip
from xplique.attributions import Lime as XpliqueLime  # isort: skip
from xplique.attributions import SmoothGrad as XpliqueSmoothGrad  # isort: skip

CAT = 285
LAYER = "head_convolution"
Map = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Duel:
    """A peer to be measured against, and by how much Triptych means to be faster."""

    peer: str
    peers: Map
    ours: Map
    to_reach: float | None
    repetitions: int


@dataclass(frozen=True)
class Outcome:
    """How many times as fast, at the medians and in each pair, and our own seconds."""

    ratio: float
    ratios: np.ndarray
    seconds: np.ndarray


def duels(samples: int, repetitions: int) -> dict[str, list[Duel]]:
    """The duels, by method, on one model with its trained weights."""
    model = build(VARIANTS["efficientnet-lite0"])
    head = keras.layers.Dense(1000)
    linear = keras.Model(model.inputs, head(model.layers[-2].output))
    head.set_weights(model.layers[-1].get_weights())
    classifier = Classifier(model, name="lite0", labels=imagenet_labels(), scaling=LITE)
    pixels = classifier.prepare(SAMPLES["cat"].read())
    scaled = LITE(pixels)[None].astype(np.float32)
    one_hot = keras.ops.one_hot([CAT], 1000).numpy()
    segments = Quickshift().segments(pixels)

    xplique_cam = XpliqueGradCam(linear, conv_layer=LAYER)
    vis_cam = Gradcam(linear, clone=False)
    score = CategoricalScore([CAT])
    smooth = XpliqueSmoothGrad(
        linear, batch_size=16, nb_samples=50, noise=0.15 * np.ptp(scaled), reducer=None
    )
    fill = LITE(np.full(3, 127.5, np.float32))
    xplique_lime = XpliqueLime(
        model,
        batch_size=32,
        nb_samples=samples,
        ref_value=fill.astype(np.float32),
        map_to_interpret_space=lambda _: Quickshift().segments(pixels),
    )

    def stock_lime() -> np.ndarray:
        with contextlib.redirect_stderr(io.StringIO()):
            explained = LimeImageExplainer(random_state=0).explain_instance(
                scaled[0].astype(np.float64),
                lambda batch: model.predict(batch, verbose=0),
                labels=(CAT,),
                top_labels=None,
                num_samples=samples,
                batch_size=10,
                segmentation_fn=lambda _: Quickshift().segments(pixels),
            )
        coefficients = dict(explained.local_exp[CAT])
        return np.array([coefficients[number] for number in range(len(coefficients))])[segments]

    def grad_cam() -> np.ndarray:
        return GradCam(layer=LAYER).explain(classifier, pixels, CAT).heatmap

    def smooth_grad() -> np.ndarray:
        explainer = Saliency(samples=50, sigma=0, reduction="mean absolute")
        return explainer.explain(classifier, pixels, CAT).heatmap

    def lime(fill: str) -> np.ndarray:
        explainer = LimeSuperpixels(samples=samples, fill=fill, shown=400)
        return explainer.explain(classifier, pixels, CAT).heatmap

    def answer() -> np.ndarray:
        return classifier.predict(pixels).probabilities

    return {
        "Answer to one picture": [
            Duel(
                "model(x)",
                lambda: model(scaled, training=False).numpy(),
                answer,
                None,
                repetitions,
            ),
            Duel(
                "model.predict",
                lambda: model.predict(scaled, verbose=0),
                answer,
                None,
                repetitions,
            ),
        ],
        "Grad-CAM": [
            Duel(
                "xplique",
                lambda: np.asarray(xplique_cam.explain(scaled, one_hot))[0],
                grad_cam,
                2.5,
                repetitions,
            ),
            Duel(
                "tf-keras-vis",
                lambda: vis_cam(
                    score, scaled, penultimate_layer=LAYER, expand_cam=False, normalize_cam=False
                )[0],
                grad_cam,
                15,
                repetitions,
            ),
        ],
        "SmoothGrad, 50 samples": [
            Duel(
                "xplique",
                lambda: np.asarray(smooth.explain(scaled, one_hot))[0],
                smooth_grad,
                1.6,
                max(3, repetitions // 3),
            )
        ],
        f"LIME, {samples:,} samples": [
            Duel("stock lime", stock_lime, lambda: lime("superpixel mean"), 3, 3),
            Duel(
                "xplique",
                lambda: np.asarray(xplique_lime.explain(scaled, one_hot))[0],
                lambda: lime("grey"),
                2,
                3,
            ),
        ],
    }


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two maps; the coarser decides the resolution."""
    one, other = np.squeeze(one), np.squeeze(other)
    if one.ndim == 3:
        one = np.abs(one).mean(axis=-1)
    if one.shape != other.shape:
        step = [big // small for big, small in zip(one.shape, other.shape, strict=True)]
        one = one[step[0] // 2 :: step[0], step[1] // 2 :: step[1]]
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def pace(run: Map) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def fight(duel: Duel) -> Outcome:
    pairs = np.array([(pace(duel.peers), pace(duel.ours)) for _ in range(duel.repetitions)])
    peers, ours = np.median(pairs, axis=0)
    return Outcome(peers / ours, pairs[:, 0] / pairs[:, 1], pairs[:, 1])


def verdict(duel: Duel, ratio: float) -> str:
    """By how much it was to be faster, and whether it is."""
    if duel.to_reach is None:
        return ""
    return f"{duel.to_reach:5.1f}x  {'reached' if ratio >= duel.to_reach else 'not reached'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples and repetitions")
    quick = parser.parse_args().quick
    for package in ("tensorflow", "keras", "lime", "xplique", "tf-keras-vis"):
        print(package, importlib.metadata.version(package), end="   ")
    print(
        f"\n\n{'':26}{'against':14}{'maps agree':>11}{'faster':>9}{'pairs':>16}"
        f"{'ours, ms':>26}{'to reach':>10}"
    )
    for method, against in duels(200 if quick else 1000, 5 if quick else 21).items():
        for duel in against:
            agreement = correlation(duel.peers(), duel.ours())
            outcome = fight(duel)
            pairs = f"{outcome.ratios.min():.2f} to {outcome.ratios.max():.2f}"
            least, median, most = np.quantile(outcome.seconds, (0, 0.5, 1)) * 1000
            ours = f"{median:,.1f} ({least:,.1f} to {most:,.1f})"
            print(
                f"{method:26}{duel.peer:14}{agreement:11.4f}{outcome.ratio:8.2f}x{pairs:>16}"
                f"{ours:>26}    {verdict(duel, outcome.ratio)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
