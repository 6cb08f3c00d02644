"""``triptych report --survey``: reports of a survey's pictures."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explainers.classifiers.errors import ModelError
from explainers.command_line import FAILED
from explainers.command_line.looking import write
from explainers.command_line.naming import classifier_named
from explainers.command_line.telling import tell
from explainers.explanation import Explainer
from explainers.models import zoo
from explainers.models.hushing import hushed
from explainers.report.digests import file_digest
from explainers.survey.questions import ORDERS, Question, page
from explainers.survey.reports import FIRST_PAGE, Step, Written, first_page, network_of, reports
from explainers.survey.survey import SurveyError
from explainers.survey.table import Stored
from explainers.words import legible, percent, slug

if TYPE_CHECKING:
    from explainers.classifiers.classifier import Classifier

PICKS = {slug(name): Question(name) for name in ORDERS} | {
    "worst": Question("margin", chosen="worst"),
    "random": Question("path", chosen="random"),
}
"""The orders of the survey's page, and those that were looked at closer for either reason."""
OPTIONS = (
    click.option(
        "--survey",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="RUN",
        help="Of pictures of a survey, instead of PICTURE...",
    ),
    click.option(
        "--pick",
        type=click.Choice(list(PICKS)),
        default=next(iter(PICKS)),
        show_default=True,
        help="Which of the survey's pictures come first; 'worst' and 'random' are those that it "
        "looked at closer.",
    ),
    click.option(
        "--count", type=click.IntRange(1), default=20, show_default=True, help="How many of these."
    ),
    click.option("--called", metavar="NAME", help="Only those that the network calls this."),
    click.option("--shows", metavar="NAME", help="Only those whose label is this."),
    click.option("--find", metavar="TEXT", default="", help="Only those with this in the path."),
)
FILTERS = ("pick", "count", "called", "shows", "find")
TOGETHER = ("survey", *FILTERS, "methods", "model", "out")
"""What may be said of a survey's pictures; the survey says the rest."""


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of them."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def write_reports(
    run: Path,
    question: Question,
    count: int,
    out: Path,
    methods: Sequence[Explainer] | None,
    model: Path | None,
) -> int:
    """Write the reports of the first pictures that a question finds, and their first page.

    The first page is written whatever happens, of what there is by then.

    Raises
    ------
    click.ClickException
        If it cannot be begun; the text says why.
    """
    try:
        stored = Stored.at(run)
        found = page(stored, question, limit=count)
        if not found.rows:
            raise SurveyError(f"No picture of {stored.folder.name} fits: pick others, or more.")
        classifier = _opened(stored, model)
        file = None if model is None else file_digest(model)
        steps = reports(stored, found.rows, classifier, methods, file=file)
        step = Step(0, len(found.rows), "")
        try:
            for step in steps:
                tell(f"{int(step.done):,} of {step.total:,} done; {legible(step.doing)}")
                if isinstance(step.result, Written):
                    write(out, {step.result.name: step.result.page.encode()})
                    _say(step.result, out)
                elif step.result is not None:
                    tell()
                    print(
                        f"{legible(step.result.path)}: {legible(step.result.why)}", file=sys.stderr
                    )
        finally:
            entries = [each.entry for each in step.written]
            first = first_page(stored, question, found.total, entries, step.missing)
            write(out, {FIRST_PAGE: first.encode()})
    except (SurveyError, ModelError) as reason:
        tell()
        raise click.ClickException(str(reason)) from reason
    tell()
    print(f"{len(entries):,} of the {found.total:,} that fit: {out / FIRST_PAGE}")
    return FAILED if step.missing else 0


def _opened(stored: Stored, model: Path | None) -> "Classifier":
    asked = stored.told["classifier"]
    if asked in zoo.CLASSIFIERS and model is None:
        return classifier_named(asked, None, stored.told["scaling"])
    tell("Waking TensorFlow …")
    with hushed():
        return network_of(stored, model)


def _say(written: Written, out: Path) -> None:
    answer = written.entry.explained
    tell()
    print(f"{legible(written.entry.title)}: {legible(answer.label)} {percent(answer.probability)}")
    print(f"  {out / written.name}", flush=True)
