"""Names as Markdown and charts show them; numbers are those of `explainers.words`."""

import html
import re

from explainers import Prediction
from explainers.report.telling import Marks
from explainers.words import legible, percent

LONGEST_TITLE = 60

TAKEN = re.compile(
    r"""
    (?P<apart> ^\d+(?=[.)]) | :(?=[\w+-]*[:/]) | @ | (?<=www)\. | (?<=[-<>~])[-=>] )
    | (?P<space> ^[ ] | [ ]$ | [^\S ] )
    | ^[-+=] | [\\`*\[\]<>$~&#{}|:] | (?<![^\W_])_ | _(?![^\W_])
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What Markdown would take for its own; apart, what would be taken without the backslash too."""


def escaped(text: str) -> str:
    """A name that somebody gave, as Markdown that shows it letter by letter.

    A backslash keeps Markdown from taking a character for its own. Streamlit looks for addresses,
    icons, emoji and arrows when the backslashes are gone, but only in what stands together: a
    coloured part without a colour, which looks like any other text, keeps them apart.
    """
    return TAKEN.sub(_shown, legible(text))


def charted(text: str) -> str:
    """The same for charts: Plotly knows some tags of HTML, and fills in what stands in %{...}."""
    return html.escape(legible(text), quote=False).replace("{", "&#123;")


def title_of(file: str, otherwise: str) -> str:
    """What a file is called on screen: its name without the ending, on one line."""
    return " ".join(legible(file.rsplit(".", 1)[0]).split())[:LONGEST_TITLE] or otherwise


def ranked(prediction: Prediction, count: int) -> str:
    """The most probable classes in a row: ``espresso 90.1%, cup 3.5%``."""
    return ", ".join(
        f"{legible(answer.label)} {percent(answer.probability)}" for answer in prediction.top(count)
    )


def _shown(taken: re.Match[str]) -> str:
    if taken["apart"]:
        return f":color[{taken[0]}]"
    return f"&#{ord(taken[0])};" if taken["space"] else f"\\{taken[0]}"


MARKDOWN = Marks(
    name=escaped,
    strong=lambda text: f"**{text}**",
    emphasis=lambda text: f"*{text}*",
    link=lambda text, anchor: f"[{text}](#{anchor})",
)
"""How a text of a report is marked up on a page."""
