"""The app as a server bears it: many visitors at once, over its own protocol.

    python -m benchmarks.load [--sessions 20] [--rounds 6]
    python -m benchmarks.load memory [--explanations 1000]

Starts `streamlit run app.py`, and visitors without browsers. Prints when each of so many sessions
that come at the same moment has its Grad-CAM, its saliency and its LIME, each of another picture
and class; how long a click takes when everything is computed and each clicks every 5 seconds, and
when LIMEs compute; when Stop has stopped; what closed sessions still cost; and whether a connection
that was lost goes on where it was. With `memory`, what the server holds while visitors come, ask
for three explanations each, LIME with 60 samples, and go.
"""

import argparse
import itertools
import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.visitor import COMPLETE, Visitor, serving

SAMPLES = ("cat", "coffee", "rocket", "motorcycle", "astronaut")
EVERY = 5.0
"""Seconds between two clicks of a visitor."""
ALL = ("Grad-CAM", "Smoothed saliency", "LIME superpixels")
PRESSED = 5
AT_ONCE = 4
FEW = 60
CLOSED = 2.0
WATCHED = 3.0


def link(number: int, *methods: str) -> str:
    """Another picture and class for each visitor."""
    chosen = "".join(f"&methods={each.replace(' ', '+')}" for each in methods)
    return f"picture={SAMPLES[number % len(SAMPLES)]}&class={number * 37 % 1000}{chosen}"


def reads(words: str) -> Callable[[Visitor], bool]:
    """Whether something can be read on the page."""
    return lambda visitor: words in visitor.text


GRAD_CAM, SALIENCY, LIME = reads("Measured on 7 × 7"), reads("50 of 50 samples"), reads("R² ")
"""How it is known that a map is there; LIME's first."""


def complete(visitor: Visitor) -> bool:
    """Whether there is nothing more to come."""
    return COMPLETE in visitor.text and visitor.finished == visitor.runs


def processor(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def say(what: str, values: Sequence[float], unit: str = "s") -> None:
    """The median, the 95th percentile and the largest."""
    ordered = sorted(values)
    late = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    print(
        f"  {what:46}{statistics.median(ordered):8.2f} {unit}   (95 % {late:.2f}, "
        f"last {ordered[-1]:.2f})",
        flush=True,
    )


def together(count: int, visit: Callable[[int], Visitor]) -> list[Visitor]:
    """So many visitors at the same moment."""
    with ThreadPoolExecutor(count) as door:
        return list(door.map(visit, range(count)))


def arrivals(address: str, count: int) -> list[Visitor]:
    """Sessions that come at the same moment, and when each has what."""
    started = time.monotonic()
    visitors = together(count, lambda number: Visitor(address, link(number)))

    def wait(visitor: Visitor) -> list[float]:
        times = []
        for seen in (GRAD_CAM, SALIENCY, LIME, complete):
            visitor.until(lambda seen=seen: seen(visitor))  # type: ignore[misc]
            times.append(time.monotonic() - started)
        return times

    with ThreadPoolExecutor(count) as door:
        first, second, third, last = zip(*door.map(wait, visitors), strict=True)
    print(f"{count} sessions at the same moment, until each has")
    say("its Grad-CAM", first)
    say("its saliency", second)
    say("LIME's first map", third)
    say("LIME's last", last)
    print(f"  the median LIME, as a share of the last       {_share(last):8.0%}")
    return visitors


def _share(times: Sequence[float]) -> float:
    return statistics.median(times) / max(times)


def clicks(visitors: Sequence[Visitor], rounds: int) -> list[float]:
    """Heatmaps on or off, each visitor every few seconds, at moments of their own."""

    def click(number: int) -> list[float]:
        visitor, times = visitors[number], []
        moment = time.monotonic() + random.Random(number).uniform(0, EVERY)
        for shown, _ in zip(itertools.cycle([(0, 1, 2), (0, 2)]), range(rounds), strict=False):
            time.sleep(max(0.0, moment - time.monotonic()))
            moment += EVERY
            visitor.choose("Show", *shown)
            times.append(visitor.settled())
        return times

    with ThreadPoolExecutor(len(visitors)) as door:
        return [each for times in door.map(click, range(len(visitors))) for each in times]


def stops(address: str, count: int, pid: int) -> None:
    """Stop while LIMEs compute, what a lost connection finds, and what closed sessions cost."""
    visitors = together(count, lambda number: Visitor(address, link(number, ALL[2])))
    for visitor in visitors:
        visitor.until(lambda visitor=visitor: visitor.offers("Stop"))  # type: ignore[misc]
    times = []
    for visitor in visitors[:PRESSED]:
        started = time.monotonic()
        visitor.press("Stop")
        visitor.until(lambda visitor=visitor: visitor.offers("Continue"))  # type: ignore[misc]
        times.append(time.monotonic() - started)
    print(f"beside {count} LIMEs")
    say("from Stop to Continue", times)
    lost, *others = visitors[PRESSED:]
    for visitor in [*visitors[:PRESSED], *others]:
        visitor.drop()
    lost.until(lambda: LIME(lost))
    before = _samples(lost)
    lost.drop()
    time.sleep(CLOSED)
    spent = processor(pid)
    time.sleep(WATCHED)
    spent = processor(pid) - spent
    say(f"{CLOSED:.0f} s after all are closed, of a processor", [spent / WATCHED], "")
    lost.come_back()
    lost.ask()
    lost.until(lambda: _samples(lost) > 0)
    print(f"  a lost session had {before} samples, and finds {_samples(lost)}")
    lost.until(lambda: complete(lost))
    lost.drop()


def _samples(visitor: Visitor) -> int:
    """How many LIME has taken, as the page says."""
    _, found, rest = visitor.text.partition("LIME superpixels: ")
    said = rest.split(" of ")[0].replace(",", "")
    return int(said) if found and said.isdecimal() else 0


def load(count: int, rounds: int) -> None:
    with serving() as (address, pid):
        with Visitor(address, link(0, *ALL[:2])) as first:
            first.until(lambda: complete(first))
        visitors = arrivals(address, count)
        clicks(visitors, 2)
        print(f"a click every {EVERY:.0f} s of each, everything computed")
        say("until the page is drawn", clicks(visitors, rounds))
        for visitor in visitors:
            visitor.drop()
        stops(address, count, pid)


def memory(explanations: int) -> None:
    """What the server holds while visitors come and go."""
    print("resident memory")
    with serving() as (address, pid), ThreadPoolExecutor(AT_ONCE) as door:
        done = 0
        for start in range(0, explanations, explanations // 10):
            numbers = range(done, done + -(-(start + explanations // 10 - 3 * done) // 3))
            list(door.map(lambda number: _three(address, number), numbers))
            done = numbers.stop
            print(f"  after {3 * done:5} explanations {resident(pid):8.0f} MB", flush=True)


def _three(address: str, number: int) -> None:
    with Visitor(address, link(number)) as visitor:
        visitor.until(lambda: bool(visitor.labelled("number_input", "Samples")))
        visitor.type("Samples", FEW)
        visitor.until(lambda: complete(visitor))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("load", "memory"), default="load")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=6, help="clicks of each session")
    parser.add_argument("--explanations", type=int, default=1000)
    chosen = parser.parse_args()
    if chosen.what == "memory":
        memory(chosen.explanations)
    else:
        load(chosen.sessions, chosen.rounds)


if __name__ == "__main__":
    main()
