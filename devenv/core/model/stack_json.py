"""A stack's status as JSON, read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devenv.core.model.topology import BalancerStatus, Endpoints, PodStatus, StackSpec, StackStatus


def status_from_json(data: Mapping[str, Any]) -> StackStatus:
    """The inverse of ``StackStatus.to_json``."""
    return StackStatus(
        **{
            **data,
            "spec": StackSpec.from_json(data["spec"]),
            "endpoints": Endpoints.from_json(data["endpoints"]),
            "pods": tuple(PodStatus(**pod) for pod in data["pods"]),
            "balancer": BalancerStatus(**data["balancer"]) if data.get("balancer") else None,
        }
    )
