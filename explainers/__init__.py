"""Where did the network look? Everything but the screen.

>>> from explainers import GradCam, load_classifier, read_image  # doctest: +SKIP
>>> classifier = load_classifier("efficientnet-lite0")  # doctest: +SKIP
>>> pixels = classifier.prepare(read_image("cat.jpg"))  # doctest: +SKIP
>>> GradCam().explain(classifier, pixels, target=285).grid(14)  # doctest: +SKIP
"""

from explainers.classifiers.classifier import Classifier
from explainers.classifiers.prediction import Answer, Prediction, Target
from explainers.classifiers.zoo import load_classifier
from explainers.explanation import Explainer, Explanation
from explainers.images.reading import ImageError, read_image
from explainers.methods import METHODS, GradCam, LimeSuperpixels, Saliency

__all__ = [
    "METHODS",
    "Answer",
    "Classifier",
    "Explainer",
    "Explanation",
    "GradCam",
    "ImageError",
    "LimeSuperpixels",
    "Prediction",
    "Saliency",
    "Target",
    "load_classifier",
    "read_image",
]
