"""Class names that mean something else: each is a name of ImageNet, and of nothing else."""

from explainers.classifiers.senses import SENSES, unusual_sense
from explainers.classifiers.zoo import imagenet_labels


def test_every_name_is_one_of_imagenet() -> None:
    assert set(SENSES) <= set(imagenet_labels())


def test_only_imagenet_is_explained() -> None:
    labels = imagenet_labels()
    assert unusual_sense(labels, labels.index("drake")) == "a male duck"
    assert unusual_sense(labels, labels.index("tabby")) is None
    assert unusual_sense(("drake", "hen"), 0) is None
