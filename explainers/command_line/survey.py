"""``triptych survey``: every picture of a folder, in a table."""

import math
import sys
from pathlib import Path
from typing import Any

import click

from explainers.classifiers.errors import ModelError
from explainers.command_line import INTERRUPTED
from explainers.command_line.asking import SCALING
from explainers.command_line.naming import Methods, only_for_files
from explainers.command_line.telling import tell
from explainers.models import zoo
from explainers.survey.pictures import BY_FOLDER, Collection
from explainers.survey.running import Progress, run
from explainers.survey.survey import Survey, SurveyError


@click.command(
    "survey",
    epilog="""\b
    Examples:
      triptych survey photos --out run
      triptych survey photos --out run --labels folders --sample 200
      triptych survey photos --out run --methods grad-cam,saliency:samples=16 --closer ""
      triptych survey photos --out run --closer lime:segmentation=slic:segmentation.sigma=2
      triptych survey photos --out run --model pets.keras --names pets.txt
    """,
)
@click.argument("pictures", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Where it lies."
)
@click.option(
    "--labels",
    help="A CSV of path and label, which then says which pictures; or "
    f"{BY_FOLDER!r}: the folder that a picture lies in is its label.",
)
@click.option(
    "--model",
    "--classifier",
    "classifier",
    default=Survey.classifier,
    show_default=True,
    help=f"A model file, or one of {', '.join(zoo.CLASSIFIERS)}.",
)
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    help="A file with the names of the classes of a model file.",
)
@SCALING
@click.option(
    "--methods",
    type=Methods(),
    default=Survey.methods,
    show_default="grad-cam,saliency",
    help="Which look at every picture, with their settings if you like: "
    "grad-cam,saliency:samples=16.",
)
@click.option(
    "--closer",
    type=Methods(),
    default=Survey.closer,
    show_default="lime",
    help="Which look at the worst and at a random sample besides.",
)
@click.option(
    "--worst",
    default=Survey.worst,
    show_default=True,
    help="How many of those that the methods agree on least are looked at closer.",
)
@click.option(
    "--sample",
    default=Survey.sample,
    show_default=True,
    help="How many drawn at random are looked at closer.",
)
@click.option("--square", is_flag=True, help="Show only the middle square.")
@click.option("--seed", default=Survey.seed, show_default=True, help="Of the sample.")
@click.option("--workers", type=int, help="Processes on this machine; one a core.")
@click.option("--scheduler", help="A Dask scheduler's address: tcp://host:8786.")
def command(
    pictures: Path,
    out: Path,
    labels: str | None,
    scheduler: str | None,
    workers: int | None,
    **asked: Any,
) -> int:
    """Look at every picture of a FOLDER, at any depth, and write a table.

    It tells the price first; it can be stopped at any moment, and goes on when it is asked for
    again.
    """
    only_for_files(asked["classifier"], asked["names"], asked["scaling"])
    if asked["classifier"] not in zoo.CLASSIFIERS:
        asked["classifier"] = _whole(asked["classifier"])
    asked["names"] = None if asked["names"] is None else _whole(asked["names"])
    known = labels if labels in (None, BY_FOLDER) else Path(_whole(labels))
    failed: dict[str, int] = {}
    try:
        collection = Collection(pictures, known)
        for progress in run(Survey(**asked), collection, out, scheduler=scheduler, workers=workers):
            failed[progress.state] = progress.failed
            _tell(progress)
    except (SurveyError, ModelError) as reason:
        tell()
        raise click.ClickException(str(reason)) from reason
    except KeyboardInterrupt:
        tell()
        print("Stopped. What is done is kept: the same command goes on.", file=sys.stderr)
        return INTERRUPTED
    tell()
    if collection.left_out:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in collection.left_out.most_common(5))
        print(f"Left out, being no pictures by their names: {kinds}.")
    print(f"{failed.get('looking', 0):,} could not be looked at; the table says why.")
    print(f"The table is {out / 'survey.parquet'}.")
    return 0


def _whole(path: str | Path) -> str:
    return str(Path(path).resolve())


def _tell(progress: Progress) -> None:
    """What is said stays; what is counted is put into the line that changes."""
    if progress.message:
        tell()
        print(progress.message, flush=True)
    elif progress.state in ("looking", "closer"):
        left = "" if progress.left is None else f", {math.ceil(progress.left):,} s left"
        failed = f", {progress.failed:,} failed" if progress.failed else ""
        tell(
            f"{progress.state}: {progress.done:,} of {progress.total:,}, "
            f"{progress.rate:.1f} a second{left}{failed}"
        )
