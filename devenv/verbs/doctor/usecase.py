"""``devenv doctor``: which settings, which servers, may they be touched; then look, then judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devenv.core.doctor_rules.advice import Diagnosis
from devenv.core.doctor_rules.all_rules import diagnose
from devenv.core.doctor_rules.facts import Created, Facts, Refusal, Server, Target
from devenv.core.doctor_rules.kubernetes import TELLTALE, UnfitValue
from devenv.core.doctor_rules.settings import (
    CA_NAMES,
    CERTIFICATE_NAMES,
    CHECK_NAMES,
    KEY_NAMES,
    USER_NAMES,
    Pod,
)
from devenv.core.doctor_rules.store_commands import NEEDS, UNSAID
from devenv.core.model.backends import Backend
from devenv.core.model.contract import REDIS_TIMEOUT_MS
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.events import RedisCommand
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceProfile
from devenv.core.model.topology import StackStatus
from devenv.core.resp.refusals import asks_for_cluster
from devenv.harness.client.client import CANNOT_CONNECT_S, TIMEOUT_S
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import live_trace
from devenv.stack.protocol import Progress
from devenv.verbs.doctor.probe import sessions as creation
from devenv.verbs.doctor.probe import settings_sources as sources
from devenv.verbs.doctor.probe.crossings import try_across
from devenv.verbs.doctor.probe.keyspace import named
from devenv.verbs.doctor.probe.redis_server import WELL_KNOWN, Found, Plan, look, seek
from devenv.verbs.doctor.probe.tls import TlsFiles, loopback
from devenv.verbs.operate.select import running_stack

GATE_SECONDS = 600.0
"""How far back the gate's record is read for what Redis refused."""

Ask = Callable[[str], bool]
"""Called before a host that is not this machine is touched, with what would be done; gives the answer."""


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What to look at. Nothing named: the stack that runs, else ``.env`` of the current folder."""

    env_files: tuple[Path, ...] = ()
    """A ``.env`` file for each pod."""
    manifests: tuple[Path, ...] = ()
    """Kubernetes manifests: files, or folders of files."""
    redis_url: str | None = None
    """The address at which the Redis of the settings is reached, or the only thing to look at."""
    service: str | None = None
    """The URL of a service that runs, to be asked for challenges."""
    authorities: Path | None = None
    """A file that stands for the CA of the settings, whose path is another machine's."""
    commands: tuple[str, ...] = ()
    """Redis commands that the service uses besides those of its SESSION_STRATEGY."""
    other_prefixes: tuple[str, ...] = ()
    """Prefixes of keys that are another environment's."""
    probe: bool = True
    """Whether anything may be touched at all."""
    write: bool = True
    """Whether sessions may be opened, and the one key written."""
    neighbours: tuple[int, ...] = WELL_KNOWN
    """Other ports to try on a host whose port does not answer."""
    profile: ServiceProfile = CAPTCHA
    """How ``service`` is asked for a session."""
    seed: int = 0
    """Picks among the answers that are sent to sessions of a running stack."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was looked at and what is to be said of it."""

    subject: str
    """What was looked at: files, an address, the running stack."""
    diagnosis: Diagnosis
    """The checks and what they found."""
    servers: tuple[Server, ...]
    """The servers that the settings name."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``; no secret is in it."""
        servers = [
            {"address": str(server.target), "pods": list(server.pods), "how": server.target.description}
            for server in self.servers
        ]
        return {"subject": self.subject, "servers": servers, **self.diagnosis.to_json()}


def examine(
    options: DoctorOptions,
    backend: Backend | None,
    state_dir: Path,
    *,
    ask: Ask,
    progress: Progress = lambda line: None,
) -> Examined:
    """Read the settings, look at what they point at, judge.

    Raises UsageProblem for input that cannot be read, EnvironmentProblem where there is nothing to look at,
    or ``ask`` said no.
    """
    pods, stack, subject, unfit_values = _subject(options, backend, state_dir)
    status = stack.status() if stack is not None else None
    consent = _Consent(ask)
    needs = {pod.name: _needs(pod, options) for pod in pods}
    for command in _heard(stack, status, time.time() - GATE_SECONDS):
        if "unknown command" in str(command.reply).lower() and command.pod in needs:
            needs[command.pod] = tuple(dict.fromkeys((*needs[command.pod], command.command)))
    plans, servers = _plans(pods, options, needs, consent, status), []
    if options.service is not None and options.probe:
        consent.wanted(_host_of(options.service), f"ask {options.service} for challenges")
    for plan in plans:
        if isinstance(plan, Server):
            servers.append(plan)
            continue
        progress(f"looking at {plan.target}")
        servers.append(look(plan))
    facts = Facts(
        tuple(pods),
        tuple(servers),
        commands=needs,
        foreign_prefixes=options.other_prefixes,
        unfit_values=unfit_values if options.manifests else None,
        past_gate=tuple(pod.name for pod in pods if pod.past_gate),
    )
    if options.probe and options.write:
        facts = replace(
            facts,
            created=tuple(_sought(_created(options, status, facts.without_redis, progress), facts, plans)),
        )
    if stack is not None and status is not None:
        facts = _with_sessions(facts, options, stack, status, state_dir, progress)
    switch = (options.profile if status is None else status.spec.profile).switch
    return Examined(subject, diagnose(facts).in_words_of(switch), tuple(servers))


def _with_sessions(
    facts: Facts,
    options: DoctorOptions,
    stack: JournaledStack,
    status: StackStatus,
    state_dir: Path,
    progress: Progress,
) -> Facts:
    """``facts`` with what a stack's pods do with each other's sessions, and with what Redis refused."""
    if options.probe and options.write:
        progress("opening sessions on each pod and using them on the others")
        silent = {item.pod: str(item.error) for item in facts.created if item.status is None}
        cannot = {
            item.pod for item in _refused(stack, status) if asks_for_cluster(item.command, f"-{item.error}")
        }
        without_redis = facts.without_redis | cannot
        timeout = CANNOT_CONNECT_S if without_redis else TIMEOUT_S
        tried = try_across(stack, status, options.seed, state_dir, silent, without_redis, timeout)
        facts = replace(
            facts,
            crossings=tried.crossings,
            trace_causes=tried.causes,
            crossings_remarks=tried.remarks,
        )
    elif len(facts.pods) > 1:
        facts = replace(facts, crossings_skipped="not tried: it would open sessions")
    return replace(facts, refused=_refused(stack, status))


# --- what is to be looked at -----------------------------------------------------------------------------


def _subject(
    options: DoctorOptions, backend: Backend | None, state_dir: Path
) -> tuple[list[Pod], JournaledStack | None, str, tuple[UnfitValue, ...]]:
    from_manifests, refused = sources.from_manifests(options.manifests)
    pods = sources.from_env_files(options.env_files) + from_manifests
    if pods or refused:
        if options.redis_url is not None:
            pods = [sources.reached_at(pod, options.redis_url) for pod in pods]
        subject = ", ".join(str(path) for path in (*options.env_files, *options.manifests))
        return pods, None, subject, refused
    if options.redis_url is not None:
        pod = sources.from_url(options.redis_url)
        return [pod], None, f"{pod.text('REDIS_HOST')}:{pod.text('REDIS_PORT')}", ()
    try:
        stack = running_stack(backend, state_dir)
    except EnvironmentProblem:
        here = Path(".env")
        pods_here = sources.from_env_files([here]) if here.is_file() else []
        if pods_here and TELLTALE & {*pods_here[0].settings, *pods_here[0].unknown}:
            return pods_here, None, str(here), ()
        raise EnvironmentProblem(
            "there is nothing to look at: no stack is running, and no .env here names a Redis",
            hint="name settings with --env-file F or --k8s F, an address with --redis-url, "
            "or start a stack with `devenv up -d`",
        ) from None
    status = stack.status()
    return sources.from_stack(status, Path(".env")), stack, f"the running stack ({status.backend})", ()


def _needs(pod: Pod, options: DoctorOptions) -> tuple[str, ...]:
    needs = NEEDS.get(pod.text("SESSION_STRATEGY").lower(), UNSAID if pod.service else ())
    return tuple(dict.fromkeys((*needs, *(command.upper() for command in options.commands))))


def _heard(stack: JournaledStack | None, status: StackStatus | None, since: float) -> list[RedisCommand]:
    """What the gate saw Redis refuse from ``since`` on; nothing without a stack, or an answer of its gate."""
    if stack is None or status is None:
        return []
    try:
        events = live_trace(status, stack.journal, time.time())
    except EnvironmentProblem:
        return []
    commands = [event for event in events if isinstance(event, RedisCommand) and event.received >= since]
    return [command for command in commands if str(command.reply).startswith("-")]


def _refused(stack: JournaledStack, status: StackStatus) -> tuple[Refusal, ...]:
    """What Redis refused each pod since its process started, as far back as GATE_SECONDS; each once."""
    started = {event.pod: event.time for event in stack.journal.events() if event.what in ("restart", "pod")}
    refusals = {
        (item.pod, item.command, str(item.reply)): Refusal(item.pod, item.command, str(item.reply)[1:])
        for item in _heard(stack, status, time.time() - GATE_SECONDS)
        if item.received >= started.get(item.pod, 0.0)
    }
    return tuple(refusals.values())


# --- which servers, and may they be touched --------------------------------------------------------------


class _Consent:
    """Hosts that may be touched: this machine, and those that were confirmed."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._given: set[str] = set()

    def wanted(self, host: str, what: str) -> None:
        """Raises EnvironmentProblem where the answer is no."""
        if self.has(host):
            return
        if not self._ask(f"{what}; {host} is not this machine"):
            raise EnvironmentProblem(
                f"{host} was not touched, as you wish", hint="--no-probe reads the settings only"
            )
        self._given.add(host)

    def has(self, host: str) -> bool:
        """Whether ``host`` may be touched."""
        return loopback(host) or host in self._given


def _plans(
    pods: Sequence[Pod],
    options: DoctorOptions,
    needs: dict[str, tuple[str, ...]],
    consent: _Consent,
    status: StackStatus | None,
) -> list[Plan | Server]:
    """One plan for each way to reach a server; a Server where it is not to be tried, and why.

    Where a port is closed, those that other pods use are looked at too. Of a stack of ours (``status``) it is
    known where its nodes are reached.
    """
    grouped: dict[tuple[Target, str, TlsFiles, str], list[Pod]] = {}
    for pod in pods:
        target = _target(pod)
        if target is not None:
            why = _untouchable(pod, target, options)
            grouped.setdefault((target, pod.text("REDIS_PASSWORD"), _files(pod, options), why), []).append(
                pod
            )
    neighbours = tuple(dict.fromkeys([*(target.port for target, *_ in grouped), *options.neighbours]))
    plans: list[Plan | Server] = []
    ends = status.endpoints if status is not None else None
    home = (ends.redis_host, ends.redis_port) if ends is not None else None
    nodes = ends.redis_nodes if ends is not None else ()
    for (target, password, files, why), users in grouped.items():
        names = tuple(pod.name for pod in users)
        if why:
            plans.append(Server(target, names, skipped=why))
            continue
        place = users[0].line("REDIS_HOST")
        address = replace(target, secret=False)
        consent.wanted(target.host, f"connect to {address} (REDIS_HOST in {place})")
        plans.append(
            Plan(
                target,
                names,
                (users[0].integer("REDIS_TIMEOUT_MS") or REDIS_TIMEOUT_MS) / 1000,
                password,
                files,
                tuple(dict.fromkeys(need for pod in users for need in needs[pod.name])),
                users[0].text("REDIS_PREFIX"),
                options.write,
                neighbours,
                consent.has,
                nodes if (target.host, target.port) == home else (),
                of_stack=(target.host, target.port) == home,
            )
        )
    return plans


def _target(pod: Pod) -> Target | None:
    """Where this pod's Redis is; None where its settings name none that could be reached."""
    port, db, host = pod.integer("REDIS_PORT"), pod.integer("REDIS_DB"), pod.host
    unnamed = not host and pod.known("REDIS_HOST")
    if (
        unnamed
        or port is None
        or not 0 < port <= 65535
        or (pod.service and pod.text("REDIS_PORT")[:1] == "-")
    ):
        return None
    user = pod.text(*USER_NAMES)
    return Target(
        host or "?",
        port,
        pod.flag("REDIS_SSL"),
        max(db or 0, 0),
        user,
        bool(pod.text("REDIS_PASSWORD")),
        secret=any(item.secret for name in ("REDIS_HOST", "REDIS_PORT") if (item := pod.setting(name))),
    )


def _untouchable(pod: Pod, target: Target, options: DoctorOptions) -> str:
    """Why a server cannot be tried; "" where it can."""
    for name in ("REDIS_HOST", "REDIS_PORT", "REDIS_SSL"):
        if not pod.known(name):
            return f"not tried: {name} is not known ({pod.unknown.get(name) or ', '.join(pod.unread)})"
    for name in ("REDIS_HOST", "REDIS_PORT", "REDIS_SSL", "REDIS_PASSWORD", *USER_NAMES):
        if pod.has_blank(name):
            return f"not tried: {name} has a blank that was hardly meant"
    if not options.probe:
        return f"not tried: --no-probe ({target.description})"
    inside = target.local or "." not in target.host or target.host.endswith((".svc", ".svc.cluster.local"))
    if options.manifests and options.redis_url is None and inside and not loopback(target.host):
        return (
            f"not tried: {target.name} is known inside the cluster only; "
            "kubectl port-forward, and --redis-url redis://127.0.0.1:PORT"
        )
    return ""


def _files(pod: Pod, options: DoctorOptions) -> TlsFiles:
    if not pod.flag("REDIS_SSL"):
        return TlsFiles()
    authorities = str(options.authorities) if options.authorities is not None else pod.text(*CA_NAMES)
    checked = pod.text(*CHECK_NAMES).lower().removeprefix("cert_") != "none"
    return TlsFiles(authorities, pod.text(*CERTIFICATE_NAMES), pod.text(*KEY_NAMES), checked)


def _host_of(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageProblem(f"--service {url}: no address", hint="like http://127.0.0.1:8000")
    return parts.hostname


# --- challenges ------------------------------------------------------------------------------------------


def _created(
    options: DoctorOptions, status: StackStatus | None, without_redis: frozenset[str], progress: Progress
) -> list[Created]:
    if options.service is not None:
        progress(f"asking {options.service} for challenges")
        return creation.on_service(options.service, options.profile)
    service = status.spec.service if status is not None else None
    if status is None or (service is not None and not service.switchable):
        return []  # or of a service whose sessions are not known to be in Redis
    progress("asking each pod for a challenge")
    return creation.on_stack(status, without_redis)


def _sought(challenges: Sequence[Created], facts: Facts, plans: Sequence[Plan | Server]) -> list[Created]:
    """The challenges with their keys, of every server that the settings name."""
    prefixes = list(dict.fromkeys(pod.text("REDIS_PREFIX") for pod in facts.pods))
    places: dict[str, Found] = {}
    looked_up = dict.fromkeys(creation.ids(challenges), True)
    for plan, server in zip(plans, facts.servers, strict=True):
        if isinstance(plan, Server) or not server.greeted or server.ping is not None:
            continue
        located = seek(plan, server, creation.ids(challenges), prefixes)
        places |= {challenge_id: place for challenge_id, place in located.items() if place is not None}
        looked_up = {challenge_id: ok and challenge_id in located for challenge_id, ok in looked_up.items()}
    sought = []
    for one in challenges:
        place = places.get(one.challenge or "")
        if place is not None:
            parts = named(place.key)
            prefix = parts[0] if parts is not None else place.key.partition(str(one.challenge))[0]
            one = replace(one, key=place.key, prefix=prefix, db=place.db, ttl=place.ttl)
        looked = one.challenge is None or place is not None or looked_up[one.challenge]
        sought.append(replace(one, looked=looked))
    return sought
