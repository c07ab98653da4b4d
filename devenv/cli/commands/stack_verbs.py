"""down, status, logs, toggle, scale, route. What a verb works with is imported when it is called."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common, StoreName, StoreOption, store
from devenv.cli.screen import Screen, Text, grid
from devenv.cli.signed import plain
from devenv.cli.stack_output import policies, print_logs, show_addresses
from devenv.core.model.backends import Backend
from devenv.core.model.errors import DevenvError, EnvironmentProblem, UsageProblem
from devenv.core.model.vocabulary import Strategy

if TYPE_CHECKING:
    from devenv.verbs.operate.status import Overview

_STORE_STYLE = {Strategy.MEMORY: "red", Strategy.ATOMIC: "green"}


class Switch(StrEnum):
    """on or off."""

    ON = "on"
    OFF = "off"


# --- down -----------------------------------------------------------------------------------------------


@grouped
def down(common: Common) -> None:
    """End the stack that runs: this folder's embedded one, else that of Docker Compose. None is no error."""
    context = common.context()
    backends: tuple[Backend, ...] = (
        (context.settings.backend,) if context.settings.backend else ("embedded", "compose")
    )
    backend = next((name for name in backends if _stop(name, context)), None)
    stopped = [backend] if backend is not None else []
    context.screen.result({"stopped": stopped})
    context.screen.show(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def _stop(backend: Backend, context: CommandContext) -> bool:
    """End the stack of one backend; whether there was one."""
    from devenv.verbs.operate.select import open_stack

    asked = context.settings.backend is not None
    try:
        stack = open_stack(backend, context.settings.state_dir)
    except DevenvError:  # no compose file here
        if asked:
            raise
        return False
    try:
        running = bool(stack.status())
    except DevenvError:
        running = False
    try:
        with context.screen.working(f"stopping {backend}"):
            stack.stop()  # also where there is no status: half a stack is to go too
    except DevenvError:
        if running or asked:
            raise
    return running


# --- reading --------------------------------------------------------------------------------------------


@grouped
def status(common: Common) -> None:
    """Show the stack that runs: pods and their stores, the policy, Redis, and the keys in it."""
    from devenv.verbs.operate.select import running_stack
    from devenv.verbs.operate.status import ask_keys, overview

    context = common.context()
    stack_overview = overview(running_stack(context.settings.backend, context.settings.state_dir), ask_keys)
    context.screen.result(stack_overview.to_json())
    head = (
        f": {len(stack_overview.status.pods)} pods ({stack_overview.status.backend}), {stack_overview.policy}"
    )
    context.screen.show(Text.assemble(("up", "bold green"), head))
    show_addresses(stack_overview.status, context.screen)
    _pods(stack_overview, context.screen)
    _keys(stack_overview, context.screen)


def _pods(overview: Overview, screen: Screen) -> None:
    table = grid("pod", "state", "USE_REDIS", "store", "prefix", "pid")
    for pod in overview.status.pods:
        kept = overview.stores[pod.name]
        table.add_row(
            pod.name,
            Text(pod.state, "" if pod.state == "running" else "bold red"),
            pod.settings.get("USE_REDIS", ""),
            Text(overview.status.spec.store(kept), _STORE_STYLE.get(kept, "yellow")),
            pod.settings.get("REDIS_PREFIX", ""),
            str(pod.pid or "–"),
        )
    screen.show("", table)


def _keys(overview: Overview, screen: Screen) -> None:
    from devenv.core.model.key_listing import BESIDE

    if overview.problem:
        screen.show("", Text(f"keys: {overview.problem}", "red"))
    for listing in overview.listings:
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
    from devenv.verbs.operate.select import open_stack, running_stack

    if common.as_json and follow:
        raise UsageProblem("--json and --follow exclude each other", hint="leave one of them out")
    context = common.context()
    try:
        stack = running_stack(context.settings.backend, context.settings.state_dir)
    except EnvironmentProblem:
        stack = open_stack(context.settings.backend or "embedded", context.settings.state_dir)
    lines = stack.logs(name, tail=tail, follow=follow)
    if common.as_json:
        context.screen.result({"lines": list(lines)})
    else:
        print_logs(lines, context.screen)


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
    from devenv.verbs.operate.select import running_stack
    from devenv.verbs.operate.toggle import toggle as toggle_pods

    context = common.context()
    stack = running_stack(context.settings.backend, context.settings.state_dir)
    with context.screen.working("restarting") as progress:
        done = toggle_pods(
            stack, switch is Switch.ON, pods=pod or (), strategy=store(strategy), rolling=rolling,
            progress=progress, clock=time.monotonic,
        )  # fmt: skip
    context.screen.result({**done.to_json(), "use_redis": switch is Switch.ON, "backend": stack.backend})
    for name in done.restarted:
        change = f"{done.before[name]} → {done.after[name]}"
        context.screen.show(f"{name}: restarted with {done.setting}   {change}")
    context.screen.show(Text(f"done in {done.seconds:.1f} s", "dim"))
    if done.mixed:
        context.screen.show(
            Text("The pods now differ: what one creates, another may not find (mixed-flags).", "yellow")
        )


@grouped
def scale(
    pods: Annotated[
        list[str],
        typer.Argument(
            metavar="N|+POD|-POD",
            help="How many pods (3), how many more or fewer (+2, -1), or which (+c, -a); several in turn.",
        ),
    ],
    use_redis: Annotated[
        bool | None,
        typer.Option(
            "--use-redis/--no-use-redis", show_default=False,
            help="Where the added pods keep their sessions [default: as the stack].",
        ),
    ] = None,
    strategy: Annotated[
        StoreName | None, typer.Option(help="The Redis store of the added pods [default: as the stack].")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="The proxy's policy with these pods, as for route [default: the present one].",
            show_default=False, autocompletion=policies,
        ),
    ] = None,
    *,
    common: Common,
) -> None:  # fmt: skip
    """Add pods to the stack that runs, or remove some. A pod gets no more requests before it is ended."""
    from devenv.verbs.operate.scale import scale as scale_pods
    from devenv.verbs.operate.select import running_stack

    context = common.context()
    stack = running_stack(context.settings.backend, context.settings.state_dir)
    with context.screen.working("adding and removing pods") as progress:
        done = scale_pods(
            stack, plain(pods), use_redis=use_redis, strategy=store(strategy), policy=policy,
            progress=progress, clock=time.monotonic,
        )  # fmt: skip
    context.screen.result({**done.to_json(), "backend": stack.backend})
    for name, kept in done.added.items():
        context.screen.show(f"{name}: added ({kept})")
    for name, kept in done.removed.items():
        lost = ", and its sessions with it" if kept == str(Strategy.MEMORY) else ""
        context.screen.show(f"{name}: removed ({kept}{lost})")
    if not (done.added or done.removed):
        context.screen.show("nothing changes")
    context.screen.show(Text(f"{len(done.after)} pods, {done.seconds:.1f} s", "dim"))


@grouped
def route(
    policy: Annotated[
        str | None,
        typer.Argument(
            help="round-robin, random, least-in-flight, source-hash, cookie-sticky, per-connection, "
            "weighted:a=3,b=1, pinned:a or cohort:a=off,b=on; or a balancer with its policy, as "
            "nginx:least_conn: it is put in front; proxy lets the proxy choose again. Without it, shows who "
            "chooses.",
            autocompletion=policies,
        ),
    ] = None,
    *,
    common: Common,
) -> None:
    """Change, while the stack runs, which pod a request goes to."""
    from devenv.verbs.operate.select import running_stack
    from devenv.wire.control.policy import present_policy, set_policy

    context = common.context()
    running = running_stack(context.settings.backend, context.settings.state_dir).status()
    if policy is None:
        present = present_policy(running.endpoints.control)
        context.screen.result({"policy": present})
        context.screen.show(present)
        return
    before, after = set_policy(running, policy)
    context.screen.result({"before": before, "policy": after})
    context.screen.show(f"{before} → {after}")
