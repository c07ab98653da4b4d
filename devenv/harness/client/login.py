"""The client of one login session: opens it by ``[session]`` of devenv.toml and sends requests in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx

from devenv.core.model.bodies import answered_fields
from devenv.core.model.ids import ChallengeId
from devenv.core.model.requests import Request
from devenv.core.model.service import COOKIE, ID
from devenv.core.model.session_profile import SessionProfile
from devenv.harness.client.http_request import http_request
from devenv.wire.executor.cookies import Cookies

NO_HEADERS: Mapping[str, str] = {}


@dataclass(slots=True)
class LoginClient:
    """One client with one session. Only the answers to the requests that open it set its cookies."""

    http: httpx.Client
    """How the service is reached."""
    session: SessionProfile
    """The requests of the session."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """They go with every request."""
    _cookies: Cookies = field(default_factory=Cookies)
    _id: ChallengeId | None = None

    def open(self, headers: Mapping[str, str] = NO_HEADERS) -> httpx.Response:
        """Send the requests that open the session, with ``headers`` too; the last answer.

        Raises httpx.HTTPError where no answer comes.
        """
        for request in self.session.open:
            answer = self.send(request, headers)
            fields = [(name.lower(), value) for name, value in answer.headers.multi_items()]
            self._cookies.take(fields)
            given = self.session.id_in(dict(fields), answered_fields(answer.text))
            self._id = self._id if given is None else ChallengeId(given)
        return answer

    @property
    def opened(self) -> bool:
        """Whether an answer gave what names the session: a cookie or an id."""
        return bool(self._cookies.values) or self._id is not None

    def send(self, request: Request, headers: Mapping[str, str] = NO_HEADERS) -> httpx.Response:
        """The answer to a request in the session. Raises httpx.HTTPError where none comes."""
        if self._id is None:  # "Bearer " alone is no header
            kept = {name: value for name, value in request.headers.items() if ID not in value}
            request = replace(request, headers=kept)
        filled = request.fill(self._id)
        sent_headers = dict(filled.headers)
        cookies = [text for text in (self._cookies.header, sent_headers.pop(COOKIE, "")) if text]
        if cookies:
            sent_headers[COOKIE] = "; ".join(cookies)
        self.http.cookies.clear()
        sent = http_request(
            self.http, replace(filled, headers=sent_headers), defaults=self.headers, headers=headers
        )
        return self.http.send(sent)

    def is_gone(self, answer: httpx.Response) -> bool:
        """Whether an answer to ``session.ask`` is that of no session."""
        return self.session.is_gone(answer.status_code, answered_fields(answer.text), answer.text)
