"""Whatever `keras.applications` builds, saved and opened again, answers as it did."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.applications import convnext, inception_resnet_v2

from explainers import GradCam, ModelError, open_classifier
from explainers.classifiers.natural_noise import natural_noise
from explainers.models.deserializing import build
from explainers.models.model_file import open_model
from explainers.models.vocabulary import clean
from tests.conftest import Hold
from tests.models.shortened import Build, builders, family_of, shorten

Config = dict[str, Any]

MEMBERS = {
    "convnext": ("ConvNeXtTiny", 32),
    "densenet": ("DenseNet121", 32),
    "efficientnet": ("EfficientNetB0", 32),
    "efficientnet_v2": ("EfficientNetV2B0", 32),
    "inception_resnet_v2": ("InceptionResNetV2", 75),
    "inception_v3": ("InceptionV3", 75),
    "mobilenet": ("MobileNet", 32),
    "mobilenet_v2": ("MobileNetV2", 32),
    "mobilenet_v3": ("MobileNetV3Small", 32),
    "nasnet": ("NASNetMobile", 32),
    "resnet": ("ResNet50", 32),
    "resnet_v2": ("ResNet50V2", 32),
    "vgg16": ("VGG16", 32),
    "vgg19": ("VGG19", 32),
    "xception": ("Xception", 71),
}
"""Of every family its smallest member, and the smallest pictures that it takes."""

CLASSES = 4
ROUNDING = 1e-5
OPTIMISED = 5e-4
"""These networks have hardly any spread to divide by, which magnifies a graph's other roundings:
InceptionV3's answers in float64 lie 1.9e-4 from Keras's float32, and 1.5e-4 from the graph's."""


def test_every_family_is_under_test() -> None:
    families = {name: family_of(build) for name, build in builders().items()}
    assert set(families.values()) == set(MEMBERS)
    assert [families[name] for name, _ in MEMBERS.values()] == [*MEMBERS]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    shorten(monkeypatch, family)


def alone(build: Build, side: int) -> keras.Model:
    """The network as it is."""
    return build(weights=None, input_shape=(side, side, 3), classes=CLASSES)


def nested(build: Build, side: int) -> keras.Model:
    """The network without its top, as one layer under a head of its own."""
    backbone = build(weights=None, input_shape=(side, side, 3), include_top=False, pooling="avg")
    return keras.Sequential([backbone, layers.Dense(CLASSES, activation="softmax")])


def stir(model: keras.Model, pictures: np.ndarray) -> None:
    """Leave no weight as it was made, and let what normalises remember just these pictures."""
    drawn = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign_add(drawn.uniform(0, 0.2, weight.shape))
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    model(pictures, training=True)


OWN_TOPS = ("convnext", "mobilenet", "mobilenet_v3", "vgg16")
"""Families whose top is more than a mean over all places and a dense layer, or is another's."""


@pytest.mark.usefixtures("short", "forked")
@pytest.mark.parametrize(
    ("family", "within"),
    [*((family, nested) for family in MEMBERS), *((family, alone) for family in OWN_TOPS)],
)
def test_a_saved_network_answers_as_it_did_and_is_explained(
    family: str, within: Callable[[Build, int], keras.Model], tmp_path: Path, held: Hold
) -> None:
    """One of the two files goes all the way: what explains does not know which it came from."""
    name, side = MEMBERS[family]
    keras.utils.set_random_seed(1)
    pictures = natural_noise((side, side))
    model = within(builders()[name], side)
    stir(model, pictures)
    expected = model(pictures, training=False).numpy()
    assert np.ptp(expected, axis=0).max() > 10 * ROUNDING
    for ending in ("keras", "h5"):
        model.save(tmp_path / f"saved.{ending}")
    opened = open_model(tmp_path / "saved.keras").model(pictures, training=False).numpy()
    classifier = open_classifier(tmp_path / "saved.h5", scaling="0..255", tried=False)
    again = classifier._graph.model(pictures, training=False).numpy()
    for answers in (opened, again):
        held(
            "Networks of keras.applications, saved and opened",
            "the network before it was saved, both run by Keras",
            np.abs(answers - expected).max(),
            ROUNDING,
        )
    held(
        "The same as one graph, which TensorFlow optimises",
        "the network before it was saved, run by Keras",
        np.abs(classifier.probabilities(pictures) - expected).max(),
        OPTIMISED,
    )
    explanation = GradCam().explain(classifier, pictures[0], 1)
    assert explanation.heatmap.shape == classifier.layer().grid
    assert np.isfinite(explanation.heatmap).all()


def private(scale: layers.Layer, add: layers.Layer) -> keras.Model:
    """A small network with the layers that ConvNeXt and Inception-ResNet keep to themselves."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, name="convnext_tiny_stage_0_block_0_pointwise_conv_2")(inputs)
    x = scale(x)
    up = layers.Conv2D(4, 1, name="block35_1_conv")(x)
    x = layers.GlobalAveragePooling2D()(add([x, up]))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def config() -> Config:
    """The config of such a network, as Keras writes it into a `.keras` file."""
    scale = convnext.LayerScale(0.5, 4, name="scale")
    add = inception_resnet_v2.CustomScaleLayer(0.17, name="add")
    return json.loads(json.dumps(keras.saving.serialize_keras_object(private(scale, add))))


def entry(config: Config, name: str) -> Config:
    """One layer's part of a config."""
    return next(layer for layer in config["config"]["layers"] if layer["name"] == name)


def forged(config: Config, name: str, settings: Config | None = None, **changes: Any) -> Config:
    """The config with something else said of one layer."""
    config = copy.deepcopy(config)
    layer = entry(config, name)
    layer.update(changes)
    layer["config"].update(settings or {})
    return config


HOMES = {
    "scale": ("LayerScale", "keras.src.applications.convnext"),
    "add": ("CustomScaleLayer", "keras.src.applications.inception_resnet_v2"),
}


@pytest.mark.parametrize("name", HOMES)
@pytest.mark.parametrize("package", ["keras.src", "keras", "tf_keras.src", "tf_keras", None])
def test_a_private_layer_is_taken_from_its_one_home(
    name: str, package: str | None, config: Config
) -> None:
    kind, home = HOMES[name]
    module = package and home.replace("keras.src", package)
    found = entry(clean(forged(config, name, module=module)), name)
    assert (found["module"], found["class_name"], found["registered_name"]) == (home, kind, None)


def test_keras_2_registered_a_layer_of_its_own_as_a_custom_one(config: Config) -> None:
    old = {"registered_name": "Custom>CustomScaleLayer"}
    assert clean(forged(config, "add", **old)) == clean(config)
    in_hdf5 = {"class_name": "Custom>CustomScaleLayer", "module": None, "registered_name": None}
    assert clean(forged(config, "add", **in_hdf5)) == clean(config)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("scale", {"module": "__main__"}, "a '__main__.LayerScale'"),
        ("scale", {"module": "mine.applications.convnext"}, "a 'mine.applications.convnext.Layer"),
        ("scale", {"module": "keras_mine.applications.convnext"}, "a 'keras_mine."),
        ("scale", {"module": "keras.layers"}, "a 'keras.layers.LayerScale'"),
        ("scale", {"module": HOMES["add"][1]}, "a 'keras.src.applications.inception_resnet_v2."),
        ("scale", {"registered_name": "Mine>LayerScale"}, "registered as 'Mine>LayerScale'"),
        ("scale", {"registered_name": "Custom>LayerScale"}, "registered as 'Custom>LayerScale'"),
        ("scale", {"class_name": "Custom>LayerScale", "module": None}, "a 'Custom>LayerScale'"),
        ("scale", {"module": None, "inbound_nodes": []}, "a 'LayerScale'"),
        ("add", {"module": "__main__"}, "a '__main__.CustomScaleLayer'"),
        ("add", {"registered_name": "Mine>CustomScaleLayer"}, "registered as 'Mine>CustomScale"),
        ("add", {"module": None, "inbound_nodes": [[["block35_1_conv", 0, 0, {}]]]}, "a 'Custom"),
        ("scale", {"class_name": "StochasticDepth"}, "a 'keras.src.applications.convnext.Stoch"),
    ],
)
def test_a_layer_from_elsewhere_is_not_taken_for_kerass(
    name: str, changes: Config, said: str, config: Config
) -> None:
    with pytest.raises(ModelError, match=rf"The layer '{name}' is {re.escape(said)}"):
        clean(forged(config, name, **changes))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("scale", {"init_values": "0.5"}, "init_values = 0.5, which is no number"),
        ("scale", {"init_values": [[0.5]] * 9}, "init_values = .*, which is no number"),
        ("scale", {"init_values": float("nan")}, "init_values = nan, which is no number"),
        ("scale", {"projection_dim": None}, "projection_dim = None, which is no number"),
        ("scale", {"projection_dim": 25_000_000_000}, "projection_dim = .*, at least 100 GB"),
        ("scale", {"spin": "left"}, "has the setting spin = 'left'"),
        ("add", {"scale": 1e39}, "scale = 1e[+]39, which is no number"),
        ("add", {"scale": 10**400}, "scale = 10*, which is no number"),
        ("add", {"scale": {"class_name": "__numpy__"}}, "scale = .*, which is no number"),
        ("add", {"scale_factor": 2.0}, "has the setting scale_factor = 2.0"),
    ],
)
def test_a_private_layer_computes_with_plain_numbers(
    name: str, settings: Config, said: str, config: Config
) -> None:
    with pytest.raises(ModelError, match=rf"The layer '{name}' (declares )?{said}"):
        build(clean(forged(config, name, settings)), "3.15.1")


class LayerScale(layers.Layer):
    """A stranger's, which is called as Keras's is, has its settings, and does something else."""

    def __init__(self, init_values: float, projection_dim: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, _: Any) -> None:
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer="ones")

    def call(self, x: Any) -> Any:
        return x + self.gamma

    def get_config(self) -> Config:
        own = {"init_values": self.init_values, "projection_dim": self.projection_dim}
        return {**super().get_config(), **own}


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("keras", rf"'odd' is a '{__name__}\.LayerScale'"),
        ("h5", r"'odd' is a 'LayerScale'\. The file does not tell whose"),
    ],
)
def test_a_strangers_layer_of_the_same_name_is_refused(
    ending: str, said: str, tmp_path: Path
) -> None:
    inputs = keras.Input((16, 16, 3))
    x = LayerScale(0.5, 4, name="odd")(layers.Conv2D(4, 3)(inputs))
    answer = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    keras.Model(inputs, answer).save(tmp_path / f"odd.{ending}")
    with pytest.raises(ModelError, match=said):
        open_classifier(tmp_path / f"odd.{ending}", tried=False)
