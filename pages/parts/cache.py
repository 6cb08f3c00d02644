"""What is kept between reruns: the only room with Streamlit's caches.

Classifiers are shared by everyone. Whatever comes of a person's picture is kept for their session
alone, and every entry is tied to the picture's digest, the classifier, the target and the exact
settings. A session that is lost finds all of it when it comes back soon; when it does not, all of
it goes, and so does a model that nobody else has brought.

What asks a network waits for its turn, and while it waits for a click, or for the session's end.
"""

import asyncio
import gc
import importlib
import io
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator
from contextvars import ContextVar
from functools import lru_cache, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import streamlit as st
from PIL import Image
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

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
from explainers.classifiers.check_up import PASSES as LOOKED_OVER
from explainers.classifiers.errors import PassingError
from explainers.classifiers.pace import PASSES
from explainers.classifiers.pace import pace as measured
from explainers.classifiers.turns import TURNS
from explainers.images.samples import SAMPLES
from explainers.metrics.flipping import Flip, effects_of
from explainers.metrics.flipping import flip as find_flip
from explainers.metrics.forecast import Forecast
from explainers.metrics.forecast import forecast as expect
from explainers.metrics.pointing import TRIES, Hiding, hide_hottest
from explainers.models import zoo
from pages.parts.picture import Picture, data_uri

if TYPE_CHECKING:
    from explainers import Classifier
    from explainers.survey.table import Stored

CLASSIFIERS_IN_MEMORY = 3
PICTURES_IN_SESSION = 20
RUNS_IN_SESSION = 40
LAYERS_IN_SESSION = 8
JOBS_IN_SESSION = 12
MADE_IN_SESSION = 160
READINGS_OF_RUN = 24
TILES_IN_SESSION = 240
ENGINE = "explainers.classifiers.classifier"
BROKEN = "This could not be finished. Try it with other settings."
AWAY = 45.0
"""Seconds that a lost session may take to come back."""
USUAL = 0.01
"""Seconds that a pass takes, roughly: what waits is told apart by how many passes it takes."""
FORGOTTEN = 5.0
"""Seconds after which work that nobody wanted meanwhile counts as new."""

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
    passing : bool
        Whether that may be otherwise the next time.
    """

    def __init__(self) -> None:
        self._observations: Iterator[Any] | None = None
        self._lock = threading.Lock()
        self._passes, self._share = 0, ""
        self._since = self._wanted = time.monotonic()
        self.latest: Any = None
        self.finished = False
        self.paused = False
        self.failure: str | None = None
        self.passing = False
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

    @property
    def done(self) -> float:
        """The share of the work that is done, in 0..1."""
        return float(self.latest.done / self.latest.total) if self.latest else 0.0

    def pause(self) -> None:
        """Want no more, for now; a piece of the work that is under way is awaited.

        A click has Streamlit start the page anew beside the run of it that is still at work. What
        that one observed later would change what this one is drawing.
        """
        self.paused = True
        with self._lock:
            self.paused = not self.finished

    def resume(self) -> None:
        """Want more again."""
        self.paused = False

    def begin(self, start: Callable[[], Iterator[Any]], asked: "Classifier", passes: int) -> "Run":
        """Start the work, unless it has begun.

        Parameters
        ----------
        start : callable
        asked : Classifier
        passes : int
            Forward passes that all of it takes, or is worth.
        """
        with self._lock:
            if self._observations is None and not self.finished:
                self._observations = start()
                self._passes, self._share = passes, _share(asked)
        return self

    def advance(self, told: Callable[[int], None] = lambda ahead: None) -> None:
        """Take the next observation, in turn.

        Parameters
        ----------
        told : callable
            Told now and then, while it waits, how much work is served before it.
        """
        now = time.monotonic()
        if now - self._wanted > FORGOTTEN:
            self._since = now
        left = (1 - self.done) * self._passes * USUAL

        def listen(ahead: int) -> None:
            self._wanted = time.monotonic()
            _make_way()
            told(ahead)

        wait = TURNS.turn(left, since=self._since, share=self._share, meanwhile=listen)
        with wait as turn, self._lock:
            self._wanted = time.monotonic()
            if not self.waiting or self._observations is None:
                return
            try:
                self.latest = next(self._observations)
                self._interpreted.cache_clear()
                self.finished = self.latest.done == self.latest.total
            except (LookupError, NoAnswerError) as reason:
                self.failure, self.finished = str(reason), True
                self.passing = isinstance(reason, PassingError)
            except Exception:
                self.failure, self.finished = BROKEN, True
                raise
            finally:
                if self.finished:
                    self._observations = None  # and with it the classifier
            turn.more = self.waiting


def _make_way() -> None:
    """End this run of the page if there was a click, or if the session has ended.

    Streamlit sees to that whenever a page looks into the session's state. What is made apart goes
    on.
    """
    if _APART.get() is None:
        _ = "picture" in st.session_state


def _share(asked: "Classifier") -> str:
    """What a classifier computes on: with the others, or where it stands apart from them."""
    return asked.name if asked.apart else ""


def _asked(asked: "Classifier", passes: int, ask: Callable[[], Seen]) -> Seen:
    """What a classifier says to a short question, in turn."""
    with TURNS.turn(passes * USUAL, share=_share(asked), meanwhile=lambda ahead: _make_way()):
        return ask()


class _Session:
    """What one session has so far: of each kind, what was used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: dict[str, OrderedDict[Hashable, Any]] = {}
        self.models: set[str] = set()

    def keep(self, kind: str, most: int, key: Hashable, make: Callable[[], Any]) -> Any:
        """What was made under a key, or what is made now; of a kind at most so many are kept."""
        with self._lock:
            entries = self._kinds.setdefault(kind, OrderedDict())
            if isinstance(entries.get(key), Run) and entries[key].passing:
                del entries[key]
            if key in entries:
                entries.move_to_end(key)
                return entries[key]
        value = make()
        with self._lock:
            value = entries.setdefault(key, value)
            while len(entries) > most:
                entries.popitem(last=False)
        return value

    def all(self, kind: str) -> list[tuple[Any, Any]]:
        """All that is there of a kind, each with its key, what was used last at the end."""
        with self._lock:
            return list(self._kinds.get(kind, {}).items())

    def kept(self, kind: str, key: Hashable) -> Any:
        """What is there under a key, if there is anything."""
        entries = self._kinds.get(kind)
        return None if entries is None else entries.get(key)


_SESSIONS: dict[str, _Session] = {}
_LOST: list[str] = []
"""Those that are to be closed, if they do not come back."""


_APART: ContextVar[_Session | None] = ContextVar("session", default=None)


def apart(make: Callable[[], Made]) -> Callable[[], Made]:
    """What makes a file when its button is pressed: apart from the page, which may be at work.

    It finds what this session has kept, and keeps what it makes; no click ends it.
    """
    session = _session()

    def made_apart() -> Made:
        token = _APART.set(session)
        try:
            return make()
        finally:
            _APART.reset(token)

    return made_apart


def _session() -> _Session:
    """What the session that asks has kept."""
    if (session := _APART.get()) is not None:
        return session
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return _Session()
    _held(context.session_id)
    return _SESSIONS.setdefault(context.session_id, _Session())


def _lost(session: str) -> None:
    """Streamlit has let go of a session's connection, or all that it kept; maybe no server runs."""
    if runtime.exists():
        asyncio.get_running_loop().call_later(AWAY, _close, session)
        _LOST.append(session)
    else:
        _SESSIONS.pop(session, None)


@st.cache_resource(scope="session", show_spinner=False, on_release=_lost)
def _held(session: str) -> str:
    return session


def _close(session: str) -> None:
    """Let go of all that a session kept, if it has not come back."""
    _LOST.remove(session)
    server = runtime.get_instance()
    if server.is_active_session(session):
        return
    server.close_session(session)
    gone = _SESSIONS.pop(session, None)
    for key in gone.models if gone else ():
        if not any(key in other.models for other in list(_SESSIONS.values())):
            _classifier.clear(key, None)
    if not _LOST:
        gc.collect()


def cold() -> bool:
    """Whether TensorFlow is still to be imported, which takes seconds."""
    return ENGINE not in sys.modules


@st.cache_resource(show_spinner=False)
def _tensorflow() -> ModuleType:
    """What classifiers are made of, imported when the first is wanted.

    Nothing of it is ever garbage, and to look for some meanwhile would take a second. Streamlit has
    Keras tidy up after every run of a page, which looks through all that all sessions have, while
    all of them wait; Python does so by itself, when there is more.
    """
    gc.disable()
    try:
        engine = importlib.import_module(ENGINE)
        backend = engine.keras.backend
        backend.clear_session = partial(backend.clear_session, free_memory=False)
        return engine
    finally:
        gc.freeze()
        gc.enable()


@st.cache_resource(
    max_entries=CLASSIFIERS_IN_MEMORY, show_spinner="Opening the classifier",
    validate=lambda classifier: classifier.ended is None,
)  # fmt: skip
def _classifier(key: str, _load: Callable[[], "Classifier"]) -> "Classifier":
    return _load()


def classifier(key: str, load: Callable[[], "Classifier"]) -> "Classifier":
    """A classifier, built and compiled once for all sessions; the oldest unused is let go."""
    _tensorflow()
    if key not in zoo.CLASSIFIERS:
        _session().models.add(key)
    return _classifier(key, load)


def check_up(picture: Picture, asked: "Classifier") -> CheckUp:
    """What a classifier is, and what it says to a picture under each scaling."""
    found: CheckUp = _session().keep(
        "check-up", PICTURES_IN_SESSION, (picture.digest, asked.name),
        lambda: _asked(
            asked, LOOKED_OVER, lambda: look_over(asked, asked.prepare(picture.image))
        ),
    )  # fmt: skip
    return found


@st.cache_resource(show_spinner=False)
def sample(name: str) -> Picture:
    """A picture of the gallery."""
    return Picture.of(SAMPLES[name].title, SAMPLES[name].read(), sample=name)


@st.cache_data(show_spinner=False)
def thumbnail(name: str) -> bytes:
    """A picture of the gallery as a small square: a PNG, which need not be made at every rerun."""
    file = io.BytesIO()
    Image.fromarray(sample(name).thumbnail()).save(file, "PNG")
    return file.getvalue()


def screen(picture: Picture) -> np.ndarray:
    """The picture at the size of the screen."""
    return _drawn("screen", PICTURES_IN_SESSION, picture.digest, picture.on_screen)


def address(picture: Picture) -> str:
    """The picture at the size of the screen, as a data URI."""
    kept: str = _session().keep(
        "address", PICTURES_IN_SESSION, picture.digest, lambda: data_uri(screen(picture))
    )
    return kept


def prediction(picture: Picture, asked: "Classifier", pixels: np.ndarray) -> Prediction:
    """What a classifier says to a picture."""
    said: Prediction = _session().keep(
        "prediction", PICTURES_IN_SESSION, (picture.digest, asked.name),
        lambda: _asked(asked, 1, lambda: asked.predict(pixels)),
    )  # fmt: skip
    return said


def run(
    picture: Picture,
    asked: "Classifier",
    pixels: np.ndarray,
    explainer: Explainer,
    targets: Collection[Target],
) -> Run:
    """The run of a method for some targets, shared by all methods that can read what it saw."""
    observer = explainer.observer
    classes = {index for target in targets for index in target.classes}
    kept: Run = _session().keep(
        "run", RUNS_IN_SESSION, _run_of(picture, asked, explainer, targets),
        lambda: Run().begin(
            lambda: observer.observations(asked, pixels, *targets), asked,
            observer.cost(asked, len(classes)).passes,
        ),
    )  # fmt: skip
    return kept


def observed(picture: Picture, asked: "Classifier", explainer: Explainer, target: Target) -> bool:
    """Whether a method has nothing left to ask about a target."""
    run = _session().kept("run", _run_of(picture, asked, explainer, [target]))
    return run is not None and run.finished


def _run_of(
    picture: Picture, asked: "Classifier", explainer: Explainer, targets: Collection[Target]
) -> Hashable:
    """What tells a run from others: methods that observe the same have it in common."""
    observer = explainer.observer
    classes = sorted({index for target in targets for index in target.classes})
    together = () if observer.all_classes else tuple(classes)
    return picture.digest, asked.name, repr(observer), together


def made(function: Callable[From, Made], *arguments: From.args, **settings: From.kwargs) -> Made:
    """What a function makes of its arguments, made once: a figure, or a comparison of maps.

    The arguments are values, or objects that never change and are kept here, as explanations are.
    """
    result: Made = _session().keep(
        "made", MADE_IN_SESSION, (function, arguments, tuple(sorted(settings.items()))),
        lambda: function(*arguments, **settings),
    )  # fmt: skip
    return result


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

    def ask() -> Flip:
        with st.spinner("Hiding pieces"):
            effects = effects_of(difference, segments)
            return _asked(
                asked, 2 * len(effects),
                lambda: find_flip(asked, pixels, segments, effects, fill, until),
            )  # fmt: skip

    found: Flip = _session().keep(
        "flip", RUNS_IN_SESSION,
        (picture.digest, asked.name, _reading(difference), fill, until), ask,
    )  # fmt: skip
    return found


def segments(picture: Picture, asked: "Classifier", pixels: np.ndarray) -> np.ndarray:
    """The superpixels of a picture, as LIME cuts it, ``(h, w)`` int32."""
    return _drawn(
        "segments", PICTURES_IN_SESSION, (picture.digest, asked.size),
        lambda: LimeSuperpixels().segmentation.segments(pixels),
    )  # fmt: skip


def job(digest: str, classifier: str, settings: Hashable) -> Run:
    """Any other work that comes piece by piece; a person starts it, and until then it is empty.

    Parameters
    ----------
    digest : str
        Of the picture it is about; nothing if it is about none.
    classifier : str
        The name of the classifier.
    settings : hashable
        What tells it from other work.
    """

    def wait() -> Run:
        waiting = Run()
        waiting.paused = True
        return waiting

    kept: Run = _session().keep("job", JOBS_IN_SESSION, (digest, classifier, settings), wait)
    return kept


def jobs(digest: str, classifier: str) -> list[tuple[Hashable, Run]]:
    """What there is of such work about a picture and a classifier, each with its settings.

    What was looked at last comes last.
    """
    return [
        (settings, run)
        for (of, by, settings), run in _session().all("job")
        if (of, by) == (digest, classifier)
    ]


@st.cache_data(max_entries=CLASSIFIERS_IN_MEMORY, show_spinner=False)
def _pace(classifier: str, _measure: Callable[[], float]) -> float:
    return _measure()


def pace(asked: "Classifier") -> float:
    """The seconds that a forward pass takes on this machine, measured once."""

    return _pace(asked.name, lambda: _asked(asked, PASSES, lambda: measured(asked)))


def trial(
    picture: Picture,
    asked: "Classifier",
    region: np.ndarray,
    settings: str,
    ask: Callable[[], Seen],
) -> Seen:
    """What came of an experiment with a region, ``(h, w)`` bool, of a picture."""
    found: Seen = _session().keep(
        "trial", PICTURES_IN_SESSION, (picture.digest, asked.name, region.tobytes(), settings), ask
    )
    return found


def hiding(
    picture: Picture, asked: "Classifier", pixels: np.ndarray, explanation: Explanation
) -> Hiding:
    """What hiding the hottest part of a map does, and hiding as much at random places."""
    found: Hiding = _session().keep(
        "hiding", RUNS_IN_SESSION, (picture.digest, asked.name, _reading(explanation)),
        lambda: _asked(asked, 2 + TRIES, lambda: hide_hottest(asked, pixels, explanation)),
    )  # fmt: skip
    return found


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
    found: Forecast = _session().keep(
        "forecast", RUNS_IN_SESSION, (edited.digest, asked.name, _reading(explanation)),
        lambda: _asked(asked, 2, lambda: expect(asked, pixels, explanation, region)),
    )  # fmt: skip
    return found


def _reading(explanation: Explanation) -> str:
    """What tells an explanation of a picture from others of it."""
    return f"{explanation.explainer} {explanation.target} {explanation.done}"


def inside(picture: Picture, asked: "Classifier", what: str, look: Callable[[], Seen]) -> Seen:
    """What is seen inside a network; few are kept, since layers are large."""
    seen: Seen = _session().keep(
        "inside", LAYERS_IN_SESSION, (picture.digest, asked.name, what),
        lambda: _asked(asked, 1, look),
    )  # fmt: skip
    return seen


def surveyed(stored: "Stored", what: str, ask: Callable[[], Seen]) -> Seen:
    """What the table of a survey was asked, as long as its files are as they are."""
    found: Seen = _session().keep(
        "surveyed", MADE_IN_SESSION, (str(stored.folder), stored.state, what), ask
    )
    return found


def tile(digest: str, how: str, draw: Callable[[], np.ndarray]) -> np.ndarray:
    """A small picture of a survey, ``(h, w, 3)`` uint8, tied to the digest of its file.

    Raises
    ------
    SurveyError
        As the drawing does; that is not kept.
    """
    return _drawn("tile", TILES_IN_SESSION, (digest, how), draw)


def _drawn(kind: str, most: int, key: Hashable, draw: Callable[[], np.ndarray]) -> np.ndarray:
    """A kept array, which all that read it share, so that none writes into it."""
    array: np.ndarray = _session().keep(kind, most, key, draw)
    array.setflags(write=False)
    return array
