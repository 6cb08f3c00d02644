"""Models in a process of their own: the answers are theirs, the limits hold, nobody else waits."""

import gc
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from keras import layers

from explainers import Classifier, GradCam, LimeSuperpixels, NoAnswerError, open_classifier
from explainers.classifiers.classifier import INPUT
from explainers.classifiers.errors import EndedError, KilledError, ModelError
from explainers.classifiers.natural_noise import natural_noise
from explainers.classifiers.prediction import Target
from explainers.classifiers.randomised import randomised
from explainers.classifiers.scaling import CAFFE
from explainers.models.apart import ApartClassifier, messages, open_apart, prepare
from explainers.models.apart import classifier as asking
from explainers.models.apart.process import Process
from tests.conftest import CLASSES, SIZE, Hold


def saved(model: keras.Model, folder: Path) -> Path:
    path = folder / "model.keras"
    model.save(path)
    return path


def small() -> keras.Model:
    """A network with everything that can be asked for."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((*SIZE, 3)),
            layers.Conv2D(4, 3, name="early"),
            layers.BatchNormalization(),
            layers.Activation("tanh", name="activated"),
            layers.Conv2D(6, 3, activation="tanh", name="late"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )


def fresh(file: Path) -> tuple[ApartClassifier, psutil.Process]:
    """A classifier of its own for a test that ends it, and its process."""
    classifier = open_apart(file.read_bytes(), CLASSES)
    return classifier, psutil.Process(classifier._process._process.pid)


def ending_in(outputs: keras.KerasTensor, inputs: keras.KerasTensor) -> keras.Model:
    """A classifier of two classes around something that is expensive."""
    if len(outputs.shape) == 4:
        outputs = layers.GlobalAveragePooling2D()(outputs)
    else:
        outputs = layers.GlobalAveragePooling1D()(outputs)
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(outputs))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(small(), tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def there(file: Path) -> Iterator[ApartClassifier]:
    classifier = open_apart(file, CLASSES, CAFFE)
    yield classifier
    classifier.end()


@pytest.fixture(scope="module")
def here(file: Path) -> Classifier:
    return open_classifier(file, CLASSES, CAFFE, tried=False)


def test_it_answers_as_it_would_here(
    there: ApartClassifier, here: Classifier, file: Path, held: Hold
) -> None:
    pictures = natural_noise(SIZE)
    assert there.apart
    assert not here.apart
    assert (there.labels, there.scaling, there.size) == (here.labels, here.scaling, here.size)
    assert there.summary == here.summary
    assert there.layer() == here.layer()
    assert there.activated("early") == here.activated("early") == there.layer("activated")
    assert (there.activation, there.derived, there.nesting, there.paired) == (
        here.activation, here.derived, here.nesting, here.paired,
    )  # fmt: skip
    targets = [Target(0), Target(1, rather_than=2)]
    rows = np.random.default_rng(0).integers(0, 2, (12, 4))
    segments = np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) % 4

    def answers(of: Classifier) -> list[np.ndarray]:
        probabilities, locals_ = of.answers_and_gradients(pictures, ("late",), classes=[1] * 8)
        differentiated = [*locals_, *of.gradients(pictures, targets, (INPUT, "early"))]
        return [
            probabilities,
            of.probabilities(pictures),
            of.unmodified(pictures),
            of.logits(pictures),
            *of.activations(pictures, "early", "late"),
            *of.responses(pictures, [0] * 8, "late"),
            of.masked_probabilities(pictures[0], 0 * pictures[0], segments, rows),
            *(array for each in differentiated for array in (each.values, each.gradients)),
            of.gradients(pictures, 2, of="probability")[0].gradients,
            np.array(of.surprise),
        ]

    found, expected = answers(there), answers(here)
    assert [array.shape for array in found] == [array.shape for array in expected]
    assert all(np.abs(array).max() > 0 for array in found)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    keras_says = keras.saving.load_model(file)(CAFFE(pictures), training=False)
    difference = np.abs(found[1] - keras_says).max()
    held("Answers from a process of their own", "the unmodified Keras model", difference, 1e-6)


def test_it_is_explained_fed_labelled_and_forgets_as_it_would_here(
    there: ApartClassifier, here: Classifier
) -> None:
    pictures = natural_noise(SIZE)
    for method in (GradCam(), LimeSuperpixels(samples=60)):
        maps = [method.explain(of, pictures[0], 1).heatmap for of in (there, here)]
        np.testing.assert_allclose(*maps, atol=1e-6)
    other = there.variant(labels=["x", "y", "z"], name="other")
    assert other.predict(pictures[0]).top(1)[0].label in "xyz"
    assert there.predict(pictures[0]).labels == CLASSES
    copies = [randomised(of, pictures[:2]) for of in (there, here)]
    assert copies[0].learnt == copies[1].learnt
    for copy in copies:
        copy.randomise(2, seed=5)
    np.testing.assert_allclose(*(copy.probabilities(pictures) for copy in copies), atol=1e-6)
    assert not np.allclose(copies[0].probabilities(pictures), there.probabilities(pictures))
    number = copies[0]._number  # type: ignore[attr-defined]
    del copies, copy
    gc.collect()
    assert there._process._forgotten == [number]


def test_what_it_objects_is_told_in_its_words(there: ApartClassifier) -> None:
    pictures = natural_noise(SIZE)
    with pytest.raises(LookupError, match="no layer 'nowhere' whose output keeps a grid"):
        there.activations(pictures, "nowhere")
    with pytest.raises(NoAnswerError, match="answered nan for bird"):
        there.variant(labels=["bird", "b", "c"]).probabilities(np.nan * pictures)
    assert there.ended is None


def large_separable() -> keras.Model:
    inputs = keras.Input((224, 224, 3))
    x = layers.Conv2D(4, 3, strides=2)(inputs)
    return ending_in(layers.SeparableConv2D(2, 3, depth_multiplier=5000)(x), inputs)


def many_heads() -> keras.Model:
    inputs = keras.Input((224, 224, 3))
    x = layers.Reshape((56 * 56, 3))(layers.AveragePooling2D(4)(inputs))
    return ending_in(layers.MultiHeadAttention(60, 2)(x, x), inputs)


def attention_of_any_size() -> keras.Model:
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3)(inputs)
    return ending_in(layers.Attention()([x, x]), inputs)


@pytest.mark.parametrize("model", [large_separable, attention_of_any_size])
def test_a_small_file_that_takes_too_much_memory_is_refused(model, tmp_path: Path) -> None:
    path = saved(model(), tmp_path)
    assert path.stat().st_size < 2**20
    with pytest.raises(ModelError, match=r"asked for more memory|GB of memory, forward"):
        open_apart(path, any_size=(800, 800))


def test_a_small_file_that_takes_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ASKING", replace(asking.ASKING, seconds=4.0))
    inputs = keras.Input((224, 224, 3))
    x = layers.Conv2D(64, 1)(inputs)
    for _ in range(2):
        x = layers.MaxPooling2D(101, strides=1)(x)
    with pytest.raises(ModelError, match="for one picture took more than the 4 s of processor"):
        open_apart(saved(ending_in(x, inputs), tmp_path))


def test_the_library_tries_a_file_before_it_opens_it_itself(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="asked for more memory"):
        open_classifier(saved(many_heads(), tmp_path))


def test_a_process_that_is_killed_is_told_as_that_and_leaves_nothing(file: Path) -> None:
    classifier, process = fresh(file)
    folder = classifier._process.folder
    assert folder.is_dir()
    process.kill()
    with pytest.raises(KilledError, match=r"ended by the system \(SIGKILL\).*need not be at"):
        classifier.probabilities(natural_noise(SIZE))
    assert isinstance(classifier.ended, KilledError)
    with pytest.raises(NoAnswerError, match="SIGKILL"):
        classifier.logits(natural_noise(SIZE))
    assert not folder.exists()


def test_a_pass_past_its_limit_ends_the_model_and_the_last_who_could_ask_ends_it_too(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classifier, process = fresh(file)
    prepare()
    other, process_of_other = fresh(file)
    monkeypatch.setattr(asking, "ASKING", replace(asking.ASKING, seconds=0.0))
    monkeypatch.setattr(asking, "PATIENCE", 0.0)
    with pytest.raises(EndedError, match=r"To answer about [\d,]+ pictures took more than"):
        classifier.probabilities(np.repeat(natural_noise(SIZE), 4000, axis=0))
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    monkeypatch.undo()
    assert other.probabilities(natural_noise(SIZE)).shape == (8, 3)
    variant = other.variant(name="another")
    del other
    gc.collect()
    assert process_of_other.is_running()
    del variant
    gc.collect()
    assert not process_of_other.is_running()


def test_it_ends_with_the_process_that_asks() -> None:
    asks = "; ".join([
        "import os, signal",
        "from explainers.models.apart.process import Process",
        "process = Process()",
        "print(process._process.pid, flush=True)",
        "os.kill(os.getpid(), signal.SIGKILL)",
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, check=False)
    served = int(done.stdout)
    deadline = time.monotonic() + 30
    while psutil.pid_exists(served) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(served)


def test_another_network_keeps_its_pace_beside_a_model_at_full_work(
    lite0: Classifier, file: Path
) -> None:
    picture = natural_noise(lite0.size)[:1]
    stranger, _ = fresh(file)

    def median() -> float:
        times = []
        for _ in range(15):
            started = time.perf_counter()
            lite0.probabilities(picture)
            times.append(time.perf_counter() - started)
        return float(np.median(times))

    work = np.repeat(natural_noise(SIZE), 100, axis=0)
    stop = threading.Event()

    def at_full_work() -> None:
        while not stop.is_set():
            stranger.gradients(work, 0)

    lite0.probabilities(picture)
    ratios = []
    for _ in range(3):  # other tests run meanwhile, in one of the two and not in the other
        alone = median()
        thread = threading.Thread(target=at_full_work)
        thread.start()
        ratios.append(median() / alone)
        stop.set()
        thread.join()
        stop.clear()
    assert np.median(ratios) < 3, ratios


@pytest.mark.parametrize(
    "content",
    [
        messages.HEAD.pack(2**62),
        messages.HEAD.pack(2) + b"xx",
        b"".join([messages.HEAD.pack(35), b'{"array of": "|O", "shape": [1000]}', bytes(64)]),
        b"".join([messages.HEAD.pack(37), b'{"array of": "<f4", "shape": [9e12]}', bytes(64)]),
    ],
)
def test_a_message_that_is_none_is_not_read(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"message|Expecting|Extra"):
        messages.read(io.BytesIO(content))


def test_messages_arrive_as_they_were_sent() -> None:
    pipe = io.BytesIO()
    arrays = [np.arange(6.0).reshape(2, 3), np.array(5, np.int32), np.zeros((0, 4), bool)]
    sent = {"texts": ["ä", None], "numbers": [1, np.float32(0.5)], "arrays": arrays}
    messages.write(pipe, sent)
    pipe.seek(0)
    found = messages.read(pipe)
    assert found["texts"] == ["ä", None]
    assert found["numbers"] == [1, 0.5]
    for array, expected in zip(found["arrays"], arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype
    with pytest.raises(EOFError):
        messages.read(pipe)
    with pytest.raises(TypeError, match="nothing to tell"):
        messages.write(pipe, object())


def test_a_server_without_room_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(
        ModelError, match=r"could not use its folder for temporary files: no such file"
    ):
        open_apart(b"PK")
    assert issubclass(KilledError, ModelError)


def test_it_does_not_inherit_what_the_server_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "of the server")
    process = Process()
    environment = Path(f"/proc/{process._process.pid}/environ")
    if environment.exists():
        assert b"SECRET" not in environment.read_bytes()
        assert os.fsencode(str(process.folder)) in environment.read_bytes()
    process.end()
