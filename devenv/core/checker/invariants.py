"""What must hold of every challenge in every interleaving; each violation explained in one sentence.

The kinds are named as the failure catalogue names them. They follow from the answers that callers got and
from what was seen in Redis, without a search; ``judge`` adds ``not-linearizable`` where none of them tells
why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from devenv.core.checker.history import AGE, CREATE, EXPIRE, FLUSH, VERIFY, HistoryOperation, KeysSeen
from devenv.core.model.contract import COUNTERS
from devenv.core.model.vocabulary import Answer
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT, ResultKind

RECEIPTS = "*receipt:*"
"""Keys beside a session that may outlive it: the atomic store's receipts."""


class Kind(StrEnum):
    """What is violated."""

    DOUBLE_SUCCESS = "double-success"
    EMPTY_BYPASS = "empty-bypass"
    WRONG_ANSWER_PASSED = "wrong-answer-passed"
    LOST_ATTEMPT = "lost-attempt"
    MORE_THAN_TWO_GRADED = "more-than-two-graded"
    EXPIRY_INSIDE_VERIFY = "expiry-inside-verify"
    RESURRECTED_KEY = "resurrected-key"
    TTL_ROUNDS_TO_ZERO = "ttl-rounds-to-zero"
    NO_TTL = "no-ttl"
    NOT_LINEARIZABLE = "not-linearizable"
    USER = "user"


@dataclass(frozen=True, slots=True)
class InvariantViolation:
    """One broken rule."""

    kind: Kind
    challenge: str | None
    sentence: str
    lines: tuple[int, ...] = ()
    """The lines of the history that show it."""
    name: str | None = None
    """The name of a user's own invariant."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict; ``name`` only where there is one."""
        data = {"kind": str(self.kind), "challenge": self.challenge, "sentence": self.sentence}
        named = {} if self.name is None else {"name": self.name}
        return {**data, **named, "lines": list(self.lines)}


def broken_rules(
    challenge: str,
    operations: Sequence[HistoryOperation],
    seen: Iterable[KeysSeen] = (),
    *,
    limit: int | None = ATTEMPTS_LIMIT,
    receipts: str = RECEIPTS,
) -> list[InvariantViolation]:
    """The rules that one challenge's operations, and the keys ``seen``, break.

    ``limit``: graded answers that the challenge takes; 0: any number; None: not known.
    """
    verifies = [
        operation for operation in operations if operation.f == VERIFY and operation.result is not None
    ]
    graded = [
        verify
        for verify in verifies
        if verify.result and verify.result.kind in (ResultKind.SUCCESS, ResultKind.WRONG)
    ]
    violations = [
        *_passes(challenge, graded),
        *_counts(challenge, graded, limit),
        *_graded_after_expiry(challenge, operations, graded),
    ]
    end = _end(operations, graded, limit)
    return violations + _keys(challenge, operations, end, _own(seen, challenge, receipts))


def keys_without_ttl(
    seen: Iterable[KeysSeen], challenges: Iterable[str], *, receipts: str = RECEIPTS
) -> list[InvariantViolation]:
    """Keys of no known challenge that never expire; those of known ones are ``broken_rules``'."""
    ids = dict.fromkeys(challenge_id(name) for name in challenges)
    lines: dict[str, int] = {}
    for look in seen:
        for key, left in look.keys.items():
            known = any(word in ids for word in _words(key))
            if left == -1 and not known and not fnmatchcase(key, receipts):
                lines.setdefault(key, look.line)
    return [
        InvariantViolation(Kind.NO_TTL, None, f"key {key} has no TTL: it stays for ever", (line,))
        for key, line in lines.items()
    ]


# --- answers ----------------------------------------------------------------------------------------------


def _passes(challenge: str, graded: Sequence[HistoryOperation]) -> list[InvariantViolation]:
    violations = []
    successes = [item for item in graded if item.result and item.result.kind is ResultKind.SUCCESS]
    if len(successes) > 1:
        text = f"{len(successes)} verifies of one challenge were answered with success: {_list(successes)}"
        violations.append(InvariantViolation(Kind.DOUBLE_SUCCESS, challenge, text, _lines(successes)))
    for success in successes:
        if success.answer is Answer.EMPTY:
            text = f"{success} was answered with success for an empty selection, without knowing the answer"
            violations.append(InvariantViolation(Kind.EMPTY_BYPASS, challenge, text, success.lines))
        elif success.answer is Answer.WRONG:
            text = f"{success} was answered with success for a wrong answer"
            violations.append(InvariantViolation(Kind.WRONG_ANSWER_PASSED, challenge, text, success.lines))
    return violations


def _counts(
    challenge: str, graded: Sequence[HistoryOperation], limit: int | None
) -> list[InvariantViolation]:
    violations = []
    if limit and len(graded) > limit:
        allowed = f"{limit} is" if limit == 1 else f"{limit} are"
        text = f"{len(graded)} answers were graded where {allowed} allowed: {_list(graded)}"
        violations.append(InvariantViolation(Kind.MORE_THAN_TWO_GRADED, challenge, text, _lines(graded)))
    by_count: dict[int, list[HistoryOperation]] = {}
    for item in graded:
        if item.result and item.result.attempts is not None:
            by_count.setdefault(item.result.attempts, []).append(item)
    for count, same in by_count.items():
        if len(same) > 1:
            text = f"{len(same)} answers were each counted as attempt {count}: {_list(same)}"
            violations.append(InvariantViolation(Kind.LOST_ATTEMPT, challenge, text, _lines(same)))
    return violations


def _graded_after_expiry(
    challenge: str, operations: Sequence[HistoryOperation], graded: Sequence[HistoryOperation]
) -> list[InvariantViolation]:
    """Graded after the expiry, because a verify that was under way when it came wrote the session back."""
    violations = []
    for expiry in _expiries(operations):
        during = [
            operation
            for operation in operations
            if operation.f == VERIFY
            and operation.called < expiry.returned
            and operation.returned > expiry.called
        ]
        after = [item for item in graded if item.called > expiry.returned]
        if during and after:
            text = f"{after[0]} was graded although the session had expired during {during[0]}"
            lines = _lines([expiry, during[0], after[0]])
            violations.append(InvariantViolation(Kind.EXPIRY_INSIDE_VERIFY, challenge, text, lines))
    return violations[:1]


# --- keys -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _End:
    """How and when a session ended, at the latest."""

    operation: HistoryOperation
    how: str

    @property
    def expired(self) -> bool:
        return self.operation.f in (EXPIRE, FLUSH)


def _end(
    operations: Sequence[HistoryOperation], graded: Sequence[HistoryOperation], limit: int | None
) -> _End | None:
    """The first end that a client was answered or an event made.

    As many answers as are allowed end it only where no answer named a count. Where each answer named too low
    a count, attempts were lost, no event ended the session, and its key is the same.
    """
    ends = [
        _End(expiry, "was deleted" if expiry.f == FLUSH else "expired") for expiry in _expiries(operations)
    ]
    by_return = sorted(graded, key=lambda item: item.returned)
    for position, value in enumerate(by_return, start=1):
        count = value.result.attempts if value.result else None
        if value.result and value.result.kind is ResultKind.SUCCESS:
            ends.append(_End(value, "was solved"))
        elif limit and (position if count is None else count) >= limit:
            ends.append(_End(value, "had its last attempt"))
    return min(ends, key=lambda end: end.operation.returned, default=None)


def _expiries(operations: Sequence[HistoryOperation]) -> list[HistoryOperation]:
    """Those that surely came after the challenge was made."""
    made = max(
        (operation.returned for operation in operations if operation.f == CREATE), default=float("-inf")
    )
    done = [
        operation for operation in operations if operation.f in (EXPIRE, FLUSH) and operation.type == "ok"
    ]
    return [item for item in done if item.called >= made]


def _keys(
    challenge: str,
    operations: Sequence[HistoryOperation],
    end: _End | None,
    keys_seen: Sequence[tuple[KeysSeen, str, int]],
) -> list[InvariantViolation]:
    """At most one violation per key: the first look that shows it."""
    violations: dict[str, InvariantViolation] = {}
    for look, key, left in keys_seen:
        if key in violations:
            continue
        lives = "for ever: it has no TTL" if left == -1 else f"for {left / 1000:.1f} s more"
        if fnmatchcase(key, COUNTERS):
            if left == -1:
                text = f"the counter {key} has no TTL: it stays for ever"
                violations[key] = InvariantViolation(Kind.NO_TTL, challenge, text, (look.line,))
        elif end is not None and look.called > end.operation.returned:
            kind = Kind.EXPIRY_INSIDE_VERIFY if end.expired else Kind.RESURRECTED_KEY
            text = f"key {key} is there, {lives}, after the session {end.how} with {end.operation}"
            violations[key] = InvariantViolation(kind, challenge, text, (*end.operation.lines, look.line))
        elif left == -1:
            aged = any(
                operation.f == AGE and operation.type == "ok" and operation.called < look.returned
                for operation in operations
            )
            kind = Kind.TTL_ROUNDS_TO_ZERO if aged else Kind.NO_TTL
            before = " after its last half second" if aged else ""
            text = f"key {key} of a session that goes on has no TTL{before}: it never expires"
            violations[key] = InvariantViolation(kind, challenge, text, (look.line,))
    return list(violations.values())


def _own(seen: Iterable[KeysSeen], challenge: str, receipts: str) -> list[tuple[KeysSeen, str, int]]:
    """The keys of one challenge, as they were seen."""
    word = challenge_id(challenge)
    return [
        (look, key, left)
        for look in seen
        for key, left in look.keys.items()
        if word in _words(key) and not fnmatchcase(key, receipts)
    ]


def challenge_id(challenge: str) -> str:
    """The id in the name of a challenge, which stands as a word in its keys."""
    return challenge.rpartition(":")[2]


def by_word(seen: Iterable[KeysSeen]) -> Mapping[str, Sequence[KeysSeen]]:
    """By each word of a key the looks at the keys that have it: a challenge's are those of its id."""
    by_name: dict[str, list[KeysSeen]] = {}
    for look in seen:
        keys: dict[str, dict[str, int]] = {}
        for key, left in look.keys.items():
            for word in _words(key):
                keys.setdefault(word, {})[key] = left
        for word, entries in keys.items():
            by_name.setdefault(word, []).append(replace(look, keys=entries))
    return by_name


def _words(key: str) -> Sequence[str]:
    return re.findall(r"[\w-]+", key)


# --- words ------------------------------------------------------------------------------------------------


def _list(operations: Sequence[HistoryOperation]) -> str:
    """At most three of them."""
    shown = [str(operation) for operation in operations[:3]]
    more = len(operations) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _lines(operations: Iterable[HistoryOperation]) -> tuple[int, ...]:
    return tuple(line for operation in operations for line in operation.lines)


def by_kind(violations: Iterable[InvariantViolation]) -> Mapping[Kind, list[InvariantViolation]]:
    """Violations grouped, kinds in the order of ``Kind``."""
    grouped: dict[Kind, list[InvariantViolation]] = {}
    for violation in violations:
        grouped.setdefault(violation.kind, []).append(violation)
    return {kind: grouped[kind] for kind in Kind if kind in grouped}
