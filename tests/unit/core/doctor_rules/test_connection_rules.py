"""The way to Redis, by made-up facts: each step that fails is one piece of advice, and the last one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.doctor_rules.facts import Certificate, Reach, Server, Speech, Tcp, Tls, Trust
from tests.unit.core.doctor_rules.made_up import OPEN, WELL, kinds

TLS_TARGET = replace(WELL.target, tls=True)
CERTIFICATE = Certificate("redis.example", "an authority", "2030-01-01", 100.0, ("redis.example",))


def spoken(speech: Speech, *, tls: bool = False) -> Server:
    """A server at an open port that speaks so; ``tls``: the settings ask for TLS."""
    return Server(TLS_TARGET if tls else WELL.target, WELL.pods, tcp=OPEN, speech=speech)


@pytest.mark.parametrize(
    ("reach", "kind"),
    [
        (Reach.UNKNOWN_HOST, "host-unknown"),
        (Reach.REFUSED, "port-closed"),
        (Reach.TIMEOUT, "no-answer"),
        (Reach.UNREACHABLE, "no-answer"),
    ],
)
def test_a_port_that_does_not_open(reach: Reach, kind: str) -> None:
    assert kinds(Server(WELL.target, WELL.pods, tcp=Tcp(reach, 0.1, "why"))) == [kind]


def test_the_stack_s_own_redis_that_refuses_has_stopped() -> None:
    refused = Tcp(Reach.REFUSED, 0.1, "why")
    assert kinds(Server(WELL.target, WELL.pods, tcp=refused, of_stack=True)) == ["redis-stopped"]


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (spoken(Speech.HTTP), "not-redis"),
        (spoken(Speech.OTHER), "not-redis"),
        (spoken(Speech.ENDED), "connection-ended"),
        (spoken(Speech.SILENT), "redis-silent"),
        (spoken(Speech.TLS), "tls-expected"),
        (spoken(Speech.REDIS, tls=True), "tls-not-offered"),
    ],
)
def test_what_answers_at_the_port(server: Server, kind: str) -> None:
    assert kinds(server) == [kind]


@pytest.mark.parametrize(
    ("trust", "sentences"),
    [
        (Trust.OK, []),
        (Trust.EXPIRED, ["certificate-expired"]),
        (Trust.NOT_YET, ["certificate-expired"]),
        (Trust.UNTRUSTED, ["certificate-untrusted"]),
        (Trust.WRONG_NAME, ["certificate-name"]),
        (Trust.NEEDS_CERTIFICATE, ["client-certificate"]),
        (Trust.FAILED, ["tls-failed"]),
    ],
)
def test_the_certificate(trust: Trust, sentences: list[str]) -> None:
    well = replace(WELL, target=TLS_TARGET, speech=Speech.TLS, tls=Tls(trust, "why", CERTIFICATE))
    assert kinds(well) == sentences


@pytest.mark.parametrize(
    ("login", "error", "kind"),
    [
        (False, "NOAUTH Authentication required.", "password-missing"),
        (True, "WRONGPASS invalid username-password pair or user is disabled.", "password-wrong"),
        (True, "ERR AUTH <password> called without any password configured", "password-unneeded"),
        (True, "NOPERM User x has no permissions to run the 'ping' command", "permission"),
        (False, "LOADING Redis is loading the dataset in memory", "not-ready"),
        (False, "MASTERDOWN Link with MASTER is down", "not-ready"),
        (False, "ERR max number of clients reached", "login-refused"),
        (False, "DENIED Redis is running in protected mode", "login-refused"),
    ],
)
def test_the_login(login: bool, error: str, kind: str) -> None:
    assert kinds(replace(WELL, target=replace(WELL.target, login=login), ping=error)) == [kind]
