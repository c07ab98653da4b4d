"""Runs ``devenv explore`` on each set-up, in a folder of its own with the packages that it names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.files import SERVICE_FILE, write_atomically
from tools.sessions_page.by_luck import pairs_by_luck
from tools.sessions_page.setups import EXPRESSIONS, SETUPS, Setup

PROGRAMS = Path(__file__).parent / "programs"
SHARED = ('redis = "always"\n', 'redis = "always"\nshared-folder = true\n')
"""The line of devenv.toml after which a set-up says that its folder is one for all pods."""


def measure_all(
    folder: Path, tell: Callable[[str], None], only: str = "", before: Sequence[dict[str, Any]] = ()
) -> Iterator[list[dict[str, Any]]]:
    """Every set-up whose title has ``only`` in it, others as they were ``before``; ``folder`` is temporary.

    Gives all rows after each measurement. A set-up that this machine cannot run (no PHP, no Ruby) stays as it
    was, or is left out.
    """
    rows = {row["title"]: row for row in before}
    for number, setup in enumerate(SETUPS):
        if only.lower() in setup.title.lower():
            try:
                rows[setup.title] = measure(setup, folder / f"setup-{number}", tell)
            except EnvironmentProblem as problem:
                tell(f"{setup.title}: {problem.message}")
            yield [rows[item.title] for item in SETUPS if item.title in rows]


def measure(setup: Setup, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """One set-up: its versions and the result of each expression."""
    program = setup.command.split()[0]
    if "{" not in program and shutil.which(program) is None:
        raise EnvironmentProblem(f"{program} is not installed")
    folder.mkdir()
    shutil.copyfile(PROGRAMS / setup.program, folder / setup.program)
    tell(f"{setup.title}: installing")
    python = _installed(setup, folder)
    began = time.monotonic()
    configure(setup, folder, python)
    init_seconds = round(time.monotonic() - began)
    results = {}
    for expression in EXPRESSIONS:
        tell(f"{setup.title}: {expression}")
        results[expression] = explored(folder, expression)
    tell(f"{setup.title}: pairs by luck")
    luck = pairs_by_luck(folder, EXPRESSIONS)
    versions = [_version(text) for text in setup.packages or map(_debian, setup.versions)]
    return {
        "title": setup.title,
        "versions": versions,
        "init_seconds": init_seconds,
        "results": results,
        "luck": luck,
    }


def configure(setup: Setup, folder: Path, python: str) -> None:
    """Let ``devenv init`` write the devenv.toml of the set-up in ``folder``; all pods may share that folder.

    ``python``: the interpreter that has its packages.
    """
    _run([sys.executable, "-m", "devenv", *init_words(setup, python)], folder)
    if setup.shared_folder:
        file = folder / SERVICE_FILE
        write_atomically(file, shared(file.read_text(encoding="utf-8")))


def init_words(setup: Setup, python: str) -> list[str]:
    """The command line that looks at a set-up's service."""
    env = [word for name, value in setup.env.items() for word in ("--env", f"{name}={value}")]
    return ["init", "--yes", "--command", setup.command.replace("{python}", python), *env]


def shared(text: str) -> str:
    """A devenv.toml, as ``init`` writes it, whose pods share its folder. Raises EnvironmentProblem."""
    if SHARED[0] not in text:
        raise EnvironmentProblem(f"{SERVICE_FILE}: init did not write {SHARED[0].strip()}")
    return text.replace(*SHARED)


def explored(folder: Path, expression: str) -> dict[str, Any]:
    """What ``devenv explore`` says of one expression, as far as the page has it."""
    command = [sys.executable, "-m", "devenv", "explore", expression, "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3) or not done.stdout.startswith("{"):
        raise EnvironmentProblem(f"explore {expression}: {done.stdout[-300:]} {done.stderr[-300:]}")
    return shortened(json.loads(done.stdout))


def shortened(result: dict[str, Any]) -> dict[str, Any]:
    """The figures of a result, and the order of each violation."""
    if "error" in result:
        return {"inconclusive": result["error"]["message"]}
    return {
        "orders": result["orders"],
        "together": [
            sum(violation["seen_together"]["orders"] for violation in result["violations"]),
            result["together"],
        ],
        "complete": result["complete"],
        "inconclusive": "" if result["violations"] else "; ".join(result["unclear"]),
        "refused": result["refused"]["orders"],
        "seconds": round(result["seconds"]),
        "violations": [
            {
                "kind": violation["kind"],
                "orders": violation["seen_in"]["orders"],
                "order": violation["order"],
                "confirmed": violation["confirmed"],
            }
            for violation in result["violations"]
        ],
    }


def _installed(setup: Setup, folder: Path) -> str:
    """Install its packages below ``folder``; the interpreter that has them."""
    if not setup.packages:
        return sys.executable
    if setup.for_node:
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", *setup.packages], folder)
        return sys.executable
    _run([sys.executable, "-m", "venv", "venv"], folder)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    _run([str(python), "-m", "pip", "install", "--quiet", *setup.packages], folder)
    return python.as_posix()


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run([*command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentProblem(f"{' '.join(command[:4])} failed: {done.stderr[-300:]}")


def _debian(name: str) -> str:
    query = ["dpkg-query", "--show", "--showformat=${Version}", name]
    if shutil.which(query[0]) is None:
        return name
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return f"{name}=={done.stdout}" if done.returncode == 0 else name


def _version(text: str) -> str:
    """``express 4.22.3`` of ``express@4.22.3`` or ``express==4.22.3``."""
    name, sign, version = text.rpartition("@") if "==" not in text else text.partition("==")
    return f"{name} {version}" if sign and name else text
