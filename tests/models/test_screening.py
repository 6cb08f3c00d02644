"""A hostile or broken model file is refused in a sentence, and nothing of it runs or stays."""

import importlib
import io
import json
import pickle
import random
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.applications.convnext import LayerScale
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from explainers import Classifier, ModelError, open_classifier
from explainers.models import model_file, sources, vocabulary
from explainers.models.model_file import open_model
from explainers.models.screening import Screened
from explainers.models.vocabulary import HOME_OF, HOMES, OPERATIONS, clean

SHAPE = (16, 16, 3)
KINDS = (".keras", ".h5")
HUGE = 25_000_000_000
SENTENCE = re.compile(r"[A-Z'][^\n]*\.")

Config = dict[str, Any]
Spoil = Callable[[h5py.Group], None]


def _flat() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, activation="relu", name="only"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )


def _two_models_deep() -> keras.Model:
    inputs = keras.Input(SHAPE)
    middle = keras.Model(inputs, _flat()(inputs), name="middle")
    return keras.Sequential([keras.Input(SHAPE), middle])


def _saved(model: keras.Model, kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model{kind}")
        model.save(path)
        return path.read_bytes()


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(4)
    return _flat()


@pytest.fixture(scope="module")
def files(model: keras.Model) -> dict[str, bytes]:
    """The model as both kinds of file, by their endings."""
    return {kind: _saved(model, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """What is in the .keras file."""
    with zipfile.ZipFile(io.BytesIO(files[".keras"])) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of its own, in which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not [*folder.glob("triptych-*")]


STARTED = ("an_honest_file", "code_in_a_lambda_layer", "memory_stays_flat", "whatever_the_bytes")
"""Tests for which the process is started for each file anew, as the app starts it."""


@pytest.fixture(autouse=True)
def _forked_unless_started(request: pytest.FixtureRequest) -> None:
    if not request.node.name.removeprefix("test_").startswith(STARTED):
        request.getfixturevalue("forked")


def refusal(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(ModelError) as caught:
        open_classifier(path, tried=False)
    sentence = str(caught.value)
    assert SENTENCE.fullmatch(sentence)
    assert not re.search(r"Error|Exception|Traceback|<class", sentence)
    return sentence


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_config(path: Path, config: Any, files: dict[str, bytes], parts: dict[str, bytes]) -> Path:
    """A file of the kind that the path ends in, with another config."""
    text = json.dumps(config)
    if path.suffix == ".keras":
        return zipped(path, parts | {"config.json": text.encode()})
    path.write_bytes(files[".h5"])
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = text
    return path


def with_weights(
    path: Path, spoil: Spoil, files: dict[str, bytes], parts: dict[str, bytes]
) -> Path:
    """A file of the kind that the path ends in, with something done to its weights."""
    archive = path.suffix == ".keras"
    raw = path.with_name("raw.h5")
    raw.write_bytes(parts["model.weights.h5"] if archive else files[".h5"])
    with h5py.File(raw, "r+") as file:
        spoil(file if archive else file["model_weights"])
    if archive:
        content = {"model.weights.h5": raw.read_bytes()}
        return zipped(path, parts | content, zipfile.ZIP_STORED)
    return raw.rename(path)


def config_of(model: keras.Model) -> Config:
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def innermost(config: Config) -> list[Config]:
    """The layers of the model in the model in the model."""
    inner = config["config"]["layers"]
    for layer in inner:
        if "layers" in layer["config"]:
            return innermost(layer)
    return inner


def entry(kind: str, home: str | None = "keras.layers", **settings: Any) -> Config:
    """One layer's part of a config."""
    return {
        "module": home,
        "class_name": kind,
        "config": {"name": "Odd", "trainable": True, **settings},
        "registered_name": None,
    }


def chain(*steps: Config, shape: tuple[int | None, ...] = (None, *SHAPE)) -> Config:
    """A Functional model of one layer after another."""
    ends = (
        entry("GlobalAveragePooling2D", name="average"),
        entry("Dense", name="answer", units=3),
    )
    built = [entry("InputLayer", name="picture", batch_shape=list(shape)), *steps, *ends]
    before: list[Config] = []
    for layer in built:
        layer["name"] = layer["config"]["name"]
        if "inbound_nodes" not in layer:
            layer["inbound_nodes"] = [[[before[-1]["name"], 0, 0, {}]]] if before else []
        before += [layer] if layer["inbound_nodes"] or not before else []
    return {
        "module": "keras",
        "class_name": "Functional",
        "config": {
            "name": "chain",
            "layers": built,
            "input_layers": [["picture", 0, 0]],
            "output_layers": [["answer", 0, 0]],
        },
        "registered_name": None,
    }


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_an_honest_file_answers_as_keras_does(
    kind: str, model: keras.Model, files: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / f"honest{kind}"
    path.write_bytes(files[kind])
    batch = np.random.default_rng(0).uniform(0, 255, (4, *SHAPE)).astype(np.float32)
    expected = model.predict(batch, verbose=0)
    classifier = open_classifier(path, labels=["a", "b", "c"], scaling="0..255", tried=False)
    np.testing.assert_allclose(classifier.probabilities(batch), expected, atol=1e-6)


def test_code_in_a_lambda_layer_is_never_run(kind: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    text = str(marker)
    inputs = keras.Input(SHAPE)
    x = layers.Lambda(lambda x: (open(text, "w").close(), x)[1], name="Writer")(inputs)
    armed = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    path = tmp_path / f"armed{kind}"
    path.write_bytes(_saved(armed, kind))
    keras.models.load_model(path, safe_mode=False)
    assert marker.exists()
    marker.unlink()
    with pytest.raises(ModelError, match=r"'Writer' .*Lambda'\. A Lambda layer holds code"):
        open_classifier(path, tried=False)
    assert not marker.exists()


CODE = {"class_name": "__lambda__", "config": {"value": ["4wAAAAA=", None, None]}}
FUNCTION = {"class_name": "function", "registered_name": "function"}
FOREIGN: dict[str, tuple[Config, str]] = {
    "eval": (entry("eval", "builtins"), r"The layer 'Odd' is a 'builtins\.eval'"),
    "system": (entry("system", "os"), r"The layer 'Odd' is a 'os\.system'"),
    "get_file": (
        entry("get_file", "keras.utils"),
        r"The layer 'Odd' is a 'keras\.utils\.get_file'",
    ),
    "unknown module": (
        entry("Dense", "evil.layers"),
        r"The layer 'Odd' is a 'evil\.layers\.Dense'",
    ),
    "module that only starts like Keras": (
        entry("Dense", "keras_evil"),
        r"The layer 'Odd' is a 'keras_evil\.Dense'",
    ),
    "registered name": (
        entry("Dense") | {"registered_name": "Custom>Thing"},
        "The layer 'Odd' is registered as 'Custom>Thing'",
    ),
    "saved TensorFlow program": (
        entry("TFSMLayer", filepath="/tmp/saved"),
        r"The layer 'Odd' is a 'keras\.layers\.TFSMLayer'\. A TFSMLayer runs",
    ),
    "activation by name": (
        entry("Dense", units=3, activation="os.system"),
        r"The layer 'Odd' names 'os\.system' as its activation",
    ),
    "activation by function": (
        entry("Dense", units=3, activation=FUNCTION | {"module": "builtins", "config": "eval"}),
        "A function in the layer 'Odd', 'eval', is none of",
    ),
    "activation by code": (
        entry("Dense", units=3, activation=CODE),
        "The layer 'Odd' is a '__lambda__'",
    ),
    "setting of Keras": (
        entry(
            "Dense",
            activation=FUNCTION
            | {"module": "keras.config", "config": "enable_unsafe_deserialization"},
        ),
        "A function in the layer 'Odd', 'enable_unsafe_deserialization', is none of",
    ),
    "initializer by name": (
        entry("Dense", units=3, kernel_initializer="os.system"),
        r"The layer 'Odd' names 'os\.system' as its kernel_initializer",
    ),
    "initializer of a foreign module": (
        entry("Dense", units=3, kernel_initializer={**entry("Zeros", "evil"), "config": {}}),
        r"The layer 'Odd' is a 'evil\.Zeros'",
    ),
    "layer in a layer": (
        entry("SpectralNormalization", layer=entry("system", "os", name="Within")),
        r"The layer 'Within' is a 'os\.system'",
    ),
    "argument of a call": (
        entry("Flatten") | {"inbound_nodes": [{"args": [entry("system", "os")], "kwargs": {}}]},
        r"The layer 'Odd' is a 'os\.system'",
    ),
    "shape to build for": (
        entry("Flatten") | {"build_config": {"input_shape": [entry("system", "os")]}},
        r"The layer 'Odd' is a 'os\.system'",
    ),
    "values of any length": (
        entry(
            "Rescaling",
            scale={"class_name": "__numpy__", "config": {"value": [0, 0], "dtype": "S1000000000"}},
        ),
        "A value in the layer 'Odd' is of the type 'S1000000000', no number",
    ),
}


@pytest.mark.parametrize(
    ("build", "kind"), [(_flat, ".keras"), (_flat, ".h5"), (_two_models_deep, ".keras")]
)
@pytest.mark.parametrize("case", FOREIGN)
def test_objects_that_are_no_layers_of_keras_are_refused(
    case: str,
    build: Callable[[], keras.Model],
    kind: str,
    files: dict[str, bytes],
    parts: dict[str, bytes],
    tmp_path: Path,
) -> None:
    layer, said = FOREIGN[case]
    config = config_of(build())
    innermost(config).append(layer)
    path = with_config(tmp_path / f"foreign{kind}", config, files, parts)
    assert re.search(said, refusal(path))


def test_how_it_was_trained_is_left_out_not_looked_up(
    kind: str, files: dict[str, bytes], parts: dict[str, bytes], tmp_path: Path
) -> None:
    config = config_of(_flat())
    config["compile_config"] = {"loss": entry("system", "os"), "optimizer": CODE}
    open_model(with_config(tmp_path / f"trained{kind}", config, files, parts))


@pytest.mark.parametrize(
    "name", ["../evil.txt", "assets/../../evil.txt", "/tmp/evil", "..\\evil.txt", "C:\\evil.txt"]
)
def test_a_path_that_leads_out_is_refused(
    name: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    path = zipped(tmp_path / "outward.keras", parts | {name: b"evil"})
    assert f"holds {name!r}, a path that leads out of it" in refusal(path)
    assert not [*tmp_path.rglob("evil*")]


def test_members_that_no_model_has_are_refused(parts: dict[str, bytes], tmp_path: Path) -> None:
    path = zipped(tmp_path / "guest.keras", parts | {"evil.py": b"print()"})
    assert "holds 'evil.py', which has no place in a model file" in refusal(path)
    path = zipped(tmp_path / "half.keras", {"config.json": parts["config.json"]})
    assert "a model without its weights" in refusal(path)
    path = zipped(tmp_path / "crowd.keras", parts | {f"{n}.txt": b"" for n in range(200)})
    assert "more than 100 files" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(parts: dict[str, bytes], tmp_path: Path) -> None:
    path = zipped(tmp_path / "twice.keras", parts)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", b"{}")
    assert "holds 'config.json' twice" in refusal(path)


def listed(path: Path, name: str, **said: int) -> Path:
    """A zip whose directory says something else of a member."""
    places = {"flags": (8, 2), "compressed": (20, 4), "size": (24, 4)}
    data = bytearray(path.read_bytes())
    start = data.rindex(name.encode()) - 46
    for key, value in said.items():
        offset, length = places[key]
        data[start + offset : start + offset + length] = value.to_bytes(length, "little")
    path.write_bytes(data)
    return path


def test_an_encrypted_member_is_refused(parts: dict[str, bytes], tmp_path: Path) -> None:
    path = listed(zipped(tmp_path / "secret.keras", parts), "config.json", flags=1)
    assert "'config.json' in the archive is encrypted" in refusal(path)


def test_a_zip_bomb_is_refused_before_it_unpacks(parts: dict[str, bytes], tmp_path: Path) -> None:
    bomb = parts | {"model.weights.h5": bytes(40_000_000)}
    path = zipped(tmp_path / "bomb.keras", bomb)
    said = "'model.weights.h5' in the archive unpacks to 40 MB from 38.9 kB, which no real model"
    assert said in refusal(path)


def test_sizes_that_a_zip_only_claims_do_not_help_it(
    parts: dict[str, bytes], tmp_path: Path
) -> None:
    path = zipped(tmp_path / "bomb.keras", parts | {"config.json": bytes(40_000_000)})
    assert "damaged" in refusal(listed(path, "config.json", size=5_000))
    assert "unpacks to 4.29 GB" in refusal(listed(path, "config.json", size=2**32 - 2))
    listed(path, "config.json", size=2**32 - 2, compressed=2**31)
    assert "'config.json' in the archive declares 4.29 GB, and 8.39 MB" in refusal(path)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"a.h5": b"", "b.h5": b""}, "it holds a.h5, b.h5"),
        ({"a.h5": b"", "evil.py": b""}, "it holds a.h5, evil.py"),
        ({"a.h5": b"", "a.txt": b"", "b.txt": b""}, "it holds a.h5, a.txt, b.txt"),
        ({}, "damaged|no Keras model"),
        ({"folder/": b""}, "it holds nothing"),
        ({"a.h5": b"\x80\x04K\x01."}, "a Python pickle"),
        ({"m/data.pkl": b"", "m/version": b"", "m/data/0": b""}, "holds a model of PyTorch"),
        ({"saved_model.pb": b"", "variables/variables.index": b""}, "holds a SavedModel"),
        ({"model_unquant.tflite": b"", "labels.txt": b""}, "TensorFlow Lite .* for Keras, too"),
        ({"model.json": b"", "weights.bin": b""}, r"TensorFlow\.js .* for Keras, too"),
        ({"m/config.json": b"", "m/model.weights.h5": b""}, "unpacked: pack its parts themselves"),
    ],
)
def test_a_zip_around_anything_but_one_model_is_refused(
    members: dict[str, bytes], said: str, tmp_path: Path
) -> None:
    assert re.search(said, refusal(zipped(tmp_path / "bundle.zip", members)))


def test_archives_in_archives_are_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.h5": files[".h5"]}).read_bytes()
    path = zipped(tmp_path / "outer.zip", {"a.h5": inner}, zipfile.ZIP_STORED)
    assert "holds an archive" in refusal(path)
    path = zipped(tmp_path / "outer.zip", {"a.keras": inner}, zipfile.ZIP_STORED)
    refusal(path)


def _external_storage(group: h5py.Group) -> None:
    group.create_dataset("Odd", (4,), "f4", external=[("/etc/hostname", 0, 16)])


def _virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "data", (4,))
    group.create_virtual_dataset("Odd", layout)


def _deep(group: h5py.Group) -> None:
    for _ in range(100):
        group = group.create_group("Odd")


def _cycle(group: h5py.Group) -> None:
    group["Odd"] = group


def _many_ways(group: h5py.Group) -> None:
    """Two ways down on each of 40 floors, so a million million paths lead to the last."""
    for _ in range(40):
        below = group.create_group("Odd")
        group["Other"] = below
        group = below


SPOILS: dict[str, tuple[Spoil, str]] = {
    "external link": (
        lambda group: group.__setitem__("Odd", h5py.ExternalLink("/tmp/other.h5", "/data")),
        "'Odd' in the HDF5 file is a link that leads elsewhere",
    ),
    "soft link": (
        lambda group: group.__setitem__("Odd", h5py.SoftLink("/elsewhere")),
        "'Odd' in the HDF5 file is a link that leads elsewhere",
    ),
    "external storage": (_external_storage, "'Odd' in the HDF5 file lies in another file"),
    "virtual": (_virtual, "'Odd' in the HDF5 file lies in another file"),
    "100 GB that are not there": (
        lambda group: group.create_dataset("Odd", (HUGE,), "f4"),
        "The weights up to 'Odd' declare 100 GB, and 1.07 GB are allowed",
    ),
    "400 MB that are not there": (
        lambda group: group.create_dataset("Odd", (10**8,), "f4", chunks=(1000,)),
        "'Odd' declares 400 MB but holds 0 bytes",
    ),
    "40 MB of zeros": (
        lambda group: group.create_dataset("Odd", data=np.zeros(10**7, "f4"), compression="gzip"),
        "'Odd' declares 40 MB but holds",
    ),
    "text": (
        lambda group: group.create_dataset("Odd", data="import os"),
        "'Odd' in the HDF5 file is no array of numbers",
    ),
    "texts": (
        lambda group: group.create_dataset("Odd", data=[b"import", b"os"]),
        "'Odd' in the HDF5 file is no array of numbers",
    ),
    "references": (
        lambda group: group.create_dataset("Odd", (2,), h5py.ref_dtype),
        "'Odd' in the HDF5 file is no array of numbers",
    ),
    "records": (
        lambda group: group.create_dataset("Odd", (2,), [("a", "f4"), ("b", "i4")]),
        "'Odd' in the HDF5 file is no array of numbers",
    ),
    "no space": (
        lambda group: group.create_dataset("Odd", data=h5py.Empty("f4")),
        "'Odd' in the HDF5 file is no array of numbers",
    ),
    "named type": (
        lambda group: group.__setitem__("Odd", np.dtype("f4")),
        "'Odd' in the HDF5 file is no array of numbers",
    ),
    "not a number": (
        lambda group: group.create_dataset("Odd", data=np.array([1, np.nan], np.float32)),
        "The weights 'Odd' hold values that are not finite",
    ),
    "infinity": (
        lambda group: group.create_dataset("Odd", data=np.array([1, -np.inf], np.float16)),
        "The weights 'Odd' hold values that are not finite",
    ),
    "deep": (_deep, "'Odd/Odd/.*' are nested too deep"),
    "cycle": (_cycle, "'Odd' in the HDF5 file is there under several names"),
    "many ways": (_many_ways, "'Odd' in the HDF5 file is there under several names"),
}


@pytest.mark.parametrize("case", SPOILS)
def test_weights_that_are_no_plain_arrays_are_refused(
    case: str, kind: str, files: dict[str, bytes], parts: dict[str, bytes], tmp_path: Path
) -> None:
    spoil, said = SPOILS[case]
    path = with_weights(tmp_path / f"spoilt{kind}", spoil, files, parts)
    assert re.search(said, refusal(path))


def test_a_name_that_is_a_path_into_another_file_is_refused(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "private.h5", "w") as file:
        file["x"] = np.arange(5_000.0)
    path = tmp_path / "reader.h5"
    path.write_bytes(files[".h5"])
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        group["optimizer"] = h5py.ExternalLink(str(tmp_path / "private.h5"), "/")
        group["optimizer_x"] = np.zeros(3)
    path.write_bytes(path.read_bytes().replace(b"optimizer_x", b"optimizer/x"))
    assert "'optimizer/x' in the HDF5 file is a path" in refusal(path)


def test_weights_that_lie_behind_a_link_are_refused(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "other.h5").write_bytes(files[".h5"])
    path = tmp_path / "linked.h5"
    path.write_bytes(files[".h5"])
    with h5py.File(path, "r+") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/model_weights")
    assert "'model_weights' in the HDF5 file is a link" in refusal(path)


def _stray() -> Config:
    """A layer that no path to the output leads through, built all the same."""
    stray = entry("Dense", units=3_000) | {
        "build_config": {"input_shape": [None, 100_000]},
        "inbound_nodes": [],
    }
    return chain(stray)


def _dead_end() -> Config:
    """A layer that is called, but does not lead to the output."""
    config = chain()
    end = entry("Dense", units=10**8, use_bias=False)
    config["config"]["layers"].append(
        end | {"name": "Odd", "inbound_nodes": [[["picture", 0, 0, {}]]]}
    )
    return config


def _namesakes() -> Config:
    """Three models, none too large by itself, whose layers have the same name."""
    large = entry("Conv2D", filters=20_000, kernel_size=[43, 43], padding="same")
    narrow = entry("Conv2D", name="narrow", filters=3, kernel_size=1)
    models = []
    for name in ("one", "two", "three"):
        model = json.loads(json.dumps(chain(large, narrow, shape=(None, 200, 200, 3))))
        del model["config"]["layers"][-2:]
        model["config"] |= {"name": name, "output_layers": [["narrow", 0, 0]]}
        models.append(model)
    return chain(*models, shape=(None, 200, 200, 3))


def _attention() -> Config:
    """Each of 65,536 places compared with each."""
    inputs = keras.Input(SHAPE)
    places = layers.Reshape((-1, 3))(layers.UpSampling2D(16)(inputs))
    attended = layers.Attention(name="Odd")([places, places])
    answer = layers.Dense(2)(layers.GlobalAveragePooling1D()(attended))
    return config_of(keras.Model(inputs, answer))


def _calls_of_calls() -> Config:
    """A model that calls a model six times, which calls a model six times, and so on."""
    model = chain(entry("Activation", activation="relu"))
    del model["config"]["layers"][-2:]
    model["config"]["output_layers"] = [["Odd", 0, 0]]
    for _ in range(5):
        model["config"]["name"] = model["name"] = "inner"
        calls = [[["inner", number, 0, {}]] for number in range(5)]
        model["inbound_nodes"] = [[["picture", 0, 0, {}]], *calls]
        outer = chain()
        outer["config"]["layers"] = [outer["config"]["layers"][0], model]
        outer["config"]["output_layers"] = [["inner", 5, 0]]
        model = outer
    return chain(model | {"config": model["config"] | {"name": "outermost"}})


TOO_LARGE: dict[str, tuple[Config, str]] = {
    "one wide layer": (
        chain(entry("Dense", units=HUGE)),
        "The layer 'Odd' declares units = 25,000,000,000, at least 100 GB",
    ),
    "a number of a thousand digits": (
        chain(entry("Dense", units=10**1000)),
        "The layer 'Odd' declares units = 10,000,.*, at least over a billion GB",
    ),
    "a width without end": (
        chain(entry("Dense", units=float("inf"))),
        "The layer 'Odd' declares units = inf",
    ),
    "a wide layer on a long one": (
        chain(
            entry("Flatten", name="flat"),
            entry("Dense", units=100_000),
            entry("Reshape", name="back", target_shape=[1, 1, 100_000]),
            shape=(None, 512, 512, 3),
        ),
        "The model's weights take 315 GB, most of all those of 'Odd/kernel'",
    ),
    "one large picture": (
        chain(shape=(None, 100_000, 100_000, 3)),
        r"The layer 'picture' declares the shape \[None, 100000, 100000, 3\], 120 GB",
    ),
    "a stray layer": (
        _stray(),
        "The model's weights take 1.2 GB, most of all those of 'Odd/kernel'",
    ),
    "a dead end": (
        _dead_end(),
        "The model's weights take 1.2 GB, most of all those of 'Odd/kernel'",
    ),
    "a large enlargement": (
        chain(entry("UpSampling2D", size=[10**9, 10**9])),
        r"The model's outputs for one picture take .* GB, most of all those of 'Odd'",
    ),
    "attention between all places": (
        _attention(),
        r"The model's outputs for one picture take .* GB, most of all those of 'Odd'",
    ),
    "calls of calls of calls": (_calls_of_calls(), "calls its layers more than 5,000 times"),
    "namesakes": (_namesakes(), "The model's weights take 1.33 GB"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_network_too_large_is_refused(
    case: str, kind: str, files: dict[str, bytes], parts: dict[str, bytes], tmp_path: Path
) -> None:
    config, said = TOO_LARGE[case]
    path = with_config(tmp_path / f"large{kind}", config, files, parts)
    assert re.search(said, refusal(path))


def memory(key: str, *, reset: bool = False) -> int:
    """Bytes of this process in memory, now (VmRSS) or the most since the last reset (VmHWM)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(rf"{key}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


def test_nothing_large_is_computed_while_a_network_is_measured(
    files: dict[str, bytes], parts: dict[str, bytes], tmp_path: Path
) -> None:
    config = chain(
        entry("ZeroPadding2D", name="pad", padding=4_000),
        entry("Normalization", axis=[1, 2, 3], mean=0.0, variance=1.0),
    )
    path = with_config(tmp_path / "large.keras", config, files, parts)
    before = memory("VmRSS", reset=True)
    with pytest.raises(ModelError):
        open_classifier(path, tried=False)
    assert memory("VmHWM") - before < 500e6


@pytest.fixture(scope="module")
def bystander(model: keras.Model) -> Classifier:
    """A classifier that was opened before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bystander.keras")
        model.save(path)
        return open_classifier(path, labels=["a", "b", "c"], tried=False)


def test_memory_stays_flat_and_other_classifiers_are_left_alone(
    bystander: Classifier, files: dict[str, bytes], parts: dict[str, bytes], tmp_path: Path
) -> None:
    batch = np.random.default_rng(1).uniform(0, 255, (3, *SHAPE)).astype(np.float32)
    expected = bystander.logits(batch)
    before = memory("VmRSS", reset=True)
    declared = SPOILS["100 GB that are not there"][0]
    for number, kind in enumerate(KINDS * 2):
        wide = TOO_LARGE["one wide layer" if number < 2 else "a wide layer on a long one"][0]
        refusal(with_config(tmp_path / f"wide{kind}", wide, files, parts))
        refusal(with_weights(tmp_path / f"long{kind}", declared, files, parts))
    refusal(zipped(tmp_path / "bomb.keras", parts | {"model.weights.h5": bytes(40_000_000)}))
    assert memory("VmRSS") - before < 100e6
    assert memory("VmHWM") - before < 200e6
    np.testing.assert_array_equal(bystander.logits(batch), expected)


OTHERS = {
    "empty": (b"", "The file is empty"),
    "web page": (b"\n<!DOCTYPE html>\n<html>", "web page"),
    "pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    "JSON": (b'{"class_name": "Sequential"}', "text in JSON"),
    "safetensors": ((300).to_bytes(8, "little") + b'{"__metadata__":{}}', "safetensors"),
    "gzip": (b"\x1f\x8b\x08" + bytes(500), "unpack it first"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(500), "a picture"),
    "one byte": (b"a", "no Keras model"),
    "zeros": (bytes(5_000), "no Keras model"),
    "random": (random.Random(0).randbytes(5_000), "no Keras model"),
    "text": (b"import os\n" * 500, "no Keras model"),
    "TensorFlow Lite": (b"\0\0\0\0TFL3" + bytes(500), "TensorFlow Lite .* gives no gradients"),
    "pickle": (pickle.dumps({"a": 1}), "Python pickle, which could run anything"),
    "graph": (b"\x08\x07" + bytes(500), "TensorFlow or ONNX graph"),
    "start of a zip": (b"PK\x03\x04" + bytes(500), "zip whose end is missing"),
    "start of HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(500), "damaged"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_model_is_refused(case: str, tmp_path: Path) -> None:
    content, said = OTHERS[case]
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    assert re.search(said, refusal(path))


@pytest.mark.parametrize("part", [0.1, 0.6, 0.99])
def test_a_file_cut_short_is_refused(
    part: float, kind: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / f"short{kind}"
    path.write_bytes(files[kind][: int(part * len(files[kind]))])
    assert re.search(r"cut short: .* of its .* are there|zip whose end is missing", refusal(path))


def test_hdf5_without_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(5)
    assert "The HDF5 file holds no Keras model." in refusal(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 5_000, '{"class_name": "Dense"'])
def test_a_config_of_no_model_is_refused(
    text: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    path = zipped(tmp_path / "odd.keras", parts | {"config.json": text.encode()})
    assert re.search("config (describes no|cannot be read|of the model is nested)", refusal(path))


KIND_AT = {
    "keras.models": keras.Model,
    "keras.src.models.functional": keras.Model,
    "keras.layers": layers.Layer,
    "keras.src.applications.convnext": layers.Layer,
    "keras.src.applications.inception_resnet_v2": layers.Layer,
    "keras.initializers": keras.initializers.Initializer,
    "keras.regularizers": keras.regularizers.Regularizer,
    "keras.constraints": keras.constraints.Constraint,
    "keras": keras.DTypePolicy,
    "keras.mixed_precision": keras.DTypePolicy,
}
LISTED = [(home, name) for home, names in HOMES.items() for name in names.split()]
LISTED_OPERATIONS = [(home, name) for home, names in OPERATIONS.items() for name in names.split()]


def test_every_name_on_the_lists_is_at_its_home() -> None:
    for home, name in LISTED:
        assert issubclass(getattr(importlib.import_module(home), name), KIND_AT[home])
    for home, name in LISTED_OPERATIONS:
        assert issubclass(getattr(importlib.import_module(home), name), keras.Operation)
    for name in vocabulary.ACTIVATIONS:
        assert callable(keras.activations.get(name))


NEVER = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    *("TextVectorization", "StringLookup", "IntegerLookup"),
}


def test_layers_that_run_code_or_read_files_are_on_no_list() -> None:
    assert not NEVER & {name for _, name in (*LISTED, *LISTED_OPERATIONS)}
    assert {*dir(layers)} >= NEVER


ODD_VALUES: list[Any] = [
    *(10**30, 2**63, 2**31, 10**400, -1, 0, 7, 1.5, -0.5, 1e308, float("nan"), float("inf")),
    *(None, True, [], {}, [[]], [None], [0, 0], [-1, 2], [1, 2, 3, 4, 5, 6, 7], {"a": 1}),
    *("", "relu", "os.system", "é\0/..", "\ud800", "x" * 10_000, "valid", "channels_first"),
    *(CODE, FUNCTION | {"config": "relu"}, FUNCTION | {"config": ["relu"]}),
    *({"class_name": []}, {"module": 3}, entry("Dense", units=2), entry("Lambda")),
    {"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "float32"}},
    {"class_name": "__tensor__", "config": {"value": "a", "dtype": "float32"}},
    {"class_name": "__slice__", "config": {"start": 0, "stop": None, "step": 0}},
    {"class_name": "TFOpLambda", "config": {"name": "x", "function": ["math.add"]}},
]


def _rich() -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.Rescaling(1 / 127.5, offset=-1)(layers.RandomFlip()(inputs))
    y = layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(y)))
    x = keras.ops.mean(layers.Add()([x, y]) * 2.0, axis=-1, keepdims=True) + y
    x = layers.MaxPooling2D()(layers.ZeroPadding2D(1)(x))
    x = layers.Cropping2D(1)(layers.UpSampling2D()(layers.SeparableConv2D(3, 3)(x)))
    x = layers.Dense(4)(layers.Reshape((-1, 3))(x))
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 2)(x, x))
    shape = x.shape[1:]
    x = CustomScaleLayer(0.17)([x, LayerScale(0.5, 4)(x)])
    inner = keras.Sequential([keras.Input(shape), layers.Conv1D(3, 3), layers.Flatten()])
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(_head()(inner(x))))


def _head() -> layers.Layer:
    return layers.SpectralNormalization(layers.Dense(4, activation="gelu"))


def _as_keras_2(value: Any) -> Any:
    """A config with the words of Keras 2."""
    if isinstance(value, list):
        return [_as_keras_2(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {"batch_shape": "batch_input_shape"}
    kept = value.keys() - {"module", "registered_name", "build_config"}
    return {renamed.get(key, key): _as_keras_2(value[key]) for key in value if key in kept}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a config: what holds it, and its key or index there."""
    keys: Any = ()
    if isinstance(value, dict):
        keys = value
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _mutated(config: Config, chance: random.Random) -> Config:
    config = json.loads(json.dumps(config))
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        places = [*_places(config)]
        holder, key = chance.choice(places)
        match chance.choice(["odd", "odd", "odd", "delete", "copy"]):
            case "odd":
                odd = json.dumps(chance.choice(ODD_VALUES))
                holder[key] = json.loads(odd)
            case "delete":
                del holder[key]
            case "copy":
                other, place = chance.choice(places)
                if isinstance(other, dict) and place in other:
                    holder[key] = json.loads(json.dumps(other[place]))
    return config


@pytest.fixture(scope="module")
def configs() -> list[tuple[Config, str]]:
    """Real configs, with the version of Keras that they are of."""
    rich, deep = config_of(_rich()), config_of(_two_models_deep())
    return [(rich, "3.15.1"), (deep, "3.15.1"), (_as_keras_2(config_of(_flat())), "2.15.0")]


def _objects(value: Any) -> Iterator[Config]:
    if isinstance(value, dict) and "class_name" in value:
        yield value
    for holder, key in _places(value):
        if isinstance(holder[key], dict) and "class_name" in holder[key]:
            yield holder[key]


def test_whatever_the_config_nothing_but_keras_comes_out(configs: list[tuple[Config, str]]) -> None:
    chance = random.Random(2024)
    operations = set(LISTED_OPERATIONS)
    passed, sentences = 0, []
    for _ in range(1_000):
        config = _mutated(chance.choice(configs)[0], chance)
        try:
            cleaned = clean(config)
        except ModelError as error:
            sentences.append(str(error))
            continue
        passed += 1
        assert json.dumps(clean(cleaned)) == json.dumps(cleaned)
        for found in _objects(cleaned):
            name = found["class_name"]
            if name in vocabulary.VALUES:
                continue
            home = found["module"]
            assert HOME_OF.get(name) == home or (home, name) in operations or home == "legacy"
            assert found["registered_name"] is None
    assert min(passed, len(sentences)) > 200
    assert all(SENTENCE.fullmatch(sentence) for sentence in sentences)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_the_config_it_is_a_model_or_a_sentence(
    configs: list[tuple[Config, str]],
    parts: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(7)
    weights = tmp_path / "model.weights.h5"
    weights.write_bytes(parts["model.weights.h5"])
    opened, sentences = 0, []
    for _ in range(180):
        config, version = chance.choice(configs)
        config = _mutated(config, chance)

        def screened(*_: Path, config: Config = config, version: str = version) -> Screened:
            return Screened(clean(config), weights, version, None)

        monkeypatch.setattr(sources, "screen", screened)
        monkeypatch.setattr(model_file, "load_weights", lambda *_: None)
        try:
            opened += open_model(weights).model.built
        except ModelError as error:
            sentences.append(str(error))
    assert min(opened, len(sentences)) > 30
    assert "\n" not in "".join(sentences)


def _garbled(data: bytes, chance: random.Random) -> bytes:
    mutable = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start, length = chance.randrange(len(mutable)), chance.choice([1, 8, 300])
        match chance.choice(["flip", "flip", "byte", "cut", "double", "splice"]):
            case "flip":
                mutable[start] ^= 1 << chance.randrange(8)
            case "byte":
                mutable[start] = chance.choice([0, 1, 127, 128, 255])
            case "cut":
                del mutable[start : start + length]
            case "double":
                mutable[start:start] = mutable[start : start + length]
            case "splice":
                other = chance.randrange(len(mutable))
                mutable[start : start + length] = mutable[other : other + length]
        if len(mutable) < 400:
            break
    return bytes(mutable)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_the_bytes_it_is_a_model_or_a_sentence(
    files: dict[str, bytes],
    parts: dict[str, bytes],
    configs: list[tuple[Config, str]],
    tmp_path: Path,
) -> None:
    chance = random.Random(11)
    stored = zipped(tmp_path / "stored.keras", parts, zipfile.ZIP_STORED).read_bytes()
    path = tmp_path / "any"
    opened, sentences = 0, []
    for number in range(25):
        data = (files[".h5"], stored)[number % 2]
        path.write_bytes(_garbled(data, chance))
        if number % 5 == 0:
            config = _mutated(chance.choice(configs)[0], chance)
            written = with_config(tmp_path / f"any{KINDS[number % 2]}", config, files, parts)
            shutil.move(written, path)
        try:
            opened += open_model(path).model.built
        except ModelError as error:
            sentences.append(str(error))
    assert opened
    assert len(sentences) > 10
    assert "\n" not in "".join(sentences)
