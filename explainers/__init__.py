"""Where did the network look? Everything but the screen.

>>> from explainers import GradCam, load_classifier, read_image  # doctest: +SKIP
>>> classifier = load_classifier("efficientnet-lite0")  # doctest: +SKIP
>>> pixels = classifier.prepare(read_image("cat.jpg"))  # doctest: +SKIP
>>> GradCam().explain(classifier, pixels, target=285).grid(14)  # doctest: +SKIP

What is named here is imported when it is first asked for: reading a picture does not wait for
TensorFlow.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
