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
    """A Redis outside: a managed one, or another team's. ``password``: the Secret has REDIS_PASSWORD.

    ``authority``: the ConfigMap whose ``ca.pem`` its certificate is checked against; "" the system's own.
    """

    host: str
    port: int = redis.PORT
    ssl: bool = False
    password: bool = False
    authority: str = ""


@dataclass(frozen=True, slots=True)
class ServiceWish:
    """What is to run. ``redis_at`` None: a StatefulSet beside it.

    ``variables`` are the ConfigMap's, without REDIS_HOST and the like. ``canary`` pods have ``on`` while the
    others have what ``variables`` say; ``shared`` puts them behind the same Service, as the guide does.
    ``ready`` and ``live`` are paths of the service: GET ``/`` answers in every captcha-api.
    """

    name: str = "captcha-api"
    image: str = "captcha-api:latest"
    port: int = 8000
    replicas: int = 2
    namespace: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    redis_at: RedisAt | None = None
    canary: int = 0
    shared: bool = False
    on: Mapping[str, str] = field(default_factory=lambda: {"USE_REDIS": "true"})
    ready: str = "/ready"
    live: str = "/health"

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


def service_manifests(wish: ServiceWish) -> list[Manifest]:
    """ConfigMap, Deployment, Service, disruption budget; Redis and the canary where wished.

    Raises UsageProblem for names, ports and numbers that cannot be.
    """
    _check(wish)
    name, namespace = wish.name, wish.namespace
    documents = [config_map(wish.config, namespace, name, {**wish.variables, **_address(wish)})]
    if wish.redis_at is None:
        documents += redis.redis_manifests(wish.redis_name, namespace, (name,))
    documents.append(
        workload("Deployment", name, namespace, name, _pod(wish, {}), wish.replicas, STABLE, **_ROLLOUT)
    )
    ports = {"http": (80, wish.port)}
    documents.append(service(name, namespace, name, ports, None if wish.shared else STABLE))
    if wish.replicas > 1:
        documents.append(_budget(wish))
    if wish.canary:
        pod = _pod(wish, dict(wish.on))
        canary = f"{name}-canary"
        documents.append(
            workload("Deployment", canary, namespace, name, pod, wish.canary, CANARY, **_ROLLOUT)
        )
        if not wish.shared:
            documents.append(service(canary, namespace, name, ports, CANARY))
    return documents


# One more first, then one less: nobody meets fewer pods than before.
_ROLLOUT = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}


def _check(wish: ServiceWish) -> None:
    checked_name("the service's name", wish.name)
    checked_name("the longest name made of it", f"{wish.name}-secrets")
    if wish.namespace:
        checked_name("the namespace", wish.namespace)
    if not wish.image or any(letter.isspace() for letter in wish.image):
        raise UsageProblem(
            f"the image {wish.image!r} is no image's name", hint="like registry/captcha-api:1.4"
        )
    for what, port in (("port", wish.port), ("Redis port", wish.redis_at.port if wish.redis_at else 1)):
        if not 1 <= port <= _PORTS:
            raise UsageProblem(f"the {what} is {port}, expected 1 to {_PORTS}")
    if wish.redis_at is not None and wish.redis_at.authority:
        checked_name("the authority's ConfigMap", wish.redis_at.authority)
    for path in (wish.ready, wish.live):
        if not path.startswith("/"):
            raise UsageProblem(f"the probe's path {path!r} does not begin with /")


def _address(wish: ServiceWish) -> dict[str, str]:
    at = wish.redis_at or RedisAt(wish.redis_name)
    trust = {"REDIS_CA_CERTS": f"{_AUTHORITY}/ca.pem"} if at.authority else {}
    ssl = "true" if at.ssl else "false"
    return {"REDIS_HOST": at.host, "REDIS_PORT": str(at.port), "REDIS_SSL": ssl, **trust}


def _pod(wish: ServiceWish, over: Mapping[str, str]) -> dict[str, Any]:
    mounts, volumes = [], []
    if wish.redis_at is not None and wish.redis_at.authority:
        volumes = [{"name": "redis-authority", "configMap": {"name": wish.redis_at.authority}}]
        mounts = [{"name": "redis-authority", "mountPath": _AUTHORITY, "readOnly": True}]
    its = container(
        wish.name,
        wish.image,
        {"http": wish.port},
        envFrom=[{"configMapRef": {"name": wish.config}}],
        env=[*({"name": name, "value": value} for name, value in over.items()), *_references(wish)],
        readinessProbe=http_probe(wish.ready, wish.port, 5, 2),
        livenessProbe=http_probe(wish.live, wish.port, 10, 6),
        startupProbe=http_probe(wish.live, wish.port, 1, 60),
        resources=resources("100m", "256Mi"),
        volumeMounts=mounts,
    )
    more = {"terminationGracePeriodSeconds": 30, "topologySpreadConstraints": [_spread(wish)]}
    return pod_spec([its], None, **more, volumes=volumes)


def _references(wish: ServiceWish) -> list[dict[str, Any]]:
    """POD_NAME, and the secret variables by reference; REDIS_PASSWORD may be missing where none is asked."""
    field_ref = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    asked = wish.redis_at is not None and wish.redis_at.password
    optional = {"ABSTRACT_HMAC_SECRET": False, "REDIS_PASSWORD": not asked}
    return [field_ref] + [
        {
            "name": name,
            "valueFrom": {
                "secretKeyRef": {
                    "name": wish.secret,
                    "key": name,
                    **({"optional": True} if optional[name] else {}),
                }
            },
        }
        for name in SECRET_VARIABLES
    ]


def _spread(wish: ServiceWish) -> dict[str, Any]:
    """Replicas on different nodes where there are several."""
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(wish.name)},
    }


def _budget(wish: ServiceWish) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(wish.name, wish.namespace, labels(wish.name)),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": selector(wish.name)}},
    }
