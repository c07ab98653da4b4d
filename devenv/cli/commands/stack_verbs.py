"""up, down, status, logs, toggle, route."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Annotated

import typer

from devenv.cli.commands.own_service import ServiceFlags
from devenv.cli.grouped import grouped
from devenv.cli.options import ColdOption, CommandContext, Common, RedisOption, StoreOption, store
from devenv.cli.screen import Screen, Text, grid
from devenv.core.model.backends import Backend
from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import Ports, RedisMode, StackStatus
from devenv.core.model.vocabulary import MAX_PODS, Strategy
from devenv.core.routing import POLICIES
from devenv.harness.config.service_file import pod_assignments
from devenv.harness.config.settings import MAX_PORT
from devenv.harness.redis.keys import BESIDE
from devenv.stack.environment import with_settings
from devenv.verbs.operate.select import open_stack, running_stack
from devenv.verbs.operate.status import Overview, overview
from devenv.verbs.operate.toggle import toggle as toggle_pods
from devenv.wire.control.policy import present_policy, set_policy

_LOG_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")
_STORE_STYLE = {Strategy.MEMORY: "red", Strategy.ATOMIC: "green"}


class Switch(StrEnum):
    """on or off."""

    ON = "on"
    OFF = "off"


def _port(flag: str, variable: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        flag, envvar=variable, min=0, max=MAX_PORT, metavar="PORT", help=f"{what} (0: any free one)."
    )
    return option


def _policies(incomplete: str) -> list[str]:
    return [name for name in POLICIES if name.startswith(incomplete)]


# --- up and down -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StackFlags:
    """The options that say what is started."""

    pods: Annotated[
        int | None,
        typer.Option(
            envvar="DEVENV_PODS", min=1, max=MAX_PODS, metavar="N", help="How many pods [default: 2]."
        ),
    ] = None
    use_redis: Annotated[
        bool | None,
        typer.Option(
            "--use-redis/--no-use-redis",
            envvar="USE_REDIS",
            help="Sessions in Redis, or in each pod's memory [default: memory].",
        ),
    ] = None
    strategy: StoreOption = None
    policy: Annotated[
        str | None,
        typer.Option(
            envvar="DEVENV_POLICY",
            metavar="POLICY",
            help="How requests are spread; see `devenv route --help` [default: round-robin].",
            autocompletion=_policies,
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            envvar="DEVENV_WORKERS", min=1, max=64, metavar="N", help="Worker processes per pod [default: 1]."
        ),
    ] = None
    redis: RedisOption = None
    cold: ColdOption = None


@dataclass(frozen=True, slots=True)
class PortFlags:
    """The options that say where the stack listens; None where not given."""

    port: Annotated[int | None, _port("--port", "DEVENV_TRAFFIC_PORT", "Traffic, default 8080")] = None
    control_port: Annotated[
        int | None, _port("--control-port", "DEVENV_CONTROL_PORT", "Control API, default 8081")
    ] = None
    ml_port: Annotated[int | None, _port("--ml-port", "DEVENV_ML_PORT", "Mock ML, default 8001")] = None
    redis_port: Annotated[int | None, _port("--redis-port", "DEVENV_REDIS_PORT", "Redis, default 6379")] = (
        None
    )
    gate_port: Annotated[
        int | None, _port("--gate-port", "DEVENV_GATE_PORT", "First pod's gate, default 6391")
    ] = None

    def over(self, present: Ports) -> Ports:
        """``present`` with the ports that were given."""
        given = {
            "traffic": self.port, "control": self.control_port, "ml": self.ml_port,
            "redis": self.redis_port, "gate": self.gate_port,
        }  # fmt: skip
        return replace(present, **{name: port for name, port in given.items() if port is not None})


@grouped
def up(
    *,
    stack_flags: StackFlags,
    ports: PortFlags,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when it is ready; `devenv down` ends it.")
    ] = False,
    pod_env: Annotated[
        list[str] | None,
        typer.Option(
            "--pod-env", metavar="POD:N=VALUE", help="A variable of one pod alone: b:REDIS_PREFIX=x:"
        ),
    ] = None,
    service: ServiceFlags,
    common: Common,
) -> None:
    """Start the stack: Redis, the mock ML service, the pods and the proxy in front of them.

    In the foreground it shows the logs of all parts until Ctrl-C, which ends it all. With a devenv.toml here,
    or
    --app or --command, the pods are your own service: docs/own-service.md.
    """
    chosen = {field.name: getattr(stack_flags, field.name) for field in fields(stack_flags)}
    at = common.context(**{**chosen, "strategy": store(stack_flags.strategy)})
    settings = replace(
        at.settings, ports=ports.over(at.settings.ports), service=service.over(at.settings.service)
    )
    spec = with_settings(settings.stack_spec(), pod_assignments(pod_env or (), "--pod-env"))
    stack = open_stack(
        at.settings.backend or "embedded", at.settings.state_dir, detached=detach, cold=at.settings.cold
    )
    with at.screen.working("starting") as progress:
        started = stack.start(spec, progress)
    if detach:
        _present(started, at.screen)
        at.screen.show(Text("end it with `devenv down`", "dim"))
        return
    try:
        _present(started, at.screen)
        at.screen.note("showing the logs; Ctrl-C ends the stack")
        _print_logs(stack.logs(None, tail=0, follow=True), at.screen)
    finally:
        stack.stop()
    raise EnvironmentProblem("the stack has ended by itself", hint="see `devenv logs`")


def _present(status: StackStatus, screen: Screen) -> None:
    """What was started, and where to find it."""
    screen.result(status.to_json())
    words = ", ".join(str(word) for word in dict.fromkeys(stores(status).values()))
    own = status.spec.service
    what = "pods" if own is None else f"pods of {own.title}"
    kept = (
        f"sessions in {_where(words, own is not None)}" if own is None or own.switchable else "own sessions"
    )
    line = f": {len(status.pods)} {what} ({status.backend}), {kept}, {status.spec.policy}"
    screen.show(Text.assemble(("up", "bold green"), line))
    _addresses(status, screen)
    create = next(iter(status.spec.profile.kinds.values())).create
    more = "".join(f" -H '{name}: …'" for name in status.spec.profile.headers)
    more += "".join(f" -H '{name}: {value}'" for name, value in create.headers.items())
    if create.body is not None:
        more += f" -H 'content-type: application/json' -d '{json.dumps(create.body)}'"
    screen.show(Text(f"try: curl -X {create.method}{more} {status.endpoints.traffic}{create.path}", "dim"))


def _where(words: str, own: bool) -> str:
    if words == Strategy.MEMORY:
        return "each pod's memory"
    return "Redis" if own else f"Redis (store: {words})"


def _addresses(status: StackStatus, screen: Screen) -> None:
    ends = status.endpoints
    mode = status.spec.redis_mode
    engine = f"{status.redis_engine} {status.redis_version}"
    state = "" if mode is RedisMode.STANDALONE else f", {mode}"
    state += "" if status.redis_state == "running" else f", {status.redis_state}"
    screen.show(
        f"  traffic   {ends.traffic}",
        f"  control   {ends.control}",
        f"  mock ML   {ends.ml}",
        f"  redis     {ends.redis_host}:{ends.redis_port} ({engine}{state})",
        *([f"  replica   {ends.redis_replica}"] if ends.redis_replica else []),
    )


@grouped
def down(common: Common) -> None:
    """End the stack that runs: this folder's embedded one, else that of Docker Compose. None is no error."""
    at = common.context()
    backends: tuple[Backend, ...] = (at.settings.backend,) if at.settings.backend else ("embedded", "compose")
    found = next((name for name in backends if _stop(name, at)), None)
    stopped = [found] if found is not None else []
    at.screen.result({"stopped": stopped})
    at.screen.show(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def _stop(backend: Backend, at: CommandContext) -> bool:
    """End the stack of one backend; whether there was one."""
    asked = at.settings.backend is not None
    try:
        stack = open_stack(backend, at.settings.state_dir)
    except DevenvError:  # no compose file here
        if asked:
            raise
        return False
    try:
        running = bool(stack.status())
    except DevenvError:
        running = False
    try:
        with at.screen.working(f"stopping {backend}"):
            stack.stop()  # also where there is no status: half a stack is to go too
    except DevenvError:
        if running or asked:
            raise
    return running


# --- reading --------------------------------------------------------------------------------------------


@grouped
def status(common: Common) -> None:
    """Show the stack that runs: pods and their stores, the policy, Redis, and the keys in it."""
    at = common.context()
    found = overview(running_stack(at.settings.backend, at.settings.state_dir))
    at.screen.result(found.to_json())
    head = f": {len(found.status.pods)} pods ({found.status.backend}), {found.policy}"
    at.screen.show(Text.assemble(("up", "bold green"), head))
    _addresses(found.status, at.screen)
    _pods(found, at.screen)
    _keys(found, at.screen)


def _pods(found: Overview, screen: Screen) -> None:
    table = grid("pod", "state", "USE_REDIS", "store", "prefix", "pid")
    for pod in found.status.pods:
        kept = found.stores[pod.name]
        table.add_row(
            pod.name,
            Text(pod.state, "" if pod.state == "running" else "bold red"),
            pod.settings.get("USE_REDIS", ""),
            Text(found.status.spec.store(kept), _STORE_STYLE.get(kept, "yellow")),
            pod.settings.get("REDIS_PREFIX", ""),
            str(pod.pid or "–"),
        )
    screen.show("", table)


def _keys(found: Overview, screen: Screen) -> None:
    if found.problem:
        screen.show("", Text(f"keys: {found.problem}", "red"))
    for listing in found.listings:
        if not listing.keys:
            screen.show("", f"no keys under {listing.prefix}" if listing.prefix else "no keys")
            continue
        table = grid("key", "TTL", "attempts", "fields", "")
        for key in listing.keys:
            table.add_row(
                key.key,
                "–" if key.ttl is None else f"{key.ttl:.0f} s",
                "–" if key.attempts is None else str(key.attempts),
                str(len(key.fields)),
                Text(", ".join(key.flags), "red"),
                style="dim" if key.kind in BESIDE else "",
            )
        screen.show("", table)
        if not listing.complete:
            screen.show(Text(f"… and more under {listing.prefix}", "dim"))


@grouped
def logs(
    name: Annotated[
        str | None, typer.Argument(help="A part: a pod, redis, mock-ml … [default: all].")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they grow, until Ctrl-C.")] = False,
    tail: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Only the last N lines of each.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Show what the parts wrote; embedded also after the stack has ended."""
    if common.as_json and follow:
        raise UsageProblem("--json and --follow exclude each other", hint="leave one of them out")
    at = common.context()
    try:
        stack = running_stack(at.settings.backend, at.settings.state_dir)
    except EnvironmentProblem:
        stack = open_stack(at.settings.backend or "embedded", at.settings.state_dir)
    lines = stack.logs(name, tail=tail, follow=follow)
    if common.as_json:
        at.screen.result({"lines": list(lines)})
    else:
        _print_logs(lines, at.screen)


def _print_logs(lines: Iterator[str], screen: Screen) -> None:
    """Log lines, each part's name in a colour of its own."""
    colours: dict[str, str] = {}
    supply = itertools.cycle(_LOG_COLOURS)
    for line in lines:
        name, bar, text = line.partition("|")
        colour = colours.get(name) or colours.setdefault(name, next(supply))
        screen.show(Text.assemble((name + bar, colour), text))


# --- changing --------------------------------------------------------------------------------------------


@grouped
def toggle(
    switch: Annotated[Switch, typer.Argument(help="on: sessions in Redis; off: in each pod's memory.")],
    pod: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this pod (a, or captcha-api-a), as a canary; repeatable."),
    ] = None,
    strategy: StoreOption = None,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="One pod after the other, not all side by side.")
    ] = False,
    *,
    common: Common,
) -> None:
    """Set USE_REDIS by restarting pods, as a rollout would."""
    at = common.context()
    stack = running_stack(at.settings.backend, at.settings.state_dir)
    with at.screen.working("restarting") as progress:
        done = toggle_pods(
            stack, switch is Switch.ON, pods=pod or (), strategy=store(strategy), rolling=rolling,
            progress=progress, clock=time.monotonic,
        )  # fmt: skip
    at.screen.result({**done.to_json(), "use_redis": switch is Switch.ON, "backend": stack.backend})
    for name in done.restarted:
        change = f"{done.before[name]} → {done.after[name]}"
        at.screen.show(f"{name}: restarted with USE_REDIS={str(switch is Switch.ON).lower()}   {change}")
    at.screen.show(Text(f"done in {done.seconds:.1f} s", "dim"))
    if done.mixed:
        at.screen.show(
            Text("The pods now differ: what one creates, another may not find (mixed-flags).", "yellow")
        )


@grouped
def route(
    policy: Annotated[
        str | None,
        typer.Argument(
            help="round-robin, random, least-in-flight, source-hash, cookie-sticky, per-connection, "
            "weighted:a=3,b=1, pinned:a or cohort:a=off,b=on; without it, shows the present one.",
            autocompletion=_policies,
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Change, while the stack runs, which pod the proxy gives a request to."""
    at = common.context()
    found = running_stack(at.settings.backend, at.settings.state_dir).status()
    if policy is None:
        present = present_policy(found.endpoints.control)
        at.screen.result({"policy": present})
        at.screen.show(present)
        return
    before, after = set_policy(found, policy)
    at.screen.result({"before": before, "policy": after})
    at.screen.show(f"{before} → {after}")
