"""Reading back what a Plotly chart on the screen shows."""

import base64
import json
from typing import Any

import numpy as np


def array(value: Any) -> np.ndarray:
    """An array of a chart, whether it was sent as a list or as encoded bytes."""
    if not isinstance(value, dict):
        return np.asarray(value)
    flat = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]))
    shape = value.get("shape")
    return flat.reshape([int(n) for n in shape.split(",")]) if shape else flat


def charts(app: Any) -> list[dict[str, Any]]:
    """All traces of an app under test, in the order of the page."""
    figures = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    return [trace for figure in figures for trace in figure["data"]]


def heatmaps(app: Any) -> list[dict[str, Any]]:
    """Its heatmaps."""
    return [trace for trace in charts(app) if trace["type"] == "heatmap"]
