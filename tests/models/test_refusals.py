"""What a person reads when a model cannot be had: what is wrong, whose fault it is, what to do."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from explainers import ModelError, load_classifier, open_classifier
from explainers.classifiers.errors import (
    DamagedWeightsError,
    PassingError,
    SizeError,
    fault_of,
)
from explainers.models import screening, zoo
from explainers.models.model_file import explain_as, open_model
from tests.conftest import Hold

SHAPE = (12, 16, 3)
BATCH = np.random.default_rng(2).uniform(0, 1, (4, *SHAPE)).astype(np.float32)

pytestmark = pytest.mark.usefixtures("forked")


def network(filters: int = 4, classes: int = 3, **settings: Any) -> keras.Sequential:
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(filters, 3, activation="relu", name="only", **settings),
            layers.GlobalAveragePooling2D(name="average", **settings),
            layers.Dense(classes, activation="softmax", name="answer", **settings),
        ]
    )


def saved(model: keras.Model, path: Path) -> Path:
    model.save(path)
    return path


@pytest.fixture(params=["model.keras", "model.h5"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        open_classifier(path)
    return str(caught.value)


def weights_of(path: Path, change: Callable[[h5py.Group], None]) -> Path:
    """The file with something done to its weights."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            change(file["model_weights"])
        return path
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    raw = path.with_name("raw.h5")
    raw.write_bytes(parts["model.weights.h5"])
    with h5py.File(raw, "a") as file:
        change(file)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, raw.read_bytes() if name.endswith(".h5") else content)
    return path


def with_weights_of(path: Path, other: keras.Model) -> Path:
    """The file with the weights of another network."""
    donor = saved(other, path.with_stem("donor"))
    if path.suffix == ".h5":
        with h5py.File(path) as file, h5py.File(donor, "a") as changed:
            changed.attrs["model_config"] = file.attrs["model_config"]
        return donor
    with zipfile.ZipFile(donor) as archive:
        content = archive.read("model.weights.h5")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, own in parts.items():
            archive.writestr(name, content if name.endswith(".h5") else own)
    return path


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16", "float16", "float64"])
def test_weights_of_any_precision_answer_as_keras_does(dtype: str, path: Path, held: Hold) -> None:
    trained = network(dtype=dtype)
    same = network()
    same.set_weights([np.asarray(weight, np.float32) for weight in trained.get_weights()])
    answers = open_classifier(saved(trained, path), scaling="0..255").probabilities(BATCH)
    difference = np.abs(answers - same.predict(BATCH, verbose=0)).max()
    held("Files of half and double precision", "Keras in float32", difference, 1e-6)


def test_what_lora_learnt_is_kept(path: Path) -> None:
    model = network()
    for name in ("only", "answer"):
        layer = model.get_layer(name)
        layer.enable_lora(2)
        layer.lora_kernel_b.assign(keras.random.normal(layer.lora_kernel_b.shape, seed=3))
    answers = open_classifier(saved(model, path), scaling="0..255").probabilities(BATCH)
    np.testing.assert_allclose(answers, model.predict(BATCH, verbose=0), atol=1e-5)


def test_a_model_that_names_its_only_input_and_output_opens(path: Path) -> None:
    inner = network()
    model = keras.Model({"picture": inner.inputs[0]}, {"kind": inner.outputs[0]})
    answers = open_classifier(saved(model, path), scaling="0..255").probabilities(BATCH)
    np.testing.assert_allclose(answers, inner.predict(BATCH, verbose=0), atol=1e-6)


def test_what_a_mac_leaves_in_a_zip_is_no_model(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.write(saved(network(), tmp_path / "model.keras"), "model.keras")
        archive.writestr("labels.txt", "a\nb\nc\n")
        archive.writestr("__MACOSX/._model.keras", b"litter")
        archive.writestr(".DS_Store", b"litter")
    assert open_classifier(tmp_path / "model.zip").labels == ("a", "b", "c")


def test_weights_of_another_network_tell_the_layer_and_both_shapes(path: Path) -> None:
    told = refusal(with_weights_of(saved(network(), path), network(classes=5)))
    assert "The layer 'answer' wants kernel 4 × 3, bias 3, and the file has 4 × 5, 5" in told
    told = refusal(with_weights_of(saved(network(), path), network(filters=6)))
    assert "'only' wants kernel 3 × 3 × 3 × 4, bias 4, and the file has 3 × 3 × 3 × 6, 6" in told
    assert "save both at once with model.save(...)" in told


def test_weights_that_are_missing_or_too_many_tell_the_layer(path: Path) -> None:
    archive = path.suffix == ".keras"

    def shear(group: h5py.Group) -> None:
        del group["layers/conv2d" if archive else "only"]

    def graft(group: h5py.Group) -> None:
        kept = group["layers/dense/vars" if archive else "answer"]
        kept["2"] = np.zeros(3, np.float32)
        if not archive:
            names = [*kept.attrs["weight_names"], "2"]
            kept.attrs["weight_names"] = [str(name).encode() for name in names]

    told = refusal(weights_of(saved(network(), path), shear))
    nothing = "The layer 'only' wants kernel 3 × 3 × 3 × 4, bias 4, and the file has nothing for it"
    counted = r"weights in 2 layers (only, answer), and the file for 1 (answer)"
    assert (nothing if archive else counted) in told
    told = refusal(weights_of(saved(network(), path), graft))
    assert "The layer 'answer' wants kernel 4 × 3, bias 3, and the file has 4 × 3, 3, 3" in told


def test_what_is_no_array_of_numbers_says_what_it_is(path: Path) -> None:
    def note(group: h5py.Group) -> None:
        group["note"] = "trained on Monday"

    def code(group: h5py.Group) -> None:
        group["code"] = np.zeros(4, "V1")

    assert "'note' in the HDF5 file is no array of numbers, but of text: save the model" in refusal(
        weights_of(saved(network(), path), note)
    )
    assert "but of items of 1 byte that are no plain numbers: save" in refusal(
        weights_of(saved(network(), path), code)
    )


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantised_weights_are_to_be_saved_in_float32(mode: str, path: Path) -> None:
    model = network()
    model.quantize(mode)
    told = refusal(saved(model, path))
    assert re.search(r"The layer '\w+' is a '.*DTypePolicy'\. Quantised weights are not open", told)
    assert "save the model in float32, as it was before model.quantize(...)" in told


class Mine(keras.Model):
    def call(self, x: Any) -> Any:
        return x


class Own(layers.Layer):
    def call(self, x: Any) -> Any:
        return x


def test_code_of_ones_own_is_told_from_keras_and_what_to_build_instead(path: Path) -> None:
    mine = Mine()
    mine(np.zeros((1, 4), np.float32))
    own = keras.Sequential([keras.Input(SHAPE), Own(name="odd"), layers.Flatten()])
    for model, place in ((mine, "The model is a "), (own, "The layer 'odd' is a ")):
        told = refusal(saved(model, path))
        assert told.startswith(place)
        assert "code of one's own is never run: build the model of Keras's usual layers" in told


def test_a_chain_too_long_for_keras_tells_its_length(tmp_path: Path) -> None:
    path = saved(network(), tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        config = json.loads(file.attrs["model_config"])
        first, *_, last = config["config"]["layers"]
        more = [
            {"class_name": "ReLU", "config": {"name": f"relu_{number}"}} for number in range(1_100)
        ]
        pool = {"class_name": "GlobalAveragePooling2D", "config": {"name": "average"}}
        config["config"]["layers"] = [first, *more, pool, last]
        file.attrs["model_config"] = json.dumps(config)
    told = refusal(path)
    assert re.search(r"calls 1,10\d layers one after another, and Keras follows about 950", told)


def test_a_sequential_model_is_built_once_not_for_each_layer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [layers.ReLU() for _ in range(9)]
    file = saved(keras.Sequential([keras.Input(SHAPE), *network().layers, *more]), path)
    built: list[int] = []
    build = keras.Sequential.build
    monkeypatch.setattr(
        keras.Sequential, "build", lambda *a, **k: (built.append(1), build(*a, **k))[1]
    )
    assert open_model(file).model.input_shape == (None, *SHAPE)
    assert len(built) == 2, "once to be measured, once to be used"


def _activated(activation: Any) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, activation=activation, name="only"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def _hidden() -> keras.Model:
    return keras.Sequential([keras.Input((10, 14, 4)), layers.UpSampling2D(9)])


@pytest.mark.parametrize(
    ("activation", "named"),
    [
        (_hidden, "Sequential"),
        (lambda: layers.UpSampling2D(3), "UpSampling2D"),
        (lambda: layers.Dense(4, activation=layers.ReLU()), "Dense"),
        (lambda: layers.Activation(layers.Activation(layers.ReLU())), "Activation"),
    ],
)
def test_a_model_or_a_stack_of_layers_where_a_function_belongs_is_refused(
    activation: Callable[[], Any], named: str, path: Path
) -> None:
    told = refusal(saved(_activated(activation()), path))
    assert re.search(rf"^The layer '\w+' has a '{named}' as its activation, where no model", told)


def test_a_layer_that_activates_may_stand_where_an_activation_belongs(path: Path) -> None:
    model = _activated(layers.LeakyReLU(0.3))
    answers = open_classifier(saved(model, path), scaling="0..255").logits(BATCH)
    np.testing.assert_allclose(answers, model.predict(BATCH, verbose=0), atol=1e-5)


ENDS = {
    "killed": ("os.kill(os.getpid(), 9)", r"ended by the system \(signal 9\), probably .* memory"),
    "crashed": ("os.kill(os.getpid(), 6)", r"before its time \(by signal 6\), .* and this machine"),
    "never begun": ("os._exit(3)", r"before its time \(with code 3\)"),
    "too slow": ("time.sleep(20)", r"given up after 0\.5 s .* it is busy, so try again"),
}


def _runs(code: str) -> SimpleNamespace:
    """`subprocess`, whose process does something else."""

    def run(_: Any, **settings: Any) -> Any:
        return subprocess.run([sys.executable, "-c", f"import os, time; {code}"], **settings)

    return SimpleNamespace(run=run, TimeoutExpired=subprocess.TimeoutExpired)


@pytest.mark.parametrize("case", ENDS)
def test_how_the_process_ended_is_told_and_the_file_is_not_blamed(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = ENDS[case]
    monkeypatch.setattr(screening, "subprocess", _runs(code))
    monkeypatch.setattr(screening, "PATIENCE", 0.5 if case == "too slow" else 20)
    with pytest.raises(PassingError, match=said) as caught:
        open_classifier(saved(network(), tmp_path / "model.keras"))
    assert "damaged" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps these limits")
def test_computing_without_end_is_the_fault_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from explainers.models import screening as s; s.SECONDS = 1; s._limit_resources()\n"
        "while True: pass"
    )
    monkeypatch.setattr(screening, "subprocess", _runs(code))
    monkeypatch.chdir(screening.ROOT)
    with pytest.raises(ModelError, match="more than 30 s of computing, which no real") as caught:
        open_classifier(saved(network(), tmp_path / "model.keras"))
    assert not isinstance(caught.value, PassingError)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(network(), tmp_path / "model.keras")
    replace = f"open({str(path)!r}, 'ab').write(b'more')"
    monkeypatch.setattr(screening, "subprocess", _runs(replace))
    with pytest.raises(PassingError, match="was replaced while it was being read: try again"):
        open_classifier(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("name", ["config.json", "raw.h5"])
def test_a_full_disk_is_not_the_fault_of_the_file(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).symlink_to("/dev/full")
    found = screening.answer(saved(network(), tmp_path / "model.keras"), folder)
    assert "into its temporary folder: no space left on device. Nothing" in found["passing"]


def test_hdf5_tells_a_full_disk_in_words_alone() -> None:
    told = "Can't write (file write failed: errno = 28, error message = 'No space left on device')"
    assert fault_of(OSError(told)) == errno.ENOSPC
    assert fault_of(RuntimeError(told)) == errno.ENOSPC
    assert fault_of(OSError("Unable to open file (truncated file: eof = 96)")) is None


def test_memory_that_a_file_asks_for_in_vain_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: Path) -> None:
        raise MemoryError

    monkeypatch.setattr(screening, "take_apart", ask)
    found = screening.answer(tmp_path, tmp_path)
    assert "takes more than 3.22 GB of memory" in found["refused"]


def test_faults_of_this_machine_are_told_and_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(network(), tmp_path / "model.keras")
    with pytest.raises(PassingError, match=r"look for the file 'x+': file name too long"):
        open_classifier(Path("/tmp", "x" * 5_000))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(PassingError, match="its folder for temporary files: no such file"):
        open_classifier(path)


def test_a_size_that_a_model_of_any_size_cannot_take_is_refused_as_a_size(tmp_path: Path) -> None:
    inputs = keras.Input((None, 40, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 31)(inputs))
    own = open_model(saved(keras.Model(inputs, layers.Dense(2)(x)), tmp_path / "any.keras"))
    assert explain_as(own, "own", size=(64, 40)).size == (64, 40)
    for size in ((16, 40), (64, 64)):
        said = rf"pictures of {size[0]} x {size[1]}: .* any number of rows and 40 of columns\."
        with pytest.raises(SizeError, match=said):
            explain_as(own, "own", size=size)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in Keras's cache that is not what it should be."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = zoo.APPLICATIONS["mobilenet"].path
    path.parent.mkdir()
    path.write_bytes(b"\x89HDF\r\n\x1a\n cut short")
    return path


def test_damaged_weights_in_the_cache_are_named_and_can_be_fetched(cached: Path) -> None:
    with pytest.raises(DamagedWeightsError) as caught:
        load_classifier("mobilenet")
    told = str(caught.value)
    assert cached.name in told
    assert "Fetch them again, or take another network." in told
    before = zoo.edition("mobilenet")
    cached.write_bytes(b"other")
    os.utime(cached, (1, 1))
    assert zoo.edition("mobilenet") not in (None, before)
    cached.unlink()
    assert zoo.edition("mobilenet") is None


def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for home in (tmp_path / "file", tmp_path / ("x" * 5_000)):
        monkeypatch.setenv("KERAS_HOME", str(home))
        assert zoo.whereabouts("vgg16") == "elsewhere"
        with pytest.raises(PassingError, match="keep the weights of VGG16 in Keras's cache: "):
            next(zoo.download("vgg16"))
