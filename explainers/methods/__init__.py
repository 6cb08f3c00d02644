"""Classifier + pixels -> explanation; one file a method."""

from explainers.methods.grad_cam import GradCam
from explainers.methods.lime_superpixels import LimeSuperpixels
from explainers.methods.saliency import Saliency

METHODS = (GradCam, Saliency, LimeSuperpixels)
"""All there are, kind by kind."""

TRIPTYCH = (GradCam, Saliency, LimeSuperpixels)
"""Those that stand side by side unless others are chosen: one of each kind."""

__all__ = ["METHODS", "TRIPTYCH", "GradCam", "LimeSuperpixels", "Saliency"]
