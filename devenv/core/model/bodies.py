"""Bodies of HTTP requests and answers as fields: a JSON object, or an urlencoded HTML form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from devenv.core.model.percent import form_pairs

FORM_TYPE = "application/x-www-form-urlencoded"
_LINE_END = re.compile("\r\n|\n|\r")
"""How a line of text/event-stream ends (WHATWG HTML, Server-sent events)."""
_FORM = re.compile(r"[^\s{}\[\]\"'<>=&]++=[^\s{}\"<>]*+")


def json_object(text: str | None) -> Mapping[str, Any]:
    """The JSON object in ``text``; empty where it is none."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def sent_fields(text: str | None) -> Mapping[str, Any]:
    """What a request's body says, by field: of a JSON object, or of a form. Empty where it is neither.

    A field that a form names several times has a list of its values.
    """
    return json_object(text) or form_fields(text or "")


def answered_fields(text: str | None) -> Mapping[str, Any]:
    """The JSON object of an answer; of a stream of events (text/event-stream) that of the last event."""
    known = json_object(text)
    if known or "data:" not in (text or ""):
        return known
    events = [line.removeprefix("data:") for line in _LINE_END.split(text or "") if line.startswith("data:")]
    return json_object(events[-1]) if events else {}


def form_fields(text: str) -> Mapping[str, Any]:
    """The fields of an urlencoded form; empty where ``text`` is none."""
    if not _FORM.fullmatch(text.strip()):
        return {}
    fields: dict[str, Any] = {}
    for name, value in form_pairs(text.strip()):
        known = fields.get(name)
        if known is None:
            fields[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            fields[name] = [known, value]
    return fields


def content_type_of(text: str) -> str:
    """The Content-Type that a request with this body would have."""
    return FORM_TYPE if form_fields(text) else "application/json"


def form_text(fields: Mapping[str, Any]) -> str:
    """``fields`` as an urlencoded form: a list repeats its name, None is left out."""
    pairs = [
        (name, item)
        for name, value in fields.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None
    ]
    return "&".join(f"{quote_plus(str(name))}={quote_plus(_plain(item))}" for name, item in pairs)


def _plain(value: Any) -> str:
    """One value of a form: texts as they are, the rest as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
