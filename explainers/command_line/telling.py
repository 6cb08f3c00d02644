"""What a command says beside its answer: how far it is, on a terminal alone."""

import sys


def tell(text: str = "") -> None:
    """Put this into the line of the terminal that changes; nothing clears it."""
    if sys.stderr.isatty():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
