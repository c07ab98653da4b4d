"""A server that answers: whether it fits the client and the database, and can keep and write sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from devenv.core.doctor_rules.advice import Advice, Checked
from devenv.core.doctor_rules.connection_rules import Case
from devenv.core.doctor_rules.facts import Facts, Info, Reach, Server, Trial
from devenv.core.doctor_rules.settings import USER_NAMES, Client, Pod
from devenv.core.doctor_rules.store_commands import too_new

EVICTS = ("allkeys-", "volatile-")
_SHOWN = 3
_PROXY = "a Redis proxy; what the store needs cannot be tried"


def server(case: Case, facts: Facts) -> list[Checked]:
    """Everything behind an answered PING."""
    pods = [pod for pod in facts.pods if pod.name in case.server.pods]
    checks = [_kind(case, pods), _database(case), _memory(case), _writing(case)]
    checks.append(_commands(case, facts))
    return [check for check in checks if check is not None]


def _kind(case: Case, pods: Sequence[Pod]) -> Checked:
    """Cluster, standalone or sentinel; and whether the pods' clients fit."""
    info, target = case.server.info, case.server.target
    name = "cluster or standalone"
    if case.server.proxy:
        return Checked(name, case.subject, f"{_PROXY} ({_as_seen(case.server)})", known=False, blocks=True)
    if info is None:
        text = "not known: INFO and HELLO are not permitted"
        return Checked(name, case.subject, text, known=False, blocks=True)
    text = f"{info.engine} {info.version}, {info.mode}, {_role(info)}"
    if info.mode == "sentinel":
        advice = case.advice(
            "not-redis",
            f"{target} is a Sentinel: it knows where Redis is, and keeps no sessions",
            f"INFO of {target}: redis_mode:sentinel",
            change="REDIS_PORT=the port of the server that it watches",
            variable="REDIS_PORT",
        )
        return Checked(name, case.subject, text, (advice,))
    evidence = f"INFO of {target}: redis_mode:{info.mode}, version {info.version}"
    services = [pod for pod in pods if pod.service]
    findings: list[Advice] = []
    if info.mode == "cluster":
        plain = [pod for pod in services if pod.client_kind is Client.PLAIN]
        if plain:
            findings.append(_plain_client(case, plain, evidence))
        findings += _cluster_health(case, evidence, [pod for pod in services if pod not in plain])
    else:
        wrong = [pod for pod in services if pod.client_kind is Client.CLUSTER]
        if wrong:
            findings.append(
                Case(case.server, wrong[0]).advice(
                    "cluster-client-on-standalone",
                    f"{target} is no cluster, and {_names(wrong)} {_use(wrong)} a cluster client",
                    evidence,
                    *(pod.shown("REDIS_CLUSTER") for pod in wrong),
                    change="REDIS_CLUSTER=false (redis.Redis instead of redis.cluster.RedisCluster)",
                    variable="REDIS_CLUSTER",
                )
            )
    return Checked(name, case.subject, text, tuple(findings))


def _as_seen(server: Server) -> str:
    """What tells a proxy from a Redis server."""
    signs = [f"it ends the connection at {', '.join(server.hung_up)}"] if server.hung_up else []
    signs += [] if server.info_error is None or "INFO" in server.hung_up else [f"INFO: {server.info_error}"]
    return "; ".join(signs)


def _role(info: Info) -> str:
    return {"slave": "replica"}.get(info.role, info.role)


def _plain_client(case: Case, pods: Sequence[Pod], evidence: str) -> Advice:
    return Case(case.server, pods[0]).advice(
        "plain-client-on-cluster",
        f"{case.server.target} is a Redis Cluster ({_masters(case)}), "
        f"and {_names(pods)} {_use(pods)} a plain client",
        evidence,
        *(_client_said(pod) for pod in pods),
        change="REDIS_CLUSTER=true (redis.cluster.RedisCluster instead of redis.Redis)",
        variable="REDIS_CLUSTER",
    )


def _use(pods: Sequence[Pod]) -> str:
    return "uses" if len(pods) == 1 else "use"


def _client_said(pod: Pod) -> str:
    if pod.setting("REDIS_CLUSTER") is not None:
        store = pod.text("SESSION_STRATEGY")
        plain = (
            f"; the store {store} takes a plain client"
            if store and pod.text("REDIS_CLUSTER") == "auto"
            else ""
        )
        return pod.shown("REDIS_CLUSTER") + plain
    return f"REDIS_CLUSTER is not set ({pod.place}), and the migration guide's client is redis.Redis"


def _masters(case: Case) -> str:
    count = len(case.server.nodes)
    return f"{count} nodes" if count != 1 else "1 node"


def _cluster_health(case: Case, evidence: str, followers: Sequence[Pod]) -> list[Advice]:
    """Whether it serves, and whether a cluster client reaches the nodes that it announces."""
    findings = []
    if case.server.cluster_state not in (None, "ok"):
        findings.append(
            case.advice(
                "cluster-down",
                f"the cluster behind {case.server.target} is in state {case.server.cluster_state}",
                evidence,
                f"CLUSTER INFO: cluster_state:{case.server.cluster_state}",
                change="see CLUSTER NODES: every slot needs a master that is up",
            )
        )
    lost = [node for node in case.server.nodes if node.tcp.reach not in (Reach.OPEN, Reach.NOT_TRIED)]
    if lost and followers:
        findings.append(
            case.advice(
                "announce-unreachable",
                f"the cluster announces {', '.join(item.address for item in lost)}, "
                "which cannot be reached from here",
                *(f"connecting to {item.address}: {item.tcp.reach}" for item in lost[:_SHOWN]),
                change="cluster-announce-ip and cluster-announce-port of the server: "
                "an address that the pods reach",
            )
        )
    return findings


def _database(case: Case) -> Checked | None:
    error, db = case.server.select, case.server.target.db
    if not case.server.greeted:
        return None
    if "SELECT" in case.server.hung_up:
        text = f"{db} is not known: a Redis proxy ends the connection at SELECT"
        return Checked("database", case.subject, text, known=False, blocks=True)
    if error is None:
        return Checked("database", case.subject, f"{db}")
    cluster = case.server.info is not None and case.server.info.mode == "cluster"
    why = "a cluster has database 0 only" if cluster else f"{case.server.target} has no database {db}"
    advice = case.advice(
        "database-on-cluster" if cluster else "database",
        f"REDIS_DB={db}, and {why}",
        f"SELECT {db}: {error}",
        case.pod.shown("REDIS_DB"),
        change="REDIS_DB=0",
        variable="REDIS_DB",
    )
    return Checked("database", case.subject, "", (advice,))


def _memory(case: Case) -> Checked:
    """Whether sessions can be evicted."""
    info = case.server.info
    if info is None or not info.policy:
        why = "is not answered" if case.server.proxy else "is not permitted"
        return Checked("eviction", case.subject, f"not known: INFO {why}", known=False)
    if info.maxmemory == 0 or not info.policy.startswith(EVICTS):
        limit = f"maxmemory {info.maxmemory}" if info.maxmemory else "no memory limit"
        return Checked("eviction", case.subject, f"{limit}, {info.policy}: no session is evicted")
    used = f"{info.used_memory / info.maxmemory:.0%} of maxmemory in use"
    advice = case.advice(
        "eviction",
        f"maxmemory-policy {info.policy} evicts sessions when memory is full ({used})",
        f"INFO of {case.server.target}: maxmemory:{info.maxmemory}, maxmemory_policy:{info.policy}, "
        f"evicted_keys:{info.evicted}",
        change="maxmemory-policy noeviction at the server (a managed one: its parameter group), "
        "and memory for a TTL's worth of sessions",
    )
    return Checked("eviction", case.subject, "", (advice,))


# --- writing ---------------------------------------------------------------------------------------------


def _writing(case: Case) -> Checked:
    probe, info, target = case.server.write, case.server.info, case.server.target
    replica = info is not None and info.role == "slave"
    if probe is None or probe.error is None:
        if replica and probe is None:
            evidence = f"INFO of {target}: role:slave"
            return Checked("writing", case.subject, "", (_read_only(case, evidence),))
        if probe is None:
            return Checked("writing", case.subject, "not tried", known=False)
        if probe.ttl is None:
            return Checked("writing", case.subject, "a key was written; its TTL is not known", known=False)
        return Checked("writing", case.subject, f"a key with a TTL of {probe.ttl} s, written and deleted")
    if probe.hung_up:
        return Checked("writing", case.subject, f"not known: {probe.error}", known=False, blocks=True)
    evidence = f"SET {probe.key} EX 10: {probe.error}"
    word = probe.error.split(" ", 1)[0].upper()
    if word == "READONLY":
        return Checked("writing", case.subject, "", (_read_only(case, evidence),))
    if word == "NOPERM":
        return Checked("writing", case.subject, "", (_permission(case, [Trial("SET", probe.error)]),))
    if word == "CLUSTERDOWN" and case.server.cluster_state not in (None, "ok"):
        return Checked("writing", case.subject, f"refused: {probe.error}", known=False)
    change = {
        "OOM": "raise maxmemory: it is full, and nothing may be evicted",
        "MISCONF": "mend what the server's log says about its snapshot, or stop-writes-on-bgsave-error no",
        "NOREPLICAS": "bring the replicas back, or min-replicas-to-write 0",
    }.get(word, "let Redis take writes again: see its log")
    advice = case.advice("writes-refused", f"{target} refuses writes: {probe.error}", evidence, change=change)
    return Checked("writing", case.subject, "", (advice,))


def _read_only(case: Case, evidence: str) -> Advice:
    target = case.server.target
    return case.advice(
        "read-only-replica",
        f"{target} is a replica and takes no writes",
        evidence,
        change="REDIS_HOST and REDIS_PORT of its master",
        variable="REDIS_HOST",
    )


def _commands(case: Case, facts: Facts) -> Checked | None:
    """Whether the server knows, and the user may use, what the services' stores need."""
    if not case.server.greeted:
        return None
    needed = list(dict.fromkeys(item for pod in case.server.pods for item in facts.commands.get(pod, ())))
    release = case.server.info.release if case.server.info is not None else ()
    trials = case.server.write.trials if case.server.write is not None else ()
    denied = [trial for trial in trials if trial.error is not None and trial.error.startswith("NOPERM")]
    absent = [
        trial.command
        for trial in trials
        if trial.error is not None and "unknown command" in trial.error.lower()
    ]
    absent = list(dict.fromkeys([*case.server.unknown_commands, *absent]))
    late = {item: since for item in needed if (since := too_new(item, release)) is not None}
    findings = []
    if absent or late:
        findings.append(_too_old(case, absent, late))
    if denied:
        findings.append(_permission(case, denied))
    untried = _untried(case.server, needed)
    if untried or (case.server.proxy and not needed):
        text = f"{_PROXY if case.server.proxy else 'not tried'}: {', '.join(untried) or 'none is named here'}"
        return Checked("commands", case.subject, text, tuple(findings), known=False, blocks=case.server.proxy)
    return Checked("commands", case.subject, ", ".join(needed), tuple(findings))


def _untried(server: Server, needed: Sequence[str]) -> list[str]:
    """The commands of which it is not known whether they run: neither by the server's list nor by a trial."""
    trials = server.write.trials if server.write is not None else ()
    answered = {trial.command for trial in trials if not trial.hung_up}
    if server.proxy:
        return [name for name in needed if name not in answered]
    return [] if server.write is not None or server.info is not None else list(needed)


def _too_old(case: Case, absent: Sequence[str], late: dict[str, tuple[int, ...]]) -> Advice:
    info, target = case.server.info, case.server.target
    version = f"{info.engine} {info.version}" if info is not None else "the server"
    names = list(dict.fromkeys([*absent, *late]))
    since = [f"{name} is there since Redis {'.'.join(map(str, item))}" for name, item in late.items()]
    newest = max(late.values(), default=None)
    wanted = f"Redis {'.'.join(map(str, newest))} or newer" if newest else "a server that has them"
    return case.advice(
        "server-too-old",
        f"{version} at {target} does not know {', '.join(names)}, which the service uses",
        *(f"COMMAND INFO {name}: not known" for name in absent),
        *since,
        change=f"{wanted}, or another SESSION_STRATEGY",
        variable="SESSION_STRATEGY" if case.pod.setting("SESSION_STRATEGY") else "",
    )


def _permission(case: Case, denied: Iterable[Trial]) -> Advice:
    trials = list(denied)
    user = case.name(USER_NAMES)
    keys = [trial for trial in trials if trial.error is not None and "key" in trial.error.lower()]
    names = ", ".join(trial.command for trial in trials)
    commands = " ".join(f"+{trial.command.split()[0].lower()}" for trial in trials if trial not in keys)
    pattern = f"~{case.pod.text('REDIS_PREFIX')}*" if keys else ""
    return case.advice(
        "permission",
        f"the user may not use {names}",
        *(f"{trial.command}: {trial.error}" for trial in trials[:_SHOWN]),
        change=f"ACL SETUSER {case.server.target.user or 'default'} {' '.join((commands, pattern)).strip()}",
        variable=user if case.pod.setting(user) is not None else "",
    )


def _names(pods: Sequence[Pod]) -> str:
    return ", ".join(pod.name for pod in pods)
