"""Where settings come from: files, a URL, or the stack that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from devenv.core.doctor_rules.kubernetes import TELLTALE, UnfitValue, unfit_values, workloads
from devenv.core.doctor_rules.redis_url import FORM, RedisUrl, UrlProblem, read_url
from devenv.core.doctor_rules.settings import (
    CA_NAMES,
    ITS_CODE,
    USER_NAMES,
    Client,
    Place,
    Pod,
    Setting,
    env_file,
)
from devenv.core.model.errors import UsageProblem
from devenv.core.model.redis_access import RedisAccess
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import StackStatus
from devenv.harness.config.manifests import manifest_documents
from devenv.harness.redis.keys import read_access
from devenv.stack.files import read_text
from devenv.verbs.doctor.probe.pod_redis import elsewhere, gate_ports

URL = "--redis-url"
HOST, PORT, ADDRESS = "REDIS_HOST", "REDIS_PORT", "REDIS_URL"


def from_env_files(paths: Sequence[Path]) -> list[Pod]:
    """One pod per file. Raises UsageProblem for a file that cannot be read."""
    return [_by_url(env_file(read_text(path), str(path))) for path in paths]


def from_manifests(paths: Sequence[Path]) -> tuple[list[Pod], tuple[UnfitValue, ...]]:
    """The workloads of all files together, of a folder its ``.yaml`` and ``.yml`` files.

    And the values for which Kubernetes refuses the files. Raises UsageProblem where there is neither.
    """
    documents = manifest_documents(paths)
    pods, refused = workloads(documents), unfit_values(documents)
    if paths and not pods and not refused:
        raise UsageProblem(
            f"{', '.join(map(str, paths))}: no workload with {', '.join(sorted(TELLTALE))}",
            hint="a Deployment, StatefulSet, DaemonSet or Pod, with the ConfigMaps that it refers to",
        )
    return [_by_url(pod) for pod in pods], refused


def _by_url(pod: Pod) -> Pod:
    """Where REDIS_URL stands in place of REDIS_HOST, as many services have it: its parts, with its line.

    Such a service need not know USE_REDIS: where that is not set, it is not known. The parts of a URL that
    clients do not read as it was meant are not known either.
    """
    given = pod.setting(ADDRESS)
    if given is None or not given.value or HOST in pod.settings:
        return pod
    unknown = dict(pod.unknown)
    if "USE_REDIS" not in pod.settings:
        unknown["USE_REDIS"] = f"{ITS_CODE}, as {ADDRESS} stands in its place ({given.place})"
    address = read_url(given.value)
    if not isinstance(address, RedisUrl):
        lost = dict.fromkeys((HOST, PORT, "REDIS_DB"), f"{ADDRESS} ({given.place})")
        return replace(pod, unknown=lost | unknown)
    parts = {
        name: Setting(name, value, given.place, given.secret) for name, value in address.variables.items()
    }
    return replace(pod, settings={**parts, **pod.settings}, unknown=unknown)


def from_url(url: str) -> Pod:
    """A bare address, as redis-py takes it. Raises UsageProblem where it is none."""
    settings = {
        name: Setting(name, value, Place(URL), secret=name == "REDIS_PASSWORD")
        for name, value in address_of(url).items()
    }
    return Pod(URL, Place(URL), settings, service=False, client=Client.AUTO)


def address_of(url: str, where: str = URL) -> Mapping[str, str]:
    """The variables that a Redis URL, given by ``where``, stands for. Raises UsageProblem for no URL."""
    address = read_url(url)
    if isinstance(address, RedisUrl):
        return address.variables
    if address is UrlProblem.PASSWORD:
        raise UsageProblem(
            f"{where}: a character before the @ must be percent-encoded",
            hint="# is %23, / is %2F, ? is %3F, @ is %40, % is %25, [ is %5B, a blank is %20",
        )
    raise UsageProblem(f"{where}: no address", hint=f"like {FORM}")


def reached_at(pod: Pod, url: str) -> Pod:
    """``pod`` with its Redis reached at another address, for example a forwarded port.

    Host and port are the URL's, user and password too where it has them; everything else stays the pod's.
    """
    given = address_of(url)
    names = [item for item in (HOST, PORT, "REDIS_USERNAME", "REDIS_PASSWORD") if item in given]
    new = {name: Setting(name, given[name], pod.line(name)) for name in names}
    kept = {name: source for name, source in pod.unknown.items() if name not in new}
    return replace(pod, settings={**pod.settings, **new}, unknown=kept)


def from_stack(status: StackStatus, env: Path) -> list[Pod]:
    """The running stack's pods. Behind the gate their Redis is the stack's own, past the gate, by our login.

    A setting that stands in ``env`` with the same value has its line there.
    """
    lines = env_file(read_text(env), env.name).settings if env.is_file() else {}
    entry = read_access(status.endpoints)
    ports = gate_ports(status) if status.spec.service is not None else {}
    return [_of_stack(status, name, entry, lines, ports.get(name)) for name in status.spec.pod_names]


def _of_stack(
    status: StackStatus, name: str, entry: RedisAccess, lines: Mapping[str, Setting], gate_port: int | None
) -> Pod:
    standing = next((pod for pod in status.pods if pod.name == name), None)
    shown = dict(standing.settings) if standing is not None else status.spec.settings_of(name)
    chosen = status.spec.env_of(name)
    service = status.spec.service
    other = None
    if service is not None and standing is not None:
        other = elsewhere(standing, service, gate_port, status.spec.pod_env.get(name, ()))
    if other is not None:
        shown |= other.variables
    elif HOST not in chosen and PORT not in chosen:
        shown[HOST], shown[PORT] = status.endpoints.redis_host, str(status.endpoints.redis_port)
        shown[CA_NAMES[0]] = entry.ca
        shown[USER_NAMES[0]], shown["REDIS_PASSWORD"] = entry.username, entry.password
    unread = () if status.spec.profile.switch.usual else ("USE_REDIS",)  # it has a switch of its own
    settings = {}
    for variable, value in shown.items():
        line = None if variable in unread else lines.get(variable)
        place = line.place if line is not None and line.value == value else Place(name)
        if other is not None and variable in other.variables:
            place = other.place
        settings[variable] = Setting(variable, value, place)
    unknown = {} if service is None else _its_own_affair(service, chosen, shown)
    kept = {variable: item for variable, item in settings.items() if variable not in unknown}
    return Pod(
        name, Place(name), kept, unknown=unknown, replicas=1, client=Client.AUTO, past_gate=other is not None
    )


def _its_own_affair(
    service: ServiceSpec, chosen: Mapping[str, str], shown: Mapping[str, str]
) -> dict[str, str]:
    """What only the code of a user-provided service says: the contract's variables and defaults are not its
    own.

    A prefix that no file of its names, which commands it uses, where its sessions are without a switch or
    with one that is neither on nor off.
    """
    names = [name for name in ("REDIS_PREFIX", "REDIS_DB") if name not in shown]
    names += [] if "SESSION_STRATEGY" in chosen else ["SESSION_STRATEGY"]
    names += [] if service.switchable and "USE_REDIS" in shown else ["USE_REDIS"]
    return dict.fromkeys(names, ITS_CODE)
