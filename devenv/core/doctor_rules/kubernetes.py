"""Kubernetes manifests → the settings of each workload's pods.

ConfigMaps and Secrets of the same files are looked up; what comes from elsewhere is "not known". Precedence
is Kubernetes' own: ``env`` over ``envFrom``, a later ``envFrom`` over an earlier one, and below both the
variables that a Service causes ("service links").
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devenv.core.doctor_rules.settings import RELEVANT, Place, Pod, Setting
from devenv.core.model.yaml_lines import Document, Path

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "Pod")
TELLTALE = frozenset({"USE_REDIS", "REDIS_HOST", "REDIS_PREFIX", "REDIS_URL"})
"""A container that has one of these is a captcha service, and not, for example, Redis itself."""


@dataclass(frozen=True, slots=True)
class _Object:
    """One manifest, also one of a ``List``."""

    document: Document
    path: Path
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.data.get("kind"))

    @property
    def name(self) -> str:
        return str(_mapping(self.data.get("metadata")).get("name", "?"))

    @property
    def namespace(self) -> str:
        return str(_mapping(self.data.get("metadata")).get("namespace", "default"))

    def place(self, *path: str | int) -> Place:
        whole = (*self.path, *path)
        line = self.document.key_lines.get(whole) or self.document.line(whole)
        return Place(self.document.name, line)


@dataclass(slots=True)
class _Gathered:
    """A container's variables as they are collected, the later over the earlier."""

    settings: dict[str, Setting] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def put(self, setting: Setting) -> None:
        self.unknown.pop(setting.name, None)
        self.settings[setting.name] = setting

    def put_unknown(self, name: str, source: str) -> None:
        self.settings.pop(name, None)
        self.unknown[name] = source


def workloads(documents: Iterable[Document]) -> tuple[Pod, ...]:
    """The pods of every workload with a container that has settings of a captcha service, in file order.

    Init containers and Jobs serve no requests and are left out.
    """
    objects = [object_ for document in documents for object_ in _objects(document)]
    found = []
    for item in objects:
        if item.kind in WORKLOADS:
            found += _pods(item, objects)
    return tuple(found)


def _objects(document: Document) -> list[_Object]:
    data = _mapping(document.data)
    if data.get("kind") == "List":
        items = data.get("items")
        return [
            _Object(document, ("items", index), _mapping(item))
            for index, item in enumerate(items if isinstance(items, list) else [])
        ]
    return [_Object(document, (), data)]


def _pods(workload: _Object, objects: Sequence[_Object]) -> list[Pod]:
    at: Path = () if workload.kind == "Pod" else ("spec", "template")
    spec = _mapping(_mapping(_at(workload.data, at)).get("spec"))
    containers = spec.get("containers")
    pods = []
    for index, container in enumerate(containers if isinstance(containers, list) else []):
        where: Path = (*at, "spec", "containers", index)
        gathered = _container(workload, where, _mapping(container), objects)
        if not TELLTALE & {*gathered.settings, *gathered.unknown}:
            continue
        if spec.get("enableServiceLinks") is not False:
            _service_links(workload, objects, gathered)
        several = len(containers) > 1 if isinstance(containers, list) else False
        name = f"{workload.kind.lower()}/{workload.name}"
        pods.append(
            Pod(
                f"{name}/{_mapping(container).get('name', index)}" if several else name,
                workload.place(*where, "env") if "env" in _mapping(container) else workload.place(*where),
                gathered.settings,
                gathered.unknown,
                tuple(gathered.unread),
                _replicas(workload),
            )
        )
    return pods


def _replicas(workload: _Object) -> int | None:
    count = _mapping(workload.data.get("spec")).get("replicas", 1)
    if workload.kind == "DaemonSet":
        return None  # one per node
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _container(
    workload: _Object, where: Path, container: Mapping[str, Any], objects: Sequence[_Object]
) -> _Gathered:
    gathered = _Gathered()
    sources = container.get("envFrom")
    for source in sources if isinstance(sources, list) else []:
        _from_source(workload, _mapping(source), objects, gathered)
    variables = container.get("env")
    for index, variable in enumerate(variables if isinstance(variables, list) else []):
        _variable(workload, (*where, "env", index), _mapping(variable), objects, gathered)
    return gathered


def _from_source(
    workload: _Object, source: Mapping[str, Any], objects: Sequence[_Object], gathered: _Gathered
) -> None:
    """One entry of ``envFrom``."""
    prefix = str(source.get("prefix") or "")
    for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
        if key not in source:
            continue
        reference = _mapping(source[key])
        held = _named(kind, str(reference.get("name")), workload, objects)
        if held is None:
            if not reference.get("optional"):
                gathered.unread.append(f"{kind} {reference.get('name')}")
            continue
        for setting in _held(held, prefix):
            gathered.put(setting)


def _variable(
    workload: _Object,
    where: Path,
    variable: Mapping[str, Any],
    objects: Sequence[_Object],
    gathered: _Gathered,
) -> None:
    """One entry of ``env``."""
    name = str(variable.get("name"))
    place = workload.place(*where, "value" if "value" in variable else "name")
    if "valueFrom" not in variable:
        value = _text(variable.get("value", ""))
        if "$(" in value:
            gathered.put_unknown(name, f"other variables ({place})")
        else:
            gathered.put(Setting(name, value, place))
        return
    source = _mapping(variable["valueFrom"])
    for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if key not in source:
            continue
        reference = _mapping(source[key])
        held = _named(kind, str(reference.get("name")), workload, objects)
        found = [item for item in _held(held, "") if item.name == reference.get("key")] if held else []
        if found:
            gathered.put(Setting(name, found[0].value, found[0].place, found[0].secret))
        elif held is None or not reference.get("optional"):
            gathered.put_unknown(name, f"{kind} {reference.get('name')} ({place})")
        return
    gathered.put_unknown(name, f"valueFrom ({place})")


def _held(held: _Object, prefix: str) -> list[Setting]:
    """What a ConfigMap or Secret holds, as variables."""
    secret = held.kind == "Secret"
    found = []
    for section in ("data", "stringData"):
        for key, value in _mapping(held.data.get(section)).items():
            text = _text(value)
            if secret and section == "data":
                text = _decoded(text)
            found.append(Setting(prefix + str(key), text, held.place(section, str(key)), secret))
    return found


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text


def _service_links(workload: _Object, objects: Sequence[_Object], gathered: _Gathered) -> None:
    """``REDIS_PORT=tcp://…`` and its like, which Kubernetes sets for every Service with a cluster address."""
    for item in objects:
        spec = _mapping(item.data.get("spec"))
        addressless = spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName"
        if item.kind != "Service" or item.namespace != workload.namespace or addressless:
            continue
        stem = item.name.upper().replace("-", "_")
        ports = spec.get("ports")
        port = _mapping(ports[0]).get("port", 6379) if isinstance(ports, list) and ports else 6379
        address = "10.0.0.7"  # some address: which one is known only in the cluster
        values = {
            f"{stem}_PORT": f"tcp://{address}:{port}",
            f"{stem}_SERVICE_HOST": address,
            f"{stem}_SERVICE_PORT": str(port),
        }
        for name, value in values.items():
            unset = name not in gathered.settings and name not in gathered.unknown
            if unset and name in RELEVANT and not gathered.unread:
                gathered.put(Setting(name, value, item.place("metadata", "name")))


def _named(kind: str, name: str, workload: _Object, objects: Sequence[_Object]) -> _Object | None:
    for item in objects:
        if (item.kind, item.name, item.namespace) == (kind, name, workload.namespace):
            return item
    return None


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = _mapping(data).get(str(part))
    return data


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A value as its writer meant it: Kubernetes wants text, and people write true and 6379."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
