"""Runs the command line: every ending becomes one clear line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

import typer

from devenv.core.model.errors import DevenvError, Inconclusive, UsageProblem

if TYPE_CHECKING:
    from devenv.cli.screen import Screen

INTERRUPTED = 130
TERMINATED = 143


class _Terminated(BaseException):
    """SIGTERM, raised where the program was, so that it tidies up on its way out."""


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run ``app`` on ``arguments`` (default: the process's own) and give the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without a letter must not end the verb
    _on_sigterm()
    try:
        code = app(args=words, prog_name="devenv", standalone_mode=False)
    except DevenvError as error:
        _screen(words).problem(error)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(words)
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        # The reader of our output has ended (head, less). Without this, Python prints an error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _other(error, words)
    if code == INTERRUPTED:  # newer Typers make an exit code of Ctrl-C themselves, and say nothing
        return _interrupted(words)
    return code if isinstance(code, int) else 0


def _screen(words: Sequence[str]) -> Screen:
    """Where problems are shown, as the options ask for; imported only when there is one to show."""
    from devenv.cli.screen import Screen

    options = words[: words.index("--")] if "--" in words else words
    return Screen(as_json="--json" in options, no_color="--no-color" in options)


def _other(error: Exception, words: Sequence[str]) -> int:
    """Typer's own errors are usage problems; any other is a fault of ours, which proves nothing."""
    if isinstance(error, typer.Abort):
        return _interrupted(words)
    describe = getattr(error, "format_message", None)
    if callable(describe):
        command = getattr(getattr(error, "ctx", None), "command_path", "devenv")
        text = str(describe())
        if type(error).__name__ == "NoArgsIsHelpError":  # the text is the whole help, or was printed before
            typer.echo(text, nl=bool(text))
            text = ""
        message = " ".join(text.split()) or "a verb is missing"
        _screen(words).problem(UsageProblem(message, hint=f"see `{command} --help`"))
        return UsageProblem.exit_code
    traceback.print_exc()
    _screen(words).problem(Inconclusive(f"internal error: {type(error).__name__}: {error}"))
    return Inconclusive.exit_code


def _interrupted(words: Sequence[str]) -> int:
    _screen(words).note("interrupted")
    return INTERRUPTED


def _on_sigterm() -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    try:
        signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread, as in a test
        return
