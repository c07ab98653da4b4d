"""Migration, strategy births: the stage governs where a session is born, its id where it is looked up.

A session has one authority for its whole life, the store that it was born in, and its id says which: an id
that begins with ``r`` is in Redis, any other in the memory of one pod. So no attempt is ever counted in two
places, whatever stages the pods are at. docs/rollout.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devenv.captcha_api.migration import Migration
from devenv.captcha_api.stores import Document, SessionStore, Submission, Verdict
from devenv.core.model.migration import Stage, is_marked
from devenv.core.model.vocabulary import CaptchaType


class BirthsStore:
    """off: memory alone. ready and births: the store that the id names. complete: Redis alone."""

    name = "births"

    def __init__(self, memory: SessionStore, redis: SessionStore, migration: Migration) -> None:
        """``memory`` is the store that is left, ``redis`` the one that is migrated to."""
        self._memory = memory
        self._redis = redis
        self._migration = migration

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """Where the id says: it was made by the stage (``migration.new_challenge_id``)."""
        return self._store_of(challenge_id).create(kind, challenge_id, document)

    def verify(self, submission: Submission) -> Verdict:
        """By the store that the id names."""
        return self._store_of(submission.challenge_id).verify(submission)

    def warm_up(self) -> None:
        """Connect to Redis, unless the stage is off."""
        if self._migration.stage is not Stage.OFF:
            self._redis.warm_up()

    def check_ready(self) -> None:
        """Redis answers, from ready on: a pod that cannot read Redis must not serve marked ids."""
        if self._migration.stage is not Stage.OFF:
            self._redis.check_ready()

    def sessions_here(self) -> Mapping[str, int]:
        """Those in this process's memory."""
        return self._memory.sessions_here()

    def server_info(self) -> Mapping[str, Any]:
        """Redis' INFO, unless the stage is off."""
        return {} if self._migration.stage is Stage.OFF else self._redis.server_info()

    def _store_of(self, challenge_id: str) -> SessionStore:
        stage = self._migration.stage
        if stage is Stage.OFF:
            return self._memory
        if stage is Stage.COMPLETE or is_marked(challenge_id):
            return self._redis
        return self._memory
