"""Numbers and names as a person reads them."""

import math
import re

from explainers import Explanation, Prediction, Target


def percent(probability: float) -> str:
    """A probability: ``77.1%``; ``3.9e-07`` and ``99.998%`` where one digit would say too much."""
    if probability < 0.001:
        return f"{probability:.1e}"
    rest = 1 - probability
    decimals = 1 if rest >= 0.0005 or rest <= 0 else math.ceil(-math.log10(rest)) - 2
    return f"{probability:.{max(1, decimals)}%}"


def change(difference: float) -> str:
    """How a probability changed, in percentage points: ``−89.8``."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def escaped(text: str) -> str:
    """A name that somebody gave, with nothing in it that Markdown would take for its own."""
    return re.sub(r"([\\`*\[\]<>$~:]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def rounded(value: float) -> str:
    """A correlation: two digits, with a real minus."""
    return f"{value:.2f}".replace("-", "−")


def in_words(prediction: Prediction, target: Target) -> str:
    """A target: a class, or one rather than another."""
    label = prediction[target.index].label
    if target.rather_than is None:
        return label
    return f"{label} rather than {prediction[target.rather_than].label}"


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
