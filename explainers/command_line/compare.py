"""``triptych compare``: how far several methods agree on pictures."""

from typing import Any

import click

from explainers.command_line.asking import Asked, options
from explainers.command_line.looking import Seen, Telling, look
from explainers.metrics.agreement import SHARES, agreements
from explainers.report.side_by_side import SideBySide
from explainers.words import rounded


@click.command(
    "compare",
    epilog="""\b
    Examples:
      triptych compare cat.jpg
      triptych compare cat.jpg --method grad-cam --method score-cam --method rise:masks=2000
      triptych compare *.jpg --out maps        and a picture of the maps side by side
      triptych compare *.jpg --json | jq .agreement

    Agreement is not correctness. Maps agree already by being hot in the middle, where most pictures
    have their subject: so each is set beside a blob in the middle, which knows nothing.
    """,
)
@options
def command(**asked: Any) -> int:
    """Say how far several methods agree on where the network looked.

    A PICTURE is a file, or the name of one that comes along: cat, coffee, rocket, motorcycle or
    astronaut.
    """
    return look(Asked(**asked), _said)


def _said(seen: Seen) -> Telling:
    found = agreements([each for each in seen.explanations if not each.blank_reason])
    pairs = [" and ".join(each.names) for each in found]
    widest = max(map(len, pairs), default=0)
    return Telling(
        (
            *seen.lines(),
            f"  How far they agree: rank correlation, and overlap of the hottest {SHARES[0]:.0%}:",
            *(
                f"  {pair:{widest}}  {rounded(each.correlation):>5}  {each.overlap[0]:.2f}"
                for pair, each in zip(pairs, found, strict=True)
            ),
        ),
        lambda: seen.files() | {"maps.png": SideBySide(seen.explanations, seen.shown).png()},
    )
