"""Classifier + pixels -> explanation; one file a method."""

from explainers.methods.grad_cam import GradCam
from explainers.methods.lime_superpixels import LimeSuperpixels
from explainers.methods.saliency import Saliency

METHODS = (GradCam, Saliency, LimeSuperpixels)

__all__ = ["METHODS", "GradCam", "LimeSuperpixels", "Saliency"]
