"""Finds the requests of a login session: by OpenAPI, by the routes in the source, or by asking usual paths.

Each is tried: what opens sets a cookie, what asks is answered otherwise without that cookie, a change is seen
in the answer to what asks, and after the end of a session it looks gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.service import COOKIE, Request, Rule
from devenv.core.model.session_profile import SessionProfile, SessionRequest
from devenv.verbs.init.answers import Answered
from devenv.verbs.init.openapi import OpenApi
from devenv.verbs.init.sources import source_texts
from devenv.verbs.init.trial import Pod

_OPEN = re.compile(r"log-?_?in|sign-?_?in|sessions?$|auth", re.IGNORECASE)
_END = re.compile(r"log-?_?out|sign-?_?out|sessions?$", re.IGNORECASE)
_ASK = re.compile(r"(?:^|/)(?:me|profile|account|whoami|user|session|cart|basket)$", re.IGNORECASE)
_NOT_A_CHANGE = re.compile(r"health|ready|live|metrics|docs|openapi|static", re.IGNORECASE)
_USUAL = ("/login", "/me", "/logout", "/session", "/profile", "/cart", "/set")
_ROUTE = re.compile(r"""["'](/?[A-Za-z][\w-]*+(?:/[\w-]++)*+|(?:/[\w-]++)++)["']""")
_MOST_PATHS = 60
_MOST_OTHER_READS = 8
"""Of requests that ask and are not called as usual; each is tried with every change."""
_WRITING = ("POST", "PUT", "PATCH")


@dataclass(slots=True)
class _Looking:
    """One search on the started pod."""

    pod: Pod
    api: OpenApi
    folder: Path
    _cookies: Mapping[str, str] = field(default_factory=dict)

    def session(self) -> SessionProfile | None:
        """What was found; None where no request opens a session that another one shows.

        Of several requests that ask, the first that shows a change is taken, else the first.
        """
        first = None
        for opening in self._candidates(_OPEN, ("POST", "GET")):
            for asked in self._asks(opening):
                found = self._with_uses(asked)
                if found is not None and any(not use.ends for use in found.requests.values()):
                    return found
                first = first or found
        return first

    def _asks(self, opening: Request) -> Iterator[SessionProfile]:
        """Each request that is answered otherwise without the cookie of ``opening``."""
        if not self._open(opening):
            return
        for ask in (*self._candidates(_ASK, ("GET",)), *self._other_reads()):
            known, unknown = self._use(ask), self.pod.send(ask.fill(None))
            if known.status == 200 and unknown.status != 200:
                yield SessionProfile((opening,), ask, {}, (Rule((unknown.status,)),))
                self._open(opening)  # what was tried on it may have ended it

    def _other_reads(self) -> Iterator[Request]:
        """Other reads whose path can be written too: GET and PUT /preferences."""
        named = (_OPEN, _END, _ASK, _NOT_A_CHANGE)
        found = (
            self.api.opening(Request(path, "GET"))
            for path, methods in self._paths().items()
            if "GET" in methods and {*_WRITING} & {*methods} and not any(word.search(path) for word in named)
        )
        for _, read in zip(range(_MOST_OTHER_READS), found, strict=False):
            yield read

    def _with_uses(self, session: SessionProfile) -> SessionProfile | None:
        requests = dict(self._changes(session))
        end = next(self._ends(session), None)
        if end is not None:
            requests["logout"] = SessionRequest(end, ends=True)
        return replace(session, requests=requests) if requests else None

    def _changes(self, session: SessionProfile) -> Iterator[tuple[str, SessionRequest]]:
        """Two changes that ``ask`` shows: of two fields where that can be, else the same one."""
        paths = self._paths()
        read = session.ask.path
        others = [path for path in paths if path != read and not _ASK.search(path)]
        for path in (*others, read):
            if any(word.search(path) for word in (_OPEN, _END, _NOT_A_CHANGE)):
                continue
            for method in (item for item in _WRITING if item in paths[path]):
                for first, second in _variants(self.api.opening(Request(path, method))):
                    if self._open(session.open[0]) and self._is_change(first, session):
                        yield "a", SessionRequest(first)
                        if second is not None and self._is_change(second, session):
                            yield "b", SessionRequest(second)
                        return

    def _is_change(self, request: Request, session: SessionProfile) -> bool:
        before = self._use(session.ask).text
        return self._use(request).opened and self._use(session.ask).text != before

    def _ends(self, session: SessionProfile) -> Iterator[Request]:
        for request in self._candidates(_END, ("POST", "DELETE", "GET")):
            if request == session.ask or not self._open(session.open[0]):
                continue
            ended = self._use(request)
            after = self._use(session.ask)
            if ended.status < 400 and session.is_gone(after.status, after.body, after.text):
                yield request

    def _open(self, request: Request) -> bool:
        answer = self.pod.send(request.fill(None))
        self._cookies = answer.cookies
        return answer.opened and bool(answer.cookies)

    def _use(self, request: Request) -> Answered:
        filled = request.fill(None)
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return self.pod.send(replace(filled, headers={**filled.headers, COOKIE: cookie}))

    def _candidates(self, word: re.Pattern[str], methods: Sequence[str]) -> Iterator[Request]:
        for method in methods:
            for path, known in self._paths().items():
                if word.search(path) and method in known:
                    yield self.api.opening(Request(path, method))

    def _paths(self) -> Mapping[str, Sequence[str]]:
        """The paths without a parameter, with the methods that they may have."""
        every = ("GET", "POST", "PUT", "PATCH", "DELETE")
        if self.api.paths:
            found: dict[str, list[str]] = {}
            for operation in self.api.operations(*map(str.lower, every)):
                if "{" not in operation.path:
                    found.setdefault(operation.path, []).append(operation.method)
            return found
        return dict.fromkeys((*_routes(self.folder), *_USUAL), every)


def find_login_session(pod: Pod, api: OpenApi, folder: Path) -> SessionProfile | None:
    """The session of the service on the started ``pod``, whose source is in ``folder``; None: none found."""
    try:
        return _Looking(pod, api, folder).session()
    except EnvironmentProblem:  # a request that is not answered is no session's
        return None


def _variants(request: Request) -> Iterator[tuple[Request, Request | None]]:
    """Ways to say what to change, each for two fields; last the request as it is, which counts, say."""
    if request.fields:
        yield request, None
    first, second = {"a": "1"}, {"b": "1"}
    bare = replace(request, body=None, form=None)
    yield replace(bare, path=f"{bare.path}?a=1"), replace(bare, path=f"{bare.path}?b=1")
    yield replace(bare, body=first), replace(bare, body=second)
    yield replace(bare, form=first), replace(bare, form=second)
    if not request.fields:
        yield request, None


def _routes(folder: Path) -> list[str]:
    """Paths that stand in quotes in the service's source."""
    found: dict[str, None] = {}
    for _, text in source_texts(folder):
        paths = (f"/{match.lstrip('/')}" for match in _ROUTE.findall(text) if not match.isupper())
        found.update(dict.fromkeys(paths))
    return [*found][:_MOST_PATHS]
