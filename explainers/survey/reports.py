"""A survey's pictures as a folder of reports: each explained again as it was, and a first page.

One picture after the other, in steps short enough that whoever takes them can say how far it is,
stop, and let others ask in between. Nothing is left out silently: a picture that is gone, or
another one now, is told with the reason.

>>> rows = page(stored, Question("Wrong"), limit=20).rows  # doctest: +SKIP
>>> for step in reports(stored, rows, network_of(stored)):  # doctest: +SKIP
...     print(step.done, "of", step.total, step.doing)
"""

import ast
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainers.classifiers import check_up
from explainers.classifiers.errors import NoAnswerError
from explainers.classifiers.prediction import Target
from explainers.explanation import Explainer
from explainers.images.decoding import ImageError
from explainers.methods import BY_NAME
from explainers.metrics.pointing import TRIES, hide_hottest
from explainers.models import zoo
from explainers.models.opening import open_named
from explainers.report.digests import file_digest
from explainers.report.index import Entry, index
from explainers.report.page import Case, case_of, report
from explainers.report.plain import RecordError
from explainers.report.recording import record_of
from explainers.report.remaking import KIND, method_of
from explainers.settings import Settings
from explainers.survey.looking import observers
from explainers.survey.originals import whole
from explainers.survey.questions import Question, in_words
from explainers.survey.survey import SurveyError
from explainers.survey.table import Stored
from explainers.words import enumerated, slug

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Row = Mapping[str, Any]
FIRST_PAGE = "index.html"
HIDDEN = 2 + TRIES
"""Passes that hiding the hottest part of a map takes: the picture with it, without, and others."""


@dataclass(frozen=True)
class Written:
    """A report: the name of its file, the page, and what the first page tells of it."""

    name: str
    page: str
    entry: Entry


@dataclass(frozen=True)
class Missing:
    """A picture of the survey without a report, and why, in a sentence."""

    path: str
    why: str


@dataclass(frozen=True)
class Step:
    """How far the reports are.

    Parameters
    ----------
    done : float
        Pictures that are done, and the part of the next.
    total : int
    doing : str
        With which picture, and what.
    result : Written or Missing or None
        What has become of a picture, in the last step of it.
    written : tuple of Written
    missing : tuple of Missing
        What has become of all that are done.
    """

    done: float
    total: int
    doing: str
    result: Written | Missing | None = None
    written: tuple[Written, ...] = ()
    missing: tuple[Missing, ...] = ()


def network_of(stored: Stored, model: Path | None = None) -> "Classifier":
    """The network that a survey asked, fed and labelled as it was.

    Parameters
    ----------
    stored : Stored
    model : Path, optional
        The file, if it is somebody's own.

    Raises
    ------
    SurveyError
        If that file is needed, or is another one.
    ModelError
        If it cannot be opened.
    """
    asked, title = stored.told["classifier"], stored.told["title"]
    if asked in zoo.CLASSIFIERS:
        return open_named(asked)
    if model is None:
        raise SurveyError(f"The survey asked {title}, a model of its own: name its file.")
    if not file_digest(model).startswith(asked):
        raise SurveyError(
            "The model's file is not the one that was surveyed: its digest is another."
        )
    opened = open_named(str(model), None, stored.told["scaling"])
    return opened.variant(name=opened.name, labels=stored.told["labels"], title=title)


def methods_of(stored: Stored, row: Row) -> tuple[Explainer, ...]:
    """The methods that looked at a picture of a survey, set as they were.

    Raises
    ------
    SurveyError
        If one of them is not here, or cannot be set so.
    """
    told: dict[str, Any] = stored.told["methods"]
    if row["chosen"] is not None:
        told = told | stored.told["closer"]
    try:
        return tuple(
            method_of(name, {key: _plain(name, key, value) for key, value in settings.items()})
            for name, settings in told.items()
        )
    except RecordError as reason:
        raise SurveyError(str(reason)) from reason


def passes(
    stored: Stored,
    rows: Iterable[Row],
    classifier: "Classifier",
    methods: Sequence[Explainer] | None = None,
) -> int:
    """How many forward passes the reports take, roughly; the parameters are those of `reports`."""
    return sum(
        _passes(methods or methods_of(stored, row), classifier)
        for row in rows
        if row["error"] is None
    )


def reports(
    stored: Stored,
    rows: Sequence[Row],
    classifier: "Classifier",
    methods: Sequence[Explainer] | None = None,
    *,
    file: str | None = None,
) -> Iterator[Step]:
    """Write reports of some pictures of a survey, each of the class that the survey explained.

    Parameters
    ----------
    stored : Stored
    rows : sequence of mapping
        Of its table; see `questions.page`.
    classifier : Classifier
        `network_of` the survey.
    methods : sequence of Explainer, optional
        Those that looked at the picture in the survey if None; see `methods_of`.
    file : str, optional
        SHA-256 of the model's file, if it is somebody's own.

    Yields
    ------
    Step
        Some for each picture, the last one with its report.

    Raises
    ------
    SurveyError
        If the network is another than the survey's.
    """
    if len(classifier.labels) != len(stored.told["labels"]):
        raise SurveyError("The network knows other classes than the one that was surveyed.")
    total, written, missing = len(rows), list[Written](), list[Missing]()
    for place, row in enumerate(rows):
        path = row["path"]
        so_far = Step(place, total, path, None, tuple(written), tuple(missing))
        yield so_far
        result: Written | Missing
        try:
            if row["error"] is not None:
                raise SurveyError(row["error"])
            chosen = methods or methods_of(stored, row)
            step = partial(_within, so_far, _passes(chosen, classifier))
            case = yield from _looked_at(stored, row, classifier, chosen, file, step)
            name = f"{place + 1:0{len(str(total))}}-{slug(path.rpartition('.')[0] or path)}.html"
            result = Written(name, report(case), Entry.of(case, name, _remark(row, case)))
            written.append(result)
        except (SurveyError, ImageError, NoAnswerError, RecordError, LookupError) as reason:
            result = Missing(path, str(reason.args[0]))
            missing.append(result)
        yield Step(place + 1, total, path, result, tuple(written), tuple(missing))


def first_page(
    stored: Stored,
    question: Question,
    found: int,
    entries: Sequence[Entry],
    missing: Sequence[Missing] = (),
) -> str:
    """The first page of the reports, as HTML: what of the survey they show, and what is missing.

    Parameters
    ----------
    stored : Stored
    question : Question
        That found the pictures.
    found : int
        How many it finds in all.
    entries : sequence of Entry
    missing : sequence of Missing
    """
    every = enumerated(BY_NAME[name].title for name in stored.methods)
    shown, one = len(entries) + len(missing), found == 1
    of = f"{found:,} picture{'' if one else 's'} of the survey that {'fits' if one else 'fit'}"
    return index(
        entries,
        (
            f"Of the survey {stored.folder.name}: {stored.told['title']}, asked by {every} about "
            f"every picture in {stored.root.name}.",
            f"All {of}." if shown == found else f"The first {shown:,} of {of}.",
            *in_words(question, stored),
        ),
        [(each.path, each.why) for each in missing],
    )


def _passes(methods: Iterable[Explainer], classifier: "Classifier") -> int:
    """Forward passes that the report of one picture takes, roughly."""
    chosen = tuple(methods)
    asked = sum(observer.cost(classifier).passes for observer in observers(chosen))
    return asked + check_up.PASSES + HIDDEN * len(chosen)


def _within(so_far: Step, price: int, done: int, doing: str) -> Step:
    """Within a picture; only its report is the end of it."""
    part = done / (price + 1)
    return replace(so_far, done=so_far.done + part, doing=f"{so_far.doing}: {doing}")


def _looked_at(
    stored: Stored,
    row: Row,
    classifier: "Classifier",
    methods: Sequence[Explainer],
    file: str | None,
    step: Callable[[int, str], Step],
) -> Generator[Step, None, Case]:
    """All that a report tells of a picture; on the way, steps by passes done and what is next."""
    image, square = whole(stored, row), bool(stored.told["square"])
    pixels, target = classifier.prepare(image, crop=square), Target(row["answer_index"])
    prediction = classifier.predict(pixels)
    done, seen = 0, dict[Any, Any]()
    for observer in observers(methods):
        price = observer.cost(classifier).passes
        doing = enumerated(each.title for each in methods if each.observer == observer)
        for observation in observer.observations(classifier, pixels, target):
            seen[observer] = observation
            part = observation.done / observation.total
            yield step(done + round(part * price), doing)
        done += price
    maps = [method.interpret(seen[method.observer], target) for method in methods]
    looked_over = check_up.check_up(classifier, pixels)
    done += check_up.PASSES
    yield step(done, "check-up")
    hidings = {}
    for each in maps:
        if not each.blank_reason:
            hidings[each.explainer.title] = hide_hottest(classifier, pixels, each)
        done += HIDDEN
        yield step(done, "in words")
    record = record_of(
        classifier, image, maps, prediction=prediction, title=row["path"], square=square,
        inside=True, file=file, check_up=looked_over,
    )  # fmt: skip
    return case_of(
        record, classifier, image, maps,
        check_up=looked_over, hidings=hidings, prediction=prediction,
    )  # fmt: skip


def _remark(row: Row, case: Case) -> str:
    """What the survey knows of a picture, and whether it said something else."""
    said = [f"Truly {row['label']}."] if row["correct"] is False else []
    if case.told.prediction.top(1)[0].index != row["answer_index"]:
        said.append(f"In the survey it was {row['answer']}: something has changed since.")
    return " ".join(said)


def _plain(method: str, name: str, value: Any) -> Any:
    """A setting as a record tells it; of a cut into superpixels a survey keeps how it prints."""
    settings = BY_NAME[method].settings() if method in BY_NAME else {}
    choices = settings[name].choices if name in settings else None
    kinds = {
        type(each).__name__: type(each)
        for each in (choices if isinstance(choices, tuple) else ())
        if isinstance(each, Settings)
    }
    if not kinds or not isinstance(value, str):
        return value
    try:
        match ast.parse(value, mode="eval").body:
            case ast.Call(func=ast.Name(id=kind), keywords=given) if kind in kinds:
                told = {each.arg or "": ast.literal_eval(each.value) for each in given}
                return {KIND: kinds[kind].title} | told  # type: ignore[attr-defined]
    except (SyntaxError, ValueError):
        pass  # and so it is no cut that is known here
    raise SurveyError(f"The survey's {name} of {method} cannot be read.")
