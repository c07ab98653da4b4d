"""Takes secrets out of what is kept of a request: only harmless headers stay; fields go by name and look."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

REDACTED = "REDACTED"
_HARMLESS_HEADERS = ("accept", "content-type")
_SECRET_HEADER = re.compile(r"cookie|auth|token|secret|session|api-?key|csrf|xsrf|signature|credential")
"""Worth telling that they were left out; the many others are left out in silence."""
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
_PART = re.compile(
    r"(?P<head>^content-disposition:[^\r\n]*\bname=\"(?P<name>[^\"]*)\"[^\n]*\n(?:[^\r\n]+\r?\n)*\r?\n)"
    r"(?P<value>.*?)(?=\r?\n--|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
"""One field of a multipart/form-data body: RFC 7578."""
_PLACEHOLDER = re.compile(r"\{(?:challenge|captured):[^}]*\}")


@dataclass(slots=True)
class Redactor:
    """Takes secrets out, and counts by what they stood in. ``keep``: names of headers and fields to leave.

    Placeholders (``{challenge:c1}``) stay.
    """

    keep: Sequence[str] = ()
    removed: Counter[str] = field(default_factory=Counter)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Those that say what kind of body is meant, and those to keep."""
        kept = {}
        for name, value in headers.items():
            if name in self._kept():
                kept[name] = value
            elif name in _HARMLESS_HEADERS and value != "*/*":
                kept[name] = self._text(value, f"header {name}")
            elif _SECRET_HEADER.search(name):
                self.removed[f"header {name}"] += 1
        return kept

    def target(self, target: str) -> str:
        """The path with its query."""
        url = urlsplit(target)
        path = "/".join(self._text(part, "path") for part in url.path.split("/"))
        if not url.query:
            return path
        pairs = parse_qsl(url.query, keep_blank_values=True)
        told = [(name, self._value(name, value, f"query {name}")) for name, value in pairs]
        return f"{path}?{urlencode(told, safe='{}:')}"

    def body(self, text: str) -> Any:
        """A JSON body as data, any other as text; fields of forms go by their names too."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            if "=" in text and "\n" not in text and " " not in text:
                pairs = parse_qsl(text, keep_blank_values=True)
                told = [(name, self._value(name, value, f"field {name}")) for name, value in pairs]
                return urlencode(told, safe="{}:")
            if _PART.search(text):
                return _PART.sub(self._part, text)
            return self._text(text, "body")
        return self._inside(data, "")

    def _part(self, part: re.Match[str]) -> str:
        return part["head"] + str(self._value(part["name"], part["value"], f"field {part['name']}"))

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
        if isinstance(value, str) and _PLACEHOLDER.fullmatch(value):
            return value
        if _SECRET_NAME.search(name):
            self.removed[what] += 1
            return REDACTED
        return self._text(value, what) if isinstance(value, str) else value

    def _text(self, text: str, what: str) -> str:
        """What looks like a token or a key, whatever its name."""
        parts = []
        at = 0
        for placeholder in _PLACEHOLDER.finditer(text):
            parts += [self._plain(text[at : placeholder.start()], what), placeholder[0]]
            at = placeholder.end()
        return "".join([*parts, self._plain(text[at:], what)])

    def _plain(self, text: str, what: str) -> str:
        for pattern in (_BEARER, _JWT, _LONG, _CARD):
            text, count = pattern.subn(REDACTED, text)
            if count:
                self.removed[what] += count
        return text

    def _kept(self) -> tuple[str, ...]:
        return tuple(name.lower() for name in self.keep)

    def notes(self) -> list[str]:
        """What was taken out, in words; nothing where nothing was."""
        told = [f"{what} ({count})" for what, count in sorted(self.removed.items())]
        return [f"redacted: {', '.join(told)}"] if told else []
