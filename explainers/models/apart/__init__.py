"""A stranger's model in a process of its own, under limits, and the classifier that asks it.

``messages`` is what the two processes tell each other, ``process`` the side that asks and watches,
``serving`` the side that opens the model and answers, ``trial`` what it measures first, and
``classifier`` what everybody else sees of it.
"""

from explainers.models.apart.classifier import ApartClassifier, open_apart
from explainers.models.apart.process import prepare

__all__ = ["ApartClassifier", "open_apart", "prepare"]
