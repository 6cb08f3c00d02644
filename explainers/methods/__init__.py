"""Classifier + pixels -> explanation; one file a method."""

from explainers.explanation import Explainer
from explainers.methods.grad_cam import GradCam
from explainers.methods.grad_cam_plus_plus import GradCamPlusPlus
from explainers.methods.hirescam import HiResCam
from explainers.methods.integrated_gradients import IntegratedGradients
from explainers.methods.kernel_shap import KernelShap
from explainers.methods.layercam import LayerCam
from explainers.methods.lime_superpixels import LimeSuperpixels
from explainers.methods.occlusion import Occlusion
from explainers.methods.rise import Rise
from explainers.methods.saliency import Saliency
from explainers.methods.score_cam import ScoreCam

METHODS: tuple[type[Explainer], ...] = (
    GradCam,
    HiResCam,
    LayerCam,
    GradCamPlusPlus,
    ScoreCam,
    Saliency,
    IntegratedGradients,
    LimeSuperpixels,
    KernelShap,
    Occlusion,
    Rise,
)
"""All there are, kind by kind."""

BY_NAME = {method.name: method for method in METHODS}
"""The same by what files and commands call them."""

TRIPTYCH: tuple[type[Explainer], ...] = (GradCam, Saliency, LimeSuperpixels)
"""Those that stand side by side unless others are chosen: one of each kind."""

__all__ = [
    "BY_NAME",
    "METHODS",
    "TRIPTYCH",
    "GradCam",
    "GradCamPlusPlus",
    "HiResCam",
    "IntegratedGradients",
    "KernelShap",
    "LayerCam",
    "LimeSuperpixels",
    "Occlusion",
    "Rise",
    "Saliency",
    "ScoreCam",
]
