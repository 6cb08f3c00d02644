"""Noise with the statistics of photographs: what a network is shown when there is no picture."""

from functools import lru_cache

import numpy as np

PICTURES = 8


@lru_cache(maxsize=4)
def natural_noise(size: tuple[int, int]) -> np.ndarray:
    """Seeded noise with the statistics of photographs, ``(PICTURES, h, w, 3)`` float32 in 0..255.

    Amplitudes fall with one over the frequency [1]_ and the three channels rise and fall mostly
    together; the mean and the spread of brightness are those that ImageNet is scaled by.

    References
    ----------
    .. [1] D. J. Field, "Relations between the statistics of natural images and the response
       properties of cortical cells", Journal of the Optical Society of America A, 1987.
    """
    random = np.random.default_rng(0)
    rows, columns = (np.fft.fftfreq(side) for side in size)
    frequency = np.hypot(rows[:, None], columns)
    frequency[0, 0] = np.inf
    noise = np.fft.fft2(random.normal(size=(PICTURES, 4, *size)))
    waves = np.fft.ifft2(noise / frequency).real
    waves /= waves.std(axis=(2, 3), keepdims=True)
    colours = waves[:, :1] + 0.35 * waves[:, 1:]
    colours /= colours.std(axis=(1, 2, 3), keepdims=True)
    brightness = random.normal(0, 25, (PICTURES, 1, 1, 1))
    pictures = np.clip(114 + brightness + 63 * colours, 0, 255)
    return np.ascontiguousarray(np.moveaxis(pictures, 1, -1), np.float32)
