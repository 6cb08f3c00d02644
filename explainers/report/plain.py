"""Frozen dataclasses to sorted JSON and back; what comes back is believed in nothing.

The annotations of a dataclass are its format: each field's type, and its bounds by ``Annotated``.
Nothing else is read, nothing may be left out, and what does not fit is told in one sentence.
"""

import dataclasses
import json
import math
import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

LARGEST = 2**53
"""No whole number is larger: beyond, JSON's readers disagree."""
LONGEST, MOST = 2000, 1000
"""Letters of a text, and entries of a list, where nothing else is said."""
VALUES = 500_000
"""More values than any record has."""
SHOWN = 40
"""Letters of a value that are told."""

UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What could end a line, turn it around or speak to a terminal: texts of a record are one line."""

Kind = TypeVar("Kind")


class RecordError(ValueError):
    """A record that cannot be read, made or run; the text is one sentence that says why."""


@dataclass(frozen=True)
class Within:
    """Bounds of a number, or of how long a text or a list is."""

    low: float
    high: float

    def objection(self, value: Any) -> str | None:
        sized = isinstance(value, str | tuple | dict)
        if self.low <= (len(value) if sized else value) <= self.high:
            return None
        what = "have a length of" if sized else "lie in"
        return f"must {what} {self.low:,g} to {self.high:,g}"


@dataclass(frozen=True)
class Like:
    """What a text looks like."""

    pattern: str
    said: str

    def objection(self, value: str) -> str | None:
        return None if re.fullmatch(self.pattern, value, re.ASCII) else f"must be {self.said}"


def written(value: Any, fixed: dict[str, Any]) -> str:
    """A dataclass and some fixed entries as JSON: sorted, a line for each value or flat list.

    Raises
    ------
    RecordError
        If a number in it is not finite.
    """
    try:
        return f"{_text(_plain(value) | fixed, '')}\n"
    except ValueError as error:
        raise RecordError("A record holds finite numbers, and not all of these are.") from error


def one_line(text: str, longest: int) -> str:
    """A text as a record may hold it: on one line, cut where it is too long."""
    return " ".join(UNFIT.sub(" ", text).split())[:longest]


def read(kind: type[Kind], text: str, fixed: dict[str, Any]) -> Kind:
    """A dataclass of a kind from a JSON object that holds some fixed entries besides.

    Raises
    ------
    RecordError
        If it is anything else; the text says what, and where.
    """
    if sum(text.count(mark) for mark in ",[{") > VALUES:
        raise RecordError(f"The record holds more than {VALUES:,} values, and no record does.")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordError("The record is no JSON that can be read, or it was cut short.") from error
    if not isinstance(found, dict):
        raise RecordError("The record is JSON, but not of a record.")
    for name, value in fixed.items():
        told = found.pop(name, None)
        if type(told) is not type(value) or told != value:
            raise RecordError(
                f"The record says that its {name} is {_shown(told)}, and {_shown(value)} is all "
                "that can be read here."
            )
    return _read(kind, found, "")


def _plain(value: Any) -> Any:
    """The same in JSON's types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _text(value: Any, indent: str) -> str:
    further = f"{indent}  "
    if isinstance(value, dict) and value:
        lines = [f"{_text(key, '')}: {_text(value[key], further)}" for key in sorted(value)]
        return "{\n" + ",\n".join(further + line for line in lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(each, list | dict) for each in value):
        lines = [further + _text(each, further) for each in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RecordError(f"The record says {_shown(name)} twice in one place.")
        found[name] = value
    return found


def _no_number(name: str) -> Any:
    raise RecordError(f"The record holds {name} where a number should be.")


def _shown(value: Any) -> str:
    """A value in few letters, however large it is or deep."""
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value):,}"
    text = repr(value[:SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _refuse(at: str, value: Any, must: str) -> RecordError:
    return RecordError(f"{_place(at)} {must}, and {_shown(value)} is not that.")


def _place(at: str) -> str:
    return f"The record's {at}" if at else "The record"


def _read(kind: Any, value: Any, at: str, longest: float | None = None) -> Any:
    """A value of a kind, checked; ``at`` says where it stands, and it is no longer than allowed."""
    if kind is int or kind is float:
        return _read_number(kind, value, at)
    if kind is str:
        return _read_text(value, at, LONGEST if longest is None else longest)
    if kind is bool:
        if not isinstance(value, bool):
            raise _refuse(at, value, "must be true or false")
        return value
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, at)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _read_bounded(arguments[0], arguments[1:], value, at)
    if origin is tuple:
        return _read_tuple(arguments, value, at, MOST if longest is None else longest)
    if origin is dict:
        return _read_dict(arguments[1], value, at)
    if origin is Literal:
        if isinstance(value, str) and value in arguments:
            return value
        raise _refuse(at, value, f"must be one of {', '.join(map(repr, arguments))}")
    assert origin in (Union, types.UnionType), f"No format has a {kind}."
    return _read_one_of(arguments, value, at)


def _read_bounded(kind: Any, bounds: Sequence[Any], value: Any, at: str) -> Any:
    longest = max((bound.high for bound in bounds if isinstance(bound, Within)), default=None)
    found = _read(kind, value, at, longest)
    for bound in bounds:
        if must := bound.objection(found):
            raise _refuse(at, value, must)
    return found


def _read_number(kind: type[int] | type[float], value: Any, at: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise _refuse(at, value, f"must be a {'whole ' if kind is int else ''}number")
    if abs(value) > LARGEST if isinstance(value, int) else not math.isfinite(value):
        raise _refuse(at, value, "must be a number that is not too large")
    return kind(value)


def _read_text(value: Any, at: str, longest: float) -> str:
    if not isinstance(value, str) or len(value) > longest or UNFIT.search(value):
        raise _refuse(at, value, f"must be one line of at most {longest:,g} characters")
    return value


def _read_one_of(kinds: tuple[Any, ...], value: Any, at: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return _read(kind, value, at)
        except RecordError:
            continue
    return _read(others[-1], value, at)


def _read_dict(kind: Any, value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MOST:
        raise _refuse(at, value, f"must be an object of at most {MOST:,} entries")
    return {
        _read_text(name, f"{at} name", LONGEST): _read(kind, each, f"{at}.{name[:40]}")
        for name, each in value.items()
    }


def _read_tuple(kinds: tuple[Any, ...], value: Any, at: str, longest: float) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _refuse(at, value, "must be a list")
    if kinds[-1] is Ellipsis:
        if len(value) > longest:
            raise _refuse(at, value, f"must be a list of at most {longest:,g} entries")
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise _refuse(at, value, f"must be a list of {len(kinds)}")
    return tuple(
        _read(kind, each, f"{at}[{number}]")
        for number, (kind, each) in enumerate(zip(kinds, value, strict=True))
    )


def _read_dataclass(kind: Any, value: Any, at: str) -> Any:
    hints = _hints(kind)
    if not isinstance(value, dict):
        raise _refuse(at, value, "must be an object")
    for name in value:
        if name not in hints:
            raise RecordError(f"{_place(at)} holds {_shown(name)}, and none does.")
    for name in hints:
        if name not in value:
            raise RecordError(f"{_place(at)} lacks {name!r}.")
    found = {
        name: _read(hint, value[name], f"{at}.{name}".lstrip(".")) for name, hint in hints.items()
    }
    return kind(**found)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
