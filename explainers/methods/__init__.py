"""Classifier + pixels -> explanation; one file a method."""

from explainers.methods.grad_cam import GradCam
from explainers.methods.kernel_shap import KernelShap
from explainers.methods.lime_superpixels import LimeSuperpixels
from explainers.methods.occlusion import Occlusion
from explainers.methods.rise import Rise
from explainers.methods.saliency import Saliency

METHODS = (GradCam, Saliency, LimeSuperpixels, KernelShap, Occlusion, Rise)
"""All there are, kind by kind."""

TRIPTYCH = (GradCam, Saliency, LimeSuperpixels)
"""Those that stand side by side unless others are chosen: one of each kind."""

__all__ = [
    "METHODS", "TRIPTYCH", "GradCam", "KernelShap", "LimeSuperpixels", "Occlusion", "Rise",
    "Saliency",
]  # fmt: skip
