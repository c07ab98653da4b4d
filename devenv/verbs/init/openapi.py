"""What an OpenAPI document tells of the requests that open and use sessions. Pure: it sends nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devenv.core.model.bodies import FORM_TYPE
from devenv.core.model.service import ANSWER, ID, Kind, Request
from devenv.core.model.vocabulary import Answer

PLACES = ("/openapi.json", "/api/openapi.json", "/swagger.json", "/v3/api-docs", "/api-docs-json")
"""Where services put the document."""
_OPENS = re.compile(
    r"captcha|challenge|puzzle|create|new|start|issue|session|login|open|basket|cart", re.IGNORECASE
)
_USES = re.compile(r"verify|solve|check|answer|submit|validate|redeem", re.IGNORECASE)
_ID_WORD = re.compile(
    r"(?:^|[_-])(?:id|cid|ticket|token|key|uuid|handle)$|Id$|challenge|session", re.IGNORECASE
)
_PARAMETER = re.compile(r"\{[^{}]+\}")
_WRITES = ("post", "put", "patch")
_BODY_TYPES = ("application/json", FORM_TYPE, "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of the document: its path with ``{id}`` for the first parameter, method, description."""

    path: str
    method: str
    description: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OpenApi:
    """A document; an empty one tells nothing."""

    document: Mapping[str, Any]

    @property
    def paths(self) -> Mapping[str, Any]:
        """Its paths as they are written."""
        paths = self.document.get("paths", {})
        return paths if isinstance(paths, dict) else {}

    def operations(self, *methods: str) -> Iterator[Operation]:
        """Its requests with one of these methods (lower case), in the document's order."""
        for path, item in self.paths.items():
            for method in methods:
                if isinstance(item, dict) and isinstance(item.get(method), dict):
                    yield Operation(_PARAMETER.sub(ID, path, count=1), method.upper(), item[method])

    def required_headers(self) -> dict[str, str]:
        """The headers that any of its writing requests needs, with a value of ours."""
        needed = (
            parameter["name"]
            for operation in self.operations(*_WRITES)
            for parameter in operation.description.get("parameters", ())
            if isinstance(parameter, dict) and parameter.get("in") == "header" and parameter.get("required")
        )
        return dict.fromkeys(needed, "devenv")

    def pairs(self) -> list[tuple[Request, Request]]:
        """Requests that may open a session, each with the one that likely uses it; the likeliest first."""
        writing = list(self.operations(*_WRITES))
        uses = [item for item in writing if _USES.search(item.path) or ID in item.path]
        opens = [item for item in writing if item not in uses and ID not in item.path]
        opens += [item for item in self.operations("get") if _sounds_like_opening(item)]
        return [_request_pair(nearest, use) for use in uses if (nearest := _nearest(opens, use)) is not None]

    def opening(self, create: Request) -> Request:
        """``create`` with the body fields that the document requires, and values of ours."""
        return self._with_body(
            create, {name: plausible(item) for name, item in self._fields(create, True).items()}
        )

    def optional_fields(self, request: Request) -> Mapping[str, Any]:
        """The fields of a body of which the document requires none, with values of ours."""
        return {name: plausible(item) for name, item in self._fields(request, False).items()}

    def using(self, verify: Request, id_name: str) -> tuple[Request, dict[str, Any]]:
        """``verify`` with its body's template, and what to answer wrongly.

        ``id_name``: what the id is called in the answer that opens a session.
        """
        fields = self._fields(verify, False)
        named = [name for name in fields if name == id_name] + [name for name in fields if called_an_id(name)]
        place = named[0] if named and not verify.carries_id else None
        template: dict[str, Any] = {}
        answers: dict[str, Any] = {}
        for name, schema in fields.items():
            if name == place:
                template[name] = ID
            elif not answers:
                template[name] = ANSWER
                answers = {str(Answer.WRONG): some_value(schema)}
            else:
                template[name] = plausible(schema)
        return self._with_body(verify, template), answers

    def completed(self, kind: Kind) -> Kind:
        """A kind of a preset with the fields that the document requires of its requests beside its own."""
        return replace(kind, create=self._completed(kind.create), verify=self._completed(kind.verify))

    def _completed(self, request: Request) -> Request:
        given = request.fields or {}
        required = self._fields(request, True)
        more = {name: plausible(item) for name, item in required.items() if name not in given}
        if not more and (request.fields is None or not self._is_form(request)):
            return request
        return self._with_body(request, {**given, **more})

    def _with_body(self, request: Request, fields: Mapping[str, Any]) -> Request:
        if not fields:
            return replace(request, body=request.body)
        if self._is_form(request):
            return replace(request, body=None, form=fields)
        return replace(request, body=fields, form=None)

    def _is_form(self, request: Request) -> bool:
        content = self._content(request)
        return "application/json" not in content and FORM_TYPE in content

    def _content(self, request: Request) -> Mapping[str, Any]:
        """What the document says of a request's body, by content type."""
        for operation in self.operations(*_WRITES, "get"):
            if operation.path == request.path and operation.method == request.method:
                body = self.resolved(operation.description.get("requestBody", {}))
                content = body.get("content", {})
                return content if isinstance(content, dict) else {}
        return {}

    def _fields(self, request: Request, required: bool) -> Mapping[str, Any]:
        """The required fields of its body, by name; where none is, all of them unless ``required``."""
        content = self._content(request)
        described: Mapping[str, Any] = next((content[name] for name in _BODY_TYPES if name in content), {})
        schema = self.resolved(described.get("schema", {}))
        fields: Mapping[str, Any] = schema.get("properties", {})
        needed = [name for name in fields if name in schema.get("required", ())]
        kept = needed if needed or required else fields
        return {name: self.resolved(fields[name]) for name in kept}

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a ``$ref`` within the document points to."""
        reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
        if not reference.startswith("#/"):
            return schema
        value: Any = self.document
        for word in reference[2:].split("/"):
            value = value.get(word, {}) if isinstance(value, dict) else {}
        return value if isinstance(value, dict) else {}


def called_an_id(path: str) -> bool:
    """Whether a field's name (the last word of a dotted path) is one that ids have."""
    return _ID_WORD.search(path.rpartition(".")[2]) is not None


def some_value(schema: Mapping[str, Any]) -> Any:
    """A value of a schema's type that is hardly right."""
    values = {"array": [], "integer": -1, "number": -1, "boolean": False, "object": {}}
    return values.get(str(schema.get("type")), "devenv")


def plausible(schema: Mapping[str, Any]) -> Any:
    """A value that the schema itself offers, else any of its type."""
    offered = (*schema.get("enum", ()), *schema.get("examples", ()))
    named = [schema[word] for word in ("const", "default", "example") if word in schema]
    return next(iter((*named, *offered)), some_value(schema))


def _sounds_like_opening(operation: Operation) -> bool:
    text = f"{operation.path} {operation.description.get('operationId', '')}"
    return _OPENS.search(text) is not None and ID not in operation.path and not _USES.search(operation.path)


def _nearest(opens: Sequence[Operation], use: Operation) -> Operation | None:
    """The request whose path has most in common with that of ``use``, then by its name."""

    def rank(operation: Operation) -> tuple[int, bool, bool]:
        common = _in_common(operation.path, use.path)
        return -common, not _sounds_like_opening(operation), operation.method == "GET"

    return min(opens, key=rank, default=None)


def _request_pair(create: Operation, verify: Operation) -> tuple[Request, Request]:
    return Request(create.path, create.method), Request(verify.path, verify.method)


def _in_common(one: str, other: str) -> int:
    """How many characters two paths have in common at their beginning."""
    return next(
        (index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
