"""A service's session without a model of it: how it is opened, used, and asked what is left of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devenv.core.model.requests import Request, Rule, public_headers, rule_from_json, value_at

AS_IS = "as-is"
"""The service without a fix, beside the names of fixes."""
ASK = "ask"
"""The name of the request that asks what is left of a session."""
GONE = (Rule(status=(401, 403)),)
"""How the answer to ``ask`` looks without a session, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One request that uses a session."""

    request: Request
    ends: bool = False
    """Whether it ends the session, as a logout does."""


@dataclass(frozen=True, slots=True)
class SessionProfile:
    """How a session is opened, used and asked about; all cookies of ``open``'s answers go with every use.

    ``{id}`` in a request stands for the value that ``id_field`` or ``id_header`` names in the last of those
    answers.
    """

    open: tuple[Request, ...]
    """The requests that open a session, one after the other."""
    ask: Request
    """Its answer shows what is left of a session."""
    requests: Mapping[str, SessionRequest]
    """By the name that an expression gives it."""
    gone: tuple[Rule, ...] = GONE
    """How the answer to ``ask`` looks when there is no session."""
    id_field: str = ""
    """The field of the answer to ``open`` that has the session's id, as a dotted path."""
    id_header: str = ""
    """The header of that answer that has it."""

    def request(self, name: str) -> SessionRequest:
        """The request of this name; ``ask`` is one of them."""
        return SessionRequest(self.ask) if name == ASK else self.requests[name]

    @property
    def first_change(self) -> Request | None:
        """The first request that does not end the session; a session may look like none before it."""
        return next((item.request for item in self.requests.values() if not item.ends), None)

    @property
    def likely_meetings(self) -> tuple[str, ...]:
        """Expressions for its first requests: two changes, a change and what ends it, a read and that."""
        ends = [name for name, item in self.requests.items() if item.ends][:1]
        changes = [name for name, item in self.requests.items() if not item.ends]
        pairs = [changes[:2], [*changes[:1], *ends], [ASK, *ends]]
        several = [f"2 {name}" for name in changes if len(changes) == 1]
        return (*several, *("+".join(pair) for pair in pairs if len(pair) == 2))

    def id_in(self, headers: Mapping[str, str], data: Any) -> str | None:
        """The id that an answer to ``open`` gives; None where it gives none.

        ``headers``: the answer's, their names in lower case; ``data``: its JSON.
        """
        given = headers.get(self.id_header.lower()) if self.id_header else None
        if self.id_field:
            given = value_at(data, self.id_field)
        return None if given is None else str(given)

    def is_gone(self, status: int, body: Any, text: str) -> bool:
        """Whether an answer to ``ask`` is that of no session; ``body``: its JSON, ``text``: all of it."""
        fields = body if isinstance(body, dict) else {}
        return any(rule.holds(status, fields, text) for rule in self.gone)

    def public(self) -> SessionProfile:
        """Without the values of headers that may carry a secret, and without the bodies that open it."""
        opens = tuple(replace(_public(request), body=None, form=None) for request in self.open)
        requests = {
            name: replace(item, request=_public(item.request)) for name, item in self.requests.items()
        }
        return replace(self, open=opens, ask=_public(self.ask), requests=requests)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionProfile:
        """The inverse of ``asdict``."""
        return cls(
            open=tuple(Request(**request) for request in data["open"]),
            ask=Request(**data["ask"]),
            requests={
                name: SessionRequest(Request(**item["request"]), item["ends"])
                for name, item in data["requests"].items()
            },
            gone=tuple(rule_from_json(rule) for rule in data["gone"]),
            id_field=data["id_field"],
            id_header=data["id_header"],
        )


def _public(request: Request) -> Request:
    return replace(request, headers=public_headers(request.headers))


@dataclass(frozen=True, slots=True)
class Fix:
    """Another way to start a service: what is given takes the place of the service's own."""

    env: Mapping[str, str] = field(default_factory=dict)
    """Variables over the service's own."""
    command: tuple[str, ...] = ()
    """The words of the command; empty: the service's own."""
    app: str | None = None
    """The ASGI application; None: the service's own."""
    directory: str | None = None
    """Where it runs (absolute); None: the service's own folder."""

    def public(self) -> Fix:
        """Without the values of its variables."""
        return replace(self, env=dict.fromkeys(self.env, ""))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fix:
        """The inverse of ``asdict``."""
        return cls(**{**data, "command": tuple(data.get("command", ()))})
