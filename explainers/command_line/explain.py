"""``triptych explain``: where the network looked in pictures."""

from typing import Any

import click

from explainers.command_line.asking import Asked, options
from explainers.command_line.looking import Seen, Telling, look


@click.command(
    "explain",
    epilog="""\b
    Examples:
      triptych explain cat.jpg
      triptych explain cat.jpg --class "tiger cat" --rather-than tabby
      triptych explain *.jpg --method grad-cam --out maps
      triptych explain cat.jpg --method lime:samples=500,fill=blur
      triptych explain cat.jpg --method lime:segmentation=slic,segmentation.n_segments=80
      triptych explain cat.jpg --json > cat.json      what 'triptych replay' runs again
      triptych explain pet.jpg --model pets.keras --labels pets.txt

    The status is 0 if all was done, 1 if a picture could not be explained (why is said in a
    sentence), and 2 if the command could not be understood.
    """,
)
@options
def command(**asked: Any) -> int:
    """Say what the network answers to pictures, and where it looked for it.

    A PICTURE is a file, or the name of one that comes along: cat, coffee, rocket, motorcycle or
    astronaut. Rows and columns are those of the 14 × 14 matrix, from 0 at the top left.
    """
    return look(Asked(**asked), _said)


def _said(seen: Seen) -> Telling:
    return Telling(tuple(seen.lines()), seen.files)
