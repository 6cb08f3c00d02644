"""Settings: dataclass fields that know their label, their bounds and their choices.

A method *is* its settings. What a screen needs to draw a control for one stands beside it, so that
a new method needs no screen of its own.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """What a person is told about a field, and what it may be.

    Parameters
    ----------
    label : str
        Its name, in words.
    help : str
        What it does, in a sentence.
    minimum, maximum, step : float, optional
        Bounds of a number, and the step of its control.
    choices : tuple or callable, optional
        The values allowed, or a function of the classifier that gives them.
    measured : bool
        Whether another value needs the classifier asked anew, or only another reading of what it
        has answered.
    """

    label: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple | Callable[[Any], tuple] | None = None
    measured: bool = True

    def check(self, name: str, value: Any) -> None:
        """Refuse a value out of bounds.

        Raises
        ------
        ValueError
            With the offending value and what is allowed.
        """
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and not low <= value <= high:
            raise ValueError(f"{name} must lie in {low} to {high}, and {value!r} does not.")
        if isinstance(self.choices, tuple):
            kinds = tuple(map(type, self.choices))
            known = value in self.choices if isinstance(value, str) else isinstance(value, kinds)
            if not known:
                raise ValueError(f"{name} must be one of {self.choices}, and {value!r} is not.")


def setting(default: Any, label: str, help: str, **bounds: Any) -> Any:
    """A dataclass field with a `Setting`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(label, help, **bounds)})


class Settings:
    """A base for frozen dataclasses all of whose fields are settings: checked when made."""

    def __post_init__(self) -> None:
        for name, entry in self.settings().items():
            entry.check(name, getattr(self, name))

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """The settings by the names of their fields."""
        return {field.name: field.metadata["setting"] for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
