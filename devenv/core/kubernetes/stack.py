"""The stack itself on Kubernetes: what docker-compose.yml runs, for a team that shares one cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devenv.core.kubernetes import redis
from devenv.core.kubernetes.parts import (
    Manifest,
    checked_name,
    config_map,
    container,
    http_probe,
    pod_spec,
    resources,
    service,
    workload,
)
from devenv.core.model.topology import Ports
from devenv.core.model.vocabulary import pod_names

USER = 10001
"""The user of the images that the Dockerfile makes."""
POD_PORT = 8000
EDGE, MOCK_ML, REDIS, CONFIG = "devenv-edge", "devenv-mock-ml", "devenv-redis", "devenv-config"
SECRET = "devenv-secrets"  # noqa: S105 - its name
IMAGES = {"edge": "devenv-edge", "mock-ml": "devenv-mock-ml", "captcha-api": "devenv-captcha-api"}


@dataclass(frozen=True, slots=True)
class StackOptions:
    """The whole stack as manifests. Images are ``<registry><name>:<tag>``."""

    pods: int = 2
    policy: str = "round-robin"
    seed: int = 1
    namespace: str | None = None
    registry: str = ""
    tag: str = "latest"
    variables: Mapping[str, str] = field(default_factory=dict)
    """The pods', without addresses."""
    ports: Ports = field(default_factory=Ports)

    def image(self, part: str) -> str:
        """The image of one part."""
        return f"{self.registry}{IMAGES[part]}:{self.tag}"


def stack_manifests(options: StackOptions) -> list[Manifest]:
    """Redis, mock ML, each pod as a Deployment of one, and proxy, gate and control API in another.

    Each pod reaches Redis through its own port of the gate, so that commands are known to be that pod's:
    hence no replicas. Raises UsageProblem for a namespace that is no name.
    """
    if options.namespace:
        checked_name("the namespace", options.namespace)
    names, namespace = pod_names(options.pods), options.namespace
    gates = {pod: options.ports.gate + index for index, pod in enumerate(names)}
    documents = redis.redis_manifests(REDIS, namespace, (EDGE,))
    documents += [
        config_map(CONFIG, namespace, "captcha-api", _variables(options)),
        *_mock_ml(options),
        *_edge(options, gates),
    ]
    for pod in names:
        documents += _pod(options, pod, gates[pod])
    return documents


def _variables(options: StackOptions) -> dict[str, str]:
    return {
        **options.variables,
        "REDIS_HOST": EDGE,
        "REDIS_SSL": "false",
        "ML_SERVICE_URL": f"http://{MOCK_ML}:{options.ports.ml}",
        "ASSET_BASE_URL": f"http://localhost:{options.ports.ml}",
    }


def _mock_ml(options: StackOptions) -> list[Manifest]:
    port = options.ports.ml
    main = container(
        "mock-ml",
        options.image("mock-ml"),
        {"http": port},
        command=_uvicorn("mock_ml.app:app", port),
        env=[{"name": "MOCK_ML_SEED", "value": str(options.seed)}],
        readinessProbe=http_probe("/health", port, 2, 3),
        resources=resources("100m", "256Mi"),
    )
    return [
        service(MOCK_ML, options.namespace, MOCK_ML, {"http": (port, port)}),
        workload("Deployment", MOCK_ML, options.namespace, MOCK_ML, pod_spec([main], USER), 1),
    ]


def _edge(options: StackOptions, gates: Mapping[str, int]) -> list[Manifest]:
    ports = {"traffic": options.ports.traffic, "control": options.ports.control}
    ports |= {f"gate-{pod[-1]}": port for pod, port in gates.items()}
    variables = {
        "DEVENV_PODS": ",".join(f"{pod}={pod}:{POD_PORT}" for pod in gates),
        "DEVENV_REDIS": f"{REDIS}:{redis.PORT}",
        "DEVENV_GATE_PORT": str(options.ports.gate),
        "DEVENV_POLICY": options.policy,
        "DEVENV_SEED": str(options.seed),
        "DEVENV_LISTEN": "0.0.0.0",
        "DEVENV_TRAFFIC_PORT": str(options.ports.traffic),
        "DEVENV_CONTROL_PORT": str(options.ports.control),
    }
    main = container(
        "edge",
        options.image("edge"),
        ports,
        env=[{"name": name, "value": value} for name, value in variables.items()],
        readinessProbe=_listens(options.ports.traffic),
        resources=resources("100m", "256Mi"),
    )
    return [
        service(EDGE, options.namespace, EDGE, {name: (port, port) for name, port in ports.items()}),
        workload("Deployment", EDGE, options.namespace, EDGE, pod_spec([main], USER), 1),
    ]


def _listens(port: int) -> dict[str, Any]:
    """The control API answers to local Host names only, as no web page may use it: a probe opens a port."""
    return {"tcpSocket": {"port": port}, "periodSeconds": 2, "timeoutSeconds": 3, "failureThreshold": 3}


def _pod(options: StackOptions, pod: str, gate: int) -> list[Manifest]:
    secret = {"secretKeyRef": {"name": SECRET, "key": "ABSTRACT_HMAC_SECRET"}}
    main = container(
        "captcha-api",
        options.image("captcha-api"),
        {"http": POD_PORT},
        envFrom=[{"configMapRef": {"name": CONFIG}}],
        env=[
            {"name": "POD_NAME", "value": pod},
            {"name": "REDIS_PORT", "value": str(gate)},
            {"name": "ABSTRACT_HMAC_SECRET", "valueFrom": secret},
        ],
        readinessProbe=http_probe("/ready", POD_PORT, 2, 3),
        livenessProbe=http_probe("/health", POD_PORT, 10, 6),
        resources=resources("100m", "256Mi"),
    )
    return [
        service(pod, options.namespace, pod, {"http": (POD_PORT, POD_PORT)}),
        workload("Deployment", pod, options.namespace, pod, pod_spec([main], USER), 1),
    ]


def _uvicorn(app: str, port: int) -> list[str]:
    return ["python", "-m", "uvicorn", app, "--host", "0.0.0.0", "--port", str(port), "--no-access-log"]
