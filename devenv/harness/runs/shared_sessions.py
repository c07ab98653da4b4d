"""Which sessions of a run the pods may have found of each other by files of this machine, not in Redis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from devenv.core.model.events import HistoryEvent, RedisCommand, TraceEvent
from devenv.core.model.ids import ChallengeId
from devenv.core.model.session_ids import stored_forms
from devenv.core.model.topology import StackStatus
from devenv.stack.pod_files.shared_files import SharedFile, shared_files


def files_by_kind(
    status: StackStatus,
    history: Iterable[HistoryEvent],
    trace: Iterable[TraceEvent],
    since: float,
    state_dir: Path,
) -> Mapping[str, tuple[SharedFile, ...]]:
    """For each kind of session in ``history`` that was not in Redis: the files that may have been its store.

    ``history`` and ``trace`` are those of requests after ``since``; ``state_dir`` is our own.
    """
    keys = [item.key for item in trace if isinstance(item, RedisCommand) and item.key is not None]
    opened: dict[str, set[ChallengeId]] = defaultdict(set)
    for event in history:
        kind, mark, session = (event.key or "").partition(":")
        if mark and not _in_one_of(keys, ChallengeId(session)):
            opened[kind].add(ChallengeId(session))
    if not opened:
        return {}
    files = shared_files(status, frozenset().union(*opened.values()), since, state_dir)
    return {
        kind: tuple(file for file in files if not file.ids or file.ids & ids) for kind, ids in opened.items()
    }


def _in_one_of(keys: Iterable[str], session: ChallengeId) -> bool:
    forms = [form.text for form in stored_forms(session)]
    return any(form in key for key in dict.fromkeys(keys) for form in forms)
