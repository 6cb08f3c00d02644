"""A made-up survey on disk, as a run would leave it: for tests of what is shown, and for looking.

No network is asked. What a picture is (its path, its file, its label) depends on its number alone;
what was said to it depends on the seed. So two seeds make two surveys of the same pictures.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from scipy.stats import rankdata

from explainers.images.samples import SAMPLES
from explainers.metrics.agreement import centred_blob
from explainers.models.imagenet import imagenet_labels
from explainers.survey.survey import Survey
from explainers.survey.table import (
    SETTINGS,
    TABLE,
    TOP,
    N,
    Stored,
    pairs,
    prefix,
    schema,
    write,
)

CELLS = N * N
CLASSES = {
    "Egyptian cat": (285, "cat"),
    "espresso": (967, "coffee"),
    "drilling platform": (540, "rocket"),
    "moped": (665, "motorcycle"),
    "space shuttle": (812, "astronaut"),
}
"""Names of ImageNet's classes, their numbers, and the picture of the gallery that shows one."""
PLANTED = "moped"
"""The class whose maps are hot in the corner, where its pictures bear a mark."""
CORNER = slice(11, 14)
TENTH = round(0.1 * CELLS)
RANDOM_ORDERS = 19
BAD = "The file is empty, it has zero bytes: choose another one."
BLANK = "It is zero everywhere."
SIDES = (96, 128)


def make(
    folder: Path,
    *,
    pictures: int = 60,
    seed: int = 0,
    labels: bool = True,
    drawn: bool = False,
    root: Path | None = None,
    survey: Survey | None = None,
    planted: str | None = PLANTED,
    errors: int = 3,
    merits: Mapping[str, float] | None = None,
    title: str = "EfficientNet-Lite0",
) -> Stored:
    """Write a finished survey.

    Parameters
    ----------
    folder : Path
        Of the survey.
    pictures : int
        How many rows.
    seed : int
        Of what was said to the pictures.
    labels : bool
        Whether it is known what they truly show.
    drawn : bool
        Whether the pictures are written as well, with true digests.
    root : Path, optional
        Where they are; ``pictures`` beside the survey's folder if None.
    survey : Survey, optional
        What was asked.
    planted : str, optional
        The class whose maps are hot at the bottom right, whatever it is shown.
    errors : int
        How many pictures failed; the last ones.
    merits : mapping of str to float, optional
        How much better than the others some methods do in all tests.
    title : str
        Of the classifier.
    """
    survey = survey or Survey(worst=5, sample=5)
    root = root or folder.parent / "pictures"
    rows = _rows(survey, pictures, seed, labels, planted, errors)
    rows |= _confidence(survey, rows, seed)
    for name, merit in (merits or {}).items():
        for measure, better in {"deletion": -merit, "insertion": merit, "drop": -merit}.items():
            rows[f"{prefix(name)}_{measure}"] += better
    if drawn:
        rows |= draw(root, pictures, errors)
    kind = schema(survey)
    arrays = [_array(rows.get(field.name), field.type, pictures) for field in kind]
    folder.mkdir(parents=True, exist_ok=True)
    write(pa.Table.from_arrays(arrays, schema=kind), folder / TABLE, kind)
    told = {
        **survey.described(),
        "root": str(root),
        "title": title,
        "labels": list(imagenet_labels()),
        "pictures": pictures,
        "fingerprint": survey.fingerprint,
    }
    (folder / SETTINGS).write_text(json.dumps(told))
    return Stored.at(folder)


def path_of(number: int) -> str:
    """Where the picture of a number lies, in a folder named as what it truly shows."""
    return f"{list(CLASSES)[number % len(CLASSES)].replace(' ', '_')}/{number:06}.jpg"


def _rows(
    survey: Survey, count: int, seed: int, labels: bool, planted: str | None, errors: int
) -> dict[str, Any]:
    """All columns, each an array of as many rows; what is missing is None or masked."""
    random = np.random.default_rng(seed)
    names = np.array(list(CLASSES))
    numbers = np.array([index for index, _ in CLASSES.values()], np.int32)
    bad = np.arange(count) >= count - errors
    true = np.arange(count) % len(names)
    wrong = random.random(count) < 0.2
    said = np.where(wrong, (true + random.integers(1, len(names), count)) % len(names), true)
    probabilities = _probabilities(random, count, wrong)
    paths = [path_of(number) for number in range(count)]
    rest = 1 - probabilities.sum(axis=1)
    first = np.where(wrong, 1 + random.integers(0, TOP - 1, count), 0)
    order = (said[:, None] + np.arange(TOP)) % len(names)
    rows: dict[str, Any] = {
        "path": paths,
        "digest": [hashlib.sha256(path.encode()).hexdigest() for path in paths],
        "bytes": np.full(count, 4096),
        "height": _unless(bad, np.full(count, SIDES[0])),
        "width": _unless(bad, np.full(count, SIDES[1])),
        "error": [BAD if gone else None for gone in bad],
        "answer": _unless(bad, names[said]),
        "answer_index": _unless(bad, numbers[said]),
        "probability": _unless(bad, probabilities[:, 0]),
        "top_labels": [
            None if gone else list(each) for gone, each in zip(bad, names[order], strict=True)
        ],
        "top_probabilities": [
            None if gone else list(each) for gone, each in zip(bad, probabilities, strict=True)
        ],
        "margin": _unless(bad, probabilities[:, 0] - probabilities[:, 1]),
        "entropy": _unless(bad, -(probabilities * np.log2(probabilities)).sum(axis=1) + 10 * rest),
        "seconds": _unless(bad, random.uniform(0.01, 0.03, count)),
    }
    if labels:
        rows |= {
            "label": names[true],
            "label_index": numbers[true],
            "label_probability": _unless(bad, probabilities[np.arange(count), first]),
            "correct": _unless(bad, said == true),
        }
    matrices: dict[str, np.ndarray] = {}
    for method in (*survey.methods, *survey.closer):
        matrices[method.name] = _maps(random, said, list(names), planted, method.name)
    ranks = {name: rankdata(each, axis=1) for name, each in matrices.items()}
    seen = [method.name for method in survey.methods]
    agreement = np.mean(
        [_spearman(ranks[a], ranks[b]) for a, b in pairs(seen)] or [np.full(count, np.nan)], axis=0
    )
    rows["agreement"] = _unless(bad | np.isnan(agreement), agreement)
    chosen = np.full(count, None, object)
    ranked = [int(row) for row in np.argsort(agreement) if not bad[row]]
    chosen[ranked[: survey.worst]] = "worst"
    left = random.permutation(np.array(ranked[survey.worst :], int))
    chosen[left[: survey.sample]] = "random"
    rows["chosen"] = chosen
    unasked = chosen == None  # noqa: E711
    for method in (*survey.methods, *survey.closer):
        hidden = bad | (unasked if method in survey.closer else False)
        rows |= _of_method(
            random, method.name, matrices[method.name], ranks[method.name], hidden, bad | unasked
        )
        if labels:
            other = np.roll(matrices[method.name], 1, axis=0)
            shown = hidden | (said == true)
            rows[f"{prefix(method.name)}_label_matrix"] = _unless(shown, other)
    for one, two in pairs(list(matrices)):
        closer = {method.name for method in survey.closer} & {one, two}
        hidden = bad | (unasked if closer else False)
        named = f"{prefix(one)}_{prefix(two)}"
        rows[f"{named}_spearman"] = _unless(hidden, _spearman(ranks[one], ranks[two]))
        rows[f"{named}_overlap"] = _unless(hidden, _overlap(ranks[one], ranks[two]))
    return rows | {
        "random_orders": _unless(bad | unasked, np.full(count, RANDOM_ORDERS)),
        "random_deletion": _unless(bad | unasked, random.uniform(0.2, 0.4, count)),
        "random_insertion": _unless(bad | unasked, random.uniform(0.2, 0.4, count)),
    }


def _of_method(
    random: np.random.Generator,
    name: str,
    maps: np.ndarray,
    ranks: np.ndarray,
    hidden: np.ndarray,
    untested: np.ndarray,
) -> dict[str, Any]:
    """What a table has of a method that said these maps, ``(n, 196)``."""
    count = len(maps)
    heat = np.abs(maps).reshape(count, N, N)
    whole = np.maximum(heat.sum(axis=(1, 2)), 1e-12)
    ring = np.ones((N, N), bool)
    ring[1:-1, 1:-1] = False
    hottest = np.partition(np.abs(maps), -TENTH, axis=1)[:, -TENTH:].sum(axis=1)
    places = maps.argmax(axis=1)
    blank = ~maps.any(axis=1)
    blob = rankdata(centred_blob(N).ravel())[None]
    along = np.arange(N)
    found = {
        "matrix": maps,
        "row": places // N,
        "column": places % N,
        "centre_row": heat.sum(axis=2) @ along / whole,
        "centre_column": heat.sum(axis=1) @ along / whole,
        "share": hottest / whole,
        "border": heat[:, ring].sum(axis=1) / whole,
        "blob": _spearman(ranks, blob),
        "seconds": random.uniform(0.01, 0.1, count),
    }
    tested = {
        "deletion": random.uniform(0.05, 0.4, count),
        "insertion": random.uniform(0.2, 0.7, count),
        "deletion_beaten": random.integers(0, RANDOM_ORDERS + 1, count),
        "insertion_beaten": random.integers(0, RANDOM_ORDERS + 1, count),
        "again": random.uniform(0.6, 1.0, count),
        "again_overlap": random.uniform(0.5, 1.0, count),
        "again_shift": random.uniform(0.0, 1.0, count),
    }
    if name == "lime":
        found |= {"r2": random.uniform(0.2, 0.9, count), "samples": np.full(count, 1000)}
    given: dict[str, Any] = {key: _unless(hidden, value) for key, value in found.items()}
    given |= {key: _unless(untested, value) for key, value in tested.items()}
    given["blank"] = [BLANK if each else None for each in blank & ~hidden]
    return {f"{prefix(name)}_{key}": value for key, value in given.items()}


def _confidence(survey: Survey, rows: dict[str, Any], seed: int) -> dict[str, Any]:
    """What is left of the probability through each map, and what a blob does in all tests."""
    untested = np.ma.getmaskarray(rows["random_deletion"])
    count = len(untested)
    random = np.random.default_rng([seed, count])
    hard = random.uniform(0, 0.5, count)
    found = {
        f"blob_{kind}": _unless(untested, random.uniform(0.1, 0.5, count))
        for kind in ("deletion", "insertion")
    }
    for name in ("blob", *(prefix(each.name) for each in (*survey.methods, *survey.closer))):
        blank = np.array([each is not None for each in rows.get(f"{name}_blank", [None] * count)])
        drops = np.clip(hard + random.normal(0.1, 0.15, count), 0, 1)
        found[f"{name}_drop"] = _unless(untested | blank, drops)
        found[f"{name}_increase"] = _unless(untested | blank, drops == 0)
    return found


def _probabilities(random: np.random.Generator, count: int, wrong: np.ndarray) -> np.ndarray:
    """The five largest of each row, ``(n, 5)``; lower where it is wrong."""
    first = np.where(wrong, random.uniform(0.25, 0.6, count), random.uniform(0.4, 0.98, count))
    shares = np.sort(random.dirichlet(np.ones(TOP - 1), count), axis=1)[:, ::-1]
    others = np.minimum(0.9 * (1 - first)[:, None] * shares, 0.98 * first[:, None])
    return np.column_stack([first, others]).astype(np.float32)


def _maps(
    random: np.random.Generator,
    said: np.ndarray,
    names: Sequence[str],
    planted: str | None,
    method: str,
) -> np.ndarray:
    """A blob somewhere near the middle in noise, ``(n, 196)`` float32, each on a scale of its own.

    The planted class's lies in the bottom right corner; LIME's are signed; one in fifty of Grad-CAM
    is blank.
    """
    count = len(said)
    along = np.arange(N, dtype=np.float32)
    rows, across = (random.normal(6.5, 1.5, (2, count, 1))).astype(np.float32)
    width = random.uniform(1.5, 3.5, (count, 1)).astype(np.float32)
    blobs = [np.exp(-((along - middle) ** 2) / (2 * width**2)) for middle in (rows, across)]
    maps = blobs[0][:, :, None] * blobs[1][:, None, :]
    maps += 0.35 * random.random(maps.shape, np.float32)
    if planted is not None:
        of_it = said == names.index(planted)
        maps[of_it, CORNER, CORNER] += 1.2 + 0.3 * random.random((of_it.sum(), 3, 3), np.float32)
    if method == "lime":
        maps -= 0.4
    maps *= random.lognormal(0, 1, (count, 1, 1)).astype(np.float32)
    if method == "grad-cam":
        maps[random.random(count) < 0.02] = 0
    return maps.reshape(count, CELLS)


def _spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of ranks, row by row, ``(n,)``; 0 where one is flat."""
    first, second = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    spread = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    together = (first * second).sum(axis=1)
    return np.divide(together, spread, out=np.zeros_like(together), where=spread > 0)


def _overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    first, second = (each > CELLS - TENTH for each in (one, other))
    return (first & second).sum(axis=1) / np.maximum((first | second).sum(axis=1), 1)


def _unless(hidden: np.ndarray, values: np.ndarray) -> np.ma.MaskedArray:
    """Values that are not there in some rows."""
    mask = hidden if values.ndim == 1 else np.repeat(hidden[:, None], values.shape[1], axis=1)
    return np.ma.masked_array(values, mask)


def _array(values: Any, kind: pa.DataType, count: int) -> pa.Array:
    """A column of the table."""
    if values is None:
        return pa.nulls(count, kind)
    if not isinstance(values, np.ma.MaskedArray):
        return pa.array(values, kind)
    if pa.types.is_fixed_size_list(kind):
        hidden = pa.array(np.ma.getmaskarray(values)[:, 0])
        flat = pa.array(values.data.astype(np.float32).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, type=kind, mask=hidden)
    return pa.array(values.data, mask=values.mask).cast(kind)


def draw(root: Path, count: int, errors: int = 0, marked: str | None = PLANTED) -> dict[str, Any]:
    """Write the pictures: pieces of the gallery's, each class of one, one class with a mark.

    Returns
    -------
    dict
        The columns ``digest`` and ``bytes``.
    """
    sources = [Image.fromarray(SAMPLES[sample].read()) for _, sample in CLASSES.values()]
    height, width = SIDES
    digests, sizes = [], []
    for number, path in enumerate(map(path_of, range(count))):
        source = sources[number % len(sources)]
        random = np.random.default_rng(number)
        share = random.uniform(0.6, 0.95)
        across, down = (int(share * side) for side in source.size)
        left, top = (
            int(random.integers(0, side - part + 1))
            for side, part in zip(source.size, (across, down), strict=True)
        )
        piece = source.resize((width, height), box=(left, top, left + across, top + down))
        if list(CLASSES)[number % len(CLASSES)] == marked:
            piece.paste((255, 255, 255), (width - 22, height - 16, width - 4, height - 4))
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if number >= count - errors:
            file.write_bytes(b"")
        else:
            piece.save(file, "JPEG", quality=80)
        content = file.read_bytes()
        digests.append(hashlib.sha256(content).hexdigest())
        sizes.append(len(content))
    return {"digest": digests, "bytes": np.array(sizes)}
