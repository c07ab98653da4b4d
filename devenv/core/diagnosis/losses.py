"""The session is looked for where it is not: why one challenge was "not found" though it should be there."""

from __future__ import annotations

from collections.abc import Iterable

from devenv.core.diagnosis.clients import client_of, client_sentence, clients_of
from devenv.core.diagnosis.findings import Diagnosis, finding
from devenv.core.diagnosis.steps import Step
from devenv.core.diagnosis.stories import GRADED, Call, Joined, Story
from devenv.core.model.events import GIVEN, RedisCommand, StackEvent
from devenv.core.model.ids import ChallengeId
from devenv.core.model.vocabulary import CaptchaType, Outcome
from devenv.core.resp.refusals import LOGIN_REFUSED, reply_kind

_ENOUGH_STORIES = 100
"""This many are looked through for what all pods do: a long trace has more of the same."""

_EXPIRING = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")
_EXPIRES = ("expire", "age")


def loss(story: Story, joined: Joined) -> Diagnosis | None:
    """Why the first verify that should have found the session did not; None where all did."""
    lost, create = _lost(story, joined), story.create
    if lost is None or create is None:
        return None
    if create.wrote is not None and lost.read is not None and _about_the_same(story, create.wrote, lost.read):
        return _gone_from_redis(story, joined, create, lost)
    if create.wrote is not None:
        return _not_looked_for(story, joined, create, lost)
    if lost.read is not None:
        return _fell_back(story, joined, create, lost)
    return _both_in_memory(story, joined, create, lost)


def _about_the_same(story: Story, wrote: Step, read: Step) -> bool:
    """Whether both keys can be the session's: a pod may also count requests or hold locks in Redis."""
    return story.challenge not in wrote.key or story.challenge in read.key


def _lost(story: Story, joined: Joined) -> Call | None:
    for call in sorted((*story.verifies, *story.vain_ends), key=lambda call: call.started):
        if call.outcome is Outcome.NOT_FOUND and not _over(story, call, joined) and not _unsure(story, call):
            return call
        if _judged_by_another_word(story, call):
            return call
    return None


def _unsure(story: Story, call: Call) -> bool:
    """Whether the commands of ``call`` may be attributed to others: requests overlap on its pod."""
    return call.read is None and any(
        other.read is not None and other.pod == call.pod and other.overlaps(call)
        for other in story.verifies
        if other is not call
    )


def _judged_by_another_word(story: Story, call: Call) -> bool:
    """Handwriting with a session in Redis, judged by a pod that did not look there: never "not found"."""
    if call.captcha != CaptchaType.HANDWRITING or call.read is not None or _unsure(story, call):
        return False
    written = story.create is not None and story.create.wrote is not None
    return written and call.exchange.status == 200 and call.outcome is not Outcome.SUCCESS


def _over(story: Story, call: Call, joined: Joined) -> bool:
    """Whether the session had rightly ended before ``call``: by its client, solved, or at the limit."""
    if any(end.started <= call.ended for end in story.ends):
        return True
    if joined.profile.reusable:
        return False
    others = [
        other
        for other in story.verifies
        if other is not call
        and (other.ended <= call.started or (other.started <= call.ended and _share(other, call)))
    ]
    solved = any(other.outcome is Outcome.SUCCESS for other in others)
    limit = joined.profile.limit or 0
    return solved or 0 < limit <= sum(other.outcome in GRADED for other in others)


def _share(one: Call, other: Call) -> bool:
    """Whether two calls at the same time look into the same place."""
    return one.pod == other.pod or (one.read is not None and other.read is not None)


def _both_in_memory(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis | None:
    here, there = joined.flag(create), joined.flag(lost)
    challenge_id = story.challenge
    if joined.profile.switchable and here is not None and there is not None and here != there:
        return _mixed(story, joined, create, lost)
    if here:
        return _redis_unused(story, joined, create, lost)
    if joined.user_provided and (refused := _cluster_client(challenge_id, joined, create, lost)) is not None:
        return refused  # also with USE_REDIS=false: the service may not read that switch
    if create.pod != lost.pod:
        return _in_memory_of(challenge_id, joined, create, lost)
    if (restart := joined.restarted(create.pod, create.started, lost.ended)) is not None:
        sentence = (
            f"{create.pod} was restarted after it created the session: its memory went with the process"
        )
        return finding("pod-restart", challenge_id, sentence, create, restart, lost)
    if _expired(create, create.started, lost.started):
        return None
    one_process = joined.settings(create.pod, create.started).get("WORKERS") == "1"
    # What a user-provided service did before is not known.
    if one_process and (joined.user_provided or not joined.profile.switchable):
        sentence = (
            f"{create.pod} opened the session, was not restarted, and did not find it again: it had ended "
            "(an idle time-out, or a limit of the server's own), or the server lost it"
        )
        return finding("unexplained", challenge_id, sentence, create, lost)
    if one_process:
        sentence = (
            f"{create.pod} created the session and did not find it again, with one process and the flag off"
        )
        return finding("flag-off-regression", challenge_id, sentence, create, lost)
    sentence = (
        f"{create.pod} created the session and did not find it again: another of its worker processes did"
    )
    return finding("many-workers", challenge_id, sentence, create, lost)


def _in_memory_of(challenge_id: ChallengeId, joined: Joined, create: Call, lost: Call) -> Diagnosis:
    where = "in the memory, or on the disk," if joined.user_provided else "in the memory"
    sentence = f"the session is {where} of {create.pod}, and {lost.pod} was asked for it"
    return finding("pod-memory", challenge_id, sentence, create, lost)


def _expired(create: Call, since: float, when: float) -> bool:
    ttl = create.answer.get("ttl")
    return isinstance(ttl, int | float) and when - since >= ttl


def _redis_unused(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis | None:
    """USE_REDIS=true, and neither pod sent Redis a command about this session."""
    challenge_id = story.challenge
    if (of_client := _cluster_client(challenge_id, joined, create, lost)) is not None:
        return of_client
    state = joined.redis_state(create.started)
    if state == "paused":
        sentence = f"Redis did not answer {create.pod}, which kept the session in its memory without a word"
        return finding(
            "redis-hangs", challenge_id, sentence, *_actions(joined, create, "pause"), create, lost
        )
    if state == "stopped":
        sentence = f"Redis was stopped: {create.pod} could not write the session and reported no error"
        return finding("redis-dies", challenge_id, sentence, *_actions(joined, create, "stop"), create, lost)
    if _expired(create, create.started, lost.started):
        return None
    return _never_reached(story, joined, create, lost)


def _never_reached(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis:
    """Redis was there, and neither pod sent it a command about this session."""
    challenge_id = story.challenge
    refusal = _refusal(joined, create.pod)
    why = f": {refusal.command} → {refusal.reply}" if refusal is not None else ""
    who = create.pod if create.pod == lost.pod else f"neither {create.pod} nor {lost.pod}"
    sent = "sent no command" if create.pod == lost.pod else "sent a command"
    flag = "USE_REDIS=true, yet " if joined.profile.switchable else ""
    unused = f"{flag}{who} {sent} about the session to Redis"
    spoke = [pod for pod in (create.pod, lost.pod) if joined.connected(pod, create.started)]
    if refusal is None and not joined.profile.switchable and create.pod != lost.pod:
        if create.steps or lost.steps:  # some may be about the session, under a key that does not show it
            return finding("unexplained", challenge_id, f"{unused}, as far as its keys show", create, lost)
        return _in_memory_of(challenge_id, joined, create, lost)
    if refusal is None and (spoke or _one_memory(joined, create, lost)):
        # With Redis at hand, or in the only memory there is, it would have been found.
        why = (
            f"though Redis had answered {spoke[0]} before"
            if spoke
            else "and its memory, which it would have used instead, does not have it either"
        )
        return finding("unexplained", challenge_id, f"{unused}, {why}", create, lost)
    sentence = f"{unused} and memory was used instead{why}"
    return finding("wrong-port", challenge_id, sentence, refusal, create, lost)


def _one_memory(joined: Joined, create: Call, lost: Call) -> bool:
    """Whether both calls met the same process, whose memory would have had the session."""
    return (
        create.pod == lost.pod
        and joined.settings(create.pod, create.started).get("WORKERS", "1") == "1"
        and joined.restarted(create.pod, create.started, lost.ended) is None
    )


def _actions(joined: Joined, call: Call, action: str) -> list[StackEvent]:
    events = joined.redis_events(float("-inf"), call.ended)
    return [event for event in events if event.detail.get("action") == action][-1:]


def _refusal(joined: Joined, pod: str) -> RedisCommand | None:
    """What Redis refused ``pod`` when it connected: AUTH, HELLO, PING, SELECT."""
    for word in joined.keyless:
        if word.pod != pod or word.command not in ("AUTH", "HELLO", "PING", "SELECT"):
            continue
        # "unknown command 'HELLO'" does no harm: clients go on with the older protocol.
        harm = word.command != "HELLO" and (word.reply or "").startswith("-ERR")
        if harm or reply_kind(word.command, word.reply) in LOGIN_REFUSED:
            return word
    return None


def connection_fault(joined: Joined, call: Call) -> Diagnosis | None:
    """Why the pod of ``call`` cannot use Redis, by what Redis answered it up to then."""
    challenge_id = call.challenge or ChallengeId("")
    if (of_client := _cluster_client(challenge_id, joined, call)) is not None:
        return of_client
    refusal = _refusal(joined, call.pod)
    if refusal is None or call.steps or joined.connected(call.pod, call.ended):
        return None
    sentence = f"Redis refuses {call.pod}: {refusal.command} → {refusal.reply}"
    return finding("wrong-port", challenge_id, sentence, refusal, call)


def _cluster_client(challenge_id: ChallengeId, joined: Joined, *calls: Call) -> Diagnosis | None:
    """A pod that asked for the cluster's map, or for another database of it, and then said nothing of use."""
    for call in calls:
        began = joined.process_began(call.pod, calls[-1].ended)
        commands = [
            command
            for command in joined.keyless
            if command.pod == call.pod and began <= command.received <= calls[-1].ended
        ]
        asked = [command for command in commands if command.command.startswith("CLUSTER")]
        refused = next((item for item in asked if (item.reply or "").startswith("-")), None)
        if refused is None and joined.settings(call.pod, call.started).get("REDIS_CLUSTER") == "true":
            # redis-py 5 asks INFO first, and no more where that says it is none.
            refused = next(
                (command for command in commands if "redis_mode:standalone" in (command.reply or "")), None
            )
        if refused is not None:
            why = "this server is no cluster" if refused.command == "INFO" else refused.reply
            sentence = f"{call.pod} uses a cluster client and never connects: {why}"
            return finding("standalone-cluster-client", challenge_id, sentence, refused, *calls)
        if asked and not any(_spoke_between(call.pod, asked[-1], calls[-1], step) for step in joined.steps):
            sentence = f"{call.pod} got the addresses of the cluster's nodes and reached none of them"
            return finding("announce-unreachable", challenge_id, sentence, asked[-1], *calls)
        selected = next((command for command in reversed(commands) if command.command == "SELECT"), None)
        if (
            selected is not None
            and (selected.reply or "").startswith("-")
            and _is_cluster(selected, commands)
        ):
            sentence = f"{call.pod} wants database {' '.join(selected.args)} of a cluster: {selected.reply}"
            return finding("cluster-database", challenge_id, sentence, selected, *calls)
    return None


def _spoke_between(pod: str, asked: RedisCommand, call: Call, step: Step) -> bool:
    return step.command.pod == pod and asked.received <= step.at <= call.ended


def _is_cluster(selected: RedisCommand, commands: Iterable[RedisCommand]) -> bool:
    """By Redis' own words; Valkey's about SELECT do not tell, those about HELLO do."""
    return "cluster mode" in (selected.reply or "") or any(
        word.command == "HELLO" and "mode: cluster" in (word.reply or "") for word in commands
    )


def _mixed(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis:
    kept = "Redis" if joined.flag(create) else "its memory"
    looked = "Redis" if joined.flag(lost) else "its own memory"
    toggled = create.pod == lost.pod
    who = f"{lost.pod}, since switched over," if toggled else lost.pod
    sentence = f"{create.pod} kept the session in {kept}, {who} looked in {looked}"
    settings = [
        event
        for call in (create, lost)
        for event in [
            e for e in joined.stack if e.what == "pod" and e.pod == call.pod and e.time <= call.started
        ][-1:]
    ]
    flags = [
        StackEvent(e.time, e.what, e.pod, {"USE_REDIS": e.detail.get("USE_REDIS", "")}) for e in settings
    ]
    return finding("mixed-flags", story.challenge, sentence, *flags, create, create.wrote, lost.read, lost)


def _not_looked_for(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis:
    """It is in Redis, and the pod that was asked did not look there."""
    if joined.flag(lost) is False or (joined.flag(lost) is None and create.pod != lost.pod):
        return _mixed(story, joined, create, lost)
    challenge_id = story.challenge
    state = joined.redis_state(lost.started)
    if state != "running":
        action = {"stopped": "stop", "paused": "pause"}[state]
        cause = {"stopped": "redis-dies", "paused": "redis-hangs"}[state]
        sentence = f"Redis was {state}: {lost.pod} could not look for the session there and reported no error"
        return finding(
            cause, challenge_id, sentence, create.wrote, create, *_actions(joined, lost, action), lost
        )
    if (of_client := _cluster_client(challenge_id, joined, lost)) is not None:
        return of_client
    refusal = _refusal(joined, lost.pod)
    refused = refusal is not None and not any(
        _spoke_between(lost.pod, refusal, lost, step) for step in joined.steps
    )
    never = refused or not joined.spoke(lost.pod, lost.started)
    if create.pod != lost.pod and never and not _verify_looks_in_memory(joined):
        how = "was refused by Redis" if refused else "never said a word to this Redis"
        looked = f"looked into {_elsewhere(joined, lost, refused)}"
        sentence = f"USE_REDIS=true, yet {lost.pod} {how} and {looked}"
        return finding("wrong-port", challenge_id, sentence, create.wrote, create, refusal, lost)
    sentence = f"{create.pod} wrote the session to Redis, and verify on {lost.pod} still looked in memory"
    return finding("half-migration", challenge_id, sentence, create.wrote, create, lost)


def _elsewhere(joined: Joined, call: Call, refused: bool) -> str:
    """Where the pod of ``call`` has its sessions, which sent Redis nothing through the gate, or was refused.

    A user-provided service may have a Redis of its own behind its settings: the gate sees nothing of that.
    """
    settings = joined.settings(call.pod, call.started)
    if refused or not joined.user_provided or not settings.get("REDIS_PORT"):
        return "its own memory"
    given = settings.get(GIVEN)
    if given is None or "REDIS_HOST" in given or "REDIS_PORT" in given:
        server = f"{settings.get('REDIS_HOST', '')}:{settings['REDIS_PORT']}"
        return f"its own memory, or another Redis: its settings name {server}"
    return f"its own memory, or another Redis{f': this pod alone was given {given}' if given else ''}"


def _verify_looks_in_memory(joined: Joined) -> bool:
    """Whether a pod did not find what it had written itself: then it is the code, and no pod's setting."""
    return any(
        call.pod == create.pod
        and call.outcome is Outcome.NOT_FOUND
        and call.read is None
        and joined.flag(call) is not False
        and joined.redis_state(call.started) == "running"
        and not _unsure(story, call)
        for story in joined.stories[:_ENOUGH_STORIES]
        if (create := story.create) is not None and create.wrote is not None
        for call in story.verifies
    )


def _fell_back(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis:
    """It is not in Redis, where the pod that was asked looked."""
    if joined.flag(create) is False:
        return _mixed(story, joined, create, lost)
    challenge_id = story.challenge
    stops = _actions(joined, create, "stop")
    away = "stopped" in (joined.redis_state(create.started), joined.redis_state(create.ended))
    answered = any(step.reply is not None for step in create.steps)
    connected = answered or joined.connected(create.pod, create.started)
    failed = next((step for step in create.steps if step.failed), None)
    if failed is not None or (away and connected):
        cause, sentence = _unwritten(create, failed)
        return finding(cause, challenge_id, sentence, *stops, *create.steps, create, lost.read, lost)
    refusal = _refusal(joined, create.pod)
    if connected and refusal is None:
        sentence = (
            f"{create.pod}, which Redis had answered before, kept the session in its memory; "
            f"{lost.pod} looked for it in Redis"
        )
        return finding("half-migration", challenge_id, sentence, create, lost.read, lost)
    if (
        not away
        and create.pod != lost.pod
        and (refusal is not None or not joined.spoke(create.pod, create.started))
    ):
        how = "never had a reply from Redis" if refusal is None else "was refused by Redis"
        kept = f"kept the session in {_elsewhere(joined, create, refusal is not None)}"
        sentence = f"{create.pod} {how} and {kept}"
        return finding("wrong-port", challenge_id, sentence, refusal, create, lost.read, lost)
    sentence = f"Redis was not there yet when {create.pod} created the session: it lies in the pod's memory"
    return finding("redis-late", challenge_id, sentence, *stops, create, lost.read, lost)


def _unwritten(create: Call, failed: Step | None) -> tuple[str, str]:
    """Why ``create`` wrote no session though its pod spoke to Redis: the cause and a sentence.

    ``failed``: the first of its commands that had no effect, if any did.
    """
    if failed is None or (failed.reply is None and not failed.refused_unheard):
        return (
            "redis-dies",
            f"Redis went away: {create.pod} could not write the session and reported no error",
        )
    if failed.refused_unheard:
        how = f"{failed.name} was refused in Redis's place (rule {failed.command.rule})"
        return "writes-refused", f"{how}, and {create.pod} had asked for no reply: it could not know of it"
    how = f"Redis answered {failed.name} with {(failed.reply or '')[:60]}"
    return "redis-dies", f"{how}: {create.pod} did not write the session and reported no error"


def _gone_from_redis(story: Story, joined: Joined, create: Call, lost: Call) -> Diagnosis | None:
    wrote, read, challenge_id = create.wrote, lost.read, story.challenge
    if wrote is None or read is None:
        return None
    databases = [joined.settings(call.pod, call.started).get("REDIS_DB", "0") for call in (create, lost)]
    if wrote.key != read.key:
        sentence = f"{create.pod} wrote {wrote.key}, {lost.pod} looked for {read.key}"
        return finding("prefix-mismatch", challenge_id, sentence, wrote, create, read, lost)
    if databases[0] != databases[1]:
        sentence = (
            f"{create.pod} wrote to database {databases[0]}, {lost.pod} looked in database {databases[1]}"
        )
        return finding("prefix-mismatch", challenge_id, sentence, wrote, create, read, lost)
    if read.saw_the_key and read.at > lost.ended:
        sentence = f"Redis answered {lost.pod} too late: the session is there, but the user got 'not found'"
        return finding(
            "redis-hangs", challenge_id, sentence, wrote, *_actions(joined, lost, "pause"), read, lost
        )
    if read.failed:
        how = "did not answer" if read.reply is None else f"answered {read.reply} to"
        sentence = f"Redis {how} {lost.pod}, which answered 'not found'"
        return finding("redis-dies", challenge_id, sentence, wrote, read, lost)
    removals = [step for step in story.steps if step.deleted and step.at <= read.at]
    if removals:
        limit = joined.profile.limit
        early = _ended_early(story, removals[-1], lost, limit) if limit else None
        unheard = _ended_unheard(story, joined, removals[-1], lost)
        return _taken_out(story, removals[-1], read, lost) or unheard or early
    meanwhile = [e for e in joined.redis_events(wrote.at, read.at) if _concerns(e, wrote.key)]
    if _expired(create, wrote.at, read.at) or any(_is_expiry(event) for event in meanwhile):
        return None
    if any(step.may_have_deleted and wrote.at <= step.at <= read.at for step in story.steps):
        return None
    if wrote.unreported and not any(step.saw_the_key for step in story.steps if step.at <= read.at):
        sentence = (
            f"{lost.pod} found no {wrote.key}: whether {wrote.name} of {create.pod} was carried out is not "
            "known, as the pod asked for no reply"
        )
        return finding("unexplained", challenge_id, sentence, wrote, create, *meanwhile, read, lost)
    sentence = f"{wrote.key} was written with a time to live and was gone before it: no pod deleted it"
    return finding("flushed", challenge_id, sentence, wrote, create, *meanwhile, read, lost)


def _taken_out(story: Story, removal: Step, read: Step, lost: Call) -> Diagnosis | None:
    """A verify that was under way had the session to itself, to put it back later."""
    owner = story.owner(removal)
    if removal.name != "GETDEL" or owner is None or owner is lost or owner.ended < read.at:
        return None
    back = [step for step in owner.steps if step.is_plain_write and step.at > removal.at]
    sentence = (
        f"{owner.pod} had taken the session out of Redis to judge another answer, and {lost.pod} found none"
    )
    return finding("taken-out", story.challenge, sentence, removal, read, *back, owner, lost)


def _ended_unheard(story: Story, joined: Joined, removal: Step, lost: Call) -> Diagnosis | None:
    """The session was ended by a command whose reply was lost, so that its user had to try again."""
    owner = story.owner(removal)
    if not removal.lost or owner is None or owner is lost or owner.outcome in GRADED:
        return None
    sentence = (
        f"Redis ran {removal.name} for {owner.pod}, but the reply never arrived: the session has ended, and "
        "the user, who tried again, got 'not found'"
    )
    client = client_sentence([client_of(removal.command, clients_of(joined.keyless))])
    return finding("reply-lost", story.challenge, sentence + client, removal, owner, lost)


def _ended_early(story: Story, removal: Step, lost: Call, limit: int) -> Diagnosis | None:
    """A verify that was wrong, and not the last allowed one, ended the session."""
    owner = story.owner(removal)
    graded = [c for c in story.verifies if c.outcome in GRADED and c.started <= lost.started]
    if owner is None or owner.outcome is not Outcome.WRONG or len(graded) >= limit:
        return None
    count = f"{len(graded)} wrong answer{'' if len(graded) == 1 else 's'}"
    sentence = f"{owner.pod} ended the session after {count}, though {limit} are allowed"
    return finding("attempts-limit", story.challenge, sentence, removal, owner, lost)


def _concerns(event: StackEvent, key: str) -> bool:
    """Whether what was done to Redis can have touched ``key``: it names it, or names no key."""
    target = event.detail.get("command") or event.detail.get("key")
    return target is None or key in target or target.upper().startswith(("FLUSH", "SWAPDB"))


def _is_expiry(event: StackEvent) -> bool:
    parts = event.detail.get("command", "").split()
    return event.detail.get("action") in _EXPIRES or (bool(parts) and parts[0].upper() in _EXPIRING)


def beyond_the_limit(story: Story, limit: int) -> Diagnosis | None:
    """More answers to one challenge were graded than the service's ``limit``, at least 1, allows."""
    graded = [call for call in story.verifies if call.outcome in GRADED]
    wrong = [call for call in graded if call.outcome is Outcome.WRONG]
    if len(wrong) < limit or len(graded) <= limit:
        return None
    sentence = f"{len(graded)} answers were graded, though {limit} {'is' if limit == 1 else 'are'} allowed"
    return finding("attempts-limit", story.challenge, sentence, *graded[: limit + 1])
