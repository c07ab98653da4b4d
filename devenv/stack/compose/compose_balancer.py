"""The load balancer of a compose stack: its override file, how it is configured, and how it is now."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from devenv.core.balancers import OWN_FILE, PRODUCTS, BalancerSetting, Place, Server, parse_balancer
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import BalancerStatus, StackSpec
from devenv.core.model.vocabulary import pod_place
from devenv.stack.balancers.programs import VERSION_ARGUMENT, version_in
from devenv.stack.compose import docker_engine

if TYPE_CHECKING:
    from docker.models.containers import Container

SERVICE = "balancer"
PORT, ADMIN_PORT, FIRST_POD_PORT = 8080, 8089, 9001
"""Inside the network of the stack: where it listens, its own API, and the proxy's port of the first pod."""
PROXY = "proxy"
SETTING_VARIABLE = "DEVENV_BALANCER"
_FILE_VARIABLE = "BALANCER_FILE_"
Document = dict[str, Any]


def override_file(balancer: str) -> str:
    """The name of the project's override file for a setting.

    Raises UsageProblem for a file of the team's own: its copy is made for ports of this machine.
    """
    setting = parse_balancer(balancer)
    if setting.policy == OWN_FILE:
        raise UsageProblem(
            "--balancer-config: a file of your own is run in front of embedded pods only",
            hint="leave out --backend compose, or take --balancer in its place",
        )
    return f"docker-compose.{setting.product}.yml"


def with_balancer(document: Document, spec: StackSpec) -> Document:
    """``document`` with the balancer configured as ``spec`` asks for, in front of the pods that it names."""
    setting = parse_balancer(spec.balancer)
    result = copy.deepcopy(document)
    service = result["services"][SERVICE]
    service["environment"] = files_in_environment(setting, spec.pod_names)
    service["entrypoint"] = ["sh", "-c", start_command(setting)]
    result["services"][PROXY]["environment"][SETTING_VARIABLE] = setting.text
    return result


def files_in_environment(setting: BalancerSetting, pods: tuple[str, ...]) -> dict[str, str]:
    """The text of its files, by variable, as compose's interpolation gives it back unchanged."""
    servers = tuple(Server(pod, PROXY, FIRST_POD_PORT + pod_place(pod)) for pod in pods)
    place = Place(PORT, servers, "0.0.0.0", ADMIN_PORT)
    texts = PRODUCTS[setting.product].files(setting, place).values()
    return {f"{_FILE_VARIABLE}{number}": text.replace("$", "$$") for number, text in enumerate(texts)}


def start_command(setting: BalancerSetting) -> str:
    """Writes the files into a folder of its own, and becomes the balancer. For a POSIX shell."""
    product = PRODUCTS[setting.product]
    place = Place(PORT, (), "0.0.0.0", ADMIN_PORT)
    writes = [
        f'printf %s "$${_FILE_VARIABLE}{number}" > {name}'
        for number, name in enumerate(product.files(setting, place))
    ]
    return " && ".join(["cd /tmp", *writes, " ".join(["exec", product.name, *product.arguments(setting)])])


def setting_of(containers: Mapping[str, Container]) -> str:
    """What the stack's balancer is configured as; empty where it has none."""
    return docker_engine.environment(containers[PROXY]).get(SETTING_VARIABLE, "")


def status(containers: Mapping[str, Container]) -> BalancerStatus | None:
    """The balancer as it is now; None where there is none."""
    setting, container = setting_of(containers), containers.get(SERVICE)
    if not setting:
        return None
    if container is None or docker_engine.state(container) == "stopped":
        image = "" if container is None else str(container.attrs["Config"]["Image"])
        return BalancerStatus(setting, "unknown", "stopped", image)
    product = parse_balancer(setting).product
    asked = container.exec_run([product, VERSION_ARGUMENT[product]])
    output = asked.output
    version = version_in(output.decode("utf-8", "replace") if isinstance(output, bytes) else "")
    return BalancerStatus(setting, version, "running", str(container.attrs["Config"]["Image"]))
