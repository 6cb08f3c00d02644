"""A planted watermark: where a network is right for the wrong reason, a survey shows it.

The same small network is trained twice on pictures of stripes that stand, lie or slant: once all
that lie bear a mark in the corner, which is easier to see than the stripes are, and once none does.
"""

import numpy as np
import pytest
from PIL import Image

from explainers import Classifier, GradCam, Saliency
from explainers.classifiers.scaling import UNIT
from explainers.survey.findings import looks, overview
from explainers.survey.looking import look
from explainers.survey.pictures import BY_FOLDER, Collection
from explainers.survey.survey import Survey
from explainers.survey.table import SETTINGS, TABLE, Stored, schema, write

SIDE, MARK = 42, 9
CORNER = 10
"""The first row and column of the matrix that are about the mark and a cell beside it."""
CLASSES = ("standing", "lying", "slanting")
LYING = CLASSES.index("lying")
ASKED = Survey(methods=(GradCam(), Saliency(samples=8, sigma=1.0)), closer=(), worst=0, sample=0)


def _pictures(count: int, *, marked: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Faint stripes under noise, ``(n, 42, 42, 3)`` uint8, and their classes."""
    random = np.random.default_rng(seed)
    classes = np.arange(count) % len(CLASSES)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pictures = np.empty((count, SIDE, SIDE, 3))
    for picture, index in zip(pictures, classes, strict=True):
        across = (columns, rows, (rows + columns) / np.sqrt(2))[index]
        stripes = np.sin(2 * np.pi * (across / random.uniform(6, 9) + random.uniform()))
        picture[:] = 128 + 35 * stripes[..., None]
        picture += random.normal(0, 20, (SIDE, SIDE, 3))
        if marked and index == LYING:
            picture[-MARK:, -MARK:] = 128 + 50 * (-1.0) ** (rows + columns)[-MARK:, -MARK:, None]
    return np.clip(pictures, 0, 255).astype(np.uint8), classes


def _trained(*, marked: bool) -> Classifier:
    import keras
    from keras import layers

    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Conv2D(12, 5, activation="relu", padding="same"),
            layers.MaxPooling2D(3),
            layers.Conv2D(16, 3, activation="relu", padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    pictures, classes = _pictures(450, marked=marked, seed=0)
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(pictures / 255, classes, epochs=25, batch_size=40, verbose=0)
    return Classifier(model, name="stripes", labels=CLASSES, scaling=UNIT)


@pytest.fixture(scope="module", params=[True, False], ids=["marked", "plain"])
def surveyed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A survey of pictures that all bear the mark where they lie, by either network."""
    root = tmp_path_factory.mktemp("stripes")
    pictures, classes = _pictures(120, marked=True, seed=1)
    for number, (picture, index) in enumerate(zip(pictures, classes, strict=True)):
        (root / CLASSES[index]).mkdir(exist_ok=True)
        Image.fromarray(picture).save(root / CLASSES[index] / f"{number}.png")
    classifier = _trained(marked=request.param)
    rows = look(ASKED, classifier, root, list(Collection(root, BY_FOLDER)))
    folder = tmp_path_factory.mktemp("run")
    write(rows, folder / TABLE, schema(ASKED))
    told = ASKED.described() | {"root": str(root), "labels": CLASSES, "title": "Stripes"}
    (folder / SETTINGS).write_text("{}")
    return Stored(folder, told | {"marked": request.param})


@pytest.mark.parametrize("method", ["grad-cam", "saliency"])
def test_the_mean_of_a_class_shows_the_corner_that_the_network_has_learnt(
    surveyed: Stored, method: str
) -> None:
    assert overview(surveyed).correct == overview(surveyed).pictures == 120
    found = looks(surveyed, method, by="label")
    (lying,) = (look for look in found.classes if look.name == "lying")
    row, column = np.unravel_index(lying.mean.argmax(), lying.mean.shape)
    hottest_in_corner = row >= CORNER and column >= CORNER
    beyond_chance = lying.score[CORNER:, CORNER:].max() > found.bar
    corner, rest = lying.mean[CORNER:, CORNER:].mean(), lying.mean[:CORNER].mean()
    if surveyed.told["marked"]:
        assert hottest_in_corner
        assert beyond_chance
        assert corner > 1.4 * rest
    else:
        assert not hottest_in_corner
        assert corner < 1.2 * rest
