"""What every test of the app starts from: a server that has been asked before, by nobody."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.caching import clear_session_data_cache, clear_session_resource_cache

from explainers import Classifier, open_classifier
from explainers.images.superpixels import Quickshift
from explainers.models import apart
from pages.parts import cache, table
from tests.app.remembering import remembered

AS_ONE_SESSION = "test session id"

Offered = dict[str, tuple[Callable[[], bytes], str, str, str]]


@pytest.fixture(autouse=True, scope="module")
def _what_was_computed_is_remembered(lite0: Classifier) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("probabilities", "gradients", "masked_probabilities"):
            patch.setattr(Classifier, name, remembered(getattr(Classifier, name), by=lite0))
        patch.setattr(Quickshift, "_cut", remembered(Quickshift._cut, by=Quickshift()))
        yield


@pytest.fixture(autouse=True)
def _no_browser_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LOADING", 0.0)


@pytest.fixture(autouse=True, scope="module")
def _what_others_left_is_collected_once() -> Iterator[None]:
    gc.collect()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _nothing_kept(lite0: Classifier) -> None:
    """No results: all apps under test count as one session, whose results would outlive a test.

    The bundled classifier is open, as on any server but a new one. What was there before a test is
    no garbage of its runs; Streamlit would look through all of it twice a run.
    """
    clear_session_data_cache(AS_ONE_SESSION)
    clear_session_resource_cache(AS_ONE_SESSION)
    cache.classifier(lite0.name, lambda: lite0)
    gc.freeze()


@pytest.fixture
def opened_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of a fixed size are opened in this process, where one of their own is not the point.

    To start one takes seconds of TensorFlow; whatever it has to say is said here as well.
    """

    def here(source: bytes, *, name: str, any_size: Any) -> Classifier:
        return open_classifier(source, name=name, tried=False)

    monkeypatch.setattr(apart, "open_apart", here)
    monkeypatch.setattr(apart, "prepare", lambda: None)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Offered:
    """What buttons in a line offer, as they were drawn last, by their labels.

    How it is made, its name, its kind, and the help of the button.
    """
    found: Offered = {}

    def offer(self, label, data, file_name, mime, help="", **_):
        found[label] = data, file_name, mime, help

    monkeypatch.setattr(DeltaGenerator, "download_button", offer)
    return found
