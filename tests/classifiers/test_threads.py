"""A process uses as many threads as it is told: seen from its processor time."""

import json
import subprocess
import sys

import pytest

COMPUTING = """
import json, sys, time
from explainers.classifiers.threads import use_threads, workers
if int(sys.argv[1]):
    use_threads(int(sys.argv[1]))
import numpy as np
import tensorflow as tf
from explainers import load_classifier
classifier = load_classifier("efficientnet-lite0")
pixels = np.random.default_rng(0).uniform(0, 255, (32, *classifier.size, 3)).astype(np.float32)
layer = classifier.layer().path
classifier.answers_and_gradients(pixels, at=(layer,))
processor, clock = time.process_time(), time.perf_counter()
for _ in range(2):
    classifier.answers_and_gradients(pixels, at=(layer,))
cores = (time.process_time() - processor) / (time.perf_counter() - clock)
print(json.dumps({
    "cores": cores,
    "side by side": workers()._max_workers,
    "in an operation": tf.config.threading.get_intra_op_parallelism_threads(),
    "operations": tf.config.threading.get_inter_op_parallelism_threads(),
}))
"""


def _computing(threads: int) -> dict[str, float]:
    """What a process of its own says that it computed with; 0 for one that is told nothing."""
    told = subprocess.run(
        [sys.executable, "-c", COMPUTING, str(threads)], capture_output=True, text=True, check=True
    )
    return json.loads(told.stdout)


def test_one_thread_is_one_core() -> None:
    found = _computing(1)
    assert found["cores"] < 1.1
    assert found["side by side"] == found["in an operation"] == found["operations"] == 1


def test_a_process_that_is_told_nothing_takes_two_batches_side_by_side() -> None:
    found = _computing(0)
    assert found["side by side"] == 2
    assert found["in an operation"] == found["operations"] == 0, "TensorFlow takes all cores"


def test_what_comes_too_late_is_refused() -> None:
    late = (
        "import tensorflow as tf; tf.constant(1) + 1\n"
        "from explainers.classifiers.threads import use_threads; use_threads(1)"
    )
    told = subprocess.run([sys.executable, "-c", late], capture_output=True, text=True)
    assert "TensorFlow computes already, so it cannot be held to 1 thread any more" in told.stderr


def test_a_driver_can_name_it_without_tensorflow() -> None:
    tell = (
        "import sys; from explainers.classifiers.threads import use_threads;"
        "print('tensorflow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_no_thread_at_all_is_refused() -> None:
    from explainers.classifiers.threads import use_threads

    with pytest.raises(ValueError, match="at least 1 thread, not on 0"):
        use_threads(0)
