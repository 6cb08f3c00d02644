"""What is asked of each picture: what ``explain``, ``compare`` and ``report`` are told."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from explainers.classifiers.prediction import Prediction, Target
from explainers.classifiers.scaling import NAMED
from explainers.command_line.naming import AUTO, Method, Model, class_named
from explainers.explanation import Explainer
from explainers.methods import METHODS, TRIPTYCH
from explainers.models import zoo


@dataclass(frozen=True)
class Asked:
    """What is asked of each picture, as the options say it; see `OPTIONS`."""

    pictures: tuple[str, ...]
    of: str | None
    rather_than: str | None
    methods: tuple[Explainer, ...]
    model: str
    labels: Path | None
    scaling: str
    square: bool
    out: Path | None
    as_json: bool

    def __post_init__(self) -> None:
        kinds = [method.name for method in self.methods]
        twice = [name for name in kinds if kinds.count(name) > 1]
        if twice:
            raise click.UsageError(f"{twice[0]} is asked for twice: name one of each kind.")

    def target(self, prediction: Prediction) -> Target:
        """What is explained: the class that was named, or else the most probable.

        Raises
        ------
        click.UsageError
            If there is no class of that name, or it is set against itself.
        """
        labels = prediction.labels
        index = prediction.top(1)[0].index if self.of is None else class_named(self.of, labels)
        other = None if self.rather_than is None else class_named(self.rather_than, labels)
        try:
            return Target(index, other)
        except ValueError as reason:
            raise click.UsageError(str(reason)) from reason


def file(name: str, help: str) -> Callable:
    """An option that names a file that there is."""
    there = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(name, type=there, metavar="FILE", help=help)


LABELS = file("--labels", "The names of the classes of a model file.")
SCALING = click.option(
    "--scaling",
    type=click.Choice([AUTO, *NAMED]),
    default=AUTO,
    show_default=True,
    help="What pixels are scaled to for a model file.",
)
OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="A folder to write files to: it is made if need be.",
)
PICTURES = click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...")
OPTIONS = (
    click.option(
        "--class", "of", metavar="NAME", help="The class to explain, instead of the most probable."
    ),
    click.option("--rather-than", metavar="NAME", help="The class that it is set against."),
    click.option(
        "--method",
        "methods",
        type=Method(),
        multiple=True,
        default=[method.name for method in TRIPTYCH],
        show_default=True,
        metavar="NAME[:SETTING=VALUE,...]",
        help="A method, with settings if you like, and settings of a setting after a dot "
        "(lime:segmentation=slic,segmentation.n_segments=80); give it once for each. There are "
        f"{', '.join(method.name for method in METHODS)}.",
    ),
    click.option(
        "--model",
        type=Model(),
        default=next(iter(zoo.CLASSIFIERS)),
        show_default=True,
        metavar="FILE|NAME",
        help="A Keras model, or a network that Triptych knows.",
    ),
    LABELS,
    SCALING,
    click.option("--square", is_flag=True, help="Show the network only the middle square."),
    OUT,
    click.option(
        "--json", "as_json", is_flag=True, help="A record of each picture, one a line, for replay."
    ),
)


def options(
    command: Callable[..., Any], pictures: Callable[..., Any] = PICTURES
) -> Callable[..., Any]:
    """Give a command all of them, as the fields of `Asked`."""
    for option in reversed((pictures, *OPTIONS)):
        command = option(command)
    return command
