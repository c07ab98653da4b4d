"""The proxy's routing policy, read and set while the stack runs."""

from __future__ import annotations

from devenv.core.balancers import PRODUCTS, parse_balancer
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackStatus
from devenv.core.routing import PROXY_CHOOSES, parse_policy
from devenv.wire.control.client import ControlClient


def present_policy(control: str) -> str:
    """The policy that the proxy behind the control API at URL ``control`` has now."""
    with ControlClient(control) as client:
        return client.policy()


def set_policy(status: StackStatus, text: str) -> tuple[str, str]:
    """Let the running proxy, or a balancer, choose by another policy; what chose before and now, as text.

    ``proxy`` and ``proxy:NAME`` take a balancer away, ``nginx:NAME`` puts it in front. Raises UsageProblem
    for an unknown policy or pod, and where the stack of Compose would need other containers, before the stack
    is asked; EnvironmentProblem where the balancer is not installed or does not start.
    """
    product, _, _ = status.spec.balancer.partition(":")
    wished = text.partition(":")[0].partition(",")[0]
    if wished in PRODUCTS:
        text = parse_balancer(text).text
    elif wished == PROXY_CHOOSES:
        parse_policy(text.partition(":")[2] or status.spec.policy, status.spec.pod_names)
    elif not product:
        parse_policy(text, status.spec.pod_names)
    else:
        raise UsageProblem(
            f"{product} chooses the pod here, not the proxy: {text!r} is no policy of it",
            hint=f"known: {', '.join(f'{product}:{policy}' for policy in PRODUCTS[product].policies)}; "
            f"{PROXY_CHOOSES}:{text} lets the proxy choose",
        )
    kind = wished if wished in PRODUCTS else ""
    if status.backend == "compose" and kind != product:
        option = f" --balancer {text}" if kind else ""
        raise UsageProblem(
            "Docker Compose: another balancer needs other containers",
            hint=f"devenv down --backend compose, then devenv up --backend compose{option}",
        )
    with ControlClient(status.endpoints.control) as client:
        before = client.policy()
        client.set_policy(text)
        return before, client.policy()
