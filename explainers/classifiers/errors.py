"""What a classifier refuses, each time in one sentence, and how much it may ask for.

The process that takes strangers' files apart reads this, so it imports nothing.
"""

MEMORY_LIMIT = 2**30
"""Bytes of weights, of one declared shape, and of what flows through the network for a picture."""


class ModelError(ValueError):
    """A model, or a file of one, that cannot be used; the text is one sentence that says why."""


class UnsupportedModelError(ModelError):
    """A model that cannot be explained; the text says why."""


class NoAnswerError(ValueError):
    """A network whose answer is not made of finite numbers; the text is a sentence that says so."""


class PassingError(ModelError):
    """A model that cannot be used now, for a reason that may be gone the next time."""


class EndedError(ModelError, NoAnswerError):
    """A model whose process has ended, because it asked for too much or broke down."""


class KilledError(EndedError, PassingError):
    """A model whose process was ended, and not for what it is."""
