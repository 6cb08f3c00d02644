"""Work of several visitors: the shortest is done first, and a stranger's model has its own time."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from pages.parts import cache

PIECE = 0.02
PATIENCE = 20.0


@dataclass(frozen=True)
class Piece:
    """Some of the work."""

    done: int
    total: int


@dataclass(frozen=True)
class Network:
    """What is asked; it may stand apart from the others."""

    name: str
    apart: bool = False


@dataclass
class Worker:
    """Somebody who goes on with a run of so many pieces of a pass each, and when it was done."""

    pieces: int
    asked: Network = Network("bundled")
    began: threading.Event | None = None
    done: float = 0.0

    def start(self) -> threading.Thread:
        self.began = threading.Event()
        thread = threading.Thread(target=self._work)
        thread.start()
        assert self.began.wait(PATIENCE)
        return thread

    def _work(self) -> None:
        run = cache.Run()
        run.begin(self._observe, self.asked, self.pieces)  # type: ignore[arg-type]
        while run.waiting:
            run.advance()
        self.done = time.monotonic()

    def _observe(self) -> Iterator[Any]:
        assert self.began is not None
        for number in range(self.pieces):
            time.sleep(PIECE)
            self.began.set()
            yield Piece(number + 1, self.pieces)


def _two_pieces(under_way: threading.Event, go_on: threading.Event) -> Iterator[Any]:
    """Two pieces of work; the second is under way until somebody lets it go on."""
    yield Piece(1, 3)
    under_way.set()
    assert go_on.wait(PATIENCE)
    yield Piece(2, 3)


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no page to be clicked on."""
    monkeypatch.setattr(cache, "_make_way", lambda: None)


def test_short_work_that_comes_later_is_done_before_long_work_goes_on() -> None:
    first, second, short = Worker(40), Worker(40), Worker(3)
    threads = [first.start()]
    late = threading.Thread(target=second._work)
    second.began = threading.Event()
    late.start()
    asked = time.monotonic()
    threads += [short.start(), late]
    for thread in threads:
        thread.join(PATIENCE)
    assert short.done - asked < 10 * PIECE, "It waited for more than a piece of the others."
    assert short.done < first.done < second.done
    assert second.done - first.done > 20 * PIECE, "Both were done late, where one could be early."


def test_a_model_that_stands_apart_neither_waits_nor_lets_wait() -> None:
    ours, theirs = Worker(30), Worker(30, Network("a stranger's", apart=True))
    started = time.monotonic()
    threads = [ours.start(), theirs.start()]
    for thread in threads:
        thread.join(PATIENCE)
    assert max(ours.done, theirs.done) - started < 45 * PIECE


def test_what_is_stopped_changes_no_more_though_another_run_of_the_page_is_at_work() -> None:
    under_way, go_on = threading.Event(), threading.Event()
    run = cache.Run()
    run.begin(lambda: _two_pieces(under_way, go_on), Network("bundled"), 3)  # type: ignore[arg-type]
    run.advance()
    before = threading.Thread(target=run.advance)
    before.start()
    assert under_way.wait(PATIENCE)
    seen: list[Any] = []
    stopped = threading.Thread(target=lambda: (run.pause(), seen.append(run.latest)))  # type: ignore[func-returns-value]
    stopped.start()
    stopped.join(PIECE)
    assert not seen, "What is under way may still change what there is."
    go_on.set()
    for thread in (before, stopped):
        thread.join(PATIENCE)
    assert seen == [Piece(2, 3)]
    run.advance()
    assert run.latest == Piece(2, 3)
    assert run.paused


def test_what_ends_while_it_is_stopped_is_finished_and_not_stopped() -> None:
    run = cache.Run()
    run.begin(lambda: iter([Piece(3, 3)]), Network("bundled"), 3)  # type: ignore[arg-type]
    run.advance()
    run.pause()
    assert run.finished
    assert not run.paused
