"""Hiding parts, against stock `lime` and xplique."""

import contextlib
import io
from typing import Any

import numpy as np

from benchmarks.duels.duel import CAT, Duel, Duels, Map, Subject
from explainers import KernelShap, LimeSuperpixels, Occlusion, Rise
from explainers.classifiers.scaling import LITE
from explainers.images.superpixels import Quickshift

from lime.lime_image import LimeImageExplainer  # isort: skip
from xplique.attributions import KernelShap as XpliqueKernelShap  # isort: skip
from xplique.attributions import Lime as XpliqueLime  # isort: skip
from xplique.attributions import Occlusion as XpliqueOcclusion  # isort: skip
from xplique.attributions import Rise as XpliqueRise  # isort: skip

GREY = LITE(np.full(3, 127.5, np.float32)).astype(np.float32)
STEPS, CELLS = 14, 7


def duels(subject: Subject) -> Duels:
    samples = subject.samples
    name = f"LIME, {samples:,} samples"
    yield name, Duel("stock lime", _stock_lime(subject), _ours(subject, "superpixel mean"), 3, 3)
    lime = _xplique_regression(subject, XpliqueLime)
    yield name, Duel("xplique", lime, _ours(subject, "grey"), 2, 3)
    shap = _xplique_regression(subject, XpliqueKernelShap)
    ours = subject.explain(KernelShap(samples=samples, fill="grey"))
    yield f"KernelSHAP, {samples:,} samples", Duel("xplique", shap, ours, 1, 3)
    side = subject.pixels.shape[0] // STEPS
    occlusion = XpliqueOcclusion(
        subject.model, batch_size=32, patch_size=side, patch_stride=side, occlusion_value=GREY[0]
    )
    ours = subject.explain(Occlusion(stride=STEPS, patch=1))
    yield f"Occlusion, {STEPS}² patches", Duel("xplique", _map(subject, occlusion), ours, 1, 3)
    rise = XpliqueRise(
        subject.model, batch_size=32, nb_samples=samples, grid_size=CELLS, mask_value=GREY[0]
    )
    ours = subject.explain(Rise(masks=samples, cells=CELLS))
    yield f"RISE, {samples:,} masks", Duel("xplique", _map(subject, rise), ours, 1, 3)


def _ours(subject: Subject, fill: str) -> Map:
    return subject.explain(LimeSuperpixels(samples=subject.samples, fill=fill, shown=400))


def _stock_lime(subject: Subject) -> Map:
    segments = Quickshift().segments(subject.pixels)

    def explain() -> np.ndarray:
        with contextlib.redirect_stderr(io.StringIO()):
            explained = LimeImageExplainer(random_state=0).explain_instance(
                subject.scaled[0].astype(np.float64),
                lambda batch: subject.model.predict(batch, verbose=0),
                labels=(CAT,),
                top_labels=None,
                num_samples=subject.samples,
                batch_size=10,
                segmentation_fn=lambda _: Quickshift().segments(subject.pixels),
            )
        coefficients = dict(explained.local_exp[CAT])
        return np.array([coefficients[number] for number in range(len(coefficients))])[segments]

    return explain


def _xplique_regression(subject: Subject, method: Any) -> Map:
    """xplique's LIME or KernelSHAP on our superpixels."""
    explainer = method(
        subject.model,
        batch_size=32,
        nb_samples=subject.samples,
        ref_value=GREY,
        map_to_interpret_space=lambda _: Quickshift().segments(subject.pixels),
    )
    return _map(subject, explainer)


def _map(subject: Subject, explainer: Any) -> Map:
    return lambda: np.asarray(explainer.explain(subject.scaled, subject.one_hot))[0]
