"""What a survey costs beyond the network, against xplique, and on more workers and more rows.

    python -m benchmarks.survey [--quick] [maps survey workers memory]

All on EfficientNet-Lite0 and crops of the gallery's pictures, 400 to 500 pixels a side. Runs
alternate after a warm-up each; what is printed are ratios of medians, with the smallest and the
largest of a round, and of the fastest runs, which others on the machine disturbed least.

``maps``: pictures at the network's size to Grad-CAM maps, in batches, against xplique one picture
at a time and at the best of several batch sizes. xplique is told the classes; Triptych finds them
in the same pass.

``survey``: a survey with Grad-CAM from its price to its end (files read, every figure, Parquet
written, one table made) on workers that have the network open, against nothing but the passes of
decoded pictures in one process on all cores; and what it takes from a standing start.

``workers``: the same survey on two workers of one thread, against one.

``memory``: the most memory that the process takes which runs a survey, for more and more rows of a
network that costs nothing; and how long a sorted page of them takes to find.
"""

import argparse
import importlib.metadata
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from explainers.images.samples import SAMPLES
from explainers.methods import GradCam
from explainers.survey.pictures import Collection
from explainers.survey.questions import Question, page
from explainers.survey.running import ALONE, run
from explainers.survey.survey import Survey
from explainers.survey.table import Stored

if TYPE_CHECKING:
    from distributed import LocalCluster

LAYER = "head_convolution"
BATCHES = (4, 8, 16, 32)
PLAIN = Survey(methods=(GradCam(),), closer=(), worst=0, sample=0)
Run = Callable[[], object]


def crops(number: int) -> Iterator[np.ndarray]:
    """Seeded pieces of the gallery's pictures, as large as photographs on the web."""
    random = np.random.default_rng(0)
    pictures = [sample.read() for sample in SAMPLES.values()]
    for index in range(number):
        picture = pictures[index % len(pictures)]
        height, width = np.minimum(random.integers(400, 501, 2), picture.shape[:2])
        top = random.integers(0, picture.shape[0] - height + 1)
        left = random.integers(0, picture.shape[1] - width + 1)
        yield picture[top : top + height, left : left + width]


def pace(run: Run) -> float:
    """Seconds of one run, or what it says that it took."""
    started = time.perf_counter()
    said = run()
    return said if isinstance(said, float) else time.perf_counter() - started


def alternate(runs: dict[str, Run], rounds: int) -> dict[str, np.ndarray]:
    """The seconds of each run in each round; first here comes first, and last in the next."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            taken[name].append(pace(runs[name]))
    return {name: np.array(seconds) for name, seconds in taken.items()}


def verdict(what: str, other: np.ndarray, ours: np.ndarray, to_reach: float) -> None:
    """Print how many times as fast as the other ours is."""
    ratio, ratios = np.median(other) / np.median(ours), other / ours
    print(
        f"{what:52}{ratio:6.2f}x  ({ratios.min():.2f} to {ratios.max():.2f}; fastest "
        f"{other.min() / ours.min():.2f}x)   {to_reach}x "
        f"{'reached' if ratio >= to_reach else 'not reached'}",
        flush=True,
    )


def maps(quick: bool) -> None:
    """Pictures at the network's size to maps, against xplique."""
    import keras
    from xplique.attributions import GradCAM as XpliqueGradCam

    from explainers import Classifier, Target
    from explainers.classifiers.scaling import LITE
    from explainers.models.efficientnet_lite import VARIANTS, build
    from explainers.models.imagenet import imagenet_labels

    model = build(VARIANTS["efficientnet-lite0"])
    head = keras.layers.Dense(1000)
    linear = keras.Model(model.inputs, head(model.layers[-2].output))
    head.set_weights(model.layers[-1].get_weights())
    classifier = Classifier(model, name="lite0", labels=imagenet_labels(), scaling=LITE)
    pixels = np.stack([classifier.prepare(crop) for crop in crops(32 if quick else 64)])
    answers = classifier.probabilities(pixels).argmax(axis=1)
    one_hot = keras.ops.one_hot(answers, 1000).numpy()
    method = GradCam(layer=LAYER)

    def ours() -> np.ndarray:
        _, seen = method.observe_answers(classifier, pixels)
        return np.stack([method.interpret(each, Target(each.classes[0])).heatmap for each in seen])

    def theirs(together: int) -> np.ndarray:
        explainer = xplique[together]
        scaled = LITE(pixels).astype(np.float32)
        return np.concatenate(
            [
                explainer.explain(
                    scaled[start : start + together], one_hot[start : start + together]
                )
                for start in range(0, len(pixels), together)
            ]
        )

    sizes = (1, *BATCHES)
    xplique = {size: XpliqueGradCam(linear, batch_size=size, conv_layer=LAYER) for size in sizes}
    here = ours()
    for size in sizes:
        there = np.squeeze(theirs(size))[:, 16::32, 16::32]
        least = min(
            np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(here, there, strict=True)
        )
        print(f"xplique's maps in batches of {size} correlate with ours by at least {least:.4f}")
    runs: dict[str, Run] = {str(size): partial(theirs, size) for size in sizes}
    taken = alternate({"ours": ours} | runs, 3 if quick else 7)
    rates = {name: len(pixels) / np.median(seconds) for name, seconds in taken.items()}
    print("pictures a second:", ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items()))
    best = max(BATCHES, key=lambda size: rates[str(size)])
    verdict("Grad-CAM in batches, against xplique one by one", taken["1"], taken["ours"], 5)
    verdict(f"... against xplique in batches of {best}", taken[str(best)], taken["ours"], 1.3)


@contextmanager
def folder(number: int) -> Iterator[Path]:
    """A folder of so many JPEGs, and room for surveys beside it."""
    with tempfile.TemporaryDirectory() as room:
        pictures = Path(room, "pictures")
        pictures.mkdir()
        for index, crop in enumerate(crops(number)):
            Image.fromarray(crop).save(pictures / f"{index:05}.jpg", quality=90)
        yield pictures


@contextmanager
def cluster(workers: int) -> Iterator["LocalCluster"]:
    """Processes of one thread each, as a survey starts them itself."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set(ALONE),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as started,
    ):
        yield started


def surveying(pictures: Path, started: "LocalCluster") -> Run:
    """A survey of a folder on workers that are awake: they have looked at each picture before."""
    numbers = count()

    def survey() -> float:
        room = pictures.parent / f"{started.name}-{next(numbers)}"
        _, price, *_, last = (
            (progress, time.perf_counter())
            for progress in run(
                PLAIN, Collection(pictures), room, scheduler=started.scheduler_address
            )
        )
        assert (price[0].state, last[0].state, last[0].failed) == ("looking", "done", 0)
        return last[1] - price[1]

    survey()
    return survey


def survey(quick: bool) -> None:
    """A whole survey against bare passes, on workers that have the network open."""
    from explainers import load_classifier

    number = 200 if quick else 1000
    classifier = load_classifier(PLAIN.classifier)
    layer = classifier.layer().path
    decoded = np.stack([classifier.prepare(crop) for crop in crops(256)])

    def passes() -> None:
        for start in range(0, number, len(decoded)):
            classifier.answers_and_gradients(decoded[: number - start], at=(layer,))

    passes()
    with folder(number) as pictures, cluster(os.cpu_count() or 1) as started:
        runs = {"passes": passes, "survey": surveying(pictures, started)}
        taken = alternate(runs, 3 if quick else 5)
        from_scratch = pace(lambda: list(run(PLAIN, Collection(pictures), pictures.parent / "own")))
    for name, seconds in taken.items():
        print(f"{name}: {number / np.median(seconds):.1f} pictures a second")
    print(f"from a standing start: {from_scratch:.0f} s for {number:,}")
    verdict(
        f"A survey of {number:,}, against its bare passes", taken["passes"], taken["survey"], 0.8
    )


def workers(quick: bool) -> None:
    """Two workers of one thread against one."""
    number = 200 if quick else 600
    with folder(number) as pictures, cluster(1) as one, cluster(2) as two:
        runs = {"one": surveying(pictures, one), "two": surveying(pictures, two)}
        taken = alternate(runs, 3 if quick else 5)
    verdict("Two workers of one thread, against one", taken["one"], taken["two"], 1.8)


def memory(quick: bool) -> None:
    """The driver's memory, for more and more rows."""
    spawning = multiprocessing.get_context("spawn")
    for rows in (100, 1_000, 10_000) if quick else (1_000, 10_000, 100_000):
        with ProcessPoolExecutor(1, mp_context=spawning) as alone:
            most, seconds, pages = alone.submit(_driving, rows).result()
        print(
            f"{rows:9,} rows: the driver takes {most:.0f} MB at most; {seconds:.0f} s; a sorted "
            f"page of them {min(pages):.2f} to {max(pages):.2f} s",
            flush=True,
        )


def _driving(rows: int) -> tuple[float, float, list[float]]:
    """The most memory of this process in MB when a survey of so many rows is done; its seconds.

    And the seconds of a page of its rows, in three orders and from three places.
    """
    with tempfile.TemporaryDirectory() as room:
        pictures = Path(room, "pictures")
        pictures.mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).save(pictures / "0.png")
        content = (pictures / "0.png").read_bytes()
        for number in range(1, rows):
            (pictures / f"{number}.png").write_bytes(content)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as aside:
            model = aside.submit(_save_nothing, room).result()
        asked = replace(PLAIN, classifier=model)
        started = time.perf_counter()
        *_, last = run(asked, Collection(pictures), Path(room, "survey"))
        assert (last.done, last.failed) == (rows, 0)
        seconds = time.perf_counter() - started
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        stored = Stored.at(Path(room, "survey"))
        pages = [
            pace(partial(page, stored, Question(order), rows * place // 4, 24, ("grad-cam",)))
            for order in ("Nearly wrong", "Off the centre", "path")
            for place in range(3)
        ]
    return most, seconds, pages


def _save_nothing(room: str) -> str:
    """A model file that costs nothing to ask, made in another process: a driver has no Keras."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(1, 1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    path = os.path.join(room, "nothing.keras")
    model.save(path)
    return path


PARTS = {part.__name__: part for part in (maps, survey, workers, memory)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer pictures, rounds and rows")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all if none is named")
    asked = parser.parse_args()
    names = asked.parts or list(PARTS)
    packages = ["tensorflow", "keras", "distributed", "pyarrow", *["xplique"] * ("maps" in names)]
    print(*(f"{package} {importlib.metadata.version(package)}" for package in packages), sep="   ")
    for name in names:
        PARTS[name](asked.quick)


if __name__ == "__main__":
    main()
