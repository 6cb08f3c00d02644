"""The command line: what it answers is what the app shows, and what it refuses it says why."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainers import GradCam, __version__, load_classifier
from explainers.command_line import COMMANDS, app, main
from explainers.words import percent
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, open_app

ROOT = Path(__file__).parents[1]
Captured = pytest.CaptureFixture[str]


def test_it_says_the_same_numbers_as_the_app(capsys: Captured) -> None:
    assert main(["explain", "rocket", "--method", "grad-cam", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (explained,) = told["explanations"]
    shown = open_app(picture="rocket", methods=["Grad-CAM"])
    shown.pills(key="views").set_value(["Matrix"]).run()
    shown.segmented_control(key="scale").set_value("Raw").run()
    (matrix,) = heatmaps(shown)
    np.testing.assert_array_equal(np.float32(explained["matrix"]), array(matrix["z"]))
    answer = told["answer"][0]
    assert shown.title[0].value == f"Why {answer['label']}?"
    assert percent(answer["probability"]) in captions(shown)


def test_a_picture_that_cannot_be_read_does_not_keep_the_others_from_being_told(
    capsys: Captured, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("This is no picture.")
    status = main(["explain", str(tmp_path / "text.png"), "cat", "--method", "grad-cam"])
    told, complaint = capsys.readouterr()
    assert status == 1
    assert told.startswith("cat (451 × 300): Egyptian cat 77.1%, ")
    assert complaint.count("\n") == 1
    assert complaint.startswith(f"{tmp_path / 'text.png'}: ")
