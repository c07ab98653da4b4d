"""Takes secrets out of what is kept of a request: only harmless headers stay; fields go by name and look."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from devenv.core.model.percent import decoded
from devenv.verbs.recordings.formats.bodies import boundary_of, is_form, is_json, json_value, parts_of
from devenv.verbs.recordings.opened_text import is_markup, open_json, open_markup, open_pairs
from devenv.verbs.recordings.said_secrets import SHORTEST, open_said
from devenv.verbs.recordings.secret_names import is_login, is_secret_name, last_word, tells_about
from devenv.verbs.recordings.secret_shapes import is_card, is_made, without_secret_shapes

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
    ("name", "key", "id", "field", "type", "param", "property", "label", "header", "attribute", "k", "n",
     "question", "prompt", "option", "variable")
)  # fmt: skip
_VALUES = frozenset(
    ("value", "values", "val", "content", "text", "data", "v", "string", "answer", "response", "secret")
)
"""Last words of names: ``{"attribute_name": "password", "attribute_value": "x"}``."""
_COLUMNS = frozenset(("columns", "header", "headers", "fields", "names", "keys", "labels"))
_ROWS = frozenset(("rows", "data", "values", "records", "vals", "row", "cells"))
"""Of a table: ``{"columns": ["id", "password"], "rows": [[1, "x"]]}``, ``{"keys": […], "values": […]}``."""
_ARGUMENT = re.compile(r"(\w{1,80}+)\s{0,3}:\s{0,3}\$(\w{1,80}+)")
"""An argument of GraphQL whose value is a variable."""
_PROVED_BY = {
    "code": frozenset(("state", "redirect_uri", "grant_type", "client_id", "session_state", "redirecturi")),
    "state": frozenset(("code", "redirect_uri", "response_type", "client_id", "redirecturi")),
}
"""What is secret beside others: a code and a state of OAuth 2 (RFC 6749 §4.1)."""
_AMBIGUOUS = frozenset(("key", "code", "ticket", "nonce", "state", "appid", "hash", "k", "t"))
"""Last words of names that are those of secrets where the value looks made by a machine."""
_SHORTEST_MADE = 10
_LONGEST_LABEL = 60
_LONGEST_NAME = 20
"""Characters of a name of a field that is no secret itself."""
_METHODS = frozenset(("method", "methodName", "procedure", "function", "action", "command"))
_ARGUMENTS = frozenset(("params", "args", "arguments", "parameters"))
_NOTHING: frozenset[str] = frozenset()
_FORM_SHAPE = re.compile(r"[^=&\s]++=[^&\s]*+(?:&[^=&\s]++=[^&\s]*+)*+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_NOTHING_INSIDE = re.compile(r"[\w.~-]{0,9}|.{0,3}")
"""Too short to hold a name with its value, or what looks like a secret."""
_LONG_SEGMENT = re.compile(rf"(?<![^/])(?!(?:{_NOTHING_INSIDE.pattern})(?:/|\Z))[^/]++")
"""A segment of a path that is not too short for that."""
_AFTER_SECRET = re.compile(
    r"(?P<name>(?<=/)(?:[\w-]{1,40}[-_])?(?i:tokens?|passw(?:or)?d|secret|otp|passcode|magic-link"
    r"|api-?keys?)[/=])(?=[^/;?]{0,200}\d)[^/;?{}]{6,200}(?![^/;?])"
    r"|(?P<deed>(?<=/)(?i:confirm|confirmation|verify|verify-?e?-?mail|verification|invit(?:e|es|ations?)|magic"
    r"|unsubscribe|activate|activation|reset|password-reset|set-password|webhooks?|hooks?|share|signup|join)/)"
    r"(?=[^/;?]{0,200}\d)(?=[\d_-]{0,200}[A-Za-z])[\w.~+=%-]{8,200}(?![^/;?])"
)
"""``/password/x7Yz9q/reset``: what has a digit behind a name that only secrets have; ids of sessions stay."""
_MOST_DECODED = 4
_ESCAPED_TOO_OFTEN = re.compile(rf"%(?:25){{{_MOST_DECODED}}}")
_URN = re.compile(r"urn:ietf:params:[\w:.-]++")
"""``urn:ietf:params:oauth:grant-type:device_code``: what a grant or a token is."""
_ANY_ID = re.compile(r"\{(?:challenge|captured):[^{}]*\}")
_SHORT = 64
_MOST_HARMLESS = 10_000
"""Texts of at most ``_SHORT`` characters that are remembered as harmless."""


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
    _harmless: set[str] = field(default_factory=set)
    """Short texts in which nothing was found: a recording says the same ones often."""

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
        return f"{match['name'] or match['deed']}{REDACTED}"

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
        split = text.split("&")
        others = _NOTHING
        if "code=" in text or "state=" in text:
            others = frozenset(pair.partition("=")[0].lower() for pair in split)
        for pair in split:
            if _NOTHING_INSIDE.fullmatch(pair):
                pairs.append(pair)
                continue
            name, equals, value = pair.partition("=")
            if not equals:
                name, value = "", pair
            called, plain = name, value
            if "%" in pair or "+" in pair:
                called, plain = decoded(name.replace("+", " ")), decoded(value.replace("+", " "))
            clean = str(
                self._value(_among(called, others) if others else called, plain, f"{what} {called}".rstrip())
            )
            if len(name) > _LONGEST_NAME or "@" in called:
                name = self._escaped(name, what)
            pairs.append(f"{name}{equals}{value if clean == plain else _escaped(clean, '{}:')}")
        return "&".join(pairs)

    def _inside(self, data: Any, name: str) -> Any:
        """``name``: what ``data`` is called. All that is inside something secret is secret."""
        if isinstance(data, dict):
            return self._object(data, name)
        if isinstance(data, list):
            return self._list(data, name)
        return self._value(name, data, f"field {name}".rstrip())

    def _object(self, data: Mapping[str, Any], name: str) -> dict[str, Any]:
        """An object; a field's name may be another field's value, or said by the fields beside it."""
        secret = name if self._is_secret(name) else ""
        labels = _LABELS | {"path"} if "op" in data else _LABELS  # JSON Patch (RFC 6902), SCIM
        label = next((data[key] for key in data if last_word(key) in labels and self._labels(data[key])), "")
        if (table := self._table(data)) is not None:
            data = table
        others = data.keys() - _PROVED_BY.keys() if "code" in data or "state" in data else _NOTHING
        if "query" in data and isinstance(data.get("variables"), dict):
            data = {**data, "variables": self._variables(data["query"], data["variables"])}
        listed = _ARGUMENTS if any(is_login(data[key]) for key in _METHODS & data.keys()) else _NOTHING
        clean: dict[str, Any] = {}
        for key, value in data.items():
            called = label if label and last_word(key) in _VALUES else key
            if others:
                called = _among(called, others)
            if key in listed and isinstance(value, list):
                called = "login secret"
            written = self._key(key) if len(key) > _LONGEST_NAME or "@" in key else key
            while written != key and written in clean:
                written += "+"
            clean[written] = self._inside(value, secret or called)
        return clean

    def _key(self, key: str) -> str:
        """The name of a field, which may be an address or a token itself: ``{"bob@example.com": 1}``."""
        return key if _ANY_ID.search(key) else self._plain(key, "name")

    def _list(self, data: list[Any], name: str) -> list[Any]:
        """A list whose items may name the next ones: ``["password", "x"]``, ``["--password", "x"]``."""
        options = [place for place, item in enumerate(data) if isinstance(item, str) and item[:1] == "-"]
        named = options
        if (
            data
            and len(data) % 2 == 0
            and isinstance(data[0], str)
            and not any(map(self._labels, data[1::2]))
        ):
            named = [*options, *range(0, len(data), 2)]
        if named and not self._is_secret(name):
            data = list(data)
            for place in named:
                label = data[place].lstrip("-") if isinstance(data[place], str) else ""
                if self._labels(label) and place + 1 < len(data) and not isinstance(data[place + 1], dict):
                    data[place + 1] = self._inside(data[place + 1], label)
            if options and all(map(_is_argument, data)):
                parted = self._text(" ".join(data), f"field {name}".rstrip()).split(" ")
                data = parted if len(parted) == len(data) else data
        return [self._inside(value, name) for value in data]

    def _variables(self, query: Any, variables: dict[str, Any]) -> dict[str, Any]:
        """The variables of a GraphQL query, each under the name of its argument where that is secret."""
        arguments = _ARGUMENT.findall(query) if isinstance(query, str) else []
        names = {variable: name for name, variable in arguments if self._is_secret(name)}
        return {key: self._inside(value, names.get(key, key)) for key, value in variables.items()}

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

        def cleaned(rows: list[Any]) -> list[Any]:
            nested = any(isinstance(row, list | dict) for row in rows)
            return list(map(clean, rows)) if nested else list(clean(rows))

        return {
            key: cleaned(rows) if key.lower() in _ROWS and isinstance(rows, list) else rows
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
        if isinstance(value, str) and (value == REDACTED or (value[0] == "{" and _ANY_ID.fullmatch(value))):
            return value
        number = isinstance(value, int | float)
        if self._is_secret(name) and not (number and tells_about(name)):
            self.removed[what] += 1
            return REDACTED
        if isinstance(value, str):
            if len(value) >= _SHORTEST_MADE and (
                (is_made(value) and last_word(name) in _AMBIGUOUS)
                or (" " in value and last_word(name) == "seed")
            ):
                self.removed[what] += 1
                return REDACTED
            return self._text(value, what)
        if isinstance(value, int) and is_card(str(abs(value))):
            self.removed[what] += 1
            return REDACTED
        return value

    def _is_secret(self, name: str) -> bool:
        return is_secret_name(name) and not (self.keep and name.lower() in self._kept())

    def _text(self, text: str, what: str) -> str:
        """A text whatever its name: what is inside it by name, the rest by its look."""
        if text in self._harmless or _NOTHING_INSIDE.fullmatch(text):
            return text
        clean = self._opened(text, what)
        if clean == text and len(text) <= _SHORT and "%" not in text:
            if len(self._harmless) == _MOST_HARMLESS:
                self._harmless.clear()
            self._harmless.add(text)
        return clean

    def _opened(self, text: str, what: str) -> str:
        if "<" in text and is_markup(text):
            return open_markup(text, lambda name, value: str(self._value(name, value, f"field {name}")),
                               lambda rest: self._escaped(rest, what))  # fmt: skip
        if len(text) >= SHORTEST and text[0] != "{":
            if text[0] == "u" and _URN.fullmatch(text):
                return text
            text = self._spoken(text)
        if "{" in text or "[" in text:
            return open_json(
                text,
                lambda data: self._inside(data, ""),
                lambda rest: self._escaped(self._spoken(rest) if text[0] == "{" else rest, what),
            )
        return self._escaped(text, what)

    def _spoken(self, text: str) -> str:
        """What a sentence or a command says; of texts inside JSON each on its own."""
        return open_said(text, lambda name, value: str(self._value(name, value, f"field {name}")))

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
        with self.counted_apart():  # where this takes the same out, the rest stays as it is written
            written = self._around_ids(text, what)
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

    @contextmanager
    def counted_apart(self) -> Iterator[Counter[str]]:
        """What is taken out meanwhile, by what it stood in: it is not counted among the rest."""
        before, self.removed = self.removed, Counter()
        try:
            yield self.removed
        finally:
            self.removed = before

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


def _among(name: str, others: Set[str]) -> str:
    """``name``, or one that says that it is secret where the names beside it say so."""
    beside = _PROVED_BY.get(name.lower())
    return f"oauth {name}" if beside and not beside.isdisjoint(others) else name


def _is_argument(item: Any) -> bool:
    return isinstance(item, str) and " " not in item and item != ""


def _escaped(text: str, safe: str) -> str:
    """With percent signs; half a character, which JSON can write and UTF-8 cannot, is three bytes."""
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(names.items()))
