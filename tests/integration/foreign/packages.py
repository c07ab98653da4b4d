"""Packages of public registries for the foreign services: installed once into a folder that is kept."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

_NPM = ("npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
_PIP = ("-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check")


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it where everything that it needs must be there (DEVENV_REQUIRE_TOOLS=1)."""
    if os.environ.get("DEVENV_REQUIRE_TOOLS"):
        pytest.fail(why)
    pytest.skip(why)


def needed(*tools: str) -> None:
    """Skip or fail where one of these programs is not installed."""
    for tool in tools:
        shutil.which(tool) or missing(f"{tool} is not installed")


def of_pip(*requirements: str) -> Path:
    """A folder for PYTHONPATH with these packages; after ``--no-deps`` without what they need."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"

    def install(folder: Path) -> None:
        command = [sys.executable, *_PIP, "--target", str(folder), *requirements]
        subprocess.run(command, check=True, capture_output=True)

    return _kept(["pip", python, *requirements], install)


def of_npm(package_json: Path, folder: Path) -> None:
    """The packages that ``package_json`` names, as ``folder``/node_modules."""
    needed("node", "npm")
    wanted = json.loads(package_json.read_text(encoding="utf-8"))["dependencies"]

    def install(made: Path) -> None:
        shutil.copyfile(package_json, made / "package.json")
        subprocess.run(_NPM, cwd=made, check=True, capture_output=True)

    kept = _kept(["npm", json.dumps(wanted, sort_keys=True)], install)
    try:
        (folder / "node_modules").symlink_to(kept / "node_modules", target_is_directory=True)
    except OSError:  # Windows allows it to some users only
        shutil.copytree(kept / "node_modules", folder / "node_modules", symlinks=True)


def _kept(wanted: Sequence[str], install: Callable[[Path], None]) -> Path:
    """The folder that ``install`` fills, made at most once for each user, whoever else makes it meanwhile."""
    name = hashlib.sha256("\0".join(wanted).encode()).hexdigest()[:16]
    root = Path(tempfile.gettempdir()) / f"devenv-foreign-{getpass.getuser()}"
    root.mkdir(mode=0o700, exist_ok=True)
    folder = root / name
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=root))
        install(made)
        try:
            made.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(made)
    return folder
