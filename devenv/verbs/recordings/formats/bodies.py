"""What stands in a body: JSON, the fields of a form (urlencoded or multipart), or text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.model.bodies import FORM_TYPE, sent_fields
from devenv.core.model.reading import read_json

MULTIPART_TYPE = "multipart/form-data"
_BOUNDARY = re.compile(r"""\bboundary=(?:"([^"]+)"|([^\s;,]+))""", re.IGNORECASE)
_NAME = re.compile(
    r"""^content-disposition:[^\r\n]*?\bname=(?:"([^"\r\n]*)"|([^\s;]+))""", re.IGNORECASE | re.MULTILINE
)
_HEAD_END = re.compile(r"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a multipart body."""

    name: str
    start: int
    """Where its content begins in the body."""
    end: int
    """Where its content ends."""


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says JSON: ``application/json``, ``application/problem+json``."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.endswith(("/json", "+json"))


def is_form(content_type: str) -> bool:
    """Whether a Content-Type says a urlencoded form."""
    return content_type.strip().lower().startswith(FORM_TYPE)


def json_value(text: str | None) -> Any:
    """The JSON value in ``text``; None where it is none."""
    if not text:
        return None
    try:
        return read_json(text)
    except ValueError:
        return None


def fields_of(text: str | None, content_type: str) -> Mapping[str, Any]:
    """The JSON object in a body, or the fields of its form; a name given several times has a list."""
    if known := sent_fields(text):
        return known
    values: dict[str, list[str]] = {}
    for part in parts_of(text or "", content_type):
        values.setdefault(part.name, []).append((text or "")[part.start : part.end])
    return {name: several if len(several) > 1 else several[0] for name, several in values.items()}


def parts_of(text: str, content_type: str) -> tuple[Part, ...]:
    """The fields of a multipart/form-data body (RFC 7578); none where it is no such body.

    The boundary is the one of the Content-Type; without one, that of the body's first line.
    """
    multipart = content_type.strip().lower().startswith(MULTIPART_TYPE)
    boundary = _boundary(content_type) if multipart else None
    if boundary is None or f"--{boundary}" not in text:
        first = re.match(r"--(\S+)\r?\n(?=content-disposition:)", text, re.IGNORECASE)
        if first is None:
            return ()
        boundary = first[1]
    delimiter = re.compile(rf"(?:\A|\r?\n)--{re.escape(boundary)}(?:--)?[ \t]*(?:\r?\n|\Z)")
    places = [match.span() for match in delimiter.finditer(text)]
    parts = []
    for (_, begin), (end, _) in zip(places, [*places[1:], (len(text), 0)], strict=True):
        head_end = _HEAD_END.search(text, begin, end)
        name = _NAME.search(text, begin, head_end.start()) if head_end is not None else None
        if head_end is not None and name is not None:
            parts.append(
                Part(name[1] if name[1] is not None else name[2], head_end.end(), max(end, head_end.end()))
            )
    return tuple(parts)


def boundary_of(content_type: str) -> str | None:
    """The boundary that a Content-Type of several parts (multipart/…) names; None where it names none."""
    is_multipart = content_type.strip().lower().startswith("multipart/")
    return _boundary(content_type) if is_multipart else None


def multipart(fields: list[tuple[str, str]], content_type: str) -> str | None:
    """A multipart/form-data body of fields with the Content-Type's boundary; None where it names none."""
    boundary = _boundary(content_type)
    if boundary is None:
        return None
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{{}}"\r\n\r\n'
    return "".join(f"{head.format(name)}{value}\r\n" for name, value in fields) + f"--{boundary}--\r\n"


def _boundary(content_type: str) -> str | None:
    match = _BOUNDARY.search(content_type)
    return (match[1] or match[2]) if match is not None else None
