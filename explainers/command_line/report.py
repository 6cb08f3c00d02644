"""``triptych report``: one file of each picture, to mail."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from explainers.classifiers.check_up import check_up
from explainers.command_line import surveyed
from explainers.command_line.asking import Asked, options
from explainers.command_line.looking import Seen, Telling, look, write
from explainers.command_line.telling import tell
from explainers.images.regions import cells
from explainers.metrics.faithfulness import curves, strengths_of
from explainers.metrics.scoreboard import Findings
from explainers.metrics.stability import Change, Repeats, ask_again
from explainers.report.index import Entry, index
from explainers.report.page import Case, case_of
from explainers.report.page import report as written
from explainers.report.recording import what_tests_found
from explainers.words import legible

NAME, INDEX = "report.html", "index.html"


@click.command(
    "report",
    epilog="""\b
    Examples:
      triptych report cat.jpg
      triptych report cat.jpg --class "tiger cat" --test
      triptych report *.jpg --method grad-cam --out reports
      triptych report pet.jpg --model pets.keras --labels pets.txt
      triptych report --survey run --out reports
      triptych report --survey run --pick wrong --shows moped --count 50 --out reports

    Of a survey, each picture is explained for the class that was explained there, by the same
    network and methods, unless --method names others; index.html says which pictures these are, and
    which have changed since or are gone.

    'triptych replay' runs the record inside a report again.
    """,
)
@partial(options, pictures=click.argument("pictures", nargs=-1, metavar="[PICTURE]..."))
@surveyed.options
@click.option(
    "--test",
    is_flag=True,
    help="Test how far to believe the maps: deletion and insertion beside 19 random orders, and "
    "each asked again with a little noise on the picture. It takes minutes.",
)
@click.option("--purpose", default="", metavar="TEXT", help="What it is made for; it says so.")
def command(
    survey: Path | None,
    pick: str,
    count: int,
    called: str | None,
    shows: str | None,
    find: str,
    test: bool,
    purpose: str,
    **asked: Any,
) -> int:
    """Write a report of each picture: one HTML file that opens anywhere and loads nothing.

    It holds the answer, the maps with their scales and matrices, what they say in words, the
    check-up of the model, and the record, with the picture. They are written here unless --out
    names a folder, in which index.html is the first page of several.
    """
    folder: Path | None = asked["out"]
    given = _given()
    if survey is not None:
        if strange := [name for name in given if name not in surveyed.TOGETHER]:
            raise click.UsageError(f"{_called(strange[0])} is for --survey to say: leave it out.")
        methods = asked["methods"] if "methods" in given else None
        model = Path(asked["model"]) if "model" in given else None
        question = replace(surveyed.PICKS[pick], answer=called, label=shows, text=find)
        return surveyed.write_reports(survey, question, count, folder or Path(), methods, model)
    if strange := [name for name in given if name in surveyed.FILTERS]:
        raise click.UsageError(f"{_called(strange[0])} is of a survey: name it with --survey.")
    if not asked["pictures"]:
        raise click.UsageError("Missing argument 'PICTURE...', or a survey with --survey.")
    entries: list[Entry] = []
    told = Asked(**asked | {"out": folder or Path()})
    status = look(told, lambda seen: _telling(seen, entries, test=test, purpose=purpose))
    if folder is not None and len(entries) > 1:
        write(folder, {INDEX: index(entries).encode()})
    return status


def _given() -> list[str]:
    """The parameters that were named, and not left to what they usually are."""
    context = click.get_current_context()
    return [
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]


def _called(name: str) -> str:
    """A parameter as it is written."""
    command = click.get_current_context().command
    (parameter,) = (each for each in command.params if each.name == name)
    return parameter.opts[0] if isinstance(parameter, click.Option) else "PICTURE"


def _telling(seen: Seen, entries: list[Entry], *, test: bool, purpose: str) -> Telling:
    """Where its report is; once that is written, the first page of all reports has an entry."""
    assert seen.asked.out is not None
    name = f"{seen.stem}-{NAME}"

    def files() -> dict[str, bytes]:
        case = _case(seen, test=test, purpose=purpose)
        entries.append(Entry.of(case, name))
        return {NAME: written(case).encode()}

    answer, *_ = seen.lines()
    return Telling((answer, legible(f"  {seen.asked.out / name}")), files)


def _case(seen: Seen, *, test: bool, purpose: str) -> Case:
    findings = _tested(seen) if test else Findings()
    tell(f"{legible(seen.name)}: check-up …")
    found = check_up(seen.classifier, seen.pixels)
    record = seen.record(
        inside=True, tests=what_tests_found(findings), check_up=found, purpose=purpose
    )
    tell(f"{legible(seen.name)}: in words …")
    return case_of(
        record, seen.classifier, seen.image, seen.explanations, findings, found,
        prediction=seen.prediction,
    )  # fmt: skip


def _tested(seen: Seen) -> Findings:
    """What deletion and insertion, and noise on the picture, say of the maps."""
    usable = [each for each in seen.explanations if not each.blank_reason]
    segments = cells(seen.classifier.size)
    strengths = {each.explainer.title: strengths_of(each, segments) for each in usable}
    for tested in curves(seen.classifier, seen.pixels, seen.target, strengths, segments):
        tell(f"{legible(seen.name)}: deletion, insertion {tested.done:,} of {tested.total:,}")
    repeats: dict[tuple[str, Change], Repeats] = {}
    for each in usable:
        for again in ask_again(each, seen.classifier, seen.pixels, "noise"):
            tell(
                f"{legible(seen.name)}: {each.explainer.title} again {again.done} of {again.total}"
            )
        repeats[each.explainer.title, "noise"] = again
    return Findings(tested, repeats)
