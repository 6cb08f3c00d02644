"""A model of one's own on screen: dropped, labelled, fed, refused; and the zoo's whereabouts."""

import gc
import io
import json
import weakref
import zipfile
from functools import partial
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from keras import layers
from PIL import Image
from streamlit.testing.v1 import AppTest

from explainers import GradCam, open_classifier
from explainers.images.samples import SAMPLES
from explainers.models import applications, sources
from explainers.models.screening import Screened
from pages.parts import cache, classifiers
from pages.parts.words import escaped
from tests.app.charts import array, heatmaps
from tests.app.driving import captions, class_menu, open_app
from tests.models.test_model_file import standardising

LEGACY = Path(__file__).parents[1] / "models" / "legacy"
THREE_DEEP = (LEGACY / "three_deep.h5").read_bytes()


def open_own(*files: tuple[str, bytes], **query: str | list[str]) -> AppTest:
    """The app after some files were dropped for a model of one's own."""
    app = open_app(**{"methods": ["Grad-CAM"], **query})
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    return drop(app, *files)


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    dropped = [(name, content, "application/octet-stream") for name, content in files]
    app.file_uploader(key="model-files").set_value(dropped).run()
    assert not app.exception
    return app


def scaling_menu(app: AppTest) -> list[str]:
    return app.selectbox(key="model-scaling").options


def test_a_teachable_machine_export_and_its_labels_are_explained() -> None:
    app = open_own(("keras_model.h5", THREE_DEEP), ("labels.txt", b"0 dog\n1 cat\n"))
    own = open_classifier(THREE_DEEP, "0 dog\n1 cat\n", tried=False)
    pixels = own.prepare(SAMPLES["cat"].read())
    top = own.predict(pixels).top(1)[0]
    assert app.title[0].value == f"Why {top.label}?"
    assert f"keras_model gives it {top.probability:.1%}, place 1 of 2" in captions(app)
    expected = GradCam().explain(own, pixels, top.index)
    np.testing.assert_allclose(array(heatmaps(app)[0]["z"]), expected.heatmap, atol=2e-3)
    assert "Check-up of keras_model" in [expander.label for expander in app.expander]
    kind = escaped("Sequential > (Sequential > Functional, Sequential)")
    assert kind in app.table[0].value.to_string()
    assert f"{own.scaling.name} (in use)" in app.dataframe[0].value["Pixels scaled to"].tolist()
    assert f"speaks for {own.scaling.name}, which is in use" in app.success[0].value


def test_a_map_that_never_changes_while_it_streams_is_no_error() -> None:
    app = open_app(methods=["LIME superpixels"])
    app.selectbox(key="lime-segmentation").select("Felzenszwalb").run()
    app.number_input(key="lime-segmentation-Felzenszwalb-min_size").set_value(2000)
    app.number_input(key="lime-segmentation-Felzenszwalb-scale").set_value(1000.0)
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    app.number_input(key="lime-samples").set_value(600)
    drop(app, ("model.h5", THREE_DEEP))
    assert "600 of 600 samples" in captions(app)
    assert "Measured on 1 superpixel" in captions(app)


def test_a_zip_with_both_is_enough_and_another_scaling_answers_otherwise() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("keras_model.h5", THREE_DEEP)
        archive.writestr("labels.txt", "0 dog\n1 cat\n")
    app = open_own(("converted_keras.zip", file.getvalue()))
    assert app.title[0].value in ("Why cat?", "Why dog?")
    raw = next(option for option in scaling_menu(app) if option.startswith("0..255"))
    app.selectbox(key="model-scaling").set_value("0..255").run()
    assert not app.exception
    assert f"Why {raw.split(' ')[2]}?" == app.title[0].value
    assert "choose it in the sidebar" in app.warning[0].value
    expected = open_classifier(THREE_DEEP, ["dog", "cat"], "0..255", tried=False)
    shown = expected.predict(expected.prepare(SAMPLES["cat"].read())).top(1)[0]
    assert app.title[0].value == f"Why {shown.label}?"


def _saved(model: keras.Model, folder: Path) -> bytes:
    model.save(folder / "model.keras")
    return (folder / "model.keras").read_bytes()


def test_a_scaling_inside_that_is_fed_wrongly_is_doubted(tmp_path: Path) -> None:
    """Rescaling(2, offset=-1) wants 0..1; of 0..255 it makes -1 to 509."""
    keras.utils.set_random_seed(4)
    scaled = layers.Rescaling(2.0, offset=-1, name="to_signed")
    ends = [layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((12, 16, 3)), scaled, *ends])
    app = open_own(("model.keras", _saved(model, tmp_path)))
    said = "in its layer 'to_signed': of 0..1 it makes -1 to 1, numbers as"
    assert escaped(said) in app.success[0].value
    app.selectbox(key="model-scaling").set_value("0..255").run()
    assert not app.success
    assert "of 0..255 it makes -1 to 509. Networks are usually given" in app.warning[0].value
    assert "0..1 comes to -1 to 1; choose it in the sidebar" in app.warning[0].value
    given = app.dataframe[0].value.set_index("Pixels scaled to")["The network is given"]
    assert given["0..255 (in use)"] == "-1 to 509"


@pytest.mark.parametrize("page", [None, "pages/what_if.py"])
def test_a_picture_without_an_answer_is_said_and_another_is_explained(
    tmp_path: Path, page: str | None
) -> None:
    white = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(white, "PNG")
    app = open_own(("model.keras", _saved(standardising(), tmp_path)))
    if page is not None:
        app.switch_page(page).run()
    before = app.title[0].value
    app.segmented_control(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").set_value(("white.png", white.getvalue(), "image/png")).run()
    assert not app.exception
    assert app.title[0].value == "No answer"
    assert "The network answered nan for class 0" in app.warning[0].value
    assert "there is nothing to explain" in app.warning[0].value
    app.segmented_control(key="source").set_value("Gallery").run()
    app.button(key="sample-cat").click().run()
    assert not app.exception
    assert app.title[0].value == before


def test_a_scaling_is_typed_in() -> None:
    app = open_own(("model.h5", THREE_DEEP))
    app.selectbox(key="model-scaling").set_value("Typed in").run()
    app.number_input(key="mean-red").set_value(10.0).run()
    assert not app.exception
    assert "typed in (in use)" in app.dataframe[0].value["Pixels scaled to"].tolist()


def test_labels_are_pasted_and_a_wrong_number_is_said() -> None:
    app = open_own(("model.h5", THREE_DEEP))
    assert app.title[0].value.startswith("Why class ")
    assert "Its classes are numbered" in captions(app)
    app.text_area(key="pasted-labels").set_value("hot, cold, mild").run()
    assert "The model has 2 classes, but 3 labels were given." in app.error[0].value
    assert app.title[0].value.startswith("Why class ")
    app.text_area(key="pasted-labels").set_value("hot, cold").run()
    assert not app.error
    assert app.title[0].value in ("Why hot?", "Why cold?")
    assert sorted(option.split(" · ")[1] for option in class_menu(app).options) == ["cold", "hot"]


def _lambda_model(marker: Path) -> bytes:
    path = marker.parent / "lambda.h5"
    name = str(marker)
    code = layers.Lambda(lambda x: [open(name, "w").close(), x][1], output_shape=(8, 8, 3))
    model = keras.Sequential([keras.Input((8, 8, 3)), code, layers.Flatten(), layers.Dense(2)])
    model.save(path)
    marker.unlink(missing_ok=True)
    return path.read_bytes()


def test_a_hostile_file_is_refused_and_everything_stands(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    hostile = _lambda_model(marker)
    app = open_app(methods=["Grad-CAM"])
    before = array(heatmaps(app)[0]["z"])
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    assert "Until there is one, the last classifier answers." in captions(app)
    drop(app, ("evil.h5", hostile))
    assert "A Lambda layer holds code, which is never run" in app.error[0].value
    assert "EfficientNet-Lite0 goes on answering." in captions(app)
    assert app.title[0].value == "Why Egyptian cat?"
    np.testing.assert_array_equal(array(heatmaps(app)[0]["z"]), before)
    assert not marker.exists()
    drop(app, ("model.h5", THREE_DEEP))
    assert not app.error
    assert app.title[0].value.startswith("Why class ")
    drop(app, ("notes.h5", b"no model at all"))
    assert "The file is no Keras model" in app.error[0].value
    assert "model goes on answering." in captions(app)
    assert app.title[0].value.startswith("Why class ")


def test_a_refused_file_is_not_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    screen = sources.screen

    def counted(source: Path, folder: Path) -> Screened:
        opened.append(source)
        return screen(source, folder)

    monkeypatch.setattr(sources, "screen", counted)
    app = open_own(("notes.h5", b"no model at all"))
    assert "The file is no Keras model" in app.toast[0].value
    app.toggle(key="square").set_value(True).run()
    assert "The file is no Keras model" in app.error[0].value
    assert not app.toast
    assert len(opened) == 1


def test_two_models_at_once_are_one_too_many() -> None:
    app = open_own(("a.h5", THREE_DEEP), ("b.h5", THREE_DEEP))
    assert "More than one model" in app.error[0].value
    assert app.title[0].value == "Why Egyptian cat?"


def test_a_model_of_any_size_asks_for_one(tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, None, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(inputs))
    keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x)).save(tmp_path / "any.keras")
    app = open_own(("any.keras", (tmp_path / "any.keras").read_bytes()))
    assert "Measured on 222 × 222 pixels" in captions(app)
    app.number_input(key="model-Rows").set_value(96).run()
    assert not app.exception
    assert "Measured on 94 × 222 cells" in captions(app)
    assert "one logit for two classes, through a sigmoid" in app.table[0].value.to_string()
    assert "choose the scaling of your training" in app.warning[0].value


def test_uploads_can_be_turned_off_and_a_folder_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(classifiers, "UPLOADS", False)
    app = open_app(methods=["Grad-CAM"])
    assert "classifier-source" not in [control.key for control in app.segmented_control]
    (tmp_path / "pets.h5").write_bytes(THREE_DEEP)
    (tmp_path / "pets.txt").write_text("0 dog\n1 cat\n")
    (tmp_path / "notes.md").write_text("not a model")
    monkeypatch.setattr(classifiers, "FOLDER", str(tmp_path))
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    assert not app.file_uploader
    assert app.selectbox(key="model-on-server").options == ["pets.h5"]
    app.selectbox(key="model-on-server").set_value("pets.h5").run()
    assert not app.exception
    assert app.title[0].value in ("Why cat?", "Why dog?")


def test_the_zoo_tells_what_is_where_and_offline_keeps_the_classifier(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(applications, "HOST", "http://no-such-host.invalid/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    app = open_app(methods=["Grad-CAM"])
    menu = app.selectbox(key="classifier")
    assert "EfficientNet-Lite0 · bundled" in menu.options
    assert "VGG16 · 528 MB to download" in menu.options
    menu.set_value("mobilenet-v2").run()
    assert "The weights of MobileNetV2 are not on this machine." in captions(app)
    assert app.title[0].value == "Why Egyptian cat?"
    (button,) = (button for button in app.button if button.label == "Download 14 MB")
    button.click().run()
    assert not app.exception
    assert "MobileNetV2 could not be downloaded from no-such-host.invalid" in app.error[0].value
    assert app.title[0].value == "Why Egyptian cat?"
    assert "EfficientNet-Lite0 gives it 77.1%" in captions(app)


def test_weights_that_a_person_brings_make_the_network_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    keras.utils.set_random_seed(1)
    keras.applications.MobileNetV2(weights=None).save_weights(tmp_path / "w.weights.h5")
    app = open_app(methods=["Grad-CAM"], classifier="mobilenet-v2")
    content = (tmp_path / "w.weights.h5").read_bytes()
    app.file_uploader(key="weights-mobilenet-v2").set_value(("w.h5", content, "x")).run()
    assert not app.exception
    assert "MobileNetV2 gives it" in captions(app)


def test_the_oldest_classifier_is_let_go() -> None:
    cache._classifier.clear()
    refs = []
    for number in range(cache.CLASSIFIERS_IN_MEMORY + 1):
        keras.utils.set_random_seed(number)
        file = io.BytesIO(THREE_DEEP)
        own = cache.classifier(
            f"tiny-{number}", lambda file=file: open_classifier(file, tried=False)
        )
        refs.append(weakref.ref(own))
    del own
    gc.collect()
    assert [ref() is None for ref in refs] == [True, *[False] * cache.CLASSIFIERS_IN_MEMORY]


def test_a_finished_run_does_not_hold_its_classifier() -> None:
    own = open_classifier(THREE_DEEP, tried=False)
    pixels = own.prepare(SAMPLES["cat"].read())
    run = cache.Run()
    run.begin(partial(GradCam().observations, own, pixels, 0), own, 3)
    run.advance()
    assert run.finished
    held = weakref.ref(own)
    del own
    gc.collect()
    assert held() is None
    assert run.latest is not None


def test_the_config_of_a_legacy_file_is_what_it_seems() -> None:
    """What makes these files legacy: settings that today's Keras refuses."""
    import h5py

    with h5py.File(LEGACY / "three_deep.h5") as file:
        text = json.dumps(json.loads(file.attrs["model_config"]))
    assert '"batch_input_shape"' in text
    assert '"groups": 1' in text
    with pytest.raises(Exception, match=r"groups|batch_input_shape|deserializ"):
        keras.saving.load_model(LEGACY / "three_deep.h5", compile=False)


def test_a_model_whose_process_is_killed_says_so_and_is_opened_again() -> None:
    app = open_own(("model.h5", THREE_DEEP))
    for process in psutil.Process().children():
        if any("explainers.models.apart.serving" in word for word in process.cmdline()):
            process.kill()
    app.button_group(key="methods").set_value(["Smoothed saliency"]).run()
    assert not app.exception
    assert "ended by the system (SIGKILL)" in app.warning[0].value
    app.run()
    assert not app.exception
    assert not app.warning
    assert np.ptp(array(heatmaps(app)[0]["z"])) > 0
