"""The causes that explain tells: one planted bug for each rule."""

from __future__ import annotations

from tools.mutants.mutant import Mutant


def _planted(module: str, rule: str, before: str, after: str, tests: str = "") -> Mutant:
    file = tests or f"test_{module}*.py"
    return Mutant(rule, f"devenv.core.diagnosis.{module}", before, after, f"diagnosis/{file}")


MUTANTS: tuple[Mutant, ...] = (
    # The causes of explain: races.
    _planted("races", "resurrected-key", 'owner.kind == "verify"', 'owner.kind == "create"'),
    _planted("races", "expiry-inside-verify", '"expiry-inside-verify",', '"resurrected-key ",'),
    _planted(
        "races", "empty-bypass", 'request.get("selections") == []:', 'request.get("selections") == [0]:'
    ),
    _planted("races", "double-success", "if len(passed) < 2:", "if len(passed) < 3:"),
    _planted("races", "lost-attempt", "if first.attempts == second.attempts:", "if first is second:"),
    _planted("races", "ttl-rounds-to-zero", 'before.reply == "0"', 'before.reply == "1"'),
    _planted(
        "races", "double-click", "if Outcome.SUCCESS not in outcomes or", "if Outcome.SUCCESS in outcomes or"
    ),
    # Faults.
    _planted("faults", "cluster-plain-client", 'word == "MOVED"', 'word == "ASK"'),
    _planted(
        "faults",
        "wrong-type",
        "(refused and (passed or _failed(call, step, joined)))",
        "(refused and _failed(call, step, joined))",
    ),
    _planted("faults", "wrong-type, another value", "(foreign and misled(call))", "(foreign and passed)"),
    _planted(
        "faults",
        "writes-refused",
        "for one in call.steps if reply_kind(one.name, one.reply) in WRITES_REFUSED",
        "for one in call.steps if reply_kind(one.name, one.reply) not in WRITES_REFUSED",
    ),
    _planted("faults", "redis-hangs, of TTL", 'if before.name != "TTL"', 'if before.name != "PTTL"'),
    _planted(
        "faults",
        "reply-lost",
        "not (misled(call) or call.unheard or slow or unread)",
        "not (call.unheard or slow or unread)",
    ),
    _planted(
        "faults",
        "reply-lost, of no verify",
        "or not missing or _words(step) in answered:",
        "or not missing or _words(step) not in answered:",
    ),
    _planted("faults", "redis-hangs", "if call.waited_s < SLOW_S:", "if call.waited_s < 1000 * SLOW_S:"),
    _planted("faults", "redis-dies", "hung = call.unheard and bool(call.pod)", "hung = False"),
    _planted(
        "faults",
        "redis-dies, not serving",
        'reply_kind(one.name, one.reply) == "not-ready"',
        'reply_kind(one.name, one.reply) == "wrong-type"',
    ),
    # Lost sessions.
    _planted("losses", "pod-memory", "    if create.pod != lost.pod:\n", "    if create.pod == lost.pod:\n"),
    _planted(
        "losses",
        "pod-restart",
        "joined.restarted(create.pod, create.started, lost.ended)) is not None:",
        "joined.restarted(create.pod, create.started, lost.ended)) is False:",
    ),
    _planted("losses", "flag-off-regression", '.get("WORKERS") == "1"', '.get("WORKERS") == "4"'),
    _planted("losses", "many-workers", '"many-workers", challenge_id', '"pod-memory", challenge_id'),
    _planted("losses", "mixed-flags", "and here != there:", "and here is there:"),
    _planted(
        "losses", "prefix-mismatch", "if wrote.key != read.key:", "if wrote.key == read.key + wrote.key:"
    ),
    _planted(
        "losses",
        "prefix-mismatch, database",
        "if databases[0] != databases[1]:",
        "if databases[0] == databases[1] * 2:",
    ),
    _planted("losses", "standalone-cluster-client", 'startswith("CLUSTER")', 'startswith("CLUSTERS")'),
    _planted(
        "losses",
        "half-migration",
        "    if connected and refusal is None:",
        "    if not connected and refusal is None:",
    ),
    _planted("losses", "redis-late", '"redis-late", challenge_id', '"redis-dies", challenge_id'),
    _planted(
        "losses",
        "wrong-port",
        '    return finding("wrong-port", challenge_id, sentence, refusal, create, lost)',
        '    return finding("redis-dies", challenge_id, sentence, refusal, create, lost)',
    ),
    _planted("losses", "attempts-limit", "len(graded) <= limit:", "len(graded) <= limit + 1:"),
    _planted(
        "losses",
        "unexplained",
        "if one_process and (joined.user_provided or not joined.profile.switchable):",
        "if not one_process:",
    ),
    _planted("losses", "flushed", "if _expired(create, wrote.at, read.at) or any(", "if True or any("),
    _planted("losses", "taken-out", 'if removal.name != "GETDEL" or', 'if removal.name == "GETDEL" or'),
    _planted("losses", "announce-unreachable", "if asked and not any(", "if asked and any("),
    _planted(
        "losses",
        "cluster-database",
        '(selected.reply or "").startswith("-")',
        '(selected.reply or "").startswith("+")',
    ),
    # Causes without a session of their own.
    _planted(
        "trace_diagnosis",
        "bad-port-value",
        "port is None or _is_port(port) or",
        "port is None or port or",
        "test_losses*.py",
    ),
    _planted(
        "handwriting",
        "handwriting-global",
        '"handwriting-global", None',
        '"pod-memory", None',
        "test_handwriting.py",
    ),
)
