"""What an explanation of a trace says: what went wrong, grouped by cause, with its evidence and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from devenv.core.checker.history import SOLVED_MESSAGE
from devenv.core.diagnosis.choices import remarks_on_choices
from devenv.core.diagnosis.findings import Diagnosis, Evidence
from devenv.core.diagnosis.remarks import remarks
from devenv.core.diagnosis.stories import SLOW_S, Call, Joined, join
from devenv.core.diagnosis.trace_diagnosis import diagnose_joined
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import Outcome
from devenv.core.render.sequence import SequenceMessage, shorten
from devenv.core.serializability.oracle import CHANGES
from devenv.harness.runs.trace import event_time
from devenv.verbs.explain.open_question import open_question
from devenv.verbs.explain.picture import picture

MOST_CHALLENGES = 20
MOST_SENTENCES = 3
LONGEST_REASON = 60
MOST_MESSAGES = 400
"""Of the whole picture, for programs; people are shown fewer."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of evidence."""

    at: float
    """Seconds since the first request."""
    text: str
    number: int | None
    """The line's number in its file, from 1; None where there is no file."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"at": round(self.at, 6), "text": self.text, "line": self.number}


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one cause: the first of them with its picture, and how many there are."""

    first: Diagnosis
    count: int
    challenges: tuple[str, ...]
    also: tuple[str, ...]
    """Other sentences of the same cause."""
    evidence: tuple[Line, ...]
    picture: tuple[SequenceMessage, ...]
    """Empty where it is that of an earlier group."""
    kinds: tuple[str, ...] = ()
    """The kinds of sessions that the requests of all its findings are about."""

    @property
    def title(self) -> str:
        """Its cause, and how often."""
        return f"{self.cause} × {self.count}" if self.count > 1 else self.cause

    @property
    def cause(self) -> str:
        """Its name in the failure catalogue."""
        return self.first.cause

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "cause": self.cause,
            "count": self.count,
            "challenge": self.first.challenge,
            "challenges": list(self.challenges),
            "sentence": self.first.sentence,
            "also": list(self.also),
            "evidence": [line.to_json() for line in self.evidence],
            "change": self.first.change,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A trace explained."""

    of: str
    """What was explained, in words."""
    run: str | None
    """The id of its run; None where it is no run."""
    groups: tuple[Group, ...]
    messages: tuple[SequenceMessage, ...]
    calls: int
    summary: str
    """Counts of what happened."""
    missing: tuple[str, ...]
    """What was not recorded."""
    remarks: tuple[str, ...] = ()
    """Sentences that are no findings, and worth knowing."""
    open_question: str = ""
    """What keeps it from being an all-clear although no rule found a fault; empty where nothing does."""
    unexplained: str = ""
    """What the replay or exploration of this run says did not hold, where no finding explains it."""
    judged: bool = True
    """Whether such a trace can be judged: not where only [session] says what the requests are."""
    events: tuple[TraceEvent, ...] = ()
    """What it was made from, in order of time; a report shows it."""

    @property
    def wrong(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.groups)

    @property
    def exit_code(self) -> int:
        """1: something went wrong; 3: the replay failed and no cause was found, nothing was judged, or an
        answer leaves the question open; 0: nothing is wrong.
        """
        return 1 if self.groups else 3 if self.unexplained or self.open_question or not self.judged else 0

    @property
    def verdict(self) -> str:
        """In one line."""
        if self.unexplained:
            failed = f"though this run fails ({self.unexplained})"
            return f"no cause was found, {failed}: {self.summary}"
        if not self.groups and not self.judged:
            return f"drawn and not judged: {self.summary}; what is right, `devenv explore` asks the service"
        if not self.groups and self.open_question:
            return f"{self.open_question}; {self.summary}"
        if not self.groups:
            return f"nothing wrong: {self.summary}"
        return f"{', '.join(group.title for group in self.groups)}: {self.summary}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict, as ``devenv explain --json`` prints it; the picture is bounded."""
        return {
            "run": self.run,
            "of": self.of,
            "verdict": self.verdict,
            "findings": [group.to_json() for group in self.groups],
            "messages": [asdict(message) for message in shorten(self.messages, MOST_MESSAGES)],
            "messages_total": len(self.messages),
            "missing": list(self.missing),
            "remarks": list(self.remarks),
        }


def explain_trace(
    events: Sequence[TraceEvent],
    of: str,
    run: str | None = None,
    lines: Mapping[tuple[str, int | None, float], int] | None = None,
    since: float = float("-inf"),
) -> Explanation:
    """Explain a trace's events; ``lines`` are their line numbers by ``place``, where it came from a file.

    ``since`` (seconds since the epoch): only requests that had not ended before are explained and counted;
    what happened earlier is evidence.
    """
    joined = join(events)
    calls = [call for call in joined.calls if call.ended >= since]
    began = min(
        [
            *(call.started for call in calls),
            *(
                event_time(one)
                for one in events
                if not isinstance(one, StackEvent) and event_time(one) >= since
            ),
        ],
        default=0.0,
    )
    numbers = lines or {}
    groups: dict[str, list[Diagnosis]] = {}
    for finding in diagnose_joined(joined, since):
        groups.setdefault(finding.cause, []).append(finding)
    shown: list[Group] = []
    for findings in groups.values():
        group = _group(findings, joined, calls, began, numbers)
        seen = any(group.picture == earlier.picture for earlier in shown)
        shown.append(replace(group, picture=()) if seen else group)
    return Explanation(
        of,
        run,
        tuple(shown),
        tuple(picture(joined, calls)),
        len(calls) if joined.profile.kinds else len(joined.unread),
        summary(calls) if joined.profile.kinds else _requests(joined.unread),
        tuple(_missing(event) for event in joined.stack if event.what == "missing"),
        (
            *_bounded(remarks(joined, since)),
            *remarks_on_choices((one for one in events if isinstance(one, Exchange)), joined, since),
        ),
        judged=bool(joined.profile.kinds),
        open_question=open_question(calls, joined),
        events=tuple(one for one in events if event_time(one) >= since),
    )


def with_violations(explanation: Explanation, violations: Iterable[tuple[str, str]]) -> Explanation:
    """``explanation``, and what no sequence of requests explains: kinds of ``serializability`` and sentences.

    Only the scenario of the run has its sequences, so no trace shows it.
    """
    sentences: dict[str, dict[str, None]] = {}
    for kind, sentence in violations:
        if kind in CHANGES:
            sentences.setdefault(kind, {})[sentence] = None
    groups = [
        Group(
            Diagnosis(kind, None, first, (), CHANGES[kind]),
            1,
            (),
            tuple(others[: MOST_SENTENCES - 1]),
            (),
            () if number or explanation.groups else explanation.messages,
        )
        for number, (kind, (first, *others)) in enumerate(sentences.items())
    ]
    return replace(explanation, groups=(*explanation.groups, *groups))


def place(event: TraceEvent) -> tuple[str, int | None, float]:
    """What tells an event among the others of its trace, as its evidence has it."""
    if isinstance(event, Exchange):
        return ("exchange", event.seq, 0.0)
    if isinstance(event, RedisCommand):
        return ("redis", event.seq, 0.0)
    return ("stack", None, event.time)


def _group(
    findings: Sequence[Diagnosis],
    joined: Joined,
    calls: Sequence[Call],
    began: float,
    lines: Mapping[tuple[str, int | None, float], int],
) -> Group:
    first = findings[0]
    by_text: dict[str, str] = {}
    for item in findings:
        by_text.setdefault(_without_challenge(item), item.sentence)
    sentences = list(by_text.values())
    challenges = list(dict.fromkeys(item.challenge for item in findings if item.challenge))
    evidence = tuple(Line(item.time - began, item.text, _number(item, lines)) for item in first.evidence)
    return Group(
        first,
        len(findings),
        tuple(challenges[:MOST_CHALLENGES]),
        tuple(sentences[1:MOST_SENTENCES]),
        evidence,
        tuple(picture(joined, _concerned([first], joined) or calls)),
        tuple(dict.fromkeys(call.captcha for call in _concerned(findings, joined))),
    )


def _without_challenge(finding: Diagnosis) -> str:
    """Its sentence, the same for all challenges: a sentence may name the key."""
    return finding.sentence.replace(finding.challenge, "…") if finding.challenge else finding.sentence


def _number(evidence: Evidence, lines: Mapping[tuple[str, int | None, float], int]) -> int | None:
    return lines.get((evidence.kind, evidence.seq, evidence.time if evidence.kind == "stack" else 0.0))


def _concerned(findings: Sequence[Diagnosis], joined: Joined) -> list[Call]:
    """The calls of the findings' challenges, and those among their evidence."""
    shown = {line.seq for item in findings for line in item.evidence if line.kind == "exchange"}
    challenges = {item.challenge for item in findings if item.challenge is not None}
    return [call for call in joined.calls if call.exchange.seq in shown or call.challenge in challenges]


def _bounded(sentences: tuple[str, ...]) -> tuple[str, ...]:
    more = len(sentences) - MOST_SENTENCES
    return sentences if more <= 0 else (*sentences[:MOST_SENTENCES], f"the same happened {more} times more")


def _missing(event: StackEvent) -> str:
    detail = event.detail
    return (
        f"{detail.get('what', 'events')} {detail.get('from', '?')} to {detail.get('to', '?')} were not kept"
    )


def summary(calls: Sequence[Call]) -> str:
    """How many challenges and answers there were, and how they ended, in words.

    A service that says create and verify in words of its own has sessions and uses.
    """
    creates = [call for call in calls if call.kind == "create"]
    verifies = [call for call in calls if call.kind == "verify"]
    counts = Counter(_ending(call) for call in verifies)
    failed = Counter(_ending(call) for call in creates if not call.answered)
    usual = all(call.words == CAPTCHA.words for call in calls)
    opened, used = ("challenge", "answer") if usual else ("session", "use")
    parts = [f"{len(creates)} {opened}{'' if len(creates) == 1 else 's'}"]
    parts += [f"{n} not created ({how})" for how, n in failed.items()]
    parts.append(f"{len(verifies)} {used}{'' if len(verifies) == 1 else 's'}")
    return ", ".join(parts) + (": " if counts else "") + ", ".join(f"{n} {how}" for how, n in counts.items())


def _requests(exchanges: Sequence[Exchange]) -> str:
    """How many requests there were, and how they were answered, of a service without kinds of sessions."""
    counts = Counter(str(exchange.status) for exchange in exchanges)
    how = ", ".join(f"{count} answered {status}" for status, count in sorted(counts.items()))
    return f"{len(exchanges)} request{'' if len(exchanges) == 1 else 's'}: {how}"


def _ending(call: Call) -> str:
    if call.streams:
        return "passed"
    if call.under_way:
        return "still under way"
    if call.given_up:
        return "given up by the user" if call.waited_s >= SLOW_S else "ended by the client"
    if call.exchange.error is not None:
        return f"not answered by its pod ({call.exchange.status})" if call.pod else "not served by a pod"
    if call.exchange.status == 503:
        why = str(call.answer.get("detail") or "")
        short = why if len(why) <= LONGEST_REASON else f"{why[: LONGEST_REASON - 1]}…"
        return f"asked to try again (503{': ' if short else ''}{short})"
    if not call.answered:
        return f"answered {call.exchange.status}"
    if call.kind == "create":
        return "created"
    if call.answer.get("message") == SOLVED_MESSAGE:
        return "answered with 'already solved'"
    endings = {
        Outcome.SUCCESS: "passed",
        Outcome.WRONG: "wrong",
        Outcome.NOT_FOUND: "not found",
        Outcome.ERROR: "not graded",
    }
    return endings[call.outcome]
