"""A scenario's ``request`` steps: filled with what earlier answers gave, sent, their answers captured."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from devenv.core.model.bodies import FORM_TYPE
from devenv.core.model.service import value_at
from devenv.core.scenario import Request
from devenv.core.scenario.parse import VALUE_REFERENCE
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import Content, Verified
from devenv.verbs.replay.observed import verify_facts

_BEGINS_WITH_LINK = re.compile(r"\{captured:([^{}]*)\}")
_LINK_HEADERS = ("header:location", "header:content-location")
Lookup = Callable[[str], str | int]
"""A session's challenge id as the service wrote it, by the session's name; raises where there is none."""


class NotCaptured(Exception):
    """A request uses a value that no answer gave."""


@dataclass(slots=True)
class Sender:
    """Sends ``request`` steps."""

    client: CaptchaClient
    challenge: Lookup
    """Gives challenge ids."""
    captured: dict[str, str | int] = field(default_factory=dict)
    """The values so far, by name; a number of a JSON answer stays one."""
    links: dict[str, str] = field(default_factory=dict)
    """Path and query to which a captured value leads, taken as a link in its answer."""

    async def send(self, step: Request, process: int = 0) -> Verified:
        """Send one. Raises NotCaptured, and what ``challenge`` raises."""
        headers = {name.lower(): self._put(value) for name, value in step.headers.items()}
        content = None
        form = headers.get("content-type", "").startswith(FORM_TYPE)
        if step.content is not None:
            filled = self._filled(step.content, _quoted if form else str)
            content = (json.dumps(filled, ensure_ascii=False) if step.as_json else str(filled)).encode()
        if step.as_json:
            headers.setdefault("content-type", "application/json")
        target = self._target(step.target)
        result = await self.client.request(Content(step.method, target, headers, content), step.pod)
        for name, where in step.capture.items():
            value = _value(where, step.matches.get(name), result)
            if value is not None:
                self.captured[name] = value
                self.links[name] = _link(target, str(value))
        return result

    def _target(self, target: str) -> str:
        """Path and query; where it begins with a captured value, this is a link that is followed."""
        begins = _BEGINS_WITH_LINK.match(target)
        if begins is None:
            return self._put(target, _quoted)
        if begins[1] not in self.captured:
            raise NotCaptured(f"{begins[1]} was not captured")
        return self.links[begins[1]] + self._put(target[begins.end() :], _quoted)

    def _filled(self, data: Any, written: Callable[[str], str]) -> Any:
        """A body with ids and values; a text of JSON that is nothing else becomes the number that it is."""
        if isinstance(data, str):
            reference = VALUE_REFERENCE.fullmatch(data)
            value = self._known(reference[1], reference[2]) if reference is not None else None
            return value if isinstance(value, int) else self._put(data, written)
        if isinstance(data, Mapping):
            return {key: self._filled(value, written) for key, value in data.items()}
        return [self._filled(entry, written) for entry in data] if isinstance(data, list) else data

    def _put(self, text: str, written: Callable[[str], str] = str) -> str:
        """The text with ids and values for what stands for them."""
        for kind, name in VALUE_REFERENCE.findall(text):
            text = text.replace(f"{{{kind}:{name}}}", written(str(self._known(kind, name))))
        return text

    def _known(self, kind: str, name: str) -> str | int:
        """The id of a session, or a captured value."""
        if kind == "challenge":
            return self.challenge(name)
        if name not in self.captured:
            raise NotCaptured(f"{name} was not captured")
        return self.captured[name]


def request_facts(step: Request, result: Verified) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What can be checked of it, and what repeats of it have in common."""
    facts = {**verify_facts(result), "fields": result.body, "contains": result.text}
    shown: dict[str, Any] = {"status": result.status, "message": result.message}
    if step.pod is not None:
        shown["pod"] = result.served_by
    if missing := [
        name for name, where in step.capture.items() if _value(where, step.matches.get(name), result) is None
    ]:
        shown["not_captured"] = missing
    return facts, shown


def _value(where: str, match: str | None, result: Verified) -> str | int | None:
    """What stands there in the answer, or with ``match`` the part of it that its group finds."""
    whole = result.text if where == "body" and match is not None else _found(where, result)
    if whole is None or match is None:
        return whole
    part = re.search(match, str(whole))
    if part is None:
        return None
    # A part of a link is written as links are.
    return unquote(part[1]) if where.lower() in _LINK_HEADERS else part[1]


def _link(target: str, value: str) -> str:
    """Path and query of a link in the answer to a request for ``target``."""
    url = urlsplit(urljoin(f"http://service{target}", value))
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _found(where: str, result: Verified) -> str | int | None:
    kind, colon, name = where.partition(":")
    if colon and kind == "header":
        return result.headers.get(name.lower())
    value = value_at(result.body, where)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
