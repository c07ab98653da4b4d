"""Finds what went wrong from a trace alone, by the causes of the failure catalogue.

Each rule looks at one story or one call and gives its finding or None. Races come first, with all their
consequences, then the first fault that a user met; where there was neither, why a session was not found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from devenv.core.diagnosis.faults import commands_without_reply, fault
from devenv.core.diagnosis.findings import Diagnosis, finding, in_its_words
from devenv.core.diagnosis.handwriting import handwriting
from devenv.core.diagnosis.losses import beyond_the_limit, connection_fault, loss
from devenv.core.diagnosis.races import races
from devenv.core.diagnosis.stories import Call, Joined, Story, join
from devenv.core.model.events import StackEvent, TraceEvent

MAX_PORT = 65535


def diagnose(trace: Iterable[TraceEvent]) -> tuple[Diagnosis, ...]:
    """What went wrong in a trace; empty where nothing did. Never raises, whatever the events."""
    return diagnose_joined(join(trace))


def diagnose_joined(joined: Joined, since: float = float("-inf")) -> tuple[Diagnosis, ...]:
    """As ``diagnose``, of a trace that is joined already: in the order of the stories.

    ``since`` (seconds since the epoch): only what concerns a request that had not ended before, or the state
    of the stack since then. What happened earlier is known all the same.
    """
    findings = _pods_that_cannot_start(joined, since)
    for story in joined.stories:
        findings += _of_story(story, joined)
    explained = {finding.challenge for finding in findings}
    for call in joined.calls:
        if call.challenge is None or call.challenge not in explained:
            findings += _of_call(call, joined)
    findings += handwriting(joined)
    findings += commands_without_reply(joined)
    recent = {call.exchange.seq for call in joined.calls if call.ended >= since}
    return tuple(
        in_its_words(one_finding, joined.profile)
        for one_finding in findings
        if _concerns(one_finding, recent, since)
    )


def _concerns(finding: Diagnosis, recent: Collection[int], since: float) -> bool:
    """Whether a finding is about a recent exchange, or a later command or event."""
    requests = [line.seq for line in finding.evidence if line.kind == "exchange"]
    if requests:
        return any(seq in recent for seq in requests)
    return any(line.kind == "stack" or line.time >= since for line in finding.evidence)


def _of_story(story: Story, joined: Joined) -> list[Diagnosis]:
    calls = [call for call in (story.create, *story.verifies) if call is not None]
    faults = (fault(call, joined) for call in calls)
    findings = races(story, joined)
    findings += [problem for problem in faults if problem is not None][:1]
    if not findings:
        limit = joined.profile.limit
        beyond = beyond_the_limit(story, limit) if limit else None
        findings += [problem for problem in (loss(story, joined) or beyond,) if problem is not None]
    return findings


def _of_call(call: Call, joined: Joined) -> list[Diagnosis]:
    """A call that is part of no story with a finding: a create that failed, an unexplained error."""
    if call.challenge is None and (problem := fault(call, joined)) is not None:
        return [problem]
    if call.crashed or call.unheard:
        refused = connection_fault(joined, call)
        if refused is not None:
            return [refused]
    broke = call.crashed and not joined.user_provided  # what a user-provided service did before is not known
    if joined.profile.switchable and joined.flag(call) is False and (broke or call.steps):
        how = "sent commands to Redis" if call.steps else "failed"
        sentence = f"with USE_REDIS=false {call.pod} {how}: {call.kind} is not what it was before the change"
        return [finding("flag-off-regression", call.challenge, sentence, *call.steps[:1], call)]
    if call.crashed:
        return [_unexplained(call, joined)]
    if call.unheard:
        return [_unanswered(call, joined)]
    return []


def _unexplained(call: Call, joined: Joined) -> Diagnosis:
    answered = f"{call.pod} answered {call.exchange.status}"
    refused = next((step for step in reversed(call.steps) if step.reply is not None and step.failed), None)
    if refused is None and (unseen := _past_the_gate(call, joined)):
        sentence = f"{answered}, and {unseen}"
    elif refused is None:
        sentence = f"{answered} and the trace does not say why"
    else:
        sentence = f"{answered} after Redis had answered {refused.name} with {refused.reply}"
    return finding("unexplained", call.challenge, sentence, refused, *call.steps[-1:], call)


def _past_the_gate(call: Call, joined: Joined) -> str:
    """Where nothing of the pod's process came through the gate and something of others did: that, in words.

    Its settings may lead elsewhere, which the trace does not have. Empty: it did, or no pod's did.
    """
    others = sorted({step.command.pod for step in joined.steps} - {call.pod})
    if not call.pod or not others or joined.heard_of(call.pod, call.ended):
        return ""
    return (
        "nothing that it sent to Redis since its start came through the gate, as what "
        f"{', '.join(others)} sent did: `devenv doctor` tries where its settings lead"
    )


def _unanswered(call: Call, joined: Joined) -> Diagnosis:
    """A request whose pod gave no answer, for a reason that is not in the trace."""
    restart = joined.restarted(call.pod, call.started, call.ended) if call.pod else None
    who = f"{call.pod} gave no answer to {call.word}" if call.pod else f"no pod was reached for {call.word}"
    why = f" ({call.exchange.error})" if call.exchange.error else ""
    unseen = _past_the_gate(call, joined) or "the trace does not say why"
    reason = "it was restarted meanwhile" if restart else unseen
    sentence = f"{who}{why}: {call.ending}; {reason}"
    return finding("unexplained", call.challenge, sentence, restart, *call.steps[-1:], call)


def _pods_that_cannot_start(joined: Joined, since: float) -> list[Diagnosis]:
    """REDIS_PORT is no port, and the pod answered nothing from then on."""
    findings = []
    for event in joined.stack:
        port = event.detail.get("REDIS_PORT") if event.what == "pod" else None
        if port is None or _is_port(port) or _served_after(event, joined):
            continue
        if any(e.what == "pod" and e.pod == event.pod and event.time < e.time <= since for e in joined.stack):
            continue
        shown = StackEvent(event.time, event.what, event.pod, {"REDIS_PORT": port})
        sentence = f"{event.pod} does not start: REDIS_PORT={port!r} is not a port"
        findings.append(finding("bad-port-value", None, sentence, shown))
    return findings


def _is_port(word: str) -> bool:
    return word.isdecimal() and len(word) <= len(str(MAX_PORT)) and 0 < int(word) <= MAX_PORT


def _served_after(event: StackEvent, joined: Joined) -> bool:
    later = [e.time for e in joined.stack if e.what == "pod" and e.pod == event.pod and e.time > event.time]
    until = min(later, default=float("inf"))
    return any(
        call.pod == event.pod and call.exchange.error is None and event.time <= call.started < until
        for call in joined.calls
    )
