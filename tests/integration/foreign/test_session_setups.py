"""The session libraries of docs/sessions.md, unmodified, through init and explore: the page holds.

Of PHP with locking only two changes are explored here: its other pairs have hundreds of runs, and stand in
the page from the same commands.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devenv.stack.files import SERVICE_FILE, write_atomically
from tests.support import ROOT, command_environment, devenv_run
from tools.sessions_page.measuring import PROGRAMS, init_words, shared, shortened
from tools.sessions_page.setups import EXPRESSIONS, SETUPS, Setup

from .packages import missing, needed, of_npm, of_pip

DATA: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "docs/sessions.json").read_text(encoding="utf-8"))
EXTENSIONS = {
    "php": ("-r", "exit(extension_loaded('redis') ? 0 : 1);"),
    "ruby": ("-e", "require 'rack/session/redis'; require 'webrick'"),
}
"""By program: what fails where the set-up's packages are not installed."""


def packages(setup: Setup, folder: Path) -> tuple[str, ...]:
    """Install what the set-up needs, with that of the others in its language; init's options for it."""
    program = setup.command.split()[0]
    together = [name for other in SETUPS if other.for_node == setup.for_node for name in other.packages]
    if not setup.packages:
        needed(program)
        words = [program, *EXTENSIONS[program]]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            missing(f"{' '.join(words)} fails: its Redis extension is not installed")
        return ()
    if setup.for_node:
        pairs = dict(name.rsplit("@", 1) for name in together)
        (folder / "package.json").write_text(json.dumps({"dependencies": pairs}), encoding="utf-8")
        of_npm(folder / "package.json", folder)
        return ()
    return ("--env", f"PYTHONPATH={of_pip(*sorted({*together}))}")


def compared(result: dict[str, Any]) -> dict[str, Any]:
    """Without the seconds."""
    return {name: item for name, item in result.items() if name != "seconds"}


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.title)
def test_what_the_page_says_holds(setup: Setup, tmp_path: Path) -> None:
    shutil.copyfile(PROGRAMS / setup.program, tmp_path / setup.program)
    words = (*init_words(setup, sys.executable), *packages(setup, tmp_path))
    environment = command_environment()
    init = devenv_run(tmp_path, environment, *words)
    assert init.returncode == 0, init.stderr
    if setup.shared_folder:
        file = tmp_path / SERVICE_FILE
        write_atomically(file, shared(file.read_text(encoding="utf-8")))
    [row] = [row for row in DATA["libraries"] if row["title"] == setup.title]
    expressions = EXPRESSIONS[:1] if "LOCKING" in setup.env else EXPRESSIONS
    explored = devenv_run(tmp_path, environment, "explore", *expressions, "--json")
    results = json.loads(explored.stdout)
    results = results.get("compared", [results])
    assert [result["scenario"] for result in results] == [*expressions]
    for result in results:
        assert compared(shortened(result)) == compared(row["results"][result["scenario"]])
