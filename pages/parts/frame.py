"""The frame around every page: the sidebar, read into one frozen selection.

It comes in two steps, since a network may take a while to open. What a person chooses is drawn at
once, so that a page can show the picture and where its answers will stand; then the network is
asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explainers import Explainer, ImageError, NoAnswerError, Prediction, Target, read_image
from explainers.classifiers.labels import is_index
from explainers.images.colouring import COLOUR_MAPS, Style
from explainers.images.reading import MAX_BYTES, stand_by
from explainers.images.samples import SAMPLES
from explainers.report.plain import RecordError
from explainers.words import percent
from pages.parts import cache, classifiers, records, viewport, zoom
from pages.parts.methods import Picked, choose_methods, chosen_methods
from pages.parts.picture import Picture
from pages.parts.words import escaped, title_of

if TYPE_CHECKING:
    from explainers import Classifier

View = TypeVar("View")

PROBABLE = 5
ANSWER_HEIGHT, CLASS_HEIGHT = 284, 68
PAGES = {
    "app.py": ("Compare", ":material/view_column_2:"),
    "pages/why.py": ("Why this class?", ":material/rule:"),
    "pages/what_if.py": ("What if?", ":material/gesture_select:"),
    "pages/how_far.py": ("How far to believe it?", ":material/balance:"),
    "pages/network.py": ("Inside the network", ":material/hub:"),
    "pages/model.py": ("The model", ":material/account_tree:"),
    "pages/survey.py": ("Survey", ":material/grid_view:"),
}
SURVEY = "pages/survey.py"
OF_SURVEY = (
    "survey", "show", "sort", "descending", "map", "answer", "label", "only", "find", "column",
    "least", "most", "sheet", "beside", "moved", "by",
)  # fmt: skip
"""What the address of Survey carries: the survey, its view, the order, the filters, the page."""
STYLES = {
    "Fading": Style("inferno", 0.8, fading=True),
    "Even": Style("inferno", 0.5, fading=False),
}


@dataclass(frozen=True, eq=False)
class Selection:
    """What a person has chosen, and what the classifier says to it.

    Parameters
    ----------
    picture : Picture
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
        The picture at the classifier's size.
    prediction : Prediction
    target : Target
    methods : tuple of type
        The explainers to compare.
    style : Style
        How their maps are drawn.
    """

    picture: Picture
    classifier: "Classifier"
    pixels: np.ndarray
    prediction: Prediction
    target: Target
    methods: tuple[type[Explainer], ...]
    style: Style


@dataclass(frozen=True, eq=False)
class Choice:
    """What a person has chosen, before any network is asked.

    Parameters
    ----------
    picture : Picture
    methods : tuple of type
    style : Style
        As in `Selection`.
    """

    picture: Picture
    methods: tuple[type[Explainer], ...]
    style: Style
    _wanted: classifiers.Wanted | None = None
    _network: DeltaGenerator | None = None
    _target: DeltaGenerator | None = None
    _picked: Picked | None = None

    def answered(self, otherwise: Callable[[], None] = lambda: None) -> Selection:
        """Open the classifier and ask it; while TensorFlow wakes, that is said here.

        Where the network has no answer to the picture, say so, and that is all of the page.

        Parameters
        ----------
        otherwise : callable
            What is to be done to the rest of the page then.
        """
        waiting = st.empty()
        if cache.cold():
            with waiting.container(height=ANSWER_HEIGHT, vertical_alignment="center"):
                st.caption(
                    ":material/hourglass_top: Waking TensorFlow: the first visit since the server "
                    "was started takes some seconds."
                )
            if self._target is not None:
                self._target.skeleton(CLASS_HEIGHT)
        classifier = self._open()
        pixels = classifier.prepare(self.picture.image)
        try:
            prediction = cache.prediction(self.picture, classifier, pixels)
            target = self._aim(classifier, prediction)
        except NoAnswerError as reason:
            if self._target is not None:
                self._target.empty()
            otherwise()
            self._offer_methods(classifier)
            with waiting.container():
                _say_why_not(self.picture, classifier, str(reason))
        waiting.empty()
        self._offer_methods(classifier, target)
        return Selection(
            self.picture, classifier, pixels, prediction, target, self.methods, self.style
        )

    def _offer_methods(self, classifier: "Classifier", target: Target | None = None) -> None:
        if self._picked is not None:
            self._picked.offer_all(self.picture, classifier, target)

    def _open(self) -> "Classifier":
        if self._network is None:
            return classifiers.remembered()
        with self._network:
            return classifiers.opened(self._wanted, self.picture)

    def _aim(self, classifier: "Classifier", prediction: Prediction) -> Target:
        if self._target is None:
            return Target(_chosen_class(self.picture, prediction))
        with self._target:
            return _choose_target(self.picture, classifier, prediction)


def frame(title: str) -> Choice:
    """Draw the sidebar; to be called first on every page."""
    _open_page(title)
    with st.sidebar:
        st.markdown("## Triptych")
        _link_pages()
        picture = _choose_picture()
        network = st.container()
        with network:
            wanted = classifiers.choose()
        target = st.empty()
        picked = choose_methods()
        style = _choose_style()
    return Choice(picture, picked.methods, style, wanted, network, target, picked)


def frame_of_many(title: str) -> Style:
    """The sidebar of a page that is about no single picture, and asks no classifier."""
    _open_page(title)
    with st.sidebar:
        st.markdown("## Triptych")
        _link_pages()
        return _choose_style(zoomable=False)


def unframed(title: str) -> Choice:
    """What was chosen, in this session or in the link that opened it; no sidebar is drawn."""
    _open_page(title)
    picture: Picture = st.session_state.picture
    return Choice(
        picture.centre() if st.session_state.get("square") else picture,
        chosen_methods(),
        _chosen_style(),
    )


def _say_why_not(picture: Picture, classifier: "Classifier", reason: str) -> NoReturn:
    st.title("No answer", anchor="answer")
    st.caption(f"{escaped(classifier.title)} looking at {escaped(picture.title)}.")
    st.warning(escaped(reason), icon=":material/block:")
    st.stop()


def screen_theme() -> str:
    """The theme that the screen is drawn in, light or dark."""
    return st.context.theme.type or "light"


def choose(label: str, views: Mapping[str, View], key: str) -> View:
    """One of several views of a page, the first until a person wants another."""
    chosen = st.segmented_control(
        label,
        list(views),
        default=next(iter(views)),
        required=True,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
    )
    return views[chosen]


def rest_of_gallery(chosen: Picture) -> dict[str, Picture]:
    """The gallery's other pictures by their titles, cut as the chosen one is."""
    gallery = {entry.title: cache.sample(name) for name, entry in SAMPLES.items()}
    if st.session_state.get("square"):
        gallery = {title: picture.centre() for title, picture in gallery.items()}
    return {title: picture for title, picture in gallery.items() if picture.digest != chosen.digest}


def _link_pages() -> None:
    with st.container(gap="xxsmall"):
        for page, (label, icon) in PAGES.items():
            st.page_link(
                page,
                label=label,
                icon=icon,
                width="stretch",
                query_params=_carried_to(page),
            )


def _open_page(title: str) -> None:
    st.set_page_config(
        page_title=f"{title} · Triptych", page_icon=":material/view_column_2:", layout="wide"
    )
    _open_link()
    viewport.measure()


def carried() -> dict[str, list[str]]:
    """What the address bar carries; a name may have several values there, as methods do."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _carried_to(page: str) -> dict[str, Any]:
    """What the address of a page carries; what Survey alone needs goes to no other, and back."""
    shared: dict[str, Any] = {n: each for n, each in carried().items() if n not in OF_SURVEY}
    return shared | st.session_state.get("survey_link", {}) if page == SURVEY else shared


def go_to(page: str) -> NoReturn:
    """Go to another page; a script may take along all but what is bound to a control."""
    bound = {"methods", *OF_SURVEY}
    st.switch_page(
        page, query_params={name: each for name, each in carried().items() if name not in bound}
    )


def _open_link() -> None:
    """On the first run of a session, take what the address bar carries."""
    if "picture" in st.session_state:
        return
    name = st.query_params.get("picture")
    picture = cache.sample(name if name in SAMPLES else next(iter(SAMPLES)))
    st.session_state.picture = picture
    st.session_state.chosen_classes = {}
    st.session_state.refusal = None
    classifiers.open_link()
    linked = st.query_params.get("class", "")
    if is_index(linked):
        st.session_state.chosen_classes[f"{picture.digest}-1000"] = int(linked)


def _choose_picture() -> Picture:
    source = st.segmented_control(
        "Picture",
        ["Gallery", "Upload", "Camera"],
        default="Gallery",
        required=True,
        key="source",
        persist_state="session",
        width="stretch",
    )
    if source != "Gallery":
        stand_by()
    if source == "Gallery":
        _draw_gallery()
    elif source == "Upload":
        st.file_uploader(
            "A picture of yours",
            key="upload",
            max_upload_size=MAX_BYTES // 2**20,
            on_change=_take,
            args=("upload",),
            help="JPEG, PNG, WebP, GIF, BMP or TIFF; or a record or a report of Triptych's, which "
            "opens as the page stood. It stays in this session.",
        )
    else:
        st.camera_input(
            "A picture from the camera", key="camera", on_change=_take, args=("camera",)
        )
    records.draw_opened()
    if st.session_state.refusal:
        st.error(escaped(st.session_state.refusal), icon=":material/broken_image:")
    picture: Picture = st.session_state.picture
    if picture.sample:
        st.query_params["picture"] = picture.sample
    else:
        st.query_params.pop("picture", None)
    square = st.toggle(
        "Only the middle square",
        key="square",
        persist_state="session",
        help="Networks see a square. Without this the whole picture is squeezed into it.",
    )
    return picture.centre() if square else picture


def _draw_gallery() -> None:
    current = st.session_state.picture.sample
    with st.grid(3, min_column_width=60, gap="small"):
        for name, entry in SAMPLES.items():
            with st.container(gap=None, horizontal_alignment="center"):
                st.image(cache.thumbnail(name), width="stretch", alt=entry.title)
                st.button(
                    f":primary[**{entry.title}**]" if name == current else entry.title,
                    type="tertiary",
                    width="stretch",
                    key=f"sample-{name}",
                    help=entry.credit,
                    on_click=_take_sample,
                    args=(name,),
                )


def _take_sample(name: str) -> None:
    st.session_state.picture = cache.sample(name)
    st.session_state.refusal = None


def _take(key: str) -> None:
    """Read an uploaded file; if it is no picture, say why and keep the one on screen.

    A record opens as the page stood that it was made of.
    """
    file = st.session_state.get(key)
    if file is None:
        return
    try:
        if records.is_one(file.getvalue()):
            records.open_again(file.getvalue())
            return
        image = read_image(file)
    except (ImageError, RecordError) as reason:
        st.session_state.refusal = str(reason)
        return
    title = "Camera" if key == "camera" else title_of(file.name, "Picture")
    st.session_state.picture = Picture.of(title, image)
    st.session_state.refusal = None


def _choose_target(picture: Picture, classifier: "Classifier", prediction: Prediction) -> Target:
    ranking = [int(index) for index in prediction.ranking]
    options = list(dict.fromkeys([*ranking[:PROBABLE], ranking[-1], *ranking]))
    key = f"class-{picture.digest}-{classifier.name}"
    among = _among(picture, prediction)
    index = st.selectbox(
        "Class to explain",
        options,
        options.index(_chosen_class(picture, prediction)),
        format_func=cache.made(_all_in_words, prediction).__getitem__,
        key=key,
        on_change=_choose_class,
        args=(among, key),
        help="The five most probable first, then the least probable, then all. Type to search.",
    )
    st.query_params["class"] = str(index)
    return Target(index)


def _chosen_class(picture: Picture, prediction: Prediction) -> int:
    """The class that was chosen, in this session or by its link; else the most probable."""
    first = int(prediction.ranking[0])
    chosen: int = st.session_state.chosen_classes.get(_among(picture, prediction), first)
    return chosen if chosen < len(prediction.labels) else first


def _among(picture: Picture, prediction: Prediction) -> str:
    """What a choice of a class is about: a picture, and as many classes."""
    return f"{picture.digest}-{len(prediction.labels)}"


def _choose_class(among: str, key: str) -> None:
    st.session_state.chosen_classes[among] = st.session_state[key]


def _all_in_words(prediction: Prediction) -> list[str]:
    """Every class as a person chooses it."""
    return [_in_words(prediction, index) for index in range(len(prediction.labels))]


def _in_words(prediction: Prediction, index: int) -> str:
    answer = prediction[index]
    return f"{prediction.rank(index)} · {answer.label} · {percent(answer.probability)}"


def _chosen_style() -> Style:
    name = st.session_state.get("style") or next(iter(STYLES))
    preset = STYLES[name]
    return Style(
        st.session_state.get(f"colour-map-{name}", preset.colour_map),
        st.session_state.get(f"opacity-{name}", preset.opacity),
        preset.fading,
    )


def _choose_style(*, zoomable: bool = True) -> Style:
    with st.expander("How maps are drawn", icon=":material/palette:"):
        name = st.segmented_control(
            "Colours",
            list(STYLES),
            default="Fading",
            required=True,
            key="style",
            persist_state="session",
            width="stretch",
            help="Fading: cold regions show the bare picture. Even: one opacity everywhere.",
        )
        preset = STYLES[name]
        colour_map = st.selectbox(
            "Colour map",
            COLOUR_MAPS,
            COLOUR_MAPS.index(preset.colour_map),
            format_func=str.capitalize,
            key=f"colour-map-{name}",
            persist_state="session",
            help="Maps with both signs are always red for and blue against.",
        )
        opacity = st.slider(
            "Opacity",
            0.1,
            1.0,
            preset.opacity,
            0.05,
            key=f"opacity-{name}",
            persist_state="session",
        )
        if zoomable:
            zoom.choose()
    return Style(colour_map, opacity, preset.fading)
