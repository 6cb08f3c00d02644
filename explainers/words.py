"""Numbers and names as a person reads them: on the screen, on paper, on a terminal."""

import math
import re
from collections.abc import Iterable

from explainers.classifiers.labels import UNPRINTABLE, UNSEEN
from explainers.classifiers.prediction import Prediction, Target
from explainers.explanation import Explanation

LEAST = 1e-6
ROWS_AND_COLUMNS = "Rows and columns are those of the 14 × 14 matrix, from 0 at the top left."


def percent(probability: float) -> str:
    """A probability: ``77.1%``; ``0.017%`` and ``99.998%`` where one digit would say too much.

    Nobody reads more zeros than those of ``under 0.0001%`` and nines than ``over 99.9999%``. What
    a linear model takes for a probability may leave 0..1, and the difference of two too:
    ``−26.2%``, ``−0.0040%``.
    """
    rest = 1 - probability
    if 0 <= probability < LEAST:
        return "under 0.0001%"
    if -LEAST < probability < 0:
        return "over −0.0001%"
    if 0 <= rest < LEAST:
        return "over 99.9999%"
    if 0 < abs(probability) < 0.01:
        return f"{100 * probability:#.2g}%".replace("-", "−")
    decimals = 1 if rest >= 0.001 or rest < 0 else math.ceil(-math.log10(rest)) - 2
    return f"{probability:.{max(1, decimals)}%}".replace("-", "−")


def change(difference: float) -> str:
    """How a probability changed, in percentage points: ``−89.8``."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def legible(text: str) -> str:
    """A name without what cannot be seen, and � for what cannot be printed."""
    return UNPRINTABLE.sub("�", UNSEEN.sub("", text))


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


def number(value: float) -> str:
    """A raw value, three digits."""
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e")


def short(value: float) -> str:
    """A number of a matrix in the fewest characters: ``.95``, ``-.05``, ``0``, ``4.2``, ``22``."""
    if abs(value) >= 9.95:
        return f"{value:.0f}"
    text = f"{value:.2f}" if abs(value) < 0.995 else f"{value:.1f}"
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    if not float(digits):
        return "0"
    return sign + (digits.removesuffix("0") if digits.endswith(".0") else digits.removeprefix("0"))


def power_of_ten(exponent: int) -> str:
    """``× 10⁻⁵``."""
    return "× 10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def seconds(value: float) -> str:
    """A time: ``12 ms`` or ``4.1 s``."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def duration(seconds: float) -> str:
    """A time as one waits for it: ``40 s``, ``7 min``, ``3.5 h``."""
    for limit, length, unit in ((90, 1, "s"), (5400, 60, "min"), (math.inf, 3600, "h")):
        if seconds < limit:
            return f"{seconds / length:.{int(unit == 'h')}f} {unit}"
    raise ValueError(f"{seconds} is no time.")


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


def slug(text: str) -> str:
    """A piece of a file name, made of small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60] or "picture"
