"""Finds the requests of a session that a cookie or a token names: by OpenAPI, the source, or usual paths.

Each is tried: what opens sets a cookie or gives a token, what asks is answered otherwise without it, a change
is seen in the answer to what asks, and after the end of a session it looks gone. Where no request is called
like a login, any that sets a cookie may open a session, and any read may ask whose answer a change changes
with the cookie, and not without it: a cart that was never opened is answered like an empty one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import COOKIE, ID, Request, Rule
from devenv.core.model.session_profile import ASK, GONE, SessionProfile, SessionRequest
from devenv.core.serializability.ends import HttpAnswer
from devenv.core.serializability.masks import Masks
from devenv.verbs.init.answers import Answered, scalars, unknown_like
from devenv.verbs.init.openapi import OpenApi
from devenv.verbs.init.sources import source_texts
from devenv.verbs.init.trial import Pod

_OPEN = re.compile(r"log-?_?in|sign-?_?in|sessions?$|auth", re.IGNORECASE)
_END = re.compile(r"log-?_?out|sign-?_?out|sessions?$", re.IGNORECASE)
_ASK = re.compile(r"(?:^|/)(?:me|profile|account|whoami|user|session|cart|basket)$", re.IGNORECASE)
_NOT_A_CHANGE = re.compile(r"health|ready|live|metrics|docs|openapi|static", re.IGNORECASE)
_USUAL = ("/login", "/me", "/logout", "/session", "/profile", "/cart", "/set")
HOLE = "/…"
_PARAMETER = re.compile(r"\{[^{}]*+\}")
_ROUTE = re.compile(r"""["'](/?[A-Za-z][\w-]*+(?:/[\w-]++)*+|(?:/[\w-]++)++)["']""")
_MOST_PATHS = 60
_MOST_OTHER_READS = 8
"""Of requests that ask and are not called as usual; each is tried with every change."""
_WRITING = ("POST", "PUT", "PATCH")
_NOT_THERE = (404, 405, 501)
_CREDENTIALS = (400, 401, 403, 422)
"""How a login is refused that lacks the right name and password."""
_TOKEN = re.compile(
    r"^(?:access|auth|session|bearer|user)?[_-]?(?:token|jwt)$|^sid$|^session[_-]?(?:id|key)$", re.IGNORECASE
)
_SHORTEST_TOKEN = 8
_CARRIERS = (
    ("Authorization", f"Bearer {ID}"), ("X-Auth-Token", ID), ("X-Session-Token", ID), ("X-Session-Id", ID),
)  # fmt: skip
"""The headers that carry a token, as services have them (RFC 6750, section 2.1, and usual names)."""
_MOST_OPENINGS, _MOST_TRIES = 6, 200
"""Of requests that are called in any way: those that may open a session, and the changes that are tried; so
many changes are also tried for each request that asks and is called as usual."""
_APART_SECONDS = 1.1
"""Between two answers to the request that asks: a time in whole seconds is then another one."""


@dataclass(slots=True)
class _Looking:
    """One search on the started pod."""

    pod: Pod
    api: OpenApi
    folder: Path
    opening: Request | None = None
    """The request that a person named, else the first that was seen to open a session."""
    refused: tuple[Request, Answered] | None = None
    """The first request that is called like a login and was refused, with its answer."""
    asking: Request | None = None
    """The first request that was answered in that session, and may show it."""
    _cookies: Mapping[str, str] = field(default_factory=dict)
    _token: ChallengeId | None = None
    """What names the session where the request that opened it set no cookie."""
    _token_field: str = ""
    """Where it stands in the answer, as a dotted path."""
    _masks: Masks = field(default_factory=Masks)
    """What changes in the answers to the request that asks, without a change."""
    _tries: int = 0
    """The changes that were tried."""
    _known_paths: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def session(self) -> SessionProfile | None:
        """What was found; None where no request opens a session that another one shows.

        Of several requests that ask, the first that shows a change is taken, else the first.
        """
        named = self._candidates(_OPEN, ("POST", "GET"))
        return self._first(named if self.opening is None else [self.opening], self._asks)

    def session_of_any_name(self) -> SessionProfile | None:
        """What was found whatever the requests are called; None where no change of a session was seen."""
        session = self._first(self._other_openings(), self._other_asks)
        return session if session is not None and _has_change(session) else None

    def _first(
        self, openings: Iterable[Request], asks: Callable[[Request], Iterator[SessionProfile]]
    ) -> SessionProfile | None:
        first = None
        for opening in openings:
            for asked in asks(opening):
                tried = self._with_uses(asked)
                if tried is not None and _has_change(tried):
                    return tried
                first = first or tried
        return first

    def _asks(self, opening: Request) -> Iterator[SessionProfile]:
        """Each request that is answered otherwise without the cookie or the token of ``opening``."""
        if not self._open(opening):
            return
        for plain in (*self._candidates(_ASK, ("GET",)), *self._other_reads()):
            for ask in self._carried(plain):
                known, unknown = self._use(ask), self._use_unknown(ask)
                if known.status == 200 and unknown.status != 200 and self._learn_what_changes(ask):
                    gone = (Rule((unknown.status,)),)
                    self._tries = 0
                    yield SessionProfile((opening,), ask, {}, gone, id_field=self._token_field)
                    self._open(opening)  # what was tried on it may have ended it

    def _carried(self, request: Request) -> list[Request]:
        """The ways in which a request may name the session: by its cookies, else by a token in a header."""
        if self._token is None:
            return [request]
        return [request.with_header(name, value) for name, value in _CARRIERS]

    def _other_openings(self) -> Iterator[Request]:
        """Requests of any name that set a cookie."""
        likely = [
            self.api.opening(Request(path, method))
            for method in ("POST", "GET")
            for path, methods in self._paths().items()
            if method in methods and not _NOT_A_CHANGE.search(path)
            if _OPEN.search(path) or not _END.search(path)
        ]
        opening = (request for request in likely if self._open(request) and self._token is None)
        for _, request in zip(range(_MOST_OPENINGS), opening, strict=False):
            self.opening = self.opening or request
            yield request

    def _other_asks(self, opening: Request) -> Iterator[SessionProfile]:
        """Each read that is answered with the cookie of ``opening``; how it is without it does not matter."""
        for path, methods in self._paths().items():
            ask = self.api.opening(Request(path, "GET"))
            if "GET" not in methods or _NOT_A_CHANGE.search(path) or path == opening.path:
                continue
            if not self._open(opening) or self._token or not self._learn_what_changes(ask):
                continue
            self.asking = self.asking or ask
            unknown = self._use_unknown(ask).status
            yield SessionProfile((opening,), ask, {}, GONE if unknown == 200 else (Rule((unknown,)),))

    def _other_reads(self) -> Iterator[Request]:
        """Other reads whose path can be written too: GET and PUT /preferences."""
        named = (_OPEN, _END, _ASK, _NOT_A_CHANGE)
        reads = (
            self.api.opening(Request(path, "GET"))
            for path, methods in self._paths().items()
            if "GET" in methods and {*_WRITING} & {*methods} and not any(word.search(path) for word in named)
        )
        for _, read in zip(range(_MOST_OTHER_READS), reads, strict=False):
            yield read

    def _with_uses(self, session: SessionProfile) -> SessionProfile | None:
        requests = dict(self._changes(session))
        end = next(self._ends(session), None)
        if end is not None:
            request, gone = end
            requests["logout"] = SessionRequest(request, ends=True)
            session = replace(session, gone=gone)
        return replace(session, requests=requests) if requests else None

    def _changes(self, session: SessionProfile) -> Iterator[tuple[str, SessionRequest]]:
        """Two changes that ``ask`` shows: of two fields where that can be, else the same one."""
        for variants in self._writes(session):
            for bare in variants:
                first, second = (_carried_as(request, session.ask) for request in bare)
                if self._tries >= _MOST_TRIES:
                    return
                self._tries += 1
                status = self._change(first, session)
                if status in _NOT_THERE:
                    break
                if status is None:
                    yield "a", SessionRequest(first)
                    if second != first and self._change(second, session) is None:
                        yield "b", SessionRequest(second)
                    return

    def _writes(self, session: SessionProfile) -> Iterator[Iterator[tuple[Request, Request]]]:
        """By path and method, the ways to say what to change; those at the path that asks come last."""
        paths, read = self._paths(), session.ask.path
        known = (read, session.open[-1].path)
        others = [path for path in paths if path not in known and not _ASK.search(path)]
        for path in (*others, read):
            last = _last(path)  # /auth/profile opens nothing
            if not (_OPEN.search(last) or _END.search(last) or _NOT_A_CHANGE.search(path)):
                for method in (item for item in _WRITING if item in paths[path]):
                    request = self.api.opening(Request(path, method))
                    yield _variants(request, self.api.optional_fields(request))
        for operation in self.api.operations(*map(str.lower, _WRITING)):
            if "{" in operation.path and not _NOT_A_CHANGE.search(operation.path):
                request = self.api.opening(Request(operation.path, operation.method))
                yield iter([(_with_parameters(request, "1"), _with_parameters(request, "2"))])

    def _change(self, request: Request, session: SessionProfile) -> int | None:
        """None where ``ask`` shows what ``request`` changed in a new session; else the status of its answer.

        What ``ask`` shows without the session's cookie too is no change of the session.
        """
        if not self._open(session.open[0]):
            return 0
        before, of_all = self._shown(session.ask), self._shown_to_nobody(session.ask)
        answer = self._use(request)
        seen = answer.opened and self._shown(session.ask) != before
        return None if seen and self._shown_to_nobody(session.ask) == of_all else answer.status

    def _learn_what_changes(self, ask: Request) -> bool:
        """Learn what differs between two answers to ``ask`` in one session that nothing changes.

        Whether it is answered 200 both times: a request that uses a session up asks nothing.
        """
        self._masks = Masks()
        first = self._use(ask)
        if first.status != 200:
            return False
        time.sleep(_APART_SECONDS)
        second = self._use(ask)
        self._masks.learn(ASK, _as_compared(first), _as_compared(second))
        return second.status == 200

    def _shown(self, ask: Request) -> Hashable:
        return self._masks.seen(ASK, _as_compared(self._use(ask)))

    def _shown_to_nobody(self, ask: Request) -> Hashable:
        return self._masks.seen(ASK, _as_compared(self._use_unknown(ask)))

    def _ends(self, session: SessionProfile) -> Iterator[tuple[Request, tuple[Rule, ...]]]:
        """Each request after which ``ask`` is refused, and how a session that is gone then looks.

        One that has ended may be answered otherwise than a request without a session: 401, and a redirect.
        """
        for plain in self._candidates(_END, ("POST", "DELETE", "GET")):
            request = _carried_as(plain, session.ask)
            if request == session.ask or not self._open(session.open[0]):
                continue
            ended = self._use(request)
            after = self._use(session.ask)
            if ended.status >= 400:
                continue
            if session.is_gone(after.status, after.body, after.text):
                yield request, session.gone
            elif 300 <= after.status < 500:
                known = [status for rule in session.gone if session.gone != GONE for status in rule.status]
                yield request, (Rule((*known, after.status)),)

    def _open(self, request: Request) -> bool:
        """Open a session; whether the answer names it, by cookies or by a token."""
        answer = self.pod.send(request.fill(None))
        self._cookies, self._token, self._token_field = answer.cookies, None, ""
        if answer.status in _CREDENTIALS and request.method == "POST" and _OPEN.search(_last(request.path)):
            self.refused = self.refused or (request, answer)
        if answer.opened and not answer.cookies:
            for place, value in scalars(answer.body):
                name = place.rpartition(".")[2]
                if isinstance(value, str) and len(value) >= _SHORTEST_TOKEN and _TOKEN.search(name):
                    self._token, self._token_field = ChallengeId(value), place
                    break
        return answer.opened and (bool(answer.cookies) or self._token is not None)

    def _use(self, request: Request) -> Answered:
        filled = request.fill(self._token)
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return self.pod.send(
            replace(filled, headers={**filled.headers, **({COOKIE: cookie} if cookie else {})})
        )

    def _use_unknown(self, request: Request) -> Answered:
        """The answer to a request without the cookies, or with a token that was never given out."""
        return self.pod.send(request.fill(None if self._token is None else unknown_like(self._token)))

    def _candidates(self, word: re.Pattern[str], methods: Sequence[str]) -> Iterator[Request]:
        for method in methods:
            for path, known in self._paths().items():
                if word.search(path) and method in known:
                    yield self.api.opening(Request(path, method))

    def _paths(self) -> Mapping[str, Sequence[str]]:
        """The paths without a parameter, with the methods that they may have; the source is read once."""
        every = ("GET", "POST", "PUT", "PATCH", "DELETE")
        if not self._known_paths and self.api.paths:
            paths: dict[str, list[str]] = {}
            for operation in self.api.operations(*map(str.lower, every)):
                if "{" not in operation.path:
                    paths.setdefault(operation.path, []).append(operation.method)
            self._known_paths = paths
        elif not self._known_paths:
            self._known_paths = dict.fromkeys((*_routes(self.folder), *_USUAL), every)
        return self._known_paths


def find_login_session(
    pod: Pod, api: OpenApi, folder: Path, opening: Request | None = None
) -> SessionProfile | None:
    """The session of the service on the started ``pod``, whose source is in ``folder``; None: none found.

    ``opening``: the request that opens it, where that is known.
    """
    try:
        return _Looking(pod, api, folder, opening).session()
    except EnvironmentProblem:  # a request that is not answered is no session's
        return None


class AnySession(NamedTuple):
    """A session whose requests are called in any way."""

    session: SessionProfile
    whole: bool
    """Whether everything was found; else the path of a request that was not is ``HOLE``."""
    opening_seen: str = ""
    """What was seen of the request that opens it, in words."""
    refused: Request | None = None
    """A request that is called like a login and was refused: it lacks a name and a password."""


def find_any_session(pod: Pod, api: OpenApi, folder: Path) -> AnySession:
    """The session of a service whose requests are called in any way, as far as it was found."""
    looking = _Looking(pod, api, folder)
    try:
        session = looking.session_of_any_name()
    except EnvironmentProblem:
        session = None
    if session is not None:
        return AnySession(session, True)
    hole = Request(HOLE)
    opening, seen, refused = hole, "", None
    if looking.refused is not None:
        refused, answer = looking.refused
        opening, seen = refused, f"{refused.method} {refused.path} answered {answer.status}"
    if looking.opening is not None:
        opening, refused = looking.opening, None
        seen = f"{opening.method} {opening.path} sets a cookie"
    uses = {"a": SessionRequest(hole), "b": SessionRequest(hole), "logout": SessionRequest(hole, ends=True)}
    asking = looking.asking or replace(hole, method="GET")
    return AnySession(SessionProfile((opening,), asking, uses), False, seen, refused)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _has_change(session: SessionProfile) -> bool:
    return any(not use.ends for use in session.requests.values())


def _as_compared(answer: Answered) -> HttpAnswer:
    return HttpAnswer(answer.status, answer.text.encode(), answer.headers.get("location", ""))


def _with_parameters(request: Request, value: str) -> Request:
    """With ``value`` for each parameter of its path."""
    return replace(request, path=_PARAMETER.sub(value, request.path))


def _variants(request: Request, optional: Mapping[str, Any]) -> Iterator[tuple[Request, Request]]:
    """Ways to say what to change, each for two fields; last the request as it is, which counts, say.

    ``optional``: the fields that its body may have, each with a value.
    """
    if request.fields:
        yield request, request
    elif optional:
        fields = [{name: value} for name, value in optional.items()]
        yield replace(request, body=fields[0]), replace(request, body=fields[min(1, len(fields) - 1)])
    first, second = {"a": "1"}, {"b": "1"}
    bare = replace(request, body=None, form=None)
    yield replace(bare, path=f"{bare.path}?a=1"), replace(bare, path=f"{bare.path}?b=1")
    yield replace(bare, body=first), replace(bare, body=second)
    yield replace(bare, form=first), replace(bare, form=second)
    if not request.fields:
        yield request, request


def _carried_as(request: Request, ask: Request) -> Request:
    """``request`` with the header by which ``ask`` names the session."""
    carriers = {name: value for name, value in ask.headers.items() if ID in value}
    return replace(request, headers={**request.headers, **carriers})


def _routes(folder: Path) -> list[str]:
    """Paths that stand in quotes in the service's source."""
    routes: dict[str, None] = {}
    for _, text in source_texts(folder):
        paths = (f"/{match.lstrip('/')}" for match in _ROUTE.findall(text) if not match.isupper())
        routes.update(dict.fromkeys(paths))
    return [*routes][:_MOST_PATHS]
