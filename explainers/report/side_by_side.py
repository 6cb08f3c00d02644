"""Some explanations side by side, as a notebook shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explainers.explanation import Explanation
from explainers.images.colouring import Style, encode
from explainers.images.poster import NOTEBOOK, Bar, Panel, poster
from explainers.report.maps import heatmap_image, overlay_image
from explainers.words import resolution


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Some explanations side by side, as a notebook shows them.

    Parameters
    ----------
    explanations : sequence of Explanation
    image : (H, W, 3) uint8 ndarray, optional
        The picture that they explain; without it the maps stand alone.
    style : Style
        How the maps are drawn.

    Examples
    --------
    >>> SideBySide([GradCam().explain(classifier, pixels, 285)], image)  # doctest: +SKIP
    """

    explanations: Sequence[Explanation]
    image: np.ndarray | None = None
    style: Style = Style()

    def drawn(self) -> np.ndarray:
        """Each with its title, its resolution and what its colours mean, ``(H, W, 3)`` uint8."""
        like = self.explanations[0].heatmap if self.image is None else self.image
        rows, columns = like.shape[:2]
        shape = round(NOTEBOOK * rows / columns), NOTEBOOK
        return poster(
            [
                Panel(
                    self._map(each, shape),
                    each.explainer.title,
                    resolution(each),
                    Bar.of(self.style, each.scale, signed=each.signed),
                )
                for each in self.explanations
            ]
        )

    def png(self) -> bytes:
        """`drawn` as the bytes of a PNG file."""
        return encode(self.drawn())

    _repr_png_ = png

    def _map(self, explanation: Explanation, shape: tuple[int, int]) -> np.ndarray:
        if self.image is None:
            return heatmap_image(explanation, shape, self.style)
        small = Image.fromarray(self.image).resize(shape[::-1])
        return overlay_image(explanation, np.asarray(small), self.style)
