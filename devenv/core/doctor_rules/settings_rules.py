"""What the settings alone tell: values that no service can use, and pods that disagree."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from devenv.core.doctor_rules.advice import UNEXPLAINED, Advice, Change, Checked
from devenv.core.doctor_rules.facts import Facts, Server
from devenv.core.doctor_rules.kubernetes import Unfit, UnfitValue
from devenv.core.doctor_rules.redis_url import FORM, UrlProblem, is_redis_url, read_url
from devenv.core.doctor_rules.refusals import kind_of
from devenv.core.doctor_rules.settings import (
    ITS_CODE,
    KNOWN,
    PLACE,
    RELEVANT,
    Pod,
    Setting,
    blank_around,
    host_in,
)
from devenv.core.model.contract import DEFAULTS

MAX_PORT = 65535
_NUMBERS = {"REDIS_DB": 0, "REDIS_TIMEOUT_MS": 1, "CAPTCHA_TTL": 1}
"""Whole numbers, and the least that each may be."""
_WITHOUT_LINE_BREAK = "`echo -n VALUE | base64`, or the value itself under stringData"


def settings(facts: Facts) -> list[Checked]:
    """Each pod's values, then what the pods have alike."""
    services = [pod for pod in facts.pods if pod.service]
    checks = [] if facts.unfit_values is None else [_manifests(facts)]
    checks += [_values(pod) for pod in services]
    if services:
        checks.append(_flag(services, facts))
    if len(services) > 1:
        checks += [_prefixes(services, facts), _servers(services, facts)]
    return checks


def _manifests(facts: Facts) -> Checked:
    """Whether Kubernetes takes the manifests, and their Secrets hold what was meant, as far as values tell.

    What a pod gets from a Secret is reported for the pod.
    """
    places = {setting.place for pod in facts.pods for setting in pod.settings.values()}
    findings = [
        _unfit(value)
        for value in facts.unfit_values or ()
        if value.problem is not Unfit.BLANK or value.place not in places
    ]
    return Checked("values for Kubernetes", "manifests", "text where text must stand", tuple(findings))


def _unfit(value: UnfitValue) -> Advice:
    if value.problem is Unfit.BLANK:
        sentence = f"{value.name} in {value.owner} ends in {blank_around(value.text)}"
        change = Change(f"{value.name} without it: {_WITHOUT_LINE_BREAK}", value.place)
        return Advice("blank-in-value", value.owner, sentence, (), change, UNEXPLAINED)
    if value.problem is Unfit.BASE64:
        sentence = f"{value.name} in {value.owner} is no Base64, as a Secret's data must be"
        change = Change(f"{value.name}: {_WITHOUT_LINE_BREAK}", value.place)
        return Advice("refused-value", value.owner, sentence, (), change)
    shown = f"{value.name}: {value.text}" if value.text else value.name
    sentence = f"{shown} in {value.owner} is a {value.problem} to YAML, where Kubernetes takes text only"
    quoted = f'"{value.text}"' if value.text else "the value in quotes"
    return Advice("refused-value", value.owner, sentence, (), Change(f"{value.name}: {quoted}", value.place))


def _blank(pod: Pod, setting: Setting) -> Advice | None:
    """A value that ends in a line break, as ``echo VALUE | base64`` makes it, or in another blank."""
    if not setting.blank or not (setting.secret or setting.name in KNOWN):
        return None
    how = "ends in" if setting.value[-1:].isspace() else "begins with"
    change = f"{setting.name} without {setting.blank}"
    if setting.secret:
        change += f": {_WITHOUT_LINE_BREAK}"
    because = {"USE_REDIS": "pod-memory", "REDIS_PREFIX": "prefix-mismatch", "REDIS_DB": "prefix-mismatch"}
    return Advice(
        "blank-in-value",
        pod.name,
        f"{setting.name} {how} {setting.blank}",
        (f"{setting.name} ({setting.place})",),
        Change(change, setting.place),
        because.get(setting.name, "" if setting.name in KNOWN else UNEXPLAINED),
    )


def _url(pod: Pod, setting: Setting) -> Advice | None:
    """A Redis URL that clients read otherwise than it was meant. No part of it is shown."""
    address = setting.name == "REDIS_URL"
    if setting.blank or not setting.value or not (address or is_redis_url(setting.value)):
        return None
    problem = read_url(setting.value)
    if problem is UrlProblem.PASSWORD:
        sentence = f"{setting.name} has a character before the @ that must be percent-encoded"
        change = (
            f"percent-encode user and password in {setting.name}: "
            "# is %23, / is %2F, ? is %3F, @ is %40, % is %25, [ is %5B, a blank is %20"
        )
        return Advice(
            "url-password", pod.name, sentence, (f"{setting.name}=(not shown) ({setting.place})",),
            Change(change, setting.place),
        )  # fmt: skip
    if problem is UrlProblem.FORM and address:
        return Advice(
            "url-form", pod.name, f"{setting.name} is no address that Redis clients take",
            (f"{setting.name}=(not shown) ({setting.place})",),
            Change(f"{setting.name}={FORM}", setting.place),
        )  # fmt: skip
    return None


def _values(pod: Pod) -> Checked:
    """Whether the service can start and connect with these values."""
    single = [
        *(_number(pod, name) for name in _NUMBERS),
        *(_blank(pod, item) for item in pod.settings.values()),
    ]
    single += [_url(pod, item) for item in pod.settings.values()]
    findings = [item for item in (_port(pod), *single) if item is not None]
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
    sources = [pod.unknown[name] for name in PLACE if name in pod.unknown]
    blocks = bool(pod.unread) or any(not source.startswith(ITS_CODE) for source in sources)
    return Checked("settings", pod.name, text, tuple(findings), not missing, blocks)


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
    what = f"{pod.quoted('REDIS_PORT')} is no port"
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
    example = DEFAULTS[name]
    return Advice(
        "bad-number",
        pod.name,
        f"{pod.quoted(name)} is no whole number from {_NUMBERS[name]} up",
        (pod.shown(name),),
        Change(f"{name}={example}", pod.line(name)),
    )


# --- USE_REDIS -------------------------------------------------------------------------------------------


def _flag(pods: Sequence[Pod], facts: Facts) -> Checked:
    """USE_REDIS is a word that services understand, is true, and is the same for all.

    A pod with another word that sends commands to Redis all the same, as a refusal shows, does not read it.
    """
    refused = {item.pod for item in facts.refused if kind_of(item) is not None}
    known = [
        pod
        for pod in pods
        if pod.known("USE_REDIS")
        and not pod.has_blank("USE_REDIS")
        and (pod.flag("USE_REDIS") or pod.name not in refused)
    ]
    subject = _names(pods)
    if not known:
        return Checked("USE_REDIS", subject, "not known", known=False)
    odd = [pod for pod in known if pod.text("USE_REDIS").strip().lower() not in ("true", "false")]
    findings = [
        Advice(
            "flag-word",
            pod.name,
            f"{pod.quoted('USE_REDIS')} means false to the service",
            (pod.shown("USE_REDIS"),),
            Change("USE_REDIS=true", pod.line("USE_REDIS")),
        )
        for pod in odd
    ]
    plain = [pod for pod in known if pod not in odd]
    on = [pod for pod in plain if pod.flag("USE_REDIS")]
    off = [pod for pod in plain if not pod.flag("USE_REDIS")]
    if on and off:
        findings.append(
            Advice(
                "flags-differ",
                _names(plain),
                f"{_names(on)} with USE_REDIS=true, {_names(off)} with USE_REDIS=false",
                tuple(pod.shown("USE_REDIS") for pod in plain),
                Change("USE_REDIS=true", off[0].line("USE_REDIS")),
            )
        )
    elif off and not _single(off):
        findings.append(
            Advice(
                "flag-off",
                _names(off),
                f"{_names(off)} with USE_REDIS=false: no session is in Redis",
                tuple(pod.shown("USE_REDIS") for pod in off),
                Change("USE_REDIS=true", off[0].line("USE_REDIS")),
            )
        )
    rest = [pod for pod in pods if pod not in known]
    text = "USE_REDIS=true" if on else "USE_REDIS=false, with one pod"
    text += f"; not known for {_names(rest)}" if rest else ""
    return Checked("USE_REDIS", subject, text, tuple(findings), known=not rest)


def _single(pods: Sequence[Pod]) -> bool:
    """Surely one pod only, so that there is no other memory."""
    return len(pods) == 1 and pods[0].replicas == 1


# --- prefix, database, server ----------------------------------------------------------------------------


def _prefixes(pods: Sequence[Pod], facts: Facts) -> Checked:
    findings = []
    using = [pod for pod in pods if pod.flag("USE_REDIS")] or list(pods)
    for name in ("REDIS_PREFIX", "REDIS_DB"):
        known = [pod for pod in using if pod.known(name) and not pod.has_blank(name)]
        groups = _by(known, lambda pod, name=name: pod.text(name))  # type: ignore[misc]
        if len(groups) < 2:
            continue
        usual = max(groups.values(), key=len)[0]
        other = next(pod for pod in known if pod.text(name) != usual.text(name))
        written = [f"{item.pod} wrote {item.key}" for item in facts.created if item.key is not None]
        findings.append(
            Advice(
                "prefix-differs",
                _names(known),
                f"{name} differs: "
                + ", ".join(
                    f"{'a value from a Secret' if group[0].hides(name) else repr(value)} for {_names(group)}"
                    for value, group in groups.items()
                ),
                (*(pod.shown(name) for pod in known), *written),
                Change(
                    f"{name}={'the same for all' if usual.hides(name) else usual.text(name)}",
                    other.line(name),
                ),
            )
        )
    open_ = [pod for pod in using if not (pod.known("REDIS_PREFIX") and pod.known("REDIS_DB"))]
    text = f"not known for {_names(open_)}" if open_ else "the same for all"
    return Checked("prefix and database", _names(using), text, tuple(findings), known=not open_)


def _servers(pods: Sequence[Pod], facts: Facts) -> Checked:
    """All pods keep their sessions in one server, whatever they call it; where one of them is out of order,
    that says enough. A service whose switch is not known may use what its settings name.
    """
    using = [pod for pod in pods if pod.flag("USE_REDIS") or not pod.known("USE_REDIS")]
    servers: dict[str, list[Pod]] = {}
    observed: list[Server] = []
    for pod in using:
        server = facts.server_of(pod.name)
        if server is not None:
            servers.setdefault(str(server.target), []).append(pod)
            observed.append(server)
    clear = all(server.skipped is None and server.greeted and server.ping is None for server in observed)
    cluster = any(server.info is not None and server.info.mode == "cluster" for server in observed)
    open_ = [pod for pod in using if facts.server_of(pod.name) is None]
    processes = {server.info.run_id for server in observed if server.info is not None}
    one_process = len(processes) == 1 and "" not in processes and all(server.info for server in observed)
    if (len(servers) < 2 or one_process) and not open_:
        return Checked("one server", _names(using), "the same for all")
    if len(servers) < 2 or cluster or not clear:
        why = f"not known for {_names(open_)}" if open_ else "several addresses"
        return Checked("one server", _names(using), why, known=cluster and not open_)
    usual = max(servers, key=lambda address: len(servers[address]))
    other = next(pods[0] for address, pods in servers.items() if address != usual)
    name = "REDIS_HOST" if other.text("REDIS_HOST") != servers[usual][0].text("REDIS_HOST") else "REDIS_PORT"
    advice = Advice(
        "server-differs",
        _names(using),
        "not all pods use the same Redis: "
        + ", ".join(f"{address} for {_names(group)}" for address, group in servers.items()),
        tuple(pod.shown(name) for pod in using),
        Change(
            f"{name}={'the same for all' if other.hides(name) else servers[usual][0].text(name)}",
            other.line(name),
        ),
    )
    return Checked("one server", _names(using), "", (advice,))


def _by(pods: Sequence[Pod], value: Callable[[Pod], str]) -> dict[str, list[Pod]]:
    groups: dict[str, list[Pod]] = {}
    for pod in pods:
        groups.setdefault(value(pod), []).append(pod)
    return groups


def _names(pods: Sequence[Pod]) -> str:
    return ", ".join(pod.name for pod in pods)
