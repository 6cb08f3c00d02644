"""``triptych check-up``: what a model is, and whether it is fed right."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from explainers.classifiers.check_up import CheckUp, Fed, check_up
from explainers.classifiers.errors import ModelError, NoAnswerError
from explainers.command_line.asking import LABELS, SCALING
from explainers.command_line.naming import Model, classifier_named, only_for_files, picture_named
from explainers.command_line.telling import tell
from explainers.images.decoding import ImageError
from explainers.images.samples import SAMPLES
from explainers.report.model import facts_of, given_in_words, judged
from explainers.report.telling import Marks
from explainers.words import legible, number, percent

HEADER = ("Pixels scaled to", "Answer", "The network is given", "Surprise")
PLAIN = Marks(name=legible, strong=str, emphasis=str, link=lambda text, _: text)
"""Nothing is marked up on a terminal."""


@click.command(
    "check-up",
    epilog="""\b
    Examples:
      triptych check-up efficientnet-lite0
      triptych check-up pets.keras --labels pets.txt --picture my_dog.jpg
      triptych check-up pets.keras --json | jq .likeliest
    """,
)
@click.argument("model", type=Model())
@LABELS
@SCALING
@click.option(
    "--picture",
    default=next(iter(SAMPLES)),
    show_default=True,
    help="What it is asked, under each scaling.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as an object.")
def command(model: str, labels: Path | None, scaling: str, picture: str, as_json: bool) -> None:
    """Say what a MODEL is, and whether it is fed right.

    MODEL is a Keras file (.keras, .h5, a zip of Teachable Machine) or a network that Triptych
    knows. Nothing in a file is run. A wrong scaling shows at once: the answers differ, and the
    network is surprised.
    """
    only_for_files(model, labels, scaling)
    classifier = classifier_named(model, labels, scaling)
    try:
        found = check_up(classifier, classifier.prepare(picture_named(picture)))
    except (ImageError, ModelError, NoAnswerError) as reason:
        raise click.ClickException(str(reason)) from reason
    finally:
        tell()
    if as_json:
        print(json.dumps({"title": classifier.title, "labels": classifier.labels} | _told(found)))
    else:
        print(legible(classifier.title), *_lines(found), sep="\n")


def _told(found: CheckUp) -> dict[str, Any]:
    """All of it in JSON's types; scalings by their names."""
    return {
        "kind": found.kind,
        "head": found.head,
        "input": found.input,
        "rescaling": found.rescaling,
        "parameters": found.parameters,
        "layers": len(found.layers),
        "feedings": [
            {
                "scaling": fed.scaling.name,
                "answer": None if fed.answer is None else dataclasses.asdict(fed.answer),
                "given": fed.given,
                "surprise": fed.surprise,
                "usual": fed.usual,
            }
            for fed in found.feedings
        ],
        "fed": found.fed.scaling.name,
        "fits": judged(found, PLAIN)[0],
        "likeliest": None if found.likeliest is None else found.likeliest.scaling.name,
    }


def _lines(found: CheckUp) -> list[str]:
    """The same in words: what it is, whether it is fed right, and each scaling in a row."""
    facts = facts_of(found)
    widest = max(map(len, facts))
    table = [HEADER, *(_row(fed) for fed in found.feedings)]
    marks = ["  ", *("* " if fed == found.fed else "  " for fed in found.feedings)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        *(f"  {name:{widest}}  {legible(fact)}" for name, fact in facts.items()),
        f"  {judged(found, PLAIN, ' with --scaling')[1]}",
        *(
            f"{mark}{'  '.join(map(str.ljust, row, widths))}".rstrip()
            for mark, row in zip(marks, table, strict=True)
        ),
        "* in use. Surprise: how unlike its training such pixels are to the network; lower is more "
        "alike.",
    ]


def _row(fed: Fed) -> tuple[str, ...]:
    answer = "no number"
    if fed.answer is not None:
        answer = f"{legible(fed.answer.label)} {percent(fed.answer.probability)}"
    surprise = "unknown" if fed.surprise is None else number(fed.surprise)
    return fed.scaling.name, answer, given_in_words(fed), surprise
