"""How many processor threads networks compute on: all there are, unless their process is told.

A process alone takes all cores. Of several side by side, each on all cores, every one waits for the
others; so each is told how many are its own, before it opens a network.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

AT_ONCE = 2
"""While one of two small batches waits in a small layer, the other keeps the cores busy."""


def use_threads(count: int) -> None:
    """Let the networks of this process compute on so many threads, and no more.

    TensorFlow settles its threads when it first computes, so this comes before. One thread takes
    one batch after the other through a network.

    Parameters
    ----------
    count : int
        How many, at least 1.

    Raises
    ------
    ValueError
        If it is below 1.
    RuntimeError
        If TensorFlow computes already, on another number.
    """
    import tensorflow as tf  # slow, and a process that only hands out work never needs it

    if count < 1:
        raise ValueError(f"A network computes on at least 1 thread, not on {count}.")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        raise RuntimeError(
            f"TensorFlow computes already, so it cannot be held to {count} "
            f"thread{'s' if count > 1 else ''} any more: say so before a network is opened."
        ) from error


@cache
def workers() -> ThreadPoolExecutor:
    """What takes batches through networks side by side, of all networks together."""
    import tensorflow as tf

    allowed = tf.config.threading.get_intra_op_parallelism_threads() or AT_ONCE
    return ThreadPoolExecutor(min(AT_ONCE, allowed), "classifier")
