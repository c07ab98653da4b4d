"""What one order came to, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from math import factorial
from typing import Any, NamedTuple

from devenv.core.checker.history import AGE, CREATE, EXPIRE, KEYS, LIMIT_FIELD, VERIFY, history_of
from devenv.core.checker.invariants import RECEIPTS, InvariantViolation, Kind
from devenv.core.checker.judge import judge as judge_history
from devenv.core.model.captcha_http import outcome_of
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS, COUNTERS, REDIS_PREFIX
from devenv.core.model.events import EventType, HistoryEvent
from devenv.core.model.ids import SessionKey
from devenv.core.model.vocabulary import Answer
from devenv.core.model.vocabulary import Outcome as ServiceOutcome
from devenv.core.search.behaviour import NO_ANSWER, Answered
from devenv.core.search.clock_times import without_times
from devenv.core.search.expression import Participant
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT

REPLY_LOST = "reply-lost"
HALF_DONE = "half-done"
SERVER_ERROR = "server-error"
NOT_SERIAL = "not-serial"
_REFUSALS = (409, 423, 425, 429, 503)
"""HTTP statuses by which a service refuses a request, for instance because another one holds the lock."""
AT_NO_COST = "wrong, at no cost"
"""The message of a wrong answer of a service whose sessions take any number of them."""
WHOLE = 1000 * CAPTCHA_TTL_SECONDS
AGED_MS = 400
"""Left to live after ageing: less than half a second, which TTL rounds to 0."""
_CHALLENGE = "abstract:challenge"
_KEY = f"{REDIS_PREFIX}{_CHALLENGE}"
_NUMBER = re.compile(rb"-?[0-9]{1,18}")


class Beside(NamedTuple):
    """A key beside the session's, with what it has left as ``life`` rounds it, and a number that is in it."""

    key: str
    left: int
    number: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    answers: tuple[Answered, ...]
    """Of the requests, in the order of the cast."""
    happened: tuple[bool, ...]
    """Of the events, in the order of the cast: whether each did anything."""
    left: int | None
    """The time that the session's key has left, as ``life`` rounds it."""
    document: str | None
    """The value of the session's key, as ``canonical_document`` writes it."""
    beside: tuple[Beside, ...] = ()
    """The challenge's other keys, receipts apart."""


def beside_of(keys: Mapping[str, tuple[int | None, bytes | None]], session: SessionKey) -> tuple[Beside, ...]:
    """What lies beside the key ``session``: ``keys`` are all, with what each has left and its text."""
    beside = []
    for key, (left, text) in sorted(keys.items()):
        rounded = life(left)
        if key != session and rounded is not None and not fnmatchcase(key, RECEIPTS):
            name = key.replace(session, _KEY).replace(session.rpartition(":")[2], "challenge")
            # Other texts may be words of chance (a lock's owner), which are not the same again.
            number = int(text) if text is not None and _NUMBER.fullmatch(text) else None
            beside.append(Beside(name, rounded, number))
    return tuple(beside)


def life(left_ms: int | None) -> int | None:
    """What a key has left, rounded: None no key, -1 no TTL, up to ``AGED_MS`` is that, else ``WHOLE``."""
    if left_ms is None or left_ms < 0:
        return left_ms if left_ms == -1 else None
    return AGED_MS if left_ms <= AGED_MS else WHOLE


@dataclass(frozen=True, slots=True)
class OutcomeViolation:
    """One kind of violation, in one sentence."""

    kind: str
    sentence: str


Remains = tuple[int | None, str | None]
"""What is left of a session's key: how long, and the document without times (None: any document)."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What requests leave of a session's key one after the other, in any sequence."""

    left: frozenset[Remains] = frozenset()
    """What was left; empty: the key was gone, or nothing was tried."""
    requests: int = 0
    """How many requests were tried. Fewer of them may leave something else."""


NOT_TRIED = Usual()
"""No sequence was tried."""


def read_answer(answer: Answered) -> ServiceOutcome:
    """What an answer says of the request; ERROR where it grades nothing."""
    body = _body(answer)
    if body.get("message") == AT_NO_COST:
        return ServiceOutcome.WRONG
    return _service_outcome(answer)


def is_graded_answer(answer: Answered) -> bool:
    """Whether the checker counts an answer as graded."""
    return answer.status == 200 and _service_outcome(answer) in (ServiceOutcome.SUCCESS, ServiceOutcome.WRONG)


def ends_session(answer: Answered, limit: int) -> bool:
    """Whether a session is surely over with such an answer: a success, or the last attempt of ``limit``."""
    if not is_graded_answer(answer):
        return False
    attempts = _body(answer).get("attempts")
    return _service_outcome(answer) is ServiceOutcome.SUCCESS or (
        isinstance(attempts, int) and attempts >= limit
    )


@lru_cache(maxsize=4096)
def _service_outcome(answer: Answered) -> ServiceOutcome:
    return outcome_of(answer.status, _body(answer))


def is_graded(outcome: Outcome) -> bool:
    """Whether any answer says what came of its request. Where none does, nothing was judged by answers."""
    return any(read_answer(answer) is not ServiceOutcome.ERROR for answer in outcome.answers)


def judge(
    cast: Sequence[Participant],
    outcome: Outcome,
    limit: int | None = ATTEMPTS_LIMIT,
    usual: Usual = NOT_TRIED,
) -> tuple[OutcomeViolation, ...]:
    """What is wrong, each kind once. All requests and events count as simultaneous.

    An order of traces does not keep who came later, so nothing may be concluded from that. ``limit``: graded
    answers that a session takes; 0: any number; None: not known. ``usual``: what the same requests leave of
    the key one after the other; a service may keep an empty session under its key. Where nothing else is
    wrong and all were served, what as many requests never leave is not serial: a change was lost, say.
    """
    requests = [item for item in cast if item.answer is not None]
    events = [item for item in cast if item.event is not None]
    done = [item for item, happened in zip(events, outcome.happened, strict=True) if happened]
    lost = {item.target for item in done if item.target is not None}
    cut = {number for item in done if item.event == "restart" for number in item.affects(cast)}
    findings: dict[str, OutcomeViolation] = {}
    for number, (request, answer) in enumerate(zip(requests, outcome.answers, strict=True)):
        if answer.status == 200 or (number in lost and answer.status == 503):
            continue
        if number in cut and answer == NO_ANSWER:
            continue
        if _is_refusal(answer, outcome):
            continue
        if 400 <= answer.status < 500 and answer.status not in _REFUSALS:
            continue  # the request is at fault, or the session is gone: the server did not break
        kind = REPLY_LOST if lost else SERVER_ERROR
        findings.setdefault(kind, OutcomeViolation(kind, f"{request.name} was answered HTTP {answer.status}"))
    report = judge_history(history_of(_events(requests, events, outcome, limit)), partial=False)
    for violation in report.violations:
        kind = _kind(violation, bool(lost), bool(cut))
        if kind == Kind.RESURRECTED_KEY and _is_usual(outcome, usual):
            continue
        sentence = _sentence(kind, violation, requests, outcome)
        findings.setdefault(kind, OutcomeViolation(kind, sentence))
    served = all(answer.status == 200 for answer in outcome.answers)
    compared = usual.left and usual.requests == len(requests) and served and not done
    if findings or not compared or outcome.left is None or _is_usual(outcome, usual):
        return tuple(findings.values())
    return (OutcomeViolation(NOT_SERIAL, _left_otherwise(requests, outcome)),)


def remains(outcome: Outcome) -> Remains:
    """What is left of the session's key, times of the clock aside."""
    document = outcome.document
    return outcome.left, None if document is None else without_times(document)


def _is_usual(outcome: Outcome, usual: Usual) -> bool:
    return bool({remains(outcome), (outcome.left, None)} & usual.left)


def _left_otherwise(requests: Sequence[Participant], outcome: Outcome) -> str:
    answers = "; ".join(
        f"{request.name} ({request.answer}): {_answer_text(answer)}"
        for request, answer in zip(requests, outcome.answers, strict=True)
    )
    return (
        f"at the end the session holds {_short(outcome.document)}, which these requests one after the other "
        f"never leave; {answers}"
    )


def possible_beyond_limit(
    cast: Sequence[Participant],
    answers: Iterable[tuple[Participant, Answered, bool]],
    finals: Iterable[tuple[Outcome, bool]],
    usual: Usual = NOT_TRIED,
) -> frozenset[str]:
    """The kinds that ``judge`` can give for any outcome with more graded answers than the session takes.

    ``answers``: every answer that there can be, with its request and whether a reply to it was lost;
    ``finals``: every way in which all is left (outcomes without answers), and whether an answer or an event
    surely ended the session. There more-than-two-graded is always shown, so not-linearizable and
    not-serial, which are given where nothing else is wrong, never are.
    """
    kinds = {str(Kind.MORE_THAN_TWO_GRADED), str(Kind.LOST_ATTEMPT)}
    lost = any(item.target is not None for item in cast)
    succeed: set[str] = set()
    for request, answer, reply_lost in answers:
        if answer.status != 200:
            if not _allowed_unserved(answer, reply_lost):
                kinds |= {SERVER_ERROR, REPLY_LOST} if lost else {SERVER_ERROR}
        elif _service_outcome(answer) is ServiceOutcome.SUCCESS:
            succeed.add(request.letter)
            by_answer = {Answer.EMPTY: Kind.EMPTY_BYPASS, Answer.WRONG: Kind.WRONG_ANSWER_PASSED}
            if request.answer in by_answer:
                kinds.add(str(by_answer[request.answer]))
    if sum(item.letter in succeed for item in cast) > 1:
        kinds.add(str(Kind.DOUBLE_SUCCESS))
    for left, ended in finals:
        kinds |= _possible_remains([item for item in cast if item.event is not None], left, ended, usual)
    return frozenset(kinds)


def _allowed_unserved(answer: Answered, reply_lost: bool) -> bool:
    """Whether an answer other than 200 is no violation where another request was served."""
    if answer == NO_ANSWER or (reply_lost and answer.status == 503) or _is_clear_refusal(answer):
        return True
    return 400 <= answer.status < 500 and answer.status not in _REFUSALS


def _possible_remains(events: Sequence[Participant], left: Outcome, ended: bool, usual: Usual) -> set[str]:
    happened = {item.event for item, happened in zip(events, left.happened, strict=True) if happened}
    keys = [(item.key, item.left) for item in left.beside]
    if left.left is not None:
        keys.append((_KEY, left.left))
    kinds = set()
    for key, lives in keys:
        counter = fnmatchcase(key, COUNTERS)
        if lives == -1 and (counter or not ended):
            aged = "age" in happened and not counter
            kinds.add(str(Kind.TTL_ROUNDS_TO_ZERO if aged else Kind.NO_TTL))
        if counter:
            continue
        if "expire" in happened:
            kinds.add(str(Kind.EXPIRY_INSIDE_VERIFY))
        elif key != _KEY or not _is_usual(left, usual):
            kinds.add(str(Kind.RESURRECTED_KEY))
    return kinds


def shared(cast: Sequence[Participant], outcome: Outcome) -> tuple[Hashable, int]:
    """The outcome with equal requests taken for one, and in how many ways their answers can be given to them.

    Where a pod that serves several requests restarts they are not equal: it matters which they are.
    """
    requests = [item for item in cast if item.answer is not None]
    pods = [item.pod for item in requests]
    if any(item.event == "restart" for item in cast) and len({*pods}) < len(pods):
        return outcome, 1
    answers: dict[str, Counter[Answered]] = {}
    for request, answer in zip(requests, outcome.answers, strict=True):
        answers.setdefault(request.letter, Counter())[answer] += 1
    ways = 1
    for counts in answers.values():
        ways *= factorial(counts.total())
        for count in counts.values():
            ways //= factorial(count)
    alike = tuple((letter, frozenset(counts.items())) for letter, counts in answers.items())
    return (alike, outcome.happened, outcome.left, outcome.document, outcome.beside), ways


def _is_refusal(answer: Answered, outcome: Outcome) -> bool:
    """Whether a request was clearly refused ("busy") while another one was served.

    Where every request is refused, no request had the lock: then the service is at fault.
    """
    return _is_clear_refusal(answer) and any(other.status == 200 for other in outcome.answers)


def _is_clear_refusal(answer: Answered) -> bool:
    says = any(isinstance(text, str) and text for text in _body(answer).values())
    return answer.status in _REFUSALS and says


def _kind(violation: InvariantViolation, lost: bool, cut: bool) -> str:
    """An answer that no order explains is the work of a lost reply, or of a request that was cut short."""
    if violation.kind is not Kind.NOT_LINEARIZABLE:
        return str(violation.kind)
    return REPLY_LOST if lost else HALF_DONE if cut else str(violation.kind)


def _sentence(
    kind: str, violation: InvariantViolation, requests: Sequence[Participant], outcome: Outcome
) -> str:
    answers = [
        f"{request.name} ({request.answer}): {_answer_text(answer)}"
        for request, answer in zip(requests, outcome.answers, strict=True)
    ]
    counters = [
        item.key for item in outcome.beside if item.left == -1 and violation.sentence.find(item.key) >= 0
    ]
    if counters:
        return f"at the end {counters[0]} is there without a TTL; " + "; ".join(answers)
    if kind in (Kind.RESURRECTED_KEY, Kind.EXPIRY_INSIDE_VERIFY, Kind.NO_TTL, Kind.TTL_ROUNDS_TO_ZERO):
        ttl = "without a TTL" if outcome.left == -1 else "with a TTL"
        return (
            f"at the end the session's key is there {ttl}, holding {_short(outcome.document)}; "
            + "; ".join(answers)
        )
    return "; ".join(answers)


@lru_cache(maxsize=4096)
def _answer_text(answer: Answered) -> str:
    body = _body(answer)
    outcome = str(_service_outcome(answer)).replace("_", " ")
    if answer == NO_ANSWER:
        return "no answer, its pod was restarted"
    if answer.status != 200:
        return f"HTTP {answer.status}"
    if outcome == "error" and isinstance(body.get("message"), str):
        return str(body["message"])
    attempts = body.get("attempts")
    return outcome + (f", attempt {attempts}" if attempts is not None else "")


def _short(document: str | None) -> str:
    return "nothing" if document is None else document if len(document) < 60 else "the whole document"


@lru_cache(maxsize=4096)
def _body(answer: Answered) -> Mapping[str, Any]:
    body = json.loads(answer.body)
    return body if isinstance(body, dict) else {}


def _events(
    requests: Sequence[Participant], events: Sequence[Participant], outcome: Outcome, limit: int | None
) -> list[HistoryEvent]:
    """As a history: the challenge is made, everything else is simultaneous, then the key is looked at."""
    made: dict[str, Any] = {"type": "abstract", "challenge_id": "challenge", LIMIT_FIELD: limit}
    lines = [_event(0, "invoke", CREATE, made, 0.0), _event(0, "ok", CREATE, made, 0.1)]
    ends = []
    for process, (request, answer) in enumerate(zip(requests, outcome.answers, strict=True), start=1):
        value = {**made, "answer": str(request.answer)}
        body = _body(answer)
        heard = {"outcome": str(_service_outcome(answer)), "status": answer.status}
        heard |= {name: body[name] for name in ("message", "attempts") if body.get(name) is not None}
        lines.append(_event(process, "invoke", VERIFY, value, 1.0))
        ends.append(_event(process, "ok" if answer.status == 200 else "info", VERIFY, value | heard, 2.0))
    for process, (event, happened) in enumerate(
        zip(events, outcome.happened, strict=True), start=len(requests) + 1
    ):
        f = {"expire": EXPIRE, "age": AGE}.get(event.event or "")
        if f is not None and happened:
            lines.append(_event(process, "invoke", f, {}, 1.0))
            ends.append(_event(process, "ok", f, {}, 2.0))
    keys = {item.key: item.left for item in outcome.beside}
    if outcome.left is not None:
        keys[_KEY] = outcome.left
    look = [_event(100, "invoke", KEYS, {}, 3.0), _event(100, "ok", KEYS, {"keys": keys}, 3.0)]
    return [*lines, *ends, *look]


def _event(process: int, kind: EventType, f: str, value: dict[str, Any], time: float) -> HistoryEvent:
    return HistoryEvent(
        process, kind, f, value, time, key=_CHALLENGE if f in (CREATE, VERIFY, EXPIRE, AGE) else None
    )
