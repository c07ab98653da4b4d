"""Where a user-provided service on a running stack really has its Redis: by the variables of its process."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from devenv.core.doctor_rules.redis_url import DEFAULT_PORT, RedisUrl, is_redis_url, read_url
from devenv.core.doctor_rules.settings import Place
from devenv.core.model.errors import DevenvError
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import PodStatus, StackStatus
from devenv.stack.files import SERVICE_FILE
from devenv.verbs.doctor.probe.tls import loopback
from devenv.wire.control.client import ControlClient

_HOST_NAME = re.compile(r"(?P<of>(?:\w{1,100}_)?(?:REDIS|CACHE|VALKEY)(?:_\w{1,100})?)_HOST(?:NAME)?")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A Redis that is not behind the gate of the stack."""

    variables: Mapping[str, str]
    """Its address, as the variables of the contract."""
    place: Place
    """Where devenv.toml sets it, or for which pod it was set otherwise (`up --pod-env`)."""


def gate_ports(status: StackStatus) -> Mapping[str, int]:
    """The gate's port for each pod; empty where the gate does not answer."""
    try:
        with ControlClient(status.endpoints.control) as client:
            return {str(item["pod"]): int(item["port"]) for item in client.gate()["pods"] if item["port"]}
    except DevenvError:
        return {}


def elsewhere(
    pod: PodStatus, service: ServiceSpec, gate_port: int | None, chosen: Collection[str] = ()
) -> Elsewhere | None:
    """The Redis that ``[service.env]`` sends the pod to; None where that is the gate, or names none.

    ``chosen``: the variables that this pod was started with in place of the file's.
    """
    environment = _environment(pod)
    names = [*service.env, *(name for env in service.pod_env.values() for name in env)]
    names += [*service.redis_on, *service.redis_off]
    for name in dict.fromkeys(names):
        variables = _address(name, environment)
        if variables and not _is_gate(variables, gate_port):
            return Elsewhere(variables, Place(f"{pod.name} {name}") if name in chosen else _place(name))
    return None


def _environment(pod: PodStatus) -> Mapping[str, str]:
    """The variables of the pod's process; where they cannot be read, those that the status shows."""
    if pod.pid is not None:
        try:
            return psutil.Process(pod.pid).environ()
        except (psutil.Error, OSError):
            pass
    return pod.settings


def _address(name: str, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The address that a variable names: a URL, or a host with the port that stands beside it."""
    value = environment.get(name, "")
    if is_redis_url(value):
        address = read_url(value)
        return address.variables if isinstance(address, RedisUrl) else {}
    match = _HOST_NAME.fullmatch(name) or re.fullmatch(r"(?P<of>\w+)_PORT", name)
    host = environment.get(f"{match['of']}_HOST", value) if match is not None else ""
    if match is None or not host or not _HOST_NAME.fullmatch(f"{match['of']}_HOST"):
        return {}
    port = environment.get(f"{match['of']}_PORT") or str(DEFAULT_PORT)
    return {"REDIS_HOST": host, "REDIS_PORT": port}


def _is_gate(variables: Mapping[str, str], gate_port: int | None) -> bool:
    host = variables["REDIS_HOST"]
    near = loopback(host) or "." not in host
    return gate_port is None or (near and variables["REDIS_PORT"] == str(gate_port))


def _place(name: str) -> Place:
    """The line of devenv.toml that sets a variable; the file's part, where it is not found."""
    path = Path(SERVICE_FILE)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    pattern = re.compile(rf"\b{re.escape(name)}\b[\"']?\s*=")
    line = next((number for number, text in enumerate(lines, start=1) if pattern.search(text)), None)
    return Place(SERVICE_FILE, line) if line is not None else Place(f"{SERVICE_FILE} [service.env] {name}")
