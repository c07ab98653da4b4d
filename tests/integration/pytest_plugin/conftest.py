"""pytest in a process and a folder of its own, with the plugin as people get it: through its entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from devenv.stack.embedded.warm_client import SOCKET

UNWANTED = ("DEVENV_", "USE_REDIS", "SESSION_STRATEGY", "REDIS_", "CAPTCHA_TTL", "PYTEST_")


@dataclass(frozen=True)
class Project:
    """A project's folder; ``pytest`` runs its tests."""

    folder: Path

    def command(self, *words: str) -> list[str]:
        # In the order of the file and in one process, whatever runs us.
        return [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:xdist", "--no-header", *words]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        server = {name: value for name, value in os.environ.items() if name == "DEVENV_REDIS_SERVER"}
        return {**kept, **server, "COLUMNS": "100", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}

    def pytest(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Its stack is a fork of the tests' warm process; one with ``environment`` starts all by itself."""
        shared = {name: value for name, value in os.environ.items() if name == SOCKET}
        return subprocess.run(
            self.command(*words), cwd=self.folder, env={**self.environment(), **shared}, capture_output=True,
            encoding="utf-8", timeout=170, check=False,
        )  # fmt: skip

    def left_behind(self) -> list[object]:
        """Folders of stacks, and processes that were given a path in the project's folder or work in it."""
        folders: list[object] = list(self.folder.glob(".devenv/temporary-*"))
        processes = [
            process.info
            for process in psutil.process_iter(["pid", "cmdline", "cwd"])
            if any(
                str(self.folder) in word
                for word in [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
            )
        ]
        return [*folders, *processes]


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Project]:
    """Makes a project of one test file."""

    def make(text: str) -> Project:
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
        return Project(tmp_path)

    return make


@pytest.fixture
def folder_project() -> Callable[[Path], Project]:
    """A project that is there already."""
    return Project
