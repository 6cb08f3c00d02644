"""``triptych replay``: does a record still say what it said?"""

from pathlib import Path

import click

from explainers.command_line.asking import LABELS, file
from explainers.command_line.telling import on_terminal, tell
from explainers.models.hushing import hushed
from explainers.report.page import record_from
from explainers.report.plain import RecordError
from explainers.report.replay import replay as run_again
from explainers.words import duration


@click.command(
    "replay",
    epilog="""\b
    Examples:
      triptych explain cat --json > cat.json
      triptych replay cat.json
      triptych replay pet.json --picture pet.jpg --model pets.keras --labels pets.txt
      triptych replay cat-report.html

    The status is 0 if it says the same, 1 if anything has moved, and 2 if nothing that could be run
    has moved but not all could be run, or the command could not be understood.
    """,
)
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@file("--picture", "The picture, if it lies neither inside the record nor in the gallery.")
@file("--model", "The model, if it is one of your own.")
@LABELS
@click.option("--json", "as_json", is_flag=True, help="What was found as an object.")
def command(
    record: Path, picture: Path | None, model: Path | None, labels: Path | None, as_json: bool
) -> int:
    """Run a RECORD again, or the one inside a report, and say what has moved.

    A changed environment is told apart from a changed result. Nothing in a record is run or opened
    by what it says but what comes with Triptych.
    """
    try:
        read = record_from(record)
    except RecordError as reason:
        raise Unusable(str(reason)) from reason
    tell("Waking TensorFlow …")
    with hushed():
        outcome = run_again(
            read, picture, model, names=labels, tell=lambda what: tell(f"{what} …"),
            price=_price if on_terminal() else None,
        )  # fmt: skip
    tell()
    print(outcome.json if as_json else outcome)
    return outcome.status


def _price(passes: int, seconds: float) -> None:
    """Say what it costs, before it is done."""
    tell(f"About {passes:,} passes, {duration(seconds)} at the pace that was measured here.\n")


class Unusable(click.ClickException):
    """A record that cannot be read, and so cannot be run."""

    exit_code = 2
