"""A scenario's ``request`` steps: filled with what earlier answers gave, sent, their answers captured."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from devenv.core.model.service import value_at
from devenv.core.scenario import Request
from devenv.core.scenario.parse import VALUE_REFERENCE
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import Content, Verified
from devenv.verbs.replay.observed import verify_facts

Lookup = Callable[[str], str]
"""A session's challenge id, by the session's name; raises where there is none."""


class NotCaptured(Exception):
    """A request uses a value that no answer gave."""


@dataclass(slots=True)
class Sender:
    """Sends ``request`` steps. ``challenge`` gives challenge ids; ``captured`` are the values so far."""

    client: CaptchaClient
    challenge: Lookup
    captured: dict[str, str] = field(default_factory=dict)

    async def send(self, step: Request, process: int = 0) -> Verified:
        """Send one. Raises NotCaptured, and what ``challenge`` raises."""
        headers = {name.lower(): self._put(value) for name, value in step.headers.items()}
        content = None
        if step.content is not None:
            filled = _everywhere(step.content, self._put)
            content = json.dumps(filled, ensure_ascii=False).encode() if step.as_json else filled.encode()
        if step.as_json:
            headers.setdefault("content-type", "application/json")
        target = self._put(step.target, lambda value: quote(value, safe=""))
        result = await self.client.request(Content(step.method, target, headers, content), step.pod)
        for name, where in step.capture.items():
            value = _found(where, result)
            if value is not None:
                self.captured[name] = value
        return result

    def _put(self, text: str, written: Callable[[str], str] = str) -> str:
        """The text with ids and values for what stands for them."""
        for kind, name in VALUE_REFERENCE.findall(text):
            if kind == "challenge":
                value = self.challenge(name)
            elif name in self.captured:
                value = self.captured[name]
            else:
                raise NotCaptured(f"{name} was not captured")
            text = text.replace(f"{{{kind}:{name}}}", written(value))
        return text


def request_facts(step: Request, result: Verified) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What can be checked of it, and what repeats of it have in common."""
    facts = {**verify_facts(result), "fields": result.body, "contains": result.text}
    shown: dict[str, Any] = {"status": result.status, "message": result.message}
    if step.pod is not None:
        shown["pod"] = result.served_by
    if missing := [name for name, where in step.capture.items() if _found(where, result) is None]:
        shown["not_captured"] = missing
    return facts, shown


def _found(where: str, result: Verified) -> str | None:
    kind, colon, name = where.partition(":")
    if colon and kind == "header":
        return result.headers.get(name.lower())
    value = value_at(result.body, where)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _everywhere(data: Any, put: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return put(data)
    if isinstance(data, Mapping):
        return {key: _everywhere(value, put) for key, value in data.items()}
    return [_everywhere(entry, put) for entry in data] if isinstance(data, list) else data
