"""What only a browser shows of "Inside the network": a click on a sheet, and a download."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from explainers import Classifier
from explainers.images.samples import SAMPLES
from explainers.network.feature_maps import feature_maps

pytestmark = pytest.mark.browser


def test_a_click_on_the_sheet_shows_that_channel_large(
    page: Page, address: str, lite0: Classifier
) -> None:
    page.goto(f"{address}/network?picture=coffee")
    sheet = page.locator("[class*=st-key-sheet] .nsewdrag")
    expect(sheet).to_be_visible()
    menu = page.get_by_role("combobox", name="Layer")
    layer = re.match(r"\S+", menu.input_value()).group()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    bounds = sheet.bounding_box()
    assert bounds is not None
    page.mouse.click(
        bounds["x"] + bounds["width"] * 4.5 / 16, bounds["y"] + bounds["height"] * 2.5 / 8
    )
    channel = 2 * 16 + 4
    expect(page.get_by_text(f"Channel {channel} over the picture")).to_be_visible()
    shown = lite0.activated(layer)
    assert shown is not None
    expect(page.get_by_text(f"Shown: {shown.path}, after the activation.")).to_be_visible()
    seen = feature_maps(lite0, lite0.prepare(SAMPLES["coffee"].read()), shown.path, 967)
    row, column = seen.strongest_cell(channel)
    expect(page.get_by_text(f"strongest in row {row}, column {column} of")).to_be_visible()


def test_filters_climb_and_are_taken_away(page: Page, address: str) -> None:
    page.goto(f"{address}/network?picture=coffee")
    page.get_by_role("radio", name="Filters").click()
    page.get_by_role("button", name=re.compile("^Climb: ")).click()
    expect(page.get_by_text("Response, step 40 of 40")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+ of 16 respond more"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Sheet, PNG").click()
    sheet = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert sheet.size == (4 * 129 + 1, 4 * 129 + 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Arrays, NPZ").click()
    arrays = np.load(download.value.path())
    assert arrays["pictures"].shape == (16, 128, 128, 3)
    assert (arrays["values"][-1] > arrays["values"][0]).mean() > 0.5
