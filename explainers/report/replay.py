"""A record run again: does it still say that?

>>> outcome = replay(Record.read("cat.json"), picture="cat.jpg")  # doctest: +SKIP
>>> print(outcome)  # what is the same, what has moved and by how much  # doctest: +SKIP
>>> sys.exit(outcome.status)  # doctest: +SKIP
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.check_up import PASSES
from explainers.classifiers.check_up import check_up as look_over
from explainers.classifiers.pace import pace
from explainers.classifiers.prediction import Target
from explainers.classifiers.scaling import Scaling
from explainers.explanation import Explanation
from explainers.images.reading import read_image
from explainers.images.regions import cells, hide, of_boxes
from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import RANDOM, curves, strengths_of
from explainers.metrics.randomisation import cost, randomisation
from explainers.metrics.stability import ask_again
from explainers.models import zoo
from explainers.report.comparing import WITHIN, Compared, changes, compared
from explainers.report.digests import digest_of, file_digest, names_digest
from explainers.report.plain import RecordError
from explainers.report.record import (
    Again,
    Answering,
    Curves,
    Experiment,
    File,
    Forgotten,
    Found,
    Pictured,
    Record,
)
from explainers.report.recording import (
    again_found,
    curves_found,
    experiment,
    forgotten_found,
    pictured,
    record_of,
)
from explainers.report.remaking import method_of, segmentation_of

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Tell = Callable[[str], object]


@dataclass(frozen=True)
class Outcome:
    """What came of running a record again.

    As text, it says what is the same, what has moved and what could not be run, each with figures,
    what has changed of where it runs, and how far figures may differ and why.

    Parameters
    ----------
    then : Record
    now : Record or None
        The same run again, as far as it could be; None where nothing could.
    unrun : tuple of str
        What could not be run, each in a sentence that says why.
    """

    then: Record
    now: Record | None
    unrun: tuple[str, ...]

    @cached_property
    def figures(self) -> tuple[Compared, ...]:
        """What was compared."""
        return () if self.now is None else tuple(compared(self.then, self.now))

    @property
    def moved(self) -> tuple[Compared, ...]:
        """What says something else now."""
        return tuple(each for each in self.figures if each.moved)

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """What has changed of where it runs and of what goes in."""
        return () if self.now is None else changes(self.then, self.now)

    @property
    def renamed(self) -> bool:
        """Whether not all classes have the names that they had."""
        return self.now is not None and self.now.classifier.labels != self.then.classifier.labels

    @property
    def status(self) -> int:
        """The exit status of a command: 0 if all is the same; 1 if anything has moved; 2 if nothing
        that could be run has, and something could not be."""
        return 1 if self.moved else 2 if self.unrun else 0

    def __str__(self) -> str:
        lines = [self.verdict, ""]
        lines += [
            f"{'moved' if figure.moved else 'same':<8}{figure.what}: {figure.said}"
            for figure in self.figures
        ]
        lines += [f"{'not run':<8}{sentence}" for sentence in self.unrun]
        if self.now is not None:
            changed = "; ".join(self.changed) or "nothing that the record tells of"
            lines += ["", f"Changed since {self.then.ran.date}: {changed}."]
            if self.renamed:
                lines.append(
                    "Not all classes have the names here that they had: they are compared by their "
                    "numbers, on which alone figures depend."
                )
            lines += ["", WITHIN]
        return "\n".join(lines)

    @property
    def json(self) -> str:
        """The same for a machine; how far something is off is null where it cannot be compared."""
        figures = [
            {
                "what": figure.what,
                "moved": figure.moved,
                "by": figure.by if np.isfinite(figure.by) else None,
                "at_most": figure.bound,
                "said": figure.said,
                "cells": [vars(cell) for cell in figure.cells],
            }
            for figure in self.figures
        ]
        told = {
            "status": self.status,
            "verdict": self.verdict,
            "figures": figures,
            "not_run": self.unrun,
            "changed": self.changed,
        }
        return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)

    @property
    def verdict(self) -> str:
        """What it comes to, in a sentence or two."""
        if self.now is None:
            return "It could not be run again."
        count = len(self.figures)
        if self.moved:
            told = f"It says something else now: {len(self.moved)} of {count} results have moved."
            if self.changed:
                return f"{told} What has changed since may be why."
            return (
                f"{told} Nothing else has changed that the record tells of, so chance, or a record "
                "that was edited, is left to explain it."
            )
        place = "though not all is as it was" if self.changed else "and all else is as it was"
        if self.unrun:
            return f"What could be run says the same, {place}; {len(self.unrun)} could not be run."
        return f"It still says the same, {place}: {count} results."


def replay(
    record: Record,
    picture: File | bytes | None = None,
    model: "File | Classifier | None" = None,
    *,
    names: File | None = None,
    tell: Tell | None = None,
    price: Callable[[int, float], object] | None = None,
) -> Outcome:
    """Run a record again and compare.

    Nothing in a record is run, opened or loaded by what it says but methods, networks and sample
    pictures that Triptych itself names; files are those that are given here.

    Parameters
    ----------
    record : Record
    picture : path or bytes, optional
        The picture, whose digest is compared. If None, the one inside the record, or in the
        gallery.
    model : path or Classifier, optional
        The model's file, or that of its weights, whose digest is compared; not needed for a network
        of `zoo.CLASSIFIERS` whose weights are on this machine. A classifier that is open already is
        taken as it is.
    names : path, optional
        A file with the names of the model's classes. If None, those that the record tells have the
        names that they had, and the others numbers.
    tell : callable, optional
        Is called with what is being done, in a few words, before each part.
    price : callable, optional
        Is called with how many passes it takes, see `passes`, and about how many seconds at the
        pace that is measured for it, before it starts.

    Returns
    -------
    Outcome
        Whatever happens, short of a fault in Triptych itself.
    """
    tell = tell or (lambda _: None)
    try:
        image = picture_of(record.picture, picture)
        tell("Opening the network")
        classifier = _opened(record, model, names)
        file = record.classifier.file if isinstance(model, str | os.PathLike) else None
        if price is not None:
            count = passes(record, classifier)
            price(count, count * pace(classifier))
        return _run(record, classifier, image, file, tell)
    except (ValueError, LookupError, OSError) as reason:
        return Outcome(record, None, (str(reason),))


def passes(record: Record, classifier: "Classifier") -> int:
    """The forward passes that it takes to run a record again, a backward one counted as two.

    What cannot be run takes none; a check-up is reckoned at `PASSES`.
    """
    methods = {}
    for each in record.explanations:
        with suppress(ValueError, LookupError):
            method = method_of(each.method, each.settings)
            methods[each.title] = method, method.cost(classifier).passes
    tests = record.tests
    count = 1 + sum(one for _, one in methods.values()) + len(record.experiments)
    if tests.curves is not None:
        orders = {(line.name, line.kind): len(line.shares) - 2 for line in tests.curves.curves}
        followed = [points for (name, _), points in orders.items() if name != RANDOM]
        count += 2 + sum(followed) + tests.curves.random_orders * max(orders.values(), default=0)
    for asked in tests.again:
        if asked.title in methods:
            count += (asked.times - 1) * methods[asked.title][1]
    if tests.forgotten is not None:
        told = tests.forgotten
        for broken in told.maps:
            if broken.title in methods:
                count += cost(
                    methods[broken.title][0], classifier, len(told.others),
                    stages=len(told.stages), copies=told.copies,
                ).passes  # fmt: skip
    return count + (PASSES if record.check_up is not None else 0)


def _run(
    record: Record, classifier: "Classifier", image: np.ndarray, file: str | None, tell: Tell
) -> Outcome:
    """The record run again with the same picture and the same network."""
    unrun: list[str] = []

    @contextmanager
    def trying(what: str) -> Iterator[None]:
        """Say what is being tried; what cannot be run is noted."""
        tell(what)
        try:
            yield
        except (ValueError, LookupError, OSError) as reason:
            unrun.append(f"{what}: {reason}")

    pixels = classifier.prepare(image, crop=record.picture.square)
    target = Target(record.target.index, record.target.rather_than)
    maps: dict[str, Explanation] = {}
    for each in record.explanations:
        with trying(each.title):
            method = method_of(each.method, each.settings)
            if method.title != each.title:
                raise RecordError(f"Here the method {each.method!r} is {method.title}.")
            for explanation in method.refine(classifier, pixels, target):
                if explanation.done >= each.done:
                    break
            maps[each.title] = explanation
    experiments: list[Experiment] = []
    for number, tried in enumerate(record.experiments, 1):
        with trying(f"Experiment {number}"):
            region = of_boxes(classifier.size, tried.region)
            hidden = region if tried.kind == "hide" else ~region
            answer = classifier.predict(hide(pixels, hidden, tried.fill))
            experiments.append(experiment(tried.kind, tried.fill, region, answer, target))
    tests = record.tests
    found = Found()
    if tests.curves is not None:
        with trying("Deletion and insertion"):
            again = _curves_again(tests.curves, classifier, pixels, target, maps)
            found = replace(found, curves=again)
    for asked in tests.again:
        with trying(f"{asked.title} asked again ({asked.change})"):
            found = replace(found, again=(*found.again, _again(asked, classifier, pixels, maps)))
    if tests.forgotten is not None:
        with trying("Copies that forget"):
            forgotten = _forgotten_again(tests.forgotten, classifier, pixels, maps)
            found = replace(found, forgotten=forgotten)
    check_up = None
    if record.check_up is not None:
        with trying("The check-up"):
            check_up = look_over(classifier, pixels)
    tell("Comparing")
    now = record_of(
        classifier, image, tuple(maps.values()), target=target, title=record.picture.title,
        sample=record.picture.sample, square=record.picture.square,
        inside=record.picture.png is not None, network=record.classifier.network,
        file=file, tests=found, experiments=experiments, check_up=check_up, purpose=record.purpose,
    )  # fmt: skip
    return Outcome(record, now, tuple(unrun))


def _curves_again(
    then: Curves,
    classifier: "Classifier",
    pixels: np.ndarray,
    target: Target,
    maps: Mapping[str, Explanation],
) -> Curves:
    cut = None if then.segmentation is None else segmentation_of(then.segmentation)
    segments = cells(classifier.size) if cut is None else cut.segments(pixels)
    strengths = {
        name: strengths_of(_map(name, maps), segments)
        for name in dict.fromkeys(line.name for line in then.curves)
        if name not in (BLOB, RANDOM)
    }
    *_, tested = curves(
        classifier, pixels, target, strengths, segments, fill=then.fill, steps=then.steps,
        kinds=tuple(dict.fromkeys(line.kind for line in then.curves)),
        random_runs=then.random_orders, seed=then.seed,
    )  # fmt: skip
    return curves_found(tested, cut, then.fill, then.steps, then.seed)


def _again(
    then: Again, classifier: "Classifier", pixels: np.ndarray, maps: Mapping[str, Explanation]
) -> Again:
    first = _map(then.title, maps)
    *_, repeats = ask_again(
        first, classifier, pixels, then.change,
        times=then.times, noise=then.noise, seed=then.seed,
    )  # fmt: skip
    return again_found(then.title, then.change, repeats, then.noise, then.seed)


def _forgotten_again(
    then: Forgotten, classifier: "Classifier", pixels: np.ndarray, maps: Mapping[str, Explanation]
) -> Forgotten:
    images = [picture_of(other) for other in then.others]
    shown = [
        classifier.prepare(image, crop=other.square)
        for image, other in zip(images, then.others, strict=True)
    ]
    *_, broken = randomisation(
        [_map(each.title, maps) for each in then.maps], classifier, pixels, shown,
        way=then.way, stages=len(then.stages), copies=then.copies, seed=then.seed,
    )  # fmt: skip
    others = [
        pictured(
            image, pixels, other.title,
            sample=other.sample, square=other.square, inside=other.png is not None,
        )
        for image, pixels, other in zip(images, shown, then.others, strict=True)
    ]  # fmt: skip
    return forgotten_found(broken, then.way, then.seed, others)


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _map(title: str, maps: Mapping[str, Explanation]) -> Explanation:
    if title not in maps:
        raise RecordError(f"{title} could not be run.")
    return maps[title]


def picture_of(picture: Pictured, source: File | bytes | None = None) -> np.ndarray:
    """The picture that a record is of: that which is given, or inside, or in the gallery.

    Returns
    -------
    (H, W, 3) uint8 ndarray
        RGB.

    Raises
    ------
    RecordError, ImageError
        If there is none, it cannot be read, or it is another one.
    """
    if source is not None:
        found, whence = read_image(source), "The picture that was given"
    elif (inside := picture.image()) is not None:
        return inside
    elif picture.sample in SAMPLES:
        found, whence = SAMPLES[picture.sample].read(), "The sample picture here"
    else:
        raise RecordError(
            f"The record tells {picture.title!r} by its digest alone: name the picture's file."
        )
    if digest_of(found) != picture.digest:
        raise RecordError(f"{whence} is not the one of the record: its digest is another.")
    return found


def _opened(record: Record, model: "File | Classifier | None", names: File | None) -> "Classifier":
    """The network that the record is of, fed as it was and called as far as that is known."""
    then = record.classifier
    if model is None or isinstance(model, str | os.PathLike):
        classifier = _from_file(then, model, names)
        if names is None and names_digest(classifier.labels) != then.labels:
            labels = _names_told(record, classifier.labels)
            classifier = classifier.variant(
                name=classifier.name, labels=labels, scaling=classifier.scaling
            )
    else:
        classifier = model
    if (classifier.size, len(classifier.labels)) != (then.size, then.classes):
        raise RecordError(
            f"The network here takes {_times(classifier.size)} pixels and knows "
            f"{len(classifier.labels):,} classes; that of the record takes {_times(then.size)} and "
            f"knows {then.classes:,}."
        )
    return classifier


def _names_told(record: Record, otherwise: Sequence[str]) -> list[str]:
    """The names of all classes: those that the record tells, and what else they are called."""
    aim, answers = record.target, [record.answer, *(each.answer for each in record.experiments)]
    told = {each.index: each.label for answer in answers for each in answer}
    told[aim.index] = aim.label
    if aim.rather_than is not None:
        told[aim.rather_than] = aim.rather_than_label or ""
    return [told.get(index) or name for index, name in enumerate(otherwise)]


def _from_file(then: Answering, model: File | None, names: File | None) -> "Classifier":
    if then.network is not None and then.network not in zoo.CLASSIFIERS:
        raise RecordError(f"There is no network {then.network!r} here.")
    if model is not None and then.file is not None and file_digest(model) != then.file:
        raise RecordError("The model's file is not the one of the record: its digest is another.")
    fed = then.scaling
    scaling = Scaling(fed.name, fed.mean, fed.deviation, fed.bgr)
    if then.network is None:
        if model is None:
            raise RecordError(f"{then.title!r} is somebody's own model: name its file.")
        from explainers.models.model_file import open_classifier

        labels = None if names is None else Path(names)
        return open_classifier(Path(model), labels, scaling, size=then.size, name=then.title)
    if model is None and zoo.whereabouts(then.network) == "elsewhere":
        raise RecordError(
            f"The weights of {zoo.CLASSIFIERS[then.network]} are not on this machine: fetch them, "
            "or name their file."
        )
    classifier = zoo.load_classifier(then.network, None if model is None else Path(model))
    if classifier.scaling == scaling:
        return classifier
    return classifier.variant(scaling=scaling, name=classifier.name)
