"""Plays a scenario's steps once on a running stack and writes down what was observed at each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from devenv.core.model.contract import REDIS_PREFIX
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import SessionKey
from devenv.core.model.schedule import Event, Schedule
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import Answer, Strategy, resolve_pod
from devenv.core.scenario import (
    Create,
    Gate,
    Get,
    KeyEvent,
    OrderNotMet,
    Pause,
    Redis,
    RedisCommandStep,
    RedisServer,
    Request,
    Restart,
    Scenario,
    Step,
    Together,
    Toggle,
    Verify,
    parse_order,
    violations,
)
from devenv.core.scenario.expect import CONNECTIONS, NOT_COUNTED, expected_of, needed_of, written_for
from devenv.core.scenario.ordering import Exactly
from devenv.core.scenario.parse import KEY_REFERENCE
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.cross_pod import create_with_other_word
from devenv.harness.client.exchanges import Challenge, CreateFailed, Verified
from devenv.harness.redis.keys import RedisRefused, connected, key_info, place_of, read_document
from devenv.verbs.replay.baseline import Baseline
from devenv.verbs.replay.by_hand import HandOver
from devenv.verbs.replay.concurrent import Ready, at_once, in_order, not_serial, observed
from devenv.verbs.replay.observed import (
    IDLE_RULE,
    NOT_SERIAL,
    ORDER_NOT_MET,
    Observed,
    rule_title,
    spoken,
    title,
    verify_facts,
    with_names,
)
from devenv.verbs.replay.scheduler import Followed
from devenv.verbs.replay.sending import NotCaptured, Sender, request_facts
from devenv.wire.control.async_client import AsyncControlClient

Facts = Mapping[str, Any]
_CREATES = 100
"""This many challenges are created at most to find one whose key is owned by the node that the step names."""

_NO_JSON = "a value that is no JSON object (pickle, msgpack, PHP)"
"""What is said of the fields of such a key."""


class _NotCreated(Exception):
    """A step is about a session that could not be created."""


@dataclass(slots=True)
class Player:
    """Plays one scenario with one store, as often as asked."""

    scenario: Scenario
    strategy: Strategy
    """Whose orders, gate rules and expectations are played."""
    baseline: Baseline
    """Has set up the stack."""
    client: CaptchaClient
    runner: asyncio.Runner
    control: AsyncControlClient
    schedules: Mapping[int, Schedule] = field(default_factory=dict)
    """By step number what runs instead of the order that the scenario gives."""
    clock: Callable[[], float] = time.time
    pace: float = 1.0
    """Pauses are this many times as long as the scenario says."""
    measured: bool = True
    """Whether what the scenario expects of the store is checked."""
    hand_over: HandOver | None = None
    """Where given, a person goes on after this many steps of the first order in ``schedules``."""
    _challenges: dict[str, Challenge] = field(default_factory=dict)
    _rules: dict[str, int] = field(default_factory=dict)
    _number: int = 0
    _sender: Sender = field(init=False)

    def play(self) -> list[Observed]:
        """All steps in order; the faults that they caused are over afterwards, however it ends.

        A challenge that could not be created, and an order that was not met, end the play.
        """
        self._challenges = {}
        self._rules = {}
        self.client.forget_cookies()
        self._sender = Sender(self.client, self._challenge_id)
        done: list[Observed] = []
        idle: list[tuple[int, str]] = []
        try:
            for number, step in enumerate(self.scenario.steps, start=1):
                self._number = number
                done.append(self._step(step))
                if isinstance(step, Gate) and step.rules is None:
                    idle += self._idle(self.baseline.gate.lift())
                if self._is_over(step, done[-1]):
                    break
            else:
                idle += self._idle(self.baseline.gate.lift())
        finally:
            self.baseline.mend()
        for number, rule in idle if self.scenario.note(self.strategy) is not None else ():
            one = done[number - 1]
            reason = f"the rule {rule} met no command: nothing was disturbed"
            before = f"{one.idle_rule}; " if one.idle_rule else ""
            done[number - 1] = replace(one, shown={**one.shown, IDLE_RULE: before + reason})
        return done

    def _step(self, step: Step) -> Observed:
        checks = written_for(step, self.strategy, self.scenario, measured=self.measured)
        needed = needed_of(step, self.strategy, self.scenario, measured=self.measured)
        started = self.clock()
        shown: Facts
        prevented: list[str] = []
        try:
            facts, shown = self._counted(step) if CONNECTIONS in checks else self._perform(step)
        except (_NotCreated, NotCaptured) as problem:
            shown = {"skipped": str(problem)}
            deviations = [f"it was not sent: {problem}"] if checks else []
        except OrderNotMet as problem:
            shown = {ORDER_NOT_MET: problem.message}
            deviations = []
        else:
            prevented, deviations = violations(needed, facts), violations(checks, facts)
            if NOT_SERIAL in shown and self.measured:
                deviations.append(shown[NOT_SERIAL])
        if self.measured:
            prevented, deviations = [], [*prevented, *deviations]
        seconds = self.clock() - started
        return Observed(
            self._number,
            step.line,
            title(step, answered=self.scenario.answered),
            self._anonymous(shown),
            tuple(deviations),
            seconds,
            tuple(prevented),
        )

    def _is_over(self, step: Step, observed_step: Observed) -> bool:
        missing = isinstance(step, Create) and step.session not in self._challenges
        wrong = bool(observed_step.deviations or observed_step.prevented)
        return (missing and wrong) or observed_step.order_not_met is not None

    def _idle(self, applied: Mapping[str, int]) -> list[tuple[int, str]]:
        """The rules that met no command, with the number of the step that put each in force."""
        return [(self._rules.pop(rule), rule) for rule, count in applied.items() if not count]

    def _counted(self, step: Step) -> tuple[Facts, Facts]:
        """``_perform``, with the connections to Redis that the step's pod opened among the facts."""
        pod: str | None = getattr(step, "pod", None)
        if self.baseline.status.spec.redis_mode is RedisMode.CLUSTER:
            facts, shown = self._perform(step)
            return {**facts, CONNECTIONS: NOT_COUNTED}, shown
        before = self.baseline.gate.connections(pod)
        facts, shown = self._perform(step)
        return {**facts, CONNECTIONS: self.baseline.gate.connections(pod) - before}, shown

    def _perform(self, step: Step) -> tuple[Facts, Facts]:
        """Do one step; gives the facts to check and those to show."""
        match step:
            case Create():
                return self._create(step)
            case Verify():
                return self._verify(step)
            case Together():
                return self._together(step)
            case Redis():
                return self._look(step)
            case Get():
                return self._get(step)
            case Request():
                return request_facts(step, self.runner.run(self._sender.send(step)))
            case Pause(seconds=seconds):
                self.runner.run(asyncio.sleep(seconds * self.pace))
            case Restart():
                return self._restart(step)
            case Toggle(pods=pods, use_redis=on):
                flag = "true" if on else "false"
                self._note(pods, f"restart with USE_REDIS={flag}")
                self.baseline.restart(pods, {"USE_REDIS": flag})
            case RedisServer(action=action):
                self._redis(action)
            case KeyEvent(event=event, session=session):
                self._happen(Event(event, session))
            case Gate():
                self._disturb(step)
            case RedisCommandStep():
                return {}, {"reply": self._command(step)}
        return {}, {}

    def _create(self, step: Create) -> tuple[Facts, Facts]:
        kind = self.scenario.sessions[step.session]
        started, status = self.clock(), None
        try:
            if step.word_differs_from is not None:
                than = self._challenge(step.word_differs_from)
                challenge = self.runner.run(create_with_other_word(self.client, step.pod, than))
            else:
                challenge = self.runner.run(self.client.create(kind, step.pod))
            self._challenges[step.session], status = challenge, 200
            self._create_on_node(step)
        except CreateFailed as refused:
            self._challenges.pop(step.session, None)
            status = refused.status
        return {"status": status, "seconds": self.clock() - started}, {"status": status}

    def _create_on_node(self, step: Create) -> None:
        """Create again until the node that the step names owns the key: about once for each master."""
        if step.node is None or not self.baseline.endpoints.redis_nodes:
            return
        for _ in range(_CREATES):
            owner = self.baseline.redis_settings.node_of(self._key(step.session)[0])
            if (owner == 0) == (step.node == "first"):
                return
            kind = self.scenario.sessions[step.session]
            self._challenges[step.session] = self.runner.run(self.client.create(kind, step.pod))
        raise EnvironmentProblem(f"no key of {_CREATES} was owned by the {step.node} node of the cluster")

    def _verify(self, step: Verify) -> tuple[Facts, Facts]:
        async def send() -> Facts:
            [ready] = await self._ready((step,))
            result = await ready.send()
            # The pod, where the scenario chose it: where the policy chose, repeats need not agree.
            served = {"pod": result.served_by} if step.pod is not None else {}
            return {**verify_facts(result), **served}

        facts = self.runner.run(send())
        return facts, {name: value for name, value in facts.items() if name != "seconds"}

    def _together(self, step: Together) -> tuple[Facts, Facts]:
        exactly = self.schedules.get(self._number)
        lines = step.order.get(self.strategy)
        if exactly is None and lines is None:
            return self._asked(step, self.runner.run(self._all_at_once(step)), None)
        order = Exactly(exactly) if exactly is not None else parse_order(lines or ())

        async def follow() -> Followed[Verified]:
            ready = await self._ready(step.verifies)
            keys = self._session_keys(step)
            hand = self.hand_over if exactly is not None else None
            return await in_order(step, ready, order, self.control, self._happen, keys, hand)

        followed = self.runner.run(follow())
        return self._asked(step, list(followed.results.values()), followed.schedule)

    def _asked(
        self, step: Together, results: Sequence[Verified], schedule: Schedule | None
    ) -> tuple[Facts, Facts]:
        """What was seen of a step's requests, after its ``ask`` was sent, if it has one."""
        facts, shown = observed(step, results, schedule)
        if step.ask is None:
            return facts, shown
        ask = self.runner.run(self._sender.send(step.ask))
        shown = {**shown, "ask": {"status": ask.status}}
        wrong = not_serial(step, results, ask) if step.sequences else None
        return facts, shown if wrong is None else {**shown, NOT_SERIAL: wrong}

    def _session_keys(self, step: Together) -> tuple[str, ...]:
        """The Redis keys that hold the sessions of these requests."""
        sessions = (part.session for part in step.verifies if isinstance(part, Verify))
        return tuple(self._key(session)[0] for session in dict.fromkeys(sessions))

    async def _all_at_once(self, step: Together) -> list[Verified]:
        return await at_once(await self._ready(step.verifies))

    async def _ready(self, steps: Sequence[Verify | Request]) -> list[Ready]:
        """The answers are known before the first is sent, so that the requests overlap."""
        ready = []
        for index, step in enumerate(steps):
            if isinstance(step, Request):
                ready.append(Ready(step, partial(self._sender.send, step, index), ""))
                continue
            challenge = self._challenge(step.session)
            answer = step.answer if isinstance(step.answer, Answer) else list(step.answer)
            submission = await self.client.answers.to(challenge, answer)
            send = partial(
                self.client.verify, challenge, submission, step.pod, answer=spoken(step), process=index
            )
            ready.append(Ready(step, send, challenge.id or ""))
        return ready

    def _restart(self, step: Restart) -> tuple[Facts, Facts]:
        self._note(step.pods, title(step))
        try:
            self.baseline.restart(step.pods, step.env)
        except EnvironmentProblem as problem:
            if expected_of(step, self.strategy, self.scenario, measured=self.measured).get("starts", True):
                raise
            return {"starts": False, "says": problem.message}, {"starts": False}
        return {"starts": True, "says": ""}, {"starts": True}

    def _redis(self, action: str) -> None:
        self._note(("redis",), action)
        if action == "flush":
            self.baseline.stack.note("redis", action="command", command="FLUSHALL")
            with self.client.recording.event("flush", self.clock):
                self.baseline.redis(action)
            return
        self.baseline.redis(action)

    def _happen(self, event: Event) -> None:
        """An event of a schedule, or as a step."""
        if event.event == "flush":
            self._redis("flush")
        elif event.event == "restart":
            pod = resolve_pod(event.target, self.baseline.pods) or event.target
            self._note((pod,), "restart")
            self.baseline.restart((pod,), {})
        else:
            key, _, db = self._key(event.target)
            self._note(("redis",), f"{event.event} {event.target}")
            self.baseline.stack.note("redis", action=event.event, key=key)
            session = self._challenge(event.target).session
            with self.client.recording.event(event.event, self.clock, session) as value:
                value["happened"] = self.baseline.redis_settings.happen(event.event, key, db)

    def _disturb(self, step: Gate) -> None:
        rules = (step.rules or {}).get(self.strategy, ())
        for rule in rules:
            self._note(("gate",), rule_title(rule))
            filled = {**rule, "key": self._with_keys(rule["key"])} if "key" in rule else rule
            [rule_id] = self.baseline.gate.put([filled])
            self.baseline.stack.note("rule", None, id=rule_id)
            self._rules[rule_id] = self._number

    def _look(self, step: Redis) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        key, prefix, db = self._key(step.session)
        with connected(self.baseline.endpoints, db) as connection:
            with self.client.recording.event("keys", self.clock) as seen:
                info = key_info(connection, key, prefix)
                left = None if info is None else -1 if info.ttl is None else round(info.ttl * 1000)
                seen["keys"] = {} if left is None else {key: left}
            document = read_document(connection, key) if info is not None else None
        if info is None:
            return {"exists": False, "type": None, "ttl": None, "fields": None, "has": None}, {
                "exists": False
            }
        fields = _NO_JSON if document is None else document
        facts = {"exists": True, "type": info.type, "ttl": info.ttl, "fields": fields, "has": document}
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
        named = [name for word in step.words for name in KEY_REFERENCE.findall(word)]
        db = self._key(named[-1])[2] if named else 0
        words = [self._with_keys(word) for word in step.words]
        self._note(("redis",), " ".join(words))
        self.baseline.stack.note("redis", action="command", command=" ".join(words))
        try:
            reply = self.baseline.redis_settings.send(words, db)
        except RedisRefused as error:
            raise EnvironmentProblem(
                f"{self.scenario.name}:{step.line}: Redis refused {words[0]}: {error.reason}"
            ) from error
        return type(reply).__name__

    def _with_keys(self, word: str) -> str:
        """A word with the session's Redis key for each ``{key:NAME}``."""
        for name in KEY_REFERENCE.findall(word):
            word = word.replace(f"{{key:{name}}}", self._key(name)[0])
        return word

    def _challenge(self, session: str) -> Challenge:
        challenge = self._challenges.get(session)
        if challenge is None:
            raise _NotCreated(f"{session} could not be created")
        return challenge

    def _challenge_id(self, session: str) -> str | int:
        challenge = self._challenge(session)
        known = self.client.profile.id_to_send(challenge.id, challenge.raw)
        return "" if known is None else known

    def _key(self, session: str) -> tuple[SessionKey, str, int]:
        """A session's Redis key, prefix and database, as the pod that created it is set up.

        A user-provided service chooses the names of its keys: there the key that has the session's id.
        """
        challenge = self._challenge(session)
        settings = self.baseline.settings(challenge.served_by) if challenge.served_by else {}
        prefix, db = settings.get("REDIS_PREFIX", REDIS_PREFIX), int(settings.get("REDIS_DB") or 0)
        if self.baseline.status.spec.service is not None and challenge.id:
            keys, found_db = place_of(self.baseline.endpoints, challenge.id, db)
            if keys:  # the first is the shortest
                return keys[0], prefix, found_db
        return SessionKey(f"{prefix}{challenge.session or ''}"), prefix, db

    def _note(self, where: tuple[str, ...], label: str) -> None:
        for name in where:
            self.client.recording.note(self.clock(), name, label)

    def _anonymous(self, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        """Challenge ids and captured values, which every repeat has others of, become their names."""
        names = {str(one.id): name for name, one in self._challenges.items() if one.id}
        names |= {str(value): name for name, value in self._sender.captured.items() if value != ""}
        return {key: with_names(value, names) for key, value in shown.items()}
