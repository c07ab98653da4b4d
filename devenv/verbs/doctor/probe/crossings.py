"""Opens sessions on each pod of a running stack, uses them on the others, and explains the trace."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devenv.core.diagnosis.findings import Diagnosis
from devenv.core.diagnosis.remarks import remarks
from devenv.core.diagnosis.stories import join
from devenv.core.diagnosis.trace_diagnosis import diagnose_joined
from devenv.core.doctor_rules.facts import Crossing, TraceCause
from devenv.core.model.errors import DevenvError
from devenv.core.model.topology import RedisMode, StackStatus
from devenv.core.model.vocabulary import Outcome
from devenv.harness.client.client import TIMEOUT_S
from devenv.harness.client.cross_pod_check import Crossed, every_crossing
from devenv.harness.client.recording import Recording
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.shared_sessions import files_by_kind
from devenv.harness.runs.trace import TraceCollector
from devenv.stack.pod_files.shared_files import SharedFile
from devenv.verbs.doctor.probe.login_crossings import login_crossings

MOST_PODS = 4
"""Pods that are tried with each other; more would be the same many times over."""
_CLUSTER_ROUNDS = 4
"""Two keys of a round are on the right one of three nodes once in 9 times: four rounds miss once in 6,561."""
_MOST_EVIDENCE = 6
_MOST_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class TriedAcross:
    """What came of sessions that were used on other pods than those that opened them."""

    crossings: tuple[Crossing, ...] = ()
    """How each use ended."""
    causes: tuple[TraceCause, ...] = ()
    """What explain finds in the trace."""
    remarks: tuple[str, ...] = ()
    """What explain notes of the trace."""


def try_across(
    stack: JournaledStack,
    status: StackStatus,
    seed: int,
    state_dir: Path,
    silent: Mapping[str, str],
    without_redis: Collection[str] = (),
    timeout: float = TIMEOUT_S,
) -> TriedAcross:
    """Sessions of each kind, and login sessions, on each pair of running pods, and what explain says of them.

    Nothing where fewer than two pods run. A session that was known by a file of this machine (``state_dir``
    is our own) is unclear. ``silent``: the pods that gave no answer to a create, with the reason.
    ``without_redis``: the pods that are known to reach no Redis, which are tried less often; ``timeout``: the
    seconds that a request may take. A profile without known answers gives one unclear crossing.
    """
    pods = [pod.name for pod in status.pods if pod.state in ("running", "paused")][:MOST_PODS]
    if len(pods) < 2:
        return TriedAcross()
    # In a cluster a client meets the right node by chance: what it is refused shows on some keys only.
    rounds = _CLUSTER_ROUNDS if status.spec.redis_mode is RedisMode.CLUSTER else 1
    recording, began = Recording(), time.time()
    for number in range(rounds):
        try:
            collector = TraceCollector(stack, time.time)
            crossed = every_crossing(
                status,
                pods,
                recording,
                seed=seed + number,
                silent=silent,
                without_redis=without_redis,
                timeout=timeout,
            )
            trace = collector.trace(recording.request_ids)
        except DevenvError as error:
            return TriedAcross((Crossing("any", pods[0], pods[1], error.message, unclear=True),))
        joined = join(trace)
        causes = tuple(_cause(diagnosis, pods) for diagnosis in diagnose_joined(joined))
        if causes:
            break
    files = files_by_kind(status, recording.history, trace, began, state_dir)
    crossings = tuple(_crossing(item, status, files.get(item.kind, ())) for item in crossed)
    of_login, causes_of_login = login_crossings(status, pods, timeout)
    return TriedAcross((*crossings, *of_login), (*causes, *causes_of_login), remarks(joined))


def _crossing(crossed: Crossed, status: StackStatus, files: Sequence[SharedFile]) -> Crossing:
    kind, creator, user = crossed.kind, crossed.created_on, crossed.used_on
    if crossed.verified is None:
        return Crossing(kind, creator, user, crossed.refused, unclear=True)
    verified = crossed.verified
    right = bool(status.spec.profile.oracle)
    lost = verified.outcome is Outcome.NOT_FOUND or (right and verified.outcome is Outcome.WRONG)
    answer = {Outcome.NOT_FOUND: "not found", Outcome.SUCCESS: "known"}.get(verified.outcome)
    if verified.outcome is Outcome.WRONG:
        answer = "a right answer was called wrong" if right else "known"
    if answer is None:
        answer = f"HTTP {verified.status}: {' '.join(str(dict(verified.body)).split())[:_MOST_CHARACTERS]}"
    if files and creator != user and answer == "known":
        answer = f"known, but by a file that containers do not share: {files[0]}"
        return Crossing(kind, creator, user, answer, unclear=True)
    return Crossing(kind, creator, user, answer, lost, verified.outcome is Outcome.ERROR)


def _cause(diagnosis: Diagnosis, pods: Sequence[str]) -> TraceCause:
    evidence = tuple(line.text for line in diagnosis.evidence[:_MOST_EVIDENCE])
    named = [pod for pod in pods if pod in " ".join((diagnosis.sentence, *evidence))]
    return TraceCause(
        diagnosis.cause, ", ".join(named or pods), diagnosis.sentence, evidence, diagnosis.change
    )
