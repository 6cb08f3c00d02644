"""What can be done without a screen: ``python -m explainers survey FOLDER --out RUN``."""

import argparse
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from explainers.classifiers.errors import ModelError
from explainers.explanation import Explainer
from explainers.methods import METHODS
from explainers.models import zoo
from explainers.survey.pictures import BY_FOLDER, Collection
from explainers.survey.running import Progress, run
from explainers.survey.survey import Survey, SurveyError

INTERRUPTED = 130
"""What a shell takes for Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; 0 if it was done, 1 if it was not and why was printed."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _survey(asked)
    except (SurveyError, ModelError) as reason:
        print(f"\n{reason}" if sys.stderr.isatty() else reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What is done is kept: the same command goes on.", file=sys.stderr)
        return INTERRUPTED
    return 0


def methods_named(text: str) -> tuple[Explainer, ...]:
    """Methods from ``grad-cam,saliency:samples=16:sigma=0``; nothing from an empty text.

    Raises
    ------
    argparse.ArgumentTypeError
        If there is no such method or setting, or a value is not allowed.
    """
    return tuple(_method(part) for part in text.split(",") if part)


def _method(text: str) -> Explainer:
    name, *settings = text.split(":")
    known = {method.name: method for method in METHODS}
    if name not in known:
        raise argparse.ArgumentTypeError(
            f"there is no method {name!r}; there are {', '.join(known)}"
        )
    method: Explainer = known[name]()
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in method.settings():
            raise argparse.ArgumentTypeError(
                f"{name} has no setting {key!r}; it has {', '.join(method.settings())}"
            )
        try:
            changed: dict[str, Any] = {key: _value(getattr(method, key), value)}
            method = replace(method, **changed)
        except ValueError as reason:
            raise argparse.ArgumentTypeError(f"{setting}: {reason}") from reason
    return method


def _value(now: object, text: str) -> object:
    """A text as what the setting is now."""
    if isinstance(now, bool):
        if text not in ("true", "false"):
            raise ValueError("say true or false")
        return text == "true"
    if isinstance(now, int | float):
        return type(now)(text)
    if isinstance(now, str) or now is None:
        return text
    raise ValueError("this setting cannot be named here; use the library")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m explainers", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    survey = commands.add_parser(
        "survey",
        help="look at every picture of a folder",
        description="Look at every picture of a folder and write a table. It tells the price "
        "first; it can be stopped at any moment, and goes on when it is asked for again.",
    )
    survey.add_argument("pictures", type=Path, metavar="FOLDER", help="pictures, at any depth")
    survey.add_argument("--out", type=Path, required=True, metavar="RUN", help="where it lies")
    survey.add_argument(
        "--labels",
        help=f"a CSV of path and label, which then says which pictures; or {BY_FOLDER!r}: the "
        "folder that a picture lies in is its label",
    )
    survey.add_argument(
        "--classifier",
        default=Survey.classifier,
        help=f"a model file, or one of {', '.join(zoo.CLASSIFIERS)} (%(default)s)",
    )
    survey.add_argument("--names", type=Path, help="a file with the names of a model's classes")
    survey.add_argument("--scaling", default=Survey.scaling, help="of a model file (%(default)s)")
    survey.add_argument(
        "--methods",
        type=methods_named,
        default=Survey.methods,
        help="which look at every picture, with their settings if you like: "
        "grad-cam,saliency:samples=16 (grad-cam,saliency)",
    )
    survey.add_argument(
        "--closer",
        type=methods_named,
        default=Survey.closer,
        help="which look at the worst and at a random sample besides (lime)",
    )
    survey.add_argument("--worst", type=int, default=Survey.worst, help="how many (%(default)s)")
    survey.add_argument("--sample", type=int, default=Survey.sample, help="how many (%(default)s)")
    survey.add_argument("--square", action="store_true", help="show only the middle square")
    survey.add_argument("--seed", type=int, default=Survey.seed, help="of the sample (%(default)s)")
    survey.add_argument("--workers", type=int, help="processes on this machine (one a core)")
    survey.add_argument("--scheduler", help="a Dask scheduler's address: tcp://host:8786")
    return parser


def _survey(asked: argparse.Namespace) -> None:
    def whole(path: str | Path | None) -> str | None:
        return None if path is None else str(Path(path).resolve())

    ready_made = asked.classifier in zoo.CLASSIFIERS
    survey = Survey(
        classifier=asked.classifier if ready_made else str(whole(asked.classifier)),
        names=whole(asked.names),
        scaling=asked.scaling,
        methods=asked.methods,
        closer=asked.closer,
        worst=asked.worst,
        sample=asked.sample,
        square=asked.square,
        seed=asked.seed,
    )
    labels = asked.labels if asked.labels in (None, BY_FOLDER) else Path(asked.labels).resolve()
    pictures = Collection(asked.pictures, labels)
    failed: dict[str, int] = {}
    for progress in run(
        survey, pictures, asked.out, scheduler=asked.scheduler, workers=asked.workers
    ):
        failed[progress.state] = progress.failed
        _tell(progress)
    if pictures.left_out:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in pictures.left_out.most_common(5))
        print(f"Left out, being no pictures by their names: {kinds}.")
    print(f"{failed.get('looking', 0):,} could not be looked at; the table says why.")
    print(f"The table is {asked.out / 'survey.parquet'}.")


def _tell(progress: Progress) -> None:
    """A line that stays for what is said, and one that changes for what is counted."""
    if progress.message:
        print(progress.message, flush=True)
    if progress.state not in ("looking", "closer") or progress.message:
        return
    left = "" if progress.left is None else f", {math.ceil(progress.left):,} s left"
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    print(
        f"{progress.state}: {progress.done:,} of {progress.total:,}, {progress.rate:.1f} a second"
        f"{left}{failed}",
        end="\r" if sys.stdout.isatty() else "\n",
        flush=True,
    )


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
