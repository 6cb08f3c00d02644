"""A classifier that forgets: a copy whose layers can be re-initialised, from the top down."""

from typing import Any

import keras
import numpy as np

from explainers.classifiers.classifier import Classifier

NORMALISING = (keras.layers.Normalization, keras.layers.Rescaling)


class RandomisedClassifier(Classifier):
    """A copy of a classifier that can lose what it has learnt; the original is never touched.

    Parameters
    ----------
    original : Classifier

    Attributes
    ----------
    learnt : tuple of str
        Paths of the layers that have learnt something, early to late.

    Notes
    -----
    A layer is re-initialised by drawing each of its arrays anew from the normal distribution with
    the mean and the deviation that the array has. So what it has learnt is gone, but signals keep
    their strength, which with the usual initialisers they lose in deep networks. The statistics
    that a batch normalisation counted in training are kept.
    """

    def __init__(self, original: Classifier) -> None:
        super().__init__(
            _copied(original._graph.model),
            name=f"{original.name}, re-initialised",
            labels=original.labels,
            scaling=original.scaling,
            title=f"{original.title}, re-initialised",
            size=original.size,
        )
        self._originals = original._acting
        self._graph.model.trainable = True
        self.learnt = tuple(path for path in self._acting if self._drawn(path))

    def randomise(self, layers: int, seed: int = 0) -> None:
        """Re-initialise some layers, the last first; the others have what they have learnt.

        Parameters
        ----------
        layers : int
            How many of `learnt`.
        seed : int
            A layer is drawn the same way however many are.
        """
        for path, layer in self._acting.items():
            for own, learnt in zip(layer.weights, self._originals[path].weights, strict=True):
                own.assign(learnt)
        for place, path in enumerate(self.learnt[::-1][:layers]):
            random = np.random.default_rng((seed, place))
            for variable in self._drawn(path):
                values = keras.ops.convert_to_numpy(variable)
                drawn = random.normal(values.mean(), values.std(), values.shape)
                variable.assign(drawn.astype(values.dtype))

    def _drawn(self, path: str) -> list[Any]:
        """What a layer has learnt; its copy without an activation is no part of the model."""
        layer = self._acting[path]
        if isinstance(layer, NORMALISING):
            return []
        layer.trainable = True
        return list(layer.trainable_weights)

    def _frozen(self, function: Any, *signature: Any) -> Any:
        """As a graph that reads the weights, since they change."""
        return self._traced(function, *signature)


def _copied(model: keras.Model) -> keras.Model:
    """The same model with weights of its own; what normalises its inputs is settled as well."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return copy
