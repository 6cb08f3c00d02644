"""Pictures side by side on one sheet, each with its title, a note, and what its colours mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explainers.images.colouring import STEPS, Style, coloured

WIDTH = 560
"""Of a panel, in pixels; narrower ones have smaller letters."""
NOTEBOOK = 336
"""Of a panel in a notebook."""
ABREAST = 4
"""Panels side by side, at most."""
INK = (38, 41, 56)
FAINT = (110, 114, 130)
MARGIN, HEADED, NAMED, BARRED = 32, 134, 96, 34
"""Round a panel; of a heading; of what stands below a panel, and of its bar: pixels at `WIDTH`."""
BAR = 14


@dataclass(frozen=True, eq=False)
class Bar:
    """What the colours of a map mean: ``(k, 3)`` uint8 from the lowest value to the highest."""

    colours: np.ndarray
    low: str
    high: str

    @classmethod
    def of(cls, style: Style, largest: float, *, signed: bool) -> Self:
        """That of a map, to its largest absolute value: from 0, or from its negative if signed."""
        steps = np.linspace(-1 if signed else 0, 1, STEPS)
        low = f"{-largest or 0:.3g}" if signed else "0"
        return cls(coloured(steps[None], style, signed=signed)[0], low, f"{largest:.3g}")


@dataclass(frozen=True, eq=False)
class Panel:
    """A picture of a sheet, ``(h, w, 3)`` uint8, with what stands below it."""

    image: np.ndarray
    title: str
    note: str = ""
    bar: Bar | None = None


def poster(panels: Sequence[Panel], heading: str = "", said: str = "") -> np.ndarray:
    """Panels of one size side by side, four to a row.

    Parameters
    ----------
    panels : sequence of Panel
        Their images are of one shape.
    heading, said : str
        What stands above them, in large and in small letters.

    Returns
    -------
    (H, W, 3) uint8 ndarray
    """
    height, width = panels[0].image.shape[:2]
    share = width / WIDTH
    barred = BARRED if any(panel.bar for panel in panels) else 0
    heights = (MARGIN, HEADED if heading else MARGIN, NAMED + barred)
    margin, headed, below = (round(share * each) for each in heights)
    across, down = min(len(panels), ABREAST), -(-len(panels) // ABREAST)
    size = (margin + across * (width + margin), headed + down * (height + below))
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(sheet)

    def write(
        left: float, top: float, text: str, size: int, ink: tuple[int, int, int], anchor: str = "la"
    ) -> None:
        letters = ImageFont.load_default(round(share * size))
        draw.text((left, top), text.replace("×", "x").replace("−", "-"), ink, letters, anchor)

    write(margin, share * 30, heading, 38, INK)
    write(margin, share * 84, said, 22, FAINT)
    for place, panel in enumerate(panels):
        left = margin + place % ABREAST * (width + margin)
        top = headed + place // ABREAST * (height + below)
        sheet.paste(Image.fromarray(panel.image), (left, top))
        top += height
        if panel.bar is not None:
            drawn = Image.fromarray(panel.bar.colours[None])
            sheet.paste(drawn.resize((width, round(share * BAR))), (left, top + round(share * 4)))
            write(left, top + share * 22, panel.bar.low, 17, FAINT)
            write(left + width, top + share * 22, panel.bar.high, 17, FAINT, "ra")
            top += round(share * barred)
        write(left, top + share * 14, panel.title, 24, INK)
        write(left, top + share * 48, panel.note, 17, FAINT)
    return np.asarray(sheet)
