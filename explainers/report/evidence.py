"""What a person who audits asks for, filled with what was measured here: evidence, no judgement."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from explainers.metrics.agreement import BLOB
from explainers.metrics.faithfulness import KINDS, RANDOM, beaten
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import Change
from explainers.report.record import Record
from explainers.report.telling import Told
from explainers.words import enumerated, in_words

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
AGAIN: dict[Change, str] = {"noise": "a little noise on the picture", "seed": "other seeds"}


def evidence(record: Record, told: Told, findings: Findings) -> dict[str, list[str]]:
    """Purpose, version, data, methods and measured limits: a list of sentences for each.

    None is marked up.
    """
    target = in_words(told.prediction, told.explanations[0].target)
    purpose = [f"In the words of who made it: {record.purpose}"] if record.purpose else []
    return {
        "Purpose": [
            *purpose,
            f"To show where in one picture {told.classifier} looked for {target}, according to "
            f"{_count(len(told.explanations), 'method')}, and how far these can be believed.",
            "It is about this decision. It does not tell how often the network is right, nor "
            "whether it suits a use.",
        ],
        "Version": [*_network(record), *_machine(record)],
        "Data": _data(record),
        "Why these methods": _methods(told),
        "Measured limits": _measured(told, findings),
    }


def made_on(record: Record) -> str:
    """When it was run: ``22 November 2026, 09:50 UTC``."""
    when = datetime.strptime(record.ran.date, "%Y-%m-%dT%H:%M:%SZ")
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}, {when:%H:%M} UTC"


def _network(record: Record) -> list[str]:
    """Which network it is, and how it is fed."""
    network = record.classifier
    rows, columns = network.size
    channels = "grey" if network.channels == 1 else "red, green and blue"
    file = f"SHA-256 {network.file}" if network.file else "of which no digest was recorded"
    return [
        f"Network: {network.title}. Its weights come from a file, {file}.",
        f"Its {network.classes:,} classes: the names have the SHA-256 {network.labels}. What it "
        "was trained on is not in this file.",
        f"It is given {rows} × {columns} pixels, {channels}, scaled to {network.scaling.name}.",
    ]


def _machine(record: Record) -> list[str]:
    """On what it ran."""
    ran = record.ran
    versions = [f"{name} {version}" for name, version in sorted(ran.versions.items())]
    return [
        f"Run on {made_on(record)}, on {ran.processor}, {_count(ran.cores, 'core')}, "
        f"{ran.system}, with the kernels of {ran.kernels}.",
        f"Versions: {enumerated(versions)}; that of Triptych is a digest of its code."
        if versions
        else "No versions were recorded.",
    ]


def _data(record: Record) -> list[str]:
    """Which picture it is, and what the network was shown of it."""
    picture, (rows, columns) = record.picture, record.classifier.size
    part = "Its middle square" if picture.square else "All of it"
    return [
        f"One picture: {picture.title}, {picture.size[1]} × {picture.size[0]} pixels, whose "
        f"colours have the SHA-256 {picture.digest}.",
        f"{part}, resized to {columns} × {rows} pixels, was shown to the network; these have the "
        f"SHA-256 {picture.seen}.",
    ]


def _methods(told: Told) -> list[str]:
    """What each method answers and needs, and what there is in having several."""
    methods = [each.explainer for each in told.explanations]
    kinds = list(dict.fromkeys(method.kind.lower() for method in methods))
    several = (
        [
            f"They tell places apart in {len(kinds)} ways, by {enumerated(kinds)}, so that what "
            "one is blind to another may see."
        ]
        if len(kinds) > 1
        else []
    )
    return several + [
        f"{method.title}, {method.kind.lower()}: {_small(method.answers)}. It needs: "
        f"{_small(method.needs)}"
        for method in methods
    ]


def limits(told: Told, findings: Findings) -> list[str]:
    """What does not follow from a report, and what has not been tested."""
    said = [
        "One picture is one picture: what holds here may not hold for the next, and it ranks no "
        "methods.",
        "A map shows where, by its method's own definition. It shows neither why nor whether the "
        "answer is right.",
        "Agreement is not correctness: methods that share an error agree on it.",
        *(f"{each.explainer.title} is blind to: {_small(each.explainer.blind_to)}"
          for each in told.explanations),
    ]  # fmt: skip
    missing = [what for what, found in _tests(told, findings).items() if not found]
    if missing:
        said.append(f"Not tested: {enumerated(missing)}.")
    return said


def _measured(told: Told, findings: Findings) -> list[str]:
    """What was measured of how far the maps can be believed, and against what."""
    hidden = [each for each in told.hidings.values() if each.region.any()]
    said = []
    if hidden:
        tries = len(hidden[0].elsewhere)
        beats = sum(each.matched == 0 for each in hidden)
        lucky = len(hidden) * hidden[0].luck
        said.append(
            f"The hottest part of {_count(len(hidden), 'map')} was hidden, and the same shape at "
            f"{tries} random places: {beats} of {len(hidden)} did more than all of these; of as "
            f"many maps that know nothing, at most {lucky:.2g} would on average."
        )
    said += [each for each in _tests(told, findings).values() if each]
    missing = [what for what, found in _tests(told, findings).items() if not found]
    if missing:
        said.append(f"Not measured: {enumerated(missing)}.")
    return said


def _followed(findings: Findings) -> str:
    """What deletion and insertion found, and what maps that know nothing would; empty if neither
    was followed."""
    found = {kind: curves for kind in KINDS if (curves := findings.curves(kind))}
    if not found:
        return ""
    tries, beat = findings.random_orders, []
    for kind, curves in found.items():
        maps = [curve for name, curve in curves.items() if name not in (BLOB, RANDOM)]
        best = sum(beaten(curve, curves[RANDOM]) == tries for curve in maps)
        beat.append(f"{best} of {_count(len(maps), 'map')} in {kind}")
    return (
        f"{enumerated(found).capitalize()} were followed beside {tries} random orders and a blob, "
        f"which know nothing: {enumerated(beat)} did better than all random orders; of as many "
        f"maps that know nothing, {len(maps) / (tries + 1):.2g} would on average."
    )


def _tests(told: Told, findings: Findings) -> dict[str, str]:
    """Of each test a sentence about what was measured; empty where it was not run."""
    methods = [each.explainer for each in told.explanations]
    titles = [method.title for method in methods]
    random = any(method.random for method in methods)
    found = {"deletion and insertion": _followed(findings)}
    for change, how in AGAIN.items():
        if change == "seed" and not random:
            continue
        alike = {title: findings.again(title, change) for title in titles}
        asked = [
            f"{title} {each} of {_count(each.count, 'pair')}"
            for title, each in alike.items()
            if each
        ]
        found[f"the same again with {how}"] = (
            f"Asked again with {how}, maps are as alike as this, by the median and the range of "
            f"their rank correlations: {enumerated(asked)}."
            if asked
            else ""
        )
    forgot = [title for title in titles if findings.forgotten(title) is not None]
    found["copies of the network that have forgotten what it learnt"] = (
        "Held against copies of the network that have forgotten what it learnt, the map stayed as "
        f"alike as those of other pictures: {enumerated(_stayed(findings, forgot))}."
        if forgot
        else ""
    )
    return found


def _stayed(findings: Findings, titles: Sequence[str]) -> Iterator[str]:
    """In how many copies each map stayed; see `Randomisation.stayed`."""
    assert findings.broken is not None
    for title in titles:
        stayed = findings.broken.stayed(title)
        many = "in an unknown number" if stayed is None else f"in {stayed}"
        yield f"{title} {many} of {findings.broken.copies}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _small(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
