"""Every network of the zoo is built, fed and explained as it should be; downloads are Keras's."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

from explainers import (
    Classifier,
    GradCam,
    LimeSuperpixels,
    ModelError,
    Saliency,
    load_classifier,
)
from explainers.classifiers.scaling import AS_THEY_ARE
from explainers.images.superpixels import Slic
from explainers.models import applications, zoo
from explainers.models.applications import APPLICATIONS, Application
from tests.models.shortened import family_of, shorten

SMALLEST = {"inception-v3": 75, "xception": 71, "nasnet-mobile": 64}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_architecture_is_explained_with_random_weights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each of its blocks as few as there can be; `test_weights_are_...` builds all of them."""
    shorten(monkeypatch, family_of(getattr(keras.applications, APPLICATIONS[name].title)))
    network, side = APPLICATIONS[name], SMALLEST.get(name, 32)
    keras.utils.set_random_seed(1)
    model = network.build(weights=None, input_shape=(side, side, 3), classes=7)
    classifier = Classifier(model, name=name, scaling=network.scaling)
    pixels = np.random.default_rng(0).uniform(0, 255, (side, side, 3)).astype(np.float32)
    layer = classifier.layer()
    assert layer.grid != (1, 1)
    assert classifier.activation == "softmax"
    explanations = {
        layer.grid: GradCam(),
        (side, side): Saliency(samples=2),
    }
    for shape, explainer in explanations.items():
        assert explainer.explain(classifier, pixels, 3).heatmap.shape == shape
    lime = LimeSuperpixels(segmentation=Slic(n_segments=9), samples=20)
    assert lime.explain(classifier, pixels, 3).heatmap.shape == (side, side)
    expected = model(network.scaling(pixels)[None], training=False)
    np.testing.assert_allclose(classifier.probabilities(pixels[None]), expected, atol=1e-5)


def test_vgg16_is_explained_at_its_own_14_by_14() -> None:
    keras.utils.set_random_seed(1)
    model = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(224, 224, 3), pooling="avg"
    )
    answer = keras.layers.Dense(3, activation="softmax")(model.output)
    classifier = Classifier(keras.Model(model.input, answer), name="vgg16")
    assert classifier.layer().path == "block5_conv3"
    pixels = np.random.default_rng(0).uniform(0, 255, (224, 224, 3)).astype(np.float32)
    explanation = GradCam().explain(classifier, pixels, 0)
    assert explanation.heatmap.shape == (14, 14)
    np.testing.assert_array_equal(explanation.grid(14), explanation.heatmap)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_network_is_fed_as_its_own_module_feeds_it(name: str) -> None:
    network = APPLICATIONS[name]
    module = {"resnet50-v2": "resnet_v2", "resnet50": "resnet"}.get(
        name, getattr(keras.applications, network.title).__module__.rsplit(".", 1)[-1]
    )
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    expected = getattr(keras.applications, module).preprocess_input(pixels.copy())
    np.testing.assert_allclose(network.scaling(pixels), expected, atol=1e-4)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_weights_are_those_that_keras_would_download(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def get_file(fname: str, origin: str, **facts: Any) -> None:
        asked.update(facts, fname=fname, origin=origin)
        raise LookupError

    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    network = APPLICATIONS[name]
    with keras.StatelessScope(initialize_variables=False):
        model = network.build(weights=None)
        with pytest.raises(LookupError):
            network.build(weights="imagenet")
        counted = 4 * sum(np.prod(weight.shape) for weight in model.weights) / 2**20
    keras.src.backend.common.global_state.set_global_attribute("uninitialized_variables", [])
    assert network.url == asked["origin"]
    assert network.path == tmp_path / asked["cache_subdir"] / asked["fname"]
    assert network.digest == asked.get("file_hash")
    assert network.mebibytes == pytest.approx(counted, abs=1)
    assert model.input_shape[1] in (None, network.side)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A server in the place of Keras's, with one small file on it."""
    facts = SimpleNamespace(content=bytes(range(256)) * 4000, digest="", cut=0)
    facts.digest = hashlib.md5(facts.content).hexdigest()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/there.h5"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(facts.content)))
            self.end_headers()
            if found:
                self.wfile.write(facts.content[: len(facts.content) - facts.cut])

        def log_message(self, *_: Any) -> None:
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    monkeypatch.setattr(applications, "HOST", f"http://127.0.0.1:{listener.server_port}/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    yield facts
    listener.shutdown()


def _application(address: str, digest: str | None) -> Application:
    return Application("Net", AS_THEY_ARE, address, digest, 1)


def test_a_download_tells_how_far_it_is_and_ends_in_kerass_cache(
    server: SimpleNamespace, tmp_path: Path
) -> None:
    network = _application("there.h5", server.digest)
    shares = list(network.download())
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 2
    assert network.path.read_bytes() == server.content
    assert list((tmp_path / "models").iterdir()) == [network.path]


@pytest.mark.parametrize("what", ["missing", "damaged", "cut short"])
def test_a_download_that_fails_says_so_and_leaves_nothing(
    server: SimpleNamespace, tmp_path: Path, what: str
) -> None:
    server.cut = 1000 if what == "cut short" else 0
    address = "gone.h5" if what == "missing" else "there.h5"
    network = _application(address, "0" * 32 if what == "damaged" else server.digest)
    with pytest.raises(ModelError, match=r"could not be downloaded|arrived damaged"):
        list(network.download())
    assert not list((tmp_path / "models").iterdir())


def test_offline_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(applications, "HOST", "http://no-such-host.invalid/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert zoo.whereabouts("mobilenet-v2") == "elsewhere"
    with pytest.raises(ModelError, match=r"MobileNetV2 could not be downloaded from no-such-host"):
        load_classifier("mobilenet-v2")


def test_weights_are_taken_from_kerass_cache_or_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2(weights=None)
    path = APPLICATIONS["mobilenet-v2"].path
    path.parent.mkdir()
    model.save_weights(tmp_path / "my.weights.h5")
    model.save(path)
    pixels = np.full((224, 224, 3), 90, np.float32)
    expected = model(pixels[None] / 127.5 - 1, training=False)
    assert zoo.whereabouts("mobilenet-v2") == "here"
    for weights in (None, tmp_path / "my.weights.h5"):
        classifier = load_classifier("mobilenet-v2", weights)
        np.testing.assert_allclose(classifier.probabilities(pixels[None]), expected, atol=1e-5)
        assert classifier.title == "MobileNetV2"
    with pytest.raises(
        ModelError, match=r"wants kernel 1 × 1 × 32 × 64, .* do not belong together"
    ):
        load_classifier("mobilenet", tmp_path / "my.weights.h5")


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(KeyError, match=r"'vgg17'; there are efficientnet-lite0, .*vgg16"):
        load_classifier("vgg17")
