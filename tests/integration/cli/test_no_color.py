"""``--no-color`` writes no escape sequence where a terminal is: on one, by every kind of output."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.integration.cli.conftest import CommandLine
from tests.support import devenv_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals of POSIX")
VERBS = (
    ("scenarios",),
    ("rollout", "plan", "added-canary"),
    ("export", "k8s"),
    ("doctor", "--no-probe", "--env-file", "env"),
    ("replay", "lost-session", "--strategy", "memory"),
    ("explain", "latest"),
    ("nonsense",),
)
"""Lists, tables, progress with a stack, pictures, errors."""


def on_terminal(devenv: CommandLine, *words: str) -> bytes:
    """What ``devenv`` writes when a terminal of 256 colours is its input and both of its outputs."""
    import pty

    ours, theirs = pty.openpty()
    unset = ("NO_COLOR", "CI", "FORCE_COLOR")
    kept = {name: value for name, value in devenv.environment().items() if name not in unset}
    with subprocess.Popen(
        devenv_command(*words),
        cwd=devenv.folder,
        env={**kept, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ):
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 65536):
                output += piece
        except OSError:  # Linux says so where the last process has closed its side
            pass
    os.close(ours)
    return output


def test_no_sequence_reaches_a_terminal(devenv: CommandLine) -> None:
    (devenv.folder / "env").write_text("REDIS_HOST=127.0.0.1\nUSE_REDIS=true\n", encoding="utf-8")
    coloured = on_terminal(devenv, "rollout", "plan", "added-canary")
    assert b"\x1b[" in coloured, "a terminal gets colours where nothing is said"
    for words in VERBS:
        output = on_terminal(devenv, *words, "--no-color")
        assert output, words
        assert b"\x1b" not in output, words
