"""Pictures looked at one after another: what ``explain`` and ``compare`` have in common."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from explainers.classifiers.errors import NoAnswerError
from explainers.classifiers.prediction import Answer, Prediction, Target
from explainers.classifiers.scaling import centre_square
from explainers.command_line.naming import (
    Method,
    Model,
    class_named,
    classifier_named,
    picture_named,
)
from explainers.command_line.telling import tell
from explainers.explanation import Explainer, Explanation
from explainers.images.colouring import Style, encode
from explainers.images.decoding import ImageError
from explainers.methods import TRIPTYCH
from explainers.metrics.agreement import CELLS
from explainers.models import zoo
from explainers.report.files import arrays_npz, matrix_csv
from explainers.report.maps import overlay_image
from explainers.survey.survey import settings_of
from explainers.words import in_words, legible, percent, raw_range, resolution, seconds

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

PROBABLE = 5
FAILED = 1


@dataclass(frozen=True)
class Asked:
    """What is asked of each picture, as the options say it; see `OPTIONS`."""

    pictures: tuple[str, ...]
    of: str | None
    rather_than: str | None
    methods: tuple[Explainer, ...]
    model: str
    labels: Path | None
    scaling: str
    square: bool
    out: Path | None
    as_json: bool

    def target(self, prediction: Prediction) -> Target:
        """What is explained: the class that was named, or else the most probable."""
        labels = prediction.labels
        index = prediction.top(1)[0].index if self.of is None else class_named(self.of, labels)
        other = None if self.rather_than is None else class_named(self.rather_than, labels)
        try:
            return Target(index, other)
        except ValueError as reason:
            raise click.UsageError(str(reason)) from reason


OPTIONS = (
    click.argument("pictures", nargs=-1, required=True, metavar="PICTURE..."),
    click.option("--class", "of", metavar="NAME", help="The class to explain; the most probable."),
    click.option("--rather-than", metavar="NAME", help="The class that it is set against."),
    click.option(
        "--method",
        "methods",
        type=Method(),
        multiple=True,
        metavar="NAME[:SETTING=VALUE,...]",
        help="A method, with settings if you like; give it once for each. "
        f"({', '.join(method.name for method in TRIPTYCH)})",
    ),
    click.option(
        "--model",
        type=Model(),
        default=next(iter(zoo.CLASSIFIERS)),
        show_default=True,
        metavar="FILE|NAME",
        help="A Keras model, or a network that Triptych knows.",
    ),
    click.option(
        "--labels",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The names of a model's classes.",
    ),
    click.option("--scaling", default="auto", show_default=True, help="What a model file is fed."),
    click.option("--square", is_flag=True, help="Show the network only the middle square."),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where maps, matrices and arrays are written.",
    ),
    click.option("--json", "as_json", is_flag=True, help="An object for each picture, one a line."),
)


def options(command: Callable) -> Callable:
    """The options that both commands have, as the fields of `Asked`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, eq=False)
class Besides:
    """What else there is to tell of a picture: in JSON's types, in words, and in files."""

    told: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found in one picture.

    Parameters
    ----------
    name : str
        What the picture was called.
    image : (H, W, 3) uint8 ndarray
        As it was shown.
    classifier : Classifier
    prediction : Prediction
    target : Target
    explanations : tuple of Explanation
    """

    name: str
    image: np.ndarray
    classifier: "Classifier"
    prediction: Prediction
    target: Target
    explanations: tuple[Explanation, ...]

    def told(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        height, width = self.image.shape[:2]
        other = self.target.rather_than
        return {
            "picture": {"title": self.name, "size": [width, height]},
            "classifier": {"name": self.classifier.name, "title": self.classifier.title},
            "answer": [asdict(answer) for answer in self._answers()],
            "target": {
                "index": self.target.index,
                "label": self.prediction[self.target.index].label,
                "rather_than": None if other is None else asdict(self.prediction[other]),
            },
            "explanations": [_told(each) for each in self.explanations],
        }

    def lines(self) -> Iterator[str]:
        """The same in words."""
        height, width = self.image.shape[:2]
        answers = ", ".join(
            f"{legible(answer.label)} {percent(answer.probability)}" for answer in self._answers()
        )
        yield f"{legible(self.name)} ({width} × {height}): {answers}"
        of = legible(in_words(self.prediction, self.target))
        yield f"  Where {self.classifier.title} looked for {of}:"
        widest = max(len(each.explainer.title) for each in self.explanations)
        for each in self.explanations:
            yield f"  {each.explainer.title:{widest}}  {_in_words(each)}"
            yield from (f"  {'':{widest}}  {note}" for note in each.notes)

    def files(self) -> dict[str, bytes]:
        """Those of every map: over the picture, its matrix, all arrays; by how their names end."""
        files = {}
        for each in self.explanations:
            name = each.explainer.name
            files[f"{name}-overlay.png"] = encode(overlay_image(each, self.image, Style()))
            files[f"{name}-matrix.csv"] = matrix_csv(each.grid(CELLS))
            files[f"{name}-arrays.npz"] = arrays_npz(each)
        return files

    def _answers(self) -> list[Answer]:
        """The most probable classes, and those that are explained."""
        most = self.prediction.top(PROBABLE)
        known = {answer.index for answer in most}
        return most + [self.prediction[each] for each in self.target.classes if each not in known]


def look(asked: Asked, besides: Callable[[Seen], Besides] = lambda _: Besides()) -> int:
    """Look at all pictures, tell of each as soon as it is done, and give the exit status.

    Parameters
    ----------
    asked : Asked
    besides : callable
        What there is to tell of a picture besides its maps.
    """
    tell("Waking TensorFlow …")
    classifier = classifier_named(asked.model, asked.labels, asked.scaling)
    failed = 0
    stems = _stems(asked)
    for name, stem in zip(asked.pictures, stems, strict=True):
        try:
            seen = _seen(name, asked, classifier)
        except (ImageError, NoAnswerError, LookupError) as reason:
            failed += 1
            tell()
            print(f"{legible(name)}: {reason.args[0]}", file=sys.stderr)
            continue
        more = besides(seen)
        tell()
        if asked.as_json:
            print(json.dumps(seen.told() | more.told), flush=True)
        else:
            print("\n".join([*seen.lines(), *more.lines]), flush=True)
        if asked.out is not None:
            _write(asked.out, seen.files() | more.files, stem)
    return FAILED if failed else 0


def _seen(name: str, asked: Asked, classifier: "Classifier") -> Seen:
    tell(f"{legible(name)}: …")
    image = picture_named(name)
    if asked.square:
        image = centre_square(image)
    pixels = classifier.prepare(image)
    prediction = classifier.predict(pixels)
    target = asked.target(prediction)
    explanations = []
    for method in asked.methods or [kind() for kind in TRIPTYCH]:
        for explanation in method.refine(classifier, pixels, target):
            tell(f"{legible(name)}: {method.title} {explanation.done:,} of {explanation.total:,}")
        explanations.append(explanation)
    return Seen(name, image, classifier, prediction, target, tuple(explanations))


def _stems(asked: Asked) -> list[str]:
    """What the names of each picture's files begin with: its own name, numbered from the second."""
    plain = [Path(name).stem for name in asked.pictures]
    before = [plain[:place].count(stem) for place, stem in enumerate(plain)]
    return [
        f"{stem}-{count + 1}" if count else stem for stem, count in zip(plain, before, strict=True)
    ]


def _write(folder: Path, files: dict[str, bytes], stem: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for ending, content in files.items():
            (folder / f"{stem}-{ending}").write_bytes(content)
    except OSError as error:
        raise click.ClickException(
            f"The files of {stem} cannot be written to {folder}: {error.strerror}."
        ) from error


def _told(explanation: Explanation) -> dict[str, Any]:
    return {
        "method": explanation.explainer.name,
        "title": explanation.explainer.title,
        "settings": settings_of(explanation.explainer),
        "resolution": list(explanation.heatmap.shape),
        "signed": explanation.signed,
        "scale": explanation.scale,
        "matrix": explanation.grid(CELLS).tolist(),
        "done": explanation.done,
        "total": explanation.total,
        "seconds": explanation.seconds,
        "blank": explanation.blank_reason,
        "notes": list(explanation.notes),
        "r2": explanation.r2,
    }


def _in_words(explanation: Explanation) -> str:
    if explanation.blank_reason is not None:
        return explanation.blank_reason
    row, column = np.unravel_index(explanation.grid(CELLS).argmax(), (CELLS, CELLS))
    return (
        f"hottest at row {row}, column {column}; raw {raw_range(explanation)}, measured on "
        f"{resolution(explanation)} in {seconds(explanation.seconds)}"
    )
