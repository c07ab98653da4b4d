"""What the settings alone tell: values that no service can use, and pods that disagree."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from devenv.core.doctor_rules.facts import Facts, Server
from devenv.core.doctor_rules.advice import Advice, Change, Checked
from devenv.core.doctor_rules.settings import RELEVANT, Pod, host_in

MAX_PORT = 65535
_NUMBERS = {"REDIS_DB": 0, "REDIS_TIMEOUT_MS": 1, "CAPTCHA_TTL": 1}
"""Whole numbers, and the least that each may be."""


def settings(facts: Facts) -> list[Checked]:
    """Each pod's values, then what the pods have alike."""
    services = [pod for pod in facts.pods if pod.service]
    checks = [_values(pod) for pod in services]
    if services:
        checks.append(_flag(services))
    if len(services) > 1:
        checks += [_prefixes(services, facts), _servers(services, facts)]
    return checks


def _values(pod: Pod) -> Checked:
    """Whether the service can start and connect with these values."""
    findings = [item for item in (_port(pod), *(_number(pod, name) for name in _NUMBERS)) if item is not None]
    if pod.flag("USE_REDIS") and pod.known("REDIS_HOST") and not pod.text("REDIS_HOST"):
        findings.append(
            Advice(
                "host-missing",
                pod.name,
                "USE_REDIS=true, and REDIS_HOST names no server",
                (pod.shown("USE_REDIS"), _unset(pod, "REDIS_HOST")),
                Change("REDIS_HOST=the address of your Redis", pod.line("REDIS_HOST")),
            )
        )
    unknown = [f"{name} from {source}" for name, source in sorted(pod.unknown.items()) if name in RELEVANT]
    word = pod.text("REDIS_HOST")
    if word and not pod.host:
        findings.append(
            Advice(
                "host-form",
                pod.name,
                "REDIS_HOST is a host name or an address, without scheme and port",
                (pod.shown("REDIS_HOST") if "@" not in word else "REDIS_HOST has a password in it",),
                Change(
                    f"REDIS_HOST={host_in(word.strip()) or 'the address of your Redis'}",
                    pod.line("REDIS_HOST"),
                ),
            )
        )
    missing = [*pod.unread, *unknown]
    text = "values can be used" if not missing else f"not read: {', '.join(missing)}"
    return Checked("settings", pod.name, text, tuple(findings), known=not missing)


def _unset(pod: Pod, name: str) -> str:
    return f"{name} is empty ({pod.line(name)})" if pod.setting(name) else f"{name} is not set ({pod.place})"


def _port(pod: Pod) -> Advice | None:
    word = pod.text("REDIS_PORT")
    if not pod.known("REDIS_PORT") or _is_port(word):
        return None
    link = re.fullmatch(r"tcp://.*:(\d+)", word)
    number = link[1] if link else "6379"
    place = pod.line("REDIS_PORT")
    evidence = [pod.shown("REDIS_PORT")]
    what = f"REDIS_PORT={word!r} is no port"
    text = f"REDIS_PORT={number}"
    if link:
        what += ": Kubernetes sets it in every pod beside a Service named redis"
        text += ", or enableServiceLinks: false"
        if pod.place.file == place.file and pod.place.line is not None:
            place = pod.place  # the Service is no fault: the container lacks the variable
    return Advice("bad-port-value", pod.name, what, tuple(evidence), Change(text, place))


def _is_port(word: str) -> bool:
    word = word.strip()
    return word.isascii() and word.isdecimal() and len(word) <= 5 and 0 < int(word) <= MAX_PORT


def _number(pod: Pod, name: str) -> Advice | None:
    value = pod.integer(name)
    if not pod.known(name) or (value is not None and value >= _NUMBERS[name]):
        return None
    example = {"REDIS_DB": "0", "REDIS_TIMEOUT_MS": "2000", "CAPTCHA_TTL": "60"}[name]
    return Advice(
        "bad-number",
        pod.name,
        f"{name}={pod.text(name)!r} is no whole number from {_NUMBERS[name]} up",
        (pod.shown(name),),
        Change(f"{name}={example}", pod.line(name)),
    )


# --- USE_REDIS -------------------------------------------------------------------------------------------


def _flag(pods: Sequence[Pod]) -> Checked:
    """USE_REDIS is a word that services understand, is true, and is the same for all."""
    told = [pod for pod in pods if pod.known("USE_REDIS")]
    subject = _names(pods)
    if not told:
        return Checked("USE_REDIS", subject, "not known", known=False)
    odd = [pod for pod in told if pod.text("USE_REDIS").strip().lower() not in ("true", "false")]
    findings = [
        Advice(
            "flag-word",
            pod.name,
            f"USE_REDIS={pod.text('USE_REDIS')!r} means false to the service",
            (pod.shown("USE_REDIS"),),
            Change("USE_REDIS=true", pod.line("USE_REDIS")),
        )
        for pod in odd
    ]
    plain = [pod for pod in told if pod not in odd]
    on = [pod for pod in plain if pod.flag("USE_REDIS")]
    off = [pod for pod in plain if not pod.flag("USE_REDIS")]
    if on and off:
        findings.append(
            Advice(
                "flags-differ",
                _names(plain),
                f"USE_REDIS is true for {_names(on)} and false for {_names(off)}",
                tuple(pod.shown("USE_REDIS") for pod in plain),
                Change("USE_REDIS=true", off[0].line("USE_REDIS")),
            )
        )
    elif off and not _single(off):
        findings.append(
            Advice(
                "flag-off",
                _names(off),
                "USE_REDIS is not true: no session is in Redis",
                tuple(pod.shown("USE_REDIS") for pod in off),
                Change("USE_REDIS=true", off[0].line("USE_REDIS")),
            )
        )
    return Checked("USE_REDIS", subject, "true" if on else "false, with one pod", tuple(findings))


def _single(pods: Sequence[Pod]) -> bool:
    """Surely one pod only, so that there is no other memory."""
    return len(pods) == 1 and pods[0].replicas == 1


# --- prefix, database, server ----------------------------------------------------------------------------


def _prefixes(pods: Sequence[Pod], facts: Facts) -> Checked:
    findings = []
    using = [pod for pod in pods if pod.flag("USE_REDIS")] or list(pods)
    for name in ("REDIS_PREFIX", "REDIS_DB"):
        told = [pod for pod in using if pod.known(name)]
        groups = _by(told, lambda pod, name=name: pod.text(name))  # type: ignore[misc]
        if len(groups) < 2:
            continue
        usual = max(groups.values(), key=len)[0]
        other = next(pod for pod in told if pod.text(name) != usual.text(name))
        seen = [f"{item.pod} wrote {item.key}" for item in facts.created if item.key is not None]
        findings.append(
            Advice(
                "prefix-differs",
                _names(told),
                f"{name} differs: "
                + ", ".join(f"{value!r} for {_names(group)}" for value, group in groups.items()),
                (*(pod.shown(name) for pod in told), *seen),
                Change(f"{name}={usual.text(name)}", other.line(name)),
            )
        )
    return Checked("prefix and database", _names(using), "the same for all", tuple(findings))


def _servers(pods: Sequence[Pod], facts: Facts) -> Checked:
    """All pods keep their sessions in one server; where one of them is out of order, that says enough."""
    using = [pod for pod in pods if pod.flag("USE_REDIS")]
    servers: dict[str, list[Pod]] = {}
    seen: list[Server] = []
    for pod in using:
        server = facts.server_of(pod.name)
        if server is not None:
            servers.setdefault(str(server.target), []).append(pod)
            seen.append(server)
    clear = all(server.skipped is None and server.greeted and server.ping is None for server in seen)
    cluster = any(server.info is not None and server.info.mode == "cluster" for server in seen)
    if len(servers) < 2 or cluster or not clear:
        return Checked("one server", _names(using), "the same for all")
    usual = max(servers, key=lambda address: len(servers[address]))
    other = next(pods[0] for address, pods in servers.items() if address != usual)
    name = "REDIS_HOST" if other.text("REDIS_HOST") != servers[usual][0].text("REDIS_HOST") else "REDIS_PORT"
    found = Advice(
        "server-differs",
        _names(using),
        "not all pods use the same Redis: "
        + ", ".join(f"{address} for {_names(group)}" for address, group in servers.items()),
        tuple(pod.shown(name) for pod in using),
        Change(f"{name}={servers[usual][0].text(name)}", other.line(name)),
    )
    return Checked("one server", _names(using), "", (found,))


def _by(pods: Sequence[Pod], value: Callable[[Pod], str]) -> dict[str, list[Pod]]:
    groups: dict[str, list[Pod]] = {}
    for pod in pods:
        groups.setdefault(value(pod), []).append(pod)
    return groups


def _names(pods: Sequence[Pod]) -> str:
    return ", ".join(pod.name for pod in pods)
