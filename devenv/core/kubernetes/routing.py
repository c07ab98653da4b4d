"""Which pod gets a request in a cluster: Services and Ingresses of manifests, as policies of the proxy.

A model: no cluster is asked. kube-proxy chooses for each connection (iptables mode: by a random draw,
https://kubernetes.io/docs/reference/networking/virtual-ips/); ingress-nginx chooses for each request, as
its annotations say (``get_implementation`` in rootfs/etc/nginx/lua/balancer.lua of kubernetes/ingress-nginx).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.yaml_lines import Document, Path

_NGINX = "nginx.ingress.kubernetes.io/"
_CLASS = "kubernetes.io/ingress.class"
_ADDRESS = frozenset({"$remote_addr", "$binary_remote_addr", "${remote_addr}", "${binary_remote_addr}"})
_TIMEOUT_S = 10800
"""Default of ``sessionAffinityConfig.clientIP.timeoutSeconds``."""


@dataclass(frozen=True, slots=True)
class Route:
    """How one Service or Ingress chooses pods."""

    name: str
    """The object: ``Service captcha-api``."""
    place: str
    """File and line of what decides it."""
    because: str
    """What decides it."""
    policy: str = ""
    """The proxy's policy that is its model; empty: there is none."""
    differs: tuple[str, ...] = ()
    """What the cluster does and the model does not, a sentence each."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "name": self.name,
            "place": self.place,
            "because": self.because,
            "policy": self.policy or None,
            "differs": list(self.differs),
        }


@dataclass(frozen=True, slots=True)
class _Object:
    document: Document
    path: Path
    """Where it begins in the document; not empty in a ``List``."""
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``Service captcha-api``."""
        return f"{self.data['kind']} {_mapping(self.data, 'metadata').get('name', '')}".rstrip()

    def place(self, *keys: str) -> str:
        """File and line of the value below these keys, or of the last of them that is there."""
        for count in range(len(keys), -1, -1):
            path = (*self.path, *keys[:count])
            if path in self.document.value_lines:
                line = self.document.key_lines.get(path, self.document.line(path))
                return f"{self.document.name}:{line}"
        return self.document.name


def routes(documents: Sequence[Document]) -> tuple[Route, ...]:
    """The Services that have pods behind them, and the Ingresses, in their order."""
    objects = [item for document in documents for item in _objects(document, (), document.data)]
    services = {_mapping(item.data, "metadata").get("name"): item for item in objects if _is(item, "Service")}
    all_routes = []
    for item in objects:
        if _is(item, "Service") and _mapping(item.data, "spec").get("selector"):
            all_routes.append(_of_service(item))
        elif _is(item, "Ingress"):
            all_routes.append(_of_ingress(item, services))
    return tuple(all_routes)


def _objects(document: Document, path: Path, data: Any) -> Iterator[_Object]:
    if not isinstance(data, dict):
        return
    items = data.get("items")
    if isinstance(items, list):
        for number, item in enumerate(items):
            yield from _objects(document, (*path, "items", number), item)
    elif data.get("kind"):
        yield _Object(document, path, data)


def _is(item: _Object, kind: str) -> bool:
    return item.data.get("kind") == kind


def _mapping(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The mapping below these keys; empty where there is none."""
    for key in keys:
        inner = data.get(key)
        data = inner if isinstance(inner, dict) else {}
    return data


def _of_service(item: _Object) -> Route:
    """kube-proxy's choice."""
    spec = _mapping(item.data, "spec")
    if spec.get("clusterIP") == "None":
        because = "clusterIP: None: the client chooses among the addresses of all pods, and not kube-proxy"
        return Route(item.name, item.place("spec", "clusterIP"), because)
    differs = [
        f"{key}: Local: only pods on the node that got the connection are chosen"
        for key in ("internalTrafficPolicy", "externalTrafficPolicy")
        if spec.get(key) == "Local"
    ]
    if spec.get("sessionAffinity") == "ClientIP":
        seconds = _mapping(spec, "sessionAffinityConfig", "clientIP").get("timeoutSeconds", _TIMEOUT_S)
        return Route(
            item.name,
            item.place("spec", "sessionAffinity"),
            f"sessionAffinity: ClientIP: one pod for each client address, until {seconds} s without a "
            "connection",
            "source-hash",
            (
                "kube-proxy draws a client's pod and remembers it; the model computes it from the address",
                "all clients behind one gateway or Ingress have one address, and with it one pod",
                *differs,
            ),
        )
    return Route(
        item.name,
        item.place("spec"),
        "kube-proxy draws a pod for each connection",
        "per-connection",
        ("in IPVS mode kube-proxy gives connections to the pods in turn", *differs),
    )


def _of_ingress(item: _Object, services: Mapping[Any, _Object]) -> Route:
    """The choice of ingress-nginx."""
    notes = _mapping(item.data, "metadata", "annotations")
    named = _mapping(item.data, "spec").get("ingressClassName") or notes.get(_CLASS)
    if named != "nginx" and not any(str(key).startswith(_NGINX) for key in notes):
        why = (
            f"its class is {named}, and not nginx" if named else "it does not say which controller it is for"
        )
        return Route(item.name, item.place("spec", "ingressClassName"), why)

    def place(key: str) -> str:
        return item.place("metadata", "annotations", _NGINX + key)

    def given(key: str) -> str:
        return str(notes.get(_NGINX + key, "")).strip()

    for key, why in (
        ("canary", "a part of the requests goes to other pods"),
        (
            "service-upstream",
            "ingress-nginx keeps connections to the Service, and kube-proxy chooses for each",
        ),
    ):
        if given(key).lower() == "true":
            return Route(item.name, place(key), f"{key}: {why}")
    differs = tuple(_without_effect(item, services))
    if given("affinity") == "cookie":
        cookie = given("session-cookie-name") or "INGRESSCOOKIE"
        if given("affinity-mode") != "persistent":
            differs = ("affinity-mode: balanced: some clients move to a pod that is added", *differs)
        because = f"affinity: cookie: the cookie {cookie} keeps a client on its pod"
        return Route(item.name, place("affinity"), because, "cookie-sticky", differs)
    key = given("upstream-hash-by")
    if key in _ADDRESS:
        because = f"upstream-hash-by: {key}: one pod for each client address"
        return Route(item.name, place("upstream-hash-by"), because, "source-hash", differs)
    if key:
        return Route(
            item.name, place("upstream-hash-by"), f"upstream-hash-by: {key}: the proxy has no such hash"
        )
    balance = given("load-balance")
    if balance not in ("", "round_robin"):
        return Route(
            item.name, place("load-balance"), f"load-balance: {balance}: the proxy has no such policy"
        )
    turns = "each worker of ingress-nginx has turns of its own, and begins them at a random pod"
    by_all = "the controller's ConfigMap can set load-balance for all Ingresses"
    because = "ingress-nginx gives requests to the pods in turn"
    return Route(item.name, item.place("metadata"), because, "round-robin", (turns, by_all, *differs))


def _without_effect(item: _Object, services: Mapping[Any, _Object]) -> Iterator[str]:
    """Settings of its Services that ingress-nginx goes past: it connects to the pods itself."""
    for name in dict.fromkeys(_backends(item.data.get("spec"))):
        service = services.get(name)
        if service is not None and _mapping(service.data, "spec").get("sessionAffinity") == "ClientIP":
            yield (
                f"sessionAffinity of {service.name} ({service.place('spec', 'sessionAffinity')}) has no "
                "effect here: ingress-nginx connects to the pods and not to the Service"
            )


def _backends(data: Any) -> Iterator[str]:
    """The names of Services anywhere below a spec."""
    if isinstance(data, list):
        for part in data:
            yield from _backends(part)
    elif isinstance(data, dict):
        service = data.get("service")
        name = service.get("name") if isinstance(service, dict) else data.get("serviceName")
        if isinstance(name, str):
            yield name
        for part in data.values():
            yield from _backends(part)
