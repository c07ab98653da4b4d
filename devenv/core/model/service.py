"""A user-provided service: how it is started, and how it is spoken to (its profile). Pure data.

A profile says which requests open a session and use it, where the session's id stands, and what "not found",
success and failure look like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from devenv.core.model.errors import UsageProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.requests import Filled as Filled
from devenv.core.model.requests import Request as Request
from devenv.core.model.requests import Rule as Rule
from devenv.core.model.requests import public_headers, rule_from_json, same_value
from devenv.core.model.requests import value_at as value_at
from devenv.core.model.session_profile import AS_IS, Fix, SessionProfile
from devenv.core.model.switch import USUAL, Switch
from devenv.core.model.templates import ANSWER as ANSWER
from devenv.core.model.templates import ID as ID
from devenv.core.model.templates import Target, place_of_id, target_id
from devenv.core.model.vocabulary import Answer, Outcome

COOKIE, LOCATION = "Cookie", "location"
_ON: Mapping[str, str] = {"USE_REDIS": "true"}
_OFF: Mapping[str, str] = {"USE_REDIS": "false"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of session: the request that opens it and the one that uses it."""

    create: Request
    verify: Request
    aliases: tuple[str, ...] = ()
    """Other paths that open it."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What to answer by right, wrong, empty, where that is known without reading the challenge."""
    end: Request | None = None
    """The request by which a client ends its session, where there is one."""
    also: tuple[Request, ...] = ()
    """Other requests that use a session: they are understood, and never sent by us."""

    def public(self) -> Kind:
        """Without the values of headers that may carry a secret."""
        end = replace(self.end, headers=public_headers(self.end.headers)) if self.end else None
        create, verify = (
            replace(request, headers=public_headers(request.headers))
            for request in (self.create, self.verify)
        )
        return replace(self, create=create, verify=verify, end=end)

    @property
    def takes_answer(self) -> bool:
        """Whether a use of the session carries an answer at all."""
        return ANSWER in str([self.verify.path, self.verify.fields])

    def opens(self, target: Target) -> bool:
        """Whether a request to ``target`` opens a session, if its method and body are those of ``create``."""
        path = self.create.path
        if target.path == path or target.path in self.aliases:
            return True
        # Not any(), which costs more than the rest: this runs for every line of a log.
        for template in (path, *self.aliases):
            if ("?" in template or ID in template) and target_id(template, target)[0]:
                return True
        return False


GONE_STATUSES = (404, 410)
"""What is answered of something that is not there, also where a signed id that was made up is refused
otherwise (RFC 9110, sections 15.5.5 and 15.5.11)."""
REDIRECTS = (301, 302, 303)
"""How a form that opens a session may be answered: with the session's cookie, and another page to go to."""


def opens(status: int | None, session: object) -> bool:
    """Whether the answer to a request that opens a session is that of an opened one.

    ``session``: the id that it carries, None where there is none: without one a redirect opens nothing.
    """
    if status is None:
        return False
    return 200 <= status < 300 or (status in REDIRECTS and session is not None)


Use = Literal["create", "verify", "end", "also"]
"""What a request does to a session; ``also``: it uses the session in another way than verify."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A request that was recognised."""

    use: Use
    kind: str
    session: ChallengeId | None
    answer: Mapping[str, Any]
    """What it answers, under the field names of the contract."""


@dataclass(frozen=True, slots=True)
class ServiceProfile:
    """How a service is spoken to and understood.

    The id of a new session is in one place of the answer: a field, a header or a cookie.
    """

    name: str
    kinds: Mapping[str, Kind]
    not_found: tuple[Rule, ...]
    success: tuple[Rule, ...]
    wrong: tuple[Rule, ...] = ()
    id_field: str = "challenge_id"
    """The field of the answer that has the id, as a dotted path."""
    id_header: str = ""
    """The header of the answer that has the id."""
    id_cookie: str = ""
    """The cookie, set by the answer, that has the id."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that go with every request."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The contract's field (message, attempts, ttl, …) → the service's own."""
    oracle: Literal["", "mock-ml"] = ""
    """Set to mock-ml where the mock ML service knows the right answers."""
    words: tuple[str, str] = ("create", "verify")
    """Create and verify in the service's own words."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """What to change, by cause, where the usual advice does not fit it."""
    reusable: bool = False
    """Whether a session goes on after a success."""
    switchable: bool = True
    """Whether a switch (USE_REDIS, unless it says otherwise) puts its sessions into Redis."""
    limit: int | None = None
    """Graded answers that a session takes; 0: any number, a wrong one costs nothing; None: not known."""
    switch: Switch = USUAL
    """What that switch is called."""

    def public(self) -> ServiceProfile:
        """Without the values of headers that may carry a secret: each is empty."""
        kinds = {name: kind.public() for name, kind in self.kinds.items()}
        return replace(self, headers=public_headers(self.headers), kinds=kinds)

    @property
    def first_kind(self) -> str:
        """The name of its first kind of session. Raises UsageProblem where it has none."""
        for name in self.kinds:
            return name
        raise UsageProblem(
            "devenv.toml names no kind of session in [profile.kinds]",
            hint="[session] is for devenv explore a+b: docs/own-service.md",
        )

    def kind(self, name: str) -> Kind:
        """The kind of session of this name. Raises UsageProblem where the service has none such."""
        kind = self.kinds.get(name)
        if kind is None:
            known = ", ".join(self.kinds)
            raise UsageProblem(f"the service has no sessions of type {str(name)!r}", hint=f"it has {known}")
        return kind

    def knows(self, kind: Kind, answer: str) -> bool:
        """Whether an answer of this sort (right, wrong, empty) to sessions of this kind is known."""
        if self.oracle:
            return True
        if not kind.takes_answer:
            # A use that is always the same: where it can be wrong, it was written down as a wrong one.
            return answer == Answer.WRONG or not self.wrong
        return answer in kind.answers

    def outcome(self, status: int | None, body: Mapping[str, Any], text: str = "") -> Outcome:
        """Class the answer to a request that used a session; ``status`` None: no answer came.

        ``body``: its JSON object; ``text``: its whole body.
        """
        if status is None:
            return Outcome.ERROR
        ranked = (
            (Outcome.SUCCESS, self.success),
            (Outcome.NOT_FOUND, self.not_found),
            (Outcome.WRONG, self.wrong),
        )
        held = (outcome for outcome, rules in ranked if any(rule.holds(status, body, text) for rule in rules))
        return next(held, Outcome.ERROR)

    def session_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> ChallengeId | None:
        """The id of the session that an answer opened; ``headers`` by lower-case name."""
        return _id_text(self.carried(headers) if self.carrier else value_at(body, self.id_field))

    def id_to_send(
        self, challenge_id: ChallengeId | None, opened: Mapping[str, Any]
    ) -> ChallengeId | int | None:
        """The id as the service itself wrote it in ``opened``, the answer that opened the session.

        A number stays a number; ``challenge_id`` is its text.
        """
        given = None if self.carrier else value_at(opened, self.id_field)
        return given if _id_text(given) == challenge_id else challenge_id

    @property
    def carrier(self) -> str:
        """What carries the id beside the body: a header's name, ``Cookie:`` and a cookie's, or nothing."""
        return f"{COOKIE}:{self.id_cookie}" if self.id_cookie else self.id_header

    def carried(self, headers: Mapping[str, str]) -> str | None:
        """The id that a request's or an answer's ``headers`` (by lower-case name) carry, if they do."""
        if not self.id_cookie:
            return self._id_in(headers.get(self.id_header.lower())) if self.id_header else None
        cookie = re.compile(rf"(?:^|[;,\n])\s*{re.escape(self.id_cookie)}=([^;,\s]+)")
        matches = (cookie.search(headers.get(name, "")) for name in ("set-cookie", "cookie"))
        return next((match[1] for match in matches if match is not None), None)

    def _id_in(self, value: str | None) -> str | None:
        """The id in the value of the header that carries it: of a ``Location`` the last part of its path."""
        if value is None or self.id_header.lower() != LOCATION:
            return value
        return unquote(urlsplit(value).path.rstrip("/").rpartition("/")[2])

    def canonical(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A body with the contract's field names beside its own."""
        if not self.fields:
            return body
        known = {name: value_at(body, path) for name, path in self.fields.items()}
        return {**body, **{name: value for name, value in known.items() if value is not None}}

    def read(
        self,
        method: str,
        path: str,
        request: Mapping[str, Any],
        answer: Mapping[str, Any],
        carried: str | None = None,
        opened: str | None = None,
    ) -> Reading | None:
        """What a request was, and of which session; None where it is none of this profile's.

        ``path`` with its query. Where the profile's id stands in a header or a cookie: ``carried`` is the one
        that the client sent, or else was given; ``opened`` the one given in place of what it sent.
        """
        target, carried = Target.of(path), self._id_in(carried)
        for name, kind in self.kinds.items():
            if method == kind.create.method and kind.opens(target) and _matches(request, kind.create.match):
                given = _id_text(self._id_in(opened) or carried)
                challenge_id = given if self.carrier else self.session_of({}, answer)
                return Reading("create", name, challenge_id, self.canonical(answer))
        for name, kind in self.kinds.items():
            uses: list[tuple[Use, Request | None]] = [("verify", kind.verify), ("end", kind.end)]
            uses += [("also", request) for request in kind.also]
            for use, template in uses:
                if template is None or method != template.method or not _matches(request, template.match):
                    continue
                fits, in_target = target_id(template.path, target)
                if fits:
                    challenge_id = self._named(template, in_target, request, carried)
                    return Reading(use, name, challenge_id, self.canonical(answer))
        return None

    def _named(
        self, template: Request, in_target: str | None, request: Mapping[str, Any], carried: str | None
    ) -> ChallengeId | None:
        """The id that a request made of ``template`` is about; ``in_target``: that in its path or query."""
        if in_target is not None:
            return ChallengeId(in_target)
        place = place_of_id(template.fields)
        if self.carrier and place is None:
            return _id_text(carried)
        return _id_text(value_at(request, place or self.id_field))

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ServiceProfile:
        """The inverse of ``to_json``."""
        kinds = {
            name: Kind(
                Request(**item["create"]),
                Request(**item["verify"]),
                tuple(item.get("aliases", ())),
                item.get("answers", {}),
                Request(**item["end"]) if item.get("end") else None,
                tuple(Request(**request) for request in item.get("also", ())),
            )
            for name, item in data["kinds"].items()
        }
        rules = {
            name: tuple(rule_from_json(rule) for rule in data.get(name, ()))
            for name in ("not_found", "success", "wrong")
        }
        words = tuple(data.get("words", ("create", "verify")))
        switch = Switch(**data["switch"]) if "switch" in data else USUAL
        return cls(**{**data, **rules, "kinds": kinds, "words": words, "switch": switch})


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """How a user-provided service is started as a pod.

    In values of ``env`` and ``pod_env`` and in ``command``, ``{redis_host}``, ``{redis_port}``,
    ``{redis_url}``, ``{ml_url}``, ``{port}`` and ``{pod}`` are replaced by those of this stack.
    """

    directory: str
    """Where it runs (absolute)."""
    profile: ServiceProfile
    app: str | None = None
    """The ASGI application that runs under uvicorn; None: ``command`` is run."""
    command: tuple[str, ...] = ()
    """The words of the command that starts it, where ``app`` is None."""
    python: str | None = None
    """The interpreter for ``app``; None finds the folder's virtual environment, else takes ours."""
    env_file: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables over all others."""
    allow_env: tuple[str, ...] = ()
    """Variables of its own files that may point outside."""
    pod_env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables of single pods, by letter or full name, over ``env``."""
    shared_folder: bool = False
    """Whether all pods run in ``directory`` itself, as replicas with one volume; else each in a copy."""
    ready: tuple[str, ...] = ()
    """Paths to ask for readiness; empty: /ready, then /."""
    redis_mode: str = ""
    """How Redis must stand for it (``RedisMode``), "" where any will do."""
    balancer: str = ""
    """The load balancer in front of it where no other is named, as ``parse_balancer`` reads it."""
    redis_on: Mapping[str, str] = field(default_factory=lambda: dict(_ON))
    """The variables that USE_REDIS=true means for it; empty, with ``redis_off``: it has no such switch."""
    redis_off: Mapping[str, str] = field(default_factory=lambda: dict(_OFF))
    """The variables that USE_REDIS=false means for it."""
    always_redis: bool = False
    """Whether it has no such switch because its sessions are always in Redis."""
    session: SessionProfile | None = None
    """How a session is opened, used and asked about (``[session]``); None: only by the profile's kinds."""
    fixes: Mapping[str, Fix] = field(default_factory=dict)
    """By name: other ways to start it, which are to mend it."""

    @property
    def switchable(self) -> bool:
        """Whether a setting makes it keep its sessions in Redis or in memory."""
        return bool(self.redis_on or self.redis_off)

    @property
    def title(self) -> str:
        """In a few words: what is started."""
        return self.app or " ".join(self.command)

    def fixed(self, name: str) -> ServiceSpec:
        """As the fix ``name`` starts it. Raises UsageProblem for a fix that there is not."""
        if name == AS_IS:
            return self
        fix = self.fixes.get(name)
        if fix is None:
            known = ", ".join((AS_IS, *self.fixes))
            raise UsageProblem(f"{name!r} is no fix of devenv.toml", hint=f"there are: {known}")
        changed = replace(self, env={**self.env, **fix.env})
        if fix.command or fix.app:
            changed = replace(changed, command=fix.command, app=fix.app)
        return changed if fix.directory is None else replace(changed, directory=fix.directory)

    def public(self) -> ServiceSpec:
        """Without the values of its variables and of the headers that it wants: some may be secret."""
        pod_env = {pod: dict.fromkeys(env, "") for pod, env in self.pod_env.items()}
        return replace(
            self,
            env=dict.fromkeys(self.env, ""),
            pod_env=pod_env,
            profile=self.profile.public(),
            session=None if self.session is None else self.session.public(),
            fixes={name: fix.public() for name, fix in self.fixes.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ServiceSpec:
        """The inverse of ``to_json``."""
        several = {name: tuple(data[name]) for name in ("command", "allow_env", "ready") if name in data}
        session = SessionProfile.from_json(data["session"]) if data.get("session") else None
        fixes = {name: Fix.from_json(item) for name, item in data.get("fixes", {}).items()}
        profile = ServiceProfile.from_json(data["profile"])
        return cls(**{**data, **several, "profile": profile, "session": session, "fixes": fixes})


def _id_text(value: Any) -> ChallengeId | None:
    """A session's id as text, whether it is a text or a number; None where the value is neither."""
    is_id = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return ChallengeId(str(value)) if is_id else None


def _matches(body: Mapping[str, Any], match: Mapping[str, Any]) -> bool:
    return all(same_value(value_at(body, name), value) for name, value in match.items())
