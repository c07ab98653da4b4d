"""An imported recording, replayed on a service of another kind: over two pods it fails, on one it holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

CASES = ROOT / "tests" / "unit" / "verbs" / "recordings" / "data" / "cases"
SERVICE = Path(__file__).parent / "uploads"


def devenv(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    free = {f"DEVENV_{name}_PORT": "0" for name in ("TRAFFIC", "CONTROL", "ML", "REDIS", "GATE")}
    kept = {name: item for name, item in os.environ.items() if not name.startswith(("DEVENV_", "REDIS_"))}
    environment = {**kept, **free, "DEVENV_BACKEND": "embedded", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "devenv", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize(
    ("case", "pods", "code", "seen"),
    [
        ("08-har-relative-location.har", "2", 1, "expected 204, got 404"),
        ("08-har-relative-location.har", "1", 0, "✓ holds"),
        ("09-har-socketio-polling.har", "2", 1, "expected 200, got 400"),
        ("09-har-socketio-polling.har", "1", 0, "✓ holds"),
    ],
)
def test_links_and_sessions_are_those_of_the_replay(
    case: str, pods: str, code: int, seen: str, tmp_path: Path
) -> None:
    shutil.copytree(SERVICE, tmp_path, dirs_exist_ok=True)
    words = ("import", "har", str(CASES / case), "--no-pauses", "--pods", pods, "--out", "played.yaml")
    imported = devenv(tmp_path, *words)
    assert imported.returncode == 0, imported.stderr
    replayed = devenv(tmp_path, "replay", "played.yaml", "--strategy", "memory")
    assert replayed.returncode == code, replayed.stdout + replayed.stderr
    assert seen in replayed.stdout
