"""What can be done without a screen, and the way to the screen: ``triptych``.

Each command is a file beside this one, which is imported when it is asked for.
"""

import errno
import io
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from explainers import __version__

COMMANDS = {
    "app": "Start the app; so does no command at all.",
    "explain": "Say where the network looked in pictures.",
    "compare": "Say how far several methods agree on pictures.",
    "report": "Write reports of pictures, one file each that opens anywhere.",
    "replay": "Run a record again: does it still say that?",
    "survey": "Look at every picture of a folder.",
    "check-up": "Say what a model is, and whether it is fed right.",
}
FAILED, INTERRUPTED = 1, 130
"""What the shell is told: something could not be done; Ctrl-C, as it takes that itself."""
STDOUT = 1


class Commands(click.Group):
    """The commands, none of which is imported before it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{name.replace('-', '_')}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    "triptych",
    cls=Commands,
    invoke_without_command=True,
    epilog="""\b
    Examples:
      triptych                            the app, in your browser
      triptych explain cat.jpg            where the network looked, in three ways
      triptych explain cat.jpg --json     the same with every number: a record
      triptych replay cat.json            does the record still say what it said?
      triptych report cat.jpg             one file to mail
      triptych compare *.jpg --out maps   how far the methods agree, and pictures of it
      triptych check-up pets.keras        what a model of yours is
      triptych survey photos --out run    a whole folder

    'triptych COMMAND --help' says more of each. Where there is no file 'cat', 'coffee', 'rocket',
    'motorcycle' or 'astronaut', these are the pictures that come along.
    """,
)
@click.version_option(__version__, message="Triptych %(version)s")
@click.pass_context
def triptych(context: click.Context) -> Any:
    """Where did the network look? Several explanations of one decision, side by side."""
    if context.invoked_subcommand is None:
        from explainers.command_line import app

        return context.invoke(app.command)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for, and give the exit status.

    0 if it was done; 1 if it was not, or not for all pictures, and why was printed in a sentence;
    2 if it was asked for in a way that cannot be understood; 130 after Ctrl-C.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = triptych.main(arguments, standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as reason:
        said = reason.format_message()
        path = triptych.name if reason.ctx is None else reason.ctx.command_path
        ended = said if said.endswith((".", "?")) else f"{said}."
        print(f"{ended} '{path} --help' says how.", file=sys.stderr)
        return reason.exit_code
    except click.ClickException as reason:
        print(reason.format_message(), file=sys.stderr)
        return reason.exit_code
    except OSError as error:
        return _cut_off(error)
    except click.Abort:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    return status or 0


def _cut_off(error: OSError) -> int:
    """Say what this machine refused, unless who reads has left; nothing more is written then."""
    if error.errno != errno.EPIPE:
        at = f" ({error.filename!r})" if error.filename is not None else ""
        print(f"Something could not be read or written: {error.strerror}{at}.", file=sys.stderr)
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    return FAILED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
