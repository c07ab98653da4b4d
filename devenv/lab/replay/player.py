"""Plays a scenario's steps once on a running stack and writes down what was observed at each."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from devenv.core.errors import EnvironmentProblem
from devenv.core.vocabulary import Answer, Strategy
from devenv.lab.client import CaptchaClient, Challenge, CreateFailed, Verified
from devenv.lab.cross_pod import create_with_other_word
from devenv.lab.keys import DEFAULT_PREFIX, connected, key_info, read_document
from devenv.lab.replay.baseline import Baseline
from devenv.scenario import (
    Create,
    Get,
    Redis,
    RedisCommandStep,
    RedisServer,
    Restart,
    Scenario,
    Step,
    Together,
    Toggle,
    Verify,
    violations,
)
from devenv.scenario.model import Checks
from devenv.scenario.parse import KEY_REFERENCE


@dataclass(frozen=True, slots=True)
class Observed:
    """One step as it went. ``shown`` is what repeats of it have in common: no ids, no times."""

    number: int
    line: int
    title: str
    shown: Mapping[str, Any]
    told: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``violations`` only where there are any."""
        found = {"step": self.number, "do": self.title, **self.shown}
        return {**found, "violations": list(self.told)} if self.told else found


@dataclass(slots=True)
class Player:
    """Plays one scenario with one store, as often as asked; ``baseline`` has set up the stack."""

    scenario: Scenario
    strategy: Strategy
    baseline: Baseline
    client: CaptchaClient
    runner: asyncio.Runner
    clock: Callable[[], float] = time.time
    _challenges: dict[str, Challenge] = field(default_factory=dict)

    def play(self) -> list[Observed]:
        """All steps in order. A challenge that could not be created ends the play, with a violation."""
        self._challenges = {}
        observed = []
        for number, step in enumerate(self.scenario.steps, start=1):
            checks = expected_of(step, self.strategy)
            facts, shown = self._perform(step)
            told = tuple(violations(checks, facts))
            observed.append(Observed(number, step.line, title(step), self._anonymous(shown), told))
            if isinstance(step, Create) and step.session not in self._challenges and told:
                break
        return observed

    def _perform(self, step: Step) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Do one step; gives the facts to check and those to show."""
        match step:
            case Create():
                facts = self._create(step)
                return facts, facts
            case Verify():
                return self._verify(step)
            case Together():
                return self._together(step)
            case Redis():
                return self._look(step)
            case Get():
                return self._get(step)
            case Restart(pods=pods):
                self._note(pods, "restart")
                self.baseline.restart(pods, {})
            case Toggle(pods=pods, use_redis=on):
                flag = "true" if on else "false"
                self._note(pods, f"restart with USE_REDIS={flag}")
                self.baseline.restart(pods, {"USE_REDIS": flag})
            case RedisServer(action=action):
                self._note(("redis",), action)
                self.baseline.redis(action)
            case RedisCommandStep():
                return {}, {"reply": self._command(step)}
        return {}, {}

    def _create(self, step: Create) -> Mapping[str, Any]:
        kind = self.scenario.sessions[step.session]
        try:
            if step.word_differs_from is not None:
                than = self._challenges[step.word_differs_from]
                challenge = self.runner.run(create_with_other_word(self.client, step.pod, than))
            else:
                challenge = self.runner.run(self.client.create(kind, step.pod))
        except CreateFailed as refused:
            self._challenges.pop(step.session, None)
            return {"status": refused.status}
        self._challenges[step.session] = challenge
        return {"status": 200}

    def _verify(self, step: Verify) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        result = self.runner.run(self._send([step]))[0]
        facts = _facts(result)
        return facts, {**facts, **_served(step, result)}

    def _together(self, step: Together) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        results = self.runner.run(self._send(step.verifies))
        outcomes = Counter(str(result.outcome) for result in results)
        messages = Counter(result.message for result in results if result.message is not None)
        # Which of two equal requests came first is not ours to say, so their order is no part of the outcome.
        each = sorted(json.dumps(self._anonymous(_facts(r)), sort_keys=True) for r in results)
        shown = {"outcomes": dict(sorted(outcomes.items())), "requests": [json.loads(text) for text in each]}
        return {"outcomes": outcomes, "messages": messages}, shown

    async def _send(self, steps: tuple[Verify, ...] | list[Verify]) -> list[Verified]:
        """All at once; the answers are known before the first is sent, so that the requests overlap."""
        ready = []
        for step in steps:
            challenge = self._challenge(step.session)
            answer = step.answer if isinstance(step.answer, Answer) else list(step.answer)
            ready.append((step, challenge, await self.client.answer(challenge, answer)))
        return await asyncio.gather(
            *(
                self.client.verify(challenge, submission, step.pod, answer=_spoken(step), process=index)
                for index, (step, challenge, submission) in enumerate(ready)
            )
        )

    def _look(self, step: Redis) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        key, prefix, db = self._key(step.session)
        with connected(self.baseline.endpoints, db) as connection:
            info = key_info(connection, key, prefix)
            document = read_document(connection, key) if info is not None else None
        if info is None:
            return {"exists": False, "type": None, "ttl": None, "fields": None, "has": None}, {
                "exists": False
            }
        facts = {"exists": True, "type": info.type, "ttl": info.ttl, "fields": document, "has": document}
        shown = {
            "exists": True,
            "type": info.type,
            "has_ttl": info.ttl is not None,
            "fields": list(info.fields),
        }
        return facts, {**shown, "attempts": info.attempts}

    def _get(self, step: Get) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        status, text, _ = self.runner.run(self.client.get(step.path, step.pod))
        return {"status": status, "contains": text}, {"status": status}

    def _command(self, step: RedisCommandStep) -> str:
        """Send it to the database of the session it names (else 0); gives the kind of its reply."""
        db = 0
        words = []
        for word in step.words:
            for name in KEY_REFERENCE.findall(word):
                key, _, db = self._key(name)
                word = word.replace(f"{{key:{name}}}", key)
            words.append(word)
        self._note(("redis",), " ".join(words))
        with connected(self.baseline.endpoints, db) as connection:
            send: Callable[..., Any] = connection.execute_command
            try:
                reply = send(*words)
            except redis.ResponseError as error:
                raise EnvironmentProblem(
                    f"{self.scenario.name}:{step.line}: Redis refused {words[0]}: {error}"
                ) from error
        self.baseline.stack.note("redis", action="command", command=" ".join(words))
        return type(reply).__name__

    def _challenge(self, session: str) -> Challenge:
        challenge = self._challenges.get(session)
        if challenge is None:
            raise EnvironmentProblem(f"session {session!r} of {self.scenario.id} could not be created")
        return challenge

    def _key(self, session: str) -> tuple[str, str, int]:
        """A session's Redis key, prefix and database, as the pod that created it is set up."""
        challenge = self._challenge(session)
        settings = self.baseline.settings(challenge.served_by) if challenge.served_by else {}
        prefix = settings.get("REDIS_PREFIX", DEFAULT_PREFIX)
        return f"{prefix}{challenge.session or ''}", prefix, int(settings.get("REDIS_DB") or 0)

    def _note(self, where: tuple[str, ...], label: str) -> None:
        for name in where:
            self.client.recording.note(self.clock(), name, label)

    def _anonymous(self, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        """Challenge ids, which every repeat has others of, become the session's name."""
        text = json.dumps(shown, ensure_ascii=False)
        for name, challenge in self._challenges.items():
            if challenge.id:
                text = text.replace(challenge.id, f"<{name}>")
        anonymous: dict[str, Any] = json.loads(text)
        return anonymous


def expected_of(step: Step, strategy: Strategy) -> Checks:
    """What the step should show; a create is expected to work unless the file says otherwise."""
    checks: Checks = getattr(step, "expect", {}).get(strategy, {})
    return {"status": 200, **checks} if isinstance(step, Create) else checks


def title(step: Step) -> str:
    """One step in words: "verify alice on captcha-api-b: right"."""
    match step:
        case Create(session=session, pod=pod, word_differs_from=other):
            return f"create {session}{_on(pod)}" + (f", another word than {other}'s" if other else "")
        case Verify(session=session, pod=pod):
            return f"verify {session}{_on(pod)}: {_spoken(step)}"
        case Together(verifies=verifies):
            return "together: " + "; ".join(title(part) for part in verifies)
        case Restart(pods=pods):
            return f"restart {', '.join(pods)}"
        case Toggle(pods=pods, use_redis=on):
            return f"restart {', '.join(pods)} with USE_REDIS={'true' if on else 'false'}"
        case Redis(session=session):
            return f"look at the Redis key of {session}"
        case RedisCommandStep(words=words):
            return f"Redis command {' '.join(words)}"
        case RedisServer(action=action):
            return f"{action} Redis"
        case Get(path=path, pod=pod):
            return f"GET {path}{_on(pod)}"


def _on(pod: str | None) -> str:
    return f" on {pod}" if pod else ""


def _spoken(step: Verify) -> str:
    return str(step.answer) if isinstance(step.answer, Answer) else str(list(step.answer))


def _facts(result: Verified) -> dict[str, Any]:
    return {
        "outcome": str(result.outcome),
        "success": result.body.get("success"),
        "message": result.message,
        "attempts": result.attempts,
        "downshift": result.downshift,
        "status": result.status,
    }


def _served(step: Verify, result: Verified) -> dict[str, Any]:
    """The pod, where the scenario chose it: where the policy chose, repeats need not agree."""
    return {"pod": result.served_by} if step.pod is not None else {}
