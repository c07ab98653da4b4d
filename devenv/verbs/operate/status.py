"""The running stack at a glance: pods with their stores, the policy, and what lies in Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devenv.core.model.contract import REDIS_PREFIX
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.key_listing import KeyListing
from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.stack.protocol import Stack
from devenv.wire.control.client import ControlClient
from devenv.wire.control.policy import present_policy


@dataclass(frozen=True, slots=True)
class Overview:
    """What ``devenv status`` shows."""

    status: StackStatus
    policy: str
    stores: dict[str, Strategy]
    listings: tuple[KeyListing, ...]
    """One for each prefix and database that the pods use."""
    problem: str | None
    """Why there is no listing."""

    def to_json(self) -> dict[str, Any]:
        """The status with ``policy``, ``stores`` and ``keys`` beside it."""
        return {
            **self.status.to_json(),
            "policy": self.policy,
            "stores": {pod: str(store) for pod, store in self.stores.items()},
            "keys": [listing.to_json() for listing in self.listings],
            "keys_problem": self.problem,
        }


def overview(stack: Stack, list_space: Callable[[StackStatus, str, int], KeyListing]) -> Overview:
    """Look at everything once; ``list_space`` lists the keys of one prefix in one database.

    Raises EnvironmentProblem where no stack runs; a silent Redis is no error.
    """
    status = stack.status()
    listings, problem = [], None
    try:
        for prefix, db in key_spaces(status):
            listings.append(list_space(status, prefix, db))
    except EnvironmentProblem as error:
        problem = error.message
    return Overview(
        status, present_policy(status.endpoints.control), stores(status), tuple(listings), problem
    )


def read_keys(status: StackStatus, prefix: str, db: int) -> KeyListing:
    """The keys, from Redis itself."""
    from devenv.harness.redis.keys import connected, list_keys

    with connected(status.endpoints, db) as client:
        return list_keys(client, prefix)


def ask_keys(status: StackStatus, prefix: str, db: int) -> KeyListing:
    """The keys, from the process that holds an embedded stack: importing redis-py costs more than all else.

    The container that answers for a compose stack sees one node of a cluster only, so Redis itself is read.
    """
    if status.backend != "embedded":
        return read_keys(status, prefix, db)
    with ControlClient(status.endpoints.control) as control:
        return control.keys(prefix, db)


def key_spaces(status: StackStatus) -> list[tuple[str, int]]:
    """The prefixes and databases in which the pods keep keys, each once."""
    spaces = []
    for pod in status.pods:
        db = pod.settings.get("REDIS_DB", "0")
        usual = REDIS_PREFIX if status.spec.service is None else ""
        spaces.append((pod.settings.get("REDIS_PREFIX", usual), int(db) if db.isdigit() else 0))
    return list(dict.fromkeys(spaces))
