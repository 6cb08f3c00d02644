"""Class activation against xplique and tf-keras-vis, whose maps are kept as figures."""

from collections.abc import Mapping

import numpy as np
import pytest

from explainers import Classifier, Explainer, GradCamPlusPlus, HiResCam, LayerCam, ScoreCam
from explainers.classifiers.scaling import UNIT
from tests.conftest import Hold
from tests.methods.peers import activation as peers

XPLIQUE, VIS = "xplique 2.0.2", "tf-keras-vis 0.8.7"
PLACES = [
    *(f"{name} {place}" for name in peers.SEEDS for place in peers.TINY),
    *(f"lite0 {place}" for place in peers.LITE0),
]
Figures = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def figures() -> Figures:
    with np.load(peers.FIGURES) as file:
        return dict(file)


@pytest.fixture(scope="module")
def networks(figures: Figures, lite0: Classifier) -> dict[str, Classifier]:
    """Those that the peers explained."""
    found = {"lite0": lite0.variant(scaling=peers.GREY)}
    for name in peers.SEEDS:
        model = peers.network(name)
        model.set_weights([figures[f"{name} {number}"] for number in range(6)])
        found[name] = Classifier(model, name=name, scaling=UNIT)
    return found


@pytest.fixture(params=PLACES)
def at(request: pytest.FixtureRequest) -> str:
    """A network and a layer of it."""
    return request.param


def _map(
    explainer: Explainer, at: str, networks: Mapping[str, Classifier], figures: Figures,
    cat: np.ndarray,
) -> np.ndarray:  # fmt: skip
    name = at.split()[0]
    pixels, index = (cat, peers.CAT) if name == "lite0" else (figures["pixels"], peers.CLASS)
    return explainer.explain(networks[name], pixels, index).heatmap


def _layer(at: str) -> str:
    name, place = at.split()
    return (peers.LITE0 if name == "lite0" else peers.TINY)[place]


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest, as a share of the peer's largest value."""
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] >= 0.9999
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def test_maps_are_those_of_the_peers(
    at: str, networks: Mapping[str, Classifier], figures: Figures, cat: np.ndarray, held: Hold
) -> None:
    for explainer, peer, at_most in (
        (GradCamPlusPlus(layer=_layer(at)), f"{XPLIQUE}, its means made sums", 1e-3),
        (HiResCam(layer=_layer(at)), f"{VIS}'s LayerCAM of all gradients", 1e-4),
        (LayerCam(layer=_layer(at)), VIS, 1e-4),
    ):
        ours = _map(explainer, at, networks, figures, cat)
        difference = _difference(ours, figures[f"{explainer.name} {at}"])
        held(f"{explainer.title}, relative", peer, difference, at_most)


@pytest.mark.parametrize("at", peers.ONE_SIGN)
def test_normalised_maps_are_those_of_tf_keras_vis_but_for_their_scale(
    at: str, networks: Mapping[str, Classifier], figures: Figures, cat: np.ndarray, held: Hold
) -> None:
    ours = _map(GradCamPlusPlus(_layer(at), normalised=True), at, networks, figures, cat)
    theirs = figures[f"normalised {at}"]
    difference = _difference(ours / ours.max(), theirs / theirs.max())
    held("Grad-CAM++, normalised", f"{VIS}, by its largest value", difference, 1e-4)


def test_score_cam_is_that_of_tf_keras_vis(
    at: str, networks: Mapping[str, Classifier], figures: Figures, cat: np.ndarray, held: Hold
) -> None:
    name, layer = at.split()[0], _layer(at)
    channels = peers.channels(networks[name]._graph.model, layer)
    fill = "grey" if name == "lite0" else "black"
    explainer = ScoreCam(layer, channels=channels, fill=fill, weights="score")
    ours = _map(explainer, at, networks, figures, cat)
    read = peers.ACTIVATED if at == peers.BARE else at
    difference = _difference(ours, figures[f"score-cam {read}"])
    held("Score-CAM, relative", f"{VIS}, masks by SciPy's grid_mode", difference, 1e-4)
