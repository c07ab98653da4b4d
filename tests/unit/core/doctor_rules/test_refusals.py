"""What Redis refused: doctor and explain give the same cause to the same words."""

from __future__ import annotations

import pytest

from devenv.core.diagnosis.trace_diagnosis import diagnose as explain
from devenv.core.doctor_rules.advice import CAUSES
from devenv.core.doctor_rules.facts import Refusal
from devenv.core.doctor_rules.refusals import CHANGES, first_kind, kind_of
from tests.unit.core.diagnosis.conftest import DOC, NOT_FOUND, A, B, Trace, wrong

CONNECTING = [
    ("AUTH", "WRONGPASS invalid username-password pair or user is disabled.", "wrong-port"),
    ("AUTH", "ERR invalid password", "wrong-port"),
    ("AUTH", "ERR AUTH <password> called without any password configured", "wrong-port"),
    ("HELLO", "NOAUTH HELLO must be called with the client already authenticated", "wrong-port"),
    ("PING", "NOAUTH Authentication required.", "wrong-port"),
    ("PING", "DENIED Redis is running in protected mode", "wrong-port"),
    ("CLUSTER SLOTS", "ERR This instance has cluster support disabled", "standalone-cluster-client"),
    ("SELECT", "ERR SELECT is not allowed in cluster mode", "cluster-database"),
]  # fmt: skip
"""On the way to Redis: the pod then keeps the session in its memory."""
READING = [
    ("MOVED 866 10.0.0.7:7001", "cluster-plain-client"),
    ("LOADING Redis is loading the dataset in memory", "redis-dies"),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "redis-dies"),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", "wrong-type"),
]
WRITING = [
    ("OOM command not allowed when used memory > 'maxmemory'.", "writes-refused"),
    ("READONLY You can't write against a read only replica.", "writes-refused"),
    ("MISCONF Redis is configured to save RDB snapshots", "writes-refused"),
    ("NOREPLICAS Not enough good replicas to write.", "writes-refused"),
    ("NOPERM this user has no permissions to run the 'set' command", "writes-refused"),
    ("CLUSTERDOWN The cluster is down", "writes-refused"),
]


def doctor(command: str, error: str) -> str:
    kind = kind_of(Refusal(B, command, error))
    assert kind is not None
    assert kind in CHANGES
    return CAUSES[kind][0]


@pytest.mark.parametrize(("command", "error", "cause"), CONNECTING)
def test_a_refusal_on_the_way_to_redis(command: str, error: str, cause: str) -> None:
    trace = Trace()
    trace.pods(USE_REDIS="true", REDIS_DB="1")
    trace.say(A, command, "", f"-{error}")
    trace.say(B, command, "", f"-{error}")
    challenge = trace.create(A)
    trace.verify(B, challenge, NOT_FOUND)
    assert [item.cause for item in explain(trace.events)] == [cause]
    assert doctor(command, error) == cause


@pytest.mark.parametrize(("error", "cause"), READING)
def test_a_refused_read(error: str, cause: str) -> None:
    trace = Trace()
    trace.pods(USE_REDIS="true")
    challenge = trace.create(A, in_redis=True)
    trace.verify(B, challenge, NOT_FOUND, ("GET", f"-{error}"))
    assert [item.cause for item in explain(trace.events)] == [cause]
    assert doctor("GET", error) == cause


@pytest.mark.parametrize(("error", "cause"), WRITING)
def test_a_refused_write(error: str, cause: str) -> None:
    trace = Trace()
    trace.pods(USE_REDIS="true")
    challenge = trace.create(A, in_redis=True)
    trace.verify(B, challenge, wrong(None), ("GET", DOC), ("TTL", "59"), ("SET", f"-{error}"))
    assert [item.cause for item in explain(trace.events)] == [cause]
    assert doctor("SET", error) == cause


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("CLIENT SETINFO", "ERR unknown subcommand 'SETINFO'. Try CLIENT HELP."),
        ("EVALSHA", "NOSCRIPT No matching script. Please use EVAL."),
        ("HELLO", "ERR unknown command 'HELLO'"),
        ("PING", "ERR this address is not welcome"),
    ],
)
def test_a_refusal_that_tells_nothing(command: str, error: str) -> None:
    """Clients get over the first three; of the last nobody knows what it means."""
    assert kind_of(Refusal(B, command, error)) is None


def test_the_first_refusal_that_means_something_counts() -> None:
    noise = Refusal(B, "CLIENT SETINFO", "ERR unknown subcommand 'SETINFO'")
    moved = Refusal(B, "GET", "MOVED 1 h:1")
    assert first_kind((noise, moved)) == ("plain-client-on-cluster", moved)
    assert first_kind((noise,)) is None
