"""Traces made by hand, one event after the other, a millisecond apart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from devenv.core.diagnosis.findings import Diagnosis
from devenv.core.diagnosis.trace_diagnosis import diagnose
from devenv.core.model.captcha_http import VERIFY_PATHS
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import NOT_FOUND_MESSAGE, CaptchaType

A, B = "captcha-api-a", "captcha-api-b"
DOC = '{"type": "abstract", "is_positive": [true], "attempts": 0}'
COUNTED = '{"type": "abstract", "is_positive": [true], "attempts": 1}'
STUB = '{"attempts": 1}'
NOT_FOUND = {"success": False, "message": NOT_FOUND_MESSAGE}
PASSED = {"success": True, "attempts": 1}


def wrong(attempts: int | None = 1) -> dict[str, Any]:
    return {"success": False, "attempts": attempts, "img_score": 0.1}


@dataclass
class Open:
    """A request that has begun."""

    pod: str
    kind: str
    captcha: CaptchaType
    started: float
    body: dict[str, Any]
    client: str


@dataclass
class Trace:
    """Builds a trace; ``now`` is the present moment."""

    now: float = 1000.0
    events: list[TraceEvent] = field(default_factory=list)
    _exchanges: int = 0
    _commands: int = 0

    def tick(self, seconds: float = 0.001) -> float:
        self.now += seconds
        return self.now

    # -- the stack

    def pods(self, **settings: str) -> None:
        for pod in (A, B):
            self.pod(pod, **settings)

    def pod(self, pod: str, **settings: str) -> None:
        self.events.append(StackEvent(self.tick(), "pod", pod, settings))

    def restart(self, pod: str, **settings: str) -> None:
        self.events.append(StackEvent(self.tick(), "restart", pod))
        self.pod(pod, **settings)

    def redis_server(self, action: str, **detail: str) -> None:
        self.events.append(StackEvent(self.tick(), "redis", None, {"action": action, **detail}))

    # -- requests

    def begin(
        self,
        pod: str,
        kind: str,
        challenge_id: str | None = None,
        selections: list[int] | None = None,
        captcha: CaptchaType = CaptchaType.ABSTRACT,
        client: str = "127.0.0.1:1",
    ) -> Open:
        body: dict[str, Any] = {}
        if challenge_id is not None:
            body["challenge_id"] = challenge_id
        if kind == "verify":
            body |= {"selections": [0]} if selections is None else {"selections": selections}
        if captcha is CaptchaType.HANDWRITING and kind == "verify":
            del body["selections"]
            body["image_base64"] = "…"
        return Open(pod, kind, captcha, self.tick(), body, client)

    def end(self, request: Open, answer: dict[str, Any] | None, status: int = 200, **more: Any) -> None:
        """It has ended, or is under way (outcome open); ``more`` are fields of the exchange."""
        self._exchanges += 1
        create = request.kind == "create"
        path = CAPTCHA.kinds[request.captcha].create.path if create else VERIFY_PATHS[request.captcha]
        self.events.append(
            Exchange(
                seq=self._exchanges,
                request_id=f"r{self._exchanges}",
                client=request.client,
                method="POST",
                path=path,
                policy="round-robin",
                pod=request.pod,
                status=status,
                started=request.started,
                duration_ms=(self.tick() - request.started) * 1000,
                request_body=None if create else json.dumps(request.body),
                response_body=None if answer is None else json.dumps(answer),
                **more,
            )
        )

    def verify(
        self,
        pod: str,
        challenge_id: str | None,
        answer: dict[str, Any] | None,
        *says: tuple[str, str | None],
        status: int = 200,
        **more: Any,
    ) -> None:
        request = self.begin(pod, "verify", challenge_id, **more)
        for command, reply in says:
            self.say(pod, command, challenge_id or "", reply)
        self.end(request, answer, status)

    def create(
        self,
        pod: str,
        challenge_id: str | None = "c1" * 16,
        *,
        in_redis: bool = False,
        prefix: str = "rcaptcha:",
        ttl: int = 60,
        captcha: CaptchaType = CaptchaType.ABSTRACT,
    ) -> str:
        request = self.begin(pod, "create", captcha=captcha)
        if in_redis and challenge_id:
            self.say(pod, "SETEX", challenge_id, "OK", "60", DOC, prefix=prefix)
        self.end(request, {"challenge_id": challenge_id, "ttl": ttl} if challenge_id else {"ttl": ttl})
        return challenge_id or ""

    # -- Redis

    def say(
        self,
        pod: str,
        command: str,
        challenge_id: str,
        reply: str | None,
        *args: str,
        prefix: str = "rcaptcha:",
        fate: str = "passed",
        late: float = 0.0,
        connection: int = 1,
        node: str | None = None,
    ) -> RedisCommand:
        """One command; ``late`` seconds until its reply. A fate that loses it leaves out what it says."""
        self._commands += 1
        key = f"{prefix}abstract:{challenge_id}" if challenge_id else None
        received = self.tick()
        never_sent = fate in ("request-dropped", "discarded", "error", "disconnected")
        answered = None if reply is None else self.tick(late + 0.0001)
        heard = reply is not None and fate not in ("reply-dropped", "blackholed", "undelivered")
        message = RedisCommand(
            seq=self._commands,
            pod=pod,
            connection=connection,
            command=command,
            args=((key,) if key else ()) + args,
            key=key,
            reply=reply,
            received=received,
            answered=answered,
            fate=fate,
            forwarded=None if never_sent else received,
            delivered=answered if heard else None,
            node=node,
        )
        self.events.append(message)
        return message

    # -- what the checker says

    def findings(self) -> tuple[Diagnosis, ...]:
        return diagnose(self.events)

    def causes(self) -> list[str]:
        return [finding.cause for finding in self.findings()]


@pytest.fixture
def trace() -> Trace:
    return Trace()
