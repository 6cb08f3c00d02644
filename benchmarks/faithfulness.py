"""What "Test it" costs beyond its bare forward passes.

    python -m benchmarks.faithfulness

EfficientNet-Lite0 on the cat, three maps, 19 random orders, 50 steps, blurred cells. The bare
passes are the same number of pictures through the same graph in one call.
"""

import time

import numpy as np

from explainers import METHODS, load_classifier
from explainers.images.samples import SAMPLES
from explainers.metrics.faithfulness import RANDOM, beaten, cells, curves, passes, strengths_of

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
    price = passes(len(maps), segments)
    rows = np.random.default_rng(0).integers(0, 2, (price, 196)).astype(bool)
    fill = np.zeros_like(pixels)
    whole, bare = [], []
    for repetition in range(REPETITIONS + 1):
        started = time.perf_counter()
        *_, found = curves(classifier, pixels, CAT, maps, segments)
        tested = time.perf_counter()
        classifier.masked_probabilities(pixels, fill, segments, rows)
        ended = time.perf_counter()
        if repetition:
            whole.append(tested - started)
            bare.append(ended - tested)
    for curve in found.curves:
        line = f"{curve.kind:10} {curve.name:20} area {curve.area:.3f}"
        if curve.name == RANDOM:
            print(f"{line} ± {curve.spread:.3f}")
        else:
            print(f"{line}, better than {beaten(curve, found.of(curve.kind)[RANDOM])}")
    print(f"{price} passes: {np.median(whole) / np.median(bare):.2f} times the bare passes")


if __name__ == "__main__":
    main()
