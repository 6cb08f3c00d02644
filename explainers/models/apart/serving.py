"""What the process of a stranger's model does: it opens it, tries it, and answers about it.

`process` starts it with the number of the process that asks; it reads and writes `messages`.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import tensorflow as tf

from explainers.classifiers.classifier import Classifier, Local
from explainers.classifiers.errors import MEMORY_LIMIT
from explainers.classifiers.prediction import Target
from explainers.classifiers.randomised import RandomisedClassifier, Way
from explainers.models.apart import messages
from explainers.models.apart.classifier import scaling_of
from explainers.models.apart.process import REFUSALS, memory_refused
from explainers.models.apart.trial import try_out
from explainers.models.model_file import at_size, built, explain_as

NICENESS = 5
"""Beside the process that asks, this leaves it a quarter of a processor that both want."""
TO_OPEN, TO_ASK = 3 * MEMORY_LIMIT, MEMORY_LIMIT + MEMORY_LIMIT // 4
"""Bytes that it may take to open a model, whose weights are held more than once meanwhile, and to
ask it: what is allowed for a picture, and some for the rest."""
METHODS = (
    "probabilities", "unmodified", "logits", "activations", "responses", "gradients",
    "answers_and_gradients", "masked_probabilities",
)  # fmt: skip


class Served:
    """A model that was opened, and the copies of it that forget.

    Parameters
    ----------
    tell : callable
        Tells the other side something before the answer.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._classifiers: list[Classifier] = []

    def open(
        self,
        config: dict[str, Any],
        keras_version: str,
        weights: str,
        own_labels: Sequence[str] | None,
        name: str,
        labels: Sequence[str] | None,
        scaling: str | dict[str, Any],
        size: Sequence[int] | None,
        any_size: Sequence[int] | None,
    ) -> dict[str, Any]:
        """Open what was recognised in a file, and try the model before it is believed."""
        _allow(TO_OPEN)
        own = built(config, keras_version, Path(weights), None)
        if size is None and own.any_size:
            size = any_size
        chosen = size if own.any_size else None
        self._tell({"phase": "trying", "size": chosen})
        _allow(TO_ASK)
        taken = at_size(own, _pair(size), lambda: try_out(own.model, _pair(size)))
        self._tell({"phase": "laying_flat", "size": chosen})
        _allow(TO_OPEN)
        fed = scaling if isinstance(scaling, str) else scaling_of(scaling)
        classifier = explain_as(
            own, name, labels or own_labels, fed, _pair(size), at_once=taken.at_once
        )
        _allow(TO_ASK)
        self._classifiers = [classifier]
        return {**facts(classifier), "seconds": taken.seconds, "at_once": taken.at_once}

    def ask(
        self, of: int, method: str, scaling: dict[str, Any], labels: Sequence[str] | None,
        arguments: list[Any],
    ) -> Any:  # fmt: skip
        """What a classifier answers, fed and labelled as the other side has it."""
        fed = self._classifiers[of].variant(scaling=scaling_of(scaling), labels=labels)
        if method == "surprise":
            return fed.surprise
        assert method in METHODS
        if method == "gradients":
            batch, targets, *rest = arguments
            arguments = [batch, [Target(*target) for target in targets], *rest]
        return _plain(getattr(fed, method)(*arguments))

    def randomised(self, pictures: Any) -> dict[str, Any]:
        """A copy that forgets, and its number."""
        copy = RandomisedClassifier(self._classifiers[0], pictures)
        self._classifiers.append(copy)
        return {**facts(copy), "number": len(self._classifiers) - 1, "learnt": copy.learnt}

    def randomise(self, of: int, layers: int, seed: int, way: Way) -> None:
        """Let a copy forget."""
        copy = self._classifiers[of]
        assert isinstance(copy, RandomisedClassifier)
        copy.randomise(layers, seed, way)

    def forget(self, numbers: Sequence[int]) -> None:
        """Let go of some copies; the others keep their numbers."""
        for number in numbers:
            self._classifiers[number] = self._classifiers[0]


def facts(classifier: Classifier) -> dict[str, Any]:
    """What is known of a classifier without asking it anything."""
    return {
        "name": classifier.name,
        "title": classifier.title,
        "labels": classifier.labels,
        "scaling": vars(classifier.scaling),
        "size": classifier.size,
        "any_size": classifier.any_size,
        "channels": classifier.channels,
        "paired": classifier.paired,
        "activation": classifier.activation,
        "derived": classifier.derived,
        "nesting": classifier.nesting,
        "summary": [astuple(layer) for layer in classifier.summary],
        "activated": {
            layer.path: after.path
            for layer in classifier.layers
            if (after := classifier.activated(layer.path)) is not None
        },
    }


def _pair(size: Sequence[int] | None) -> tuple[int, int] | None:
    return None if size is None else (size[0], size[1])


def _plain(answer: Any) -> Any:
    if isinstance(answer, Local):
        return [answer.values, answer.gradients]
    return [_plain(each) for each in answer] if isinstance(answer, list | tuple) else answer


def _allow(more: int) -> None:
    """Where the system can: no more memory from here on than that."""
    if sys.platform == "linux":
        import resource

        now = psutil.Process().memory_info().data
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (now + more, hard))


def _end_with(other: int) -> None:
    """End when the process that asks does, whatever is being computed."""
    while os.getppid() == other:
        time.sleep(1)
    os._exit(0)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until nobody asks any more."""
    served = Served(lambda told: messages.write(answers, told))
    while True:
        try:
            question = messages.read(questions)
        except EOFError:
            return
        try:
            served.forget(question.pop("forgotten"))
            answer = {"answer": getattr(served, question.pop("do"))(**question)}
        except (MemoryError, tf.errors.ResourceExhaustedError):
            messages.write(answers, {"refused": "EndedError", "said": memory_refused()})
            return
        except tuple(REFUSALS.values()) as reason:
            kind = next(name for name, kind in REFUSALS.items() if isinstance(reason, kind))
            answer = {"refused": kind, "said": str(reason.args[0])}
        except Exception as error:
            logging.getLogger(__name__).exception("This was not foreseen")
            answer = {"refused": "RuntimeError", "said": f"{type(error).__name__}: {error}"}
        messages.write(answers, answer)


def main() -> None:
    """Listen and answer; what libraries print is no message."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    serve(sys.stdin.buffer, answers)
