"""What is kept between reruns: the only room with Streamlit's caches.

Classifiers are shared by everyone. Whatever comes of a person's picture is kept for their session
alone, and every entry is tied to the picture's digest, the classifier, the target and the exact
settings.
"""

import gc
import importlib
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import streamlit as st

from explainers import (
    CheckUp,
    Explainer,
    Explanation,
    LimeSuperpixels,
    NoAnswerError,
    Prediction,
    Target,
)
from explainers import check_up as look_over
from explainers.classifiers.natural_noise import natural_noise
from explainers.images.samples import SAMPLES
from explainers.metrics.flipping import Flip, effects_of
from explainers.metrics.flipping import flip as find_flip
from explainers.metrics.forecast import Forecast
from explainers.metrics.forecast import forecast as expect
from explainers.metrics.pointing import Hiding, hide_hottest
from pages.parts.picture import Picture, data_uri

if TYPE_CHECKING:
    from explainers import Classifier
    from explainers.survey.table import Stored

CLASSIFIERS_IN_MEMORY = 3
PICTURES_IN_SESSION = 20
RUNS_IN_SESSION = 40
LAYERS_IN_SESSION = 8
JOBS_IN_SESSION = 6
MADE_IN_SESSION = 64
READINGS_OF_RUN = 8
TILES_IN_SESSION = 240
ENGINE = "explainers.classifiers.classifier"
BROKEN = "This could not be finished. Try it with other settings."

Seen = TypeVar("Seen")
Made = TypeVar("Made")
From = ParamSpec("From")


class Run:
    """A method at work on one picture: what it has observed so far, and the way to the next.

    A rerun of the page finds it as the last one left it. So nothing observed is observed again,
    and to pause is not to ask for more.

    Attributes
    ----------
    latest : Observation or None
        The best observation so far.
    finished, paused : bool
        Whether there is nothing more to come, and whether a person wants no more.
    failure : str or None
        Why the method cannot explain this classifier, in a sentence.
    """

    def __init__(self, observations: Iterator[Any] | None = None) -> None:
        self._observations = observations
        self._lock = threading.Lock()
        self.latest: Any = None
        self.finished = False
        self.paused = False
        self.failure: str | None = None
        self._interpreted = lru_cache(READINGS_OF_RUN)(
            lambda explainer, observation, target: explainer.interpret(observation, target)
        )

    def read(self, explainer: Explainer, target: Target) -> Explanation | None:
        """The best observation so far as a method reads it, if there is one; read only once."""
        latest = self.latest
        return None if latest is None else self._interpreted(explainer, latest, target)

    @property
    def waiting(self) -> bool:
        """Whether there is more to observe, and somebody wants it."""
        return not (self.finished or self.paused)

    def begin(self, start: Callable[[], Iterator[Any]]) -> None:
        """Start the work, unless it has begun."""
        with self._lock:
            if self._observations is None and not self.finished:
                self._observations = start()

    def advance(self) -> None:
        """Take the next observation."""
        with self._lock:
            if self.finished or self._observations is None:
                return
            try:
                self.latest = next(self._observations)
                self._interpreted.cache_clear()
                self.finished = self.latest.done == self.latest.total
            except (LookupError, NoAnswerError) as reason:
                self.failure, self.finished = str(reason), True
            except Exception:
                self.failure, self.finished = BROKEN, True
                raise
            finally:
                if self.finished:
                    self._observations = None  # and with it the classifier


def cold() -> bool:
    """Whether TensorFlow is still to be imported, which takes seconds."""
    return ENGINE not in sys.modules


@st.cache_resource(show_spinner=False)
def _tensorflow() -> ModuleType:
    """What classifiers are made of, imported when the first is wanted.

    Nothing of it is ever garbage. To look for some meanwhile would take a second, and half a second
    after every run, when garbage is collected.
    """
    gc.disable()
    try:
        return importlib.import_module(ENGINE)
    finally:
        gc.freeze()
        gc.enable()


@st.cache_resource(max_entries=CLASSIFIERS_IN_MEMORY, show_spinner="Opening the classifier")
def _classifier(key: str, _load: Callable[[], "Classifier"]) -> "Classifier":
    return _load()


def classifier(key: str, load: Callable[[], "Classifier"]) -> "Classifier":
    """A classifier, built and compiled once for all sessions; the oldest unused is let go."""
    _tensorflow()
    return _classifier(key, load)


@st.cache_resource(max_entries=PICTURES_IN_SESSION, scope="session", show_spinner=False)
def _check_up(digest: str, classifier: str, _look: Callable[[], CheckUp]) -> CheckUp:
    return _look()


def check_up(picture: Picture, asked: "Classifier") -> CheckUp:
    """What a classifier is, and what it says to a picture under each scaling."""
    return _check_up(
        picture.digest,
        asked.name,
        lambda: look_over(asked, asked.prepare(picture.image)),
    )


@st.cache_resource(show_spinner=False)
def sample(name: str) -> Picture:
    """A picture of the gallery."""
    return Picture.of(SAMPLES[name].title, SAMPLES[name].read(), sample=name)


@st.cache_data(show_spinner=False)
def thumbnail(name: str) -> np.ndarray:
    """A picture of the gallery as a small square."""
    return sample(name).thumbnail()


@st.cache_data(max_entries=PICTURES_IN_SESSION, scope="session", show_spinner=False)
def _screen(digest: str, _picture: Picture) -> np.ndarray:
    return _picture.on_screen()


def screen(picture: Picture) -> np.ndarray:
    """The picture at the size of the screen."""
    return _screen(picture.digest, picture)


@st.cache_resource(max_entries=PICTURES_IN_SESSION, scope="session", show_spinner=False)
def _address(digest: str, _picture: Picture) -> str:
    return data_uri(screen(_picture))


def address(picture: Picture) -> str:
    """The picture at the size of the screen, as a data URI."""
    return _address(picture.digest, picture)


@st.cache_resource(max_entries=PICTURES_IN_SESSION, scope="session", show_spinner=False)
def _prediction(digest: str, classifier: str, _ask: Callable[[], Prediction]) -> Prediction:
    return _ask()


def prediction(picture: Picture, asked: "Classifier", pixels: np.ndarray) -> Prediction:
    """What a classifier says to a picture."""
    return _prediction(picture.digest, asked.name, lambda: asked.predict(pixels))


@st.cache_resource(max_entries=RUNS_IN_SESSION, scope="session", show_spinner=False)
def _run(
    digest: str, classifier: str, observer: str, classes: str, _start: Callable[[], Iterator[Any]]
) -> Run:
    return Run(_start())


def run(
    picture: Picture,
    asked: "Classifier",
    pixels: np.ndarray,
    explainer: Explainer,
    targets: Collection[Target],
) -> Run:
    """The run of a method for some targets, shared by all methods that can read what it saw."""
    observer = explainer.observer
    classes = sorted({index for target in targets for index in target.classes})
    return _run(
        picture.digest,
        asked.name,
        repr(observer),
        "all" if observer.all_classes else repr(classes),
        lambda: observer.observations(asked, pixels, *targets),
    )


@st.cache_resource(scope="session", show_spinner=False)
def _maker() -> Callable[..., Any]:
    @lru_cache(MADE_IN_SESSION)
    def make(function: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
        return function(*arguments, **settings)

    return make


def made(function: Callable[From, Made], *arguments: From.args, **settings: From.kwargs) -> Made:
    """What a function makes of its arguments, made once: a figure, or a comparison of maps.

    The arguments are values, or objects that never change and are kept here, as explanations are.
    """
    result: Made = _maker()(function, *arguments, **settings)
    return result


@st.cache_resource(max_entries=RUNS_IN_SESSION, scope="session", show_spinner="Hiding pieces")
def _flip(digest: str, classifier: str, settings: str, _ask: Callable[[], Flip]) -> Flip:
    return _ask()


def flip(
    picture: Picture,
    asked: "Classifier",
    pixels: np.ndarray,
    difference: Explanation,
    segments: np.ndarray,
    fill: str,
    until: int | None,
) -> Flip:
    """What has to be hidden, in the order of a difference map, for another class to win."""
    settings = f"{difference.explainer} {difference.target} {difference.done} {fill} {until}"
    return _flip(
        picture.digest,
        asked.name,
        settings,
        lambda: find_flip(asked, pixels, segments, effects_of(difference, segments), fill, until),
    )


@st.cache_data(max_entries=PICTURES_IN_SESSION, scope="session", show_spinner=False)
def _segments(digest: str, shape: tuple[int, ...], _cut: Callable[[], np.ndarray]) -> np.ndarray:
    return _cut()


def segments(picture: Picture, asked: "Classifier", pixels: np.ndarray) -> np.ndarray:
    """The superpixels of a picture, as LIME cuts it, ``(h, w)`` int32."""
    return _segments(
        picture.digest, asked.size, lambda: LimeSuperpixels().segmentation.segments(pixels)
    )


@st.cache_resource(max_entries=JOBS_IN_SESSION, scope="session", show_spinner=False)
def job(digest: str, classifier: str, settings: str) -> Run:
    """Any other work that comes piece by piece; a person starts it, and until then it is empty.

    Parameters
    ----------
    digest : str
        Of the picture it is about; nothing if it is about none.
    classifier : str
        The name of the classifier.
    settings : str
        What tells it from other work.
    """
    waiting = Run()
    waiting.paused = True
    return waiting


@st.cache_data(max_entries=CLASSIFIERS_IN_MEMORY, show_spinner=False)
def _pace(classifier: str, _measure: Callable[[], float]) -> float:
    return _measure()


def pace(asked: "Classifier") -> float:
    """The seconds that a forward pass takes on this machine, measured once."""

    def measure() -> float:
        pictures = natural_noise(asked.size)
        asked.probabilities(pictures[:1])
        started = time.perf_counter()
        asked.probabilities(pictures)
        return (time.perf_counter() - started) / len(pictures)

    return _pace(asked.name, measure)


@st.cache_resource(max_entries=PICTURES_IN_SESSION, scope="session", show_spinner=False)
def _trial(
    digest: str, classifier: str, region: bytes, settings: str, _ask: Callable[[], Any]
) -> Any:
    return _ask()


def trial(
    picture: Picture,
    asked: "Classifier",
    region: np.ndarray,
    settings: str,
    ask: Callable[[], Seen],
) -> Seen:
    """What came of an experiment with a region, ``(h, w)`` bool, of a picture."""
    found: Seen = _trial(picture.digest, asked.name, region.tobytes(), settings, ask)
    return found


@st.cache_resource(max_entries=RUNS_IN_SESSION, scope="session", show_spinner=False)
def _hiding(digest: str, classifier: str, settings: str, _ask: Callable[[], Hiding]) -> Hiding:
    return _ask()


def hiding(
    picture: Picture, asked: "Classifier", pixels: np.ndarray, explanation: Explanation
) -> Hiding:
    """What hiding the hottest part of a map does, and hiding as much at random places."""
    return _hiding(
        picture.digest, asked.name, _reading(explanation),
        lambda: hide_hottest(asked, pixels, explanation),
    )  # fmt: skip


@st.cache_resource(max_entries=RUNS_IN_SESSION, scope="session", show_spinner=False)
def _forecast(
    digest: str, classifier: str, settings: str, _ask: Callable[[], Forecast]
) -> Forecast:
    return _ask()


def forecast(
    edited: Picture,
    asked: "Classifier",
    pixels: np.ndarray,
    explanation: Explanation,
    region: np.ndarray,
) -> Forecast:
    """What a linear model expects of a picture without a region, and what the network says.

    Parameters
    ----------
    edited : Picture
        The picture without the region.
    asked : Classifier
    pixels : (h, w, 3) float32 ndarray
        The whole picture.
    explanation : Explanation
    region : (h, w) bool ndarray
    """
    return _forecast(
        edited.digest, asked.name, _reading(explanation),
        lambda: expect(asked, pixels, explanation, region),
    )  # fmt: skip


def _reading(explanation: Explanation) -> str:
    """What tells an explanation of a picture from others of it."""
    return f"{explanation.explainer} {explanation.target} {explanation.done}"


@st.cache_resource(max_entries=LAYERS_IN_SESSION, scope="session", show_spinner=False)
def _inside(digest: str, classifier: str, what: str, _look: Callable[[], Any]) -> Any:
    return _look()


def inside(picture: Picture, asked: "Classifier", what: str, look: Callable[[], Seen]) -> Seen:
    """What is seen inside a network; few are kept, since layers are large."""
    return _inside(picture.digest, asked.name, what, look)


@st.cache_resource(max_entries=MADE_IN_SESSION, scope="session", show_spinner=False)
def _surveyed(folder: str, state: Any, what: str, _ask: Callable[[], Any]) -> Any:
    return _ask()


def surveyed(stored: "Stored", what: str, ask: Callable[[], Seen]) -> Seen:
    """What the table of a survey was asked, as long as its files are as they are."""
    found: Seen = _surveyed(str(stored.folder), stored.state, what, ask)
    return found


@st.cache_data(max_entries=TILES_IN_SESSION, scope="session", show_spinner=False)
def _tile(digest: str, how: str, _draw: Callable[[], np.ndarray]) -> np.ndarray:
    return _draw()


def tile(digest: str, how: str, draw: Callable[[], np.ndarray]) -> np.ndarray:
    """A small picture of a survey, ``(h, w, 3)`` uint8, tied to the digest of its file.

    Raises
    ------
    SurveyError
        As the drawing does; that is not kept.
    """
    return _tile(digest, how, draw)
