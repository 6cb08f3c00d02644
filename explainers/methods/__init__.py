"""Classifier + pixels -> explanation; one file a method."""

from explainers.methods.grad_cam import GradCam
from explainers.methods.grad_cam_plus_plus import GradCamPlusPlus
from explainers.methods.hirescam import HiResCam
from explainers.methods.integrated_gradients import IntegratedGradients
from explainers.methods.layercam import LayerCam
from explainers.methods.lime_superpixels import LimeSuperpixels
from explainers.methods.saliency import Saliency
from explainers.methods.score_cam import ScoreCam

METHODS = (
    GradCam,
    HiResCam,
    LayerCam,
    GradCamPlusPlus,
    ScoreCam,
    Saliency,
    IntegratedGradients,
    LimeSuperpixels,
)
"""All there are, kind by kind."""

TRIPTYCH = (GradCam, Saliency, LimeSuperpixels)
"""Those that stand side by side unless others are chosen: one of each kind."""

__all__ = [
    "METHODS",
    "TRIPTYCH",
    "GradCam",
    "GradCamPlusPlus",
    "HiResCam",
    "IntegratedGradients",
    "LayerCam",
    "LimeSuperpixels",
    "Saliency",
    "ScoreCam",
]
