"""The named classifiers: how each is built, scaled and labelled, and where its weights are."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from explainers.classifiers.errors import DamagedWeightsError, ModelError, PassingError
from explainers.classifiers.scaling import LITE
from explainers.models.applications import APPLICATIONS, Application
from explainers.models.imagenet import imagenet_labels

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
    return "here" if os.path.exists(APPLICATIONS[name].path) else "elsewhere"


def edition(name: str) -> tuple[int, int] | None:
    """What changes when a file of weights in Keras's cache is written anew; None without one."""
    try:
        status = APPLICATIONS[name].path.stat() if name in APPLICATIONS else None
    except OSError:
        return None
    return status and (status.st_mtime_ns, status.st_size)


def weights_file(name: str) -> Path:
    """Where the weights lie on this machine.

    Raises
    ------
    FileNotFoundError
        If the package that holds them is not installed.
    """
    if name in APPLICATIONS:
        return APPLICATIONS[name].path
    from explainers.models import efficientnet_lite

    return efficientnet_lite.VARIANTS[name].weights_file()


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
    DamagedWeightsError
        If those in Keras's cache are.
    FileNotFoundError
        If the package with its weights is not installed.
    """
    if name not in CLASSIFIERS:
        raise KeyError(f"There is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}.")
    from explainers.classifiers.classifier import Classifier
    from explainers.models import efficientnet_lite
    from explainers.models.model_file import load_weights_file

    if name in BUNDLED:
        model = efficientnet_lite.build(efficientnet_lite.VARIANTS[name])
        if weights is not None:
            load_weights_file(model, weights)
        return Classifier(
            model, name=name, labels=imagenet_labels(), scaling=LITE, title=BUNDLED[name]
        )
    network = APPLICATIONS[name]
    if weights is None and whereabouts(name) == "elsewhere":
        for _ in network.download():
            pass
    model = network.build(weights=None)
    try:
        load_weights_file(model, network.path if weights is None else weights)
    except PassingError:
        raise
    except ModelError as reason:
        if weights is not None:
            raise
        raise _unusable(network, str(reason)) from reason
    return Classifier(
        model,
        name=name,
        labels=imagenet_labels(),
        scaling=network.scaling,
        title=network.title,
        size=(network.side, network.side),
    )


def _unusable(network: Application, reason: str) -> ModelError:
    """Why weights in Keras's cache cannot be used, and what helps."""
    try:
        damaged = network.damaged()
    except OSError as error:
        return PassingError.of(error.errno or errno.EIO, f"read {network.path.name!r}")
    found = "the file is not the one that Keras knows." if damaged else reason
    return DamagedWeightsError(
        f"The weights of {network.title} in Keras's cache on this machine, {network.path.name!r}, "
        f"cannot be used: {found} Fetch them again, or take another network."
    )
