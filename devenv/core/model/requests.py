"""One request to a service as a template, one that is filled, and what an answer looks like. Pure data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from devenv.core.model.bodies import FORM_TYPE, form_text
from devenv.core.model.ids import ChallengeId
from devenv.core.model.templates import ANSWER, ID, filled


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer looks like: all that is given holds. Fields are dotted paths into the JSON body."""

    status: tuple[int, ...] = ()
    """One of these; empty: 200."""
    equals: Mapping[str, Any] = field(default_factory=dict)
    """Field → the value that it has."""
    contains: Mapping[str, str] = field(default_factory=dict)
    """Field → a part of its text."""
    present: tuple[str, ...] = ()
    """Fields that have a value other than null or false."""
    absent: tuple[str, ...] = ()
    """Fields that have no value other than null or false."""
    differs: Mapping[str, Any] = field(default_factory=dict)
    """Field → the value, or each value of a list, that it has not, though it has one."""
    text: str = ""
    """A part of the whole body as text, for answers that are no JSON; empty: any."""

    def holds(self, status: int, body: Mapping[str, Any], text: str = "") -> bool:
        """Whether an answer looks so; ``text``: its whole body."""
        return (
            status in (self.status or (200,))
            and all(same_value(value_at(body, name), value) for name, value in self.equals.items())
            and all(part in str(value_at(body, name)) for name, part in self.contains.items())
            and all(_given(body, name) for name in self.present)
            and not any(_given(body, name) for name in self.absent)
            and all(_other(value_at(body, name), value) for name, value in self.differs.items())
            and self.text in text
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request, with places for the session's id and the answer.

    ``{id}`` may stand in path, headers and body, ``{answer}`` in path and body.
    """

    path: str
    method: str = "POST"
    body: Mapping[str, Any] | None = None
    """The fields of its JSON body; None: it has none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    match: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the body, by dotted path, that tell it from other requests on the same path."""
    form: Mapping[str, Any] | None = None
    """The fields of its body where that is an HTML form (urlencoded); then ``body`` is None."""

    @property
    def fields(self) -> Mapping[str, Any] | None:
        """The fields of its body, JSON or form; None: it has no body."""
        return self.body if self.form is None else self.form

    @property
    def carries_id(self) -> bool:
        """Whether it says anywhere which session it is about."""
        return ID in str([self.path, self.fields, dict(self.headers)])

    def with_header(self, name: str, value: str) -> Request:
        """The same with one header more."""
        return replace(self, headers={**self.headers, name: value})

    def fill(self, challenge_id: ChallengeId | int | None, answer: Any = None) -> Filled:
        """The request to send. Where there is no id, fields and headers that are only the id are left out.

        An id that is a number stays one where a JSON field is the id and nothing else.
        """
        text = "" if challenge_id is None else str(challenge_id)
        headers = {
            name: value for name, value in self.headers.items() if challenge_id is not None or value != ID
        }
        return Filled(
            self.method,
            self.path.replace(ANSWER, quote(_text_of(answer), safe="")).replace(ID, quote(text, safe="")),
            {name: value.replace(ID, text) for name, value in headers.items()},
            None if self.fields is None else filled(self.fields, challenge_id, answer),
            self.form is not None,
        )


@dataclass(frozen=True, slots=True)
class Filled:
    """A request with everything in its place."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    """The fields of its body; None: it has none."""
    as_form: bool = False
    """Whether the body is sent as an HTML form, else as JSON."""

    def encoded(self) -> tuple[bytes | None, Mapping[str, str]]:
        """The bytes of its body, None where it has none, and its headers with the body's Content-Type."""
        if self.body is None:
            return None, self.headers
        if self.as_form:
            return form_text(self.body).encode(), _with_type(self.headers, FORM_TYPE)
        text = json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))
        return text.encode(), _with_type(self.headers, "application/json")


_PUBLIC_HEADERS = frozenset(("accept", "content-type"))


def public_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """``headers`` with empty values, but those of the protocol and those that only place the session's id."""
    return {
        name: value
        if name.lower() in _PUBLIC_HEADERS
        or name.lower().startswith("mcp-")
        or value.removeprefix("Bearer ") == ID
        else ""
        for name, value in headers.items()
    }


def _with_type(headers: Mapping[str, str], content_type: str) -> Mapping[str, str]:
    """``headers`` with a Content-Type, unless they name one."""
    named = any(name.lower() == "content-type" for name in headers)
    return headers if named else {**headers, "Content-Type": content_type}


def _text_of(answer: Any) -> str:
    """An answer as it stands in a path or query: a text as it is, else its JSON; "" where there is none."""
    if answer is None:
        return ""
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def rule_from_json(data: Mapping[str, Any]) -> Rule:
    """A rule from a plain dict, as ``asdict`` writes it."""
    several = {name: tuple(data[name]) for name in ("status", "present", "absent") if name in data}
    return Rule(**{**data, **several})


# --- JSON, by path ------------------------------------------------------------------------------------------


def value_at(body: Any, path: str) -> Any:
    """The value at a dotted path (``data.challenge.id``, ``items.0``); None where there is none."""
    for word in path.split("."):
        if isinstance(body, Mapping):
            body = body.get(word)
        elif isinstance(body, list | tuple) and word.isdecimal() and int(word) < len(body):
            body = body[int(word)]
        else:
            return None
    return body


def same_value(value: Any, wanted: Any) -> bool:
    """Equal, and true is not 1."""
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _other(value: Any, unwanted: Any) -> bool:
    several = unwanted if isinstance(unwanted, list) else [unwanted]
    return value is not None and not any(same_value(value, one) for one in several)


def _given(body: Mapping[str, Any], path: str) -> bool:
    value = value_at(body, path)
    return value is not None and value is not False
