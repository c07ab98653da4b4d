"""Runs the command line: every ending becomes one clear line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

import typer

from devenv.cli.screen import Screen
from devenv.core.model.errors import DevenvError, Inconclusive, UsageProblem

INTERRUPTED = 130
TERMINATED = 143


class _Terminated(BaseException):
    """SIGTERM, raised where the program was, so that it tidies up on its way out."""


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run ``app`` on ``arguments`` (default: the process's own) and give the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = words[: words.index("--")] if "--" in words else words
    screen = Screen(as_json="--json" in options, no_color="--no-color" in options)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a letter is no reason to die
    _on_sigterm()
    try:
        code = app(args=words, prog_name="devenv", standalone_mode=False)
    except DevenvError as error:
        screen.problem(error)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(screen)
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        # Whoever read our output has gone (head, less): not worth a word, but Python would say one at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _other(error, screen)
    if code == INTERRUPTED:  # newer Typers make an exit code of Ctrl-C themselves, and say nothing
        return _interrupted(screen)
    return code if isinstance(code, int) else 0


def _other(error: Exception, screen: Screen) -> int:
    """Typer's own errors are usage problems; any other is a fault of ours, which proves nothing."""
    if isinstance(error, typer.Abort):
        return _interrupted(screen)
    describe = getattr(error, "format_message", None)
    if callable(describe):
        command = getattr(getattr(error, "ctx", None), "command_path", "devenv")
        said = " ".join(str(describe()).split()) or "a verb is missing"
        screen.problem(UsageProblem(said, hint=f"see `{command} --help`"))
        return UsageProblem.exit_code
    traceback.print_exc()
    screen.problem(Inconclusive(f"internal error: {type(error).__name__}: {error}"))
    return Inconclusive.exit_code


def _interrupted(screen: Screen) -> int:
    screen.note("interrupted")
    return INTERRUPTED


def _on_sigterm() -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    try:
        signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: a test, or somebody embedding us
        return
