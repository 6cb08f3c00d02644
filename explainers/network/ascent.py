"""What a filter, or a class, wants to see: a picture that climbs its response."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from explainers.settings import Settings, setting

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

GREY = 127.5
UNEVENNESS = 10.0
CONTRAST = 45.0


@dataclass(frozen=True, eq=False)
class Climb:
    """Pictures on their way up.

    Parameters
    ----------
    units : tuple of int
        The channel, or the class, that each picture is for.
    pictures : (n, h, w, 3) float32 ndarray
        Pixels in 0..255.
    values : (done + 1, n) float32 ndarray
        The response to each picture before the first step and after each; in between, to the
        picture as it was shifted.
    silent : (n,) bool ndarray
        Those that never had a gradient to follow: the unit does not respond to anything near.
    done, total : int
        Steps.
    """

    units: tuple[int, ...]
    pictures: np.ndarray
    values: np.ndarray
    silent: np.ndarray
    done: int
    total: int

    def stretched(self) -> np.ndarray:
        """The pictures with their contrast evened out, ``(n, h, w, 3)`` uint8.

        Each is shifted and scaled to the same mean and deviation: what counts is the pattern.
        """
        centred = self.pictures - self.pictures.mean(axis=(1, 2), keepdims=True)
        deviation = centred.std(axis=(1, 2, 3), keepdims=True)
        scaled = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0)
        return np.clip(GREY + CONTRAST * scaled, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Ascent(Settings):
    """Gradient ascent in the space of pictures, from grey noise [1]_.

    Parameters
    ----------
    steps : int
    step : float
        How far a step goes, in steps of a pixel's 0..255: the gradient is divided by its root mean
        square first.
    size : int
        Rows and columns of the pictures, for filters; those of a class have the network's size.
    fourier : bool
        Whether to climb in Fourier space with the spectrum of photographs [2]_, which favours
        large patterns: each frequency of the gradient is divided by its length.
    jitter : int
        By up to how many pixels the picture is shifted, at random, before every step, so that no
        pattern clings to the grid of the strides.
    blur : float
        Sigma, in pixels, of a Gaussian over the picture after every step, which takes out the
        finest frequencies; 0 for none.
    seed : int
        Of the noise and the shifts.

    Notes
    -----
    With :math:`a` the mean of the channel over all places, or the logit of the class,

    .. math::
        x \\leftarrow x + \\eta \\, \\frac{g}{\\sqrt{\\overline{g^2}}}, \\qquad
        g = \\frac{\\partial a}{\\partial x}.

    References
    ----------
    .. [1] D. Erhan, Y. Bengio, A. Courville, P. Vincent, "Visualizing Higher-Layer Features of a
       Deep Network", University of Montreal 2009.
    .. [2] C. Olah, A. Mordvintsev, L. Schubert, "Feature Visualization", Distill 2017.
    """

    steps: int = setting(40, "Steps", "More make the pattern clearer.",
        minimum=1, maximum=512, step=1,
    )  # fmt: skip
    step: float = setting(1.0, "Step size", "In steps of a pixel's 0 to 255.",
        minimum=0.1, maximum=20.0, step=0.1,
    )  # fmt: skip
    size: int = setting(128, "Size", "Rows and columns of a filter's picture.",
        minimum=16, maximum=320, step=16,
    )  # fmt: skip
    fourier: bool = setting(
        True, "Fourier", "Climb with the spectrum of photographs: larger patterns, less grain.",
    )  # fmt: skip
    jitter: int = setting(4, "Jitter", "Pixels that the picture is shifted by before a step.",
        minimum=0, maximum=32, step=1,
    )  # fmt: skip
    blur: float = setting(0.0, "Blur", "Gaussian sigma over the picture after a step; 0 for none.",
        minimum=0.0, maximum=3.0, step=0.1,
    )  # fmt: skip
    seed: int = setting(0, "Seed", "Of the noise and the shifts.",
        minimum=0, maximum=2**31 - 1, step=1,
    )  # fmt: skip

    def climb(
        self, classifier: "Classifier", units: Sequence[int], layer: str | None = None
    ) -> Iterator[Climb]:
        """Climb the responses of some units at once, each with a picture of its own.

        Parameters
        ----------
        classifier : Classifier
        units : sequence of int
            Channels of the layer, or classes.
        layer : str, optional
            The path of a layer; the units are classes if None.

        Yields
        ------
        Climb
            After every step.

        Raises
        ------
        LookupError
            If there is no such layer or unit.
        """
        rows, columns = (self.size, self.size) if layer is not None else classifier.size
        random = np.random.default_rng(self.seed)
        shape = (len(units), rows, columns, 3)
        pictures = random.uniform(-UNEVENNESS, UNEVENNESS, shape).astype(np.float32)
        pictures += np.float32(GREY)
        silent = np.ones(len(units), bool)
        values: list[np.ndarray] = []
        shift = np.zeros(2, int)
        for done in range(self.steps + 1):
            answers, gradients = classifier.responses(_shifted(pictures, shift), units, layer)
            values.append(answers)
            if done:
                settled = np.array(values)
                yield Climb(tuple(units), pictures, settled, silent, done, self.steps)
            if done == self.steps:
                return
            direction, moving = self._direction(gradients)
            silent = silent & ~moving
            pictures = pictures + _shifted(direction, -shift)
            if self.blur:
                sigma = (0, self.blur, self.blur, 0)
                pictures = scipy.ndimage.gaussian_filter(pictures, sigma, mode="nearest")
            np.clip(pictures, 0, 255, out=pictures)
            last = done == self.steps - 1
            shift = (not last) * random.integers(-self.jitter, self.jitter + 1, 2)

    def _direction(self, gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The step, of root mean square `step`, and which pictures have a gradient at all."""
        way = _like_photographs(gradients) if self.fourier else gradients
        power = np.einsum("nhwc,nhwc->n", way, way) / way[0].size
        scale = np.divide(self.step, np.sqrt(power), out=np.zeros_like(power), where=power > 0)
        return way * scale[:, None, None, None].astype(np.float32), power > 0


def _shifted(pictures: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return np.roll(pictures, shift, axis=(1, 2)) if shift.any() else pictures


def _like_photographs(gradients: np.ndarray) -> np.ndarray:
    """Each frequency divided by its length, as the spectra of photographs fall."""
    rows, columns = gradients.shape[1:3]
    along, across = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)
    length = np.maximum(np.hypot(along, across), 1 / max(rows, columns)).astype(np.float32)
    spectrum = scipy.fft.rfft2(gradients, axes=(1, 2), workers=2)
    spectrum /= length[None, :, :, None]
    return scipy.fft.irfft2(spectrum, s=(rows, columns), axes=(1, 2), workers=2)
