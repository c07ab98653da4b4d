"""A recording becomes a scenario: sessions for ids, pods in turn, overlap and pauses kept, no secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceProfile
from devenv.core.model.vocabulary import CATALOGUE_STORES, MAX_PODS, Answer, CaptchaType, Outcome, pod_names
from devenv.core.scenario.pod_rotation import Turns
from devenv.core.scenario.writer import _Dumper, _text, scenario_yaml
from devenv.verbs.recordings.captures import Captures
from devenv.verbs.recordings.recorded import Recording
from devenv.verbs.recordings.redaction import Redactor
from devenv.verbs.recordings.sessions import Event, Sessions, names_of

SHORTEST_WAIT = 0.05
"""Seconds. What is shorter is the network, not a person."""
TTL_SECONDS = 60.0
ANY_KIND = "any"
_POD_NAMES = pod_names(MAX_PODS)
_SHOWS = "Every request is answered as it would be by a service of one pod."


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to make the scenario. ``pods``: over so many in turn; None: as recorded, where that is known.

    ``routed``: no request names its pod. ``waits``: keep pauses. ``keep``: headers and fields not to redact.
    """

    pods: int | None = None
    routed: bool = False
    waits: bool = True
    keep: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Composed:
    """The scenario as plain data and as its file, what was left out or guessed, and what is in it."""

    data: Mapping[str, Any]
    text: str
    notes: tuple[str, ...]
    requests: int
    sessions: int


_Dumper.add_representer(str, _text)


def compose(recording: Recording, profile: ServiceProfile, options: ImportOptions) -> Composed:
    """Make the scenario. Raises UsageProblem where no request of the recording is about the service."""
    sessions = Sessions(profile, recording.bodies)
    events = sessions.read(recording)
    if not events:
        paths = ", ".join(
            path for kind in profile.kinds.values() for path in (kind.create.path, kind.verify.path)
        )
        raise UsageProblem(
            f"{recording.source}: none of its {len(recording.requests)} requests is one of the service's",
            hint=f"the profile {profile.name} knows {paths}; a devenv.toml describes another service",
        )
    maker = _Maker(
        profile, options, Captures(sessions.ids), Redactor(options.keep), _Pods.of(events, options)
    )
    steps = maker.steps(events)
    left_out = len(recording.requests) - sum(1 for event in events if event.request is not None)
    notes = [*recording.notes, *sessions.notes(), *maker.notes(), *maker.redactor.notes()]
    if left_out:
        notes.append(f"left out as not about the service: {left_out}")
    if not recording.bodies:
        notes.append(
            "a log has no bodies: what was answered is not known, so every answer is a wrong one, which is "
            'enough to meet "not found"; whether right answers passed cannot be recovered'
        )
    names = names_of(events)
    data = {
        "version": 1,
        "id": _slug(recording.source),
        "title": f"Recorded: {len(events)} requests of {recording.source}",
        "cause": "pod-memory",
        "needs": ["R"] + ["X"] * maker.overlaps + ["T"] * maker.waits,
        "about": "\n".join([f"From {recording.source} ({recording.form}).", *notes]) + "\n",
        "stack": {"pods": maker.pods.count},
        "stores": {str(store): {"shows": _SHOWS} for store in CATALOGUE_STORES},
        **({"sessions": {name: _scenario_kind(kind) for name, kind in names.items()}} if names else {}),
        "steps": steps,
    }
    return Composed(data, scenario_yaml(data), tuple(notes), len(events), len(names))


def _slug(source: str) -> str:
    words = re.findall(r"[a-z0-9]+", source.rpartition("/")[2].lower())
    return "-".join(["recorded", *(word for word in words if word not in ("recorded", "recording"))])


def _scenario_kind(kind: str) -> str:
    return kind if kind in set(CaptchaType) else ANY_KIND


@dataclass(slots=True)
class _Pods:
    """Which pod a request goes to: letters, or None for the policy's choice."""

    count: int
    routed: bool
    recorded: bool
    _turns: Turns

    @classmethod
    def of(cls, events: Sequence[Event], options: ImportOptions) -> _Pods:
        named = [event.request.pod for event in events if event.request is not None]
        known = [pod for pod in named if pod is not None and pod in _POD_NAMES]
        if options.pods is None and not options.routed and known and len(known) == len(named):
            count = max(2, 1 + max(_POD_NAMES.index(pod) for pod in known))
            return cls(count, False, True, Turns(count))
        count = options.pods or 2
        return cls(count, options.routed, False, Turns(count))

    def next(self, event: Event) -> str | None:
        if self.routed:
            return None
        if self.recorded:
            pod = event.request.pod if event.request is not None else None
            return pod[-1].upper() if pod is not None else "A"
        return self._turns.next(event.session)


@dataclass(slots=True)
class _Life:
    """What is left of a session, as far as is certain."""

    born: float | None
    left: int
    over: bool = False


class _Maker:
    """Makes the steps."""

    def __init__(
        self,
        profile: ServiceProfile,
        options: ImportOptions,
        captures: Captures,
        redactor: Redactor,
        pods: _Pods,
    ) -> None:
        self.redactor = redactor
        self.pods = pods
        self.overlaps = self.waits = False
        self._profile = profile
        self._options = options
        self._captures = captures
        self._lives: dict[str, _Life] = {}
        self._waited = 0.0
        self._numbers: dict[str, int] = {}

    def steps(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """All steps, what overlapped together."""
        self._captures.find(events)
        steps: list[dict[str, Any]] = []
        end: float | None = None
        for group in _groups(list(enumerate(events))):
            request = group[0][1].request
            started = request.started if request is not None else None
            if started is not None and end is not None and started - end >= SHORTEST_WAIT:
                steps += self._wait(started - end)
            ends = [item.request.ended for _, item in group if item.request is not None]
            end = max([item for item in (end, *ends) if item is not None], default=None)
            steps += [self._alone(*group[0])] if len(group) == 1 else [self._together(group)]
        return steps

    def notes(self) -> list[str]:
        """How long the pauses are."""
        return [f"pauses of {self._waited:.1f} s in all, as recorded"] if self._waited else []

    def _wait(self, seconds: float) -> list[dict[str, Any]]:
        if not self._options.waits:
            return []
        self.waits = True
        self._waited += seconds
        return [{"pause": round(seconds, 2)}]

    def _alone(self, number: int, event: Event) -> dict[str, Any]:
        step = self._request(number, event)
        if checks := self._expected([event]).get(0):
            step["expect"] = checks
        return step

    def _together(self, group: Sequence[tuple[int, Event]]) -> dict[str, Any]:
        self.overlaps = True
        parts, checks = {}, {}
        expected = self._expected([event for _, event in group])
        for at, (number, event) in enumerate(group):
            base = event.session or "request"
            self._numbers[base] = self._numbers.get(base, 0) + 1
            name = f"{base}-{self._numbers[base]}"
            parts[name] = self._request(number, event)
            if at in expected:
                checks[name] = expected[at]
        return {"together": parts, **({"expect": {"requests": checks}} if checks else {})}

    def _request(self, number: int, event: Event) -> dict[str, Any]:
        pod = self.pods.next(event)
        pinned = {"pod": pod} if pod is not None else {}
        if event.use == "create":
            born = event.request.started if event.request is not None else None
            self._lives[event.session] = _Life(born, self._profile.limit or 0)
            return {"create": event.session, **pinned}
        if event.use == "verify":
            return {"verify": event.session, **pinned, "answer": str(self._answer(event))}
        assert event.request is not None
        request, put = event.request, self._captures.put
        step: dict[str, Any] = {
            "request": f"{request.method} {self.redactor.target(put(request.target))}", **pinned
        }  # fmt: skip
        sent = {name: put(value) for name, value in request.headers.items()}
        # What is a placeholder now is no secret any more.
        filled = {name: value for name, value in sent.items() if value != request.headers[name]}
        headers = self.redactor.headers({k: v for k, v in sent.items() if k not in filled}) | filled
        body = self.redactor.body(put(request.body)) if request.body else None
        if isinstance(body, str):
            step["body"] = body
        elif body is not None:
            step["json"] = body
            headers.pop("content-type", None)
        if headers:
            step["headers"] = headers
        if number in self._captures.by_event:
            step["capture"] = self._captures.by_event[number]
        return step

    def _answer(self, event: Event) -> Answer:
        """Right where it passed and somebody here knows right answers; else wrong: never right by luck."""
        kind = self._profile.kinds[event.kind]
        plain = not kind.takes_answer and not self._profile.wrong  # a use that cannot be wrong
        known, knows = kind.answers, bool(self._profile.oracle) or plain
        if event.outcome is Outcome.SUCCESS and (knows or str(Answer.RIGHT) in known):
            return Answer.RIGHT
        if self._profile.oracle or str(Answer.WRONG) in known or not known:
            return Answer.WRONG
        return Answer(next(iter(known)))

    def _expected(self, events: Sequence[Event]) -> dict[int, dict[str, Any]]:
        """What is certain of requests that are sent at once, by their place."""
        checks: dict[int, dict[str, Any]] = {}
        for at, event in enumerate(events):
            if event.use == "other":
                if (status := self._status(event)) is not None:
                    checks[at] = {"status": status}
            elif event.use == "verify":
                same = [one_event for one_event in events if one_event.session == event.session]
                answer = self._answer(event)
                life = self._lives[event.session]
                # Several at once: certain only where all are wrong and all may be.
                certain = len(same) == 1 or all(self._answer(item) is Answer.WRONG for item in same)
                if certain and not self._over(event, life):
                    checks[at] = {"outcome": self._outcome(event, answer)}
                life.left -= 1
                life.over = life.over or answer is Answer.RIGHT
        return checks

    def _outcome(self, event: Event, answer: Answer) -> str | list[str]:
        """Of a session that is there; what an unknown service says to an answer is only known if it told."""
        if answer is Answer.RIGHT and event.outcome is Outcome.SUCCESS:
            return str(Outcome.SUCCESS)
        return str(Outcome.WRONG) if self._profile.oracle else [str(Outcome.SUCCESS), str(Outcome.WRONG)]

    def _over(self, event: Event, life: _Life) -> bool:
        """Whether the session may have ended: solved, used up, too old; not where answers cost nothing."""
        if not self._profile.limit:
            return False
        now = event.request.started if event.request is not None else None
        old = (
            self._options.waits
            and None not in (now, life.born)
            and (now or 0) - (life.born or 0) >= TTL_SECONDS
        )
        return life.over or life.left <= 0 or old

    def _status(self, event: Event) -> int | None:
        """The recorded status, where the request is sent as it was: with nothing taken out."""
        request = event.request
        if request is None or request.status is None or not 200 <= request.status < 400:
            return None
        probe = Redactor(self._options.keep)
        probe.headers(request.headers)
        probe.target(self._captures.put(request.target))
        if request.body:
            probe.body(self._captures.put(request.body))
        return None if sum(probe.removed.values()) else request.status


def _groups(events: Sequence[tuple[int, Event]]) -> list[list[tuple[int, Event]]]:
    """Runs of requests of which every two overlap in time; what opens a session stands alone.

    None that needs another's answer can be in one group with it: it began after that one had ended.
    """
    groups: list[list[tuple[int, Event]]] = []
    first_end: float | None = None
    for number, event in events:
        request = event.request
        started = request.started if request is not None else None
        ended = request.ended if request is not None else None
        fits = event.use != "create" and started is not None and first_end is not None and started < first_end
        if fits and groups:
            groups[-1].append((number, event))
            first_end = min(item for item in (first_end, ended) if item is not None)
        else:
            groups.append([(number, event)])
            first_end = None if event.use == "create" else ended
    return groups
