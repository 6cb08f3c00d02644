"""What a command says beside its answer: how far it is, on a terminal alone."""

import sys


def on_terminal() -> bool:
    """Whether anybody sees how far it is."""
    return sys.stderr.isatty()


def tell(text: str = "") -> None:
    """Put this into the line of the terminal that changes; nothing clears it."""
    if on_terminal():
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
