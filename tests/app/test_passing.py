"""What was on screen stays when a model cannot be had, and each fault is said once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers
from streamlit.testing.v1 import AppTest

from explainers import Classifier
from explainers.classifiers.errors import PassingError
from explainers.models import apart, applications
from pages.parts import cache, classifiers
from tests.app.driving import captions, open_app
from tests.app.test_own_model import LEGACY, THREE_DEEP, open_own


def _of_any_size(folder: Path, kernel: int) -> bytes:
    """A model of pictures of any size from that of its kernel on."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, kernel, strides=8)(inputs))
    keras.Model(inputs, layers.Dense(2)(x)).save(folder / "any.keras")
    return (folder / "any.keras").read_bytes()


def test_a_size_that_is_refused_is_said_once_and_the_classifier_stays(tmp_path: Path) -> None:
    app = open_own(("any.keras", _of_any_size(tmp_path, 31)))
    before = app.title[0].value
    app.number_input(key="model-Rows").set_value(16).run(timeout=30)
    assert not app.exception
    (error,) = app.error
    said = error.value.replace("\\", "")
    assert "cannot be used with pictures of 16 x 224: choose another size" in said
    assert "any goes on answering, shown 224 × 224 pixels." in captions(app)
    assert app.title[0].value == before
    assert app.number_input(key="model-Rows").value == 16
    app.number_input(key="model-Rows").set_value(64).run()
    assert not app.error
    assert app.number_input(key="model-Rows").value == 64


def test_a_model_whose_first_size_is_refused_asks_for_another(tmp_path: Path) -> None:
    app = open_own(("any.keras", _of_any_size(tmp_path, 231)))
    assert "cannot be used with pictures of 224 x 224" in app.error[0].value
    assert "EfficientNet-Lite0 goes on answering." in captions(app)
    for side in ("Rows", "Columns"):
        app.number_input(key=f"model-{side}").set_value(240)
    app.run()
    assert not app.exception
    assert not app.error
    assert app.title[0].value.startswith("Why class ")


def forget_all_but(classifier: Classifier) -> None:
    cache._classifier.clear()
    cache.classifier(classifier.name, lambda: classifier)


@pytest.mark.usefixtures("opened_here")
def test_what_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch, lite0: Classifier) -> None:
    opened, tries = apart.open_apart, []

    def once_full(source: bytes, **settings: Any) -> Classifier:
        tries.append(source)
        if len(tries) < 2:
            raise PassingError("This machine is full.")
        return opened(source, **settings)

    monkeypatch.setattr(apart, "open_apart", once_full)
    forget_all_but(lite0)
    app = open_own(("model.h5", THREE_DEEP))
    assert "This machine is full." in app.error[0].value
    assert "EfficientNet-Lite0 goes on answering." in captions(app)
    (again,) = [button for button in app.button if button.label == "Try again"]
    again.click().run()
    assert not app.exception
    assert not app.error
    assert app.title[0].value.startswith("Why class ")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models that the server offers, with one and its labels."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "pets.h5").write_bytes(THREE_DEEP)
    (folder / "pets.txt").write_text("0 dog\n1 cat\n")
    monkeypatch.setattr(classifiers, "FOLDER", str(folder))
    return folder


def open_served() -> AppTest:
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    app.selectbox(key="model-on-server").set_value("pets.h5").run()
    assert not app.exception
    assert app.title[0].value in ("Why cat?", "Why dog?")
    return app


def _take_away_the_file(folder: Path) -> None:
    (folder / "pets.h5").unlink()


@pytest.mark.usefixtures("opened_here")
@pytest.mark.parametrize(
    ("take_away", "let_go"),
    [(_take_away_the_file, False), (_take_away_the_file, True), (shutil.rmtree, True)],
)
def test_a_file_that_is_gone_from_the_server_is_said(
    take_away: Callable[[Path], None], let_go: bool, served: Path, lite0: Classifier
) -> None:
    app = open_served()
    before = app.title[0].value
    take_away(served)
    if let_go:
        forget_all_but(lite0)
    app.run()
    assert not app.exception
    if served.exists():
        assert "pets.h5 is no longer among them." in captions(app)
    else:
        assert "cannot be read: no such file or directory." in app.warning[0].value
    if let_go:
        assert "There is no file 'pets.h5' at this path" in app.error[0].value
        assert "EfficientNet-Lite0 goes on answering." in captions(app)
    assert app.title[0].value == ("Why Egyptian cat?" if let_go else before)


@pytest.mark.usefixtures("opened_here")
def test_a_file_that_is_replaced_on_the_server_is_noticed_and_its_labels(served: Path) -> None:
    app = open_served()
    (served / "pets.txt").write_text("0 wolf\n1 lion\n")
    app.run()
    assert app.title[0].value in ("Why lion?", "Why wolf?")
    assert "changed on the server, and are read anew" in app.toast[0].value
    shutil.copy(LEGACY / "grey_sigmoid.h5", served / "pets.h5")
    app.run()
    assert not app.exception
    assert app.toast
    assert "for two classes, through a sigmoid" in app.table[0].value.to_string()
    app.run()
    assert not app.toast


def test_damaged_weights_in_the_cache_can_be_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    network = applications.APPLICATIONS["mobilenet"]
    network.path.parent.mkdir()
    network.path.write_bytes(b"no weights at all")
    monkeypatch.setattr(applications, "HOST", f"{tmp_path.as_uri()}/")
    app = open_app(methods=["Grad-CAM"], classifier="mobilenet")
    assert f"The weights of MobileNet in Keras's cache on this machine, '{network.path.name}'" in (
        app.error[0].value.replace("\\", "")
    )
    assert app.title[0].value == "Why Egyptian cat?"
    (fetch,) = [button for button in app.button if button.label == "Fetch them again (16 MB)"]
    fetch.click().run()
    assert not app.exception
    assert "MobileNet could not be downloaded" in app.error[1].value
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNet(weights=None)
    (tmp_path / network.address).parent.mkdir(parents=True)
    model.save_weights(tmp_path / "right.weights.h5")
    (tmp_path / "right.weights.h5").rename(tmp_path / network.address)
    fetch = next(button for button in app.button if button.label.startswith("Fetch"))
    fetch.click().run()
    assert not app.exception
    assert not app.error
    assert "MobileNet gives it" in captions(app)


def test_a_cache_that_cannot_be_written_is_no_error_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    app = open_app(methods=["Grad-CAM"], classifier="mobilenet-v2")
    (button,) = [button for button in app.button if button.label == "Download 14 MB"]
    button.click().run()
    assert not app.exception
    assert "could not keep the weights of MobileNetV2 in Keras's cache" in app.error[0].value
    assert app.title[0].value == "Why Egyptian cat?"
