"""Takes secrets out of what is kept of a request: only harmless headers stay; fields go by name and look."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

from devenv.verbs.recordings.formats.bodies import boundary_of, is_form, is_json, json_value, parts_of

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
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authori[sz]ation|credential|api[_-]?key|cookie|session(_?id)?$"
    r"|csrf|xsrf|jwt|bearer|signature|e?mail|phone|^(first|last|full)_?name$|user_?name|ssn|iban|birth"
    r"|^(auth|sid|sig|otp|pin|cv[cv]|card|pan)$|(^|[_-])(otp|pin|sid)([_-]|$)|one_?time|passcode|jsessionid"
    r"|card_?(no|num|number)$|account_?(no|num|number)$",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._-]{8,}")
_LONG = re.compile(r"(?=[A-Za-z0-9+/_=-]*\d)(?=[A-Za-z0-9+/_=-]*[A-Za-z])[A-Za-z0-9+/_=-]{24,}")
"""No word is that long and has digits and letters: a key, a token, a picture."""
_CARD = re.compile(r"(?<![\w-])\d{4}(?:[ -]?\d){11,12}(?![\w-])")
"""15 or 16 digits: a payment card's number."""
_JSON_FIELD = re.compile(
    r'(?P<head>(?P<quote>\\*")(?P<name>[A-Za-z_][\w-]*)(?P=quote)\s*:\s*(?P=quote))(?P<value>[^"\\]*)(?P=quote)'
)
_ANY_ID = re.compile(r"\{(?:challenge|captured):[^}]*\}")


@dataclass(slots=True)
class Redactor:
    """Takes secrets out, and counts by what they stood in. Placeholders (``{challenge:c1}``) stay."""

    keep: Sequence[str] = ()
    """Names of headers and fields that are left as they are."""
    removed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    """Headers that may matter to the service, and are no secrets by their names."""

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
        url = urlsplit(target)
        path = "/".join(self._text(part, "path") for part in url.path.split("/"))
        return f"{path}?{self._pairs(url.query, 'query')}" if url.query else path

    def body(self, text: str, content_type: str | None = None) -> Any:
        """A JSON body as data, any other as text; fields of forms go by their names too.

        ``content_type`` None: it is not known, and what reads as JSON is JSON.
        """
        data = json_value(text)
        if isinstance(data, dict | list):
            clean = self.data(data)
            if content_type is None or is_json(content_type):
                return clean
            return text if clean == data else json.dumps(clean, ensure_ascii=False)
        if content_type is not None and is_json(content_type) and data is not None:
            return self.data(data)
        return self.text(text, content_type or "")

    def data(self, data: Any) -> Any:
        """JSON data."""
        return self._inside(data, "")

    def text(self, text: str, content_type: str) -> str:
        """A body that is no JSON: a form's field by its name, what is not redacted as it is."""
        if parts := parts_of(text, content_type):
            clean, begin = [], 0
            for part in parts:
                value = str(self._value(part.name, text[part.start : part.end], f"field {part.name}"))
                clean += [text[begin : part.start], value]
                begin = part.end
            return "".join([*clean, text[begin:]])
        if is_form(content_type) or re.fullmatch(r"[^=&\s]+=[^&\s]*(?:&[^=&\s]+=[^&\s]*)*", text):
            return self._pairs(text, "field")
        boundary = boundary_of(content_type)
        pieces = text.split(boundary) if boundary else [text]
        return (boundary or "").join(self._text(piece, "body") for piece in pieces)

    def _pairs(self, text: str, what: str) -> str:
        """``name=value&…``; a pair of which nothing is redacted stays as it is written."""
        pairs = []
        for pair in text.split("&"):
            name, equals, value = pair.partition("=")
            called, plain = (unquote_plus(name), unquote_plus(value)) if equals else ("", unquote_plus(pair))
            clean = str(self._value(called, plain, f"{what} {called}".rstrip()))
            written = quote(clean, safe="{}:")
            pairs.append(pair if clean == plain else f"{name}={written}" if equals else written)
        return "&".join(pairs)

    def _inside(self, data: Any, name: str) -> Any:
        """``name``: what ``data`` is called. All that is inside something secret is secret."""
        if isinstance(data, dict):
            secret = name if _SECRET_NAME.search(name) and name.lower() not in self._kept() else ""
            return {key: self._inside(value, secret or key) for key, value in data.items()}
        if isinstance(data, list):
            return [self._inside(value, name) for value in data]
        return self._value(name, data, f"field {name}")

    def _value(self, name: str, value: Any, what: str) -> Any:
        if name.lower() in self._kept() or value is None or value == "" or isinstance(value, bool):
            return value
        if isinstance(value, str) and _ANY_ID.fullmatch(value):
            return value
        if _SECRET_NAME.search(name):
            self.removed[what] += 1
            return REDACTED
        return self._text(value, what) if isinstance(value, str) else value

    def _text(self, text: str, what: str) -> str:
        """What looks like a token or a key, whatever its name."""
        parts = []
        at = 0
        for placeholder in _ANY_ID.finditer(text):
            parts += [self._plain(text[at : placeholder.start()], what), placeholder[0]]
            at = placeholder.end()
        return "".join([*parts, self._plain(text[at:], what)])

    def _plain(self, text: str, what: str) -> str:
        text = _JSON_FIELD.sub(self._json_field, text)
        for pattern in (_BEARER, _JWT, _LONG, _CARD):
            text, count = pattern.subn(REDACTED, text)
            if count:
                self.removed[what] += count
        return text

    def _json_field(self, field: re.Match[str]) -> str:
        """A field of JSON that stands in a text: an Engine.IO packet, a form's value."""
        name = field["name"]
        if not _SECRET_NAME.search(name) or name.lower() in self._kept() or not field["value"]:
            return field[0]
        self.removed[f"field {name}"] += 1
        return f"{field['head']}{REDACTED}{field['quote']}"

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


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in sorted(names.items()))
