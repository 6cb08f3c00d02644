"""Explanations as a notebook shows them: over the picture or alone, with what the colours mean."""

import io

import numpy as np
from PIL import Image

from explainers import GradCam, SideBySide, Target
from explainers.explanation import Explanation
from explainers.images.colouring import Style, coloured
from explainers.images.poster import MARGIN, NOTEBOOK, WIDTH
from explainers.report.maps import overlay_image

EDGE = round(MARGIN * NOTEBOOK / WIDTH)
HOT = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)


def explained(heatmap: np.ndarray, *, signed: bool = False) -> Explanation:
    return Explanation(GradCam(), "tiny", Target(0), heatmap, signed=signed)


def drawn(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_an_explanation_shows_its_map_from_zero_to_its_largest_value() -> None:
    sheet = drawn(explained(HOT)._repr_png_())
    image = sheet[EDGE : EDGE + NOTEBOOK, EDGE : EDGE + NOTEBOOK]
    corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, coloured(HOT / 4, Style(), signed=False).reshape(4, 3))
    bar = sheet[EDGE + NOTEBOOK + 6, EDGE : EDGE + NOTEBOOK]
    np.testing.assert_array_equal(
        bar[[0, -1]], coloured(np.eye(2)[:1][:, ::-1], Style(), signed=False)[0]
    )


def test_the_bar_of_a_signed_map_begins_below_zero() -> None:
    sheet = drawn(explained(HOT - 3, signed=True)._repr_png_())
    bar = sheet[EDGE + NOTEBOOK + 6, EDGE : EDGE + NOTEBOOK]
    ends = coloured(np.array([[-1.0, 1.0]]), Style(), signed=True)[0]
    np.testing.assert_array_equal(bar[[0, -1]], ends)


def test_a_map_that_is_zero_everywhere_is_shown() -> None:
    sheet = drawn(explained(np.zeros((7, 7), np.float32), signed=True)._repr_png_())
    assert sheet.shape[1] == NOTEBOOK + 2 * EDGE


def test_several_stand_side_by_side_over_their_picture(pixels: np.ndarray) -> None:
    image = np.kron(pixels, np.ones((14, 14, 1))).astype(np.uint8)
    maps = [explained(HOT), explained(HOT.T), explained(HOT[::-1])]
    sheet = drawn(SideBySide(maps, image)._repr_png_())
    height = round(NOTEBOOK * image.shape[0] / image.shape[1])
    small = np.asarray(Image.fromarray(image).resize((NOTEBOOK, height)))
    for place, each in enumerate(maps):
        left = EDGE + place * (NOTEBOOK + EDGE)
        np.testing.assert_array_equal(
            sheet[EDGE : EDGE + height, left : left + NOTEBOOK],
            overlay_image(each, small, Style()),
        )
    assert sheet.shape[1] == left + NOTEBOOK + EDGE
