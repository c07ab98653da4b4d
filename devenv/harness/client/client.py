"""A scripted person: creates challenges, knows their answers from the mock ML service's oracle, verifies.

It speaks the public API through the proxy only, so what it observes is what a browser would.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx

from devenv.core.model.cookies import cookies_set, with_others
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.model.ids import ChallengeId
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Filled, ServiceProfile, opens
from devenv.core.model.topology import Endpoints
from devenv.core.model.vocabulary import POD_HEADER, Answer, Outcome
from devenv.core.render.sequence import PARTS, MessageKind, SequenceMessage
from devenv.core.render.visible import quoted
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT, NO_LIMIT
from devenv.harness.client.answers import Answers
from devenv.harness.client.exchanges import (
    Challenge,
    Content,
    CreateFailed,
    Reply,
    Submission,
    Verified,
    json_of,
    reason_of,
    reply_kind,
    reply_label,
)
from devenv.harness.client.http_request import http_request
from devenv.harness.client.recording import Recording
from devenv.stack.loopback import local_async_client

ANY_KIND = "any"
"""In a scenario: the service's first kind of session."""

# Above the longest timeout a captcha-api uses towards the ML service (30 s), so that the pod gives up first.
TIMEOUT_S = 35.0
CANNOT_CONNECT_S = 10.0
"""Instead, where the gate has recorded why a pod cannot connect: its client may try for ever."""
# Below the proxy's and uvicorn's idle limit: a POST on a connection that is just being closed would be lost.
KEEPALIVE_S = 2.0
LONGEST_TTL_S = 1e9
"""A longer time to live (30 years), or one that is no number, is not known: the history does not have it."""


class CaptchaClient:
    """The public API through the proxy, and the right answers. Use as an async context manager.

    ``seed`` picks among wrong answers. What happens is appended to ``recording``; ``clock`` gives seconds
    since the epoch. ``profile`` says how the service is spoken to. A request may
    take ``timeout`` seconds.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        seed: int = 0,
        recording: Recording | None = None,
        clock: Callable[[], float] = time.time,
        profile: ServiceProfile = CAPTCHA,
        max_connections: int = 64,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self.endpoints = endpoints
        self.profile = profile
        self.recording = recording if recording is not None else Recording()
        self._clock = clock
        limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=KEEPALIVE_S)
        self._http = local_async_client(endpoints.traffic, timeout, limits, forget=profile.id_cookie)
        self._ml = local_async_client(endpoints.ml, TIMEOUT_S, limits)
        self.answers = Answers(profile, self._ml, seed)
        self._id_prefix = secrets.token_hex(6)
        self._sent = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._ml.aclose()

    def forget_cookies(self) -> None:
        """From now on it is a visitor without cookies."""
        self._http.cookies.clear()

    def forget_visitor(self) -> None:
        """From now on it is another visitor: without cookies, and with an empty record of what happened."""
        self.forget_cookies()
        for kept in (self.recording.history, self.recording.messages, self.recording.request_ids):
            kept.clear()

    async def create(self, kind: str, pod: str | None = None, *, process: int = 0) -> Challenge:
        """Create a challenge; ``pod`` pins the request, None leaves it to the proxy's policy.

        ``process`` is who does it, in the history. Raises CreateFailed where the service refuses,
        EnvironmentProblem where nothing answers, UsageProblem for a kind that the service has not.
        """
        if kind == ANY_KIND:
            kind = self.profile.first_kind
        opening = self.profile.kind(kind).create.fill(None)
        value: dict[str, Any] = {"type": str(kind)}
        started, request_id = self._begin("create", value, pod, None, process)
        reply = await self._ask(opening, pod, request_id)
        status, body, served_by = reply.status, reply.body, reply.served_by
        where = self._where(served_by, pod)
        self._arrow(started, "client", where, f"{self.profile.words[0]} {kind}", "request")
        challenge_id = self.profile.session_of(reply.headers, body)
        if not opens(status, challenge_id):
            reason = reason_of(status, body)
            self._end(
                "create", "info", {**value, "status": status}, served_by or pod or "proxy", None, process
            )
            self._arrow(self._clock(), where, "client", reason, "failed")
            raise CreateFailed(
                f"{where} could not create a challenge of type {kind}: {reason}",
                status=status,
                served_by=served_by,
                text=reply.text,
                hint=f"look at 'devenv logs {where}'",
            )
        sessionless = challenge_id is None and self.profile.reusable  # an MCP server may be stateless
        challenge = Challenge(
            challenge_id, kind, self.profile.canonical(body), served_by, request_id,
            cookies_set(reply.headers.get("set-cookie", "")), sessionless,
        )  # fmt: skip
        await self.answers.created(challenge)
        value = {**value, "challenge_id": challenge.id}
        if self.profile.limit != ATTEMPTS_LIMIT:
            value["limit"] = self.profile.limit
        ttl = challenge.raw.get("ttl")
        if isinstance(ttl, int | float) and not isinstance(ttl, bool) and 0 < ttl < LONGEST_TTL_S:
            value["ttl"] = ttl
        self._end("create", "ok", value, served_by, challenge.session, process)
        self._arrow(self._clock(), where, "client", challenge.short, "reply")
        return challenge

    async def verify(
        self,
        challenge: Challenge,
        submission: Submission,
        pod: str | None = None,
        *,
        answer: str = "",
        process: int = 0,
    ) -> Verified:
        """Send one answer (from ``answer``); ``answer=`` says in the history and the picture what it is.

        An HTTP error and a lost connection are outcomes, not exceptions; EnvironmentProblem is raised where
        nothing answers at all.
        """
        answer = answer if self.profile.kind(challenge.type).takes_answer else ""
        value: dict[str, Any] = {"type": str(challenge.type), "challenge_id": challenge.id, "answer": answer}
        if "selections" in submission:
            value["selections"] = list(submission["selections"])
        started, request_id = self._begin("verify", value, pod, challenge.session, process)
        first, *more = submission or {"": None}
        session = self.profile.id_to_send(challenge.id, challenge.raw)
        request = self.profile.kind(challenge.type).verify.fill(session, submission.get(first))
        if more:  # signatures and the like
            request = replace(request, body={**request.body, **{name: submission[name] for name in more}})
        request = replace(request, headers=with_others(request.headers, challenge.cookies))
        reply = await self._ask(request, pod, request_id)
        status, served_by = reply.status, reply.served_by
        outcome = self.profile.outcome(status, reply.body, reply.text)
        received = self.profile.canonical(reply.body)
        result = Verified(
            outcome,
            status,
            received,
            served_by,
            request_id,
            started,
            self._clock(),
            reply.headers,
            reply.text,
        )
        where = self._where(served_by, pod)
        value |= {"outcome": self._graded(outcome), "status": status}
        reported = {
            "message": result.message,
            "attempts": result.attempts,
            "downshift": received.get("downshift"),
        }
        value |= {name: item for name, item in reported.items() if item is not None}
        # An answer of 200 happened as it says; an error leaves open whether the attempt was counted.
        sure = status == 200 or (status is not None and outcome is not Outcome.ERROR)
        kind: EventType = "ok" if sure else "info"
        self._end("verify", kind, value, served_by or pod or "proxy", challenge.session, process)
        label = f"{self.profile.words[1]} {challenge.short}" + (f": {answer}" if answer else "")
        self._arrow(started, "client", where, label, "request")
        self._arrow(result.ended, where, "client", reply_label(result), reply_kind(result, answer))
        return result

    async def warm(self, pod: str, challenges: int = 1) -> None:
        """Let a pod say its first words to Redis, by verifying challenges that do not exist; nothing is
        recorded.
        """
        kind = self.profile.kind(self.profile.first_kind)
        answer = kind.answers.get(Answer.EMPTY, kind.answers.get(Answer.WRONG))
        for number in range(challenges):
            request = kind.verify.fill(ChallengeId(f"{number:032x}"), answer)
            await self._send(request, pod, f"{self._id_prefix}-warm")

    async def get(self, path: str, pod: str | None = None) -> tuple[int | None, str, str | None]:
        """GET ``path``: the status, the text and the pod that served it."""
        started, request_id = self._clock(), self._new_id()
        response = await self._send(Filled("GET", path, {}, None), pod, request_id)
        if isinstance(response, str):
            return None, response, None
        served_by = response.headers.get("X-Served-By")
        where = self._where(served_by, pod)
        self._arrow(started, "client", where, f"GET {path.partition('?')[0]}", "request")
        failed: MessageKind = "reply" if response.status_code < 400 else "failed"
        self._arrow(self._clock(), where, "client", str(response.status_code), failed)
        return response.status_code, response.text, served_by

    async def request(self, request: Content, pod: str | None = None) -> Verified:
        """Send any request. Its ``outcome`` is what the answer would be to a verify; see ``verify``."""
        started, request_id = self._clock(), self._new_id()
        response = await self._send(request, pod, request_id)
        label = f"{request.method} {request.path.partition('?')[0]}"
        if isinstance(response, str):
            self._arrow(started, "client", pod or "proxy", label, "request")
            self._arrow(self._clock(), pod or "proxy", "client", response, "failed")
            body = {"error": response}
            return Verified(Outcome.ERROR, None, body, None, request_id, started, self._clock())
        received, served_by = json_of(response), response.headers.get("X-Served-By")
        headers = {name.lower(): value for name, value in response.headers.items()}
        result = Verified(
            self.profile.outcome(response.status_code, received, response.text), response.status_code,
            self.profile.canonical(received), served_by, request_id, started, self._clock(), headers,
            response.text, response.content,
        )  # fmt: skip
        where = self._where(served_by, pod)
        self._arrow(started, "client", where, label, "request")
        failed = response.status_code >= 400 or result.outcome is Outcome.NOT_FOUND
        answer = str(response.status_code) + (f": {result.message}" if result.message else "")
        self._arrow(result.ended, where, "client", answer, "failed" if failed else "reply")
        return result

    def _graded(self, outcome: Outcome) -> str:
        """The outcome, as a history tells it: what costs or ends nothing is no grade."""
        if outcome is Outcome.WRONG and self.profile.limit == NO_LIMIT:
            return "ungraded"
        return "used" if outcome is Outcome.SUCCESS and self.profile.reusable else str(outcome)

    async def _ask(self, request: Filled, pod: str | None, request_id: str) -> Reply:
        response = await self._send(request, pod, request_id)
        if isinstance(response, str):
            return Reply(None, {"error": response}, text=response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        served_by = response.headers.get("X-Served-By")
        return Reply(response.status_code, json_of(response), served_by, headers, response.text)

    async def _send(
        self, request: Filled | Content, pod: str | None, request_id: str
    ) -> httpx.Response | str:
        """The answer, or in words why none came; raises where nothing listens or the pod has no such name."""
        headers, base = {"X-Request-Id": request_id}, ""
        if pod is not None:
            headers[POD_HEADER], base = pod, self.endpoints.proxy
        built = http_request(self._http, request, defaults=self.profile.headers, headers=headers, base=base)
        try:
            response = await self._http.send(built)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _unanswered(self.endpoints) from error
        except httpx.TransportError as error:
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if response.status_code == 400 and pod is not None and "X-Served-By" not in response.headers:
            raise UsageProblem(f"the proxy refused pod {pod!r}: {response.text[:200]}")
        return response

    def _where(self, served_by: str | None, pod: str | None) -> str:
        """Who answered, as a participant of the picture: a pod, or what the answer calls it, quoted."""
        if served_by is None:
            return pod or "proxy"
        pods = self.endpoints.pods
        known = served_by == pod or (served_by in pods if pods else served_by not in PARTS)
        return served_by if known else pod or quoted(served_by)

    def _new_id(self) -> str:
        self._sent += 1
        request_id = f"{self._id_prefix}-{self._sent:05d}"
        self.recording.request_ids.append(request_id)
        return request_id

    def _begin(
        self, f: str, value: Mapping[str, Any], pod: str | None, key: str | None, process: int
    ) -> tuple[float, str]:
        started = self._clock()
        self.recording.history.append(HistoryEvent(process, "invoke", f, dict(value), started, pod, key))
        return started, self._new_id()

    def _end(
        self,
        f: str,
        kind: EventType,
        value: Mapping[str, Any],
        pod: str | None,
        key: str | None,
        process: int,
    ) -> None:
        self.recording.history.append(HistoryEvent(process, kind, f, dict(value), self._clock(), pod, key))

    def _arrow(self, moment: float, source: str, target: str, label: str, kind: MessageKind) -> None:
        self.recording.messages.append(SequenceMessage(moment, source, target, label, kind))


def _unanswered(endpoints: Endpoints) -> EnvironmentProblem:
    """The error where nothing listens: a load balancer in front can have ended alone."""
    if endpoints.proxy and endpoints.proxy != endpoints.traffic:
        return EnvironmentProblem(
            f"nothing listens at {endpoints.traffic}: the load balancer there has ended, or the stack has",
            hint="'devenv status' says which, and how; 'devenv route NAME:POLICY' starts the balancer again",
        )
    return EnvironmentProblem(
        f"no stack answers at {endpoints.traffic}",
        hint="start one with 'devenv up', or see what runs with 'devenv status'",
    )
