"""The Redis of a stack in containers: how it stands, what state it is in, and how this machine gets in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.redis_access import RedisAccess
from devenv.core.model.topology import RedisMode
from devenv.stack.certificates import Certificates
from devenv.stack.compose import compose_file, docker_engine
from devenv.stack.compose.compose_file import PROXY, REDIS, REDIS_PORT, REPLICA
from devenv.stack.files import write_atomically
from devenv.stack.ports import LOOPBACK
from devenv.stack.redis_access import ACCESS_FILE

if TYPE_CHECKING:
    from docker.models.containers import Container

_CLI_OPTIONS = {RedisMode.TLS: ("--tls", "--cacert", "/run/redis-credentials/ca.pem")}
_VERSION = re.compile(rb"redis_version:(\S+)")


def mode_of(containers: Mapping[str, Container]) -> RedisMode:
    """The mode of Redis, as the proxy's settings say."""
    return RedisMode(_proxy(containers).get("DEVENV_REDIS_MODE") or RedisMode.STANDALONE)


def variables_of(containers: Mapping[str, Container]) -> dict[str, str]:
    """The variables that the override of its mode was given."""
    password = _proxy(containers).get(compose_file.USERS_VARIABLE)
    return {compose_file.USERS_VARIABLE: password} if password else {}


def servers(containers: Mapping[str, Container]) -> list[Container]:
    """Redis, and beside it its replica or the other nodes."""
    return [containers[name] for name in sorted(containers) if name == REDIS or name.startswith(f"{REDIS}-")]


def state(containers: Mapping[str, Container]) -> str:
    """running, paused or stopped: of several servers, stopped where one is."""
    states = {docker_engine.state(server) for server in servers(containers)}
    return next((item for item in ("stopped", "paused") if item in states), "running")


def serves(server: Container, mode: RedisMode) -> bool:
    """Whether this server answers; a replica when it has its master's data."""
    if b"PONG" not in _cli(server, mode, "ping"):
        return False
    return b"master_link_status:down" not in _cli(server, mode, "info", "replication")


def version(containers: Mapping[str, Container]) -> str:
    """As the server itself says; "unknown" while it does not answer."""
    redis = containers[REDIS]
    if docker_engine.state(redis) in ("stopped", "paused"):
        return "unknown"
    match = _VERSION.search(_cli(redis, mode_of(containers), "info", "server"))
    return match[1].decode("ascii") if match else "unknown"


def replica(containers: Mapping[str, Container]) -> str:
    """host:port of the replica as this machine reaches it; "" without one."""
    if REPLICA not in containers:
        return ""
    return f"{LOOPBACK}:{docker_engine.host_port(containers[REPLICA], REDIS_PORT)}"


def nodes(containers: Mapping[str, Container]) -> tuple[str, ...]:
    """host:port of a cluster's nodes as this machine reaches them, the pods' first; none without one."""
    if mode_of(containers) is not RedisMode.CLUSTER:
        return ()
    return tuple(
        f"{LOOPBACK}:{docker_engine.host_port(server, REDIS_PORT)}" for server in servers(containers)
    )


def form_cluster(containers: Mapping[str, Container]) -> None:
    """Make one cluster of nodes that were started anew, and wait until it serves; elsewhere nothing.

    Done by the proxy, which knows the nodes by name. Raises EnvironmentProblem.
    """
    if mode_of(containers) is not RedisMode.CLUSTER:
        return
    names = [name for name in sorted(containers) if name == REDIS or name.startswith(f"{REDIS}-")]
    words = (
        "python",
        "-m",
        "devenv.stack.embedded.redis_cluster",
        *(f"{name}:{REDIS_PORT}" for name in names),
    )
    code, output = docker_engine.run_inside(containers[PROXY], *words)
    if code != 0:
        lines = output.decode("utf-8", "replace").strip().splitlines()
        raise EnvironmentProblem(lines[-1] if lines else "the Redis Cluster did not come about")


def access_file(containers: Mapping[str, Container], folder: Path) -> str:
    """The file in ``folder`` that says how to get in, fetched from the proxy that made it; "" for nothing.

    Fetched once for each start of the proxy; "" also while the proxy is not there to be asked.
    """
    proxy, credentials = containers[PROXY], _proxy(containers).get("DEVENV_REDIS_CREDENTIALS")
    if not credentials:
        return ""
    started = f"{proxy.id} {proxy.attrs['State'].get('StartedAt')}"
    kept = folder / sha1(started.encode(), usedforsecurity=False).hexdigest()[:12]
    file = kept / ACCESS_FILE
    if not file.exists():
        content = _read(proxy, f"{credentials}/{ACCESS_FILE}")
        if content is None:
            return ""
        access = RedisAccess.from_json(json.loads(content))
        if access.tls:
            authority = Certificates.of(kept).ca
            write_atomically(authority, _read(proxy, access.ca) or "")
            access = replace(access, ca=str(authority))
        write_atomically(file, json.dumps(access.to_json()))
    return str(file)


def _proxy(containers: Mapping[str, Container]) -> dict[str, str]:
    return docker_engine.environment(containers[PROXY]) if PROXY in containers else {}


def _read(container: Container, path: str) -> str | None:
    if docker_engine.state(container) in ("stopped", "paused"):
        return None
    code, output = docker_engine.run_inside(container, "cat", path)
    return output.decode("utf-8") if code == 0 else None


def _cli(server: Container, mode: RedisMode, *words: str) -> bytes:
    return docker_engine.run_inside(server, "redis-cli", *_CLI_OPTIONS.get(mode, ()), *words)[1]
