"""What gradient ascent costs beyond its bare passes.

    python -m benchmarks.ascent

64 filters of early layers of EfficientNet-Lite0 at 128 x 128, 40 steps, in one batch. The bare
passes are the same number of forward and backward passes of the same pictures, and nothing else.
"""

import collections
import time

import numpy as np

from explainers import load_classifier
from explainers.network.ascent import Ascent

LAYERS = ("block1_expand_convolution", "block3_expand_convolution")
WAYS = {
    "plain pixels": Ascent(fourier=False, jitter=0),
    "jitter": Ascent(fourier=False),
    "jitter and Fourier": Ascent(),
}
FILTERS = 64
REPETITIONS = 3


def main() -> None:
    classifier = load_classifier("efficientnet-lite0")
    units = range(FILTERS)
    for layer in LAYERS:
        noise = np.random.default_rng(0).uniform(117, 138, (FILTERS, 128, 128, 3))
        pictures = noise.astype(np.float32)
        classifier.responses(pictures, units, layer)
        times: dict[str, list[float]] = {name: [] for name in ("bare", *WAYS)}
        for _ in range(REPETITIONS):
            started = time.perf_counter()
            for _ in range(Ascent().steps + 1):
                classifier.responses(pictures, units, layer)
            times["bare"].append(time.perf_counter() - started)
            for name, ascent in WAYS.items():
                started = time.perf_counter()
                collections.deque(ascent.climb(classifier, units, layer), maxlen=0)
                times[name].append(time.perf_counter() - started)
        for name in WAYS:
            ratio = np.median(times[name]) / np.median(times["bare"])
            print(f"{layer}, {name}: {ratio:.2f} times the bare passes", flush=True)


if __name__ == "__main__":
    main()
