"""What tests of surveys share: a folder of small pictures, and a tiny model in a file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import CLASSES, SIZE

Paint = Callable[..., Path]


@pytest.fixture
def painted(tmp_path: Path) -> Paint:
    """Paint seeded pictures into a folder: ``painted("a", 5, behind=b"-slow")``."""

    def paint(name: str, count: int, *, behind: bytes = b"", seed: int = 0) -> Path:
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng([seed, *name.encode()])
        for number in range(count):
            blocks = random.integers(0, 256, (6, 8, 3), np.uint8)
            path = folder / f"{number:03}.png"
            Image.fromarray(blocks).resize((64, 48), Image.Resampling.BICUBIC).save(path)
            with path.open("ab") as file:
                file.write(behind)
        return tmp_path / "pictures"

    return paint


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file of a tiny model, and that of the names of its classes."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, strides=2, activation="tanh"),
            layers.Conv2D(6, 3, activation="softplus"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    folder = tmp_path_factory.mktemp("tiny")
    model.save(folder / "tiny.keras")
    (folder / "tiny.txt").write_text("\n".join(CLASSES))
    return folder / "tiny.keras", folder / "tiny.txt"
