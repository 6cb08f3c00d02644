"""What one explanation, comparison or experiment rests on, and what came out: the file format.

``Record.read("cat.json")`` reads one, ``record.text`` is the file. It is made of what a page shows
by `recording.record_of`, and run again by `replay.replay`.

A record is sorted JSON with a line for each setting, so that two of them diff well; every figure
of a picture, a network and their settings is the same in each run, and what is not (when, where,
how long) stands in ``ran`` alone. It looks like this, shortened::

    {
      "agreement": [
        {
          "correlation": 0.29,
          "names": ["Grad-CAM", "blob in the middle"],
          "overlap": [0.14, 0.31]
        }
      ],
      "answer": [
        {
          "index": 285,
          "label": "Egyptian cat",
          "probability": 0.7712326
        }
      ],
      "check_up": null,
      "classifier": {
        "channels": 3,
        "classes": 1000,
        "file": "d69a…",
        "head": {
          "activation": "softmax",
          "derived": false,
          "paired": false
        },
        "labels": "53b3…",
        "network": "efficientnet-lite0",
        "scaling": {
          "bgr": false,
          "deviation": [128.0, 128.0, 128.0],
          "mean": [127.0, 127.0, 127.0],
          "name": "(pixels - 127) / 128"
        },
        "size": [224, 224],
        "title": "EfficientNet-Lite0"
      },
      "experiments": [
        {
          "answer": [
            {
              "index": 285,
              "label": "Egyptian cat",
              "probability": 0.4010232
            }
          ],
          "fill": "blur",
          "kind": "hide",
          "region": [
            [32, 80, 96, 160]
          ]
        }
      ],
      "explanations": [
        {
          "blank": null,
          "done": 1,
          "matrix": [
            [0.0, 0.1231],
            [0.0213, 0.2012]
          ],
          "method": "grad-cam",
          "notes": [],
          "passes": 3,
          "places": 49,
          "resolution": [7, 7],
          "scale": 0.2533,
          "settings": {
            "layer": null,
            "of": "logit"
          },
          "signed": false,
          "surrogate": null,
          "title": "Grad-CAM",
          "total": 1
        }
      ],
      "format": 1,
      "picture": {
        "digest": "9c1f…",
        "png": null,
        "sample": "cat",
        "seen": "77aa…",
        "size": [300, 451],
        "square": false,
        "title": "Cat"
      },
      "purpose": "",
      "ran": {
        "cores": 2,
        "date": "2026-11-22T09:50:00Z",
        "kernels": "oneDNN",
        "processor": "x86_64, with AVX2",
        "seconds": {
          "Grad-CAM": 0.03
        },
        "system": "Linux",
        "versions": {
          "keras": "3.15.1",
          "tensorflow": "2.20.0",
          "triptych": "1f0c…"
        }
      },
      "target": {
        "index": 285,
        "label": "Egyptian cat",
        "rather_than": null,
        "rather_than_label": null
      },
      "tests": {
        "again": [
          {
            "change": "noise",
            "correlations": [0.98, 0.97, 0.98],
            "noise": 0.02,
            "seed": 0,
            "times": 3,
            "title": "Grad-CAM"
          }
        ],
        "curves": null,
        "forgotten": null
      }
    }
"""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np

from explainers.explanation import ROUNDING
from explainers.images.reading import read_image
from explainers.metrics.agreement import BLOB, CELLS
from explainers.metrics.faithfulness import RANDOM
from explainers.report.digests import digest_of
from explainers.report.plain import Like, RecordError, Within, read, written

__all__ = ["Record", "RecordError"]

File = str | os.PathLike[str]

FORMAT = 1
"""Another one is refused."""

LARGEST_FILE = 48 * 2**20
"""Bytes. Without its picture a record has some hundred kB."""
LARGEST_PNG = LARGEST_FILE * 5 // 8
"""Characters of a picture in base64."""

LONGEST_NAME = 300
Name = Annotated[str, Within(0, LONGEST_NAME)]
Digest = Annotated[str, Like("[0-9a-f]{64}", "64 digits of a SHA-256")]
Whole = Annotated[int, Within(0, 2**31)]
Count = Annotated[int, Within(1, 2**31)]
Side = Annotated[int, Within(1, 100_000)]
Input = Annotated[int, Within(1, 4096)]
"""Rows or columns of what a network is shown; whatever reads a record can afford its regions."""
Share = Annotated[float, Within(0, 1)]
Correlation = Annotated[float, Within(-1 - 1e-9, 1 + 1e-9)]
"""With what rounding adds to it."""
LARGEST_VALUE = float(np.finfo(np.float32).max)
Amount = Annotated[float, Within(0, LARGEST_VALUE)]
Signed = Annotated[float, Within(-LARGEST_VALUE, LARGEST_VALUE)]
Seconds = Annotated[float, Within(0, 1e9)]
Divisor = Annotated[float, Within(1e-9, 1e9)]
Row = Annotated[tuple[Signed, ...], Within(CELLS, CELLS)]
Box = tuple[Whole, Whole, Whole, Whole]
Value = bool | int | float | str | None
Settings = dict[str, Value | dict[str, Value]]
"""The settings of a method by their names. Those of a cut into superpixels are an object of their
own, whose ``kind`` says which."""


@dataclass(frozen=True)
class Pictured:
    """A picture.

    Parameters
    ----------
    title : str
        What it is called.
    digest : str
        SHA-256 of its decoded RGB and its size; see `digests.digest_of`.
    size : tuple of int
        Rows and columns.
    square : bool
        Whether the network was shown the middle square, or the whole picture squeezed into one.
    seen : str
        SHA-256 of the pixels that the network was shown, which tells a picture that is made ready
        otherwise from a network that answers otherwise.
    sample : str or None
        Its name in the gallery, if it comes from there.
    png : str or None
        The picture itself, a PNG in base64.
    """

    title: Name
    digest: Digest
    size: tuple[Side, Side]
    square: bool
    seen: Digest
    sample: Name | None
    png: Annotated[str, Within(0, LARGEST_PNG)] | None

    def image(self) -> np.ndarray | None:
        """The picture that lies inside, ``(H, W, 3)`` uint8 RGB; None if there is none.

        Raises
        ------
        RecordError
            If it cannot be read, or is another than the record says.
        """
        if self.png is None:
            return None
        try:
            found = read_image(base64.b64decode(self.png, validate=True))
        except ValueError as error:
            raise RecordError("The picture inside the record cannot be read.") from error
        if digest_of(found) != self.digest:
            raise RecordError("The picture inside the record is another than its digest says.")
        return found


@dataclass(frozen=True)
class Head:
    """What makes probabilities of the network's last layer; see `Classifier`."""

    activation: Literal["softmax", "sigmoid", "linear"]
    derived: bool
    paired: bool


@dataclass(frozen=True)
class Scaled:
    """How the network is fed; see `Scaling`."""

    name: Name
    mean: tuple[float, float, float]
    deviation: tuple[Divisor, Divisor, Divisor]
    bgr: bool


@dataclass(frozen=True)
class Answering:
    """The classifier.

    Parameters
    ----------
    network : str or None
        One of `zoo.CLASSIFIERS`; None for a model of somebody's own.
    title : str
        What people call it.
    file : str or None
        SHA-256 of the file that its weights came from, where that is known.
    labels : str
        SHA-256 of the names of its classes.
    classes : int
    scaling : Scaled
    head : Head
    size : tuple of int
        Rows and columns of its pictures.
    channels : int
    """

    network: Name | None
    title: Name
    file: Digest | None
    labels: Digest
    classes: Count
    scaling: Scaled
    head: Head
    size: tuple[Input, Input]
    channels: Annotated[int, Within(1, 3)]


@dataclass(frozen=True)
class Aimed:
    """What is explained: a class, or why it rather than another."""

    index: Whole
    label: Name
    rather_than: Whole | None
    rather_than_label: Name | None


@dataclass(frozen=True)
class Said:
    """What the network says of one class."""

    index: Whole
    label: Name
    probability: Share


@dataclass(frozen=True)
class Fitted:
    """The linear model behind a map; see `Surrogate`. One coefficient for each superpixel."""

    coefficients: Annotated[tuple[float, ...], Within(1, 20_000)]
    intercept: float
    r2: float
    predicted: float
    observed: float
    fill: Name


@dataclass(frozen=True)
class Explained:
    """A map.

    Parameters
    ----------
    method, title : str
        What files and people call the method.
    settings : dict
        All of them, exactly.
    resolution : tuple of int
        Rows and columns of the map as the method gives it.
    places : int
        How many places it tells apart: superpixels, or cells of its own grid.
    passes : int
        Forward passes that it takes, a backward one counted as two.
    signed : bool
        Whether negative values are evidence against the target.
    scale : float
        The largest absolute value of the map.
    matrix : 14 x 14 floats
        Raw values, row by row from the top.
    done, total : int
        Samples taken, and to be taken.
    blank : str or None
        Why there is nothing to see, if so.
    notes : tuple of str
        What else was found.
    surrogate : Fitted or None
    """

    method: Name
    title: Name
    settings: Settings
    resolution: tuple[Side, Side]
    places: Count
    passes: Whole
    signed: bool
    scale: Amount
    matrix: Annotated[tuple[Row, ...], Within(CELLS, CELLS)]
    done: Count
    total: Count
    blank: str | None
    notes: tuple[str, ...]
    surrogate: Fitted | None

    @property
    def grid(self) -> np.ndarray:
        """The matrix as an array, ``(14, 14)`` float32."""
        return np.array(self.matrix, np.float32)


@dataclass(frozen=True)
class Agreeing:
    """How far two maps agree, or one and a blob in the middle; see `Agreement`."""

    names: tuple[Name, Name]
    correlation: Correlation
    overlap: tuple[Share, Share]


@dataclass(frozen=True)
class Experiment:
    """What the network says without a region, or to that region alone.

    Parameters
    ----------
    kind : {"hide", "keep"}
        What was done with the region.
    fill : str
        What was seen instead of what was hidden; one of `REGION_FILLS`.
    region : tuple of boxes
        The region as boxes of pixels at the network's size, first row, end row, first column, end
        column, the ends not included; each pixel lies in one box at most.
    answer : tuple of Said
        The most probable classes then, and those that are explained.
    """

    kind: Literal["hide", "keep"]
    fill: Name
    region: Annotated[tuple[Box, ...], Within(1, 50_000)]
    answer: Annotated[tuple[Said, ...], Within(1, 7)]


@dataclass(frozen=True)
class Line:
    """A curve of deletion or insertion; see `faithfulness.Curve`.

    Parameters
    ----------
    name : str
        The method's title, or `BLOB` or `RANDOM`.
    kind : {"deletion", "insertion"}
    shares : (n + 1,) floats
        How many of the units were hidden, or shown.
    runs : (r, n + 1) floats
        The probabilities; of the random orders, a row each.
    areas : (r,) floats
    beaten : int or None
        How many random orders it does better than; None for these themselves.
    """

    name: Name
    kind: Literal["deletion", "insertion"]
    shares: tuple[Share, ...]
    runs: tuple[tuple[Share, ...], ...]
    areas: tuple[Share, ...]
    beaten: Whole | None


@dataclass(frozen=True)
class Curves:
    """The test of deletion and insertion: its settings, and what was found.

    Parameters
    ----------
    segmentation : dict or None
        How the picture was cut; None for the cells of the 14 x 14 grid.
    fill : str
    steps : int
    random_orders : int
    seed : int
    curves : tuple of Line
    """

    segmentation: dict[str, Value] | None
    fill: Name
    steps: Annotated[int, Within(1, 1000)]
    random_orders: Annotated[int, Within(1, 1000)]
    seed: Whole
    curves: tuple[Line, ...]


@dataclass(frozen=True)
class Again:
    """A method asked again: its settings, and how alike all pairs of its answers are."""

    title: Name
    change: Literal["seed", "noise"]
    times: Annotated[int, Within(2, 100)]
    noise: Share
    seed: Whole
    correlations: Annotated[tuple[Correlation, ...], Within(1, 4950)]


@dataclass(frozen=True)
class Stage:
    """Copies that have forgotten the same layers; see `randomisation.Stage`."""

    forgotten: Share
    layer: str
    probabilities: Annotated[tuple[Share, ...], Within(1, 100)]


@dataclass(frozen=True)
class Breaking:
    """How alike a method's map and others are.

    Parameters
    ----------
    title : str
    baseline : tuple of float or None
        With the maps of other pictures; None for a map that is the same everywhere.
    similarities : tuple of tuple
        With those of each copy, a row for each stage.
    stayed : int or None
        In how many copies that forgot everything the map stayed; see `Randomisation.stayed`.
    """

    title: Name
    baseline: tuple[Correlation | None, ...]
    similarities: tuple[tuple[Correlation | None, ...], ...]
    stayed: Whole | None


@dataclass(frozen=True)
class Forgotten:
    """The test of copies that forget: its settings, and what was found.

    Parameters
    ----------
    way : {"untrained", "shuffled", "normal"}
        How a layer forgets.
    copies : int
        Of each stage.
    seed : int
    others : tuple of Pictured
        The other pictures.
    stages : tuple of Stage
        Those that have forgotten less first.
    maps : tuple of Breaking
    """

    way: Literal["untrained", "shuffled", "normal"]
    copies: Annotated[int, Within(1, 100)]
    seed: Whole
    others: Annotated[tuple[Pictured, ...], Within(1, 20)]
    stages: Annotated[tuple[Stage, ...], Within(1, 100)]
    maps: tuple[Breaking, ...]


@dataclass(frozen=True)
class Found:
    """The tests that were run."""

    curves: Curves | None = None
    again: tuple[Again, ...] = ()
    forgotten: Forgotten | None = None


@dataclass(frozen=True)
class Fed:
    """What the network says under one scaling; see `check_up.Fed`."""

    scaling: Name
    answer: Said | None
    given: tuple[float, float]
    surprise: float | None
    usual: bool


@dataclass(frozen=True)
class Checked:
    """What was known of the classifier; see `CheckUp`.

    ``fed`` and ``likeliest`` name the scaling in use, and the one that surprises the network least.
    """

    kind: str
    head: str
    input: tuple[Side, Side, Side]
    rescaling: str | None
    parameters: Annotated[int, Within(0, 2**50)]
    layers: Whole
    feedings: tuple[Fed, ...]
    fed: Name
    likeliest: Name | None


@dataclass(frozen=True)
class Ran:
    """Where and when it ran: nothing else in a record differs from one run to the next.

    Parameters
    ----------
    date : str
        In UTC.
    versions : dict
        Of Python and of the packages that may change a figure; see `environment.versions`.
    system, processor : str
    cores : int
    kernels : {"oneDNN", "Eigen"}
        What computes convolutions in TensorFlow.
    seconds : dict
        What each map took, by the titles of the methods.
    """

    date: Annotated[str, Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "a time in UTC")]
    versions: dict[str, Name]
    system: Name
    processor: Name
    cores: Count
    kernels: Literal["oneDNN", "Eigen"]
    seconds: dict[str, Seconds]


@dataclass(frozen=True)
class Record:
    """What was run, and what came out.

    Parameters
    ----------
    picture : Pictured
    classifier : Answering
    target : Aimed
    answer : tuple of Said
        The most probable classes, and those that are explained, the most probable first.
    explanations : tuple of Explained
        One a method.
    agreement : tuple of Agreeing
        Of each pair of maps, and of each with a blob in the middle.
    experiments : tuple of Experiment
    tests : Found
    check_up : Checked or None
    purpose : str
        What it was made for, in the words of whoever made it.
    ran : Ran

    Raises
    ------
    RecordError
        If its parts contradict each other.
    """

    picture: Pictured
    classifier: Answering
    target: Aimed
    answer: Annotated[tuple[Said, ...], Within(1, 7)]
    explanations: Annotated[tuple[Explained, ...], Within(0, 50)]
    agreement: tuple[Agreeing, ...]
    experiments: Annotated[tuple[Experiment, ...], Within(0, 100)]
    tests: Found
    check_up: Checked | None
    purpose: str
    ran: Ran

    def __post_init__(self) -> None:
        if contradiction := next(self._contradictions(), None):
            raise RecordError(f"The record contradicts itself: {contradiction}.")

    @property
    def text(self) -> str:
        """The file, as text."""
        return written(self, {"format": FORMAT})

    @classmethod
    def read(cls, source: File | bytes) -> Self:
        """A record from a path, or from the content of a file.

        Raises
        ------
        RecordError
            If it is none that can be read; the text says why in a sentence.
        """
        content = source if isinstance(source, bytes) else content_of(source)
        if len(content) > LARGEST_FILE:
            raise _too_large()
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise RecordError("The file is no text in UTF-8, as a record is.") from error
        return read(cls, text, {"format": FORMAT})

    def _contradictions(self) -> Iterator[str]:
        """What cannot be true of any run."""
        titles = [each.title for each in self.explanations]
        if len(set(titles)) < len(titles):
            yield "a method has two maps"
        tests = self.tests
        tested = [each.title for each in tests.again]
        if tests.curves is not None:
            tested += [line.name for line in tests.curves.curves]
        if tests.forgotten is not None:
            tested += [each.title for each in tests.forgotten.maps]
        named = [name for pair in self.agreement for name in pair.names]
        if strangers := sorted({*tested, *named, *self.ran.seconds} - {*titles, BLOB, RANDOM}):
            yield f"there is no map of {strangers[0]!r}"
        answers = [*self.answer, *(said for each in self.experiments for said in each.answer)]
        classes = [self.target.index, self.target.rather_than, *(said.index for said in answers)]
        if max(index for index in classes if index is not None) >= self.classifier.classes:
            yield f"there are {self.classifier.classes} classes, and it is about another"
        if self.target.rather_than == self.target.index:
            yield "a class is set against itself"
        if any(each.done > each.total for each in self.explanations):
            yield "more was done than there was to do"
        for each in self.explanations:
            low, high = -each.scale if each.signed else 0.0, each.scale
            rounding = ROUNDING * each.scale
            if each.grid.min() < low - rounding or each.grid.max() > high + rounding:
                yield f"the map of {each.title} has cells beyond its scale"
        rows, columns = self.classifier.size
        for top, end, left, right in (box for each in self.experiments for box in each.region):
            if not (top < end <= rows and left < right <= columns):
                yield "a region lies outside of the picture"
        for line in () if tests.curves is None else tests.curves.curves:
            if {len(run) for run in line.runs} != {len(line.shares)}:
                yield "a curve has not as many points as shares"
            elif len(line.areas) != len(line.runs):
                yield "a curve has not as many areas as runs"


def content_of(path: File) -> bytes:
    """What stands in a file that may be a record, or hold one.

    Raises
    ------
    RecordError
        If it cannot be read, or is larger than any of them; the text says why in a sentence.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "there can be no such path"
        raise RecordError(f"The record cannot be read: {reason}.") from error
    if len(content) > LARGEST_FILE:
        raise _too_large()
    return content


def _too_large() -> RecordError:
    return RecordError(f"The file is larger than {LARGEST_FILE / 2**20:g} MiB, and no record is.")
