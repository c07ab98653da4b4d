"""Proxies before Redis: what they do not pass on is not known, and never "nothing found"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.cli import main
from tests.integration.verbs.doctor.conftest import Doctor
from tests.integration.verbs.doctor.redis_proxies import FEW, NO_PING, haproxy, redis_proxy

UNTRIED = "a Redis proxy; what the store needs cannot be tried"


def examined(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["doctor", "--json", *words]) == code
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def states(message: dict[str, Any]) -> dict[str, str]:
    return {check["check"]: check["state"] for check in message["checks"]}


@pytest.mark.parametrize("source", ["url", "settings"])
def test_a_proxy_that_hangs_up(source: str, doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    with redis_proxy(doctor.world.port["plain"], FEW) as port:
        words = ["--redis-url", f"redis://127.0.0.1:{port}"]
        if source == "settings":
            text = f"USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_PORT={port}\n"
            words = ["--env-file", str(doctor.write("p.env", text))]
        report = examined(words, 3, capsys)
        assert main(["doctor", *words]) == 3
        shown = capsys.readouterr().out
    assert report["verdict"] == "inconclusive"
    kind = next(check for check in report["checks"] if check["check"] == "cluster or standalone")
    assert kind["text"].startswith(UNTRIED)
    assert all(name in kind["text"] for name in ("INFO", "HELLO", "SCAN"))
    all_states = states(report)
    assert {name for name, state in all_states.items() if state == "unknown"} == {
        "cluster or standalone", "eviction", "commands", "keys",
    }  # fmt: skip
    assert all_states["writing"] == "ok"  # SET, TTL and DEL go through
    assert UNTRIED in shown
    assert "nothing found" not in shown
    assert "could not be read: cluster or standalone" in shown


def test_what_goes_through_is_told_from_what_does_not(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    with redis_proxy(doctor.world.port["plain"], FEW) as port:
        text = f"USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_PORT={port}\nSESSION_STRATEGY=guide\n"
        report = examined(["--env-file", str(doctor.write("p.env", text))], 3, capsys)
    commands = next(check for check in report["checks"] if check["check"] == "commands")
    assert commands["text"] == f"{UNTRIED}: MULTI"


def test_a_proxy_without_ping(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no "not Redis": a GET is answered as Redis answers it."""
    with redis_proxy(doctor.world.port["plain"], NO_PING) as port:
        report = examined(["--redis-url", f"redis://127.0.0.1:{port}/3"], 3, capsys)
    assert report["findings"] == []
    assert {"login", "database"} <= {name for name, state in states(report).items() if state == "unknown"}


@pytest.mark.parametrize(
    "refusal",
    ["-ERR unknown command '{name}'", "-ERR unsupported command '{name}'", "-invalid request"],
)
def test_a_proxy_that_refuses(refusal: str, doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    """A Redis server knows INFO, whatever else it does not permit."""
    with redis_proxy(doctor.world.port["plain"], FEW, refusal) as port:
        report = examined(["--redis-url", f"redis://127.0.0.1:{port}"], 3, capsys)
    kind = next(check for check in report["checks"] if check["check"] == "cluster or standalone")
    assert kind["text"].startswith(UNTRIED)
    assert refusal.replace("{name}", "INFO").removeprefix("-") in kind["text"]
    assert report["findings"] == []


def test_haproxy_passes_everything_on(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    with haproxy(doctor.world.port["plain"], doctor.folder) as port:
        report = examined(["--redis-url", f"redis://127.0.0.1:{port}"], 0, capsys)
    assert set(states(report).values()) == {"ok"}


def test_haproxy_without_a_server_behind_it(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    with haproxy(doctor.world.port["closed"], doctor.folder) as port:
        report = examined(["--redis-url", f"redis://127.0.0.1:{port}"], 1, capsys)
    (finding,) = report["findings"]
    assert finding["kind"] == "connection-ended"
    assert "load balancer" in finding["change"]["text"]


def test_a_user_without_info_is_no_proxy(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    """HELLO tells the kind; eviction is not known, and said so."""
    client = doctor.world.client("roomy")
    client.execute_command("ACL", "SETUSER", "quiet", "on", "nopass", "~*", "+@all", "-info")  # type: ignore[no-untyped-call]
    report = examined(["--redis-url", doctor.put("redis://quiet:x@127.0.0.1:{port[roomy]}")], 0, capsys)
    assert {name for name, state in states(report).items() if state == "unknown"} == {"eviction"}
