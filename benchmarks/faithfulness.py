"""What "Test it" costs beyond its bare forward passes.

    python -m benchmarks.faithfulness

EfficientNet-Lite0 on the cat, three maps, 50 steps, blurred cells. The bare passes are the same
number of pictures through the same frozen graph in one call.
"""

import time

import numpy as np

from explainers import METHODS, load_classifier
from explainers.images.samples import SAMPLES
from explainers.metrics.faithfulness import cells, curves
from explainers.metrics.flipping import strengths_of

CAT = 285
REPETITIONS = 3


def main() -> None:
    classifier = load_classifier("efficientnet-lite0")
    pixels = classifier.prepare(SAMPLES["cat"].read())
    segments = cells((224, 224))
    maps = {
        method.title: strengths_of(method().explain(classifier, pixels, CAT), segments)
        for method in METHODS
    }
    passes = 2 * (len(maps) + 6) * 51
    rows = np.random.default_rng(0).integers(0, 2, (passes, 196)).astype(bool)
    fill = np.zeros_like(pixels)
    whole, bare = [], []
    for repetition in range(REPETITIONS + 1):
        started = time.perf_counter()
        found = list(curves(classifier, pixels, CAT, maps, segments, steps=50))
        tested = time.perf_counter()
        classifier.masked_probabilities(pixels, fill, segments, rows)
        ended = time.perf_counter()
        if repetition:
            whole.append(tested - started)
            bare.append(ended - tested)
    for curve in found:
        print(f"{curve.kind:10} {curve.name:20} area {curve.area:.3f} ± {curve.spread:.3f}")
    print(f"{passes} passes: {np.median(whole) / np.median(bare):.2f} times the bare passes")


if __name__ == "__main__":
    main()
