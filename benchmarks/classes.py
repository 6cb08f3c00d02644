"""What five classes cost each method, against what one costs.

    python -m benchmarks.classes

EfficientNet-Lite0 on the rocket, its five most probable classes; runs alternate after a warm-up,
and what is printed are ratios of medians. Observing is done once for all classes, so LIME's
samples and everyone's forward passes are shared; interpreting is done for each.
"""

import time

import numpy as np

from explainers import METHODS, Classifier, Explainer, Target, load_classifier
from explainers.images.samples import SAMPLES

REPETITIONS = 5


def _seconds(
    explainer: Explainer, classifier: Classifier, pixels: np.ndarray, targets: list[int]
) -> float:
    started = time.perf_counter()
    *_, seen = explainer.observations(classifier, pixels, *targets)
    for target in targets:
        explainer.interpret(seen, Target(target))
    return time.perf_counter() - started


def main() -> None:
    classifier = load_classifier("efficientnet-lite0")
    pixels = classifier.prepare(SAMPLES["rocket"].read())
    five = [answer.index for answer in classifier.predict(pixels).top(5)]
    for method in METHODS:
        explainer = method()
        times: dict[int, list[float]] = {1: [], 5: []}
        for repetition in range(REPETITIONS + 1):
            for count, taken in times.items():
                seconds = _seconds(explainer, classifier, pixels, five[:count])
                if repetition:
                    taken.append(seconds)
        ratio = np.median(times[5]) / np.median(times[1])
        print(f"{method.title:20} five classes cost {ratio:.2f} times what one costs", flush=True)


if __name__ == "__main__":
    main()
