"""The proxy's routing policy, read and set while the stack runs."""

from __future__ import annotations

from devenv.core.balancers import PRODUCTS, parse_balancer
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackStatus
from devenv.core.routing import parse_policy
from devenv.wire.control.client import ControlClient


def present_policy(control: str) -> str:
    """The policy that the proxy behind the control API at URL ``control`` has now."""
    with ControlClient(control) as client:
        return client.policy()


def set_policy(status: StackStatus, text: str) -> tuple[str, str]:
    """Give the running proxy another policy; what it had before and what it has now, as text.

    Raises UsageProblem for an unknown policy or pod, before the proxy is asked.
    """
    product, _, _ = status.spec.balancer.partition(":")
    if not product:
        parse_policy(text, status.spec.pod_names)
    elif text.partition(":")[0].partition(",")[0] != product:
        raise UsageProblem(
            f"{product} chooses the pod here, not the proxy: {text!r} is no policy of it",
            hint=f"known: {', '.join(f'{product}:{policy}' for policy in PRODUCTS[product].policies)}",
        )
    else:
        text = parse_balancer(text).text
    with ControlClient(status.endpoints.control) as client:
        before = client.policy()
        client.set_policy(text)
        return before, client.policy()
