"""What a refusal by Redis means: one table from the words of the error to the kind of advice, and its cause.

``explain`` gives the same causes to the same words: tests/unit/core/doctor_rules/test_refusals.py compares.
"""

from __future__ import annotations

from collections.abc import Iterable

from devenv.core.doctor_rules.facts import Refusal
from devenv.core.resp.values import redirection

_STARTS = (
    ("CLUSTERDOWN", "cluster-down"),
    ("WRONGPASS", "password-wrong"),
    ("NOAUTH", "password-missing"),
    ("DENIED", "login-refused"),
    ("NOPERM", "permission"),
    ("READONLY", "read-only-replica"),
    ("OOM", "writes-refused"),
    ("MISCONF", "writes-refused"),
    ("NOREPLICAS", "writes-refused"),
    ("LOADING", "not-ready"),
    ("MASTERDOWN", "not-ready"),
    ("WRONGTYPE", "wrong-type"),
)
"""The first words of errors."""
_PARTS = (
    ("cluster support disabled", "cluster-client-on-standalone"),
    ("without any password", "password-unneeded"),
    ("invalid password", "password-wrong"),
    ("max number of clients", "login-refused"),
)
"""Parts of errors, in small letters, by which old servers and those without a first word are known."""

CHANGES = {
    "plain-client-on-cluster": "REDIS_CLUSTER=true (redis.cluster.RedisCluster instead of redis.Redis)",
    "cluster-client-on-standalone": "REDIS_CLUSTER=false (redis.Redis instead of redis.cluster.RedisCluster)",
    "password-wrong": "REDIS_PASSWORD=the password that the server knows (in Kubernetes: from a Secret)",
    "password-missing": "REDIS_PASSWORD=the server's password (in Kubernetes: from a Secret)",
    "password-unneeded": "leave REDIS_PASSWORD unset",
    "login-refused": "see the server's own words",
    "permission": "give the user what it lacks (ACL SETUSER)",
    "cluster-down": "see CLUSTER NODES: every slot needs a master that is up",
    "read-only-replica": "REDIS_HOST and REDIS_PORT of its master",
    "writes-refused": "let Redis take writes again: see its log",
    "not-ready": "wait for Redis; make pods wait too",
    "wrong-type": "delete the foreign key; keep other writers out of the prefix",
    "database": "REDIS_DB=0",
    "database-on-cluster": "REDIS_DB=0",
}
"""What to change, by kind of advice."""


def kind_of(refusal: Refusal) -> str | None:
    """The kind of advice for a refused command; None where the refusal has no known meaning or does no
    harm."""
    error, lower_case = refusal.error, refusal.error.lower()
    if redirection(error) is not None:
        return "plain-client-on-cluster"
    if refusal.command == "SELECT":
        return "database-on-cluster" if "cluster mode" in lower_case else "database"
    by_start = next((kind for start, kind in _STARTS if error.startswith(start)), None)
    return by_start or next((kind for part, kind in _PARTS if part in lower_case), None)


def first_kind(refusals: Iterable[Refusal]) -> tuple[str, Refusal] | None:
    """The first refusal that means something, with its kind."""
    return next(((kind, item) for item in refusals if (kind := kind_of(item)) is not None), None)
