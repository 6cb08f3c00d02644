"""Names in charts: each on a row of its own, and nothing that Plotly would take for its own."""

import html

import numpy as np
import pytest

from explainers import Prediction
from pages.parts.plots import change_figure, climb_figure, ranking_figure, steps_figure
from tests.app.charts import array
from tests.names import NAMES


def ranked(*labels: str) -> dict:
    count = len(labels)
    values = np.linspace(1, 2, count, dtype=np.float32)
    return ranking_figure(
        Prediction(values / values.sum(), labels), 0, count=count, row_height=30, theme="light"
    ).to_dict()


def changed(*labels: str) -> dict:
    values = np.linspace(0, 1, len(labels))
    return change_figure(list(labels), values, [("Hidden", values)], theme="light").to_dict()


@pytest.mark.parametrize("draw", [ranked, changed])
@pytest.mark.parametrize(
    "labels",
    [("7", "1", "4"), ("2024-05-01", "2023-01-01"), ("a" * 30 + "x", "a" * 30 + "y")],
    ids=["digits", "dates", "alike where they are cut"],
)
def test_every_name_has_a_row_of_its_own(draw, labels: tuple[str, ...]) -> None:
    figure = draw(*labels)
    axis, bars = figure["layout"]["yaxis"], figure["data"][0]
    assert array(bars["y"]).tolist() == list(axis["tickvals"]) == list(range(len(labels)))
    told = [text.removeprefix("<b>").removesuffix("</b>") for text in axis["ticktext"]]
    assert sorted(told) == sorted(
        label if len(label) < 27 else f"{label[:25]}…" for label in labels
    )


def texts(figure: dict) -> list[str]:
    """Every text of a figure that Plotly reads tags and placeholders in, but for our own."""
    own = ("<b>", "</b>", "<br>", "<extra></extra>", "%{customdata}", "%{x}", "%{y:.4f}")
    found = []
    for trace in figure["data"]:
        found += [trace.get("name") or "", trace["hovertemplate"], *trace.get("customdata", ())]
    found += figure["layout"]["yaxis"].get("ticktext", ())
    for part in (*own, "%{x:.6f}", "%{y:.3g}"):
        found = [str(text).replace(part, "") for text in found]
    return found


def test_no_name_is_a_tag_a_placeholder_or_another_name() -> None:
    values = np.linspace(0, 1, 2 * len(NAMES)).reshape(2, -1)
    for figure in (
        ranked(*NAMES),
        changed(*NAMES),
        steps_figure(values, list(NAMES), theme="light").to_dict(),
        climb_figure(values, NAMES, theme="light").to_dict(),
    ):
        found = texts(figure)
        assert not [text for text in found if "<" in text or "%{" in text]
        told = [html.unescape(text) for text in found]
        for name in NAMES:
            assert any(name in text for text in told), name
