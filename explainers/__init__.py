"""Where did the network look? Everything but the screen.

>>> from explainers import GradCam, load_classifier, read_image  # doctest: +SKIP
>>> classifier = load_classifier("efficientnet-lite0")  # doctest: +SKIP
>>> pixels = classifier.prepare(read_image("cat.jpg"))  # doctest: +SKIP
>>> GradCam().explain(classifier, pixels, target=285).grid(14)  # doctest: +SKIP
"""

from explainers.classifiers.check_up import CheckUp, check_up
from explainers.classifiers.classifier import Classifier
from explainers.classifiers.own_model import open_classifier
from explainers.classifiers.prediction import Answer, NoAnswerError, Prediction, Target
from explainers.classifiers.scaling import Scaling
from explainers.classifiers.screening import ModelError
from explainers.classifiers.zoo import load_classifier
from explainers.explanation import Explainer, Explanation
from explainers.images.reading import ImageError, read_image
from explainers.methods import METHODS, GradCam, LimeSuperpixels, Saliency

__all__ = [
    "METHODS",
    "Answer",
    "CheckUp",
    "Classifier",
    "Explainer",
    "Explanation",
    "GradCam",
    "ImageError",
    "LimeSuperpixels",
    "ModelError",
    "NoAnswerError",
    "Prediction",
    "Saliency",
    "Scaling",
    "Target",
    "check_up",
    "load_classifier",
    "open_classifier",
    "read_image",
]
