"""Redis inside the cluster: one server that keeps sessions of a minute, and loses them with its pod."""

from __future__ import annotations

from typing import Any

from devenv.core.kubernetes.parts import (
    Manifest,
    container,
    labels,
    metadata,
    pod_spec,
    resources,
    selector,
    service,
    workload,
)

IMAGE = "redis:7.2-bookworm"
PORT = 6379
USER = 999
"""The user ``redis`` of the image."""

# noeviction: an evicted session is a challenge not found; a refused write is an error that can be seen.
_MEMORY = "64mb"
_OPTIONS = {
    "--bind": "0.0.0.0",
    "--protected-mode": "no",
    "--save": "",
    "--appendonly": "no",
    "--dir": "/data",
    "--maxmemory": _MEMORY,
    "--maxmemory-policy": "noeviction",
}


def redis_manifests(name: str, namespace: str | None, clients: tuple[str, ...]) -> list[Manifest]:
    """StatefulSet, its Service, and a NetworkPolicy that admits only the apps ``clients``.

    Nothing is on a disk: a session lives 60 s. The server has no password, hence the policy.
    """
    ping: dict[str, Any] = {
        "exec": {"command": ["redis-cli", "ping"]},
        "periodSeconds": 5,
        "timeoutSeconds": 3,
    }
    server = container(
        "redis",
        IMAGE,
        {"redis": PORT},
        command=["redis-server", *(word for option in _OPTIONS.items() for word in option)],
        readinessProbe=ping,
        livenessProbe={**ping, "periodSeconds": 10, "failureThreshold": 6},
        resources=resources("50m", "128Mi"),
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
    )
    pod = pod_spec([server], USER, volumes=[{"name": "data", "emptyDir": {"medium": "Memory"}}])
    return [
        service(name, namespace, name, {"redis": (PORT, PORT)}, headless=True),
        workload("StatefulSet", name, namespace, name, pod, 1, serviceName=name),
        _only_from(name, namespace, clients),
    ]


def _only_from(name: str, namespace: str | None, clients: tuple[str, ...]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(f"{name}-clients", namespace, labels(name)),
        "spec": {
            "podSelector": {"matchLabels": selector(name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": selector(client)}} for client in clients],
                    "ports": [{"port": PORT, "protocol": "TCP"}],
                }
            ],
        },
    }
