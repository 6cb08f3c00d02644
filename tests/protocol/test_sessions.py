"""Sessions that are closed, or lost for a moment: what they cost, find again, and leave behind."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.visitor import Visitor, serving

SOON = 20.0


@pytest.fixture
def address() -> Iterator[str]:
    with serving(str(Path(__file__).with_name("kept_page.py"))) as (address, _):
        yield address


class Onlooker(Visitor):
    """Sees what all others have done."""

    def look(self) -> tuple[int, int, str]:
        """How many pieces were worked at, how many sessions have kept something, and the model."""
        self.ask()
        self.settled()
        found = re.search(r"(\d+) pieces, (\d+) sessions, model (\w+)", self.text)
        assert found is not None
        return int(found[1]), int(found[2]), found[3]

    def wait(self, *, sessions: int, model: str) -> None:
        deadline = time.monotonic() + SOON
        while self.look()[1:] != (sessions, model):
            assert time.monotonic() < deadline, self.text
            time.sleep(0.2)


def at_work(visitor: Visitor) -> tuple[int, int]:
    """The piece that it is at, and of all visitors."""
    found = re.search(r"piece (\d+), of all (\d+)", visitor.text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def test_work_ends_with_its_session_and_goes_on_when_it_comes_back(address: str) -> None:
    with Onlooker(address) as onlooker, Visitor(address, "what=work") as lost:
        lost.until(lambda: at_work(lost)[0] >= 3, SOON)
        lost.drop()
        time.sleep(0.5)
        left = onlooker.look()[0]
        time.sleep(1.0)
        assert onlooker.look()[0] == left, "A session that is gone still computes."
        lost.come_back()
        lost.ask()
        lost.until(lambda: at_work(lost)[0] > left, SOON)
        own, of_all = at_work(lost)
        assert own == of_all, "Something was computed twice."


def test_what_a_closed_session_kept_is_gone_soon(address: str) -> None:
    with Onlooker(address) as onlooker:
        with Visitor(address, "what=work") as visitor:
            visitor.until(lambda: at_work(visitor)[0] >= 1, SOON)
            assert onlooker.look()[1] == 1
        time.sleep(1.0)
        assert onlooker.look()[1] == 1, "It may come back."
        onlooker.wait(sessions=0, model="closed")


def test_a_model_goes_with_the_last_session_that_brought_it(address: str) -> None:
    with Onlooker(address) as onlooker:
        with Visitor(address, "what=bring") as last:
            last.until(lambda: "brought" in last.text, 60)
            with Visitor(address, "what=bring") as first:
                first.until(lambda: "brought" in first.text, 60)
            assert onlooker.look()[1:] == (2, "open")
            onlooker.wait(sessions=1, model="open")
        onlooker.wait(sessions=0, model="closed")
