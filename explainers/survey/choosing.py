"""Which pictures of a survey are looked at closer: the worst, and some drawn at random."""

import hashlib
import heapq
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explainers.survey.pictures import Found, found
from explainers.survey.survey import Survey
from explainers.survey.table import Stored, each_row


def choose(survey: Survey, root: Path, stored: Stored) -> Iterator[tuple[Found, str, bool]]:
    """Each picture to look at closer, why (``random`` or ``worst``), and whether it has been.

    A random sample is the pictures whose names, stirred with the seed, come first: it stays what it
    is when the survey is run again. The worst, of those that are left, are the ones on which the
    methods agree least; of one method alone, those that the network is least sure of.
    """
    order = "agreement" if len(survey.methods) > 1 else "margin"
    wanted = ["path", "label", "error", "chosen", order]

    def good() -> Iterator[dict[str, Any]]:
        return (row for row in each_row(stored.files, wanted) if not row["error"])

    def stirred(row: dict[str, Any]) -> bytes:
        return hashlib.blake2b(f"{survey.seed} {row['path']}".encode()).digest()

    def rank(row: dict[str, Any]) -> float:
        return math.inf if row[order] is None else float(row[order])

    drawn = heapq.nsmallest(survey.sample, good(), key=stirred)
    names = {row["path"] for row in drawn}
    others = (row for row in good() if row["path"] not in names)
    worst = heapq.nsmallest(survey.worst, others, key=rank)
    for rows, why in ((drawn, "random"), (worst, "worst")):
        for row in rows:
            yield found(root, row["path"], row["label"]), why, row["chosen"] == why
