"""Numbers and names as a person reads them."""

import html
import math
import re
from collections.abc import Iterable

from explainers import Explanation, Prediction, Target
from explainers.classifiers.labels import UNPRINTABLE, UNSEEN

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

LEAST = 1e-6
ROWS_AND_COLUMNS = "Rows and columns are those of the 14 × 14 matrix, from 0 at the top left."


def percent(probability: float) -> str:
    """A probability: ``77.1%``; ``0.017%`` and ``99.998%`` where one digit would say too much.

    Nobody reads more zeros than those of ``under 0.0001%`` and nines than ``over 99.9999%``. What
    a linear model takes for a probability may leave 0..1: ``−26.2%``.
    """
    rest = 1 - probability
    if 0 <= probability < LEAST:
        return "under 0.0001%"
    if 0 <= rest < LEAST:
        return "over 99.9999%"
    if 0 < probability < 0.01:
        return f"{100 * probability:#.2g}%"
    decimals = 1 if rest >= 0.001 or rest < 0 else math.ceil(-math.log10(rest)) - 2
    return f"{probability:.{max(1, decimals)}%}".replace("-", "−")


def change(difference: float) -> str:
    """How a probability changed, in percentage points: ``−89.8``."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def legible(text: str) -> str:
    """A name without what cannot be seen, and � for what cannot be printed."""
    return UNPRINTABLE.sub("�", UNSEEN.sub("", text))


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


def rounded(value: float) -> str:
    """A correlation: two digits, with a real minus."""
    return f"{value:.2f}".replace("-", "−")


def in_words(prediction: Prediction, target: Target) -> str:
    """A target: a class, or one rather than another."""
    label = prediction[target.index].label
    if target.rather_than is None:
        return label
    return f"{label} rather than {prediction[target.rather_than].label}"


def enumerated(names: Iterable[str]) -> str:
    """Some names in a row: ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def ranked(prediction: Prediction, count: int) -> str:
    """The most probable classes in a row: ``espresso 90.1%, cup 3.5%``."""
    return ", ".join(
        f"{legible(answer.label)} {percent(answer.probability)}" for answer in prediction.top(count)
    )


def number(value: float) -> str:
    """A raw value, three digits."""
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")


def power_of_ten(exponent: int) -> str:
    """``× 10⁻⁵``."""
    return "× 10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def seconds(value: float) -> str:
    """A time: ``12 ms`` or ``4.1 s``."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def slug(text: str) -> str:
    """A piece of a file name, made of small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60] or "picture"


def resolution(explanation: Explanation) -> str:
    """At what resolution the map was really measured."""
    if explanation.surrogate is not None:
        count = len(explanation.surrogate.coefficients)
        return f"{count} superpixel{'' if count == 1 else 's'}"
    rows, columns = explanation.heatmap.shape
    return f"{rows} × {columns} {'pixels' if rows > 100 else 'cells'}"


def raw_range(explanation: Explanation) -> str:
    """The smallest and the largest raw value."""
    low, high = float(explanation.heatmap.min()), float(explanation.heatmap.max())
    return f"{number(low)} to {number(high)}"


def _shown(taken: re.Match[str]) -> str:
    if taken["apart"]:
        return f":color[{taken[0]}]"
    return f"&#{ord(taken[0])};" if taken["space"] else f"\\{taken[0]}"
