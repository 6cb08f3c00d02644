"""The first page of a folder of reports: each with its picture, its answer, and a link to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Self
from urllib.parse import quote

from explainers.classifiers.prediction import Answer
from explainers.metrics.agreement import BLOB, Agreement
from explainers.report.page import Case, address_of, smaller, template

LONGEST = 280
"""Pixels of a picture's longer side."""


@dataclass(frozen=True)
class Entry:
    """A report in the folder.

    Parameters
    ----------
    file : str
        Its name in the folder.
    title : str
        What its picture is called.
    answer, explained : Answer
        The most probable class, and the one that is explained.
    least : Agreement or None
        The two maps that agree least, by their rank correlation; None of fewer than two.
    picture : str
        The picture, small, as an address that holds it.
    remark : str
        What else is to be said of it, in a sentence.
    """

    file: str
    title: str
    answer: Answer
    explained: Answer
    least: Agreement | None
    picture: str
    remark: str = ""

    @classmethod
    def of(cls, case: Case, file: str, remark: str = "") -> Self:
        """What a first page tells of a report that was written to a file."""
        told = case.told
        pairs = [pair for pair in told.agreements if BLOB not in pair.names]
        return cls(
            PurePath(file).name,
            case.record.picture.title,
            told.prediction.top(1)[0],
            told.prediction[told.index],
            min(pairs, key=lambda pair: pair.correlation, default=None),
            address_of(smaller(case.image, LONGEST)),
            remark,
        )

    @property
    def link(self) -> str:
        """Where it is from its own folder, whatever its name."""
        return f"./{quote(self.file, safe='')}"


def index(
    entries: Sequence[Entry], about: Sequence[str] = (), missing: Sequence[tuple[str, str]] = ()
) -> str:
    """The first page as HTML, for a file of UTF-8 beside the reports.

    Parameters
    ----------
    entries : sequence of Entry
        They stand as they come.
    about : sequence of str
        What pictures these are, in sentences.
    missing : sequence of (str, str)
        Pictures that should be among them and are not, each with the reason in a sentence.
    """
    return template("index.html").render(entries=entries, about=about, missing=missing)
