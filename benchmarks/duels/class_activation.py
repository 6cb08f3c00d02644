"""Class activation, against xplique and tf-keras-vis."""

import contextlib
import io
from functools import partial
from typing import Any

import numpy as np
import scipy

from benchmarks.duels.duel import CAT, LAYER, Duel, Duels, Map, Subject
from explainers import GradCam, GradCamPlusPlus, HiResCam, LayerCam, ScoreCam
from explainers.classifiers.scaling import even

from tf_keras_vis import scorecam  # isort: skip
from tf_keras_vis.gradcam import Gradcam  # isort: skip
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus  # isort: skip
from tf_keras_vis.layercam import Layercam  # isort: skip
from tf_keras_vis.utils.scores import CategoricalScore  # isort: skip
from xplique.attributions import GradCAM as XpliqueGradCam  # isort: skip
from xplique.attributions import GradCAMPP  # isort: skip

ACTIVATED, CHANNELS = "head_relu6", 128
GREY = even("grey is 0", 127.5, 128.0)
"""Zero is what tf-keras-vis's Score-CAM hides with; grey here, as in ours."""


def _vis(
    subject: Subject, method: Any, scaled: np.ndarray | None = None, layer: str = LAYER,
    **settings: Any,
) -> Map:  # fmt: skip
    """tf-keras-vis at the layer's own resolution."""
    explainer = method(subject.linear, clone=False)
    inputs = subject.scaled if scaled is None else scaled

    def explain() -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):
            found = explainer(
                CategoricalScore([CAT]), inputs, penultimate_layer=layer,
                seek_penultimate_conv_layer=False, expand_cam=False, normalize_cam=False,
                **settings,
            )  # fmt: skip
        return np.asarray(found)[0]

    return explain


def _xplique(subject: Subject, method: Any, factor: int = 1) -> Map:
    """xplique, which resizes its map to the picture."""
    explainer = method(subject.times(factor), conv_layer=LAYER)
    return lambda: np.asarray(explainer.explain(subject.scaled, subject.one_hot))[0]


def duels(subject: Subject) -> Duels:
    often = subject.repetitions
    ours = subject.explain(GradCam(LAYER))
    yield "Grad-CAM", Duel("xplique", _xplique(subject, XpliqueGradCam), ours, 2.5, often)
    yield "Grad-CAM", Duel("tf-keras-vis", _vis(subject, Gradcam), ours, 15, often)

    every = _vis(subject, Layercam, gradient_modifier=None)
    yield "HiResCAM", Duel("tf-keras-vis", every, subject.explain(HiResCam(LAYER)), 1, often)
    ours = subject.explain(LayerCam(LAYER))
    yield "LayerCAM", Duel("tf-keras-vis", _vis(subject, Layercam), ours, 1, often)

    rows, columns = subject.classifier.layer(LAYER).grid
    means_for_sums = _xplique(subject, GradCAMPP, factor=rows * columns)
    ours = subject.explain(GradCamPlusPlus(LAYER))
    yield "Grad-CAM++", Duel("xplique", means_for_sums, ours, 1, often)
    ours = subject.explain(GradCamPlusPlus(LAYER, normalised=True))
    yield "Grad-CAM++", Duel("tf-keras-vis", _vis(subject, GradcamPlusPlus), ours, 1, often)

    scorecam.zoom = partial(scipy.ndimage.zoom, grid_mode=True)
    shifted = GREY(subject.pixels)[None].astype(np.float32)
    masked = _vis(subject, scorecam.Scorecam, shifted, ACTIVATED, max_N=CHANNELS)
    ours = subject.explain(ScoreCam(LAYER, channels=CHANNELS, weights="score"), GREY)
    yield f"Score-CAM, {CHANNELS} channels", Duel("tf-keras-vis", masked, ours, 1, 3)
