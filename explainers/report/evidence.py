"""What a person who audits asks for, filled with what was measured here: evidence, no judgement."""

from collections.abc import Mapping, Sequence

from explainers.metrics.faithfulness import KINDS
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import Change
from explainers.report.telling import Told
from explainers.words import enumerated, in_words

AGAIN: dict[Change, str] = {"noise": "a little noise on the picture", "seed": "other seeds"}


def evidence(
    title: str, shape: Sequence[int], told: Told, findings: Findings, ran: Mapping[str, str]
) -> dict[str, list[str]]:
    """Purpose, version, data, methods and measured limits: a list of sentences for each.

    None is marked up.

    Parameters
    ----------
    title : str
        What the picture is called.
    shape : sequence of int
        Its rows and columns.
    told : Told
    findings : Findings
    ran : mapping of str to str
        On what it ran, and when.
    """
    rows, columns = told.seen
    target = in_words(told.prediction, told.explanations[0].target)
    return {
        "Purpose": [
            f"To show where in one picture {told.classifier} looked for {target}, according to "
            f"{_count(len(told.explanations), 'method')}, and how far these can be believed.",
            "It is about this decision. It does not tell how often the network is right, nor "
            "whether it suits a use.",
        ],
        "Version": [f"{name}: {value}" for name, value in ran.items()]
        or ["What it ran on was not recorded."],
        "Data": [
            f"One picture, {title}, {shape[1]} × {shape[0]} pixels. The network was shown "
            f"{columns} × {rows} of it.",
            f"The network tells {len(told.prediction.labels):,} classes apart. What it was trained "
            "on is not in this file.",
        ],
        "Why these methods": [
            f"{method.title}, {method.kind.lower()}: {_small(method.answers)}. It needs: "
            f"{_small(method.needs)}"
            for method in (each.explainer for each in told.explanations)
        ],
        "Measured limits": _measured(told, findings),
    }


def limits(told: Told, findings: Findings) -> list[str]:
    """What does not follow from a report, and what has not been tested."""
    said = [
        "One picture is one picture: what holds here may not hold for the next, and it ranks no "
        "methods.",
        "A map shows where, by its method's own definition. It shows neither why nor whether the "
        "answer is right.",
        "Agreement is not correctness: methods that share an error agree on it.",
        *(f"{each.explainer.title} is blind to: {each.explainer.blind_to}"
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
        said.append(
            f"The hottest part of {_count(len(hidden), 'map')} was hidden, and the same shape at "
            f"{tries} random places: {beats} of {len(hidden)} did more than all of these."
        )
    said += [each for each in _tests(told, findings).values() if each]
    missing = [what for what, found in _tests(told, findings).items() if not found]
    if missing:
        said.append(f"Not measured: {enumerated(missing)}.")
    return said


def _tests(told: Told, findings: Findings) -> dict[str, str]:
    """Of each test a sentence about what was measured; empty where it was not run."""
    titles = [each.explainer.title for each in told.explanations]
    curves = [kind for kind in KINDS if findings.curves(kind)]
    found = {
        "deletion and insertion": f"{enumerated(curves).capitalize()} were followed beside "
        f"{findings.random_orders} random orders and a blob, which know nothing."
        if curves
        else ""
    }
    for change, how in AGAIN.items():
        asked = [title for title in titles if findings.again(title, change)]
        found[f"the same again with {how}"] = (
            f"{enumerated(asked)} {_was(asked)} asked again with {how}." if asked else ""
        )
    forgot = [title for title in titles if findings.forgotten(title) is not None]
    found["copies of the network that have forgotten what it learnt"] = (
        f"{enumerated(forgot)} {_was(forgot)} held against copies of the network that have "
        "forgotten what it learnt."
        if forgot
        else ""
    )
    return found


def _was(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _small(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
