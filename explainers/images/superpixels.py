"""Superpixels: a picture cut into connected regions of like colour."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image
from skimage import segmentation

from explainers.settings import Settings, setting

SMALL = 112


@dataclass(frozen=True)
class Segmentation(Settings):
    """A way of cutting a picture into superpixels, with its parameters."""

    title: ClassVar[str]

    def segments(self, pixels: np.ndarray) -> np.ndarray:
        """The superpixel of every pixel.

        A picture smaller than `SMALL` is cut enlarged, as a person would look at it: its few
        pixels would otherwise be one superpixel.

        Parameters
        ----------
        pixels : (h, w, 3) float32 ndarray
            RGB in 0..255.

        Returns
        -------
        (h, w) int32 ndarray
            Numbered 0 to k - 1 without gaps.
        """
        image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        rows, columns = image.shape[:2]
        times = -(-SMALL // min(rows, columns))
        if times > 1:
            larger = Image.fromarray(image).resize((columns * times, rows * times))
            cut = self._cut(np.asarray(larger))[times // 2 :: times, times // 2 :: times]
        else:
            cut = self._cut(image)
        _, segments = np.unique(cut, return_inverse=True)
        return segments.reshape(cut.shape).astype(np.int32)

    def _cut(self, image: np.ndarray) -> np.ndarray:
        raise NotImplementedError


@dataclass(frozen=True)
class Quickshift(Segmentation):
    """Mode seeking in colour and place [1]_; LIME's own choice.

    References
    ----------
    .. [1] A. Vedaldi, S. Soatto, "Quick Shift and Kernel Methods for Mode Seeking", ECCV 2008.
    """

    title: ClassVar[str] = "Quickshift"
    kernel_size: float = setting(
        4, "Kernel size", "Width of the smoothing, in pixels: larger makes fewer superpixels.",
        minimum=1, maximum=10, step=1,
    )  # fmt: skip
    max_dist: float = setting(
        200, "Largest distance", "How far apart pixels of one superpixel may lie.",
        minimum=1, maximum=400, step=1,
    )  # fmt: skip
    ratio: float = setting(
        0.2, "Colour against place", "0 looks at places alone, 1 at colours alone.",
        minimum=0.0, maximum=1.0, step=0.05,
    )  # fmt: skip

    def _cut(self, image: np.ndarray) -> np.ndarray:
        return segmentation.quickshift(
            image, kernel_size=self.kernel_size, max_dist=self.max_dist, ratio=self.ratio
        )


@dataclass(frozen=True)
class Slic(Segmentation):
    """k-means in colour and place [1]_: superpixels of about one size.

    References
    ----------
    .. [1] R. Achanta et al., "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods",
       PAMI 34(11), 2012.
    """

    title: ClassVar[str] = "SLIC"
    n_segments: int = setting(
        60, "Superpixels", "About how many there will be.", minimum=4, maximum=400, step=1
    )
    compactness: float = setting(
        10.0, "Compactness", "Larger makes them squarer.", minimum=0.1, maximum=100.0, step=0.1
    )
    sigma: float = setting(
        1.0, "Smoothing", "Gaussian sigma before the cut, in pixels.",
        minimum=0.0, maximum=5.0, step=0.5,
    )  # fmt: skip

    def _cut(self, image: np.ndarray) -> np.ndarray:
        return segmentation.slic(
            image, n_segments=self.n_segments, compactness=self.compactness, sigma=self.sigma
        )


@dataclass(frozen=True)
class Felzenszwalb(Segmentation):
    """Minimum spanning trees over the pixels [1]_: superpixels of uneven size.

    References
    ----------
    .. [1] P. F. Felzenszwalb, D. P. Huttenlocher, "Efficient Graph-Based Image Segmentation",
       IJCV 59(2), 2004.
    """

    title: ClassVar[str] = "Felzenszwalb"
    scale: float = setting(
        100.0, "Scale", "Larger makes larger superpixels.", minimum=1.0, maximum=1000.0, step=1.0
    )
    sigma: float = setting(
        0.5, "Smoothing", "Gaussian sigma before the cut, in pixels.",
        minimum=0.0, maximum=5.0, step=0.1,
    )  # fmt: skip
    min_size: int = setting(
        50, "Smallest size", "In pixels; smaller ones are merged.", minimum=1, maximum=2000, step=1
    )

    def _cut(self, image: np.ndarray) -> np.ndarray:
        return segmentation.felzenszwalb(
            image, scale=self.scale, sigma=self.sigma, min_size=self.min_size
        )


def outlines(segments: np.ndarray) -> np.ndarray:
    """Where superpixels meet, ``(h, w)`` bool: the pixels on the inner side of each border."""
    return segmentation.find_boundaries(segments, mode="inner")
