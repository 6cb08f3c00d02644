"""Files that people really have open, answer as they did where they were made, and say what ails.

The files in `legacy` and their answers were written by the old Keras, see its `make.py`.
"""

import json
import shutil
import threading
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from explainers import (
    Classifier,
    GradCam,
    ModelError,
    NoAnswerError,
    Scaling,
    check_up,
    open_classifier,
)
from explainers.classifiers.scaling import AS_THEY_ARE, CAFFE, SIGNED, UNIT
from explainers.images.samples import SAMPLES
from explainers.models.model_file import explain_as, open_model
from tests.conftest import Hold

LEGACY = Path(__file__).parent / "legacy"
ANSWERS = np.load(LEGACY / "answers.npz")
FILES = sorted(path.name for path in LEGACY.glob("*.*") if path.stem in ANSWERS)
SHAPE = (12, 16, 3)


def pictures(name: str, channels: int) -> np.ndarray:
    """The pictures that the old Keras was shown, in 0..1."""
    number = list(ANSWERS).index(name)
    drawn = np.random.default_rng(number).uniform(0, 1, (3, 20, 20, channels))
    return np.broadcast_to(drawn, (3, 20, 20, 3)).astype(np.float32)


@pytest.mark.parametrize("file", FILES)
def test_a_legacy_file_answers_as_it_did(file: str, held: Hold) -> None:
    name = file.split(".")[0]
    classifier = open_classifier(LEGACY / file, scaling="0..255", tried=False)
    logits = classifier.logits(pictures(name, classifier.channels))
    outputs = ANSWERS[name]
    if classifier.activation == "sigmoid" and outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    answers = logits
    if classifier.activation != "linear":
        answers = classifier.probabilities(pictures(name, classifier.channels))
    difference = np.abs(answers - outputs).max()
    held("Answers of Keras 2 files", "the old Keras that wrote them", difference, 2e-6)
    assert classifier.convolutions
    heatmap = GradCam().explain(classifier, np.full((20, 20, 3), 90, np.float32), 1).heatmap
    assert heatmap.shape == classifier.layer().grid


def test_every_legacy_model_is_under_test() -> None:
    assert len(FILES) == 15
    assert {file.split(".")[0] for file in FILES} == set(ANSWERS)


def test_a_file_made_by_teachable_machine_is_three_deep_and_its_layers_are_reached() -> None:
    classifier = open_classifier(LEGACY / "three_deep.h5", labels="0 dog\n1 cat\n", tried=False)
    assert classifier.labels == ("dog", "cat")
    assert classifier.nesting == "Sequential > (Sequential > Functional, Sequential)"
    paths = [layer.path for layer in classifier.convolutions]
    assert paths == ["sequential_1/model1/Conv1", "sequential_1/model1/depthwise"]


def test_functions_of_keras_2_that_scale_are_found_inside() -> None:
    pixels = np.full((20, 20, 3), 90, np.float32)
    for name, path in (
        ("frozen_transfer", "tf.math.truediv"),
        ("torch_inside", "tf.math.truediv"),
        ("augmented", "rescaling"),
    ):
        classifier = open_classifier(LEGACY / f"{name}.h5", tried=False)
        assert classifier.scaling == AS_THEY_ARE
        assert str(check_up(classifier, pixels).rescaling).startswith(path)


def test_weights_alone_are_no_model() -> None:
    with pytest.raises(ModelError, match=r"weights alone, without the network .* model\.save"):
        open_classifier(LEGACY / "grey_sigmoid.weights.h5", tried=False)


def _network(*head: Any, shape: tuple = SHAPE) -> keras.Model:
    keras.utils.set_random_seed(4)
    first = layers.Conv2D(4, 3, activation="relu", name="only")
    return keras.Sequential([keras.Input(shape), first, layers.GlobalAveragePooling2D(), *head])


def _two_inputs() -> keras.Model:
    first, second = keras.Input(SHAPE, name="left"), keras.Input(SHAPE, name="right")
    x = layers.GlobalAveragePooling2D()(layers.Add()([first, second]))
    return keras.Model([first, second], layers.Dense(2)(x))


def _two_outputs() -> keras.Model:
    inputs = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, [layers.Dense(2, name="what")(x), layers.Dense(3, name="where")(x)])


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("head", ["softmax", "sigmoid", None])
def test_a_file_of_todays_keras_answers_as_keras_does(
    tmp_path: Path, ending: str, head: str | None
) -> None:
    model = _network(layers.Dense(3, activation=head))
    path = tmp_path / f"model.{ending}"
    model.save(path)
    batch = np.random.default_rng(2).uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    classifier = open_classifier(path, ["a", "b", "c"], "-1..1", tried=False)
    answers = classifier.probabilities(batch) if head else classifier.logits(batch)
    np.testing.assert_allclose(answers, model.predict(batch / 127.5 - 1, verbose=0), atol=1e-5)


def test_operations_in_a_graph_are_rebuilt_from_both_formats(tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    inputs = keras.Input(SHAPE)
    x = keras.applications.resnet50.preprocess_input(inputs) / 2.0
    x = layers.Conv2D(3, 3, activation=keras.activations.relu6)(x)
    x = keras.ops.mean(x * x + 1.0, axis=(1, 2))
    model = keras.Model(inputs, keras.ops.softmax(x))
    batch = np.random.default_rng(2).uniform(0, 255, (2, *SHAPE)).astype(np.float32)
    expected = model.predict(batch, verbose=0)
    for path in (tmp_path / "model.keras", tmp_path / "model.h5"):
        model.save(path)
        classifier = open_classifier(path, tried=False)
        assert classifier.activation == "softmax"
        assert classifier.scaling == AS_THEY_ARE
        np.testing.assert_allclose(classifier.probabilities(batch), expected, atol=1e-5)


def test_a_zip_brings_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "converted_keras.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(LEGACY / "three_deep.h5", "keras_model.h5")
        archive.writestr("labels.txt", "0 dog\n1 cat\n")
    assert open_classifier(path, tried=False).labels == ("dog", "cat")
    assert open_classifier(path.read_bytes(), ["hot", "cold"], tried=False).labels == (
        "hot",
        "cold",
    )
    with open(path, "rb") as file:
        assert open_classifier(file, name="mine", tried=False).name == "mine"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (_two_inputs, r"2 inputs \(left, right\) and 1 output; .* one of each"),
        (_two_outputs, r"1 input and 2 outputs \(what, where\)"),
        (lambda: _network(layers.Dense(1, activation="softmax")), "only class"),
        (lambda: _network(layers.Reshape((2, 2))), r"array of shape \(2, 2\)"),
        (lambda: _network(layers.Dense(2), shape=(12, 16, 4)), "one or three channels"),
    ],
)
def test_what_is_no_image_classifier_is_said_in_a_sentence(
    tmp_path: Path, model: Any, said: str
) -> None:
    model().save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=said):
        open_classifier(tmp_path / "model.keras", tried=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_labels_in_a_zip_may_begin_with_a_mark(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "converted_keras.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(LEGACY / "three_deep.h5", "keras_model.h5")
        archive.writestr("labels.txt", "0 dög\n1 cat\n".encode(encoding))
    assert open_classifier(path, tried=False).labels == ("dög", "cat")


def test_a_model_of_any_size_asks_for_one(tmp_path: Path) -> None:
    _network(layers.Dense(2), shape=(None, None, 3)).save(tmp_path / "any.keras")
    with pytest.raises(ModelError, match=r"any size: choose one, for example size=\(224, 224\)"):
        open_classifier(tmp_path / "any.keras", tried=False)
    classifier = open_classifier(tmp_path / "any.keras", size=(32, 48), tried=False)
    assert classifier.size == (32, 48)
    assert open_model(tmp_path / "any.keras").any_size


def test_a_wrong_number_of_labels_tells_both_numbers(tmp_path: Path) -> None:
    _network(layers.Dense(3)).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match="has 3 classes, but 2 labels were given"):
        open_classifier(tmp_path / "model.keras", ["a", "b"], tried=False)
    for scaling, said in (("maybe", "'maybe'"), (5, "5"), (None, "None"), (["0..1"], "")):
        with pytest.raises(ModelError, match=rf"no scaling {said}.*; there are auto, 0\.\.1"):
            open_classifier(tmp_path / "model.keras", scaling=scaling, tried=False)


def test_a_path_that_leads_nowhere_is_said() -> None:
    with pytest.raises(ModelError, match=r"no file 'gone\.keras'"):
        open_classifier("/nowhere/gone.keras", tried=False)


def test_weights_that_are_missing_in_the_file_are_missed(tmp_path: Path) -> None:
    model = _network(layers.Dense(3, name="answer"))
    model.save(tmp_path / "model.keras")
    shorn = tmp_path / "shorn.keras"
    with zipfile.ZipFile(tmp_path / "model.keras") as old, zipfile.ZipFile(shorn, "w") as new:
        new.writestr("config.json", old.read("config.json"))
        new.writestr("metadata.json", old.read("metadata.json"))
        (tmp_path / "w.h5").write_bytes(old.read("model.weights.h5"))
        with h5py.File(tmp_path / "w.h5", "a") as file:
            del file["layers/dense"]
        new.write(tmp_path / "w.h5", "model.weights.h5")
    with pytest.raises(ModelError, match="weights"):
        open_classifier(shorn, tried=False)


def test_channels_first_and_unknown_settings_name_the_layer(tmp_path: Path) -> None:
    _network(layers.Dense(3)).save(tmp_path / "model.h5")
    for change, said in (
        ({"data_format": "channels_first"}, "layer 'only' wants its channels first"),
        ({"spin": "left"}, "layer 'only' has the setting spin = 'left'"),
    ):
        path = tmp_path / "changed.h5"
        shutil.copy(tmp_path / "model.h5", path)
        with h5py.File(path, "a") as file:
            config = json.loads(file.attrs["model_config"])
            for layer in config["config"]["layers"]:
                if layer["class_name"] == "Conv2D":
                    layer["config"].update(change)
            file.attrs["model_config"] = json.dumps(config)
        with pytest.raises(ModelError, match=said):
            open_classifier(path, tried=False)


def test_keras_1_is_understood(tmp_path: Path) -> None:
    """Written by hand with the names that Keras 1 documents; it runs on no Python of today."""
    model = _network(layers.Dense(3, activation="softmax", name="dense_1"))
    config = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Convolution2D",
                "config": {
                    "name": "convolution2d_1", "batch_input_shape": [None, *SHAPE],
                    "nb_filter": 4, "nb_row": 3, "nb_col": 3, "subsample": [1, 1],
                    "border_mode": "valid", "dim_ordering": "tf", "bias": True, "init": "uniform",
                    "activation": "relu", "W_regularizer": None, "b_constraint": None,
                    "trainable": True, "input_dtype": "float32",
                },
            },
            {
                "class_name": "GlobalAveragePooling2D",
                "config": {"name": "pool_1", "dim_ordering": "tf", "trainable": True},
            },
            {"class_name": "Dropout", "config": {"name": "dropout_1", "p": 0.5, "trainable": True}},
            {
                "class_name": "Dense",
                "config": {
                    "name": "dense_1", "output_dim": 3, "input_dim": None, "bias": True,
                    "init": "glorot_uniform", "activation": "softmax", "trainable": True,
                },
            },
        ],
    }  # fmt: skip
    path = tmp_path / "keras1.h5"
    names = {"convolution2d_1": "only", "pool_1": None, "dropout_1": None, "dense_1": "dense_1"}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name, layer in names.items():
            weights = model.get_layer(layer).get_weights() if layer else []
            keys = [f"{name}_{kind}".encode() for kind, _ in zip("Wb", weights, strict=False)]
            inner = group.create_group(name)
            inner.attrs["weight_names"] = keys
            for key, values in zip(keys, weights, strict=True):
                inner[key.decode()] = values
    batch = np.random.default_rng(2).uniform(0, 1, (2, *SHAPE)).astype(np.float32)
    classifier = open_classifier(path, scaling="0..255", tried=False)
    np.testing.assert_allclose(
        classifier.probabilities(batch), model.predict(batch, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize("scaling", [UNIT, SIGNED, AS_THEY_ARE, CAFFE], ids=lambda s: s.name)
def test_the_scaling_of_the_training_is_found(tmp_path: Path, scaling: Scaling) -> None:
    """A network whose batch normalisation has seen photographs under that scaling."""
    keras.utils.set_random_seed(4)
    norm = layers.BatchNormalization()
    shape = (48, 64, 3)
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(8, 3, use_bias=False),
            norm,
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    photographs = np.stack(
        [keras.ops.image.resize(sample.read(), shape[:2]) for sample in SAMPLES.values()]
    ).astype(np.float32)
    seen = model.layers[0](scaling(photographs).astype(np.float32)).numpy()
    norm.set_weights([*norm.get_weights()[:2], seen.mean((0, 1, 2)), seen.var((0, 1, 2))])
    model.save(tmp_path / "model.keras")
    assert open_classifier(tmp_path / "model.keras", tried=False).scaling == scaling


def test_without_a_memory_of_the_training_pixels_go_to_0_1(tmp_path: Path) -> None:
    _network(layers.Dense(3)).save(tmp_path / "model.keras")
    classifier = open_classifier(tmp_path / "model.keras", tried=False)
    assert classifier.scaling == UNIT
    assert classifier.surprise is None


def test_the_check_up_compares_scalings_and_knows_the_bundled_one(
    lite0: Classifier, cat: np.ndarray
) -> None:
    found = check_up(lite0, cat)
    assert found.kind == "Functional"
    assert found.head == "1,000 logits through a softmax"
    assert found.input == (224, 224, 3)
    assert found.rescaling is None
    assert found.parameters == sum(layer.parameters for layer in lite0.summary)
    answers = {fed.scaling.name: fed for fed in found.feedings}
    assert len(answers) == 6
    assert answers["-1..1"].answer.label == "Egyptian cat"
    assert answers["0..255"].answer.label != "Egyptian cat"
    assert found.likeliest is not None
    assert found.likeliest.scaling == lite0.scaling


def _adapted_to_unit() -> layers.Layer:
    """Adapted as a person does whose pictures lie in 0..1."""
    norm = layers.Normalization()
    photographs = [keras.ops.image.resize(each.read(), (40, 40)) for each in SAMPLES.values()]
    norm.adapt(np.stack(photographs).astype(np.float32) / 255)
    return norm


@pytest.mark.parametrize(
    ("scale", "found", "low", "high"),
    [
        (lambda: layers.Rescaling(1 / 127.5, offset=-1), AS_THEY_ARE, -1, 1),
        (lambda: layers.Rescaling(2.0, offset=-1), UNIT, -1, 1),
        (_adapted_to_unit, UNIT, -2, 3),
        (lambda: layers.Rescaling(1.0, offset=-116.0), AS_THEY_ARE, -116, 139),
    ],
)
def test_a_layer_that_scales_is_asked_what_it_makes_of_pixels(
    tmp_path: Path, scale: Any, found: Scaling, low: float, high: float
) -> None:
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            scale(),
            layers.Conv2D(4, 3),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.save(tmp_path / "model.keras")
    classifier = open_classifier(tmp_path / "model.keras", tried=False)
    assert classifier.scaling == found
    pixels = np.random.default_rng(0).uniform(0, 255, SHAPE).astype(np.float32)
    fed = check_up(classifier, pixels).fed
    assert fed.scaling == found
    assert fed.given == pytest.approx((low, high), abs=0.9)
    assert fed.usual == (high < 5)
    raw = check_up(classifier.variant(scaling=AS_THEY_ARE), pixels).fed
    assert raw.usual == (found == AS_THEY_ARE and high < 5)
    twice = check_up(classifier.variant(scaling=UNIT), pixels).fed
    assert twice.usual == (found == UNIT)


def standardising() -> keras.Model:
    """A network that standardises each picture, and divides by nothing where it does not vary."""
    keras.utils.set_random_seed(4)
    inputs = keras.Input(SHAPE)
    centred = inputs - keras.ops.mean(inputs, axis=(1, 2, 3), keepdims=True)
    spread = keras.ops.sqrt(keras.ops.mean(centred * centred, axis=(1, 2, 3), keepdims=True))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(centred / spread))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def test_an_answer_that_is_no_number_is_said_in_a_sentence(tmp_path: Path) -> None:
    standardising().save(tmp_path / "model.keras")
    classifier = open_classifier(tmp_path / "model.keras", ["a", "b", "c"], tried=False)
    varied = np.random.default_rng(0).uniform(0, 255, SHAPE).astype(np.float32)
    white = np.full(SHAPE, 255, np.float32)
    assert classifier.predict(varied).probabilities.sum() == pytest.approx(1)
    for ask in (
        lambda: classifier.predict(white),
        lambda: classifier.probabilities(np.stack([varied, white])),
        lambda: classifier.masked_probabilities(
            varied, white, np.zeros(SHAPE[:2], int), np.zeros((1, 1))
        ),
    ):
        with pytest.raises(NoAnswerError, match="answered nan for a, nan for b, nan for c: that"):
            ask()
    with pytest.raises(NoAnswerError, match="answered nan for a, nan for b, nan for c: that"):
        GradCam().explain(classifier, white, 0)
    found = check_up(classifier, white)
    assert found.fed.answer is None
    assert any(fed.answer is not None for fed in found.feedings), "torch's makes white a colour"


def test_two_threads_open_two_models(tmp_path: Path) -> None:
    opened: dict[str, Classifier] = {}

    def open_(name: str) -> None:
        own = open_model(LEGACY / f"{name}.keras")
        opened[name] = explain_as(own, name, scaling="0..255")

    names = ["three_deep", "gates", "augmented", "grey_sigmoid"]
    threads = [threading.Thread(target=open_, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        batch = pictures(name, opened[name].channels)
        expected = ANSWERS[name][:, -1]
        np.testing.assert_allclose(opened[name].probabilities(batch)[:, -1], expected, atol=2e-6)
