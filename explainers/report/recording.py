"""A record of what a page shows."""

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from explainers.classifiers.prediction import Answer, Prediction, Target
from explainers.classifiers.scaling import Channels
from explainers.environment import cores, kernels, processor, system, versions
from explainers.explanation import Explanation
from explainers.images.colouring import encode
from explainers.images.regions import as_boxes
from explainers.images.superpixels import Segmentation
from explainers.metrics.agreement import CELLS, agreements
from explainers.metrics.faithfulness import RANDOM, STEPS, Tested, beaten
from explainers.metrics.randomisation import Randomisation
from explainers.metrics.scoreboard import Findings, score
from explainers.metrics.stability import Change, Repeats
from explainers.models import zoo
from explainers.report.digests import digest_of, file_digest, names_digest
from explainers.report.plain import LONGEST, RecordError, one_line
from explainers.report.record import (
    LARGEST_PNG,
    LONGEST_NAME,
    Again,
    Agreeing,
    Aimed,
    Answering,
    Breaking,
    Checked,
    Curves,
    Experiment,
    Explained,
    Fed,
    Fitted,
    Forgotten,
    Found,
    Head,
    Line,
    Pictured,
    Ran,
    Record,
    Said,
    Scaled,
    Stage,
)
from explainers.report.remaking import told

if TYPE_CHECKING:
    from explainers.classifiers.check_up import CheckUp
    from explainers.classifiers.classifier import Classifier
    from explainers.classifiers.randomised import Way

PROBABLE = 5


def record_of(
    classifier: "Classifier",
    image: np.ndarray,
    explanations: Sequence[Explanation],
    *,
    target: Target | int | None = None,
    prediction: Prediction | None = None,
    title: str = "Picture",
    sample: str | None = None,
    square: bool = False,
    inside: bool = False,
    network: str | None = None,
    file: str | None = None,
    tests: Found | None = None,
    experiments: Iterable[Experiment] = (),
    check_up: "CheckUp | None" = None,
    purpose: str = "",
) -> Record:
    """A record of maps of one decision, and of what was tested and tried beside them.

    Parameters
    ----------
    classifier : Classifier
    image : (H, W, 3) uint8 ndarray
        The picture as it was read.
    explanations : sequence of Explanation
        Finished or not, one a method, all of one target.
    target : Target or int, optional
        What is explained; needed where there are no maps.
    prediction : Prediction, optional
        The network's answer; it is asked if None.
    title : str
        Of the picture.
    sample : str, optional
        Its name in `SAMPLES`, if it comes from there.
    square : bool
        Whether the network was shown its middle square.
    inside : bool
        Whether the picture itself is kept in the record, which anyone who gets it can then see. One
        that takes more than `LARGEST_PNG` is left out all the same, and its digest stays.
    network : str, optional
        Which of `zoo.CLASSIFIERS` the classifier is, if its name does not say so.
    file : str, optional
        SHA-256 of the file that somebody brought, the model or its weights; see `file_digest`.
    tests : Found, optional
        See `what_tests_found`.
    experiments : iterable of Experiment
        See `experiment`.
    check_up : CheckUp, optional
    purpose : str
        What it is made for.

    Raises
    ------
    RecordError
        If the maps are of several targets, or a figure is no finite number.
    """
    targets = {each.target for each in explanations}
    if target is not None:
        targets.add(Target.of(target))
    if len(targets) != 1:
        raise RecordError("A record is of one decision, and these maps are of several or of none.")
    (aim,) = targets
    pixels = classifier.prepare(image, crop=square)
    prediction = prediction or classifier.predict(pixels)
    labels = classifier.labels
    record = Record(
        picture=pictured(image, pixels, title, sample=sample, square=square, inside=inside),
        classifier=_answering(classifier, network, file),
        target=Aimed(
            aim.index,
            _named(labels[aim.index]),
            aim.rather_than,
            None if aim.rather_than is None else _named(labels[aim.rather_than]),
        ),
        answer=said(prediction, aim),
        explanations=tuple(_explained(each, classifier) for each in explanations),
        agreement=tuple(
            Agreeing(each.names, each.correlation, (each.overlap[0], each.overlap[1]))
            for each in agreements(explanations)
        ),
        experiments=tuple(experiments),
        tests=tests or Found(),
        check_up=None if check_up is None else _checked(check_up),
        purpose=one_line(purpose, LONGEST),
        ran=ran({each.explainer.title: each.seconds for each in explanations}),
    )
    return Record.read(record.text.encode())  # which refuses what could not be read again


def pictured(
    image: np.ndarray,
    pixels: np.ndarray,
    title: str,
    *,
    sample: str | None = None,
    square: bool = False,
    inside: bool = False,
) -> Pictured:
    """A picture, and the pixels that the network was shown of it; see `record_of`."""
    png = base64.b64encode(encode(image)).decode() if inside else None
    if png is not None and len(png) > LARGEST_PNG:
        png = None
    size = (image.shape[0], image.shape[1])
    return Pictured(_named(title), digest_of(image), size, square, digest_of(pixels), sample, png)


def experiment(
    kind: str, fill: str, region: np.ndarray, prediction: Prediction, target: Target | int
) -> Experiment:
    """An experiment with a region, and what the network said.

    Parameters
    ----------
    kind : {"hide", "keep"}
    fill : str
        One of `REGION_FILLS`.
    region : (h, w) bool ndarray
        What was hidden, or kept.
    prediction : Prediction
        Of the picture then.
    target : Target or int
    """
    assert kind in ("hide", "keep")
    boxes = tuple(as_boxes(region))
    return Experiment(kind, fill, boxes, said(prediction, Target.of(target)))  # type: ignore[arg-type]


def what_tests_found(
    findings: Findings,
    *,
    segmentation: Segmentation | None = None,
    fill: str = "blur",
    steps: int = STEPS,
    noise: float = 0.02,
    way: "Way" = "untrained",
    others: Sequence[Pictured] = (),
    seed: int = 0,
) -> Found:
    """What tests have found, with the settings that they were run with; only what is finished.

    Parameters
    ----------
    findings : Findings
    segmentation : Segmentation, optional
        How the picture was cut for the curves; the cells of the 14 x 14 grid if None.
    fill, steps
        As `faithfulness.curves` took them.
    noise : float
        As `stability.ask_again` took it.
    way, others
        As `randomisation` took them; the other pictures by `pictured`.
    seed : int
        Of all three.
    """
    tested, broken = findings.tested, findings.broken
    finished = tested is not None and tested.done == tested.total
    return Found(
        curves_found(tested, segmentation, fill, steps, seed) if tested and finished else None,
        tuple(
            again_found(title, change, repeats, noise, seed)
            for (title, change), repeats in findings.repeats.items()
            if repeats.done == repeats.total
        ),
        forgotten_found(broken, way, seed, others)
        if broken is not None and broken.done == broken.total
        else None,
    )


def said(prediction: Prediction, target: Target) -> tuple[Said, ...]:
    """The most probable classes and those that are explained, the most probable first."""
    ranking = [int(index) for index in prediction.ranking]
    classes = sorted({*ranking[:PROBABLE], *target.classes}, key=prediction.rank)
    return tuple(_said(prediction[index]) for index in classes)


def ran(seconds: dict[str, float]) -> Ran:
    """Here and now."""
    return Ran(
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        versions(),
        system(),
        processor(),
        cores(),
        kernels(),
        {title: round(each, 3) for title, each in seconds.items()},
    )


def _named(text: str) -> str:
    return one_line(text, LONGEST_NAME)


def _said(answer: Answer) -> Said:
    return Said(answer.index, _named(answer.label), _short(answer.probability))


def _short(value: float | np.floating) -> float:
    """A float32 in the fewest digits that tell it from all others."""
    return float(str(np.float32(value)))


def _row(values: np.ndarray) -> tuple[float, ...]:
    return tuple(_short(value) for value in values)


def _answering(classifier: "Classifier", network: str | None, file: str | None) -> Answering:
    if network is None and classifier.name in zoo.CLASSIFIERS:
        network = classifier.name
    if network is not None and file is None:
        file = file_digest(zoo.weights_file(network))
    scaling = classifier.scaling
    return Answering(
        network,
        _named(classifier.title),
        file,
        names_digest(classifier.labels),
        len(classifier.labels),
        Scaled(_named(scaling.name), _three(scaling.mean), _three(scaling.deviation), scaling.bgr),
        Head(classifier.activation, classifier.derived, classifier.paired),  # type: ignore[arg-type]
        classifier.size,
        classifier.channels,
    )


def _three(values: Channels) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _explained(explanation: Explanation, classifier: "Classifier") -> Explained:
    explainer, surrogate = explanation.explainer, explanation.surrogate
    known = score(explanation, classifier, Findings())
    return Explained(
        explainer.name,
        explainer.title,
        told(explainer),
        (explanation.heatmap.shape[0], explanation.heatmap.shape[1]),
        known.places or 1,
        known.passes or 0,
        explanation.signed,
        _short(explanation.scale),
        tuple(_row(row) for row in explanation.grid(CELLS)),
        explanation.done,
        explanation.total,
        explanation.blank_reason,
        explanation.notes,
        None
        if surrogate is None
        else Fitted(
            tuple(surrogate.coefficients.tolist()),
            surrogate.intercept,
            surrogate.r2,
            surrogate.predicted,
            surrogate.observed,
            surrogate.fill,
        ),
    )


def curves_found(
    tested: Tested, segmentation: Segmentation | None, fill: str, steps: int, seed: int
) -> Curves:
    """What deletion and insertion have found; the parameters are those of `what_tests_found`."""
    lines = []
    for curve in tested.curves:
        random = tested.of(curve.kind)[RANDOM]
        lines.append(
            Line(
                curve.name,
                curve.kind,
                tuple(curve.shares.tolist()),
                tuple(_row(run) for run in curve.runs),
                tuple(curve.areas.tolist()),
                None if curve.name == RANDOM else beaten(curve, random),
            )
        )
    cut = None if segmentation is None else told(segmentation)
    runs = max((len(line.runs) for line in lines if line.name == RANDOM), default=1)
    return Curves(cut, fill, steps, runs, seed, tuple(lines))


def again_found(title: str, change: Change, repeats: Repeats, noise: float, seed: int) -> Again:
    """How alike a method's answers are; the parameters are those of `stability.ask_again`."""
    correlations = tuple(repeats.correlations.tolist())
    return Again(title, change, len(repeats.explanations), noise, seed, correlations)


def forgotten_found(
    broken: Randomisation, way: "Way", seed: int, others: Sequence[Pictured]
) -> Forgotten:
    """What copies that forget have found; the parameters are those of `what_tests_found`."""
    return Forgotten(
        way,
        broken.copies,
        seed,
        tuple(others),
        tuple(
            Stage(each.forgotten, each.layer, _row(np.array(each.probabilities)))
            for each in broken.stages
        ),
        tuple(
            Breaking(
                title,
                _correlations(broken.baseline(title)),
                tuple(_correlations(each) for each in broken.similarities(title)),
                broken.stayed(title),
            )
            for title in broken.originals
        ),
    )


def _correlations(values: np.ndarray) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else float(value) for value in values)


def _checked(found: "CheckUp") -> Checked:
    feedings = tuple(
        Fed(
            each.scaling.name,
            None if each.answer is None else _said(each.answer),
            each.given,
            each.surprise,
            each.usual,
        )
        for each in found.feedings
    )
    return Checked(
        found.kind,
        found.head,
        found.input,
        found.rescaling,
        found.parameters,
        len(found.layers),
        feedings,
        found.fed.scaling.name,
        None if found.likeliest is None else found.likeliest.scaling.name,
    )
