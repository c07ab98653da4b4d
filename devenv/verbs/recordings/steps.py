"""The steps of a scenario from the events of a recording: pods, pauses, overlap, what is expected."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from devenv.core.model.contract import CAPTCHA_TTL_SECONDS
from devenv.core.model.service import ServiceProfile
from devenv.core.model.vocabulary import MAX_PODS, Answer, Outcome, pod_names
from devenv.core.scenario.pod_rotation import Turns
from devenv.verbs.recordings.captures import Captures
from devenv.verbs.recordings.formats.bodies import is_json, json_value
from devenv.verbs.recordings.formats.recorded import Recorded, encoded_target, numbered
from devenv.verbs.recordings.redaction import Redactor
from devenv.verbs.recordings.sessions import Event

SHORTEST_WAIT = 0.05
"""Seconds. What is shorter is the network, not a person."""
_MOST_ANSWERS = 1 << 60
LONGEST_WAIT = 86400.0
"""Seconds that a scenario can wait in one step."""
_POD_PLACES = {name: place for place, name in enumerate(pod_names(MAX_PODS))}
_NAMES_SESSION = re.compile(
    r"path\Z|query |(?:field|header) .*?(?:sid|session|token|auth)", re.IGNORECASE | re.DOTALL
)
"""Where a value that is taken out may have said whose request it is."""


@dataclass(slots=True)
class PodsNamed:
    """Which pods the answers of a recording name."""

    highest: int = -1
    """The place of the last of our pods that one names."""
    all: bool = True
    """Whether every one names one of our pods."""

    def add(self, pod: str | None) -> None:
        """The pod of one request."""
        place = _POD_PLACES.get(pod or "")
        if place is None:
            self.all = False
        elif place > self.highest:
            self.highest = place


@dataclass(slots=True)
class PodChoice:
    """Which pod a request goes to: letters, or None for the policy's choice."""

    count: int
    routed: bool
    recorded: bool
    _turns: Turns

    @classmethod
    def of(cls, named: PodsNamed, pods: int | None, routed: bool) -> PodChoice:
        """As recorded, where ``pods`` is None and every answer names its pod; else over this many in turn."""
        if pods is None and not routed and named.all and named.highest >= 0:
            count = max(2, 1 + named.highest)
            return cls(count, False, True, Turns(count))
        count = pods or 2
        return cls(count, routed, False, Turns(count))

    def next(self, event: Event) -> str | None:
        """The pod of the next request."""
        if self.routed:
            return None
        if self.recorded:
            pod = event.request.pod if event.request is not None else None
            return pod[-1].upper() if pod is not None else "A"
        return self._turns.next(event.number if event.number >= 0 else None)


@dataclass(slots=True)
class _Lives:
    """What is left of each session, as far as is certain, by its number."""

    born: array[float] = field(default_factory=lambda: array("d"))
    """When it was created; not a number where that is not known."""
    left: array[int] = field(default_factory=lambda: array("q"))
    """Graded answers."""
    over: bytearray = field(default_factory=bytearray)
    """Whether a right answer has ended it."""

    def add(self, session: int, born: float | None, left: int) -> None:
        """A session is created; it is the next by number."""
        assert session == len(self.over)
        self.born.append(nan if born is None else born)
        self.left.append(min(left, _MOST_ANSWERS))
        self.over.append(False)


class StepMaker:
    """Makes the steps. ``waits``: keep pauses. ``unit``: what the requests' numbers count."""

    def __init__(
        self,
        profile: ServiceProfile,
        captures: Captures,
        redactor: Redactor,
        pods: PodChoice,
        waits: bool,
        unit: str,
    ) -> None:
        self.redactor = redactor
        self.overlaps = self.waits = False
        self.events = self.recorded = self.uses = 0
        """How many events became steps; of them those that the recording holds, and uses of a session."""
        self._pods = pods
        self._profile = profile
        self._keep_waits = waits
        self._unit = unit
        self._captures = captures
        self._lives = _Lives()
        self._waited = self._longest = 0.0
        self._parts: dict[int, int] = {}
        """By session how many of its requests were parts of a step so far."""
        self._of_no_session: list[int] = []
        self._answers: dict[tuple[str, Outcome | None], Answer] = {}

    def steps(self, events: Iterable[Event]) -> Iterator[dict[str, Any]]:
        """All steps, what overlapped together."""
        end: float | None = None
        for group in _groups(enumerate(events)):
            request = group[0][1].request
            started = request.started if request is not None else None
            if started is not None and end is not None and started - end >= SHORTEST_WAIT:
                yield from self._wait(started - end)
            for _, event in group:
                ended = event.request.ended if event.request is not None else None
                if ended is not None and (end is None or ended > end):
                    end = ended
            yield self._alone(*group[0]) if len(group) == 1 else self._together(group)

    def notes(self) -> list[str]:
        """How long the pauses are, and which requests are about no session."""
        notes = [f"pauses of {self._waited:.1f} s in all, as recorded"] if self._waited else []
        if self._longest > LONGEST_WAIT:
            days = self._longest / LONGEST_WAIT
            notes.append(f"pauses of more than a day are replayed as a day; the longest was {days:.1f} days")
        if self._of_no_session:
            notes.append(
                "requests about no session of the replay, as no recorded answer gave a value that they "
                f"send and that is redacted: {numbered(self._unit, self._of_no_session)}"
            )
        return notes

    def _wait(self, seconds: float) -> list[dict[str, Any]]:
        if not self._keep_waits:
            return []
        self.waits = True
        self._waited += seconds
        self._longest = max(self._longest, seconds)
        return [{"pause": round(min(seconds, LONGEST_WAIT), 2)}]

    def _alone(self, number: int, event: Event) -> dict[str, Any]:
        step = self._request(number, event)
        if event.use != "create" and (checks := self._expected([(number, event)]).get(0)):
            step["expect"] = checks
        return step

    def _together(self, group: Sequence[tuple[int, Event]]) -> dict[str, Any]:
        self.overlaps = True
        parts, checks = {}, {}
        expected = self._expected(group)
        for index, (number, event) in enumerate(group):
            count = self._parts[event.number] = self._parts.get(event.number, 0) + 1
            name = f"{event.session or 'request'}-{count}"
            parts[name] = self._request(number, event)
            if index in expected:
                checks[name] = expected[index]
        return {"together": parts, **({"expect": {"requests": checks}} if checks else {})}

    def _request(self, number: int, event: Event) -> dict[str, Any]:
        self.events += 1
        self.recorded += event.request is not None
        self.uses += event.use == "verify"
        pod = self._pods.next(event)
        pinned = {"pod": pod} if pod is not None else {}
        if event.use == "create":
            born = event.request.started if event.request is not None else None
            limit = self._profile.limit
            self._lives.add(event.number, born, 1 if limit is None else limit)
            return {"create": event.session, **pinned}
        if event.use == "verify":
            return {"verify": event.session, **pinned, "answer": str(self._answer(event))}
        assert event.request is not None
        with self.redactor.counted_apart() as removed:
            step = {**self._content(event.request, number, self.redactor), **pinned}
        self.redactor.removed.update(removed)
        if any(map(_NAMES_SESSION.match, removed)):
            self._of_no_session.append(event.request.number)
        if number in self._captures.by_event:
            step["capture"] = self._captures.by_event[number]
        return step

    def _content(self, request: Recorded, number: int, redactor: Redactor) -> dict[str, Any]:
        """What is sent: the target, headers and the body, with placeholders and without secrets."""
        captures = self._captures
        target = redactor.target(encoded_target(captures.target(request.target, number)))
        step: dict[str, Any] = {"request": f"{request.method} {target}"}
        headers = redactor.headers(
            {name: captures.put(value, number) for name, value in request.headers.items()}
        )
        content_type = request.headers.get("content-type")
        data = json_value(request.body) if content_type is None or is_json(content_type) else None
        if isinstance(data, dict | list) or (data is not None and content_type is not None):
            step["json"] = redactor.data(captures.put_data(data, number))
            if content_type is not None and content_type.partition(";")[0].strip() == "application/json":
                headers.pop("content-type", None)
        elif request.body:
            step["body"] = redactor.body(captures.put(request.body, number), content_type or "")
        if headers:
            step["headers"] = headers
        return step

    def _answer(self, event: Event) -> Answer:
        key = event.kind, event.outcome
        if key not in self._answers:
            self._answers[key] = self._answer_of(event)
        return self._answers[key]

    def _answer_of(self, event: Event) -> Answer:
        """Right where it passed and right answers are known here; else wrong: never right by chance."""
        kind = self._profile.kinds[event.kind]
        plain = not kind.takes_answer and not self._profile.wrong  # a use that cannot be wrong
        known, knows = kind.answers, bool(self._profile.oracle) or plain
        if event.outcome is Outcome.SUCCESS and (knows or str(Answer.RIGHT) in known):
            return Answer.RIGHT
        if self._profile.oracle or str(Answer.WRONG) in known or not known:
            return Answer.WRONG
        return Answer(next(iter(known)))

    def _expected(self, group: Sequence[tuple[int, Event]]) -> dict[int, dict[str, Any]]:
        """What is certain of requests that are sent at once, by their place."""
        numbers, events = [number for number, _ in group], [event for _, event in group]
        checks: dict[int, dict[str, Any]] = {}
        wrong: dict[int, list[bool]] = {}
        for event in events:
            if event.use == "verify":
                wrong.setdefault(event.number, []).append(self._answer(event) is Answer.WRONG)
        for index, event in enumerate(events):
            if event.use == "other":
                if (status := self._status(event, numbers[index])) is not None:
                    checks[index] = {"status": status}
            elif event.use == "verify":
                answer = self._answer(event)
                # Several at once: certain only where all are wrong and all may be.
                certain = len(wrong[event.number]) == 1 or all(wrong[event.number])
                if certain and not self._over(event):
                    checks[index] = {"outcome": self._outcome(event, answer)}
                self._lives.left[event.number] -= 1
                if answer is Answer.RIGHT:
                    self._lives.over[event.number] = True
        return checks

    def _outcome(self, event: Event, answer: Answer) -> str | list[str]:
        """Of a session that is there; the answer of an unknown service is only known where it was
        recorded."""
        if answer is Answer.RIGHT and event.outcome is Outcome.SUCCESS:
            return str(Outcome.SUCCESS)
        return str(Outcome.WRONG) if self._profile.oracle else [str(Outcome.SUCCESS), str(Outcome.WRONG)]

    def _over(self, event: Event) -> bool:
        """Whether the session may have ended: solved, used up, too old; not where answers cost nothing.

        Of a limit that is not known, one answer is certain.
        """
        if self._profile.limit == 0:
            return False
        lives, number = self._lives, event.number
        now, born = event.request.started if event.request is not None else None, lives.born[number]
        old = self._keep_waits and now is not None and now - born >= CAPTCHA_TTL_SECONDS  # not of nan
        return bool(lives.over[number]) or lives.left[number] <= 0 or old

    def _status(self, event: Event, number: int) -> int | list[int] | None:
        """The recorded status, where the request is sent as it was: with nothing taken out.

        304 answered a header of a browser's cache that a replay does not send: without it the answer is 200.
        """
        request = event.request
        if request is None or request.status is None or not 200 <= request.status < 400:
            return None
        probe = Redactor(self.redactor.keep)
        self._content(request, number, probe)
        if probe.removed:
            return None
        return [200, 304] if request.status == 304 else request.status


def _groups(events: Iterable[tuple[int, Event]]) -> Iterator[list[tuple[int, Event]]]:
    """Runs of requests of which every two overlap in time; what opens a session stands alone.

    None that needs another's answer can be in one group with it: it began after that one had ended.
    """
    group: list[tuple[int, Event]] = []
    first_end: float | None = None
    for number, event in events:
        request = event.request
        started = request.started if request is not None else None
        ended = request.ended if request is not None else None
        fits = event.use != "create" and started is not None and first_end is not None and started < first_end
        if fits and group:
            group.append((number, event))
            first_end = min(item for item in (first_end, ended) if item is not None)
        else:
            if group:
                yield group
            group = [(number, event)]
            first_end = None if event.use == "create" else ended
    if group:
        yield group
