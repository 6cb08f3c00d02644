"""Which classifier answers: a ready-made one, or a file of one's own.

Whatever cannot be opened is said in a sentence, and the last classifier that could goes on
answering.
"""

import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import streamlit as st

from explainers import CheckUp, ModelError, Scaling, load_classifier
from explainers.classifiers.labels import read_labels
from explainers.classifiers.scaling import AS_THEY_ARE
from explainers.models import zoo
from explainers.models.imagenet import imagenet_labels
from pages.parts import cache
from pages.parts.picture import Picture
from pages.parts.words import escaped, legible, percent, title_of

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

    @classmethod
    def at(cls, path: Path) -> Self:
        """A file of the server's; it is known by its place and when it was written."""
        known = os.fsencode(path) + f"-{path.stat().st_mtime_ns}".encode()
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
    if answering.name is None and answering.file is not None:
        # The same file may have another name on another person's screen.
        classifier = classifier.variant(name=classifier.name, title=answering.title)
        classifier = _tell_about(classifier, picture)
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
    """The classifier that is wanted; if it cannot be had, say why and keep the last."""
    last: Wanted = st.session_state.get("answering") or Wanted(next(iter(zoo.CLASSIFIERS)))
    refused: dict[str, str] = st.session_state.setdefault("refused_models", {})
    if wanted is not None and wanted.key not in refused:
        try:
            classifier = cache.classifier(wanted.key, wanted.load)
        except ModelError as reason:
            refused[wanted.key] = str(reason)
        else:
            st.session_state.answering = wanted
            return classifier
    if wanted is not None:
        st.error(escaped(refused[wanted.key]), icon=":material/block:")
        st.caption(f"{escaped(last.title)} goes on answering.")
    classifier = cache.classifier(last.key, last.load)
    st.session_state.answering = last
    return classifier


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
    if zoo.whereabouts(name) != "elsewhere":
        st.rerun()
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
        bar = st.progress(0.0, f"Downloading {title}")
        try:
            for share in zoo.download(name):
                bar.progress(share, f"Downloading {title}: {share:.0%}")
        except ModelError as reason:
            bar.empty()
            st.error(escaped(str(reason)), icon=":material/cloud_off:")
    if UPLOADS:
        st.file_uploader(
            "or a file of its weights", ["h5"], key=f"weights-{name}",
            max_upload_size=LARGEST_UPLOAD, on_change=_take_weights, args=(name, files),
        )  # fmt: skip


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
    if not folder.is_dir():
        st.warning(
            "The folder of models that this server was given is not there.",
            icon=":material/folder_off:",
        )
        return
    files = {
        legible(path.name): path
        for path in sorted(folder.iterdir())
        if path.suffix[1:] in MODELS and path.is_file()
    }
    name = st.selectbox(
        "On this server", list(files), index=None, key="model-on-server", persist_state="session",
        placeholder="Choose a model",
    )  # fmt: skip
    if name is None or st.session_state.get("taken_from_server") == name:
        return
    st.session_state.taken_from_server = name
    beside = [files[name].with_suffix(f".{kind}") for kind in LABELS]
    labels = next((path.read_bytes() for path in beside if path.is_file()), None)
    _take_model(File.at(files[name]), labels)


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


def _tell_about(classifier: "Classifier", picture: Picture) -> "Classifier":
    """The controls of a model of one's own: its labels, its scaling, its size."""
    if classifier.any_size:
        _choose_size(classifier)
    labelled = _label(classifier)
    return _feed(labelled, picture)


def _choose_size(classifier: "Classifier") -> None:
    with st.container(horizontal=True):
        rows, columns = (
            st.number_input(
                f"{name} it is shown", 32, 1024, now, 32, key=f"model-{name}",
                help="This model takes pictures of any size.",
            )
            for name, now in zip(("Rows", "Columns"), classifier.size, strict=True)
        )  # fmt: skip
    if (rows, columns) != classifier.size:
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
