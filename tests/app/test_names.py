"""Names that people give, on every page: never Markdown, and never a way to break the page."""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import keras
import pytest
from google.protobuf.message import Message
from keras import layers
from streamlit.testing.v1 import AppTest

from explainers import open_classifier
from explainers.images.samples import SAMPLES
from pages.parts import classifiers
from pages.parts.words import escaped
from tests.app.driving import captions, class_menu, open_app
from tests.app.test_compare import png
from tests.app.test_own_model import drop
from tests.names import CANARY, NAMES

MARKDOWN = {"body", "caption", "content", "help", "label", "text", "title"}
"""What Streamlit calls the fields of its messages that it shows as Markdown."""

LAYERS = (f"www.{CANARY}.example", f"1._{CANARY}_")
PAGES = {
    "app.py": None,
    "pages/why.py": "question",
    "pages/what_if.py": None,
    "pages/how_far.py": "trust-test",
    "pages/network.py": "network-view",
    "pages/model.py": None,
}
"""Every page, and what chooses between its views."""

STARTS = ("Run the test", "Ask again", "Break a copy", "Climb")


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _nodes(child)


def _markdown(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Message):
                yield from _markdown(each)
            elif isinstance(each, str) and field.name in MARKDOWN:
                yield each


def on_screen(app: AppTest) -> list[str]:
    """All Markdown of a page."""
    said = []
    for node in (*_nodes(app.main), *_nodes(app.sidebar)):
        if isinstance(getattr(node, "proto", None), Message):
            said += _markdown(node.proto)
        if node.type == "table":
            said += [str(cell) for cell in node.value.to_numpy().ravel()]
    return said


def unescaped(text: str, names: list[str]) -> bool:
    """Whether something of a name is left when the names as they should be are taken away."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(escaped(name), "").replace(escaped(f"x{name}")[1:], "")
    return CANARY in text


def visit(app: AppTest) -> Iterator[str]:
    """Open every view of every page, and start what it offers to compute."""
    for page, key in PAGES.items():
        app.switch_page(page).run()
        if page == "pages/what_if.py":
            next(iter(app.session_state["regions"].values()))[-1][4:20, 4:20] = True
            app.run()
        if key is None:
            yield page
            continue
        for view in app.segmented_control(key=key).options:
            app.segmented_control(key=key).set_value(view).run()
            for button in app.button:
                if button.label.startswith(STARTS):
                    button.click().run()
                    break
            yield f"{page}, {view}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A tiny network with as many classes as there are nasty names."""
    keras.utils.set_random_seed(0)
    first, second = LAYERS
    built = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(4, 3, activation="relu", name=first),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, activation="relu", name=second),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(NAMES), activation="softmax"),
        ]
    )
    path: Path = tmp_path_factory.mktemp("model") / "model.keras"
    built.save(path)
    return path.read_bytes()


def test_no_name_is_markdown_on_any_page(model: bytes) -> None:
    titles = [f"![{CANARY}](http:x)", f":red[{CANARY}] <b>a_b</b>"]
    file, picture = f"{titles[0]}.keras", f"{titles[1]}.png"
    app = open_app(methods=["Grad-CAM", "LIME superpixels"])
    app.segmented_control(key="source").set_value("Upload").run()
    app.file_uploader(key="upload").set_value((picture, png(SAMPLES["cat"].read()), "image/png"))
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    drop(app, (file, model), ("labels.json", json.dumps(NAMES).encode()))
    names = [option.split(" · ")[1] for option in class_menu(app).options]
    names += [*titles, *LAYERS, file]
    seen: list[str] = []
    for page in visit(app):
        assert not app.exception, page
        said = on_screen(app)
        assert [text for text in said if unescaped(text, names)] == [], page
        seen += said
    assert sum(CANARY in text for text in seen) > 40, "The names are on screen."
    assert any(escaped(LAYERS[0]) in text for text in seen)


LINKED = ("class", "picture", "classifier", "methods", "view")
HOSTILE = (
    "", "-1", "-0", "9" * 5000, "²", "٣", "1e3", "0x1", " 1 ", "\0", "<b>", "nan", "1\n2",
    "\u202e", "🐶" * 100, ["1", "2"], ["", ""],
)  # fmt: skip


def test_no_link_breaks_a_page(monkeypatch: pytest.MonkeyPatch, model: bytes) -> None:
    tiny = open_classifier(model, scaling="0..1", tried=False)
    monkeypatch.setattr("pages.parts.cache.classifier", lambda key, load: tiny)
    for value, page in zip(HOSTILE, cycle(PAGES), strict=False):
        app = open_app(page, **dict.fromkeys(LINKED, value))
        assert app.title, (page, value)
        assert app.query_params["class"] == str(class_menu(app).value), value


def refused_with(app: AppTest) -> str:
    """The refusal on screen, whose names are all escaped."""
    (text,) = [each.value for each in (*app.error, *app.warning)]
    assert not unescaped(text, [f"![{CANARY}](http:x)"]), text
    assert escaped(f"x![{CANARY}](http:x)")[1:] in text
    return text


@pytest.mark.usefixtures("opened_here")
def test_no_refusal_is_markdown(model: bytes) -> None:
    hostile = f"![{CANARY}](http:x)"
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr(hostile, b"")
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    drop(app, ("model.zip", bundle.getvalue()))
    assert "a path that leads out of it" in refused_with(app)

    odd = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model)) as whole, zipfile.ZipFile(odd, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name).replace(LAYERS[0].encode(), hostile.encode() + b"\\ud800")
            archive.writestr(name, content if name == "config.json" else whole.read(name))
    drop(app, ("model.keras", odd.getvalue()))
    assert "�" in refused_with(app)


@pytest.mark.usefixtures("opened_here")
def test_a_name_that_the_system_cannot_spell_is_offered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: bytes
) -> None:
    (tmp_path / os.fsdecode(b"p\xffts.keras")).write_bytes(model)
    monkeypatch.setattr(classifiers, "FOLDER", str(tmp_path))
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    app.selectbox(key="model-on-server").set_value("p�ts.keras").run()
    assert not app.exception
    assert "p�ts gives it" in captions(app)


@pytest.mark.usefixtures("opened_here")
def test_a_method_that_fails_names_the_model_as_it_is_called(tmp_path: Path) -> None:
    flat = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    flat.save(tmp_path / "flat.keras")
    app = open_app(methods=["Grad-CAM"])
    app.segmented_control(key="classifier-source").set_value("Your own").run()
    drop(app, (f"![{CANARY}](http:x).keras", (tmp_path / "flat.keras").read_bytes()))
    said = [each.value for each in app.warning if "has no convolution" in each.value]
    assert said
    assert not [text for text in said if unescaped(text, [f"![{CANARY}](http:x)"])]
