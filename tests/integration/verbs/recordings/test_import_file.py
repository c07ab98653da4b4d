"""An imported recording, replayed on a service of another kind: over two pods it fails, on one it holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import ROOT, command_environment, devenv_here

CASES = ROOT / "tests" / "unit" / "verbs" / "recordings" / "data" / "cases"
SERVICE = Path(__file__).parent / "uploads"


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
    environment = command_environment()
    imported = devenv_here(tmp_path, environment, *words)
    assert imported.returncode == 0, imported.stderr
    replayed = devenv_here(tmp_path, environment, "replay", "played.yaml", "--strategy", "memory")
    assert replayed.returncode == code, replayed.stdout + replayed.stderr
    assert seen in replayed.stdout
