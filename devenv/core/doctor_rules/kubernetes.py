"""Kubernetes manifests → the settings of each workload's pods.

ConfigMaps and Secrets of the same files are looked up; what comes from elsewhere is "not known". Precedence
is Kubernetes' own: ``env`` over ``envFrom``, a later ``envFrom`` over an earlier one, and below both the
variables that a Service causes ("service links"). ``unfit_values`` lists the values that
Kubernetes refuses in these places.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from devenv.core.doctor_rules.settings import RELEVANT, Place, Pod, Setting, blank_around
from devenv.core.kubernetes.scalars import go_type
from devenv.core.model.yaml_lines import Document, Path

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "Pod")
TELLTALE = frozenset({"USE_REDIS", "REDIS_HOST", "REDIS_PREFIX", "REDIS_URL"})
"""A container that has one of these is a captcha service, and not, for example, Redis itself."""


_JOBS = ("Job", "CronJob")


class Unfit(StrEnum):
    """Why a value of a manifest does not do."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    """The parser reads another type than text, and Kubernetes refuses the object."""
    BASE64 = "base64"
    """The value of a Secret is no Base64, and Kubernetes refuses the object."""
    BLANK = "blank"
    """The value of a Secret begins or ends with a blank or a line break."""


@dataclass(frozen=True, slots=True)
class UnfitValue:
    """A value that does not do where it stands."""

    name: str
    """The variable, or the field of the object."""
    owner: str
    """The object: ``ConfigMap web-settings``."""
    place: Place
    """Where the value stands."""
    problem: Unfit
    """What is wrong with the value."""
    text: str = field(repr=False, default="")
    """The value, to tell its blanks; empty for a Secret's that Kubernetes refuses."""


@dataclass(frozen=True, slots=True)
class _Object:
    """One manifest, also one of a ``List``."""

    document: Document
    path: Path
    data: Mapping[str, Any]
    kind: str

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

    def plain(self, *path: str | int) -> str | None:
        """The value as written, where the parser chooses its type; None where it is text by its quotes."""
        return self.document.plain.get((*self.path, *path))

    def text(self, *path: str | int) -> str:
        """The value as the writer meant it; a null is empty."""
        plain = self.plain(*path)
        if plain is not None:
            return "" if go_type(plain) == "null" else plain
        value = _at(self.data, path)
        return "" if value is None else str(value)


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

    def take(self, value: Setting | _Unreadable) -> None:
        if isinstance(value, Setting):
            self.put(value)
        else:
            self.put_unknown(value.name, value.source)


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A value of a Secret that is no text."""

    name: str
    source: str


def workloads(documents: Iterable[Document]) -> tuple[Pod, ...]:
    """The pods of every workload with a container that has settings of a captcha service, in file order.

    Init containers and Jobs serve no requests and are left out.
    """
    objects = [object_ for document in documents for object_ in _objects(document)]
    pods = []
    for item in objects:
        if item.kind in WORKLOADS:
            pods += _pods(item, objects)
    return tuple(pods)


def _objects(document: Document) -> list[_Object]:
    """The document's object, or those of its ``List`` (``ConfigMapList`` and the like too)."""
    data = _mapping(document.data)
    kind = str(data.get("kind"))
    items = data.get("items")
    if not kind.endswith("List") or not isinstance(items, list):
        return [_Object(document, (), data, kind)]
    entries = [_mapping(item) for item in items]
    return [
        _Object(document, ("items", index), item, str(item.get("kind") or kind.removesuffix("List")))
        for index, item in enumerate(entries)
    ]


# --- values that do not do -----------------------------------------------------------------------------


def unfit_values(documents: Iterable[Document]) -> tuple[UnfitValue, ...]:
    """The values that stand where Kubernetes wants text and that its parser reads as another type.

    And the values of Secrets that are no Base64, or begin or end with a blank. In file order.
    """
    unfit = []
    for document in documents:
        for object_ in _objects(document):
            values = [item for path in _texts(object_) if (item := _unfit(object_, path)) is not None]
            unfit += sorted(values, key=lambda value: value.place.line or 0)
    return tuple(unfit)


def _texts(object_: _Object) -> Iterator[Path]:
    """The paths at which Kubernetes wants text: settings, labels, annotations, a container's words."""
    sections = {"ConfigMap": ("data",), "Secret": ("data", "stringData")}.get(object_.kind, ())
    for section in sections:
        yield from ((section, str(key)) for key in _mapping(object_.data.get(section)))
    yield from _metadata_texts(object_.data, ())
    if object_.kind in (*WORKLOADS, *_JOBS):
        yield from _template_texts(object_.data.get("spec"), ("spec",))


def _metadata_texts(data: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for section in ("labels", "annotations"):
        entries = _mapping(_mapping(data.get("metadata")).get(section))
        yield from ((*path, "metadata", section, str(key)) for key in entries)


def _template_texts(data: Any, path: Path) -> Iterator[Path]:
    """Those of pod templates, however deep: a CronJob's is in its Job's."""
    template = _mapping(data)
    for section in ("initContainers", "containers"):
        containers = template.get(section)
        for index, container in enumerate(containers if isinstance(containers, list) else []):
            yield from _container_texts(_mapping(container), (*path, section, index))
    for key in ("jobTemplate", "template", "spec"):
        if key in template:
            yield from _metadata_texts(_mapping(template[key]), (*path, key))
            yield from _template_texts(template[key], (*path, key))


def _container_texts(container: Mapping[str, Any], path: Path) -> Iterator[Path]:
    variables = container.get("env")
    for index, variable in enumerate(variables if isinstance(variables, list) else []):
        if "value" in _mapping(variable):
            yield (*path, "env", index, "value")
    for section in ("command", "args"):
        items = container.get(section)
        yield from ((*path, section, index) for index in range(len(items) if isinstance(items, list) else 0))


def _unfit(object_: _Object, path: Path) -> UnfitValue | None:
    plain = object_.plain(*path)
    read = go_type(plain) if plain is not None else "text"
    secret = object_.kind == "Secret" and path[0] in ("data", "stringData")
    owner, place = f"{object_.kind} {object_.name}", object_.place(*path)
    if read in ("number", "boolean"):
        return UnfitValue(_name(object_, path), owner, place, Unfit(read), "" if secret else str(plain))
    if not secret:
        return None
    text = object_.text(*path)
    value = _decoded(text) if path[0] == "data" else text.encode()
    if value is None:
        return UnfitValue(str(path[-1]), owner, place, Unfit.BASE64)
    decoded = _as_text(value)
    plain_kind = object_.data.get("type") in (None, "Opaque") and "." not in str(path[-1])
    if plain_kind and decoded is not None and blank_around(decoded):
        return UnfitValue(str(path[-1]), owner, place, Unfit.BLANK, decoded)
    return None


def _name(object_: _Object, path: Path) -> str:
    """What a person calls the value at ``path``: its key, the variable of an ``env`` entry, ``args[0]``."""
    if path[-1] == "value":
        return str(_mapping(_at(object_.data, path[:-1])).get("name"))
    return f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) else str(path[-1])


# --- the settings of pods --------------------------------------------------------------------------------


def _pods(workload: _Object, objects: Sequence[_Object]) -> list[Pod]:
    template: Path = () if workload.kind == "Pod" else ("spec", "template")
    spec = _mapping(_mapping(_at(workload.data, template)).get("spec"))
    containers = spec.get("containers")
    pods = []
    for index, container in enumerate(containers if isinstance(containers, list) else []):
        where: Path = (*template, "spec", "containers", index)
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
        holder = _named(kind, str(reference.get("name")), workload, objects)
        if holder is None:
            if not reference.get("optional"):
                gathered.unread.append(f"{kind} {reference.get('name')}")
            continue
        for setting in _held(holder, prefix):
            gathered.take(setting)


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
        value = workload.text(*where, "value")
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
        holder = _named(kind, str(reference.get("name")), workload, objects)
        variables_held = (
            [item for item in _held(holder, "") if item.name == reference.get("key")] if holder else []
        )
        if variables_held:
            gathered.take(replace(variables_held[-1], name=name))
        elif holder is None or not reference.get("optional"):
            gathered.put_unknown(name, f"{kind} {reference.get('name')} ({place})")
        return
    gathered.put_unknown(name, f"valueFrom ({place})")


def _held(holder: _Object, prefix: str) -> list[Setting | _Unreadable]:
    """What a ConfigMap or Secret holds, as variables; of a Secret ``stringData`` counts before ``data``."""
    secret = holder.kind == "Secret"
    variables: list[Setting | _Unreadable] = []
    for section in ("data", "stringData"):
        for key in _mapping(holder.data.get(section)):
            text, place = holder.text(section, str(key)), holder.place(section, str(key))
            value = _as_text(_decoded(text)) if secret and section == "data" else text
            if value is None:
                variables.append(
                    _Unreadable(prefix + str(key), f"a value of {holder.name} that is no text ({place})")
                )
            else:
                variables.append(Setting(prefix + str(key), value, place, secret))
    return variables


def _decoded(text: str) -> bytes | None:
    """The value that a Secret's ``data`` stands for; None where Kubernetes refuses it as no Base64.

    As Go reads Base64: line breaks are passed over, blanks and missing padding are not.
    """
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _as_text(value: bytes | None) -> str | None:
    try:
        return value.decode() if value is not None else None
    except UnicodeDecodeError:
        return None


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
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
        else:
            data = _mapping(data).get(part)
    return data


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
