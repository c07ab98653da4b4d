"""A scripted person: creates challenges, knows their answers from the mock ML service's oracle, verifies.

It speaks the public API through the proxy only, so what it observes is what a browser would.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from devenv.core.errors import EnvironmentProblem, UsageProblem
from devenv.core.events import EventType, HistoryEvent
from devenv.core.presets import CAPTCHA
from devenv.core.service import Filled, Kind, ServiceProfile
from devenv.core.topology import Endpoints
from devenv.core.vocabulary import Answer, CaptchaType, Outcome
from devenv.lab.runs import Recording
from devenv.lab.sequence import MessageKind, SequenceMessage
from devenv.stack.loopback import local_async_client

ABSTRACT_IMAGES = range(9)
GRID_CELLS = range(1, 10)
ANY_KIND = "any"
"""In a scenario: the service's first kind of session."""

# Above the longest timeout a captcha-api uses towards the ML service (30 s), so that the pod gives up first.
TIMEOUT_S = 35.0
# Below the proxy's and uvicorn's idle limit: a POST on a connection that is just being closed would be lost.
KEEPALIVE_S = 2.0

Submission = Mapping[str, Any]
"""The answering part of a verify body: ``selections`` or ``image_base64``."""


class CreateFailed(EnvironmentProblem):
    """A challenge could not be created; ``status`` is the HTTP status, None where no answer came."""

    def __init__(self, message: str, *, status: int | None, served_by: str | None, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.served_by = served_by


@dataclass(frozen=True, slots=True)
class Challenge:
    """A created challenge. ``id`` is None where the service gave none; ``raw`` is its whole answer."""

    id: str | None
    type: str
    raw: Mapping[str, Any]
    served_by: str | None
    request_id: str

    @property
    def short(self) -> str:
        """The type and the beginning of the id, for pictures."""
        return f"{self.type} {self.id[:6]}" if self.id else str(self.type)

    @property
    def session(self) -> str | None:
        """``<type>:<id>``: the Redis key without its prefix."""
        return f"{self.type}:{self.id}" if self.id else None


@dataclass(frozen=True, slots=True)
class Verified:
    """How one verify ended. ``status`` is None and ``body`` has ``error`` where no answer came.

    ``started`` and ``ended`` are seconds since the epoch. Of any request, not of a verify, there are also
    ``headers`` (by lower-case name) and ``text``.
    """

    outcome: Outcome
    status: int | None
    body: Mapping[str, Any]
    served_by: str | None
    request_id: str
    started: float
    ended: float
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def message(self) -> str | None:
        """The service's message, if it sent one."""
        text = self.body.get("message")
        return text if isinstance(text, str) else None

    @property
    def attempts(self) -> int | None:
        """The attempts counted so far, if the service said."""
        count = self.body.get("attempts")
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    @property
    def downshift(self) -> bool:
        """Whether the service asked for another kind of captcha."""
        return bool(self.body.get("downshift"))


@dataclass(frozen=True, slots=True)
class Content:
    """Any request: ``path`` with its query, ``content`` the bytes of its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None


@dataclass(slots=True)
class _Oracle:
    """The mock ML service's oracle, asked once per question: the pictures never change within a stack."""

    http: httpx.AsyncClient
    known: dict[tuple[str, str | None], Mapping[str, Any]] = field(default_factory=dict)
    catalogue: Mapping[str, Any] | None = None

    async def ask(self, url: str, label: str | None = None) -> Mapping[str, Any]:
        question = (urlsplit(url).path, label)
        if question not in self.known:
            params = {"url": question[0]} if label is None else {"url": question[0], "label": label}
            self.known[question] = await self._get("/oracle", params)
        return self.known[question]

    async def pictures(self) -> Mapping[str, Any]:
        if self.catalogue is None:
            self.catalogue = await self._get("/catalog", {})
        return self.catalogue

    async def _get(self, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            response = await self.http.get(path, params=dict(params))
        except httpx.TransportError as error:
            raise EnvironmentProblem(
                f"the mock ML service at {self.http.base_url} does not answer ({type(error).__name__})",
                hint="start a stack with 'devenv up', or look at 'devenv logs mock-ml'",
            ) from error
        if response.status_code != 200:
            raise EnvironmentProblem(
                f"mock ML answered {response.status_code} to {response.url}: {response.text[:200]}",
                hint="answers are known only for challenges built from this stack's own pictures",
            )
        data: Mapping[str, Any] = response.json()
        return data


class CaptchaClient:
    """The public API through the proxy, and the right answers. Use as an async context manager.

    ``seed`` picks among wrong answers. What happens is appended to ``recording``; ``clock`` gives seconds
    since the epoch. ``profile`` says how the service is spoken to.
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
    ) -> None:
        self.endpoints = endpoints
        self.profile = profile
        self.recording = recording if recording is not None else Recording()
        self._seed = seed
        self._clock = clock
        limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=KEEPALIVE_S)
        self._http = local_async_client(endpoints.traffic, TIMEOUT_S, limits)
        self._oracle = _Oracle(local_async_client(endpoints.ml, TIMEOUT_S, limits))
        self._id_prefix = secrets.token_hex(6)
        self._sent = 0
        self._words: dict[str | None, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        await self._oracle.http.aclose()

    async def create(self, kind: str, pod: str | None = None, *, process: int = 0) -> Challenge:
        """Create a challenge; ``pod`` pins the request, None leaves it to the proxy's policy.

        ``process`` is who does it, in the history. Raises CreateFailed where the service refuses,
        EnvironmentProblem where nothing answers, UsageProblem for a kind that the service has not.
        """
        if kind == ANY_KIND:
            kind = next(iter(self.profile.kinds))
        opening = self._kind(kind).create.fill(None)
        value: dict[str, Any] = {"type": str(kind)}
        started, request_id = self._begin("create", value, pod, None, process)
        status, body, served_by, headers = await self._ask(opening, pod, request_id)
        where = served_by or pod or "proxy"
        self._arrow(started, "client", where, f"{self.profile.words[0]} {kind}", "request")
        if status is None or not 200 <= status < 300:
            reason = _reason(status, body)
            self._end("create", "info", {**value, "status": status}, where, None, process)
            self._arrow(self._clock(), where, "client", reason, "failed")
            raise CreateFailed(
                f"{where} could not create a challenge of type {kind}: {reason}",
                status=status,
                served_by=served_by,
                hint=f"look at 'devenv logs {where}'",
            )
        cid = self.profile.session_of(headers, body)
        challenge = Challenge(cid, kind, self.profile.canonical(body), served_by, request_id)
        if kind == CaptchaType.HANDWRITING and self._knows_answers:
            self._words[served_by] = await self.word(challenge)
        value = {**value, "challenge_id": challenge.id}
        if "ttl" in challenge.raw:
            value["ttl"] = challenge.raw["ttl"]
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
        value: dict[str, Any] = {"type": str(challenge.type), "challenge_id": challenge.id, "answer": answer}
        if "selections" in submission:
            value["selections"] = list(submission["selections"])
        started, request_id = self._begin("verify", value, pod, challenge.session, process)
        first, *more = submission or {"": None}
        request = self._kind(challenge.type).verify.fill(challenge.id, submission.get(first))
        if more:  # signatures and the like
            request = replace(request, body={**request.body, **{name: submission[name] for name in more}})
        status, body, served_by, _ = await self._ask(request, pod, request_id)
        outcome, received = self.profile.outcome(status, body), self.profile.canonical(body)
        result = Verified(outcome, status, received, served_by, request_id, started, self._clock())
        where = served_by or pod or "proxy"
        value |= {"outcome": self._graded(outcome), "status": status}
        for name in ("message", "attempts", "downshift"):
            if received.get(name) is not None:
                value[name] = received[name]
        # An answer of 200 happened as it says; an error leaves open whether the attempt was counted.
        sure = status == 200 or (status is not None and outcome is not Outcome.ERROR)
        kind: EventType = "ok" if sure else "info"
        self._end("verify", kind, value, where, challenge.session, process)
        label = f"{self.profile.words[1]} {challenge.short}" + (f": {answer}" if answer else "")
        self._arrow(started, "client", where, label, "request")
        self._arrow(result.ended, where, "client", _reply_label(result), _reply_kind(result, answer))
        return result

    async def warm(self, pod: str) -> None:
        """Let a pod say its first words to Redis, by a challenge that nobody created; nothing is recorded."""
        kind = next(iter(self.profile.kinds.values()))
        request = kind.verify.fill("0" * 32, kind.answers.get(Answer.EMPTY, kind.answers.get(Answer.WRONG)))
        await self._send(request, pod, f"{self._id_prefix}-warm")

    async def get(self, path: str, pod: str | None = None) -> tuple[int | None, str, str | None]:
        """GET ``path``: the status, the text and the pod that served it."""
        started, request_id = self._clock(), self._new_id()
        response = await self._send(Filled("GET", path, {}, None), pod, request_id)
        if isinstance(response, str):
            return None, response, None
        served_by = response.headers.get("X-Served-By")
        where = served_by or pod or "proxy"
        self._arrow(started, "client", where, f"GET {path}", "request")
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
        received, served_by = _json_of(response), response.headers.get("X-Served-By")
        headers = {name.lower(): value for name, value in response.headers.items()}
        result = Verified(
            self.profile.outcome(response.status_code, received), response.status_code,
            self.profile.canonical(received), served_by, request_id, started, self._clock(), headers,
            response.text,
        )  # fmt: skip
        where = served_by or pod or "proxy"
        self._arrow(started, "client", where, label, "request")
        failed = response.status_code >= 400 or result.outcome is Outcome.NOT_FOUND
        said = str(response.status_code) + (f": {result.message}" if result.message else "")
        self._arrow(result.ended, where, "client", said, "failed" if failed else "reply")
        return result

    async def answer(self, challenge: Challenge, answer: Answer | Sequence[int]) -> Submission:
        """What a person answers: the right answer from the oracle, one that cannot be right, or none.

        A wrong selection is the complement of the right one, so it is never right by luck; a wrong word is
        neither this challenge's nor the latest one of any pod (a pod with USE_REDIS=false judges against
        its latest). Explicit selections are sent as they are.
        """
        if not isinstance(answer, Answer):
            if challenge.type == CaptchaType.HANDWRITING:
                raise UsageProblem("a handwriting challenge is answered with a picture, not with selections")
            return {"selections": list(answer)}
        if not self._knows_answers:
            return self._told_answer(challenge, answer)
        if challenge.type == CaptchaType.HANDWRITING:
            return {"image_base64": await self._drawing(challenge, answer)}
        if answer is Answer.EMPTY:
            return {"selections": []}
        right = await self._right_selection(challenge)
        if answer is Answer.RIGHT:
            return {"selections": right}
        every = ABSTRACT_IMAGES if challenge.type == CaptchaType.ABSTRACT else GRID_CELLS
        return {"selections": [item for item in every if item not in right]}

    async def word(self, challenge: Challenge) -> str:
        """The word that a handwriting challenge asks for, by the oracle's reading of its samples."""
        samples = challenge.raw.get("samples") or []
        if not samples:
            raise EnvironmentProblem(f"challenge {challenge.short} has no samples to tell its word from")
        return str((await self._oracle.ask(str(samples[0])))["class"])

    async def catalogue(self) -> Mapping[str, Any]:
        """The mock ML service's list of pictures, as ``GET /catalog`` gives it."""
        return await self._oracle.pictures()

    async def _drawing(self, challenge: Challenge, answer: Answer) -> str:
        if answer is Answer.EMPTY:
            return ""
        if answer is Answer.RIGHT:
            url = str(challenge.raw["samples"][0])
        else:
            word = await self.word(challenge)
            classes = (await self.catalogue())["classes"]
            current = list(self._words.values())
            others = [c for c in classes if c["name"] != word and c["name"] not in current]
            if not others:
                raise EnvironmentProblem(
                    "every known word is some pod's current word: no word is surely wrong"
                )
            url = str(others[self._seed % len(others)]["handwriting"][0])
        return str((await self._oracle.ask(url))["image_base64"])

    async def _right_selection(self, challenge: Challenge) -> list[int]:
        raw = challenge.raw
        if challenge.type == CaptchaType.IMAGEGRID:
            cells = await self._oracle.ask(str(raw["url"]), str(raw["target_label"]))
            return sorted(cells["correct_cells"])
        images = raw["images"]
        known = await asyncio.gather(*(self._oracle.ask(str(image["url"])) for image in images))
        pairs = zip(images, known, strict=True)
        return sorted(int(image["id"]) for image, it in pairs if it["class"] == raw["target_class"])

    @property
    def _knows_answers(self) -> bool:
        """Whether the mock ML service knows the right answers."""
        return self.profile.oracle == "mock-ml"

    def _kind(self, name: str) -> Kind:
        kind = self.profile.kinds.get(name)
        if kind is None:
            known = ", ".join(self.profile.kinds)
            raise UsageProblem(f"the service has no sessions of type {name!r}", hint=f"it has {known}")
        return kind

    def _graded(self, outcome: Outcome) -> str:
        """The outcome, as a history tells it: what costs or ends nothing is no grade."""
        if outcome is Outcome.WRONG and not self.profile.limit:
            return "ungraded"
        return "used" if outcome is Outcome.SUCCESS and self.profile.reusable else str(outcome)

    def _told_answer(self, challenge: Challenge, answer: Answer) -> Submission:
        """The answer that the profile tells, as nobody here knows what the challenge asks."""
        kind = self._kind(challenge.type)
        if not kind.takes_answer:
            return {"answer": None}
        answers = kind.answers
        if answer not in answers:
            raise UsageProblem(
                f"nobody here knows a {answer} answer to this service's {challenge.type} challenges",
                hint=f"known: {', '.join(answers) or 'none'}; add profile.kinds.{challenge.type}.answers",
            )
        return {"answer": answers[answer]}

    async def _ask(
        self, request: Filled, pod: str | None, request_id: str
    ) -> tuple[int | None, Mapping[str, Any], str | None, Mapping[str, str]]:
        """Status, JSON body, who served it, headers by lower-case name; status None where no answer came."""
        response = await self._send(request, pod, request_id)
        if isinstance(response, str):
            return None, {"error": response}, None, {}
        received = _json_of(response)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status_code, received, response.headers.get("X-Served-By"), headers

    async def _send(
        self, request: Filled | Content, pod: str | None, request_id: str
    ) -> httpx.Response | str:
        """The answer, or in words why none came; raises where nothing listens or the pod has no such name."""
        headers = {**self.profile.headers, **request.headers, "X-Request-Id": request_id}
        if pod is not None:
            headers["X-Devenv-Pod"] = pod
        try:
            if isinstance(request, Content):
                response = await self._http.request(
                    request.method, request.path, content=request.content, headers=headers
                )
            else:
                response = await self._http.request(
                    request.method, request.path, json=request.body, headers=headers
                )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EnvironmentProblem(
                f"no stack answers at {self.endpoints.traffic}",
                hint="start one with 'devenv up', or see what runs with 'devenv status'",
            ) from error
        except httpx.TransportError as error:
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if response.status_code == 400 and pod is not None and "X-Served-By" not in response.headers:
            raise UsageProblem(f"the proxy refused pod {pod!r}: {response.text[:200]}")
        return response

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


def _json_of(response: httpx.Response) -> Mapping[str, Any]:
    """The JSON object in an answer; of a stream of events (text/event-stream) that of the last."""
    text = response.text
    if response.headers.get("Content-Type", "").startswith("text/event-stream"):
        events = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
        text = events[-1] if events else ""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {"error": response.text[:200]}


def _reason(status: int | None, body: Mapping[str, Any]) -> str:
    detail = body.get("detail") or body.get("message") or body.get("error") or ""
    return f"HTTP {status}: {detail}".rstrip(": ") if status is not None else str(detail)


def _reply_label(result: Verified) -> str:
    if result.status != 200 and result.outcome is Outcome.ERROR:
        return _reason(result.status, result.body)
    if result.outcome is Outcome.WRONG:
        return "wrong" if result.attempts is None else f"wrong, attempt {result.attempts}"
    return (
        "success"
        if result.outcome is Outcome.SUCCESS
        else (result.message or str(result.outcome).replace("_", " "))
    )


def _reply_kind(result: Verified, answer: str) -> MessageKind:
    if result.outcome is Outcome.SUCCESS or (result.outcome is Outcome.WRONG and answer != Answer.RIGHT):
        return "reply"
    return "failed"
