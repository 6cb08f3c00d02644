"""What a survey does with a few pictures: files in, rows of the table out.

Pictures go through the network together; one that cannot be read, or that the network has no
answer to, is a row with the reason in a sentence.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explainers.classifiers.errors import NoAnswerError
from explainers.classifiers.prediction import Prediction, Target
from explainers.explanation import Explainer, Explanation, Observer
from explainers.images.reading import MAX_BYTES, ImageError, read_image
from explainers.metrics.agreement import (
    BLOB,
    CELLS,
    SHARES,
    Agreement,
    agree,
    centred_blob,
    correlation,
)
from explainers.metrics.confidence import blob_seen, confidences, seen_of
from explainers.metrics.evidence import hottest_share
from explainers.metrics.faithfulness import RANDOM, beaten, cells, curves, strengths_of
from explainers.metrics.stability import ask_again
from explainers.models.imagenet import classes_named
from explainers.survey.pictures import Found
from explainers.survey.survey import Survey
from explainers.survey.table import TOP, pairs, prefix

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

Row = dict[str, Any]
Explained = dict[str, Explanation]
"""Explanations of one picture by the names of their methods."""
Observed = dict[Observer, list[Any]]
"""What was observed of each of some pictures."""
TENTH = SHARES.index(0.10)
AT_ONCE = 32
"""Pictures whose pixels, and what a layer says to them, are in memory together."""


def look(survey: Survey, classifier: "Classifier", root: Path, batch: Sequence[Found]) -> list[Row]:
    """A row for each picture, in their order: what `survey.methods` see.

    Parameters
    ----------
    survey : Survey
    classifier : Classifier
        `survey.open()`.
    root : Path
        What the paths of the pictures lie below.
    batch : sequence of Found
    """
    parts = [batch[start : start + AT_ONCE] for start in range(0, len(batch), AT_ONCE)]
    return [row for part in parts for row in _look(survey, classifier, root, part)]


def _look(
    survey: Survey, classifier: "Classifier", root: Path, batch: Sequence[Found]
) -> list[Row]:
    started = time.perf_counter()
    rows, pixels = _read(survey, classifier, root, batch)
    good = [row for row in rows if row["error"] is None]
    if good:
        _answer(survey, classifier, good, np.stack(pixels))
    for row in rows:
        row["seconds"] = (time.perf_counter() - started) / len(rows)
    return rows


def look_closer(
    survey: Survey, classifier: "Classifier", root: Path, picture: Found, why: str
) -> Row:
    """The whole row of one picture: what all methods see, and tests of it.

    Deletion and insertion take their steps in the cells of the 14 x 14 grid. One of the random
    sample is asked again with another seed: how far the methods agree with themselves is measured
    there, where nobody has chosen.

    Parameters
    ----------
    survey : Survey
    classifier : Classifier
    root : Path
    picture : Found
    why : {"worst", "random"}
        Why it is looked at closer.
    """
    started = time.perf_counter()
    (row,), pixels = _read(survey, classifier, root, [picture])
    if row["error"] is None:
        observed = _answer(survey, classifier, [row], np.stack(pixels))
    if row["error"] is None:
        seen = {observer: observations[0] for observer, observations in observed.items()}
        try:
            _add_closer(survey, classifier, row, pixels[0], seen, again=why == "random")
        except (LookupError, NoAnswerError) as reason:
            row |= {f"{prefix(method.name)}_blank": str(reason) for method in survey.closer}
    row["chosen"] = why
    row["seconds"] = time.perf_counter() - started
    return row


def observers(methods: Iterable[Explainer]) -> list[Observer]:
    """What observes for some methods, each once: several may read one observation."""
    return list(dict.fromkeys(method.observer for method in methods))


def _read(
    survey: Survey, classifier: "Classifier", root: Path, batch: Iterable[Found]
) -> tuple[list[Row], list[np.ndarray]]:
    """The beginning of each row, and the pixels of those that are pictures."""
    rows: list[Row] = []
    pixels = []
    for found in batch:
        row: Row = {"path": found.path, "bytes": found.bytes, "error": found.problem}
        row["label"] = found.label
        rows.append(row)
        if found.problem:
            continue
        try:
            with open(root / found.path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
            row["digest"] = hashlib.sha256(content).hexdigest()
            image = read_image(content)
        except ImageError as reason:
            row["error"] = str(reason)
        except OSError as reason:
            row["error"] = f"It cannot be read: {reason.strerror}."
        else:
            row["height"], row["width"] = image.shape[:2]
            pixels.append(classifier.prepare(image, crop=survey.square))
    return rows, pixels


def _answer(
    survey: Survey, classifier: "Classifier", rows: Sequence[Row], batch: np.ndarray
) -> Observed:
    """Ask about all pictures at once; if there is one without an answer, about each alone.

    What several methods read is observed once for all of them; it is given back, where all
    pictures had an answer.
    """
    first, *others = observers(survey.methods)
    try:
        probabilities, seen = first.observe_answers(classifier, batch)
        answers = probabilities.argmax(axis=1).tolist()
        observed = {first: seen} | {
            observer: observer.observe_batch(classifier, batch, answers) for observer in others
        }
        for number, row in enumerate(rows):
            row.update(_answered(probabilities[number], classifier.labels, row["label"]))
            explained = {
                method.name: method.interpret(
                    observed[method.observer][number], Target(answers[number])
                )
                for method in survey.methods
            }
            row.update(_maps(explained))
        _add_labels(survey, classifier, rows, batch)
    except (NoAnswerError, LookupError) as reason:
        if len(rows) == 1:
            rows[0]["error"] = str(reason)
            return {}
        for number, row in enumerate(rows):
            _answer(survey, classifier, [row], batch[number : number + 1])
        return {}
    return observed


def _add_labels(
    survey: Survey, classifier: "Classifier", rows: Sequence[Row], batch: np.ndarray
) -> None:
    """Maps for what a picture truly shows, where that is not what the network says."""
    wrong = [number for number, row in enumerate(rows) if row.get("correct") is False]
    if not wrong:
        return
    truths = [rows[number]["label_index"] for number in wrong]
    observed = {
        observer: observer.observe_batch(classifier, batch[wrong], truths)
        for observer in observers(survey.methods)
    }
    for method in survey.methods:
        seen = observed[method.observer]
        for number, truth, observation in zip(wrong, truths, seen, strict=True):
            matrix = method.interpret(observation, Target(truth)).grid(CELLS)
            rows[number][f"{prefix(method.name)}_label_matrix"] = matrix.ravel()


def _answered(probabilities: np.ndarray, labels: tuple[str, ...], label: str | None) -> Row:
    """What the network says, and whether it is right."""
    prediction = Prediction(probabilities, labels)
    top = prediction.top(min(TOP, len(labels)))
    index = None if label is None else classes_named(labels).get(label.casefold())
    shares = probabilities.astype(np.float64) / probabilities.sum(dtype=np.float64)
    shares = shares[shares > 0]
    return {
        "answer": top[0].label,
        "answer_index": top[0].index,
        "probability": top[0].probability,
        "margin": top[0].probability - top[1].probability if len(top) > 1 else None,
        "entropy": float(-(shares * np.log2(shares)).sum()),
        "top_labels": [answer.label for answer in top],
        "top_probabilities": [answer.probability for answer in top],
        "label_index": index,
        "label_probability": None if index is None else float(probabilities[index]),
        "correct": None if index is None else index == top[0].index,
    }


def _maps(explained: Explained) -> Row:
    """The columns of some maps of one picture, and of each pair of them."""
    grids = {name: each.grid(CELLS) for name, each in explained.items()}
    row: Row = {}
    for name, grid in grids.items():
        blank = explained[name].blank_reason
        figures = {"matrix": grid.ravel()} | ({} if blank else _figures(grid)) | {"blank": blank}
        row |= {f"{prefix(name)}_{key}": value for key, value in figures.items()}
        row[f"{prefix(name)}_seconds"] = explained[name].seconds
        if explained[name].surrogate is not None:
            row[f"{prefix(name)}_r2"] = explained[name].r2
            row[f"{prefix(name)}_samples"] = explained[name].done
    found = []
    for one, other in pairs(list(grids)):
        agreement = agree(grids[one], grids[other])
        found.append(agreement.correlation)
        row |= _pair(one, other, agreement)
    row["agreement"] = float(np.mean(found)) if found else None
    return row


def _pair(one: str, other: str, agreement: Agreement) -> Row:
    stem = f"{prefix(one)}_{prefix(other)}"
    return {
        f"{stem}_spearman": agreement.correlation,
        f"{stem}_overlap": agreement.overlap[TENTH],
    }


def _figures(grid: np.ndarray) -> Row:
    """What is said of one matrix; of a signed one, heat is on both sides of zero."""
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    centre = centre_of_mass(grid)
    heat = np.abs(grid).astype(np.float64)
    whole = heat.sum() or 1.0
    return {
        "row": int(row),
        "column": int(column),
        "centre_row": centre[0],
        "centre_column": centre[1],
        "share": hottest_share(grid, SHARES[TENTH]),
        "border": float((heat.sum() - heat[1:-1, 1:-1].sum()) / whole),
        "blob": correlation(grid, centred_blob()),
    }


def centre_of_mass(grid: np.ndarray) -> tuple[float, float]:
    """Row and column of the middle of the absolute values; the grid's own where all are zero."""
    heat = np.abs(grid).astype(np.float64)
    whole = heat.sum()
    if not whole:
        return (grid.shape[0] - 1) / 2, (grid.shape[1] - 1) / 2
    along = (
        heat.sum(axis=1) @ np.arange(grid.shape[0]),
        heat.sum(axis=0) @ np.arange(grid.shape[1]),
    )
    return float(along[0] / whole), float(along[1] / whole)


def _add_closer(
    survey: Survey,
    classifier: "Classifier",
    row: Row,
    pixels: np.ndarray,
    seen: dict[Observer, Any],
    *,
    again: bool,
) -> None:
    """What the slow methods see besides what was seen already, and the tests of all."""
    target = Target(row["answer_index"])
    for observer in observers(survey.closer):
        if observer not in seen:
            *_, seen[observer] = observer.observations(classifier, pixels, target)
    explained = {
        method.name: method.interpret(seen[method.observer], target)
        for method in (*survey.methods, *survey.closer)
    }
    of_all = row["agreement"]  # of those methods that see every picture, in every row
    row.update(_maps(explained) | {"agreement": of_all})
    for name, explanation in explained.items():
        if again:
            row.update(_again(name, explanation, classifier, pixels))
    row.update(_tested(explained, classifier, pixels, target, survey.seed))
    row.update(_confidence(explained, classifier, pixels, target))


def _again(
    name: str, explanation: Explanation, classifier: "Classifier", pixels: np.ndarray
) -> Row:
    """How far a method agrees with itself under another seed; nothing where it has none."""
    if not explanation.explainer.random:
        return {}
    *_, again = ask_again(explanation, classifier, pixels, "seed", times=2)
    one, other = (each.grid(CELLS) for each in again.explanations)
    agreement = agree(one, other)
    shift = np.subtract(centre_of_mass(one), centre_of_mass(other))
    return {
        f"{prefix(name)}_again": agreement.correlation,
        f"{prefix(name)}_again_overlap": agreement.overlap[TENTH],
        f"{prefix(name)}_again_shift": float(np.hypot(*shift)),
    }


def _tested(
    explained: Explained, classifier: "Classifier", pixels: np.ndarray, target: Target, seed: int
) -> Row:
    """Deletion and insertion of all maps against random orders; see `curves`."""
    segments = cells(classifier.size)
    maps = {name: strengths_of(each, segments) for name, each in explained.items()}
    *_, tested = curves(classifier, pixels, target, maps, segments, seed=seed)
    row: Row = {}
    for kind in ("deletion", "insertion"):
        found = tested.of(kind)
        row[f"random_{kind}"] = found[RANDOM].area
        row["random_orders"] = len(found[RANDOM].runs)
        row[f"blob_{kind}"] = found[BLOB].area
        for name in maps:
            row[f"{prefix(name)}_{kind}"] = found[name].area
            row[f"{prefix(name)}_{kind}_beaten"] = beaten(found[name], found[RANDOM])
    return row


def _confidence(
    explained: Explained, classifier: "Classifier", pixels: np.ndarray, target: Target
) -> Row:
    """Drop and increase of all maps, and of a blob; nothing of a map that is blank."""
    masks = {"blob": blob_seen(classifier.size)}
    for name, explanation in explained.items():
        if (seen := seen_of(explanation, classifier.size)) is not None:
            masks[prefix(name)] = seen
    row: Row = {}
    for name, found in confidences(classifier, pixels, target, masks).items():
        row |= {f"{name}_drop": found.drop, f"{name}_increase": found.increased}
    return row
