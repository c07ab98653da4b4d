"""The advice of the doctor: one planted bug for each rule."""

from __future__ import annotations

from tools.mutants.mutant import Mutant


def _planted(module: str, rule: str, before: str, after: str) -> Mutant:
    tests = f"doctor_rules/test_{module}.py"
    return Mutant(rule, f"devenv.core.doctor_rules.{module}", before, after, tests)


MUTANTS: tuple[Mutant, ...] = (
    # The doctor: the way to Redis.
    _planted(
        "connection_rules",
        "host-unknown",
        "if tcp.reach is Reach.UNKNOWN_HOST:",
        "if tcp.reach is Reach.OPEN:",
    ),
    _planted(
        "connection_rules",
        "port-closed",
        '"port-closed" if tcp.reach is Reach.REFUSED',
        '"port-closed" if tcp.reach is Reach.TIMEOUT',
    ),
    _planted(
        "connection_rules",
        "not-redis",
        "if server.speech in (Speech.HTTP, Speech.OTHER):",
        "if server.speech in (Speech.OTHER,):",
    ),
    _planted(
        "connection_rules",
        "connection-ended",
        "if server.speech is Speech.ENDED:",
        "if server.speech is None:",
    ),
    _planted(
        "connection_rules", "redis-silent", "if server.speech is Speech.SILENT:", "if server.speech is None:"
    ),
    _planted(
        "connection_rules",
        "tls-expected",
        "if server.speech is Speech.TLS and not target.tls:",
        "if server.speech is Speech.TLS and target.tls:",
    ),
    _planted(
        "connection_rules",
        "tls-not-offered",
        "if server.speech is Speech.REDIS and target.tls:",
        "if server.speech is None and target.tls:",
    ),
    _planted(
        "connection_rules",
        "certificate-expired",
        "if tls.trust in (Trust.EXPIRED, Trust.NOT_YET):",
        "if tls.trust in (Trust.NOT_YET,):",
    ),
    _planted(
        "connection_rules",
        "certificate-untrusted",
        "if tls.trust is Trust.UNTRUSTED:",
        "if tls.trust is Trust.OK:",
    ),
    _planted(
        "connection_rules",
        "certificate-name",
        "if tls.trust is Trust.WRONG_NAME:",
        "if tls.trust is Trust.OK:",
    ),
    _planted(
        "connection_rules",
        "client-certificate",
        "if tls.trust is Trust.NEEDS_CERTIFICATE:",
        "if tls.trust is Trust.OK:",
    ),
    _planted(
        "connection_rules",
        "password-unneeded",
        '    if "without any password" in error:\n',
        '    if "with any password" in error:\n',
    ),
    _planted(
        "connection_rules",
        "password-wrong",
        "    if case.server.target.login:\n",
        "    if not case.server.target.login:\n",
    ),
    _planted("connection_rules", "not-ready", 'if kind == "not-ready":', 'if kind == "not ready":'),
    _planted("connection_rules", "permission", 'if kind == "permission":', 'if kind == "permissions":'),
    # The server.
    _planted(
        "server_rules", "not-redis, sentinel", 'if info.mode == "sentinel":', 'if info.mode == "sentinels":'
    ),
    _planted(
        "server_rules",
        "plain-client-on-cluster",
        "client_kind is Client.PLAIN]",
        "client_kind is Client.CLUSTER]",
    ),
    _planted(
        "server_rules",
        "cluster-client-on-standalone",
        "if pod.client_kind is Client.CLUSTER]",
        "if pod.client_kind is None]",
    ),
    _planted(
        "server_rules",
        "cluster-down",
        '    if case.server.cluster_state not in (None, "ok"):\n',
        '    if case.server.cluster_state not in (None, "ok", "fail"):\n',
    ),
    _planted("server_rules", "announce-unreachable", "if lost and followers:", "if lost and not followers:"),
    _planted(
        "server_rules",
        "database",
        '    if error is None:\n        return Checked("database"',
        '    if error is not None:\n        return Checked("database"',
    ),
    _planted("server_rules", "eviction", 'EVICTS = ("allkeys-", ', "EVICTS = ("),
    _planted(
        "server_rules",
        "read-only-replica",
        "if replica and probe is None:",
        "if replica and probe is not None:",
    ),
    _planted(
        "server_rules", "writes-refused", '"writes-refused", f"{target}', '"read-only-replica", f"{target}'
    ),
    _planted("server_rules", "permission", 'startswith("NOPERM")]', 'startswith("NOPERMS")]'),
    _planted("server_rules", "server-too-old", "if absent or late:", "if absent and late:"),
    # Keys and sessions.
    _planted("session_rules", "key-without-ttl", "if item.ttl is None and", "if item.ttl is not None and"),
    _planted("session_rules", "stub-document", "if item.stub]", "if not item.stub]"),
    _planted(
        "session_rules",
        "wrong-type",
        'if item.type != "string" or item.fields is None]',
        'if item.type != "string"]',
    ),
    _planted("session_rules", "prefix-differs", "if place not in named]", "if place in named]"),
    _planted(
        "session_rules", "create-refused", "if item.challenge is None]", "if item.challenge is not None]"
    ),
    _planted(
        "session_rules",
        "silent-fallback",
        "if item.challenge is not None and item.key is None]",
        "if item.challenge is None and item.key is None]",
    ),
    _planted(
        "session_rules",
        "flags-differ",
        "if kept and facts.pod(without[0].pod) is None:",
        "if kept and facts.pod(without[0].pod) is not None:",
    ),
    # Settings.
    _planted(
        "settings_rules", "bad-port-value", "0 < int(word) <= MAX_PORT", "0 <= int(word) <= MAX_PORT + 1"
    ),
    _planted("settings_rules", "bad-number", "value >= _NUMBERS[name]):", "value >= _NUMBERS[name] - 1):"),
    _planted("settings_rules", "blank-in-value", "if not setting.blank or not", "if setting.blank or not"),
    _planted(
        "settings_rules",
        "refused-value",
        "if value.problem is Unfit.BLANK:",
        "if value.problem is Unfit.BASE64:",
    ),
    _planted(
        "settings_rules", "host-missing", 'and not pod.text("REDIS_HOST"):', 'and pod.text("REDIS_HOST"):'
    ),
    _planted("settings_rules", "host-form", "if word and not pod.host:", "if word and pod.host is None:"),
    _planted("settings_rules", "url-password", "if problem is UrlProblem.PASSWORD:", "if problem is None:"),
    _planted(
        "settings_rules",
        "url-form",
        "if problem is UrlProblem.FORM and address:",
        "if problem is None and address:",
    ),
    _planted("settings_rules", "flag-word", 'not in ("true", "false")]', 'not in ("true", "false", "yes")]'),
    _planted("settings_rules", "flags-differ", "    if on and off:\n", "    if on and not off:\n"),
    _planted("settings_rules", "flag-off", "elif off and not _single(off):", "elif off and _single(off):"),
    _planted("settings_rules", "prefix-differs", "if len(groups) < 2:", "if len(groups) < 3:"),
    _planted(
        "settings_rules",
        "server-differs",
        "if len(servers) < 2 or cluster or not clear:",
        "if len(servers) < 3 or cluster or not clear:",
    ),
    # Sessions across pods, and refusals.
    _planted(
        "crossing_rules",
        "lost-across-pods",
        "if item.lost]\n    unclear",
        "if not item.lost]\n    unclear",
    ),
    _planted(
        "refusals",
        "permission, refused to a pod",
        "return refusal_kind(refusal.command, refusal.error)",
        "return refusal_kind(refusal.error, refusal.command)",
    ),
    _planted(
        "connection_rules",
        "redis-stopped",
        "if tcp.reach is Reach.REFUSED and case.server.of_stack:",
        "if tcp.reach is Reach.REFUSED and not case.server.of_stack:",
    ),
    _planted("connection_rules", "no-answer", 'else "no-answer"\n', 'else "port-closed"\n'),
    _planted("connection_rules", "tls-failed", '"tls-failed", f"', '"certificate-name", f"'),
    _planted("connection_rules", "password-missing", 'if kind in ("password-missing", ', "if kind in ("),
    _planted("connection_rules", "login-refused", '"login-refused", f"', '"not-ready", f"'),
    _planted(
        "server_rules", "database-on-cluster", '"database-on-cluster" if cluster', '"database" if cluster'
    ),
    _planted("crossing_rules", "seen-in-trace", '"seen-in-trace", cause', '"lost-across-pods", cause'),
)
