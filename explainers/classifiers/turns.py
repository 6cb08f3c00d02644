"""Whose turn it is to ask a network: what has the least left to do goes first.

A network keeps all processors busy, so what asks it side by side only waits for each other, and
nothing is done before everything is. So work is cut into short pieces, and each takes its turn.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

WEIGHT = 0.02
"""Seconds of work that a second of waiting weighs: nothing waits for more than 50 times what it
takes longer than those that came after it."""
LOOK = 0.1
"""Seconds between one look at whether a turn is still wanted and the next."""


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for a turn, or has it."""

    rank: float
    called: threading.Event = field(default_factory=threading.Event)


class Turns:
    """Turns at networks: one at a time of each share, and shares side by side.

    Of those that wait, the one with the least left to do is next, which is how the fewest wait for
    how long is as short as it can be [1]_. That alone would let long work wait for ever while short
    work keeps coming; so with :math:`l` the seconds that are left of a piece of work and :math:`t`
    when it was first asked for, the smallest

    .. math:: l + w t

    is next, with the weight :math:`w` of 1/50.

    References
    ----------
    .. [1] L. Schrage, "A Proof of the Optimality of the Shortest Remaining Processing Time
       Discipline", Operations Research 16, 1968.
    """

    def __init__(self, weight: float = WEIGHT) -> None:
        self._weight = weight
        self._door = threading.Lock()
        self._waiting: defaultdict[str, list[_Waiting]] = defaultdict(list)
        self._served: dict[str, _Waiting] = {}
        self._mine = threading.local()

    @contextmanager
    def turn(
        self,
        left: float,
        *,
        since: float | None = None,
        share: str = "",
        meanwhile: Callable[[int], None] = lambda ahead: None,
    ) -> Iterator[None]:
        """Wait for a turn, and have it for as long as the context lasts.

        A turn within a turn is a part of it.

        Parameters
        ----------
        left : float
            Seconds that all of the work still takes, roughly.
        since : float, optional
            When it was first asked for, by `time.monotonic`; now if None.
        share : str
            What it computes on: turns of one share follow each other.
        meanwhile : callable
            Called again and again while it waits, with how many are served before it. What it
            raises ends the waiting.
        """
        if getattr(self._mine, "turn", False):
            yield
            return
        asked = time.monotonic() if since is None else since
        mine = _Waiting(left + self._weight * asked)
        with self._door:
            self._waiting[share].append(mine)
            self._call(share)
        try:
            while not mine.called.wait(LOOK):
                meanwhile(self._ahead(mine, share))
            self._mine.turn = True
            yield
        finally:
            self._mine.turn = False
            self._leave(mine, share)

    def _ahead(self, mine: _Waiting, share: str) -> int:
        with self._door:
            served = self._served.get(share) not in (None, mine)
            return served + sum(other.rank < mine.rank for other in self._waiting[share])

    def _leave(self, mine: _Waiting, share: str) -> None:
        with self._door:
            if self._served.get(share) is mine:
                del self._served[share]
            else:
                self._waiting[share].remove(mine)
            self._call(share)

    def _call(self, share: str) -> None:
        """Let the next one in, if nobody is; of equals the first that came."""
        waiting = self._waiting[share]
        if share in self._served:
            return
        if not waiting:
            del self._waiting[share]
            return
        chosen = min(waiting, key=lambda each: each.rank)
        waiting.remove(chosen)
        self._served[share] = chosen
        chosen.called.set()


TURNS = Turns()
"""Of all that this process computes for people who wait."""
