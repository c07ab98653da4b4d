"""All rules, in the order in which a person would look."""

from __future__ import annotations

from devenv.core.doctor_rules.advice import Checked, Diagnosis
from devenv.core.doctor_rules.connection_rules import Case, connection
from devenv.core.doctor_rules.crossing_rules import crossings
from devenv.core.doctor_rules.facts import Facts, Reach
from devenv.core.doctor_rules.redis_url import RedisUrl, read_url
from devenv.core.doctor_rules.server_rules import EVICTS, server
from devenv.core.doctor_rules.session_rules import created, keys
from devenv.core.doctor_rules.settings import Pod
from devenv.core.doctor_rules.settings_rules import settings

SOON_DAYS = 14
"""A certificate that is valid for fewer days is worth a note."""


def diagnose(facts: Facts) -> Diagnosis:
    """What is wrong, by what was seen. Where one finding explains another, only the first is given."""
    checks: list[Checked] = settings(facts)
    differs = any(finding.kind == "prefix-differs" for check in checks for finding in check.findings)
    sessions = created(facts)
    differs = differs or any(
        finding.kind == "prefix-differs" for check in sessions for finding in check.findings
    )
    notes = [note for pod in facts.pods for note in _url_notes(pod)]
    for observed in facts.servers:
        case = Case.of(observed, facts)
        way = connection(case)
        checks += way
        if not any(check.findings for check in way) and observed.greeted and observed.ping is None:
            checks += server(case, facts)
            checks += keys(case, facts, prefix_named=differs)
        notes += _notes(case)
    checks += sessions
    causes = {finding.cause for check in checks for finding in check.findings}
    checks += crossings(facts, causes)
    kinds = {finding.kind for check in checks for finding in check.findings}
    notes += facts.crossings_remarks or ([] if "key-without-ttl" in kinds else _endless(facts))
    notes += [f"{pod}: its Redis is not behind the gate, which records nothing" for pod in facts.past_gate]
    return Diagnosis(tuple(checks), tuple(notes))


def _url_notes(pod: Pod) -> list[str]:
    """A URL whose database depends on the client that reads it."""
    setting = pod.setting("REDIS_URL")
    address = read_url(setting.value) if setting is not None else None
    if setting is None or not isinstance(address, RedisUrl) or not address.in_query:
        return []
    if setting.value.strip().lower().startswith("unix:"):
        return []
    query, path = address.in_query, address.in_path
    databases = {"redis-py": query, "ioredis": path or query, "node-redis": path or "0"}
    if len(set(databases.values())) < 2:
        return []
    listed = ", ".join(f"{database} ({client})" for client, database in databases.items())
    return [f"{setting.place}: which database REDIS_URL names depends on the client: {listed}"]


def _endless(facts: Facts) -> list[str]:
    """What is to be noted of new sessions whose key has no TTL: they may be meant to stay."""
    endless = [one.key for one in facts.created if one.key is not None and one.ttl is None]
    if not endless:
        return []
    more = f" ({len(endless) - 1} more likewise)" if len(endless) > 1 else ""
    return [f"{endless[0]} has no time to live{more}: it stays in Redis until something deletes it"]


def _notes(case: Case) -> list[str]:
    """What is wrong with nothing, and worth knowing."""
    notes = []
    observed, info = case.server, case.server.info
    certificate = observed.tls.certificate if observed.tls is not None else None
    if certificate is not None and 0 <= certificate.days < SOON_DAYS:
        notes.append(
            f"{case.subject}: the certificate ends in {certificate.days:.0f} days ({certificate.not_after})"
        )
    if info is not None and info.maxmemory == 0 and info.policy.startswith(EVICTS):
        notes.append(
            f"{case.subject}: maxmemory-policy {info.policy} evicts nothing while maxmemory is 0, "
            "and sessions as soon as there is a limit"
        )
    untried = [node.address for node in observed.nodes if node.tcp.reach is Reach.NOT_TRIED]
    if untried:
        notes.append(f"{case.subject}: the cluster announces {', '.join(untried)}, not tried (--yes)")
    timeout = case.pod.integer("REDIS_TIMEOUT_MS") if case.pod.service else None
    if observed.seconds is not None and timeout is not None and observed.seconds * 1000 > timeout / 2:
        notes.append(
            f"{case.subject}: PING took {observed.seconds * 1000:.0f} ms, REDIS_TIMEOUT_MS is {timeout}"
        )
    return notes
