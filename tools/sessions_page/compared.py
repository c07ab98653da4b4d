"""Services of docs/examples/sessions by ``devenv explore`` and by frontrun, which orders Python threads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devenv.core.model.errors import EnvironmentProblem
from tools.sessions_page.by_luck import pairs_by_luck

FRONTRUN = "frontrun"
"""What it is called in the command line."""
VERSION = "0.7.0"
PACKAGES = (f"frontrun=={VERSION}", "fastapi==0.165.0", "redis==8.1.0")
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "sessions"
PROGRAM = Path(__file__).parent / "programs" / "frontrun_example.py"
CASES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lost-update": ("theme+language", ("as-is", "xx", "merge")),
    "cart": ("2 add", ("as-is", "watch-wrong", "watch")),
    "unlock-before-delete": ("a+logout", ("as-is", "early", "inside")),
}
"""By example: what is explored, and the fixes: as it is, one that only looks right, the right one."""
TIMEOUT_S = 180


def compare(folder: Path, port: int, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Both on every case; ``folder`` is temporary, ``port`` that of a Redis. Raises EnvironmentProblem."""
    python = _with_frontrun(folder)
    rows: list[dict[str, Any]] = []
    for example, (expression, fixes) in CASES.items():
        tell(f"{example}: devenv explore {expression}")
        explored = _explored(folder, example, expression, fixes)
        for fix in fixes:
            tell(f"{example}, {fix}: frontrun, and pairs by luck")
            luck = pairs_by_luck(folder / example, [expression], _environment(fix))
            rows.append(
                {
                    "example": example,
                    "fix": fix,
                    "devenv": explored[fix],
                    "frontrun": _run(python, example, fix, port),
                    "luck": {"violations": luck[expression], **luck},
                }
            )
    return rows


def _with_frontrun(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "frontrun")], check=True)
    scripts = folder / "frontrun" / ("Scripts" if os.name == "nt" else "bin")
    done = subprocess.run(
        [str(scripts / "python"), "-m", "pip", "install", "--quiet", *PACKAGES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise EnvironmentProblem(f"frontrun {VERSION} cannot be installed: {done.stderr[-300:]}")
    return scripts / "python"


def _explored(folder: Path, example: str, expression: str, fixes: tuple[str, ...]) -> dict[str, Any]:
    shutil.copytree(EXAMPLES / example, folder / example)
    command = [sys.executable, "-m", "devenv", "explore", expression, "--compare", ",".join(fixes), "--json"]
    done = subprocess.run(command, cwd=folder / example, capture_output=True, text=True, check=False)
    results = json.loads(done.stdout)["compared"]
    return {
        result["fix"]: {
            "holds": not result["violations"] if result["complete"] else None,
            "runs": result["runs"],
            "seconds": round(result["seconds"], 1),
        }
        for result in results
    }


def _environment(fix: str) -> Mapping[str, str]:
    """The variables of a fix, as each example's devenv.toml has them."""
    return {"STORE": "plain" if fix == "as-is" else fix}


def _run(python: Path, example: str, fix: str, port: int) -> dict[str, Any]:
    env = {**os.environ, "REDIS_URL": f"redis://127.0.0.1:{port}", **_environment(fix)}
    command = [str(python.with_name("frontrun")), str(python), str(PROGRAM), str(EXAMPLES / example)]
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return {"holds": None, "runs": None, "seconds": None}
    return answer
