"""What the doctor advises where Redis refused a command of a pod: core/resp/refusals says what it means."""

from __future__ import annotations

from collections.abc import Iterable

from devenv.core.doctor_rules.facts import Refusal
from devenv.core.resp.refusals import refusal_kind

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
    return refusal_kind(refusal.command, refusal.error)


def first_kind(refusals: Iterable[Refusal]) -> tuple[str, Refusal] | None:
    """The first refusal that means something, with its kind."""
    return next(((kind, item) for item in refusals if (kind := kind_of(item)) is not None), None)
