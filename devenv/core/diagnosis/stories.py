"""Joins a trace, the proxy's exchanges and the gate's Redis commands, into one story per challenge."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from devenv.core.diagnosis.attribution import Challenges, Span, attribute, grouped
from devenv.core.diagnosis.error_texts import says_nothing
from devenv.core.diagnosis.steps import Step, is_error, steps_of
from devenv.core.model.bodies import answered_fields, sent_fields
from devenv.core.model.events import Exchange, ExchangeOutcome, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.ids import ChallengeId
from devenv.core.model.presets import CAPTCHA, profile_from_text
from devenv.core.model.service import ServiceProfile, opens
from devenv.core.model.vocabulary import Outcome

CallKind = Literal["create", "verify", "end"]

GRADED = (Outcome.SUCCESS, Outcome.WRONG)
SLOW_S = 1.0
"""A request that waits this long hangs, as far as its user can tell: seconds."""


_SHOWN = 60
"""Characters of an answer that are shown."""
_CLEAR = (422, 429)
"""Refusals of the request itself, which say nothing of a session."""


@dataclass(frozen=True, slots=True)
class Call:
    """A create or verify with the Redis commands that its pod sent for it, in the order of their effect."""

    exchange: Exchange
    kind: CallKind
    captcha: str
    challenge: ChallengeId | None
    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    """With the contract's field names."""
    steps: tuple[Step, ...]
    outcome: Outcome
    """How a verify ended; of a create it has no meaning."""
    words: tuple[str, str] = CAPTCHA.words
    """What this service calls create and verify."""
    stream: bool = False
    """It is no verify, but uses the session in another way: its answer may be a stream that stays open."""

    @property
    def pod(self) -> str:
        """The pod that served it; empty where none was reached."""
        return self.exchange.pod or ""

    @property
    def started(self) -> float:
        """Seconds since the epoch."""
        return self.exchange.started

    @property
    def ended(self) -> float:
        """Seconds since the epoch."""
        return self.exchange.started + self.exchange.duration_ms / 1000

    @property
    def word(self) -> str:
        """create or verify, in the service's own words, or end."""
        return {"create": self.words[0], "verify": self.words[1], "end": "end"}[self.kind]

    @property
    def answered(self) -> bool:
        """Whether it was answered as its service answers: a session was opened; a use got its outcome."""
        status = self.exchange.status
        if self.kind == "create":
            return opens(status, self.challenge)
        return status == 200 or self.outcome is not Outcome.ERROR

    @property
    def under_way(self) -> bool:
        """The pod has not answered yet."""
        return self.exchange.outcome == ExchangeOutcome.OPEN

    @property
    def given_up(self) -> bool:
        """Its user had gone before the answer was there."""
        return (
            self.exchange.client_closed is not None or self.exchange.outcome == ExchangeOutcome.CLIENT_CLOSED
        )

    @property
    def waited_s(self) -> float:
        """Seconds for which its user waited: to the answer, until giving up, or until now."""
        until = self.ended if self.exchange.client_closed is None else self.exchange.client_closed
        return max(0.0, until - self.started)

    @property
    def streams(self) -> bool:
        """Its answer has begun and is a stream, which may stay open for as long as its user wants."""
        return self.stream and 200 <= self.exchange.status < 300

    @property
    def unheard(self) -> bool:
        """Whether the user got no answer of the pod: the proxy answered in its place, or the user waited in
        vain."""
        hung = (self.under_way or self.given_up) and self.waited_s >= SLOW_S and not self.streams
        refused = self.exchange.outcome == ExchangeOutcome.REFUSED
        instead = self.exchange.error is not None and not (self.given_up or self.under_way or refused)
        return hung or instead

    @property
    def ending(self) -> str:
        """What an ``unheard`` call came to, as the end of a sentence about its user."""
        if self.given_up:
            return f"its user gave up after {self.waited_s:.1f} s"
        if self.under_way:
            return f"its user has been waiting for {self.waited_s:.1f} s"
        status, waited = self.exchange.status, f"{self.waited_s:.1f} s"
        return f"after {waited} the proxy answered HTTP {status} in its place"

    @property
    def attempts(self) -> int | None:
        """The count of attempts that the answer carries."""
        count = self.answer.get("attempts")
        return count if isinstance(count, int) and not isinstance(count, bool) else None

    @property
    def crashed(self) -> bool:
        """The pod answered 500 or the like without saying what is wrong; 503 says "try again"."""
        if self.exchange.status < 500 or self.exchange.status == 503 or self.exchange.error is not None:
            return False
        reason = self.answer.get("detail") or self.answer.get("message")
        return not isinstance(reason, str) or says_nothing(reason)

    @property
    def unread(self) -> bool:
        """Whether a pod gave an answer that the profile does not know, and that is no error of HTTP's.

        A use without an outcome, or a 2xx without the id of the session that was to be opened.
        """
        status = self.exchange.status
        if self.stream or self.under_way or self.exchange.error is not None:
            return False
        if self.kind == "create":
            return 200 <= status < 300 and not self.challenge
        known = self.kind != "verify" or self.outcome is not Outcome.ERROR or status in _CLEAR
        return not known and 200 <= status < 500

    @property
    def answer_in_words(self) -> str:
        """Status and the beginning of the body, in one line."""
        text = " ".join((self.exchange.response_body or "").split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        return f"{self.exchange.status} {shown}".strip()

    @property
    def session_steps(self) -> tuple[Step, ...]:
        """Those of its commands that are about the session: by their key, or all where no key has its id."""
        named = tuple(step for step in self.steps if self.challenge and self.challenge in step.key)
        return named or self.steps

    @property
    def wrote(self) -> Step | None:
        """Its first successful write of the session."""
        return next((step for step in self.session_steps if step.is_write and not step.failed), None)

    @property
    def read(self) -> Step | None:
        """Its first command that looked at the session; one that failed only where none did not."""
        looks = [step for step in self.session_steps if step.looked or step.is_write]
        return next((step for step in looks if not step.failed), looks[0] if looks else None)

    def overlaps(self, other: Call) -> bool:
        """Whether both were under way at some moment."""
        return self.started < other.ended and other.started < self.ended

    def __str__(self) -> str:
        ending: object = self.answer.get("message")
        if self.unheard:
            ending = self.ending
        elif not ending:
            ending = str(self.outcome) if self.answered else f"HTTP {self.exchange.status}"
        shown = "" if self.kind == "create" and self.answered else f" → {ending}"
        number = f"#{self.exchange.seq}" if self.exchange.seq > 0 else "under way"
        return f"exchange {number} {self.pod or 'no pod'}: {self.word} {self.captcha}{shown}"


@dataclass(frozen=True, slots=True)
class Story:
    """All that happened to one challenge."""

    challenge: ChallengeId
    create: Call | None
    """None where the trace begins later."""
    verifies: tuple[Call, ...]
    steps: tuple[Step, ...]
    calls: Mapping[int, Call]
    """By the number of each command the call that sent it."""
    ends: tuple[Call, ...] = ()
    """The requests by which the client ended it, where their answers confirm that."""
    vain_ends: tuple[Call, ...] = ()
    """Requests to end it whose answer was that there is no such session."""

    def owner(self, step: Step) -> Call | None:
        """The call that sent this step's command."""
        return self.calls.get(step.command.seq)


@dataclass(frozen=True, slots=True)
class Joined:
    """A whole trace: stories in the order of their first request, and what was done to the stack."""

    stories: tuple[Story, ...]
    calls: tuple[Call, ...]
    steps: tuple[Step, ...]
    keyless: tuple[RedisCommand, ...]
    """The commands without a key (PING, AUTH, CLUSTER, …), in their order."""
    stack: tuple[StackEvent, ...]
    _spoken: Mapping[str, Sequence[float]]
    _pods: Mapping[str, Sequence[StackEvent]]
    profile: ServiceProfile = CAPTCHA
    others: tuple[tuple[Exchange, ChallengeId], ...] = ()
    """The requests that are none of the profile's and name one of its sessions, each with that session."""
    unread: tuple[Exchange, ...] = ()
    """All requests that are none of the profile's; of a profile without kinds every one."""

    @property
    def user_provided(self) -> bool:
        """Whether the pods were a user-provided service, which has a store of its own."""
        return any(event.what == "service" for event in self.stack)

    def settings(self, pod: str, when: float) -> Mapping[str, str]:
        """What ``pod`` ran with at ``when``; empty where the trace does not have it."""
        known = self._pods.get(pod, ())
        index = bisect_right(known, when, key=lambda event: event.time)
        return known[index - 1].detail if index else {}

    def flag(self, call: Call) -> bool | None:
        """USE_REDIS of the pod of ``call`` at its time; None where the trace does not tell.

        Of a service that has no such switch: whether any pod uses Redis at all.
        """
        if not self.profile.switchable:
            return bool(self.steps)
        word = self.settings(call.pod, call.started).get("USE_REDIS")
        return None if word is None else word.lower() == "true"

    def restarted(self, pod: str, after: float, before: float) -> StackEvent | None:
        """The restart of ``pod`` between two times, if there was one."""
        return next(
            (e for e in self.stack if e.what == "restart" and e.pod == pod and after <= e.time <= before),
            None,
        )

    def connected(self, pod: str, when: float) -> bool:
        """Whether the present process of ``pod`` has had a reply from Redis before ``when``.

        An error on connecting (to PING, AUTH, HELLO) is none.
        """
        spoken = self._spoken.get(pod, ())
        return bisect_left(spoken, when) > bisect_left(spoken, self.process_began(pod, when))

    def heard_of(self, pod: str, when: float) -> bool:
        """Whether the gate has had a command from the present process of ``pod`` before ``when``."""
        sent = (*self.keyless, *(step.command for step in self.steps))
        began = self.process_began(pod, when)
        return any(one.pod == pod and began <= one.received <= when for one in sent)

    def process_began(self, pod: str, when: float) -> float:
        """When the process of ``pod`` at ``when`` was started: its last restart, else minus infinity."""
        restarts = [e.time for e in self.stack if e.what == "restart" and e.pod == pod and e.time <= when]
        return restarts[-1] if restarts else float("-inf")

    def spoke(self, pod: str, when: float) -> bool:
        """Whether the process of ``pod`` at ``when`` has had a reply from Redis, before or after that."""
        ends = [e.time for e in self.stack if e.what == "restart" and e.pod == pod and e.time > when]
        spoken, began = self._spoken.get(pod, ()), self.process_began(pod, when)
        return bisect_left(spoken, ends[0] if ends else float("inf")) > bisect_left(spoken, began)

    def redis_state(self, when: float) -> str:
        """running, paused or stopped at ``when``, as far as the trace tells."""
        states = {"pause": "paused", "resume": "running", "stop": "stopped", "start": "running"}
        done = [e.detail.get("action", "") for e in self.redis_events(float("-inf"), when)]
        known = [states[action] for action in done if action in states]
        return known[-1] if known else "running"

    def redis_events(self, after: float, before: float) -> list[StackEvent]:
        """What was done to Redis past the pods between two times."""
        return [e for e in self.stack if e.what == "redis" and after <= e.time <= before]


def join(trace: Iterable[TraceEvent]) -> Joined:
    """Join a trace's events, in any order, into stories."""
    events = list(trace)
    exchanges = sorted((e for e in events if isinstance(e, Exchange)), key=lambda e: (e.started, e.seq))
    commands = sorted((e for e in events if isinstance(e, RedisCommand)), key=lambda e: e.seq)
    stack = tuple(sorted((e for e in events if isinstance(e, StackEvent)), key=lambda e: e.time))
    profile = _profile(stack)
    calls_of = [(exchange, _call(exchange, profile)) for exchange in exchanges]
    bare = [call for _, call in calls_of if call is not None]
    steps = steps_of(commands)
    challenges = Challenges(call.challenge for call in bare if call.challenge)
    unread = [exchange for exchange, call in calls_of if call is None]
    spans = [
        Span(number, item.pod, item.challenge, item.started, item.ended) for number, item in enumerate(bare)
    ]
    owners = attribute([step.command for step in steps], spans, challenges)
    of_call: dict[int, list[Step]] = {}
    for step in steps:
        if step.command.seq in owners:
            of_call.setdefault(owners[step.command.seq], []).append(step)
    calls = [_with_steps(call, of_call.get(number, ())) for number, call in enumerate(bare)]
    owned = {seq: calls[number] for seq, number in owners.items()}
    answered = [
        (item.pod, item.delivered)
        for item in commands
        if item.delivered is not None and (item.key is not None or not is_error(item.reply or ""))
    ]
    answered += [(item.pod, item.time) for item in stack if item.what == "connected" and item.pod]
    return Joined(
        _stories(calls, steps, challenges, owned),
        tuple(calls),
        tuple(steps),
        tuple(command for command in commands if command.key is None),
        stack,
        {pod: sorted(times) for pod, times in grouped(answered).items()},
        grouped((e.pod, e) for e in stack if e.what == "pod" and e.pod is not None),
        profile,
        tuple((item, session) for item in unread if (session := _named(item, challenges)) is not None),
        tuple(unread),
    )


def _named(exchange: Exchange, challenges: Challenges) -> ChallengeId | None:
    """The known session that a request names: in its cookie or header, its path or its body."""
    places = (exchange.session, exchange.path, exchange.request_body)
    return next((session for place in places if place and (session := challenges.of(place))), None)


def _stories(
    calls: Sequence[Call], steps: Sequence[Step], challenges: Challenges, owned: Mapping[int, Call]
) -> tuple[Story, ...]:
    calls_of = grouped((call.challenge, call) for call in calls if call.challenge)
    steps_by = grouped((name, step) for step in steps if (name := challenges.of(step.key)) is not None)
    return tuple(
        Story(
            challenge,
            next((call for call in mine if call.kind == "create"), None),
            tuple(call for call in mine if call.kind == "verify"),
            tuple(steps_by.get(challenge, ())),
            owned,
            tuple(call for call in mine if call.kind == "end" and 200 <= call.exchange.status < 300),
            tuple(call for call in mine if call.kind == "end" and call.outcome is Outcome.NOT_FOUND),
        )
        for challenge, mine in calls_of.items()
    )


def _profile(stack: Sequence[StackEvent]) -> ServiceProfile:
    """How the service of this trace is understood: as it says itself, else as the contract does."""
    profiles = [event.detail.get("profile", "") for event in stack if event.what == "service"]
    return profile_from_text(profiles[-1]) if profiles else CAPTCHA


def _call(exchange: Exchange, profile: ServiceProfile) -> Call | None:
    request, answer = sent_fields(exchange.request_body), answered_fields(exchange.response_body)
    ids = exchange.session, exchange.new_session
    reading = profile.read(exchange.method, exchange.path, request, answer, *ids)
    if reading is None:
        return None
    outcome = profile.outcome(exchange.status, answer, exchange.response_body or "")
    use: CallKind = "verify" if reading.use == "also" else reading.use
    return Call(
        exchange, use, reading.kind, reading.session, request, reading.answer, (), outcome, profile.words,
        stream=reading.use == "also",
    )  # fmt: skip


def _with_steps(call: Call, steps: Iterable[Step]) -> Call:
    return replace(call, steps=tuple(steps))
