"""The picture on the screen: its pixels, where it came from, and a digest to tie results to."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from PIL import Image

from explainers.classifiers.scaling import centre_square
from explainers.images.colouring import encode
from explainers.images.regions import resized

LONGEST_ON_SCREEN = 720
THUMBNAIL = 160


@dataclass(frozen=True)
class Picture:
    """A picture that a person chose.

    Parameters
    ----------
    title : str
        What it is called on screen and in file names.
    image : (H, W, 3) uint8 ndarray
        RGB, at its own size.
    digest : str
        Of the pixels: equal pictures have equal digests, whatever they are called.
    sample : str, optional
        Its name in the gallery, if it comes from there.
    """

    title: str
    image: np.ndarray = field(compare=False)
    digest: str
    sample: str | None = None

    @classmethod
    def of(cls, title: str, image: np.ndarray, sample: str | None = None) -> Self:
        """A picture with the digest of its pixels."""
        content = repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()
        return cls(title, image, hashlib.sha256(content).hexdigest()[:20], sample)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def aspect(self) -> float:
        """Height over width."""
        return self.shape[0] / self.shape[1]

    @property
    def size(self) -> str:
        """Width and height in words."""
        return f"{self.shape[1]} × {self.shape[0]}"

    def centre(self) -> "Picture":
        """The largest square in its middle."""
        return Picture.of(self.title, centre_square(self.image), self.sample)

    def edited(self, pixels: np.ndarray, region: np.ndarray) -> "Picture":
        """The same picture at the size of the screen, with other pixels in a region.

        Parameters
        ----------
        pixels : (h, w, 3) float32 ndarray
            The whole picture as a classifier sees it then.
        region : (h, w) bool ndarray
            Where it was changed.
        """
        image = self.on_screen()
        shape = image.shape[0], image.shape[1]
        small = Image.fromarray(np.clip(pixels.round(), 0, 255).astype(np.uint8))
        changed = np.asarray(small.resize(shape[::-1], Image.Resampling.BICUBIC))
        edited = np.where(resized(region, shape)[..., None], changed, image)
        return Picture.of(self.title, edited)

    def resized(self, width: int, height: int) -> "Picture":
        """The same picture at another size."""
        picture = Image.fromarray(self.image).resize((width, height), Image.Resampling.LANCZOS)
        return Picture.of(self.title, np.asarray(picture), self.sample)

    def thumbnail(self) -> np.ndarray:
        """The square in its middle, small."""
        square = Image.fromarray(centre_square(self.image))
        return np.asarray(square.resize((THUMBNAIL, THUMBNAIL)))

    @property
    def screen_shape(self) -> tuple[int, int]:
        """Rows and columns, no more than a card can show."""
        share = min(1.0, LONGEST_ON_SCREEN / max(self.shape))
        return round(self.shape[0] * share), round(self.shape[1] * share)

    def on_screen(self) -> np.ndarray:
        """The picture at the size of the screen, in its own proportions."""
        height, width = self.screen_shape
        return self.resized(width, height).image


def data_uri(image: np.ndarray) -> str:
    """An array as an address that holds the picture: JPEG, or PNG where it is see-through."""
    kind = "PNG" if image.shape[-1] == 4 else "JPEG"
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encode(image, kind)).decode()}"
