"""The stage of a migration in one process, and how it changes while the process runs."""

from __future__ import annotations

import uuid
from threading import Lock

from devenv.core.model.migration import REDIS_MARK, STAGES, MigrationStrategy, Stage


class StageConflict(Exception):
    """The stage is another than the one that the caller takes it for; ``present`` is the stage."""

    def __init__(self, present: Stage) -> None:
        super().__init__(f"the stage is {present}")
        self.present = present


class Migration:
    """The strategy, and the present stage. Safe to use from several threads."""

    def __init__(self, strategy: MigrationStrategy, stage: Stage) -> None:
        """Begins at ``stage``, which is one of ``strategy``."""
        self.strategy = strategy
        self._stage = stage
        self._lock = Lock()

    @property
    def stage(self) -> Stage:
        """The present stage."""
        return self._stage

    def change(self, expected: Stage, wanted: Stage) -> None:
        """Compare and set: go to ``wanted`` if the stage is ``expected``, else raise StageConflict.

        Raises ValueError for a stage that the strategy does not have.
        """
        if wanted not in STAGES[self.strategy]:
            raise ValueError(f"{self.strategy} has the stages {', '.join(STAGES[self.strategy])}")
        with self._lock:
            if self._stage is not expected:
                raise StageConflict(self._stage)
            self._stage = wanted


def new_challenge_id(migration: Migration | None = None) -> str:
    """32 hex digits, unguessable; marked where ``migration`` lets the session be born in Redis."""
    born_in_redis = (
        migration is not None
        and migration.strategy is MigrationStrategy.BIRTHS
        and migration.stage in (Stage.BIRTHS, Stage.COMPLETE)
    )
    return (REDIS_MARK if born_in_redis else "") + uuid.uuid4().hex
