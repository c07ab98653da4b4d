"""Sessions in the process: what the service did before the migration (USE_REDIS=false)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from devenv.captcha_api.errors import Refusal, Ungraded, not_found
from devenv.captcha_api.stores import ATTEMPTS_LIMIT, Document, Submission, Verdict
from devenv.core.model.vocabulary import CaptchaType


@dataclass(slots=True)
class _Entry:
    document: Document
    born: float


class MemoryStore:
    """Per-process dictionaries; another pod, another worker or a restart knows nothing of them.

    Handwriting has ONE current word per process, as the original had: challenge ids are ignored, it never
    expires, and solving it does not use it up.
    """

    name = "memory"

    def __init__(self, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``ttl`` in seconds; ``clock`` is a monotonic one."""
        self._ttl = ttl
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[CaptchaType, dict[str, _Entry]] = {
            CaptchaType.ABSTRACT: {},
            CaptchaType.IMAGEGRID: {},
        }
        self._current_word: Document | None = None

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """Keep it here. False for handwriting: its id names nothing."""
        with self._lock:
            if kind == CaptchaType.HANDWRITING:
                self._current_word = document
                return False
            sessions = self._sessions[kind]
            self._forget_long_expired(sessions)
            sessions[challenge_id] = _Entry(dict(document), self._clock())
            return True

    def verify(self, submission: Submission) -> Verdict:
        """Grade against this process's own sessions."""
        if submission.kind == CaptchaType.HANDWRITING:
            return self._verify_word(submission)
        with self._lock:
            document = self._live(submission).document
        submission.gather(document)
        with self._lock:
            # Gathering may have taken seconds: another request can have ended the session meanwhile.
            document = self._live(submission).document
            passed = submission.passes(document)
            document["attempts"] += 1
            attempts = document["attempts"]
            ended = passed or attempts >= ATTEMPTS_LIMIT
            if ended:
                del self._sessions[submission.kind][submission.challenge_id]
        return Verdict(document, passed, attempts, ended)

    def holds(self, kind: CaptchaType, challenge_id: str) -> bool:
        """Whether this process has the session; never a handwriting one, whose ids name nothing."""
        with self._lock:
            entry = self._sessions.get(kind, {}).get(challenge_id)
            return entry is not None and self._clock() - entry.born <= self._ttl

    def warm_up(self) -> None:
        """Nothing to do."""

    def check_ready(self) -> None:
        """Always."""

    def sessions_here(self) -> Mapping[str, int]:
        """Those that a look-up would find; expired ones are kept a while and not counted."""
        with self._lock:
            now = self._clock()
            counts = {
                str(kind): sum(now - entry.born <= self._ttl for entry in sessions.values())
                for kind, sessions in self._sessions.items()
            }
            counts[str(CaptchaType.HANDWRITING)] = int(self._current_word is not None)
            return counts

    def server_info(self) -> Mapping[str, Any]:
        """No server."""
        return {}

    def _verify_word(self, submission: Submission) -> Verdict:
        if self._current_word is None:
            raise Ungraded("No handwriting challenge is active")
        submission.gather(self._current_word)
        # Read again: a challenge that was created meanwhile has changed the word of the whole process.
        document = self._current_word
        return Verdict(document, submission.passes(document), None, False)

    def _live(self, submission: Submission) -> _Entry:
        sessions = self._sessions[submission.kind]
        entry = sessions.get(submission.challenge_id)
        if entry is None:
            raise not_found()
        if self._clock() - entry.born > self._ttl:
            del sessions[submission.challenge_id]
            raise Ungraded("Challenge expired", Refusal.EXPIRED)
        return entry

    def _forget_long_expired(self, sessions: dict[str, _Entry]) -> None:
        """Drop what expired a whole TTL ago; until then a late answer still gets "expired"."""
        oldest_kept = self._clock() - 2 * self._ttl
        while sessions:
            challenge_id = next(iter(sessions))
            if sessions[challenge_id].born >= oldest_kept:
                return
            del sessions[challenge_id]
