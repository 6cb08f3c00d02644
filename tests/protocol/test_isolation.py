"""Two visitors at the same time, whose files have the same names, see nothing of each other's."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from benchmarks.visitor import COMPLETE, Visitor, serving
from explainers import Classifier, GradCam, open_classifier, read_image
from explainers.words import percent, raw_range

ROUNDS = 50
NAMES = ("apple", "birch")
CLASSES = 5


def model(seed: int, folder: Path) -> bytes:
    """A tiny network with answers of its own, as a file."""
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 5, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(CLASSES, activation="softmax", kernel_initializer="random_normal"),
        ]
    )
    network.layers[-1].set_weights([each * 40 for each in network.layers[-1].get_weights()])
    network.save(folder / "model.keras")
    return (folder / "model.keras").read_bytes()


def picture(seed: int) -> bytes:
    """Seeded blocks of colour as a PNG, of which no two are alike."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.kron(blocks, np.ones((16, 16, 1), np.uint8))).save(file, "PNG")
    return file.getvalue()


def said(visitor: Visitor) -> list[str]:
    """What the page says of the answer and of the map."""
    return [
        each
        for each in visitor.charts
        if each.startswith("The five most probable") or each.startswith("Grad-CAM heatmap")
    ]


def expected(classifier: Classifier, content: bytes) -> list[str]:
    """What the library says of the same."""
    pixels = classifier.prepare(read_image(content))
    prediction = classifier.predict(pixels)
    top = prediction.top(CLASSES)
    explanation = GradCam().explain(classifier, pixels, top[0].index)
    grid = np.abs(explanation.grid(14))
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    return [
        "The five most probable classes: "
        + ", ".join(f"{each.label} {percent(each.probability)}" for each in top),
        f"Grad-CAM heatmap over the picture for {top[0].label}: strongest in row {row}, column "
        f"{column} of 14 by 14, raw {raw_range(explanation)}",
    ]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as (address, _):
        yield address


def test_two_sessions_never_see_each_others_answers(address: str, tmp_path: Path) -> None:
    files = [model(seed, tmp_path) for seed in range(2)]
    labels = ["\n".join(f"{name} {number}" for number in range(CLASSES)) for name in NAMES]
    own = [
        open_classifier(io.BytesIO(file), labels=text.splitlines())
        for file, text in zip(files, labels, strict=True)
    ]

    def visit(number: int) -> list[tuple[list[str], list[str]]]:
        other = NAMES[1 - number]
        pairs = []
        with Visitor(address, "methods=Grad-CAM") as visitor:
            visitor.settled()
            visitor.choose("Classifier", 1)
            visitor.settled()
            visitor.bring(
                "A Keras model, and its labels",
                [("model.keras", files[number]), ("labels.txt", labels[number].encode())],
            )
            visitor.settled()
            visitor.choose("Picture", 1)
            visitor.settled()
            for round in range(ROUNDS):
                content = picture(2 * round + number)
                visitor.bring("A picture of yours", [("picture.png", content)])
                visitor.settled()
                assert COMPLETE in visitor.text
                assert other not in visitor.text + " ".join(visitor.charts)
                pairs.append((said(visitor), expected(own[number], content)))
        return pairs

    with ThreadPoolExecutor(2) as both:
        mine, theirs = both.map(visit, range(2))
    for shown, wanted in mine + theirs:
        assert shown == wanted
    answers = [tuple(shown) for shown, _ in mine + theirs]
    assert len(set(answers)) == 2 * ROUNDS, "Pictures and models tell all answers apart."
