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

from devenv import __version__
from devenv.core.model.errors import DevenvError, EnvironmentProblem, InternalFault, UsageProblem

if TYPE_CHECKING:
    from devenv.cli.screen import Screen

INTERRUPTED = 130
TERMINATED = 143
_SUMMARY = 200
"""Characters of an unexpected error that are shown; the rest is in its file."""


class _Terminated(BaseException):
    """SIGTERM, raised where the program was, so that it tidies up on its way out."""


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run ``app`` on ``arguments`` (default: the process's own) and give the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without a letter must not end the verb
    _on_sigterm()
    if _is_plain(argv) and (len(argv) < 2 or {"--help", "-h"} & set(argv)):
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None  # bold and dim are sequences too
    try:
        code = app(args=argv, prog_name="devenv", standalone_mode=False)
        _flush()
    except DevenvError as error:
        return _end(error, argv)
    except KeyboardInterrupt:
        return _interrupted(argv)
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        _say_no_more()  # the reader of our output has ended (head, less)
        return 0
    except Exception as error:
        return _other(error, argv)
    if code == INTERRUPTED:  # newer Typers make an exit code of Ctrl-C themselves, and say nothing
        return _interrupted(argv)
    return code if isinstance(code, int) else 0


def _flush() -> None:
    """Write what standard output still holds; a full disk is reported here, not by Python at its end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EnvironmentProblem(f"standard output: cannot be written: {error.strerror}") from error


def _screen(argv: Sequence[str]) -> Screen:
    """Where problems are shown, as the options ask for; imported only when there is one to show."""
    from devenv.cli.screen import Screen

    return Screen(as_json="--json" in _options(argv), no_color=_is_plain(argv))


def _options(argv: Sequence[str]) -> Sequence[str]:
    return argv[: argv.index("--")] if "--" in argv else argv


def _is_plain(argv: Sequence[str]) -> bool:
    """Whether no escape sequence may be written."""
    return "--no-color" in _options(argv) or bool(os.environ.get("NO_COLOR"))


def _other(error: Exception, argv: Sequence[str]) -> int:
    """Typer's own errors are usage problems; any other is a fault of ours, which proves nothing."""
    if isinstance(error, typer.Abort):
        return _interrupted(argv)
    describe = getattr(error, "format_message", None)
    if callable(describe):
        command = getattr(getattr(error, "ctx", None), "command_path", "devenv")
        text = str(describe())
        if type(error).__name__ == "NoArgsIsHelpError":  # the text is the whole help, or was printed before
            if text:
                _screen(argv).help(text)
            text = ""
        message = " ".join(text.split()) or "a verb is missing"
        _screen(argv).problem(UsageProblem(message, hint=f"see `{command} --help`"))
        return UsageProblem.exit_code
    from devenv.stack.files import problem_of_the_machine

    return _end(problem_of_the_machine(error) or _fault(error, argv), argv)


def _end(problem: DevenvError, argv: Sequence[str]) -> int:
    """Show what ended the verb, as far as the streams can be written; gives its exit code."""
    try:
        _screen(argv).problem(problem)
        sys.stdout.flush()
    except (OSError, DevenvError):
        _say_no_more()
    return problem.exit_code


def _say_no_more() -> None:
    """Let standard output lead nowhere: Python writes what is left of it at its end, and would fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fault(error: Exception, argv: Sequence[str]) -> InternalFault:
    """An unexpected error, in one line; its traceback goes to a file that only its owner reads."""
    import platform
    import tempfile

    about = f"devenv {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
    whole = about + "".join(traceback.format_exception(error))
    try:
        handle, name = tempfile.mkstemp(prefix="devenv-fault-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(whole)
        where = f"the traceback is in {name}"
    except OSError:
        _screen(argv).trace(whole)
        where = "the traceback is above"
    text = " ".join(str(error).split())
    summary = text if len(text) <= _SUMMARY else f"{text[:_SUMMARY]}…"
    return InternalFault(
        f"a fault of devenv: {type(error).__name__}: {summary}",
        hint=f"{where}; please report it, and read it first: it may quote your data",
    )


def _interrupted(argv: Sequence[str]) -> int:
    _screen(argv).note("interrupted")
    return INTERRUPTED


def _on_sigterm() -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    try:
        signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread, as in a test
        return
