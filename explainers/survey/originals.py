"""The picture behind a row, if it is still the one that was surveyed."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from explainers.classifiers.scaling import centre_square
from explainers.images.reading import MAX_BYTES, ImageError, read_image
from explainers.survey.survey import SurveyError
from explainers.survey.table import Stored


def original(stored: Stored, row: Mapping[str, Any]) -> np.ndarray:
    """The picture that a row is about, cut as the network was shown it; see `whole`."""
    image = whole(stored, row)
    return centre_square(image) if stored.told.get("square") else image


def whole(stored: Stored, row: Mapping[str, Any]) -> np.ndarray:
    """The picture that a row is about, as it was read.

    Parameters
    ----------
    stored : Stored
    row : mapping
        Of its table, with ``path`` and ``digest``.

    Returns
    -------
    (H, W, 3) uint8 ndarray

    Raises
    ------
    SurveyError
        If it is gone, lies outside the folder of the pictures, is no picture, or is another file
        now: the row's maps would say nothing about it.
    """
    root = stored.root.resolve()
    file = (root / row["path"]).resolve()
    if not file.is_relative_to(root):
        raise SurveyError("It lies outside the folder that was surveyed.")
    try:
        if not file.is_file():  # a pipe would be waited for
            raise FileNotFoundError
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise SurveyError("Its file is not there any more.") from error
    if hashlib.sha256(content).hexdigest() != row["digest"]:
        raise SurveyError("Its file is another one now than when it was surveyed.")
    try:
        return read_image(content)
    except ImageError as error:
        raise SurveyError(str(error)) from error
