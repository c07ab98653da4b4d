"""Faults of Redis and of the way to it: rules about one call, as its user saw it.

A clear refusal that may be tried again (HTTP 503) or that names what is wrong is no finding: the service
coped. "Not found", a pass, a bare 500 and a long wait are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from devenv.core.diagnosis.clients import client_of, client_sentence, clients_of
from devenv.core.diagnosis.findings import Diagnosis, finding
from devenv.core.diagnosis.steps import Step
from devenv.core.diagnosis.stories import GRADED, SLOW_S, Call, Joined
from devenv.core.model.contract import REDIS_TIMEOUT_MS
from devenv.core.model.events import StackEvent
from devenv.core.model.vocabulary import Outcome
from devenv.core.resp.refusals import WRITES_REFUSED, reply_kind

Rule = Callable[[Call, Joined], Diagnosis | None]

SLOW_MS = 1000 * SLOW_S

READ_AGAIN = "give the Redis client a read time-out and one retry for reads, and answer 503 where both fail"
"""What to change where a lost reply was one to a read."""
_NEVER_ANSWERED = ("request-dropped", "blackholed")
_BROKEN_OFF = ("unanswered", "discarded", "disconnected")


def fault(call: Call, joined: Joined) -> Diagnosis | None:
    """The first fault that explains what the user of ``call`` met; None where the user met none."""
    return next((finding for rule in _FAULTS if (finding := rule(call, joined)) is not None), None)


def misled(call: Call) -> bool:
    """Whether the answer is untrue or of no use: "not found", or an error without a reason."""
    return call.crashed or (call.kind == "verify" and call.outcome is Outcome.NOT_FOUND)


def _in_the_dark(call: Call, joined: Joined) -> bool:
    """``misled``, or the answer is one that a user-provided service's profile does not know."""
    return misled(call) or (joined.user_provided and call.unread)


def _failed(call: Call, step: Step, joined: Joined) -> bool:
    """``_in_the_dark``, or after this step, its last, the pod broke the request off without an answer."""
    broke_off = call.unheard and bool(call.pod) and not (call.given_up or call.under_way)
    if not broke_off or step is not call.steps[-1]:
        return _in_the_dark(call, joined)
    return joined.restarted(call.pod, call.started, call.ended) is None


def _moved(call: Call, joined: Joined) -> Diagnosis | None:
    step = next((one for one in call.steps if one.redirection and one.redirection.word == "MOVED"), None)
    coped = not call.answered or (call.kind == "verify" and call.outcome in GRADED)
    if step is None or (coped and not _failed(call, step, joined)):
        return None
    sentence = (
        f"the key's slot belongs to another cluster node ({step.reply}); a plain client does not follow"
    )
    return finding("cluster-plain-client", call.challenge, sentence, step, call)


def _wrong_type(call: Call, joined: Joined) -> Diagnosis | None:
    passed = call.kind == "verify" and call.outcome is Outcome.SUCCESS
    for step in call.steps:
        refused = reply_kind(step.name, step.reply) == "wrong-type"
        foreign = not joined.user_provided and _is_foreign(step)
        if (refused and (passed or _failed(call, step, joined))) or (foreign and misled(call)):
            shown = (step.reply or "")[:60]
            return finding(
                "wrong-type",
                call.challenge,
                f"what lies under the session's key is no session: {step.name} → {shown!r}",
                step,
                call,
            )
    return None


def _is_foreign(step: Step) -> bool:
    """Whether it read a value that the reference service cannot have written: its documents are JSON."""
    return step.name == "GET" and step.saw_the_key and not (step.reply or "").startswith("{")


def _writes_refused(call: Call, joined: Joined) -> Diagnosis | None:
    step = next((one for one in call.steps if reply_kind(one.name, one.reply) in WRITES_REFUSED), None)
    if step is None or not (_failed(call, step, joined) or (step.is_write and call.answered)):
        return None
    effect = _user_got(call) if _failed(call, step, joined) else "no error was reported"
    sentence = f"Redis refused {step.name} ({step.reply}): nothing is counted, and {effect}"
    return finding("writes-refused", call.challenge, sentence, step, call)


def _user_got(call: Call) -> str:
    if call.crashed:
        return "the user got an error that says nothing"
    if call.unheard:
        return f"the user got no answer ({call.ending})"
    if call.unread:
        return f"the user got {call.answer_in_words}, which the profile does not know"
    return "the user got 'not found'"


def _ttl_not_known(call: Call, joined: Joined) -> Diagnosis | None:
    """Without TTL's answer the pod wrote the session back as one that never expires."""
    for before, after in pairwise(call.steps):
        unknown = before.lost or before.silent or before.failed
        if before.name != "TTL" or not unknown or not after.leaves_no_ttl or after.failed:
            continue
        if before.lost:
            cause, what = "reply-lost", "the reply to TTL was lost"
        elif before.reply is None or before.silent:
            cause, what = "redis-hangs", "TTL was not answered"
        else:
            cause = "writes-refused" if reply_kind("TTL", before.reply) in WRITES_REFUSED else "redis-dies"
            what = f"TTL was answered {before.reply}"
        sentence = f"{what}, so {call.pod} wrote the session without one: it never expires"
        return finding(cause, call.challenge, sentence, before, after, call)
    return None


def _reply_lost(call: Call, joined: Joined) -> Diagnosis | None:
    lost = [step for step in call.steps if step.lost]
    slow = 1000 * call.waited_s > 2 * _timeout_ms(call, joined)
    unread = joined.user_provided and call.unread and not any(_sent_again(call, step) for step in lost)
    if not lost or not (misled(call) or call.unheard or slow or unread):
        return None
    worst = next((step for step in lost if not step.is_read), lost[0])
    if call.unheard:  # whatever its pod answered after that
        ending = f"the request hung, and {call.ending}"
    elif misled(call):
        end = "'not found'" if call.outcome is Outcome.NOT_FOUND else f"HTTP {call.exchange.status}"
        ending = f"the user got {end}"
    elif unread:
        ending = _user_got(call)
    else:
        ending = f"the user waited {call.waited_s:.1f} s"
    sentence = f"Redis ran {worst.name} for {call.pod}, but the reply never arrived: {ending}"
    client = client_sentence([client_of(worst.command, clients_of(joined.keyless))])
    lost_reply = finding("reply-lost", call.challenge, sentence + client, *lost, call)
    # To read twice does no harm: of a lost read only the wait and the bare error are to be mended.
    return replace(lost_reply, advice=READ_AGAIN) if worst.is_read and joined.user_provided else lost_reply


def _sent_again(call: Call, lost: Step) -> bool:
    """Whether the pod sent the same command again in this call, and was answered."""
    return any(
        _words(step) == _words(lost) and step.reply is not None and not step.lost for step in call.steps
    )


def commands_without_reply(joined: Joined) -> list[Diagnosis]:
    """Commands of no create and no verify whose reply a rule lost, and which their pod did not send again.

    Another endpoint of the service sent them, or a request that the proxy no longer remembers.
    """
    owned = {step.command.seq for call in joined.calls for step in call.steps}
    answered = {_words(step) for step in joined.steps if step.command.delivered is not None}
    clients = clients_of(joined.keyless)
    findings = []
    for step in joined.steps:
        missing = step.lost or step.command.fate in _NEVER_ANSWERED
        if step.command.seq in owned or not missing or _words(step) in answered:
            continue
        how = "Redis ran it, but the reply" if step.lost else "its reply"
        client = client_sentence([client_of(step.command, clients)])
        sentence = f"{step.command.pod} sent {step.name} {step.key}: {how} never arrived{client}"
        cause = "reply-lost" if step.lost else "redis-hangs"
        findings.append(finding(cause, None, sentence, step))
    return findings


def _words(step: Step) -> tuple[str, str, tuple[str, ...]]:
    return step.command.pod, step.name, step.command.args


def _redis_hangs(call: Call, joined: Joined) -> Diagnosis | None:
    if call.waited_s < SLOW_S:
        return None
    silent = next((step for step in call.steps if step.silent), None)
    paused = "paused" in (joined.redis_state(call.started), joined.redis_state(call.ended))
    if silent is None and not paused:
        return None
    status = call.exchange.status
    clear = not call.unheard and (status == 503 or (status >= 500 and not call.crashed))
    if clear and 1000 * call.waited_s <= 2 * _timeout_ms(call, joined):
        return None
    what = f"{silent.name} of {call.pod}" if silent is not None else f"what {call.pod} sent"
    stuck = silent is not None and silent.command.forwarded is None
    how = f"{what} never reached Redis" if stuck else f"Redis took {what} and did not answer"
    ending = (
        f"the request hung, and {call.ending}" if call.unheard else f"the user waited {call.waited_s:.1f} s"
    )
    client = client_sentence([client_of(silent.command, clients_of(joined.keyless)) if silent else None])
    events = [e for e in joined.redis_events(float("-inf"), call.ended) if e.detail.get("action") == "pause"]
    return finding("redis-hangs", call.challenge, f"{how}: {ending}{client}", *events[-1:], silent, call)


def _timeout_ms(call: Call, joined: Joined) -> float:
    word = joined.settings(call.pod, call.started).get("REDIS_TIMEOUT_MS", "")
    return float(word) if word.isdecimal() and len(word) < 10 else REDIS_TIMEOUT_MS


def _redis_gone(call: Call, joined: Joined) -> Diagnosis | None:
    """Redis went away under a pod that had been connected, and its user got an error that says nothing."""
    broken = [step for step in call.steps if step.reply is None and step.command.fate in _BROKEN_OFF]
    wished = joined.flag(call) is not False
    down = wished and "stopped" in (joined.redis_state(call.started), joined.redis_state(call.ended))
    hung = call.unheard and bool(call.pod)
    unseen = down and misled(call) and _kept_in_redis(call, joined)
    dark = _in_the_dark(call, joined) and (bool(broken) or (call.unread and not call.steps))
    if not (broken or down) or not (call.crashed or hung or unseen or dark):
        return None
    if hung:
        effect = f"did not answer: {call.ending}"
    elif call.kind == "verify" and call.outcome is Outcome.NOT_FOUND:
        effect = "answered 'not found' instead of 'try again'"
    elif call.unread:
        effect = f"answered {call.answer_in_words}, which the profile does not know"
    else:
        effect = "answered a bare error instead of 'try again'"
    sentence = f"Redis went away from {call.pod}, which {effect}"
    client = client_sentence([client_of(step.command, clients_of(joined.keyless)) for step in broken[:1]])
    return finding("redis-dies", call.challenge, sentence + client, *_stops(joined, call), *broken[:1], call)


def _kept_in_redis(call: Call, joined: Joined) -> bool:
    """Whether a user-provided service had this session in Redis, and sent nothing there for this call."""
    if not joined.user_provided or call.steps:
        return False
    return any(story.challenge == call.challenge and story.steps for story in joined.stories)


def _not_serving(call: Call, joined: Joined) -> Diagnosis | None:
    """Redis answered that it does not serve yet or any more, and the user did not get "try again"."""
    step = next((one for one in call.steps if reply_kind(one.name, one.reply) == "not-ready"), None)
    if step is None or not _failed(call, step, joined):
        return None
    sentence = f"Redis answered {step.name} with {step.reply}, and {_user_got(call)} instead of 'try again'"
    return finding("redis-dies", call.challenge, sentence, step, call)


def _stops(joined: Joined, call: Call) -> list[StackEvent]:
    return [e for e in joined.redis_events(float("-inf"), call.ended) if e.detail.get("action") == "stop"][
        -1:
    ]


_FAULTS: tuple[Rule, ...] = (
    _moved,
    _wrong_type,
    _writes_refused,
    _ttl_not_known,
    _reply_lost,
    _redis_hangs,
    _redis_gone,
    _not_serving,
)
