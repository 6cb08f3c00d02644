"""Turns at a network: the least left first, nobody left out, and whoever gives up is gone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from explainers.classifiers.turns import LOOK, Turns

PATIENCE = 10.0


class GivenUp(Exception):
    """Somebody no longer wants what they waited for."""


@contextmanager
def occupied(turns: Turns, share: str = "") -> Iterator[None]:
    """Somebody else has the turn until the end of the context."""
    done, begun = threading.Event(), threading.Event()

    def work() -> None:
        with turns.turn(0.0, share=share):
            begun.set()
            done.wait(PATIENCE)

    other = threading.Thread(target=work)
    other.start()
    assert begun.wait(PATIENCE)
    try:
        yield
    finally:
        done.set()
        other.join(PATIENCE)


class Crowd:
    """Threads that wait for turns, and the order in which they had them."""

    def __init__(self, turns: Turns) -> None:
        self.served: list[str] = []
        self._turns = turns
        self._threads: list[threading.Thread] = []

    def join(self, name: str, left: float, since: float = 0.0, share: str = "") -> None:
        waits = threading.Event()

        def work() -> None:
            with self._turns.turn(
                left, since=since, share=share, meanwhile=lambda ahead: waits.set()
            ):
                self.served.append(name)

        self._threads.append(threading.Thread(target=work))
        self._threads[-1].start()
        assert waits.wait(PATIENCE), "It has a turn although somebody else has."

    def leave(self) -> list[str]:
        for thread in self._threads:
            thread.join(PATIENCE)
        return self.served


def test_what_has_the_least_left_goes_first_and_of_equals_the_first_that_came() -> None:
    turns = Turns()
    crowd = Crowd(turns)
    with occupied(turns):
        for name, left in (("LIME", 8.0), ("saliency", 0.7), ("another LIME", 8.0), ("Grad", 0.03)):
            crowd.join(name, left)
    assert crowd.leave() == ["Grad", "saliency", "LIME", "another LIME"]


def test_waiting_weighs_so_that_long_work_is_not_passed_for_ever() -> None:
    turns = Turns(weight=0.02)
    crowd = Crowd(turns)
    with occupied(turns):
        crowd.join("long", 8.0, since=0.0)
        crowd.join("short, soon after", 0.5, since=300.0)
        crowd.join("short, long after", 0.5, since=400.0)
    assert crowd.leave() == ["short, soon after", "long", "short, long after"]


def test_one_at_a_time_of_a_share() -> None:
    turns = Turns()
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with turns.turn(1.0):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert most == 1


def test_a_share_of_its_own_waits_for_no_other() -> None:
    turns = Turns()
    with occupied(turns, "a stranger's model"), turns.turn(100.0):
        pass


@pytest.mark.parametrize("raised", [GivenUp, KeyboardInterrupt])
def test_whoever_gives_up_is_gone_at_once_and_the_rest_goes_on(raised: type[BaseException]) -> None:
    turns = Turns()
    crowd = Crowd(turns)

    def give_up(ahead: int) -> None:
        raise raised

    with occupied(turns):
        crowd.join("patient", 5.0)
        started = time.monotonic()
        with pytest.raises(raised), turns.turn(1.0, meanwhile=give_up):
            pytest.fail("It has a turn although somebody else has.")
        assert time.monotonic() - started < 3 * LOOK
    assert crowd.leave() == ["patient"]
    assert not turns._waiting
    assert not turns._served


def test_work_that_fails_gives_its_turn_back() -> None:
    turns = Turns()
    with pytest.raises(GivenUp), turns.turn(1.0):
        raise GivenUp
    with turns.turn(1.0):
        pass


def test_a_turn_within_a_turn_is_a_part_of_it() -> None:
    turns = Turns()
    with turns.turn(1.0), turns.turn(1.0), turns.turn(1.0, share="a stranger's model"):
        pass
    with occupied(turns), pytest.raises(GivenUp), turns.turn(0.0, meanwhile=_raising(GivenUp)):
        pytest.fail("The turn within the turn before was not given back.")


def test_it_is_told_how_many_are_served_before() -> None:
    turns = Turns()
    crowd, told = Crowd(turns), []

    def listen(ahead: int) -> None:
        told.append(ahead)
        raise GivenUp

    with occupied(turns):
        for left in (1.0, 2.0, 9.0):
            crowd.join(str(left), left)
        with pytest.raises(GivenUp), turns.turn(3.0, since=0.0, meanwhile=listen):
            pytest.fail("It has a turn although somebody else has.")
    crowd.leave()
    assert told == [3]


def _raising(error: type[Exception]) -> Callable[[int], None]:
    def meanwhile(ahead: int) -> None:
        raise error

    return meanwhile
