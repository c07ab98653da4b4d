"""User-provided services on a running stack: where their sessions really are, whatever the stack provides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from devenv.cli import main
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.stack.files import SERVICE_FILE
from devenv.verbs.operate.select import open_stack
from tests.integration.verbs.doctor.conftest import World
from tests.support import ROOT, free_port

A, B = "captcha-api-a", "captcha-api-b"
TICKET_SERVICE = Path(__file__).with_name("ticket_service.py")
SWITCHED_LOGIN = ROOT / "tests" / "integration" / "own_service" / "services" / "switched_login.py"
LOGIN = """
[session]
open = { path = "/login" }
ask = { path = "/me", method = "GET" }

[session.requests]
logout = { path = "/logout", ends = true }
"""
PROFILE = """
[profile]
id = { field = "ticket" }

[profile.kinds.ticket]
create = { path = "/tickets" }
verify = { path = "/tickets/use", body = { ticket = "{id}" } }

[[profile.not-found]]
status = 404

[[profile.success]]
equals = { state = "open" }
"""


@contextmanager
def running(
    folder: Path,
    service: str,
    mode: RedisMode = RedisMode.STANDALONE,
    *,
    off: bool = False,
    program: Path = TICKET_SERVICE,
    profile: str = PROFILE,
) -> Iterator[None]:
    """Two pods of ``program`` with these lines of ``[service]``, in the current folder."""
    shutil.copyfile(program, folder / "main.py")
    text = f'[service]\napp = "main:app"\n{service}\n{profile}'
    (folder / SERVICE_FILE).write_text(text, encoding="utf-8")
    stack = open_stack("embedded", folder / ".devenv")
    parsed = parse_service(text, folder)
    spec = StackSpec(
        use_redis=parsed.switchable and not off,
        ports=Ports.free(),
        redis_mode=mode,
        service=parsed,
        strategy=Strategy.GUIDE,
    )
    stack.start(spec, lambda line: None)
    try:
        yield
    finally:
        stack.stop()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVENV_BACKEND", "embedded")
    for name in ("USE_REDIS", "SESSION_STRATEGY", "REDIS_PREFIX", "REDIS_DB", "DEVENV_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Redis that is not the stack's."""
    world = World(tmp_path_factory.mktemp("other"))
    world.start("other")
    try:
        yield world
    finally:
        world.stop()


def doctor(code: int, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["doctor", "--json", *words]) == code
    output: dict[str, Any] = json.loads(capsys.readouterr().out)
    return output


def kinds(message: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["kind"], item["cause"]) for item in message["findings"]]


@pytest.mark.parametrize("switch", ["redis = false", ""], ids=["without a switch", "with a switch"])
def test_a_service_that_keeps_all_in_memory(
    switch: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether or not it says that it has a switch: no session is known to the other pod."""
    with running(here, switch):
        report = doctor(1, capsys)
        assert main(["explain", "--json"]) == 1
        explained = json.loads(capsys.readouterr().out)
    (finding,) = report["findings"]
    assert f"ticket: opened on {A}, used on {B}: not found" in finding["evidence"] or "no key" in str(finding)
    assert finding["cause"] in {group["cause"] for group in explained["findings"]}
    assert finding["cause"] == ("pod-memory" if switch == "redis = false" else "wrong-port")


def test_a_login_session_in_memory_is_lost_whatever_devenv_toml_says_of_redis(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file says that its sessions are always in Redis, and no command shows where they are."""
    with running(here, 'redis = "always"', program=SWITCHED_LOGIN, profile=LOGIN):
        report = doctor(1, capsys)
    (finding,) = report["findings"]
    assert (finding["kind"], finding["cause"]) == ("lost-across-pods", "unexplained")
    lost = f'session: opened on {A}, used on {B}: HTTP 403: {{"detail":"please sign in"}}'
    assert lost in finding["evidence"]
    assert finding["evidence"][-1].endswith("the session is not in Redis")


def test_a_switch_of_another_name_is_advised_by_its_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """USE_REDIS means nothing to this service: neither verb speaks of it."""
    switch = 'redis = { on = { TICKETS_URL = "{redis_url}" }, off = {} }'
    with running(here, switch, off=True):
        report = doctor(1, capsys)
        assert main(["explain", "--json"]) == 1
        explained = json.loads(capsys.readouterr().out)
    (finding,) = report["findings"]
    assert finding["sentence"] == f"{A}, {B} with no TICKETS_URL: no session is in Redis"
    assert finding["change"] == {"text": "TICKETS_URL=redis://HOST:PORT/0", "file": A, "line": None}
    (group,) = explained["findings"]
    assert group["change"] == "keep sessions in Redis: TICKETS_URL=redis://HOST:PORT/0 on every pod"
    assert "USE_REDIS" not in json.dumps([report, explained])


EMPTIED = {"TICKETS_URL": ""}


@pytest.mark.parametrize(
    ("given", "cause"),
    [({A: EMPTIED, B: EMPTIED}, "pod-memory"), ({A: {}, B: EMPTIED}, "mixed-flags")],
    ids=["on both pods", "on one pod"],
)
def test_a_switch_that_carries_the_address_is_off_where_it_is_empty(
    given: dict[str, dict[str, str | None]], cause: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack's USE_REDIS is true, and what the pods were started with decides: no address is wrong."""
    with running(here, 'redis = { on = { TICKETS_URL = "{redis_url}" }, off = { TICKETS_URL = "" } }'):
        open_stack("embedded", here / ".devenv").restart_pods(given, lambda line: None)
        report = doctor(1, capsys)
        assert main(["explain", "--json"]) == 1
        explained = json.loads(capsys.readouterr().out)
    assert {finding["cause"] for finding in report["findings"]} == {cause}
    assert [group["cause"] for group in explained["findings"]] == [cause]
    assert "{redis_url}" not in json.dumps([report["findings"], explained["findings"]])


def test_a_switch_that_is_neither_on_nor_off_is_not_known(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its variable has neither value: doctor judges the sessions, and says nothing of the switch."""
    with running(here, 'redis = { on = { TICKETS_URL = "{redis_url}" }, off = { TICKETS_URL = "memory" } }'):
        open_stack("embedded", here / ".devenv").restart_pods({A: EMPTIED, B: EMPTIED}, lambda line: None)
        report = doctor(1, capsys)
        assert main(["explain", "--json"]) == 1
        explained = json.loads(capsys.readouterr().out)
    assert {finding["cause"] for finding in report["findings"]} == {"pod-memory"}
    assert [group["cause"] for group in explained["findings"]] == ["pod-memory"]
    evidence = json.dumps([finding["evidence"] for finding in report["findings"]])
    assert "is not set" not in evidence
    assert "TICKETS_URL=memory" not in json.dumps(report["findings"])
    check = next(check for check in report["checks"] if "TICKETS_URL" in check["check"])
    assert (check["state"], check["text"]) == ("unknown", "not known")


def test_a_service_that_env_sends_to_another_redis(
    here: Path, other: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """That Redis is looked at, and not the stack's own; its sessions are known to both pods."""
    url = f"redis://127.0.0.1:{other.port['other']}/0"
    with running(here, f'redis = false\nenv = {{ TICKETS_URL = "{url}" }}'):
        report = doctor(0, capsys)
    assert [server["address"] for server in report["servers"]] == [f"127.0.0.1:{other.port['other']}"]
    assert any("not behind the gate" in note for note in report["notes"])
    crossing = next(check for check in report["checks"] if check["check"] == "a session on another pod")
    assert (crossing["state"], crossing["text"][:6]) == ("ok", "2 of 2")


def test_a_service_that_env_sends_to_a_closed_port(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stack's own Redis is open; the one of the settings is not, and devenv.toml has its line."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    with running(here, f'redis = false\nenv = {{ TICKETS_URL = "{url}" }}'):
        report = doctor(1, capsys)
        assert main(["explain", "--json"]) == 1
        explained = capsys.readouterr().out
    assert kinds(report)[0] == ("port-closed", "wrong-port")
    # Each pod was asked for one ticket: its client's retries make every request a slow one.
    assert "2 challenges, 2 not created" in json.loads(explained)["verdict"]
    change = report["findings"][0]["change"]
    assert (change["file"], change["line"]) == (SERVICE_FILE, 4)


def test_a_service_that_env_sends_through_the_gate(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``{redis_url}`` is the stack's: its Redis is looked at, past the gate."""
    with running(here, 'redis = false\nenv = { TICKETS_URL = "{redis_url}" }'):
        report = doctor(0, capsys)
        one_service = open_stack("embedded", here / ".devenv").status().endpoints.redis_port
    assert [server["address"] for server in report["servers"]] == [f"127.0.0.1:{one_service}"]
    assert report["notes"] == []


MOVED = (RedisMode.CLUSTER, "{redis_url}", "plain", "plain-client-on-cluster", "cluster-plain-client")
NO_CLUSTER = (
    RedisMode.STANDALONE, "{redis_url}", "cluster",
    "cluster-client-on-standalone", "standalone-cluster-client",
)  # fmt: skip
NOAUTH = (RedisMode.ACL, "redis://{redis_host}:{redis_port}/0", "plain", "password-missing", "wrong-port")
WRONGPASS = (RedisMode.ACL, "redis://:x@{redis_host}:{redis_port}/0", "plain", "password-wrong", "wrong-port")


@pytest.mark.parametrize(
    ("mode", "url", "client", "kind", "cause", "fallback"),
    [(*MOVED, "0"), (*MOVED, "1"), (*NO_CLUSTER, "1"), (*NOAUTH, "0"), (*WRONGPASS, "1")],
    ids=[
        "MOVED, 500",
        "MOVED, memory",
        "cluster support disabled, memory",
        "NOAUTH, 500",
        "WRONGPASS, memory",
    ],
)
def test_what_the_gate_recorded_is_the_cause(
    mode: RedisMode,
    url: str,
    client: str,
    kind: str,
    cause: str,
    fallback: str,
    here: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its settings tell nothing of its client and its login; what Redis refused its pods does."""
    env = f'TICKETS_URL = "{url}", TICKETS_CLIENT = "{client}", TICKETS_FALLBACK = "{fallback}"'
    with running(here, f"redis = false\nenv = {{ {env} }}", mode):
        report = doctor(1, capsys)
    assert kinds(report) == [(kind, cause)]


def test_read_only_opens_no_session_and_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(here, "redis = false"):
        report = doctor(0, capsys, "--read-only")
    assert report["findings"] == []
    crossing = next(check for check in report["checks"] if check["check"] == "a session on another pod")
    assert crossing["state"] == "unknown"
