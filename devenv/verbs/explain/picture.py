"""A joined trace as a sequence picture: client → proxy → pods → gate → Redis.

A command that simply passed is one arrow with its reply; one that was held, lost or answered by the gate is
drawn in its parts, with what became of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from devenv.core.diagnosis.races import is_stub
from devenv.core.diagnosis.steps import NIL, Step
from devenv.core.diagnosis.stories import Call, Joined
from devenv.core.model.events import BALANCER_FILE, Exchange, RedisCommand, StackEvent
from devenv.core.model.vocabulary import Outcome
from devenv.core.render.sequence import MessageKind, SequenceMessage

CLIENT, PROXY, GATE, REDIS = "client", "proxy", "gate", "redis"
LOST, HELD = "✗", "⏸"
LONG_HOLD_S = 0.1
"""A command that was held this long is drawn in its parts; a shorter hold stands beside its arrow."""

_ID_LETTERS = 6
_RUNS = "runs"
"""What is said of a pod whose sessions no setting moves."""
_LONGEST = 40
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_EVENTS = {"expire": "the key expires", "age": "0.4 s left to live", "flush": "FLUSHALL"}
_ENDS = {
    "request-dropped": "the request is lost",
    "reply-dropped": "the reply is lost",
    "blackholed": "nothing passes any more",
    "disconnected": "the connection is cut",
    "discarded": "discarded: the pod had hung up",
    "unanswered": "no answer came",
}


def picture(joined: Joined, calls: Iterable[Call]) -> list[SequenceMessage]:
    """The messages of these calls in order of time, with what was done to the stack meanwhile.

    The first notes say how the pods of the calls were set up.
    """
    chosen = sorted(calls, key=lambda call: call.started)
    challenges = dict.fromkeys(call.challenge for call in chosen if call.challenge)
    if joined.profile.kinds:
        others = [exchange for exchange, challenge in joined.others if challenge in challenges]
    else:
        others = [exchange for exchange in joined.unread if exchange.pod]
    if not chosen and not others:
        return []
    first = min([*(call.started for call in chosen), *(exchange.started for exchange in others)])
    last = max([*(call.ended for call in chosen), *map(_ended, others), first])
    served = [*(call.pod for call in chosen), *(exchange.pod for exchange in others)]
    pods = sorted(dict.fromkeys(pod for pod in served if pod))
    messages = [message for call in chosen for message in _http(call)]
    messages += [message for exchange in others for message in _other(exchange)]
    steps = _steps(joined, chosen, first, last)
    keys = _Keys(steps, [*challenges])
    messages += [message for step in steps for message in _command(step, keys)]
    for word in joined.keyless:
        if word.delivered is None and first <= word.received <= last and word.pod in pods:
            messages += _command(Step(word, word.received, word.reply), keys)
    notes = [_note(event, joined) for event in joined.stack if first < event.time <= last]
    messages += [note for note in notes if note is not None]
    messages.sort(key=lambda message: message.time)
    return [*_standing(joined, pods, first), *messages]


def _steps(joined: Joined, calls: Sequence[Call], first: float, last: float) -> list[Step]:
    """The commands of these calls, and those that match no request on the same keys meanwhile."""
    ours = dict.fromkeys(step.command.seq for call in calls for step in call.steps)
    owned = {step.command.seq for call in joined.calls for step in call.steps}
    challenges = [call.challenge for call in calls if call.challenge]
    return [
        step
        for step in joined.steps
        if step.command.seq in ours
        or (not joined.profile.kinds and first <= step.at <= last)
        or (
            first <= step.at <= last
            and step.command.seq not in owned
            and any(challenge in step.key for challenge in challenges)
        )
    ]


class _Keys:
    """Says keys in short: the beginning of their challenge; in full where one challenge has several keys."""

    def __init__(self, steps: Sequence[Step], challenges: Sequence[str]) -> None:
        self._short: dict[str, str] = {}
        known = dict.fromkeys(challenges)
        heads: dict[str, list[str]] = {}
        for key in dict.fromkeys(step.key for step in steps):
            head, _, last = key.rpartition(":")
            if last in known:
                heads.setdefault(last, []).append(head)
        for challenge, challenge_heads in heads.items():
            for head in challenge_heads:
                start = challenge[:_ID_LETTERS]
                self._short[f"{head}:{challenge}"] = start if len(challenge_heads) == 1 else f"{head}:{start}"

    def of(self, key: str) -> str:
        """``3f2a44`` for ``rcaptcha:abstract:3f2a44…``."""
        return self._short.get(key) or _cut(key)


def _standing(joined: Joined, pods: Sequence[str], when: float) -> list[SequenceMessage]:
    settings = [(pod, joined.settings(pod, when)) for pod in pods]
    labels = [(pod, _store(detail, joined)) for pod, detail in settings if detail]
    notes = [SequenceMessage(when, pod, pod, label, "note") for pod, label in labels if label != _RUNS]
    state = joined.redis_state(when)
    if state != "running":
        notes.append(SequenceMessage(when, REDIS, REDIS, state, "note"))
    return notes


def _store(settings: object, joined: Joined) -> str:
    known = dict(settings) if isinstance(settings, dict) else {}
    if str(known.get("STATE", "")):
        return "does not run"
    if not joined.profile.switchable:
        return _RUNS
    flag = str(known.get("USE_REDIS", "?"))
    strategy = known.get("SESSION_STRATEGY")
    shown = flag.lower() == "true" and strategy and not joined.user_provided
    return joined.profile.switch.renamed(f"USE_REDIS={flag}") + (f" ({strategy})" if shown else "")


def _rule(detail: Mapping[str, str]) -> str:
    """What was done at the gate; a rule's default name begins with its action."""
    action, rule = detail.get("action", ""), detail.get("rule", detail.get("id", ""))
    return rule if rule.startswith(action) else f"{action} {rule}".rstrip()


def _note(event: StackEvent, joined: Joined) -> SequenceMessage | None:
    where, label = REDIS, event.detail.get("action", event.what)
    if event.what in ("service", "connected", BALANCER_FILE):
        return None
    if event.what == "pod":
        where, label = event.pod or PROXY, _store(event.detail, joined)
    elif event.what == "restart":
        where, label = event.pod or PROXY, "removed" if "removed" in event.detail else "restart"
    elif event.what == "order":
        where, label = CLIENT, event.detail.get("kind", event.what)
    elif event.what == "rule":
        where, label = GATE, _rule(event.detail)
    elif event.what == "missing":
        where, label = PROXY, "not recorded: " + " ".join(event.detail.values())
    elif label in _EVENTS:
        label = _EVENTS[label]
    elif label == "command":
        label = event.detail.get("command", label)
    return SequenceMessage(event.time, where, where, _cut(label), "note") if label else None


# -- HTTP ----------------------------------------------------------------------------------------------------


def _http(call: Call) -> list[SequenceMessage]:
    where, via = (call.pod, (PROXY,)) if call.pod else (PROXY, ())
    asked = SequenceMessage(call.started, CLIENT, where, _asked(call), "request", via)
    label, kind = _answer_label(call)
    return [asked, SequenceMessage(call.ended, where, CLIENT, label, kind, via)]


def _other(exchange: Exchange) -> list[SequenceMessage]:
    """A request that is none of the profile's, by its method and path."""
    where, via = (exchange.pod, (PROXY,)) if exchange.pod else (PROXY, ())
    asked = f"{exchange.method} {exchange.path.partition('?')[0]}"
    kind: MessageKind = "reply" if 200 <= exchange.status < 400 else "failed"
    return [
        SequenceMessage(exchange.started, CLIENT, where, _cut(asked), "request", via),
        SequenceMessage(_ended(exchange), where, CLIENT, f"HTTP {exchange.status}", kind, via),
    ]


def _ended(exchange: Exchange) -> float:
    return exchange.started + exchange.duration_ms / 1000


def _asked(call: Call) -> str:
    if call.kind == "create":
        return f"{call.word} {call.captcha}"
    whose = f" {call.challenge[:_ID_LETTERS]}" if call.challenge else ""
    selections = call.request.get("selections")
    return f"{call.word} {call.captcha}{whose}" + (f" {selections}" if isinstance(selections, list) else "")


def _answer_label(call: Call) -> tuple[str, MessageKind]:
    if call.under_way:
        return f"{LOST} no answer for {call.waited_s:.1f} s", "failed"
    if call.given_up:
        return f"{LOST} gave up after {call.waited_s:.1f} s", "failed"
    if call.exchange.error is not None:
        return _cut(f"{call.exchange.status}: {call.exchange.error}"), "failed"
    if not call.answered:
        detail = call.answer.get("detail") or call.answer.get("message") or ""
        return _cut(f"HTTP {call.exchange.status} {detail}".rstrip()), "failed"
    if call.kind == "create":
        return (f"{call.challenge[:_ID_LETTERS]}" if call.challenge else "created"), "reply"
    if call.outcome in (Outcome.SUCCESS, Outcome.WRONG):
        count = f", attempt {call.attempts}" if call.attempts is not None else ""
        return f"{call.outcome}{count}", "reply"
    return _cut(str(call.answer.get("message") or str(call.outcome).replace("_", " "))), "failed"


# -- Redis ---------------------------------------------------------------------------------------------------


def _command(step: Step, keys: _Keys) -> list[SequenceMessage]:
    command, label = step.command, _command_label(step, keys)
    sent = command.forwarded if command.forwarded is not None else command.received
    if command.fate == "error":
        return [
            SequenceMessage(command.received, command.pod, GATE, label),
            SequenceMessage(step.at, GATE, command.pod, _cut(step.reply or LOST), "failed"),
        ]
    if step.lost:
        return [
            SequenceMessage(sent, command.pod, REDIS, label, "request", (GATE,)),
            SequenceMessage(step.at, REDIS, GATE, _replied(step), "reply"),
            _end(step.at, GATE, command),
        ]
    if command.delivered is None:
        return _unheard(step, label, sent)
    return _delivered(step, label, sent)


def _unheard(step: Step, label: str, sent: float) -> list[SequenceMessage]:
    command = step.command
    if command.forwarded is None:
        return [SequenceMessage(sent, command.pod, GATE, label), _end(sent, GATE, command)]
    arrow = SequenceMessage(sent, command.pod, REDIS, label, "request", (GATE,))
    if command.answered is None:
        return [arrow, _end(sent, REDIS, command)]
    late = SequenceMessage(
        command.answered, REDIS, GATE, f"{_replied(step)} after {command.answered - sent:.1f} s", "reply"
    )
    gone = f"{LOST} the pod had gone"
    return [arrow, late, SequenceMessage(command.answered, GATE, GATE, gone, "note")]


def _end(when: float, where: str, command: RedisCommand) -> SequenceMessage:
    held = f"{HELD} held" if command.fate in ("held", "delayed") else ""
    return SequenceMessage(when, where, where, held or f"{LOST} {_ENDS.get(command.fate, 'lost')}", "note")


def _delivered(step: Step, label: str, sent: float) -> list[SequenceMessage]:
    command = step.command
    before, after = sent - command.received, (command.delivered or step.at) - step.at
    reply = _replied(step)
    kind: MessageKind = "failed" if step.failed else "request"
    if max(before, after) < LONG_HOLD_S:
        whole = label if reply == "OK" else f"{label} → {reply}"
        whole += f" {HELD}" if command.rule is not None else ""
        return [SequenceMessage(step.at, command.pod, REDIS, whole, kind, (GATE,))]
    how = "delayed" if command.fate == "delayed" else "held"
    if before >= after:
        return [
            SequenceMessage(command.received, command.pod, GATE, label),
            SequenceMessage(command.received, GATE, GATE, f"{HELD} {how} {before:.2f} s", "note"),
            SequenceMessage(step.at, GATE, REDIS, f"{command.command} → {reply}", kind),
        ]
    return [
        SequenceMessage(sent, command.pod, REDIS, label, "request", (GATE,)),
        SequenceMessage(step.at, REDIS, GATE, reply, "failed" if step.failed else "reply"),
        SequenceMessage(step.at, GATE, GATE, f"{HELD} reply {how} {after:.2f} s", "note"),
        SequenceMessage(command.delivered or step.at, GATE, command.pod, reply, "reply"),
    ]


def _command_label(step: Step, keys: _Keys) -> str:
    """The command in short; of a write also its time to live and what it writes."""
    label = f"{step.name} {keys.of(step.key)}".rstrip()
    if not step.is_plain_write:
        return label
    return f"{label} {_expiry(step)}: {_document(step.value)}"


def _expiry(step: Step) -> str:
    args = [arg.upper() for arg in step.command.args]
    if step.name in ("SETEX", "PSETEX"):
        return f"{'EX' if step.name == 'SETEX' else 'PX'} {args[1] if len(args) > 1 else '?'}"
    for word in ("EX", "PX", "EXAT", "PXAT"):
        if word in args[2:-1]:
            return f"{word} {args[args.index(word, 2) + 1]}"
    return "KEEPTTL" if "KEEPTTL" in args[2:] else "no TTL"


def _replied(step: Step) -> str:
    reply = step.reply
    if reply is None:
        return "no reply"
    if reply == NIL:
        return "nothing"
    if reply.startswith("{") or step.gave_contents:
        return _document(reply)
    if reply.startswith("[") and ", {" in reply:
        reply = reply.partition(", {")[0] + ", …]"
    return _cut(reply.replace(", ]", "]"))


def _document(text: str) -> str:
    """A session document in two words (a stub has no answer). Of other texts only numbers are shown."""
    if not text.startswith("{"):
        return text if _NUMBER.fullmatch(text) else "empty text" if not text else "a value"
    stub = "stub, " if is_stub(text) else ""
    try:
        attempts = json.loads(text).get("attempts")
    except (ValueError, RecursionError):  # it was cut where it was recorded
        attempts = None
    return stub + ("session" if attempts is None else f"attempts {attempts}")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
