"""Triptych's methods against their peers: same network, picture and settings, in one run.

    python -m benchmarks.methods [--quick] [--only WORD]

The peers are xplique, tf-keras-vis, PAIR's saliency and stock `lime` with `model.predict`; for the
answer to one picture, Keras itself, called and by `model.predict`. `benchmarks.duels` has them,
kind by kind. All explain the logit (what hides parts and Score-CAM: the probability) of the
Egyptian cat by EfficientNet-Lite0. Runs alternate, A B A B, after a warm-up each, and what is
printed are ratios of medians, with the smallest and the largest ratio of a pair, and the median of
Triptych's own times in milliseconds, with the least and the most. Before anything is timed, the
maps are compared, so that the same thing is timed: they agree to 1 where nothing is random and the
peer is of one mind with the paper, SmoothGrad's as far as two seeds of one tool do, and xplique's
LIME as far as its own sampling, kernel and regression allow. tf-keras-vis's Grad-CAM++ normalises
otherwise, and saliency counts both ends of the way in full. Stock LIME asks in its usual batches of
10, xplique's and saliency's gradients in batches of 16, their fastest. Importing Triptych turns
TensorFlow's oneDNN kernels on; in one process the peers profit as much.
"""

import argparse
import importlib.metadata
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.duels import answer, class_activation, gradients, hiding
from benchmarks.duels.duel import Duel, Map, Subject

KINDS = (answer, class_activation, gradients, hiding)
PEERS = ("tensorflow", "keras", "lime", "saliency", "tf-keras-vis", "xplique")


@dataclass(frozen=True)
class Outcome:
    """How many times as fast, at the medians and in each pair, and our own seconds."""

    ratio: float
    ratios: np.ndarray
    seconds: np.ndarray


def duels(samples: int, repetitions: int) -> Iterator[tuple[str, Duel]]:
    """The duels with the names of their methods, on one model with its trained weights."""
    subject = Subject(samples, repetitions)
    for kind in KINDS:
        yield from kind.duels(subject)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation of two maps; the coarser decides the resolution."""
    one, other = np.squeeze(one), np.squeeze(other)
    if one.ndim == 3:
        one = np.abs(one).mean(axis=-1)
    if one.shape != other.shape:
        step = [big // small for big, small in zip(one.shape, other.shape, strict=True)]
        one = one[step[0] // 2 :: step[0], step[1] // 2 :: step[1]]
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def pace(run: Map) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def fight(duel: Duel) -> Outcome:
    pairs = np.array([(pace(duel.peers), pace(duel.ours)) for _ in range(duel.repetitions)])
    peers, ours = np.median(pairs, axis=0)
    return Outcome(peers / ours, pairs[:, 0] / pairs[:, 1], pairs[:, 1])


def verdict(duel: Duel, ratio: float) -> str:
    """By how much it was to be faster, and whether it is."""
    if duel.to_reach is None:
        return ""
    return f"{duel.to_reach:5.1f}x  {'reached' if ratio >= duel.to_reach else 'not reached'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples and repetitions")
    parser.add_argument("--only", default="", metavar="WORD", help="methods whose names have it")
    asked = parser.parse_args()
    for package in PEERS:
        print(package, importlib.metadata.version(package), end="   ")
    print(
        f"\n\n{'':28}{'against':14}{'maps agree':>11}{'faster':>9}{'pairs':>16}"
        f"{'ours, ms':>30}{'to reach':>10}"
    )
    for method, duel in duels(200 if asked.quick else 1000, 5 if asked.quick else 21):
        if asked.only not in method:
            continue
        agreement = correlation(duel.peers(), duel.ours())
        outcome = fight(duel)
        pairs = f"{outcome.ratios.min():.2f} to {outcome.ratios.max():.2f}"
        least, median, most = np.quantile(outcome.seconds, (0, 0.5, 1)) * 1000
        ours = f"{median:,.1f} ({least:,.1f} to {most:,.1f})"
        print(
            f"{method:28}{duel.peer:14}{agreement:11.4f}{outcome.ratio:8.2f}x{pairs:>16}"
            f"{ours:>30}    {verdict(duel, outcome.ratio)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
