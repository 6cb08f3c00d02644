"""What is seen where a region of a picture is hidden."""

import numpy as np
from scipy import ndimage

FILLS = ("superpixel mean", "black", "white", "grey", "blur")

_FLAT = {"black": 0.0, "grey": 127.5, "white": 255.0}


def fill_picture(pixels: np.ndarray, fill: str, segments: np.ndarray) -> np.ndarray:
    """A picture to take the hidden regions from.

    Parameters
    ----------
    pixels : (h, w, 3) float32 ndarray
        RGB in 0..255.
    fill : str
        One of `FILLS`. Blur is a Gaussian of a twentieth of the longer side.
    segments : (h, w) int ndarray
        The superpixel of every pixel, 0 to k - 1.

    Returns
    -------
    (h, w, 3) float32 ndarray

    Raises
    ------
    ValueError
        If there is no such fill.
    """
    if fill in _FLAT:
        return np.full_like(pixels, _FLAT[fill])
    if fill == "superpixel mean":
        return _means(pixels, segments)[segments]
    if fill == "blur":
        sigma = max(pixels.shape[:2]) / 20
        return ndimage.gaussian_filter(pixels, (sigma, sigma, 0), mode="nearest")
    raise ValueError(f"A region can be filled with {', '.join(FILLS)}, but not with {fill!r}.")


def _means(pixels: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The mean colour of each segment, ``(k, 3)`` float32."""
    flat = segments.ravel()
    sums = [np.bincount(flat, channel.ravel()) for channel in np.moveaxis(pixels, -1, 0)]
    return (np.stack(sums, axis=-1) / np.bincount(flat)[:, None]).astype(np.float32)
