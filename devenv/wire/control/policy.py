"""The proxy's routing policy, read and set while the stack runs."""

from __future__ import annotations

from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import StackStatus
from devenv.core.routing import parse_policy
from devenv.stack.loopback import local_client

_TIMEOUT_S = 5.0


def present_policy(control: str) -> str:
    """The policy that the proxy behind the control API at URL ``control`` has now."""
    return str(_call("GET", control, None)["policy"])


def set_policy(status: StackStatus, text: str) -> tuple[str, str]:
    """Give the running proxy another policy; what it had before and what it has now, as text.

    Raises UsageProblem for an unknown policy or pod, before the proxy is asked.
    """
    parse_policy(text, status.spec.pod_names)
    control = status.endpoints.control
    before = present_policy(control)
    _call("PUT", control, {"policy": text})
    return before, present_policy(control)


def _call(method: str, control: str, body: dict[str, str] | None) -> dict[str, Any]:
    try:
        with local_client(control, _TIMEOUT_S) as client:
            response = client.request(method, "/policy", json=body)
            response.raise_for_status()
    except httpx.HTTPError as error:
        raise EnvironmentProblem(
            f"the proxy's control API at {control} does not answer as it should: {error}",
            hint="see `devenv status` and `devenv logs`",
        ) from error
    data: dict[str, Any] = response.json()
    return data
