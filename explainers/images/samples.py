"""The sample pictures: five that come inside scikit-image's package, so no network is needed."""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from explainers.images.reading import read_trusted


@dataclass(frozen=True)
class Sample:
    """A picture to try Triptych with.

    Parameters
    ----------
    name : str
        Its key in `SAMPLES`.
    title : str
        Its name for people.
    credit : str
        Author and licence in one sentence, as scikit-image's documentation states them.
    file : str
        Its file in scikit-image's ``data`` folder.
    """

    name: str
    title: str
    credit: str
    file: str

    def read(self) -> np.ndarray:
        """The pixels.

        Returns
        -------
        (H, W, 3) uint8 ndarray
            RGB.
        """
        # Not by skimage.data's functions: they ask the network when they miss a file.
        return read_trusted((files("skimage") / "data" / self.file).read_bytes())


SAMPLES = {
    sample.name: sample
    for sample in (
        Sample(
            "cat",
            "Cat",
            "Photograph of Chelsea by Stefan van der Walt, CC0, no copyright restrictions.",
            "chelsea.png",
        ),
        Sample(
            "coffee",
            "Coffee",
            "Photograph by Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0, "
            "no copyright restrictions.",
            "coffee.png",
        ),
        Sample(
            "rocket",
            "Rocket",
            "Photograph by SpaceX of Falcon 9 carrying DSCOVR, released in the public domain.",
            "rocket.jpg",
        ),
        Sample(
            "motorcycle",
            "Motorcycle",
            "Left picture of a stereo pair by Nera Nesic, Porter Westling, Xi Wang, "
            "York Kitajima, Greg Krathwohl and Daniel Scharstein at Middlebury College, from the "
            "Middlebury 2014 stereo benchmark; scikit-image states no licence.",
            "motorcycle_left.png",
        ),
        Sample(
            "astronaut",
            "Astronaut",
            "Photograph of Eileen Collins from the NASA Great Images database, no known copyright "
            "restrictions, released into the public domain.",
            "astronaut.png",
        ),
    )
}
