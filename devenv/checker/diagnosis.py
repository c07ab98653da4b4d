"""Tells from a trace alone what went wrong, by the causes of the failure catalogue.

Each rule looks at one story and gives its finding or None. The first rule that speaks about a lost session
names its cause; rules about races may add theirs, since one race can have several consequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from devenv.checker.findings import Finding
from devenv.checker.stories import Call, Joined, Step, Story, join
from devenv.core.events import TraceEvent
from devenv.core.vocabulary import CaptchaType, Outcome

ATTEMPTS_LIMIT = 2
"""Graded attempts per challenge: contract §1."""

SLOW_MS = 1000.0
"""A verify that waits this long for Redis hangs, as far as its user can tell."""

_REFUSALS = ("-OOM", "-READONLY", "-MISCONF", "-NOREPLICAS", "-NOPERM")

Rule = Callable[[Story, Joined], Finding | None]


def diagnose(trace: Iterable[TraceEvent]) -> tuple[Finding, ...]:
    """What went wrong in a trace, in the order of the stories; empty where nothing did."""
    joined = join(trace)
    findings: list[Finding] = []
    for story in joined.stories:
        findings += _races(story, joined)
        if not findings or findings[-1].challenge != story.challenge:
            findings += _first(_LOSSES, story, joined)
    findings += _handwriting(joined)
    return tuple(findings)


def _first(rules: Iterable[Rule], story: Story, joined: Joined) -> list[Finding]:
    return next(([found] for rule in rules if (found := rule(story, joined)) is not None), [])


def _races(story: Story, joined: Joined) -> list[Finding]:
    return [found for rule in _RACES if (found := rule(story, joined)) is not None]


def _finding(cause: str, story: Story, sentence: str, *evidence: object) -> Finding:
    return Finding(
        cause, story.challenge, sentence, tuple(str(line) for line in evidence if line is not None)
    )


# -- what crosses inside Redis ------------------------------------------------------------------------------


def _resurrection(story: Story) -> tuple[Step, Step | None] | None:
    """A plain write by a verify to a key that was gone, and the deletion before it (None: it expired)."""
    gone: Step | None = None
    vanished = False
    alive = False
    for step in story.steps:
        owner = story.owner(step)
        if step.deleted:
            gone, alive, vanished = step, False, False
        elif step.is_read and not step.failed:
            if step.reply in ("(nil)", "-2") and alive:
                vanished, alive = True, False
            elif step.name == "GET" and step.reply != "(nil)":
                alive, vanished = True, False
        elif step.is_plain_write and not step.failed:
            if owner is not None and owner.kind == "verify" and not alive and (gone or vanished):
                return step, None if vanished else gone
            alive, gone, vanished = True, None, False
    return None


def _resurrected_key(story: Story, joined: Joined) -> Finding | None:
    found = _resurrection(story)
    if found is None:
        return None
    write, deletion = found
    if deletion is None:
        return _finding(
            "expiry-inside-verify",
            story,
            f"the session expired while {write.command.pod} was between reading and writing it; the write "
            f"brought back a stub without an answer{_forever(write)}",
            *_of_owner(story, write),
            write,
        )
    return _finding(
        "resurrected-key",
        story,
        f"{deletion.command.pod} deleted the session, then {write.command.pod} wrote it back from what "
        f"it had read before: a stub{_forever(write)}",
        deletion,
        write,
    )


def _forever(write: Step) -> str:
    return ", without a TTL, for ever" if write.leaves_no_ttl else ""


def _of_owner(story: Story, step: Step) -> tuple[Step, ...]:
    """The reads of the same call before ``step``."""
    owner = story.owner(step)
    return tuple(s for s in story.steps if s.at < step.at and s.is_read and story.owner(s) is owner)


def _empty_bypass(story: Story, joined: Joined) -> Finding | None:
    for call in story.verifies:
        if call.outcome is Outcome.SUCCESS and call.request.get("selections") == []:
            read = next((step for step in call.steps if step.name == "GET"), None)
            return _finding(
                "empty-bypass",
                story,
                f"an empty selection passed on {call.pod}: the stub under the key has no positives, and "
                "nothing equals nothing",
                read,
                call,
            )
    return None


def _double_success(story: Story, joined: Joined) -> Finding | None:
    passed = [
        call
        for call in story.verifies
        if call.outcome is Outcome.SUCCESS and call.steps and call.request.get("selections") != []
    ]
    if len(passed) < 2:
        return None
    first, second = passed[:2]
    return _finding(
        "double-success",
        story,
        f"one challenge passed {len(passed)} times: {second.pod} read the session before {first.pod} had "
        "deleted it",
        second.read,
        next((step for step in first.steps if step.name == "DEL"), None),
        first,
        second,
    )


def _lost_attempt(story: Story, joined: Joined) -> Finding | None:
    graded = sorted(
        (c for c in story.verifies if c.outcome in (Outcome.WRONG, Outcome.SUCCESS) and c.attempts),
        key=lambda call: call.attempts or 0,
    )
    for first, second in pairwise(graded):
        wrong = Outcome.WRONG in (first.outcome, second.outcome)
        if first.attempts == second.attempts and wrong and first.steps and second.steps:
            return _finding(
                "lost-attempt",
                story,
                f"two answers both counted as attempt {first.attempts}: {first.pod} and {second.pod} read "
                "the count before either had written it",
                *_counted(first),
                *_counted(second),
                first,
                second,
            )
    return None


def _counted(call: Call) -> list[Step]:
    reads = [step for step in call.steps if step.name == "GET"][-1:]
    return reads + [step for step in call.steps if step.is_plain_write][-1:]


def _ttl_rounds_to_zero(story: Story, joined: Joined) -> Finding | None:
    for before, after in pairwise(story.steps):
        same = story.owner(before) is story.owner(after)
        if before.name == "TTL" and before.reply == "0" and after.leaves_no_ttl and same:
            return _finding(
                "ttl-rounds-to-zero",
                story,
                f"TTL answered 0 in the session's last half second, so {after.command.pod} wrote it without "
                "one: it never expires",
                before,
                after,
            )
    return None


_RACES: tuple[Rule, ...] = (
    _resurrected_key,
    _empty_bypass,
    _double_success,
    _lost_attempt,
    _ttl_rounds_to_zero,
)


# -- faults of Redis and of the way to it -------------------------------------------------------------------


def _reply_lost(story: Story, joined: Joined) -> Finding | None:
    lost = next((step for step in story.steps if step.lost and not step.is_read), None)
    owner = None if lost is None else story.owner(lost)
    if lost is None or owner is None or (owner.kind == "verify" and owner.outcome in _GRADED):
        return None
    return _finding(
        "reply-lost",
        story,
        f"Redis ran {lost.name} for {owner.pod}, but the reply never arrived: its user was not told",
        lost,
        owner,
    )


_GRADED = (Outcome.SUCCESS, Outcome.WRONG)


def _wrong_type(story: Story, joined: Joined) -> Finding | None:
    for step in story.steps:
        broken = (
            step.name == "GET" and step.reply not in (None, "(nil)") and not _is_document(step.reply or "")
        )
        if (step.reply or "").startswith("-WRONGTYPE") or (broken and not step.failed):
            return _finding(
                "wrong-type",
                story,
                f"what lies under the session's key is no session: {step.name} → {step.reply!r:.60}",
                step,
                story.owner(step),
            )
    return None


def _is_document(reply: str) -> bool:
    return reply.startswith("{")


def _writes_refused(story: Story, joined: Joined) -> Finding | None:
    refused = next((s for s in story.steps if s.is_write and (s.reply or "").startswith(_REFUSALS)), None)
    if refused is None:
        return None
    return _finding(
        "writes-refused",
        story,
        f"Redis refused {refused.name} ({refused.reply}), so attempts are not counted",
        refused,
        story.owner(refused),
    )


def _cluster(story: Story, joined: Joined) -> Finding | None:
    moved = next((step for step in story.steps if (step.reply or "").startswith("-MOVED")), None)
    if moved is None:
        return None
    sentence = (
        f"the key's slot belongs to another cluster node ({moved.reply}); a plain client does not follow"
    )
    return _finding("cluster-plain-client", story, sentence, moved, story.owner(moved))


def _redis_hangs(story: Story, joined: Joined) -> Finding | None:
    for call in story.verifies:
        silent = next((s for s in call.steps if s.reply is None and not s.lost), None)
        if silent is not None and call.exchange.duration_ms >= SLOW_MS:
            waited = f"{call.exchange.duration_ms / 1000:.1f} s"
            sentence = f"Redis took {silent.name} of {call.pod} and never answered: the user waited {waited}"
            return _finding("redis-hangs", story, sentence, silent, call)
    return None


# -- the session is looked for where it is not --------------------------------------------------------------


def _lost(story: Story) -> Call | None:
    """The first verify that was told "not found" although the session should have been there."""
    for call in story.verifies:
        if call.outcome is Outcome.NOT_FOUND and not _over(story, call):
            return call
    return None


def _over(story: Story, call: Call) -> bool:
    """Whether the session had rightly ended before ``call``: solved, or at the limit, maybe meanwhile."""
    others = [other for other in story.verifies if other is not call and other.started <= call.ended]
    solved = any(other.outcome is Outcome.SUCCESS for other in others)
    return solved or sum(other.outcome in _GRADED for other in others) >= ATTEMPTS_LIMIT


def _session_lost(story: Story, joined: Joined) -> Finding | None:
    lost, create = _lost(story), story.create
    if lost is None or create is None:
        return None
    if create.wrote is None and lost.read is None:
        return _both_in_memory(story, joined, create, lost)
    if create.wrote is not None and lost.read is None:
        cause = "half-migration" if create.pod == lost.pod else "mixed-flags"
        sentence = f"{create.pod} wrote the session to Redis, {lost.pod} looked in its own memory"
        return _finding(cause, story, sentence, create.wrote, create, lost)
    if create.wrote is None:
        return _fell_back(story, joined, create, lost)
    return _gone_from_redis(story, joined, create, lost)


def _both_in_memory(story: Story, joined: Joined, create: Call, lost: Call) -> Finding:
    wished = joined.settings(create.pod, create.started).get("USE_REDIS", "false").lower() == "true"
    if wished:
        state = joined.redis_state(create.started)
        cause = "wrong-port" if state == "running" else "redis-dies"
        sentence = (
            f"USE_REDIS=true, yet neither {create.pod} nor {lost.pod} said a word to Redis: they could not "
            "reach it and used their own memory"
        )
        return _finding(cause, story, sentence, create, lost)
    if create.pod != lost.pod:
        sentence = f"the session is in the memory of {create.pod}, and {lost.pod} was asked for it"
        return _finding("pod-memory", story, sentence, create, lost)
    if joined.restarted(create.pod, create.started, lost.ended):
        sentence = (
            f"{create.pod} was restarted after it created the session: its memory went with the process"
        )
        return _finding("pod-restart", story, sentence, create, lost)
    sentence = (
        f"{create.pod} created the session and did not find it again: another of its worker processes did"
    )
    return _finding("many-workers", story, sentence, create, lost)


def _fell_back(story: Story, joined: Joined, create: Call, lost: Call) -> Finding:
    flag = joined.settings(create.pod, create.started).get("USE_REDIS", "").lower()
    if flag == "false":
        sentence = f"{create.pod} kept the session in its memory, {lost.pod} looked in Redis"
        return _finding("mixed-flags", story, sentence, create, lost.read, lost)
    connected = any(step.at < create.started and step.command.pod == create.pod for step in joined.steps)
    if create.steps or connected:
        sentence = f"Redis went away: {create.pod} could not write the session, and nobody was told"
        return _finding("redis-dies", story, sentence, *create.steps, create, lost.read, lost)
    sentence = f"Redis was not there yet when {create.pod} created the session: it lies in the pod's memory"
    return _finding("redis-late", story, sentence, create, lost.read, lost)


def _gone_from_redis(story: Story, joined: Joined, create: Call, lost: Call) -> Finding | None:
    wrote, read = create.wrote, lost.read
    assert wrote is not None
    assert read is not None
    databases = {joined.settings(call.pod, call.started).get("REDIS_DB", "0") for call in (create, lost)}
    if wrote.key != read.key or len(databases) > 1:
        sentence = f"{create.pod} wrote {wrote.key}, {lost.pod} read {read.key}" + (
            "" if wrote.key != read.key else f" in another database ({', '.join(sorted(databases))})"
        )
        return _finding("prefix-mismatch", story, sentence, wrote, read, lost)
    if read.failed:
        sentence = f"Redis did not answer {lost.pod}, which told its user that there is no such challenge"
        return _finding("redis-dies", story, sentence, wrote, read, lost)
    removed = any(step.deleted for step in story.steps if step.at < read.at)
    ttl = create.answer.get("ttl")
    expired = isinstance(ttl, int | float) and read.at - wrote.at >= ttl
    if removed or expired:
        return None
    sentence = f"{wrote.key} was written with a time to live and was gone before it: nobody deleted it"
    return _finding("flushed", story, sentence, wrote, read, lost)


_LOSSES: tuple[Rule, ...] = (
    _cluster,
    _wrong_type,
    _writes_refused,
    _reply_lost,
    _redis_hangs,
    _session_lost,
)


# -- one word per process -----------------------------------------------------------------------------------


def _handwriting(joined: Joined) -> list[Finding]:
    """The word that a pod judged by, where no Redis was asked: that of its latest challenge, whoever's.

    Such a verify names no challenge, so whose drawing it was cannot be told; that others were open can.
    """
    current: dict[str, Call] = {}
    passed: dict[str, Call] = {}
    creates: list[Call] = []
    findings: list[Finding] = []
    for call in joined.calls:
        if call.captcha is not CaptchaType.HANDWRITING or call.steps:
            continue
        if call.kind == "create":
            current[call.pod] = call
            passed.pop(call.pod, None)
            creates.append(call)
            continue
        own = current.get(call.pod)
        others = [create for create in creates if create is not own]
        if call.outcome is Outcome.WRONG and others:
            whose = "no word" if own is None else "the word of its own latest challenge"
            sentence = f"{call.pod} judged the drawing by {whose}, while others were open: it knows one word"
            findings.append(_global_word(call, sentence, others[-1], own, call))
        if call.outcome is Outcome.SUCCESS:
            if call.pod in passed:
                sentence = f"a solved answer passed again on {call.pod}: its one word never ends"
                findings.append(_global_word(call, sentence, passed[call.pod], call))
            passed[call.pod] = call
    return findings


def _global_word(call: Call, sentence: str, *evidence: Call | None) -> Finding:
    lines = tuple(str(line) for line in evidence if line is not None)
    return Finding("handwriting-global", call.challenge, sentence, lines)
