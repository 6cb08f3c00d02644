"""A classifier that forgets: a copy whose layers lose what they have learnt, from the top down."""

from collections.abc import Callable
from functools import singledispatch
from typing import Any, Literal

import keras
import numpy as np

from explainers.classifiers.classifier import Classifier
from explainers.classifiers.folding import Settled

NORMALISING = (keras.layers.Normalization, keras.layers.Rescaling)

Way = Literal["untrained", "shuffled", "normal"]
"""How a layer forgets.

- ``"untrained"``: as it was before training, drawn by the initialisers that the layer itself names;
- ``"shuffled"``: the values of each array in a random order;
- ``"normal"``: each array drawn from the normal distribution with its mean and its deviation.
"""

_DRAWN: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "shuffled": lambda random, values: random.permuted(values.ravel()).reshape(values.shape),
    "normal": lambda random, values: random.normal(values.mean(), values.std(), values.shape),
}


class RandomisedClassifier(Classifier):
    """A copy of a classifier that can lose what it has learnt; the original is never touched.

    Parameters
    ----------
    original : Classifier
    pictures : (n, h, w, 3) float32 ndarray
        Over which forgotten batch normalisations count their statistics anew.

    Attributes
    ----------
    learnt : tuple of str
        Paths of the layers that have learnt something, early to late.

    Notes
    -----
    A batch normalisation that forgets, counts: its mean and its variance become those of what it
    is given for `pictures`, layer by layer, so that signals keep their strength whatever the way.
    With the statistics of training they do not. The figures are of EfficientNet-Lite0, its five
    sample pictures and three to five seeds. As it is, its logits deviate by 1.1 within an answer,
    and by 0.9 from picture to picture. With everything forgotten:

    =========  ===============  ================  =============  ================
    way        statistics kept  between pictures  counted anew   between pictures
    =========  ===============  ================  =============  ================
    untrained  0.30 to 0.34     0.00000003        0.32 to 0.59   0.14 to 0.15
    shuffled   6.8 to 7.2       0.24 to 0.31      0.13 to 1.50   0.46 to 0.53
    normal     6.8 to 7.2       0.28 to 0.32      0.15 to 1.36   0.41 to 0.47
    =========  ===============  ================  =============  ================

    So kept statistics make an untrained network deaf to the picture and the others loud: the
    probability of what they had seen fell to 1e-9 and below, where copies that count give it about
    the 0.001 of a thousand classes. Untrained copies that count are the steadiest, with a quarter,
    a half or three quarters of the layers forgotten as well (0.36 to 0.51, against 0.14 to 1.21),
    and say what it is to have learnt nothing; hence the default. Counted over `natural_noise`
    instead of photographs, deviations rise to 5 or 6 where half of the layers remember: noise does
    not excite what they have learnt. A network without batch normalisation has nothing to count;
    there untrained layers may weaken signals, and the other ways come closer to what it had.
    """

    def __init__(self, original: Classifier, pictures: np.ndarray) -> None:
        super().__init__(
            _copied(original._graph.model),
            name=f"{original.name}, re-initialised",
            labels=original.labels,
            scaling=original.scaling,
            title=f"{original.title}, re-initialised",
            size=original.size,
        )
        self._originals = original._acting
        self._pictures = pictures
        self._graph.model.trainable = True
        self.learnt = tuple(path for path in self._acting if self._drawn(path))

    def randomise(self, layers: int, seed: int = 0, way: Way = "untrained") -> None:
        """Let some layers forget, the last first; the others have what they have learnt.

        Parameters
        ----------
        layers : int
            How many of `learnt`.
        seed : int
            A layer is drawn the same way however many are.
        way : {"untrained", "shuffled", "normal"}
            See `Way`.
        """
        for path, layer in self._acting.items():
            for own, learnt in zip(layer.weights, self._originals[path].weights, strict=True):
                own.assign(learnt)
        forgotten = self.learnt[::-1][:layers]
        for place, path in enumerate(forgotten):
            random = np.random.default_rng((seed, place))
            for variable, values in zip(
                self._drawn(path), self._anew(path, way, random), strict=True
            ):
                variable.assign(values)
        if forgotten and self._normalisations(forgotten[-1]):
            self._compiled("counted", forgotten[-1])(self._feed(self._pictures))

    def _drawn(self, path: str) -> list[Any]:
        """What a layer has learnt; its copy without an activation is no part of the model."""
        layer = self._acting[path]
        if isinstance(layer, NORMALISING):
            return []
        layer.trainable = True
        return list(layer.trainable_weights)

    def _anew(self, path: str, way: Way, random: np.random.Generator) -> list[Any]:
        """Other values for what a layer has learnt."""
        if way == "untrained":
            return _untrained(self._acting[path], random)
        values = [keras.ops.convert_to_numpy(variable) for variable in self._drawn(path)]
        return [_DRAWN[way](random, array).astype(array.dtype) for array in values]

    def _normalisations(self, lowest: str) -> list[Any]:
        """The batch normalisations from a layer on."""
        paths = list(self._acting)
        layers = [self._acting[path] for path in paths[paths.index(lowest) :]]
        return [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]

    def _compile_counted(self, lowest: str) -> Callable:
        """One pass: each counts what the one before it, already counted, lets through."""
        instead = {**self._head.instead}
        for layer in self._normalisations(lowest):
            layer.momentum = 0.0  # no memory of what was counted before
            instead[layer] = _counting(layer)
        return self._traced(lambda inputs: self._graph(inputs, instead=instead), self._inputs)

    def _settle(self) -> tuple[Settled, ...]:
        """Nothing, since the weights change."""
        return ()


@singledispatch
def randomised(original: Classifier, pictures: np.ndarray) -> RandomisedClassifier:
    """A copy that can lose what it has learnt, wherever the network of the original is.

    The parameters are those of `RandomisedClassifier`.
    """
    return RandomisedClassifier(original, pictures)


def _copied(model: keras.Model) -> keras.Model:
    """The same model with weights of its own; what normalises its inputs is settled as well."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return copy


def _counting(layer: Any) -> Callable:
    """A batch normalisation as it acts in training."""
    return lambda *args, **kwargs: layer(*args, **{**kwargs, "training": True})


def _untrained(layer: Any, random: np.random.Generator) -> list[Any]:
    """What a layer would have learnt nothing with, array by array.

    Each array comes from a layer of its own: the parts of one may share its only seed.
    """
    found = []
    for place in range(len(layer.trainable_weights)):
        fresh = type(layer).from_config(_seeded(layer.get_config(), random))
        fresh.build_from_config(layer.get_build_config())
        fresh.trainable = True
        found.append(fresh.trainable_weights[place])
    return found


def _seeded(config: Any, random: np.random.Generator) -> Any:
    """A layer's config with all seeds drawn anew."""
    if isinstance(config, dict):
        return {
            key: int(random.integers(2**31)) if key == "seed" else _seeded(value, random)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_seeded(value, random) for value in config)
    return config
