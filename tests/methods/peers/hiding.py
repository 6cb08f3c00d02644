"""Write `hiding.npz`: what xplique and shap say of two networks when parts are hidden.

    python -m tests.methods.peers.hiding      (needs xplique 2.0.2 and shap 0.51)

Only the figures are kept, so that the tests need neither, nor what they bring along. Where masks
are random the peers are given ours: xplique enlarges them, shifts them by what its random crop is
told, asks and sums up itself. Its KernelSHAP leaves out the whole and the empty picture, where the
Shapley kernel is infinite, and so the constraint; it is given our rows, which have both, and a
weight for these two that is as good as infinite.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from explainers import Classifier, KernelShap, Rise
from explainers.classifiers.scaling import LITE, UNIT, Scaling
from explainers.images.samples import SAMPLES
from explainers.images.superpixels import Slic
from explainers.methods.rise import Masks
from explainers.models.zoo import load_classifier

FIGURES = Path(__file__).with_name("hiding.npz")
SIZE = (24, 32)
FIRST, CAT = 0, 285
STRIDE, PATCHES = 8, (1, 2)
COARSE = 7
RISE = Rise(masks=300, cells=4, seed=5)
RISE_LITE0 = Rise(masks=96, cells=7, seed=5)
SHAP = KernelShap(
    segmentation=Slic(n_segments=8, compactness=100.0), samples=300, fill="grey", seed=5
)
SHAP_LITE0 = KernelShap(
    segmentation=Slic(n_segments=12, compactness=100.0), samples=120, fill="grey", seed=5
)
CERTAIN = 1e8


def network() -> keras.Model:
    strong = keras.initializers.RandomNormal(stddev=0.5)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(6, 3, strides=2, activation="tanh"),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", kernel_initializer=strong),
        ]
    )


def picture() -> np.ndarray:
    random = np.random.default_rng(4)
    blocks = np.kron(random.uniform(0, 225, (4, 4, 3)), np.ones((SIZE[0] // 4, SIZE[1] // 4, 1)))
    return (blocks + random.uniform(0, 30, (*SIZE, 3))).astype(np.float32)


def classifier(figures: Mapping[str, np.ndarray]) -> Classifier:
    """The network that the figures are of."""
    model = network()
    model.set_weights([figures[f"weight_{number}"] for number in range(len(model.weights))])
    return Classifier(model, name="hiding", scaling=UNIT)


class Peers:
    """One network and one picture, as the peers take them."""

    def __init__(self, model: Any, pixels: np.ndarray, scaling: Scaling, index: int) -> None:
        self.model, self.pixels = model, pixels
        self.inputs = np.asarray(scaling(pixels), np.float32)[None]
        self.grey = float(np.asarray(scaling(np.full(3, 127.5, np.float32)))[0])
        self.targets = np.eye(model.outputs[0].shape[-1], dtype=np.float32)[[index]]

    def _map(self, explainer: Any) -> np.ndarray:
        return np.squeeze(np.asarray(explainer.explain(self.inputs, self.targets)))

    def occlusion(self, stride: int, patch: int) -> np.ndarray:
        from xplique.attributions import Occlusion

        step = tuple(side // stride for side in self.pixels.shape[:2])
        size = tuple(patch * side for side in step)
        return self._map(
            Occlusion(self.model, patch_size=size, patch_stride=step, occlusion_value=self.grey)
        )

    def rise(self, ours: Rise) -> np.ndarray:
        import tensorflow as tf
        from xplique.attributions import Rise as Theirs

        shape = self.pixels.shape[0], self.pixels.shape[1]
        masks = Masks.draw(ours.masks, ours.cells, ours.share, shape, ours.seed)
        shifts: Iterator[tuple[int, int]] = iter(
            [(int(down), int(right)) for down, right in masks.shifts]
        )

        def crop(value: Any, size: tuple[int, ...]) -> Any:
            down, right = next(shifts)
            return value[:, down : down + size[1], right : right + size[2]]

        drawn, applied, cropped = Theirs._get_masks, Theirs._apply_masks, tf.image.random_crop
        try:
            Theirs._get_masks = staticmethod(lambda *_: tf.constant(masks.grids[..., None]))
            Theirs._apply_masks = staticmethod(applied.python_function)
            tf.image.random_crop = crop
            return self._map(Theirs(self.model, batch_size=1, mask_value=self.grey))
        finally:
            Theirs._get_masks, Theirs._apply_masks = staticmethod(drawn), staticmethod(applied)
            tf.image.random_crop = cropped

    def kernel_shap(self, ours: KernelShap, *, told: bool) -> np.ndarray:
        """The value of each superpixel: of its own rows, or of ours, told how much they weigh."""
        import tensorflow as tf
        from xplique.attributions import KernelShap as Theirs

        segments = ours.segmentation.segments(self.pixels)
        rows = ours.rows(int(segments.max()) + 1).astype(np.int32)
        theirs = Theirs(
            self.model, batch_size=32, nb_samples=ours.samples,
            ref_value=np.full(3, self.grey, np.float32),
            map_to_interpret_space=lambda _: tf.constant(segments),
        )  # fmt: skip
        if told:
            theirs.pertub_func = lambda *_: tf.constant(rows)
            theirs.similarity_kernel = lambda _, part, __: tf.where(
                tf.reduce_any(part != part[:, :1], axis=1), 1.0, CERTAIN
            )
        else:
            tf.random.set_seed(ours.seed)
        return _by_superpixel(self._map(theirs), segments)

    def exact_shap(self, ours: KernelShap) -> np.ndarray:
        """shap's KernelExplainer on all coalitions, which leaves nothing to chance."""
        import shap

        segments = ours.segmentation.segments(self.pixels)
        index = int(self.targets.argmax())

        def answers(rows: np.ndarray) -> np.ndarray:
            seen = np.where((rows > 0)[:, segments, None], self.inputs, np.float32(self.grey))
            return self.model.predict(seen, verbose=0)[:, index].astype(float)

        superpixels = int(segments.max()) + 1
        explainer = shap.KernelExplainer(answers, np.zeros((1, superpixels)))
        return explainer.shap_values(
            np.ones(superpixels), nsamples=2**superpixels, l1_reg=False, silent=True
        )


def _by_superpixel(heatmap: np.ndarray, segments: np.ndarray) -> np.ndarray:
    _, first = np.unique(segments, return_index=True)
    return heatmap.ravel()[first]


def main() -> None:
    keras.utils.set_random_seed(4)
    model = network()
    tiny = Peers(model, picture(), UNIT, FIRST)
    lite0 = load_classifier("efficientnet-lite0")
    bundled = Peers(lite0._graph.model, lite0.prepare(SAMPLES["cat"].read()), LITE, CAT)
    half = lite0.size[0] // COARSE // 2
    figures = {
        **{f"occlusion_{patch}": tiny.occlusion(STRIDE, patch) for patch in PATCHES},
        "rise": tiny.rise(RISE),
        "kernel_shap": tiny.kernel_shap(SHAP, told=True),
        "kernel_shap_alone": tiny.kernel_shap(SHAP, told=False),
        "shap": tiny.exact_shap(SHAP),
        "lite0_occlusion": bundled.occlusion(COARSE, 1)[half :: 2 * half, half :: 2 * half],
        "lite0_rise": bundled.rise(RISE_LITE0)[::8, ::8],
        "lite0_kernel_shap": bundled.kernel_shap(SHAP_LITE0, told=True),
    }
    weights = {f"weight_{number}": array for number, array in enumerate(model.get_weights())}
    np.savez_compressed(FIGURES, **figures, **weights)
    for name, figure in figures.items():
        print(name, figure.shape, figure.min(), figure.max())


if __name__ == "__main__":
    main()
