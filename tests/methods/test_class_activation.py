"""What the class activation methods read from one layer, on networks worked out by hand."""

from collections import Counter

import keras
import numpy as np
import pytest
from keras import layers

from explainers import Classifier, GradCam, GradCamPlusPlus, HiResCam, LayerCam, Target
from explainers.observing.layer_gradients import ClassActivation, FeatureGradients
from tests.conftest import Hold
from tests.methods.test_contract import Spy

FAMILY: list[ClassActivation] = [
    GradCam(),
    HiResCam(),
    LayerCam(),
    GradCamPlusPlus(),
    GradCamPlusPlus(normalised=True),
]
SHAPE = (4, 6)


def _network(pooled: bool) -> Classifier:
    """Two channels, ReLUs of mixed colours; then their mean, or each place by its own weight."""
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((*SHAPE, 3)),
            layers.Conv2D(2, 1, activation="relu", name="colours"),
            layers.GlobalAveragePooling2D() if pooled else layers.Flatten(),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )
    mix = np.array([[1.0, -0.7], [-0.4, 1.0], [-0.2, 0.1]])
    model.layers[0].set_weights([mix[None, None], np.zeros(2)])
    return Classifier(model, name="pooled" if pooled else "by place")


@pytest.fixture(scope="module")
def pooled() -> Classifier:
    return _network(pooled=True)


@pytest.fixture(scope="module")
def by_place() -> Classifier:
    return _network(pooled=False)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (*SHAPE, 3)).astype(np.float32)


def _worked_out(
    classifier: Classifier, picture: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations ``(h, w, c)``, gradients ``(classes, h, w, c)`` and logits, by hand."""
    model = classifier._graph.model
    mix = model.layers[0].get_weights()[0][0, 0].astype(np.float64)
    activations = np.maximum(picture @ mix, 0)
    kernel = model.layers[-1].get_weights()[0].astype(np.float64)
    if classifier.name == "pooled":
        kernel = np.tile(kernel / np.prod(SHAPE), (np.prod(SHAPE), 1))
    gradients = np.moveaxis(kernel.reshape(*SHAPE, 2, 3), -1, 0)
    return activations, gradients, np.tensordot(gradients, activations, 3)


def _paper(name: str, a: np.ndarray, g: np.ndarray) -> np.ndarray:
    """The formulas as their papers write them, in sums over places, before the rectifier."""
    if name == "hirescam":
        return (a * g).sum(-1)
    if name == "layercam":
        return (a * np.maximum(g, 0)).sum(-1)
    alpha = g**2 / (2 * g**2 + g**3 * a.sum((0, 1)))
    return (a * (alpha * np.maximum(g, 0)).sum((0, 1))).sum(-1)


@pytest.mark.parametrize("explainer", [HiResCam(), LayerCam(), GradCamPlusPlus()], ids=repr)
@pytest.mark.parametrize("network", ["pooled", "by_place"])
def test_maps_are_those_of_the_formulas(
    request: pytest.FixtureRequest, picture: np.ndarray, explainer: ClassActivation, network: str,
    held: Hold,
) -> None:  # fmt: skip
    classifier = request.getfixturevalue(network)
    a, gradients, _ = _worked_out(classifier, picture)
    sums = [_paper(explainer.name, a, g) for g in gradients]
    for index in range(3):
        found = explainer.explain(classifier, picture, index).heatmap
        expected = np.maximum(sums[index], 0)
        difference = np.abs(found - expected).max() / (expected.max() or 1)
        held(f"{explainer.title}, relative", "the paper's formula, by hand", difference, 1e-5)
    found = explainer.explain(classifier, picture, Target(2, rather_than=0)).heatmap
    np.testing.assert_allclose(found, sums[2] - sums[0], atol=1e-5 * np.abs(sums).max())
    assert (found > 0).any()
    assert (found < 0).any()


def test_all_that_a_family_shows_is_one_observation(
    by_place: Classifier, picture: np.ndarray
) -> None:
    assert len({explainer.observer for explainer in FAMILY}) == 1
    spy = Spy(by_place)
    *_, seen = FAMILY[0].observations(spy, picture, 0, 1)  # type: ignore[arg-type]
    assert spy.passes == Counter(forward=1, backward=1)
    for explainer in FAMILY:
        for target in (Target(1), Target(0, rather_than=1)):
            np.testing.assert_array_equal(
                explainer.interpret(seen, target).heatmap,
                explainer.explain(by_place, picture, target).heatmap,
            )


def test_hirescam_is_grad_cam_under_global_average_pooling_and_nowhere_else(
    pooled: Classifier, by_place: Classifier, picture: np.ndarray
) -> None:
    same, other = (
        (HiResCam().explain(network, picture, 1), GradCam().explain(network, picture, 1))
        for network in (pooled, by_place)
    )
    np.testing.assert_allclose(same[0].heatmap, same[1].heatmap, rtol=1e-5, atol=1e-6)
    (note,) = same[0].notes
    assert note.endswith("so Grad-CAM's map is the same.")
    assert np.abs(other[0].heatmap - other[1].heatmap).max() > 0.1 * other[0].scale
    _, gradients, _ = _worked_out(by_place, picture)
    kept = np.square(gradients[1].mean((0, 1))).sum() / np.square(gradients[1]).mean((0, 1)).sum()
    (note,) = other[0].notes
    assert f"keeps {kept:.0%} of its squares here" in note
    assert kept < 0.9


def test_hirescam_of_the_bundled_network_is_grad_cam_once_it_is_activated(
    lite0: Classifier, cat: np.ndarray
) -> None:
    activated = lite0.activated("head_convolution")
    assert activated is not None
    grad_cam, hirescam = (
        method(layer=activated.path).explain(lite0, cat, 285) for method in (GradCam, HiResCam)
    )
    np.testing.assert_allclose(hirescam.heatmap, grad_cam.heatmap, atol=1e-5 * grad_cam.scale)
    assert "Grad-CAM's map is the same" in hirescam.notes[0]
    before = HiResCam().explain(lite0, cat, 285).notes[0]
    assert "keeps 37% of its squares here" in before


def test_hirescam_adds_up_to_the_logit(by_place: Classifier, picture: np.ndarray) -> None:
    """Without biases, so for the difference of two, where nothing is cut off, as well."""
    *_, logits = _worked_out(by_place, picture)
    found = HiResCam().explain(by_place, picture, Target(0, rather_than=2)).heatmap
    assert found.sum() == pytest.approx(logits[0] - logits[2], rel=1e-4)


def test_normalised_weights_are_averages_of_the_gradients_that_raise(
    pooled: Classifier, by_place: Classifier, picture: np.ndarray
) -> None:
    a, gradients, _ = _worked_out(pooled, picture)
    expected = [(a * np.maximum(gradient[0, 0], 0)).sum(-1) for gradient in gradients]
    assert np.any(expected)
    for index in range(3):
        found = GradCamPlusPlus(normalised=True).explain(pooled, picture, index).heatmap
        np.testing.assert_allclose(found, expected[index], rtol=1e-5)
    a, gradients, _ = _worked_out(by_place, picture)
    largest = np.maximum(gradients[1], 0).max((0, 1))
    found = GradCamPlusPlus(normalised=True).explain(by_place, picture, 1).heatmap
    assert (found <= (a * largest).sum(-1) * (1 + 1e-5)).all()


def test_blank_maps_tell_what_was_seen() -> None:
    def reason(explainer: ClassActivation, activations: float, gradients: float) -> str:
        places = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
        seen = FeatureGradients(
            classifier="x",
            classes=(0,),
            activations=activations * places,
            gradients=np.full((1, 3, 4, 1), gradients, np.float32),
        )
        return str(explainer.interpret(seen, Target(0)).blank_reason)

    for explainer in FAMILY:
        assert "gradient is zero everywhere" in reason(explainer, 1, 0)
        assert "This layer is silent" in reason(explainer, 0, 1)
        assert "outweigh" in reason(explainer, -0.01, 1)
    for explainer in FAMILY[2:]:
        assert reason(explainer, 1, -1).startswith("No channel of this layer would raise the score")
    for explainer in FAMILY[:2]:
        assert "outweigh" in reason(explainer, 1, -1)
