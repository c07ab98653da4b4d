"""The compose file of one stack: docker-compose.yml and the override for its Redis, with the wished pods."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import POD_PREFIX, pod_name, pod_place
from devenv.stack.files import write_atomically

FILE = "docker-compose.yml"
TEMPLATE_POD = pod_name(0)
PROXY, REDIS, REPLICA = "proxy", "redis", "redis-replica"
USERS_VARIABLE = "DEVENV_REDIS_PASSWORD"
"""What the override for users asks for: the pods' password."""
IMAGES_VARIABLE = "DEVENV_IMAGES"
"""What names of images begin with; docker-compose.yml takes the project's name without it."""
POD_PORT, GATE_PORT, REDIS_PORT = 8000, 6391, 6379
PUBLISHED = {
    "traffic": ("proxy", 8080),
    "control": ("proxy", 8081),
    "ml": ("mock-ml", 8001),
    "redis": ("redis", 6379),
}
"""The fields of ``Ports`` → service and port inside its container."""
Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Also reads ``!override``, which has compose replace a list instead of adding to it: as we do."""


def _replacing(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("!override", _replacing)


def files(mode: RedisMode) -> tuple[str, ...]:
    """The project's files for a stack whose Redis stands so, as ``docker compose -f`` takes them."""
    return (FILE,) if mode is RedisMode.STANDALONE else (FILE, f"docker-compose.redis-{mode}.yml")


def read(
    project_dir: Path, mode: RedisMode = RedisMode.STANDALONE, overrides: Sequence[str] = ()
) -> Document:
    """The project's compose file with the override for ``mode`` and ``overrides``, anchors resolved.

    Raises ``EnvironmentProblem`` where one is missing.
    """
    document: Document = {}
    for name in (*files(mode), *overrides):
        document = _merged(document, _load(project_dir, name))
    return {key: value for key, value in document.items() if not key.startswith("x-")}


def _load(project_dir: Path, name: str) -> Document:
    try:
        document = yaml.load((project_dir / name).read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except OSError as error:
        raise EnvironmentProblem(
            f"no {name} in {project_dir}",
            hint="run it in a checkout of the project, or use --backend embedded",
        ) from error
    assert isinstance(document, dict)
    return document


def _merged(one: Document, other: Document) -> Document:
    """As compose merges files, for what ours hold: mappings key by key, volumes added, all else replaced."""
    result = dict(one)
    for key, value in other.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = _merged(before, value)
        elif key == "volumes" and isinstance(before, list):
            result[key] = [*before, *value]
        else:
            result[key] = value
    return result


def with_pods(
    document: Document, settings: Mapping[str, Mapping[str, str]], *, gate: bool = True
) -> Document:
    """``document`` with exactly the pods of ``settings``, each with these variables over the file's own.

    The proxy knows their addresses; they reach Redis through its gate, or without ``gate`` directly.
    """
    result = copy.deepcopy(document)
    services = result["services"]
    template = services[TEMPLATE_POD]
    for name in [name for name in services if name.startswith(POD_PREFIX)]:
        if name not in settings:
            del services[name]
    for pod, variables in settings.items():
        service = services.setdefault(pod, copy.deepcopy(template))
        environment = {name: literal(value) for name, value in variables.items()}
        redis = (PROXY, GATE_PORT + pod_place(pod)) if gate else (REDIS, REDIS_PORT)
        address = {"POD_NAME": pod, "REDIS_HOST": redis[0], "REDIS_PORT": str(redis[1])}
        service["environment"] = {**service["environment"], **address, **environment}
    proxy = services[PROXY]
    proxy["environment"]["DEVENV_PODS"] = ",".join(f"{pod}={pod}:{POD_PORT}" for pod in settings)
    proxy["environment"]["DEVENV_REDIS"] = f"{REDIS}:{REDIS_PORT}" if gate else ""
    return result


def literal(value: str) -> str:
    """``value`` as compose's interpolation gives it back unchanged."""
    return value.replace("$", "$$")


def variables(spec: StackSpec, ports: Ports) -> dict[str, str]:
    """What docker-compose.yml takes from the environment, for this spec; ``ports`` without zeros."""
    return {
        "DEVENV_TRAFFIC_PORT": str(ports.traffic),
        "DEVENV_CONTROL_PORT": str(ports.control),
        "DEVENV_ML_PORT": str(ports.ml),
        "DEVENV_REDIS_PORT": str(ports.redis),
        "DEVENV_POLICY": spec.policy,
        "DEVENV_SEED": str(spec.seed),
        "DEVENV_WORKERS": str(spec.workers),
        "DEVENV_REDIS_REPLICA_PORT": "0",
        "DEVENV_PROXY_PORT": "0",
    }


def write(document: Document, path: Path) -> None:
    """Write ``document`` for ``docker compose -f``; its paths stay relative to the project folder."""
    write_atomically(path, yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
