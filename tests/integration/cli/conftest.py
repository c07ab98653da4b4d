"""The command line as people run it: a process, in a folder of its own, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from devenv.stack.embedded.warm_client import SOCKET
from tests.support import devenv_command, devenv_run

PRIVATE_FOLDERS = ("logs", "run", "runs")
"""Of a stack's state; each was readable by everybody once."""


@dataclass(frozen=True)
class CommandLine:
    """Runs ``devenv`` in ``folder``."""

    folder: Path

    def environment(self) -> dict[str, str]:
        unwanted = ("DEVENV_", "USE_REDIS", "SESSION_STRATEGY", "REDIS_", "CAPTCHA_TTL", "LC_", "LANG")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        ports = {f"DEVENV_{name}_PORT": "0" for name in ("TRAFFIC", "CONTROL", "ML", "REDIS", "GATE")}
        server = {name: value for name, value in os.environ.items() if name == "DEVENV_REDIS_SERVER"}
        return {**kept, **ports, **server, "DEVENV_BACKEND": "embedded", "LC_ALL": "C.UTF-8"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A stack that it starts is a fork of the tests' warm process; ``start`` starts all by itself."""
        shared = {name: value for name, value in os.environ.items() if name == SOCKET}
        return devenv_run(self.folder, {**self.environment(), **shared}, *words)

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        lines = done.stdout.splitlines()
        assert len(lines) == 1, done.stdout
        report: dict[str, Any] = json.loads(lines[0])
        return report

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            devenv_command(*words),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    @staticmethod
    def read_until(process: subprocess.Popen[str], word: str) -> str:
        """What the process printed up to the line with ``word``; the pipe's end fails the test."""
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if word in line:
                return "".join(seen)
        raise AssertionError(f"ended without {word!r}:\n{''.join(seen)}")

    @staticmethod
    def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
        """The process with everything below it, as it is now."""
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]

    @staticmethod
    def interrupt(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)


@pytest.fixture
def devenv(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A detached stack of two pods with USE_REDIS=false, in a folder that an earlier version has used."""
    line = CommandLine(tmp_path_factory.mktemp("stack"))
    for name in PRIVATE_FOLDERS:
        (line.folder / ".devenv" / name).mkdir(parents=True, mode=0o755)
    line.json("up", "--detach")
    yield line
    assert line.json("down") == {"stopped": ["embedded"]}
