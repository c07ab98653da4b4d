"""A team's captcha-api on Kubernetes, as sections 2, 5 and 7 of the migration guide have it."""

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
    labels,
    metadata,
    pod_spec,
    resources,
    selector,
    service,
    workload,
)
from devenv.core.model.errors import UsageProblem

_PORTS = 65535
_AUTHORITY = "/etc/redis-authority"
# Also without a canary: a Deployment's selector can never be changed.
STABLE, CANARY = "stable", "canary"
SECRET_VARIABLES = ("ABSTRACT_HMAC_SECRET", "REDIS_PASSWORD")
"""Variables that come from a Secret; which of them there must be, the service says."""


@dataclass(frozen=True, slots=True)
class RedisAt:
    """A Redis outside: a managed one, or another team's."""

    host: str
    port: int = redis.PORT
    ssl: bool = False
    password: bool = False
    """Whether the Secret has REDIS_PASSWORD."""
    authority: str = ""
    """The ConfigMap whose ``ca.pem`` its certificate is checked against; empty for the system's own."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What is to run."""

    name: str = "captcha-api"
    image: str = "captcha-api:latest"
    port: int = 8000
    replicas: int = 2
    namespace: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """The ConfigMap's, without REDIS_HOST and the like."""
    redis_at: RedisAt | None = None
    """The Redis outside; None: a StatefulSet beside it."""
    canary: int = 0
    """How many more pods have ``on``, while the others have what ``variables`` say."""
    shared: bool = False
    """Whether the canary is behind the same Service, as the guide has it."""
    on: Mapping[str, str] = field(default_factory=lambda: {"USE_REDIS": "true"})
    ready: str = "/ready"
    """A path of the service; GET ``/`` answers in every captcha-api."""
    live: str = "/health"
    """A path of the service."""

    @property
    def config(self) -> str:
        """The ConfigMap's name: captcha-api-config in the guide."""
        return f"{self.name}-config"

    @property
    def secret(self) -> str:
        """The Secret's name; it is never written here."""
        return f"{self.name}-secrets"

    @property
    def redis_name(self) -> str:
        """The StatefulSet's and its Service's name. Not ``redis``: a Service of that name sets REDIS_PORT."""
        return f"{self.name}-redis"


def service_manifests(options: ServiceOptions) -> list[Manifest]:
    """ConfigMap, Deployment, Service, disruption budget; Redis and the canary where wished.

    Raises UsageProblem for names, ports and numbers that cannot be.
    """
    _check(options)
    name, namespace = options.name, options.namespace
    documents = [config_map(options.config, namespace, name, {**options.variables, **_address(options)})]
    if options.redis_at is None:
        documents += redis.redis_manifests(options.redis_name, namespace, (name,))
    documents.append(
        workload("Deployment", name, namespace, name, _pod(options, {}), options.replicas, STABLE, **_ROLLOUT)
    )
    ports = {"http": (80, options.port)}
    documents.append(service(name, namespace, name, ports, None if options.shared else STABLE))
    if options.replicas > 1:
        documents.append(_budget(options))
    if options.canary:
        pod = _pod(options, dict(options.on))
        canary = f"{name}-canary"
        documents.append(
            workload("Deployment", canary, namespace, name, pod, options.canary, CANARY, **_ROLLOUT)
        )
        if not options.shared:
            documents.append(service(canary, namespace, name, ports, CANARY))
    return documents


# One pod more first, then one less: there are never fewer pods than before.
_ROLLOUT = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}


def _check(options: ServiceOptions) -> None:
    checked_name("the service's name", options.name)
    checked_name("the longest name made of it", f"{options.name}-secrets")
    if options.namespace:
        checked_name("the namespace", options.namespace)
    if not options.image or any(letter.isspace() for letter in options.image):
        raise UsageProblem(
            f"the image {options.image!r} is no image's name", hint="like registry/captcha-api:1.4"
        )
    for what, port in (
        ("port", options.port),
        ("Redis port", options.redis_at.port if options.redis_at else 1),
    ):
        if not 1 <= port <= _PORTS:
            raise UsageProblem(f"the {what} is {port}, expected 1 to {_PORTS}")
    if options.redis_at is not None and options.redis_at.authority:
        checked_name("the authority's ConfigMap", options.redis_at.authority)
    for path in (options.ready, options.live):
        if not path.startswith("/"):
            raise UsageProblem(f"the probe's path {path!r} does not begin with /")


def _address(options: ServiceOptions) -> dict[str, str]:
    redis_at = options.redis_at or RedisAt(options.redis_name)
    trust = {"REDIS_CA_CERTS": f"{_AUTHORITY}/ca.pem"} if redis_at.authority else {}
    ssl = "true" if redis_at.ssl else "false"
    return {"REDIS_HOST": redis_at.host, "REDIS_PORT": str(redis_at.port), "REDIS_SSL": ssl, **trust}


def _pod(options: ServiceOptions, over: Mapping[str, str]) -> dict[str, Any]:
    mounts, volumes = [], []
    if options.redis_at is not None and options.redis_at.authority:
        volumes = [{"name": "redis-authority", "configMap": {"name": options.redis_at.authority}}]
        mounts = [{"name": "redis-authority", "mountPath": _AUTHORITY, "readOnly": True}]
    main = container(
        options.name,
        options.image,
        {"http": options.port},
        envFrom=[{"configMapRef": {"name": options.config}}],
        env=[*({"name": name, "value": value} for name, value in over.items()), *_references(options)],
        readinessProbe=http_probe(options.ready, options.port, 5, 2),
        livenessProbe=http_probe(options.live, options.port, 10, 6),
        startupProbe=http_probe(options.live, options.port, 1, 60),
        resources=resources("100m", "256Mi"),
        volumeMounts=mounts,
    )
    more = {"terminationGracePeriodSeconds": 30, "topologySpreadConstraints": [_spread(options)]}
    return pod_spec([main], None, **more, volumes=volumes)


def _references(options: ServiceOptions) -> list[dict[str, Any]]:
    """POD_NAME, and the secret variables by reference; REDIS_PASSWORD may be missing where none is asked."""
    field_ref = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    asked = options.redis_at is not None and options.redis_at.password
    optional = {"ABSTRACT_HMAC_SECRET": False, "REDIS_PASSWORD": not asked}
    return [field_ref] + [
        {
            "name": name,
            "valueFrom": {
                "secretKeyRef": {
                    "name": options.secret,
                    "key": name,
                    **({"optional": True} if optional[name] else {}),
                }
            },
        }
        for name in SECRET_VARIABLES
    ]


def _spread(options: ServiceOptions) -> dict[str, Any]:
    """Replicas on different nodes where there are several."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(options.name)},
    }


def _budget(options: ServiceOptions) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(options.name, options.namespace, labels(options.name)),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": selector(options.name)}},
    }
