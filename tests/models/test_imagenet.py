"""Class names that mean something else: each is a name of ImageNet, and of nothing else."""

from explainers.models.imagenet import MEANINGS, imagenet_labels, unexpected_meaning


def test_every_name_is_one_of_imagenet() -> None:
    assert set(MEANINGS) <= set(imagenet_labels())


def test_only_imagenet_is_explained() -> None:
    labels = imagenet_labels()
    assert unexpected_meaning(labels, labels.index("drake")) == "a male duck"
    assert unexpected_meaning(labels, labels.index("tabby")) is None
    assert unexpected_meaning(("drake", "hen"), 0) is None
