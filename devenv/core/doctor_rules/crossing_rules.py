"""Sessions that were opened on one pod of a running stack and used on another: what a person would try first.

The causes are ``explain``'s, from the trace of these very requests: doctor and explain say the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from devenv.core.diagnosis.findings import CHANGES as FAILURE_CHANGES
from devenv.core.doctor_rules.advice import CAUSES, UNEXPLAINED, Advice, Change, Checked
from devenv.core.doctor_rules.facts import Crossing, Facts, Refusal, TraceCause
from devenv.core.doctor_rules.refusals import CHANGES, first_kind, kind_of

_NAME = "a session on another pod"
_SHOWN = 4
_LOSE_SESSIONS = frozenset(
    (
        "pod-memory", "mixed-flags", "prefix-mismatch", "wrong-port", "cluster-plain-client",
        "cluster-database", "standalone-cluster-client", "announce-unreachable", "redis-hangs", "redis-late",
        "redis-dies", "writes-refused", "bad-port-value",
    )
)  # fmt: skip
"""Causes by which a session is lost on another pod, or is not written at all."""
_PLAIN_CLIENT = FAILURE_CHANGES["standalone-cluster-client"]
_UNSEEN = "read the pods' logs: their Redis is not behind the gate, so its commands were not recorded"


def crossings(facts: Facts, named: Collection[str]) -> list[Checked]:
    """Whether each pod knows the sessions of the others. ``named`` are the causes that were named before."""
    if facts.crossings_skipped:
        pods = ", ".join(pod.name for pod in facts.pods)
        first = first_kind(facts.refused)
        if first is None:
            return [Checked(_NAME, pods, facts.crossings_skipped, known=False)]
        refused = f"{_words_of(first[1])}; {facts.crossings_skipped}"
        return [Checked(_NAME, pods, refused, known=False, blocks=True)]
    if not facts.crossings:
        return []
    subject = ", ".join(dict.fromkeys(item.used_on for item in facts.crossings))
    lost = [item for item in facts.crossings if item.lost]
    unclear = [item for item in facts.crossings if item.unclear]
    across = [item for item in facts.crossings if item.created_on != item.used_on]
    known = sum(not item.lost and not item.unclear for item in across)
    text = f"{known} of {len(across)} sessions were known to the pod that had not opened them"
    findings = []
    if not _LOSE_SESSIONS.intersection(named):
        findings = _refused(facts, [*lost, *unclear]) or _findings(facts, lost, named)
    if lost and not findings:
        return [Checked(_NAME, subject, f"{text}; the cause is named above", known=False)]
    if unclear and not findings:
        text += f"; not known: {'; '.join(_words(item) for item in unclear[:_SHOWN])}"
    return [Checked(_NAME, subject, text, tuple(findings), not unclear, blocks=bool(unclear))]


def _refused(facts: Facts, failed: Sequence[Crossing]) -> list[Advice]:
    """What Redis refused the pods whose sessions were lost or not opened, where that tells what is wrong."""
    pods = {pod for item in failed for pod in (item.created_on, item.used_on)}
    first = first_kind(item for item in facts.refused if item.pod in pods)
    if first is None:
        return []
    return [_refusal(facts, *first, tuple(_words(item) for item in failed[:_SHOWN]))]


def _refusal(facts: Facts, kind: str, refusal: Refusal, shown: Sequence[str]) -> Advice:
    change = CHANGES[kind]
    pod = facts.pod(refusal.pod)
    if kind == "cluster-client-on-standalone" and pod is not None and "SESSION_STRATEGY" in pod.unknown:
        change = _PLAIN_CLIENT  # what it calls its client, and whether a variable chooses, its code says
    sentence = _words_of(refusal)
    return Advice(kind, refusal.pod, sentence, tuple(shown), Change(change))


def _words_of(refusal: Refusal) -> str:
    return f"Redis answered {refusal.command} of {refusal.pod} with {refusal.error}"


def _findings(facts: Facts, lost: Sequence[Crossing], named: Collection[str]) -> list[Advice]:
    """One for each cause that was not named before; none for lost sessions whose commands were not
    recorded."""
    if lost and {item.created_on for item in lost} & {*facts.past_gate}:
        return [] if named else [_lost(lost, UNEXPLAINED, (), _UNSEEN)]
    causes = {item.cause: item for item in reversed(facts.trace_causes) if item.cause != UNEXPLAINED or lost}
    findings = [
        _explained(facts, item, lost) for cause, item in reversed(causes.items()) if cause not in named
    ]
    if lost and not causes and not named:
        change = "read the pods' logs: the trace does not tell why"
        return [_lost(lost, UNEXPLAINED, (), change)]
    return findings


def _explained(facts: Facts, cause: TraceCause, lost: Sequence[Crossing]) -> Advice:
    """A cause of the trace. It may have lost no session by chance: a slot can be on the pod's own node."""
    if lost:
        return _lost(lost, cause.cause, (cause.sentence, *cause.evidence), cause.change)
    for refusal in facts.refused:
        kind = kind_of(refusal)
        if kind is not None and CAUSES[kind][0] == cause.cause:
            return _refusal(facts, kind, refusal, cause.evidence)
    return Advice(
        "seen-in-trace", cause.pods, cause.sentence, cause.evidence, Change(cause.change), cause.cause
    )


def _lost(lost: Sequence[Crossing], cause: str, evidence: Sequence[str], change: str) -> Advice:
    across = [item for item in lost if item.created_on != item.used_on]
    where = "on another pod" if across else "on the pod that opened it"
    sentence = f"a session is lost {where}"
    shown = tuple(_words(item) for item in (across or lost)[:_SHOWN])
    pods = ", ".join(dict.fromkeys(item.used_on for item in across or lost))
    return Advice("lost-across-pods", pods, sentence, (*shown, *evidence), Change(change), cause)


def _words(item: Crossing) -> str:
    return f"{item.kind}: opened on {item.created_on}, used on {item.used_on}: {item.answer}"
