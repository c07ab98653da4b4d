"""``explore`` on services whose sessions take another number of answers than the contract's two."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import devenv_run

SERVICES = Path(__file__).parent / "replay_services"


def explored(folder: Path, environment: dict[str, str], expression: str) -> tuple[int, Any]:
    """Exit code and result of ``devenv explore`` in a service's folder."""
    done = devenv_run(folder, environment, "explore", expression, "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("limit", "code", "kinds", "noted"),
    [
        ("limit = 1", 0, set(), False),
        ("", 0, set(), True),
        ('limit = "none"', 1, {"not-linearizable"}, False),
        ("limit = 3", 1, {"not-linearizable"}, False),
    ],
)
def test_wrong_then_not_found(
    tmp_path: Path, environment: dict[str, str], limit: str, code: int, kinds: set[str], noted: bool
) -> None:
    folder = tmp_path / "service"
    shutil.copytree(SERVICES / "limit_one", folder)
    text = (folder / "devenv.toml").read_text(encoding="utf-8")
    (folder / "devenv.toml").write_text(text.replace("limit = 1", limit), encoding="utf-8")
    returncode, result = explored(folder, environment, "W+W")
    assert (returncode, {outcome["kind"] for outcome in result["violations"]}) == (code, kinds)
    assert result["complete"]
    assert bool(result["notes"]) == noted


def test_a_lock_of_two_commands_loses_attempts_and_its_busy_is_no_server_error(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    for expression, kind in (("W+W", "lost-attempt"), ("R+R", "double-success")):
        folder = tmp_path / kind
        shutil.copytree(SERVICES / "ttl_lock", folder)
        returncode, result = explored(folder, environment, expression)
        values = {violation["kind"]: violation for violation in result["violations"]}
        assert returncode == 1
        assert kind in values
        assert "server-error" not in values
        assert values[kind]["confirmed"]
        taken = [(step["who"], step["what"]) for step in values[kind]["steps"]]
        locks = [taken.index((name, "SETEX")) for name in ("V1", "V2")]
        asked = [taken.index((name, "TTL")) for name in ("V1", "V2")]
        assert max(asked) < min(locks)  # both ask for the lock before either takes it


def test_sessions_of_bytes_whose_answers_end_with_the_connection(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """A change while the session ends brings it back: that order alone, and its scenario shows it again."""
    folder = tmp_path / "service"
    shutil.copytree(SERVICES / "closing_answers", folder)
    text = (folder / "devenv.toml").read_text(encoding="utf-8")
    text = text.replace("python main.py", f"{Path(sys.executable).as_posix()} main.py")
    (folder / "devenv.toml").write_text(text, encoding="utf-8")
    returncode, result = explored(folder, environment, "W+R")
    [outcome] = result["violations"]
    assert (returncode, outcome["kind"], outcome["traces"], result["traces"]) == (1, "resurrected-key", 1, 4)
    assert (outcome["confirmed"], outcome["replayed"]) == (True, outcome["replays"])
    again = devenv_run(folder, environment, "replay", outcome["scenario_file"], "--strategy", "guide")
    assert again.returncode == 0, again.stdout + again.stderr

    (folder / "devenv.toml").write_text(text.replace("{ did =", "{ done ="), encoding="utf-8")
    for mode in ("learned", "direct"):
        ungraded = devenv_run(folder, environment, "explore", "W+W", "--mode", mode, "--json")
        assert ungraded.returncode == 3
        assert "no answer was graded" in json.loads(ungraded.stdout)["verdict"]
