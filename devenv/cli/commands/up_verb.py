"""up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.commands.own_service import ServiceFlags
from devenv.cli.grouped import grouped
from devenv.cli.options import (
    BalancerOption,
    ColdOption,
    CommandContext,
    Common,
    RedisOption,
    StoreOption,
    store,
)
from devenv.cli.screen import Screen, Text
from devenv.cli.stack_output import policies, print_logs, show_addresses
from devenv.core.balancers import OWN_FILE
from devenv.core.balancers.own_copy import Change
from devenv.core.balancers.own_file import changes_of, own_file, upstreams_of
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.pod_stores import stores
from devenv.core.model.requests import public_headers
from devenv.core.model.topology import Ports, StackStatus
from devenv.core.model.vocabulary import MAX_PODS, Strategy, pod_names
from devenv.harness.config.devenv_toml_reader import pod_assignments
from devenv.harness.config.settings import MAX_PORT, Settings
from devenv.stack.environment import with_settings
from devenv.stack.files import read_text
from devenv.verbs.operate.select import open_stack


def _port(flag: str, variable: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        flag, envvar=variable, min=0, max=MAX_PORT, metavar="PORT", help=f"{what} (0: any free one)."
    )
    return option


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
            autocompletion=policies,
        ),
    ] = None
    balancer: BalancerOption = None
    balancer_config: Annotated[
        Path | None,
        typer.Option(
            "--balancer-config",
            envvar="DEVENV_BALANCER_CONFIG",
            metavar="FILE",
            dir_okay=False,
            show_default=False,
            help="Your own nginx.conf, haproxy.cfg, envoy.yaml, Traefik file or Caddyfile, taken over; what "
            "must be another here is replaced in a copy and printed.",
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


def _with_own_file(context: CommandContext, flags: StackFlags) -> tuple[Settings, tuple[Change, ...]]:
    """The settings with the team's balancer file, where one is given, and what differs in its copy."""
    if flags.balancer_config is None:
        return context.settings, ()
    product = context.settings.balancer.partition(":")[0]
    given = own_file(
        flags.balancer_config.name,
        read_text(flags.balancer_config, f"--balancer-config {flags.balancer_config}"),
        product,
    )
    pods = flags.pods or max(context.settings.pods, upstreams_of(given))
    changes = changes_of(given, pod_names(pods))
    for change in changes:
        context.screen.note(f"{given.name}: {change.text}")
    setting = f"{given.product}:{OWN_FILE}"
    settings = replace(
        context.settings, pods=pods, balancer=setting, balancer_config=given.text, balancer_file=given.name
    )
    return settings, changes


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
    context = common.context(**{**chosen, "strategy": store(stack_flags.strategy), "balancer_config": None})
    chosen_settings, changes = _with_own_file(context, stack_flags)
    settings = replace(
        chosen_settings,
        ports=ports.over(context.settings.ports),
        service=service.over(context.settings.service),
    )
    spec = with_settings(settings.stack_spec(), pod_assignments(pod_env or (), "--pod-env"))
    stack = open_stack(
        context.settings.backend or "embedded",
        context.settings.state_dir,
        detached=detach,
        cold=context.settings.cold,
    )
    with context.screen.working("starting") as progress:
        started = stack.start(spec, progress)
    if detach:
        _present(started, context.screen, changes)
        context.screen.show(Text("end it with `devenv down`", "dim"))
        return
    try:
        _present(started, context.screen, changes)
        context.screen.note("showing the logs; Ctrl-C ends the stack")
        print_logs(stack.logs(None, tail=0, follow=True), context.screen)
    finally:
        stack.stop()
    raise EnvironmentProblem("the stack has ended by itself", hint="see `devenv logs`")


def _present(status: StackStatus, screen: Screen, changes: Sequence[Change]) -> None:
    """What was started, and where to find it; ``changes``: of the copy of the team's balancer file."""
    screen.result(status.to_json() | {"balancer_changes": [change._asdict() for change in changes]})
    names = ", ".join(str(word) for word in dict.fromkeys(stores(status).values()))
    service = status.spec.service
    what = "pods" if service is None else f"pods of {service.title}"
    kept = (
        f"sessions in {_where(names, service is not None)}"
        if service is None or service.switchable
        else "own sessions"
    )
    line = f": {len(status.pods)} {what} ({status.backend}), {kept}, {status.spec.chooser}"
    screen.show(Text.assemble(("up", "bold green"), line))
    show_addresses(status, screen)
    if (example := example_of(status)) is not None:
        screen.show(Text(f"try: {example}", "dim"))


def example_of(status: StackStatus) -> str | None:
    """The curl command that opens a session, without the values of headers that may be secret; None: none."""
    profile, service = status.spec.profile, status.spec.service
    if profile.kinds:
        create = profile.kind(profile.first_kind).create
    elif service is not None and service.session is not None:
        create = service.session.open[0]
    else:
        return None
    headers = {**dict.fromkeys(profile.headers, ""), **public_headers(create.headers)}
    more = "".join(f" -H '{name}: {value or '…'}'" for name, value in headers.items())
    if create.body is not None:
        more += f" -H 'content-type: application/json' -d '{json.dumps(create.body)}'"
    return f"curl -X {create.method}{more} {status.endpoints.traffic}{create.path}"


def _where(names: str, user_provided: bool) -> str:
    if names == Strategy.MEMORY:
        return "each pod's memory"
    return "Redis" if user_provided else f"Redis (store: {names})"
