"""What several verbs of the stack show, and complete."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from devenv.cli.screen import Screen, Text
from devenv.core.balancers import PRODUCTS
from devenv.core.model.topology import BalancerStatus, RedisMode, StackStatus
from devenv.core.routing import POLICIES, PROXY_CHOOSES

_LOG_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")


def policies(incomplete: str) -> list[str]:
    """Completions of a routing policy's name, or a balancer's with its policy."""
    balancers = [f"{name}:{policy}" for name, product in PRODUCTS.items() for policy in product.policies]
    return [name for name in (*POLICIES, PROXY_CHOOSES, *balancers) if name.startswith(incomplete)]


def show_addresses(status: StackStatus, screen: Screen) -> None:
    """Where the parts of a running stack are reached."""
    ends = status.endpoints
    mode = status.spec.redis_mode
    engine = f"{status.redis_engine} {status.redis_version}"
    state = "" if mode is RedisMode.STANDALONE else f", {mode}"
    state += "" if status.redis_state == "running" else f", {status.redis_state}"
    balancer = status.balancer
    screen.show(f"  traffic   {ends.traffic}")
    if balancer is not None:
        screen.show(Text.assemble("  balancer  ", _shown(balancer)), f"  proxy     {ends.proxy}")
    screen.show(
        f"  control   {ends.control}",
        f"  mock ML   {ends.ml}",
        f"  redis     {ends.redis_host}:{ends.redis_port} ({engine}{state})",
        *([f"  replica   {ends.redis_replica}"] if ends.redis_replica else []),
    )


def _shown(balancer: BalancerStatus) -> Text:
    """Which it is, and how it is."""
    product, _, _ = balancer.setting.partition(":")
    text = f"{balancer.setting} ({product} {balancer.version}; it chooses the pod)"
    if balancer.state == "running":
        return Text(text)
    return Text(
        f"{text}: {balancer.state}" + (f", {balancer.problem}" if balancer.problem else ""), "bold red"
    )


def print_logs(lines: Iterator[str], screen: Screen) -> None:
    """Print log lines, each part's name in a colour of its own."""
    colours: dict[str, str] = {}
    supply = itertools.cycle(_LOG_COLOURS)
    for line in lines:
        name, bar, text = line.partition("|")
        colour = colours.get(name) or colours.setdefault(name, next(supply))
        screen.show(Text.assemble((name + bar, colour), text))
