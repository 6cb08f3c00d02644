"""Which classifier answers: a ready-made one, or a file of one's own.

Whatever cannot be opened is said in a sentence, and the last classifier that could goes on
answering.
"""

import contextlib
import errno
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import streamlit as st

from explainers import CheckUp, ModelError, Scaling, load_classifier
from explainers.classifiers.errors import DamagedWeightsError, PassingError, SizeError
from explainers.classifiers.labels import LABELS_LIMIT, read_labels
from explainers.classifiers.scaling import AS_THEY_ARE
from explainers.models import zoo
from explainers.models.imagenet import imagenet_labels
from explainers.words import legible, percent
from pages.parts import cache
from pages.parts.picture import Picture
from pages.parts.words import escaped, title_of

if TYPE_CHECKING:
    from explainers import Classifier

UPLOADS = os.environ.get("TRIPTYCH_MODEL_UPLOADS", "on") != "off"
"""Whether visitors may bring models of their own; see README, "Deploying it"."""

FOLDER = os.environ.get("TRIPTYCH_MODELS")
"""A folder of models that the server's operator offers to all visitors."""

MODELS = ("keras", "h5", "hdf5", "zip")
LABELS = ("txt", "json", "csv")
LARGEST_UPLOAD = 200
USUAL_SIZE = 224


@dataclass(frozen=True)
class File:
    """A file as its name and its content; equal where the content is."""

    name: str = field(compare=False)
    digest: str
    content: bytes | Path = field(repr=False, compare=False)

    @classmethod
    def of(cls, name: str, content: bytes) -> Self:
        """An uploaded file."""
        return cls(name, hashlib.sha256(content).hexdigest()[:20], content)

    def read(self, limit: int) -> bytes:
        """The first bytes of its content."""
        if isinstance(self.content, bytes):
            return self.content[:limit]
        with self.content.open("rb") as file:
            return file.read(limit)

    @classmethod
    def at(cls, path: Path) -> Self:
        """A file of the server's; known by its place, when it was written, and its length."""
        status = path.stat()
        known = os.fsencode(path) + f"-{status.st_mtime_ns}-{status.st_size}".encode()
        return cls(path.name, hashlib.sha256(known).hexdigest()[:20], path)


@dataclass(frozen=True)
class Wanted:
    """What a person asks for: one of the zoo with its weights, or a model of their own.

    Parameters
    ----------
    name : str or None
        Of the zoo; None for a model of one's own.
    file : File or None
        The model, or weights for one of the zoo.
    size : tuple of int or None
        Rows and columns, for a model that takes any.
    """

    name: str | None
    file: File | None = None
    size: tuple[int, int] = (USUAL_SIZE, USUAL_SIZE)

    def load(self) -> "Classifier":
        """The classifier, fed as it most likely wants to be."""
        if self.name is not None:
            if self.file is None:
                return load_classifier(self.name)
            return load_classifier(self.name, self.file.content).variant(name=self.key)
        from explainers.models.apart import open_apart

        assert self.file is not None
        return open_apart(self.file.content, any_size=self.size, name=self.key)

    @property
    def key(self) -> str:
        """What tells its classifier from others."""
        if self.file is None:
            return self.name or ""
        rows, columns = self.size
        return f"{self.name or 'own'}-{self.file.digest}-{rows}x{columns}"

    @property
    def title(self) -> str:
        """What people call it."""
        if self.name is not None:
            return zoo.CLASSIFIERS[self.name]
        assert self.file is not None
        return title_of(self.file.name, "Your model")


def open_link() -> None:
    """Take the classifier that the address bar names."""
    linked = st.query_params.get("classifier")
    st.session_state.network = linked if linked in zoo.CLASSIFIERS else next(iter(zoo.CLASSIFIERS))


def choose() -> Wanted | None:
    """Draw the choice; None until there is a file of one's own."""
    sources = ["Ready-made", "Your own"] if UPLOADS or FOLDER else ["Ready-made"]
    source = sources[0]
    if len(sources) > 1:
        source = st.segmented_control(
            "Classifier", sources, default=sources[0], required=True,
            key="classifier-source", persist_state="session", width="stretch",
        )  # fmt: skip
    return _choose_ready_made() if source == "Ready-made" else _choose_own()


def opened(wanted: Wanted | None, picture: Picture) -> "Classifier":
    """The classifier that answers, its own controls drawn: what is wanted, or else the last."""
    classifier = _answering(wanted)
    answering: Wanted = st.session_state.answering
    own = answering.name is None and answering.file is not None
    if wanted is not None:
        same = own and wanted.file == answering.file
        if (same and classifier.any_size) or isinstance(_refusal(wanted), SizeError):
            _choose_size(wanted.size)
    if own:
        # The same file may have another name on another person's screen.
        classifier = classifier.variant(name=classifier.name, title=answering.title)
        classifier = _feed(_label(classifier), picture)
    st.session_state.told = {
        "name": classifier.name,
        "title": classifier.title,
        "labels": classifier.labels,
        "scaling": classifier.scaling,
    }
    return classifier


def remembered() -> "Classifier":
    """The classifier that answered last in this session, or that its link names; no controls.

    It is called, labelled and fed as it was told to be then.
    """
    if "told" in st.session_state:
        return _answering(st.session_state.answering).variant(**st.session_state.told)
    linked = st.session_state.network
    return _answering(Wanted(linked) if zoo.whereabouts(linked) != "elsewhere" else None)


def _answering(wanted: Wanted | None) -> "Classifier":
    """The classifier that is wanted; if it cannot be had, say why and keep the last that can."""
    first = Wanted(next(iter(zoo.CLASSIFIERS)))
    last: Wanted = st.session_state.get("answering") or first
    for candidate in dict.fromkeys([wanted or last, last, first]):
        try:
            classifier = _open(candidate)
        except ModelError as reason:
            _tell_why_not(candidate, reason)
            continue
        if candidate != (wanted or last):
            size = ""
            if wanted is not None and wanted.file is not None and wanted.file == candidate.file:
                size = f", shown {candidate.size[0]} × {candidate.size[1]} pixels"
            st.caption(f"{escaped(candidate.title)} goes on answering{size}.")
        st.session_state.answering = candidate
        return classifier
    st.stop()


def _open(wanted: Wanted) -> "Classifier":
    """Open what is wanted, unless it was refused before for a reason that does not pass."""
    refused = _refusal(wanted)
    if refused is not None:
        raise type(refused)(str(refused))
    try:
        return cache.classifier(wanted.key, wanted.load)
    except PassingError:
        raise
    except MemoryError as error:
        raise PassingError.of(errno.ENOMEM, "open the model") from error
    except ModelError as reason:
        # The error itself would hold on to the model, by way of its traceback.
        st.session_state.refused_models[_known_as(wanted)] = type(reason)(str(reason))
        st.toast(escaped(str(reason)), icon=":material/block:")  # the sidebar may end above it
        raise


def _refusal(wanted: Wanted) -> ModelError | None:
    """Why it was refused in this session; another file in the same place is asked anew."""
    refused: dict[Any, ModelError] = st.session_state.setdefault("refused_models", {})
    return refused.get(_known_as(wanted))


def _known_as(wanted: Wanted) -> tuple[str, Any]:
    ready_made = wanted.name is not None and wanted.file is None
    return wanted.key, zoo.edition(wanted.name) if ready_made and wanted.name else None


def _tell_why_not(wanted: Wanted, reason: ModelError) -> None:
    """Say why a classifier cannot be had, and offer what may help."""
    st.error(escaped(str(reason)), icon=":material/block:")
    if isinstance(reason, PassingError):
        st.button("Try again", icon=":material/refresh:", key=f"again-{wanted.key}")
    if isinstance(reason, DamagedWeightsError) and wanted.name is not None:
        label = f"Fetch them again ({zoo.mebibytes(wanted.name)} MB)"
        if st.button(label, icon=":material/download:", key=f"fetch-{wanted.key}"):
            _download(wanted.name)


def _choose_ready_made() -> Wanted | None:
    names = list(zoo.CLASSIFIERS)
    name = st.selectbox(
        "Network",
        names,
        names.index(st.session_state.network),
        format_func=_in_words,
        key="classifier",
        help="Trained on the 1,000 classes of ImageNet.",
    )
    st.session_state.network = name
    st.query_params["classifier"] = name
    files: dict[str, File] = st.session_state.setdefault("weights", {})
    if zoo.whereabouts(name) != "elsewhere":
        return Wanted(name)
    if name not in files:
        _offer_weights(name, files)
    return Wanted(name, files[name]) if name in files else None


def _in_words(name: str) -> str:
    where = zoo.whereabouts(name)
    if where == "bundled":
        return f"{zoo.CLASSIFIERS[name]} · bundled"
    if where == "here":
        return f"{zoo.CLASSIFIERS[name]} · on this machine"
    return f"{zoo.CLASSIFIERS[name]} · {zoo.mebibytes(name)} MB to download"


def _offer_weights(name: str, files: dict[str, File]) -> None:
    """The two ways to the weights of a network: download them, or bring them."""
    title = zoo.CLASSIFIERS[name]
    st.caption(f"The weights of {title} are not on this machine.")
    if st.button(f"Download {zoo.mebibytes(name)} MB", icon=":material/download:", width="stretch"):
        _download(name)
    if UPLOADS:
        st.file_uploader(
            "or a file of its weights", ["h5"], key=f"weights-{name}",
            max_upload_size=LARGEST_UPLOAD, on_change=_take_weights, args=(name, files),
        )  # fmt: skip


def _download(name: str) -> None:
    """Fetch the weights of a network; when they are there, the page begins anew with them."""
    title = zoo.CLASSIFIERS[name]
    bar = st.progress(0.0, f"Downloading {title}")
    try:
        for share in zoo.download(name):
            bar.progress(share, f"Downloading {title}: {share:.0%}")
    except ModelError as reason:
        bar.empty()
        st.error(escaped(str(reason)), icon=":material/cloud_off:")
    else:
        st.rerun()


def _take_weights(name: str, files: dict[str, File]) -> None:
    uploaded = st.session_state.get(f"weights-{name}")
    if uploaded is not None:
        files[name] = File.of(uploaded.name, uploaded.getvalue())


def _choose_own() -> Wanted | None:
    if FOLDER:
        _offer_folder(Path(FOLDER))
    if UPLOADS:
        st.file_uploader(
            "A Keras model, and its labels",
            [*MODELS, *LABELS],
            accept_multiple_files=True,
            key="model-files",
            max_upload_size=LARGEST_UPLOAD,
            on_change=_take_files,
            help="A .keras or .h5 file, and its labels as .txt, .json or .csv, or a zip with "
            "both, as Teachable Machine exports it. They stay in this session. Nothing in them "
            "is run: files with code in them are refused.",
        )
    if st.session_state.get("misplaced"):
        st.error(st.session_state.misplaced, icon=":material/block:")
    file: File | None = st.session_state.get("model_file")
    if file is None:
        _prepare()
        st.caption("Until there is one, the last classifier answers.")
        return None
    st.caption(f":material/draft: {escaped(file.name)}")
    return Wanted(None, file, st.session_state.get("model_size", (USUAL_SIZE, USUAL_SIZE)))


def _prepare() -> None:
    """Start the process for a model while a person looks for its file."""
    from explainers.models.apart import prepare

    with contextlib.suppress(OSError):  # which is told when there is a model to open
        prepare()


def _offer_folder(folder: Path) -> None:
    """The models that lie on the server; what is written anew there is taken anew."""
    try:
        paths = [each for each in sorted(folder.iterdir()) if each.suffix[1:] in MODELS]
        files = {legible(path.name): path for path in paths if path.is_file()}
    except OSError as error:
        st.warning(
            "The folder of models that this server was given cannot be read: "
            f"{_reason_of(error)}. Try again later.",
            icon=":material/folder_off:",
        )
        return
    name = st.selectbox(
        "On this server", list(files), index=None, key="model-on-server", persist_state="session",
        placeholder="Choose a model",
    )  # fmt: skip
    taken: tuple[File, File | None] | None = st.session_state.get("taken_from_server")
    own = taken is not None and st.session_state.get("model_file") == taken[0]
    if name is None:
        if taken and own and legible(taken[0].name) not in files:
            st.caption(f"{escaped(taken[0].name)} is no longer among them.")
        return
    try:
        offered = File.at(files[name]), _labels_beside(files[name])
        if offered == taken:
            return
        labels = None if offered[1] is None else offered[1].read(LABELS_LIMIT + 1)
    except OSError as error:
        st.warning(
            f"{escaped(name)} and its labels cannot be read: {_reason_of(error)}.",
            icon=":material/block:",
        )
        return
    st.session_state.taken_from_server = offered
    anew = taken is not None and taken[0].content == offered[0].content
    if anew and not own:
        return
    if anew:
        st.toast(
            f"{escaped(name)} or its labels changed on the server, and are read anew.",
            icon=":material/sync:",
        )
    _take_model(offered[0], labels)


def _labels_beside(model: Path) -> File | None:
    beside = (model.with_suffix(f".{kind}") for kind in LABELS)
    return next((File.at(path) for path in beside if path.is_file()), None)


def _reason_of(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


def _take_files() -> None:
    """Sort what was dropped into a model and its labels, in whatever order they come.

    An uploader that went with its page reports that as a change, and is not there to be asked.
    """
    files = st.session_state.get("model-files")
    if files is None:
        return
    st.session_state.misplaced = None
    models = [file for file in files if _ending(file.name) in MODELS]
    labels = [file for file in files if _ending(file.name) in LABELS]
    if len(models) > 1 or len(labels) > 1:
        st.session_state.misplaced = (
            "More than one model or more than one file of labels: remove those that are too many."
        )
        return
    content = labels[0].getvalue() if labels else None
    if models:
        _take_model(File.of(models[0].name, models[0].getvalue()), content)
    elif labels:
        st.session_state.label_text = content


def _take_model(file: File, labels: bytes | None) -> None:
    if st.session_state.get("model_file") != file:
        for key in ("model-scaling", "model_size", "model-Rows", "model-Columns"):
            st.session_state.pop(key, None)
    st.session_state.model_file = file
    st.session_state.label_text = labels


def _choose_size(asked: tuple[int, int]) -> None:
    """Rows and columns; what was refused stays beside the reason until something else is asked."""
    with st.container(horizontal=True):
        rows, columns = (
            st.number_input(
                f"{name} it is shown", 8, 1024, now, 32, key=f"model-{name}",
                help="This model takes pictures of any size.",
            )
            for name, now in zip(("Rows", "Columns"), asked, strict=True)
        )  # fmt: skip
    if (rows, columns) != asked:
        st.session_state.model_size = (rows, columns)
        st.rerun()


def _label(classifier: "Classifier") -> "Classifier":
    """The classifier with the labels that were given, in a file or pasted."""
    with st.expander("Labels", icon=":material/label:"):
        pasted = st.text_area(
            "One name for each class", key="pasted-labels", persist_state="session",
            placeholder="\n".join(classifier.labels[:3]),
            help="One a line, separated by commas, as JSON, or as Teachable Machine writes them.",
        )  # fmt: skip
        if len(classifier.labels) == 1000:
            known = st.toggle("They are ImageNet's", key="imagenet-labels", persist_state="session")
            if known:
                return classifier.variant(
                    name=f"{classifier.name}-imagenet", labels=imagenet_labels()
                )
    text = pasted.strip() or st.session_state.get("label_text")
    if not text:
        if classifier.labels[0] == "class 0":
            st.caption("Its classes are numbered: drop its labels too, or paste them.")
        return classifier
    try:
        labels = read_labels(text)
        digest = hashlib.sha256(repr(labels).encode()).hexdigest()[:8]
        return classifier.variant(name=f"{classifier.name}-{digest}", labels=labels)
    except ModelError as reason:
        refusal = escaped(str(reason))
        st.error(f"{refusal} Its classes are numbered until then.", icon=":material/label_off:")
        return classifier


def _feed(classifier: "Classifier", picture: Picture) -> "Classifier":
    """The classifier fed as a person chose; each choice tells what it would answer."""
    found = cache.check_up(picture, classifier)
    inside = " (scaled inside the model)" if found.rescaling else ""
    answers = {
        fed.scaling.name: f"{fed.scaling.name}{inside if fed.scaling == AS_THEY_ARE else ''} · "
        + (f"{fed.answer.label} {percent(fed.answer.probability)}" if fed.answer else "no number")
        for fed in found.feedings
    }
    typed = "Typed in"
    name = st.selectbox(
        "Pixels are scaled to",
        [*answers, typed],
        list(answers).index(classifier.scaling.name),
        format_func=lambda name: answers.get(name, name),
        key="model-scaling",
        persist_state="session",
        help="What the network was trained on, and what it answers to this picture then. "
        "At first it is fed as the model's own memory of its training speaks for.",
    )
    scaling = _typed_scaling() if name == typed else _scaling_named(found, name)
    if scaling == classifier.scaling:
        return classifier
    return classifier.variant(name=f"{classifier.name}-{scaling}", scaling=scaling)


def _scaling_named(found: CheckUp, name: str) -> Scaling:
    return next(fed.scaling for fed in found.feedings if fed.scaling.name == name)


def _typed_scaling() -> Scaling:
    with st.container(horizontal=True):
        mean = [
            st.number_input(f"Mean {colour}", -255.0, 510.0, 127.5, key=f"mean-{colour}")
            for colour in ("red", "green", "blue")
        ]
    with st.container(horizontal=True):
        deviation = [
            st.number_input(f"Deviation {colour}", 0.001, 510.0, 127.5, key=f"deviation-{colour}")
            for colour in ("red", "green", "blue")
        ]
    st.caption("(pixel − mean) / deviation, with pixels in 0 to 255.")
    return Scaling("typed in", tuple(mean), tuple(deviation))  # type: ignore[arg-type]


def _ending(name: str) -> str:
    return name.rsplit(".", 1)[-1].casefold()
