"""Text and marks can be told from what they stand on, in both themes: WCAG 2.2, 1.4.3 and 1.4.11.

axe-core looks at the page's own text; of what is inside a chart it sees nothing.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainers import Prediction
from explainers.images.colouring import COLOUR_MAPS, Style
from explainers.metrics.randomisation import Spread
from explainers.survey.findings import BesideBlob, Distribution
from pages.parts import plots
from pages.parts.figures import INK, matrix_figure

TEXT, MARKS = 4.5, 3.0
CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"
THEMES = tomllib.loads(CONFIG.read_text())["theme"]

Colour = tuple[float, ...]


def rgb(colour: str) -> Colour:
    """Red, green, blue in 0..1, of ``#rrggbb``."""
    assert re.fullmatch("#[0-9a-f]{6}", colour), colour
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))


def luminance(colour: Colour) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(colour: str, ground: str) -> float:
    """From 1 to 21."""
    darker, lighter = sorted(luminance(rgb(each)) for each in (colour, ground))
    return (lighter + 0.05) / (darker + 0.05)


def coloured(node: Any, within: str = "") -> Iterator[tuple[str, str]]:
    """All colours of a figure, each with the names of what it is in."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from coloured(value, f"{within}.{name}")
    elif isinstance(node, list | tuple):
        for value in node:
            yield from coloured(value, within)
    elif isinstance(node, str) and within.endswith("color"):
        yield within, node


def figures(theme: str) -> dict[str, dict]:
    """One of each kind of chart."""
    values, labels = np.linspace(0.9, 0.1, 6), list("abcdef")
    spreads = [Spread(0.5, 0.2, 0.7, 5), Spread(0.1, -0.2, 0.3, 5)]
    ranked = Prediction((values / values.sum()).astype(np.float32), tuple(labels))
    some = {
        "ranking": plots.ranking_figure(ranked, 1, count=5, row_height=30, theme=theme),
        "change": plots.change_figure(
            labels, values, [("Hide", values), ("Keep", values)], theme=theme
        ),
        "similarity": plots.similarity_figure(
            [0.5, 1.0], spreads, spreads[0], place=4, theme=theme
        ),
        "steps": plots.steps_figure(values[:, None] * np.ones(5), labels[:5], theme=theme),
        "climb": plots.climb_figure(values[:, None] * np.ones(5), labels[:5], theme=theme),
        "weights": plots.weights_figure(values - 0.5, np.arange(6), theme=theme),
    }
    spread = Distribution(np.arange(20), 0.4, 190)
    found = BesideBlob(spread, {"grad-cam": spread, "saliency": spread}, 3)
    titles = {"grad-cam": "Grad-CAM", "saliency": "Smoothed saliency"}
    some["agreement"] = plots.beside_blob_figure(found, titles, theme=theme)
    return {name: figure.to_dict() for name, figure in some.items()}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_in_charts_reaches_four_and_a_half_to_one(theme: str) -> None:
    ground = THEMES[theme]["backgroundColor"]
    assert contrast(INK[theme], ground) >= TEXT
    for name, figure in figures(theme).items():
        fonts = [each for each in coloured(figure) if "font" in each[0]]
        assert (".layout.font.color", INK[theme]) in fonts, name
        for place, colour in fonts:
            assert contrast(colour, ground) >= TEXT, (name, place)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_and_lines_reach_three_to_one(theme: str) -> None:
    ground = THEMES[theme]["backgroundColor"]
    for name, figure in figures(theme).items():
        marks = [each for each in coloured(figure["data"]) if re.search("marker|line", each[0])]
        assert marks, name
        for place, colour in marks:
            assert contrast(colour, ground) >= MARKS, (name, place, colour)


def test_captions_reach_four_and_a_half_to_one_on_every_ground() -> None:
    """The page's ground, and Streamlit's own for the sidebar and what stands on either."""
    faded = 0.6  # of the text's colour, is what Streamlit makes of captions
    grounds = {
        "light": ("#ffffff", "#f8f8f7", "#f1f0ee"),
        "dark": ("#171614", "#21201d", "#2d2b27"),
    }
    for theme, some in grounds.items():
        assert THEMES[theme]["backgroundColor"] == some[0]
        for ground in some:
            mixed = faded * np.array(rgb(THEMES[theme]["textColor"])) + (1 - faded) * np.array(
                rgb(ground)
            )
            caption = "#" + "".join(f"{round(255 * each):02x}" for each in mixed)
            assert contrast(caption, ground) >= TEXT, (theme, ground)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_the_numbers_of_a_matrix_can_be_read_on_every_colour(
    colour_map: str, signed: bool, theme: str
) -> None:
    matrix = np.linspace(-1 if signed else 0, 1, 196).reshape(14, 14)
    style = Style(colour_map)
    drawn = matrix_figure(matrix, style, signed=signed, limit=1.0, width=300, theme=theme)
    shades = style.opaque.colours(signed)
    places = np.rint((matrix + 1) / 2 * 255 if signed else matrix * 255).astype(int)
    for text, place in zip(np.ravel(drawn.data[0].text), places.ravel(), strict=True):
        black = 'color:#000"' in text
        assert black or 'color:#fff"' in text
        ground = luminance(tuple(shades[place, :3]))
        ratio = (ground + 0.05) / 0.05 if black else 1.05 / (ground + 0.05)
        assert ratio >= TEXT
