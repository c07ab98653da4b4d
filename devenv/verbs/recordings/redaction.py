"""Takes secrets out of what is kept of a request: only harmless headers stay; fields go by name and look."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from devenv.core.model.percent import decoded
from devenv.verbs.recordings.formats.bodies import boundary_of, is_form, is_json, json_value, parts_of
from devenv.verbs.recordings.opened_text import (
    SHORTEST_SENTENCE,
    is_markup,
    open_commands,
    open_json,
    open_markup,
    open_pairs,
)
from devenv.verbs.recordings.secret_names import is_secret_name, tells_about
from devenv.verbs.recordings.secret_shapes import is_card, without_secret_shapes

REDACTED = "REDACTED"
_HARMLESS_HEADERS = (
    "accept", "content-type", "content-range", "range", "prefer", "soapaction", "x-requested-with",
    "x-http-method-override", "tus-resumable", "upload-length", "upload-offset", "upload-complete",
    "upload-defer-length", "upload-concat", "upload-draft-interop-version", "mcp-protocol-version",
)  # fmt: skip
"""They say what is sent and wanted, not by whom; without those of a protocol a request is refused."""
_SENT_BY_ITSELF = re.compile(
    r"(?:sec-|x-forwarded-|accept-|:).*|content-(?:length|encoding|language)|x-real-ip|forwarded|via|te|host|date"
    r"|proxy-connection|if-(?:none-match|modified-since)|user-agent|referer|origin|connection|pragma"
    r"|cache-control|dnt|expect|priority"
    r"|upgrade-insecure-requests|keep-alive|x-request-id|traceparent|transfer-encoding"
)
"""Headers that a browser or a balancer adds to every request: left out in silence."""
_SECRET_HEADER = re.compile(r"cookie|auth|token|secret|session|api-?key|csrf|xsrf|signature|credential")
"""Headers that hold secrets."""
_LABELS = frozenset(
    ("name", "key", "id", "field", "type", "param", "property", "label", "header", "attribute", "k", "n")
)
_VALUES = frozenset(("value", "values", "val", "content", "text", "data", "v"))
_COLUMNS = frozenset(("columns", "header", "headers", "fields", "names"))
_ROWS = frozenset(("rows", "data", "values", "records"))
"""Of a table: ``{"columns": ["id", "password"], "rows": [[1, "x"]]}``."""
_LONGEST_LABEL = 60
_FORM_SHAPE = re.compile(r"[^=&\s]++=[^&\s]*+(?:&[^=&\s]++=[^&\s]*+)*+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_NOTHING_INSIDE = re.compile(r"[\w.~-]{0,9}|.{0,3}")
"""Too short to hold a name with its value, or what looks like a secret."""
_LONG_SEGMENT = re.compile(rf"(?<![^/])(?!(?:{_NOTHING_INSIDE.pattern})(?:/|\Z))[^/]++")
"""A segment of a path that is not too short for that."""
_AFTER_SECRET = re.compile(
    r"(?P<name>(?<=/)(?:[\w-]{1,40}[-_])?(?i:tokens?|passw(?:or)?d|secret|otp|passcode|magic-link)[/=])"
    r"(?=[^/;?]{0,200}\d)[^/;?{}]{6,200}(?![^/;?])"
)
"""``/password/x7Yz9q/reset``: what has a digit behind a name that only secrets have; ids of sessions stay."""
_MOST_DECODED = 4
_ESCAPED_TOO_OFTEN = re.compile(rf"%(?:25){{{_MOST_DECODED}}}")
_ANY_ID = re.compile(r"\{(?:challenge|captured):[^{}]*\}")


@dataclass(slots=True)
class Redactor:
    """Takes secrets out, and counts by what they stood in. Placeholders (``{challenge:c1}``) stay."""

    keep: Sequence[str] = ()
    """Names of headers and fields that are left as they are."""
    removed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    """Headers that may matter to the service, and are no secrets by their names."""
    _decoded: int = 0
    """How many times the text that is looked at now was decoded from percent signs."""

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Those that say what kind of body is meant, those to keep, and those with placeholders."""
        kept = {}
        for name, value in headers.items():
            if name in self._kept():
                kept[name] = value
            elif name == "cookie":
                kept |= self._cookies(value)
            elif _ANY_ID.search(value):
                kept[name] = self._text(value, f"header {name}")
            elif name == "content-type":
                kept[name] = value  # a boundary is no secret: the body has the same
            elif name in _HARMLESS_HEADERS:
                kept |= {name: self._text(value, f"header {name}")} if value != "*/*" else {}
            elif _SECRET_HEADER.search(name):
                self.removed[f"header {name}"] += 1
            elif not _SENT_BY_ITSELF.fullmatch(name):
                self.left_out[name] += 1
        return kept

    def _cookies(self, header: str) -> dict[str, str]:
        """The cookies whose values are placeholders; the others are left out."""
        cookies = [cookie.strip() for cookie in header.split(";")]
        kept = [cookie for cookie in cookies if _ANY_ID.fullmatch(cookie.partition("=")[2])]
        if len(kept) < len(cookies):
            self.removed["header cookie"] += 1
        return {"cookie": "; ".join(kept)} if kept else {}

    def target(self, target: str) -> str:
        """The path with its query."""
        path, _, query = target.partition("#")[0].partition("?")
        if not target.startswith("/"):
            url = urlsplit(target)
            path, query = url.path, url.query
        path = _AFTER_SECRET.sub(self._segment, path)
        path = _LONG_SEGMENT.sub(lambda segment: self._escaped(segment[0], "path"), path)
        return f"{path}?{self._pairs(query, 'query')}" if query else path

    def _segment(self, match: re.Match[str]) -> str:
        self.removed["path"] += 1
        return f"{match['name']}{REDACTED}"

    def body(self, text: str, content_type: str | None = None) -> Any:
        """A JSON body as data, any other as text; fields of forms go by their names too.

        What the Content-Type says is believed first; where there is none (None), what reads as JSON is.
        """
        content_type_text = content_type or ""
        if is_form(content_type_text) and not text.lstrip().startswith(("{", "[")):
            return self.text(text, content_type_text)
        data = json_value(text) if content_type is None or not parts_of(text, content_type_text) else None
        if isinstance(data, dict | list) and (content_type is None or is_json(content_type_text)):
            return self.data(data)
        if is_json(content_type_text) and data is not None:
            return self.data(data)
        return self.text(text, content_type_text)

    def data(self, data: Any) -> Any:
        """JSON data."""
        try:
            return self._inside(data, "")
        except RecursionError:
            self.removed["body"] += 1
            return REDACTED

    def text(self, text: str, content_type: str) -> str:
        """A body that is no JSON: a form's field by its name, what is not redacted as it is."""
        if parts := parts_of(text, content_type):
            clean, begin = [], 0
            for part in parts:
                value = str(self._value(part.name, text[part.start : part.end], f"field {part.name}"))
                clean += [text[begin : part.start], value]
                begin = part.end
            return "".join([*clean, text[begin:]])
        if is_form(content_type) or _FORM_SHAPE.fullmatch(text):
            opened = text.lstrip().startswith(("{", "["))
            return self._text(text, "body") if opened else self._pairs(text, "field")
        boundary = boundary_of(content_type)
        delimiter = f"--{boundary}" if boundary else ""
        pieces = text.split(delimiter) if delimiter else [text]
        return delimiter.join(self._text(piece, "body") for piece in pieces)

    def _pairs(self, text: str, what: str) -> str:
        """``name=value&…``; a pair of which nothing is redacted stays as it is written."""
        pairs = []
        for pair in text.split("&"):
            if _NOTHING_INSIDE.fullmatch(pair):
                pairs.append(pair)
                continue
            name, equals, value = pair.partition("=")
            if not equals:
                name, value = "", pair
            called, plain = decoded(name.replace("+", " ")), decoded(value.replace("+", " "))
            clean = str(self._value(called, plain, f"{what} {called}".rstrip()))
            pairs.append(pair if clean == plain else f"{name}{equals}{_escaped(clean, '{}:')}")
        return "&".join(pairs)

    def _inside(self, data: Any, name: str) -> Any:
        """``name``: what ``data`` is called. All that is inside something secret is secret."""
        if isinstance(data, dict):
            secret = name if self._is_secret(name) else ""
            labels = _LABELS | {"path"} if "op" in data else _LABELS  # JSON Patch (RFC 6902), SCIM
            label = next((data[key] for key in data if key.lower() in labels and self._labels(data[key])), "")
            if (table := self._table(data)) is not None:
                data = table
            return {
                key: self._inside(value, secret or (label if key.lower() in _VALUES and label else key))
                for key, value in data.items()
            }
        if isinstance(data, list):
            if (
                len(data) == 2 and self._labels(data[0]) and not isinstance(data[1], dict)
            ):  # ["password", "x"]
                return [data[0], self._inside(data[1], data[0])]
            return [self._inside(value, name) for value in data]
        return self._value(name, data, f"field {name}".rstrip())

    def _table(self, data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A table with the cells of its secret columns taken out; None for what is none, or has none."""
        columns = next((data[key] for key in data if key.lower() in _COLUMNS), None)
        if not isinstance(columns, list) or not any(map(self._labels, columns)):
            return None

        def clean(row: Any) -> Any:
            if not isinstance(row, list) or len(row) != len(columns):
                return row
            return [
                self._value(name, cell, f"field {name}") if self._labels(name) else cell
                for name, cell in zip(columns, row, strict=True)
            ]

        return {
            key: list(map(clean, rows)) if key.lower() in _ROWS and isinstance(rows, list) else rows
            for key, rows in data.items()
        }

    def _labels(self, value: Any) -> bool:
        """Whether a text beside a value names something secret: ``{"name": "password", "value": …}``."""
        return isinstance(value, str) and len(value) <= _LONGEST_LABEL and self._is_secret(value)

    def _value(self, name: str, value: Any, what: str) -> Any:
        if value is None or value == "" or isinstance(value, bool):
            return value
        if self.keep and name.lower() in self._kept():
            return value
        if isinstance(value, str) and (_ANY_ID.fullmatch(value) or value == REDACTED):
            return value
        number = isinstance(value, int | float)
        if self._is_secret(name) and not (number and tells_about(name)):
            self.removed[what] += 1
            return REDACTED
        if isinstance(value, str):
            return self._text(value, what)
        if isinstance(value, int) and is_card(str(abs(value))):
            self.removed[what] += 1
            return REDACTED
        return value

    def _is_secret(self, name: str) -> bool:
        return is_secret_name(name) and not (self.keep and name.lower() in self._kept())

    def _text(self, text: str, what: str) -> str:
        """A text whatever its name: what is inside it by name, the rest by its look."""
        if _NOTHING_INSIDE.fullmatch(text):
            return text
        if is_markup(text):
            return open_markup(text, lambda name, value: str(self._value(name, value, f"field {name}")),
                               lambda rest: self._escaped(rest, what))  # fmt: skip
        if len(text) >= SHORTEST_SENTENCE and " " in text:
            text = open_commands(text, lambda name, value: str(self._value(name, value, f"field {name}")))
        if "{" in text or "[" in text:
            return open_json(
                text, lambda data: self._inside(data, ""), lambda rest: self._escaped(rest, what)
            )
        return self._escaped(text, what)

    def _escaped(self, text: str, what: str) -> str:
        """A text in which percent signs may hide what it says; what hides it too often goes as a whole."""
        if "%" not in text or _PERCENT.search(text) is None:
            return self._around_ids(text, what)
        if self._decoded == _MOST_DECODED or _ESCAPED_TOO_OFTEN.search(text):
            self.removed[what] += 1
            return REDACTED
        plain = decoded(text)
        self._decoded += 1
        try:
            clean = self._text(plain, what)
        finally:
            self._decoded -= 1
        if clean == plain:
            return self._around_ids(text, what)
        counted = self.removed.copy()
        written = self._around_ids(
            text, what
        )  # where this takes the same out, the rest stays as it is written
        self.removed = counted
        return written if decoded(written) == clean else _escaped(clean, "{}:/?&=;,@")

    def _around_ids(self, text: str, what: str) -> str:
        """Placeholders stay; what stands around them is cleaned."""
        if "{" not in text:
            return self._plain(text, what)
        parts = []
        position = 0
        for placeholder in _ANY_ID.finditer(text):
            parts += [self._plain(text[position : placeholder.start()], what), placeholder[0]]
            position = placeholder.end()
        return "".join([*parts, self._plain(text[position:], what)])

    def _plain(self, text: str, what: str) -> str:
        def paired(name: str, value: str) -> str:
            if value in ("", REDACTED):
                return value
            self.removed[f"field {name}"] += 1
            return REDACTED

        text, count = without_secret_shapes(open_pairs(text, self._is_secret, paired), REDACTED)
        if count:
            self.removed[what] += count
        return text

    def _kept(self) -> tuple[str, ...]:
        return tuple(name.lower() for name in self.keep)

    def notes(self) -> list[str]:
        """What was taken out, in words; nothing where nothing was."""
        notes = []
        if self.removed:
            notes.append(f"redacted: {_counted(self.removed)}")
        if self.left_out:
            notes.append(f"headers left out, --keep NAME keeps one: {_counted(self.left_out)}")
        return notes


def _escaped(text: str, safe: str) -> str:
    """With percent signs; half a character, which JSON can write and UTF-8 cannot, is three bytes."""
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(names.items()))
