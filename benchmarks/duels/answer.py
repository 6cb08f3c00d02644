"""The answer to one picture, against Keras itself, called and by `model.predict`."""

import numpy as np

from benchmarks.duels.duel import Duel, Duels, Subject


def duels(subject: Subject) -> Duels:
    model, scaled = subject.model, subject.scaled

    def answer() -> np.ndarray:
        return subject.classifier.predict(subject.pixels).probabilities

    def called() -> np.ndarray:
        return model(scaled, training=False).numpy()

    def predicted() -> np.ndarray:
        return model.predict(scaled, verbose=0)

    for peer, peers in (("model(x)", called), ("model.predict", predicted)):
        yield "Answer to one picture", Duel(peer, peers, answer, None, subject.repetitions)
