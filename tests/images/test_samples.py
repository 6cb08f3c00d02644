"""The sample pictures are there, are the right ones, and need no network."""

import socket
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import skimage.data

from explainers.images.samples import SAMPLES

ORIGINALS = {
    "cat": skimage.data.chelsea,
    "coffee": skimage.data.coffee,
    "rocket": skimage.data.rocket,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],
    "astronaut": skimage.data.astronaut,
}
SHAPES = {
    "cat": (300, 451, 3),
    "coffee": (400, 600, 3),
    "rocket": (427, 640, 3),
    "motorcycle": (500, 741, 3),
    "astronaut": (512, 512, 3),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)


def test_order_and_titles():
    assert list(SAMPLES) == list(ORIGINALS)
    assert all(sample.name == name for name, sample in SAMPLES.items())
    assert [sample.title for sample in SAMPLES.values()] == [
        "Cat",
        "Coffee",
        "Rocket",
        "Motorcycle",
        "Astronaut",
    ]


@pytest.mark.parametrize("name", ORIGINALS)
def test_pixels_are_scikit_images_own(name):
    pixels = SAMPLES[name].read()
    assert pixels.shape == SHAPES[name]
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, ORIGINALS[name]())


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("cat", ["Stefan van der Walt", "CC0"]),
        ("coffee", ["Rachel Michetti", "CC0", "Pikolo Espresso Bar"]),
        ("rocket", ["SpaceX", "public domain"]),
        ("motorcycle", ["Nera Nesic", "Daniel Scharstein", "Middlebury"]),
        ("astronaut", ["NASA Great Images", "public domain"]),
    ],
)
def test_credits_say_what_scikit_image_says(name, facts):
    sample = SAMPLES[name]
    source = skimage.data.stereo_motorcycle if name == "motorcycle" else ORIGINALS[name]
    documented = " ".join(source.__doc__.split())
    for fact in facts:
        assert fact in sample.credit
        assert fact in documented
    assert sample.credit.endswith(".")
    assert sample.credit.count(". ") == 0


def test_samples_stay_as_they_are():
    with pytest.raises(FrozenInstanceError):
        SAMPLES["cat"].title = "Dog"
