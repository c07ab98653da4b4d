"""gate list, hold, release, delay, drop, error, disconnect, blackhole, reset."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common
from devenv.cli.screen import Screen, Text, grid
from devenv.verbs.operate.gate import SENT_AS, GateClient, GateState, never_met
from devenv.verbs.operate.select import running_stack

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="See and disturb what the pods say to Redis, on the stack that runs.\n\n"
    "A rule applies to the commands that fit all its filters; the same rule again is the same rule.",
)


class Way(StrEnum):
    """Towards Redis, or back."""

    REQUEST = "request"
    REPLY = "reply"


class Onward(StrEnum):
    """What a person can release to; the control API knows more (``gate.Then``)."""

    PASS = "pass"  # noqa: S105 - not a password
    LOSE_REPLY = "lose-reply"
    CUT_REPLY = "cut-reply"
    DROP = "drop"
    CUT = "cut"


Pod = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this pod (a, or captcha-api-a) [default: all].")
]
Direction = Annotated[
    Way | None, typer.Option(help="The command on its way to Redis, or its reply [default: request].")
]


@dataclass(frozen=True, slots=True)
class RuleFlags:
    """The commands that a rule applies to, and its name."""

    command: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only these commands: GET, SET*, EVALSHA … [default: all]."),
    ] = None
    key: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only keys like this, e.g. `*:abstract:*` [default: all]."),
    ] = None
    pod: Pod = None
    nth: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="From the Nth fitting command on [default: the first]."),
    ] = None
    times: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most N times [default: 1 with --nth, else without end]."),
    ] = None
    rule_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="A name for the rule [default: made of the rest]."),
    ] = None

    def rule(self, **effect: Any) -> dict[str, Any]:
        """The rule with these filters and this ``effect``, as the control API takes it."""
        filters = {field.name: getattr(self, field.name) for field in fields(self)}
        name = filters.pop("rule_id")
        return {**filters, "id": name, **effect}


def _at(common: Common) -> tuple[CommandContext, GateClient]:
    context = common.context()
    return context, GateClient(running_stack(context.settings.backend, context.settings.state_dir))


# --- reading --------------------------------------------------------------------------------------------


@app.command("list")
@grouped
def list_(common: Common) -> None:
    """Show ports and connections, the rules with their counts, and what is held now."""
    context, gate = _at(common)
    state = gate.state()
    context.screen.result(state.to_json())
    _show(state, context.screen, time.time())


def _show(state: GateState, screen: Screen, now: float) -> None:
    status = state.status
    screen.show(
        Text.assemble(("gate", "bold green"), f" before {status['upstream']}, {status['commands']} commands")
    )
    columns = ("pod", "port", "open", "severed", "connections", "refused")
    pods = grid(*columns)
    for pod in status["pods"]:
        pods.add_row(*(str(pod[name]) for name in columns))
    screen.show(pods, "")
    if any(pod["severed"] for pod in status["pods"]):
        screen.show(
            "severed: a rule has lost a message there and all that follows; `devenv gate reset` closes it"
        )
    if status.get("trace_error"):
        screen.show(Text(f"recording has failed: {status['trace_error']}", "red"))
    if not state.rules:
        screen.show("no rules: everything passes")
    else:
        rules = grid("rule", "does", "fits", "matched", "applied")
        for rule in state.rules:
            counts = str(rule["matched"]), str(rule["applied"])
            rules.add_row(str(rule["id"]), _deed(rule), _filters(rule), *counts)
        screen.show(rules)
        for rule in state.rules:
            if not rule["matched"]:
                _never_met(rule, never_met(rule, status), screen)
    _held(state.held, screen, now)


def _never_met(rule: Mapping[str, Any], seen: tuple[str, ...] | None, screen: Screen) -> None:
    """Say that a rule names a command which the pods have not sent: ``seen`` are those that they have."""
    if seen is not None:
        commands = ", ".join(seen) or "none"
        sent_as = SENT_AS.get(str(rule["command"]).upper())
        note = f"; redis-py and valkey-py send {sent_as} for it" if sent_as is not None else ""
        screen.show(
            Text(f"{rule['command']}: matched {rule['matched']}; commands seen: {commands}{note}", "yellow")
        )


def _deed(rule: Any) -> str:
    """What it does to what it fits: a rule's name need not say it."""
    action = str(rule["action"])
    back = rule["direction"] == Way.REPLY and not action.endswith(Way.REPLY)
    parts = [action, "the reply" if back else ""]
    parts += [f"{rule['seconds']:g} s" if rule["seconds"] is not None else "", rule["text"] or ""]
    return " ".join(word for word in parts if word)


def _filters(rule: Any) -> str:
    named = [(name, rule.get(name)) for name in ("pod", "command", "key", "nth", "times")]
    return ", ".join(f"{name} {value}" for name, value in named if value is not None) or "every command"


def _held(held: Sequence[Any], screen: Screen, now: float) -> None:
    if not held:
        screen.show("nothing is held")
        return
    table = grid("held", "pod", "command", "key", "direction", "for", "still")
    for one in held:
        waits, left = max(0.0, now - one["since"]), max(0.0, one["until"] - now)
        place = (one["pod"], one["command"], one["key"] or "–", one["direction"])
        table.add_row(f"#{one['seq']}", *place, f"{waits:.1f} s", f"{left:.1f} s")
    screen.show("", table)


# --- disturbing ------------------------------------------------------------------------------------------


def _put(context: CommandContext, gate: GateClient, rule: Mapping[str, Any]) -> None:
    """Put a rule in force and show it; say so where it waits longer than the pod's client does."""
    added = gate.put(rule)
    seen = never_met(added, gate.state().status)
    context.screen.result(added if seen is None else {**added, "commands_seen": list(seen)})
    context.screen.show(Text.assemble(("in force: ", "bold green"), str(added["id"])))
    _never_met(added, seen, context.screen)
    if added["action"] == "hold":
        context.screen.show(Text("what is held: `devenv gate list`; let it go: `devenv gate release`", "dim"))
    context.screen.show(Text("end it with `devenv gate reset`", "dim"))
    patience = gate.patience(added.get("pod"))
    if added["action"] in ("hold", "delay") and patience is not None and float(added["seconds"]) > patience:
        context.screen.show(
            f"A pod gives up a command after {patience:g} s. To wait longer: `devenv down`, then `devenv up`"
            " with a larger REDIS_TIMEOUT_MS in the environment or in .env."
        )


@app.command()
@grouped
def hold(
    *,
    filters: RuleFlags,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, metavar="S", help="Released by itself after S seconds [default: 10]."),
    ] = None,
    direction: Direction = None,
    common: Common,
) -> None:
    """Keep commands, or their replies, until they are released."""
    context, gate = _at(common)
    _put(context, gate, filters.rule(action="hold", seconds=seconds, direction=direction))


@app.command()
@grouped
def delay(
    *,
    seconds: Annotated[float, typer.Option(min=0, metavar="S", help="For how long.")],
    filters: RuleFlags,
    direction: Direction = None,
    common: Common,
) -> None:
    """Pass commands, or their replies, on later."""
    context, gate = _at(common)
    _put(context, gate, filters.rule(action="delay", seconds=seconds, direction=direction))


@app.command()
@grouped
def drop(
    *,
    filters: RuleFlags,
    direction: Annotated[
        Way, typer.Option(help="request: it never reaches Redis. reply: it runs, and its reply is lost.")
    ] = Way.REQUEST,
    common: Common,
) -> None:
    """Lose commands, or their replies; the pod waits until its time-out."""
    context, gate = _at(common)
    _put(context, gate, filters.rule(action=f"drop-{direction}"))


@app.command()
@grouped
def error(
    *,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to answer, e.g. 'OOM command not allowed'.")
    ] = None,
    filters: RuleFlags,
    common: Common,
) -> None:
    """Answer commands with an error; they never reach Redis."""
    context, gate = _at(common)
    _put(context, gate, filters.rule(action="error", text=text))


@app.command()
@grouped
def disconnect(
    *,
    filters: RuleFlags,
    direction: Direction = None,
    common: Common,
) -> None:
    """End the connection: before the command reaches Redis, or after it ran."""
    context, gate = _at(common)
    _put(context, gate, filters.rule(action="disconnect", direction=direction))


@app.command()
@grouped
def blackhole(
    *,
    filters: RuleFlags,
    direction: Direction = None,
    common: Common,
) -> None:
    """Pass nothing either way from a fitting command on; the connection stays open."""
    context, gate = _at(common)
    _put(context, gate, filters.rule(action="blackhole", direction=direction))


# --- releasing --------------------------------------------------------------------------------------------


@app.command()
@grouped
def release(
    seq: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the held command of this number.")
    ] = None,
    pod: Pod = None,
    command: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only commands of this name, e.g. SETEX.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what this rule holds.")
    ] = None,
    then: Annotated[Onward, typer.Option(help="What they are released to.")] = Onward.PASS,
    *,
    common: Common,
) -> None:  # fmt: skip
    """Release what is held now. The rule stays in force; `devenv gate reset` ends it."""
    context, gate = _at(common)
    released = gate.release(seq=seq, pod=pod, command=command, rule=rule, then=then)
    context.screen.result({"released": released})
    _released(released, context.screen)


def _released(released: Sequence[Any], screen: Screen) -> None:
    for one in released:
        screen.show(f"released #{one['seq']} {one['pod']}: {one['command']} {one['key'] or ''}".rstrip())
    if not released:
        screen.show("nothing was held that fits")


@app.command()
@grouped
def reset(
    rule: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this rule [default: all of them].")
    ] = None,
    *,
    common: Common,
) -> None:  # fmt: skip
    """End all rules, or one, release what they hold, and close the connections that they severed."""
    context, gate = _at(common)
    if rule is not None:
        gate.remove(rule)
        context.screen.result({"removed": rule})
        context.screen.show(f"removed {rule}")
        return
    ended = gate.reset()
    context.screen.result(ended)
    context.screen.show("no rules: everything passes")
    if ended["released"]:
        _released(ended["released"], context.screen)
    for pod, count in Counter(one["pod"] for one in ended["closed"]).items():
        context.screen.show(
            f"closed {count} severed connection{'' if count == 1 else 's'} of {pod}."
            " A client that does not connect again by itself (docs/clients.md) needs a restart of its pod:"
            f" `devenv toggle on --pod {pod}`"
        )
