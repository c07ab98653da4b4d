"""The pieces that all manifests are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from devenv.core.model.errors import UsageProblem

Manifest = dict[str, Any]

PART_OF = "captcha"
NAME_LIMIT = 63
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def checked_name(what: str, name: str) -> str:
    """``name``, where Kubernetes takes it for a Service (RFC 1035 label). Raises UsageProblem."""
    if _NAME.fullmatch(name) and len(name) <= NAME_LIMIT:
        return name
    raise UsageProblem(
        f"{what} {name!r} is no name for Kubernetes",
        hint=f"small letters, digits and '-', a letter first, {NAME_LIMIT} at most",
    )


def labels(app: str, track: str | None = None) -> dict[str, str]:
    """What a part's objects are found by."""
    track_label = {"track": track} if track else {}
    return {"app.kubernetes.io/name": app, "app.kubernetes.io/part-of": PART_OF, **track_label}


def selector(app: str, track: str | None = None) -> dict[str, str]:
    """The labels that tell a part's pods from all others."""
    return {"app.kubernetes.io/name": app, **({"track": track} if track else {})}


def metadata(name: str, namespace: str | None, its_labels: Mapping[str, str]) -> dict[str, Any]:
    """Name, labels, and the namespace where one was asked for."""
    return {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        "labels": dict(its_labels),
    }


def config_map(name: str, namespace: str | None, app: str, data: Mapping[str, str]) -> Manifest:
    """Variables that are no secret."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, namespace, labels(app)),
        "data": dict(data),
    }


def service(
    name: str,
    namespace: str | None,
    app: str,
    ports: Mapping[str, tuple[int, int]],
    track: str | None = None,
    headless: bool = False,
) -> Manifest:
    """A Service; ``ports`` maps a name to its own port and the container's."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace, labels(app, track)),
        "spec": {
            **({"clusterIP": "None"} if headless else {}),
            "selector": selector(app, track),
            "ports": [
                {"name": word, "port": port, "targetPort": target, "protocol": "TCP"}
                for word, (port, target) in ports.items()
            ],
        },
    }


def http_probe(path: str, port: int, period: int, failures: int) -> dict[str, Any]:
    """Asks ``path`` every ``period`` seconds; ``failures`` in a row count."""
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def resources(cpu: str, memory: str) -> dict[str, Any]:
    """Asked for, and the memory's limit; a limit of CPU would only make the pod wait."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def container(name: str, image: str, ports: Mapping[str, int], **more: Any) -> dict[str, Any]:
    """A container that can change nothing but /tmp."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": word, "containerPort": port} for word, port in ports.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *more.get("volumeMounts", ())],  # noqa: S108
    }


def pod_spec(containers: Sequence[Mapping[str, Any]], user: int | None, **more: Any) -> dict[str, Any]:
    """A pod of an ordinary user without the API server's token.

    Service links are off: for a Service named ``redis`` they set REDIS_PORT=tcp://10.0.0.7:6379.
    ``user`` None leaves the image's own, which must not be root.
    """
    who = {"runAsUser": user, "runAsGroup": user} if user is not None else {}
    return {
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, **who, "seccompProfile": {"type": "RuntimeDefault"}},
        **more,
        "containers": [dict(each) for each in containers],
        "volumes": [{"name": "tmp", "emptyDir": {}}, *more.get("volumes", ())],
    }


def workload(
    kind: str,
    name: str,
    namespace: str | None,
    app: str,
    pod: Mapping[str, Any],
    replicas: int,
    track: str | None = None,
    **more: Any,
) -> Manifest:
    """A Deployment or a StatefulSet."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata(name, namespace, labels(app, track)),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector(app, track)},
            **more,
            "template": {"metadata": {"labels": labels(app, track)}, "spec": dict(pod)},
        },
    }
