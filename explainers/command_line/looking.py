"""Pictures looked at one after another: what ``explain``, ``compare`` and ``report`` share."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from explainers.classifiers.errors import NoAnswerError
from explainers.classifiers.prediction import Prediction, Target
from explainers.classifiers.scaling import centre_square
from explainers.command_line import FAILED
from explainers.command_line.asking import Asked
from explainers.command_line.naming import (
    classifier_named,
    is_sample,
    only_for_files,
    picture_named,
)
from explainers.command_line.telling import tell
from explainers.explanation import Explanation
from explainers.images.colouring import Style, encode
from explainers.images.decoding import ImageError
from explainers.metrics.agreement import CELLS
from explainers.metrics.pointing import place
from explainers.models import zoo
from explainers.report.digests import file_digest
from explainers.report.files import arrays_npz, matrix_csv
from explainers.report.maps import overlay_image
from explainers.report.plain import RecordError
from explainers.report.record import Record
from explainers.report.recording import record_of, said
from explainers.report.telling import points_to
from explainers.words import in_words, legible, percent, raw_range, resolution, rounded, seconds

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found in one picture.

    Parameters
    ----------
    name, stem : str
        What the picture was called, and what the names of its files begin with.
    asked : Asked
    image : (H, W, 3) uint8 ndarray
        The picture, whole.
    classifier : Classifier
    pixels : (h, w, 3) float32 ndarray
        What the classifier was shown.
    prediction : Prediction
    target : Target
    explanations : tuple of Explanation
    """

    name: str
    stem: str
    asked: Asked
    image: np.ndarray
    classifier: "Classifier"
    pixels: np.ndarray
    prediction: Prediction
    target: Target
    explanations: tuple[Explanation, ...]

    @property
    def shown(self) -> np.ndarray:
        """The picture, or the middle square that was shown of it."""
        return centre_square(self.image) if self.asked.square else self.image

    def record(self, **more: Any) -> Record:
        """All of it, as `replay` runs it again; and what else `record_of` is to know."""
        named = self.asked.model in zoo.CLASSIFIERS
        return record_of(
            self.classifier,
            self.image,
            self.explanations,
            prediction=self.prediction,
            title=Path(self.name).stem,
            sample=self.name if is_sample(self.name) else None,
            square=self.asked.square,
            network=self.asked.model if named else None,
            file=None if named else file_digest(self.asked.model),
            **more,
        )

    def lines(self) -> Iterator[str]:
        """It in words."""
        height, width = self.shown.shape[:2]
        answers = ", ".join(
            f"{legible(answer.label)} {percent(answer.probability)}"
            for answer in said(self.prediction, self.target)
        )
        yield f"{legible(self.name)} ({width} × {height}): {answers}"
        of = legible(in_words(self.prediction, self.target))
        yield f"  Where {legible(self.classifier.title)} looked for {of}:"
        widest = max(len(each.explainer.title) for each in self.explanations)
        for each in self.explanations:
            first, *others = _in_words(each)
            yield f"  {each.explainer.title:{widest}}  {first}"
            yield from (f"  {'':{widest}}  {other}" for other in others)

    def files(self) -> dict[str, bytes]:
        """The record and, of every map, over the picture, its matrix, all arrays.

        By how their names end.
        """
        files = {"record.json": self.record().text.encode()}
        for each in self.explanations:
            name = each.explainer.name
            files[f"{name}-overlay.png"] = encode(overlay_image(each, self.shown, Style()))
            files[f"{name}-matrix.csv"] = matrix_csv(each.grid(CELLS))
            files[f"{name}-arrays.npz"] = arrays_npz(each)
        return files


@dataclass(frozen=True, eq=False)
class Telling:
    """What a command says of a picture: lines, and what it writes, by how the names end."""

    lines: tuple[str, ...]
    files: Callable[[], Mapping[str, bytes]] = field(default=dict)


def look(asked: Asked, say: Callable[[Seen], Telling]) -> int:
    """Look at all pictures, say of each what there is to say, and give the exit status.

    What is quickly told is told first: that nothing can be written, or that a picture is not there.
    """
    only_for_files(asked.model, asked.labels, asked.scaling)
    if asked.out is not None:
        write(asked.out, {})
    opened = cache(lambda: classifier_named(asked.model, asked.labels, asked.scaling))
    failed = 0
    for name, stem in zip(asked.pictures, _stems(asked.pictures), strict=True):
        try:
            seen = _seen(name, stem, asked, opened)
            telling = say(seen)
            if asked.out is not None:
                named = {f"{stem}-{end}": content for end, content in telling.files().items()}
                write(asked.out, named)
            told = _on_a_line(seen.record()) if asked.as_json else "\n".join(telling.lines)
        except (ImageError, NoAnswerError, RecordError, LookupError) as reason:
            failed += 1
            tell()
            print(f"{legible(name)}: {reason.args[0]}", file=sys.stderr)
            continue
        tell()
        print(told, flush=True)
    return FAILED if failed else 0


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a folder, which is made if it is not there; of none, see whether it could be.

    Raises
    ------
    click.ClickException
        If they cannot be written; the text says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise click.ClickException(
            f"Files cannot be written to {legible(str(folder))}: {error.strerror}."
        ) from error


def _seen(name: str, stem: str, asked: Asked, opened: Callable[[], "Classifier"]) -> Seen:
    tell(f"{legible(name)} …")
    image = picture_named(name)
    classifier = opened()
    pixels = classifier.prepare(image, crop=asked.square)
    prediction = classifier.predict(pixels)
    target = asked.target(prediction)
    explanations = []
    for method in asked.methods:
        for explanation in method.refine(classifier, pixels, target):
            tell(f"{legible(name)}: {method.title} {explanation.done:,} of {explanation.total:,}")
        explanations.append(explanation)
    return Seen(
        name, stem, asked, image, classifier, pixels, prediction, target, tuple(explanations)
    )


def _on_a_line(record: Record) -> str:
    return json.dumps(json.loads(record.text), sort_keys=True)


def _stems(names: tuple[str, ...]) -> list[str]:
    """What the names of each picture's files begin with: its own name, numbered from the second."""
    plain = [Path(name).stem for name in names]
    before = [plain[:place].count(stem) for place, stem in enumerate(plain)]
    return [
        f"{stem}-{count + 1}" if count else stem for stem, count in zip(plain, before, strict=True)
    ]


def _in_words(explanation: Explanation) -> tuple[str, ...]:
    """Where a map points, how strong it is, and what else was found."""
    if explanation.blank_reason is not None:
        return explanation.blank_reason, *explanation.notes
    found = place(explanation)
    fitted = "" if explanation.r2 is None else f", R² {rounded(explanation.r2)}"
    return (
        "no cell is above zero" if found is None else f"strongest {points_to(found)}",
        f"raw {raw_range(explanation)}, measured on {resolution(explanation)} in "
        f"{seconds(explanation.seconds)}{fitted}",
        *explanation.notes,
    )
