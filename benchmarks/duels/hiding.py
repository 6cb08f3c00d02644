"""Hiding parts, against stock `lime` and xplique."""

import contextlib
import io

import numpy as np

from benchmarks.duels.duel import CAT, Duel, Duels, Map, Subject
from explainers import LimeSuperpixels
from explainers.classifiers.scaling import LITE
from explainers.images.superpixels import Quickshift

from lime.lime_image import LimeImageExplainer  # isort: skip
from xplique.attributions import Lime as XpliqueLime  # isort: skip


def duels(subject: Subject) -> Duels:
    name = f"LIME, {subject.samples:,} samples"
    yield name, Duel("stock lime", _stock_lime(subject), _ours(subject, "superpixel mean"), 3, 3)
    yield name, Duel("xplique", _xplique_lime(subject), _ours(subject, "grey"), 2, 3)


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


def _xplique_lime(subject: Subject) -> Map:
    explainer = XpliqueLime(
        subject.model,
        batch_size=32,
        nb_samples=subject.samples,
        ref_value=LITE(np.full(3, 127.5, np.float32)).astype(np.float32),
        map_to_interpret_space=lambda _: Quickshift().segments(subject.pixels),
    )
    return lambda: np.asarray(explainer.explain(subject.scaled, subject.one_hot))[0]
