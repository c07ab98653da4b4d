"""What lies in Redis, and where the sessions go that a service creates."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.doctor_rules.advice import UNEXPLAINED, Advice, Change, Checked
from devenv.core.doctor_rules.connection_rules import Case
from devenv.core.doctor_rules.facts import Created, Facts, Server, SessionKey
from devenv.core.doctor_rules.refusals import CHANGES, first_kind, kind_of
from devenv.core.doctor_rules.settings import Client, Pod

_SHOWN = 3
_KEEP_FROM_REDIS = frozenset(
    (
        "cluster-plain-client", "standalone-cluster-client", "announce-unreachable", "cluster-database",
        "redis-hangs", "writes-refused",
    )
)  # fmt: skip
"""Causes for which a session of a pod is not in Redis, more exact than wrong-port."""


def keys(case: Case, facts: Facts, *, prefix_named: bool) -> list[Checked]:
    """The keys that are named like sessions. ``prefix_named``: there is advice on prefixes that differ."""
    space = case.server.keyspace
    if space is None:
        return []
    if space.error is not None:
        return [Checked("keys", case.subject, f"not known: {space.error}", known=False)]
    own_keys = [key for key in space.keys if key.prefix not in facts.foreign_prefixes]
    stubs = [item for item in own_keys if item.stub]
    odd = [item for item in own_keys if item.type != "string" or item.fields is None]
    endless = [item for item in own_keys if item.ttl is None and item not in stubs and item not in odd]
    findings = [
        item
        for item in (
            _endless(case, endless),
            _stubs(case, stubs),
            _odd(case, odd),
            None if prefix_named else _elsewhere(case, own_keys, facts),
        )
        if item is not None
    ]
    more = "" if space.complete else ", and more that were not looked at"
    text = f"{len(own_keys)} named like sessions, each with a TTL" if own_keys else "none named like sessions"
    return [Checked("keys", case.subject, text + more, tuple(findings))]


def _endless(case: Case, listed: Sequence[SessionKey]) -> Advice | None:
    if not listed:
        return None
    return case.advice(
        "key-without-ttl",
        f"{_count(listed, 'session')} without a TTL",
        *_shown(listed, "TTL -1"),
        change="write with SETEX, or SET … KEEPTTL; delete these: " + _delete(listed),
    )


def _stubs(case: Case, listed: Sequence[SessionKey]) -> Advice | None:
    if not listed:
        return None
    return case.advice(
        "stub-document",
        f"{_count(listed, 'stub document')}: attempts, and no answer to judge by",
        *(f"{item.key}: only {', '.join(item.fields or ())}, {_left(item)}" for item in listed[:_SHOWN]),
        change="never write back a session that may be gone (SESSION_STRATEGY=atomic); "
        "delete these: " + _delete(listed),
    )


def _odd(case: Case, listed: Sequence[SessionKey]) -> Advice | None:
    if not listed:
        return None
    return case.advice(
        "wrong-type",
        f"{_count(listed, 'key')} named like a session that hold something else",
        *(
            f"{item.key}: {item.type}{', no JSON object' if item.type == 'string' else ''}"
            for item in listed[:_SHOWN]
        ),
        change="keep other writers out of the prefix; delete these: " + _delete(listed),
    )


def _elsewhere(case: Case, keys: Sequence[SessionKey], facts: Facts) -> Advice | None:
    """Sessions under a prefix, or in a database, that none of the settings name."""
    pods = [pod for pod in facts.pods if pod.name in case.server.pods and pod.service]
    if not all(pod.known("REDIS_PREFIX") and pod.known("REDIS_DB") for pod in pods):
        return None
    sessions = [key for key in keys if key.session]
    places = list(dict.fromkeys((session.prefix, session.db) for session in sessions))
    named = {(pod.text("REDIS_PREFIX"), pod.integer("REDIS_DB")) for pod in pods}
    foreign = [place for place in places if place not in named]
    if not foreign or (not pods and len(places) < 2):
        return None
    prefix, db = foreign[0]
    example = next(session for session in sessions if (session.prefix, session.db) == foreign[0])
    variable = "REDIS_DB" if pods and prefix == pods[0].text("REDIS_PREFIX") else "REDIS_PREFIX"
    settings = [pod.shown(variable) for pod in pods]
    where = f"under {prefix!r}" if variable == "REDIS_PREFIX" else f"in database {db}"
    return case.advice(
        "prefix-differs",
        f"there are sessions {where}, which no setting names: some pod writes there",
        f"{example.key} in database {db}, {_left(example)}",
        *settings,
        change="give every pod the same REDIS_PREFIX and REDIS_DB "
        f"(if another environment shares this Redis: doctor --other-prefix {prefix})",
        variable=variable if pods else "",
    )


def _shown(listed: Sequence[SessionKey], what: str) -> list[str]:
    lines = [f"{item.key}: {what}" for item in listed[:_SHOWN]]
    return [*lines, f"and {len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else lines


def _left(key: SessionKey) -> str:
    return "no TTL" if key.ttl is None else f"TTL {key.ttl:.0f} s"


def _count(listed: Sequence[object], word: str) -> str:
    return f"{len(listed)} {word}" if len(listed) == 1 else f"{len(listed)} {word}s"


def _delete(listed: Sequence[SessionKey]) -> str:
    return "DEL " + " ".join(item.key for item in listed[:_SHOWN])


# --- sessions of a running service -----------------------------------------------------------------------


def created(facts: Facts) -> list[Checked]:
    """Whether each challenge that a service was asked for has its key, and where.

    Of a pod whose server is out of order nothing is said: that was said already, and is why.
    """
    judged = [item for item in facts.created if not _explained(item, facts)]
    if not judged:
        return []
    blind = [item for item in judged if not item.looked]
    judged = [item for item in judged if item.looked]
    findings = [*_failed(judged, facts), *_fallen_back(judged, facts), *_misplaced(judged, facts)]
    there = sum(item.key is not None for item in judged)
    text = f"{there} of {len(judged)} challenges have their key in Redis"
    if blind:
        text += f"; of {len(blind)} the key could not be looked for"
    subject = _pods([*judged, *blind])
    return [
        Checked("a session for a challenge", subject, text, tuple(findings), not blind, blocks=bool(blind))
    ]


def _settings(one: Created, facts: Facts) -> Pod | None:
    """The settings behind it: of that pod, or where there is one set of settings, those."""
    return facts.pod(one.pod) or (facts.pods[0] if len(facts.pods) == 1 else None)


def _server(one: Created, facts: Facts) -> Server | None:
    pod = _settings(one, facts)
    return facts.server_of(pod.name) if pod is not None else None


def _explained(one: Created, facts: Facts) -> bool:
    """Whether the flag is off, or the way to Redis is known to be broken."""
    pod, server = _settings(one, facts), _server(one, facts)
    if pod is not None and pod.service and pod.known("USE_REDIS") and not pod.flag("USE_REDIS"):
        return True
    if server is None:
        return not facts.servers
    if server.skipped is not None or not server.greeted or server.ping is not None or server.select:
        return True
    if server.write is not None and server.write.error is not None:
        return True
    if pod is None or not pod.service or server.info is None:
        return False
    unfit = Client.PLAIN if server.info.mode == "cluster" else Client.CLUSTER
    return pod.client_kind is unfit


def _failed(judged: Sequence[Created], facts: Facts) -> list[Advice]:
    """No challenge at all: what Redis refused says why; else nothing here does."""
    failed = [item for item in judged if item.challenge is None]
    if not failed:
        return []
    evidence = [f"{item.pod}: {item.error or item.status}" for item in failed[:_SHOWN]]
    evidence += _refusals(failed, facts)
    sentence = f"{_pods(failed)} gives no challenge"
    change = Change("read the pod's log: it says which call failed")
    unknown = Advice("create-refused", _pods(failed), sentence, tuple(evidence), change, _by_trace(facts))
    return [_by_refusal(failed, facts, sentence, evidence) or unknown]


def _fallen_back(judged: Sequence[Created], facts: Facts) -> list[Advice]:
    """USE_REDIS=true by the settings, and no key: memory was used and no error was reported.

    Where the settings do not tell, neither does the finding; the cause is then the one that explain sees.
    """
    without = [item for item in judged if item.challenge is not None and item.key is None]
    kept = [item for item in judged if item.key is not None]
    if not without:
        return []
    evidence = [f"{item.pod} created {item.challenge}: no key in Redis has it" for item in without[:_SHOWN]]
    pod = _settings(without[0], facts)
    place = pod.line("USE_REDIS") if pod is not None and pod.service else None
    flag_known = pod is None or not pod.service or pod.known("USE_REDIS")
    if pod is not None and pod.service and flag_known:
        evidence.append(pod.shown("USE_REDIS"))
    if kept and facts.pod(without[0].pod) is None:
        evidence += [f"{item.pod} created {item.challenge}: {item.key}" for item in kept[:_SHOWN]]
        sentence = f"{len(without)} of {len(without) + len(kept)} challenges left no key: the pods differ"
        change = Change("give every pod USE_REDIS=true and the same REDIS_* variables", place)
        return [Advice("flags-differ", _pods(judged), sentence, tuple(evidence), change)]
    flag = "USE_REDIS=true, yet " if flag_known else ""
    sentence = f"{flag}{_pods(without)} keeps its sessions somewhere else than in this Redis"
    evidence += _refusals(without, facts)
    text = (
        "compare the variables that the process really has, and read its log for an error of its Redis client"
    )
    cause = _by_trace(facts)
    fallback = Advice(
        "silent-fallback", _pods(without), sentence, tuple(evidence), Change(text, place),
        cause if cause in _KEEP_FROM_REDIS or not flag_known else "",
    )  # fmt: skip
    return [_by_refusal(without, facts, sentence, evidence) or fallback]


def _by_refusal(
    challenges: Sequence[Created], facts: Facts, sentence: str, evidence: Sequence[str]
) -> Advice | None:
    """Where Redis said what is wrong: that, and no guess."""
    pods = {item.pod for item in challenges}
    first = first_kind(item for item in facts.refused if item.pod in pods)
    if first is None:
        return None
    kind, refusal = first
    pod = facts.pod(challenges[0].pod)
    change = Change(CHANGES[kind], pod.place if pod is not None else None)
    explained = f"{sentence}: Redis answered {refusal.command} with {refusal.error}"
    return Advice(kind, _pods(challenges), explained, tuple(evidence), change)


def _by_trace(facts: Facts) -> str:
    """The cause that explain sees in the trace, where there is exactly one."""
    causes = {item.cause for item in facts.trace_causes}
    return causes.pop() if len(causes) == 1 else UNEXPLAINED


def _refusals(challenges: Sequence[Created], facts: Facts) -> list[str]:
    """What Redis refused these pods, the refusals with a known cause first."""
    pods = {item.pod for item in challenges}
    refused = [item for item in facts.refused if item.pod in pods]
    refused.sort(key=lambda item: kind_of(item) is None)
    return [f"{item.pod} → {item.command}: {item.error}" for item in refused[:_SHOWN]]


def _misplaced(judged: Sequence[Created], facts: Facts) -> list[Advice]:
    """A key somewhere else than the settings say, where the settings agree with each other."""
    kept = [item for item in judged if item.key is not None]
    services = [pod for pod in facts.pods if pod.service and pod.known("REDIS_PREFIX")]
    named = list(dict.fromkeys((pod.text("REDIS_PREFIX"), pod.integer("REDIS_DB")) for pod in services))
    if len(named) > 1:
        return []  # the settings differ: said with their lines
    places = list(dict.fromkeys((item.prefix, item.db) for item in kept))
    odd = [item for item in places if named and item != named[0]] or (places if len(places) > 1 else [])
    if not odd:
        return []
    evidence = [f"{item.pod} wrote {item.key} in database {item.db}" for item in kept[:_SHOWN]]
    evidence += [pod.shown("REDIS_PREFIX") for pod in services]
    sentence = "keys lie under " + " and ".join(f"{prefix!r} in database {db}" for prefix, db in places)
    sentence += f", the settings say {named[0][0]!r} in {named[0][1]}" if named else ""
    place = services[0].line("REDIS_PREFIX") if services else None
    what = "REDIS_PREFIX and REDIS_DB" if services else "prefix of keys and the same database"
    change = Change(f"give every pod the same {what}", place)
    return [Advice("prefix-differs", _pods(kept), sentence, tuple(evidence), change)]


def _pods(challenges: Sequence[Created]) -> str:
    return ", ".join(dict.fromkeys(item.pod for item in challenges))
