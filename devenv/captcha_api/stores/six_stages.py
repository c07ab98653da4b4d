"""Migration in six stages: both stores are written for a while, and the stage says which one decides.

off, dual-write and shadow: the process's memory decides. live, ramp-down and complete: Redis decides. From
dual-write to ramp-down the store that decides is written first and the other after it; what the other answers
is for the metrics alone. At shadow and live both are read and compared.

Two pods at shadow and live write the two stores in opposite orders, and each takes another one for right: an
attempt can be lost between them although each store alone loses none. docs/rollout.md has the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from devenv.captcha_api.errors import BrokenSession, Refusal, ServiceUnavailable, Ungraded
from devenv.captcha_api.migration import Migration
from devenv.captcha_api.stores import Document, SessionStore, Submission, Verdict
from devenv.core.model.migration import Stage
from devenv.core.model.vocabulary import CaptchaType

_OLD_DECIDES = (Stage.OFF, Stage.DUAL_WRITE, Stage.SHADOW)
_ALONE = (Stage.OFF, Stage.COMPLETE)
_COMPARED = (Stage.SHADOW, Stage.LIVE)


class ReadableStore(SessionStore, Protocol):
    """A store that can be asked for a session without counting an attempt."""

    def holds(self, kind: CaptchaType, challenge_id: str) -> bool:
        """Whether it has such a session now. Raises StoreUnavailable."""


class MirrorObserver(Protocol):
    """Called with how the store that does not decide compares with the one that does."""

    def mirrored(self, result: str) -> None:
        """``same`` or ``differs`` (shadow and live), ``written`` (the other stages), ``failed``."""


class SixStagesStore:
    """See the module."""

    name = "six-stages"

    def __init__(
        self, memory: ReadableStore, redis: ReadableStore, migration: Migration, observer: MirrorObserver
    ) -> None:
        """``memory`` is the old store, ``redis`` the new one."""
        self._memory = memory
        self._redis = redis
        self._migration = migration
        self._observer = observer

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """In the store that decides, then in the other."""
        stage = self._migration.stage
        decides, other = self._order(stage)
        addressable = decides.create(kind, challenge_id, document)
        if stage not in _ALONE:
            try:
                other.create(kind, challenge_id, dict(document))
                self._observer.mirrored("written")
            except ServiceUnavailable:
                self._observer.mirrored("failed")
        return addressable

    def verify(self, submission: Submission) -> Verdict:
        """By the store that decides; then the other counts the same answer."""
        stage = self._migration.stage
        decides, other = self._order(stage)
        if stage in _ALONE:
            return decides.verify(submission)
        try:
            verdict = decides.verify(submission)
        except Ungraded as refused:
            # Nothing was graded, so nothing is written; shadow and live read both all the same.
            if stage in _COMPARED and refused.refusal is Refusal.NOT_FOUND:
                self._compare_absence(other, submission)
            raise
        self._mirror(other, submission, verdict, compared=stage in _COMPARED)
        return verdict

    def warm_up(self) -> None:
        """Connect to Redis, unless the stage is off."""
        if self._migration.stage is not Stage.OFF:
            self._redis.warm_up()

    def check_ready(self) -> None:
        """Redis answers, where Redis decides: before, its failure costs no request."""
        if self._migration.stage not in _OLD_DECIDES:
            self._redis.check_ready()

    def sessions_here(self) -> Mapping[str, int]:
        """Those in this process's memory."""
        return self._memory.sessions_here()

    def server_info(self) -> Mapping[str, Any]:
        """Redis' INFO, unless the stage is off."""
        return {} if self._migration.stage is Stage.OFF else self._redis.server_info()

    def _order(self, stage: Stage) -> tuple[ReadableStore, ReadableStore]:
        """The store that decides, and the other."""
        return (self._memory, self._redis) if stage in _OLD_DECIDES else (self._redis, self._memory)

    def _mirror(
        self, other: ReadableStore, submission: Submission, verdict: Verdict, *, compared: bool
    ) -> None:
        try:
            answer: Verdict | None = other.verify(submission)
        except Ungraded:
            answer = None
        except (ServiceUnavailable, BrokenSession):
            self._observer.mirrored("failed")
            return
        if not compared:
            self._observer.mirrored("written")
            return
        same = answer is not None and (answer.passed, answer.attempts) == (verdict.passed, verdict.attempts)
        self._observer.mirrored("same" if same else "differs")

    def _compare_absence(self, other: ReadableStore, submission: Submission) -> None:
        try:
            held = other.holds(submission.kind, submission.challenge_id)
        except ServiceUnavailable:
            self._observer.mirrored("failed")
            return
        self._observer.mirrored("differs" if held else "same")
