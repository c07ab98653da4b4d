"""What ``balance`` prints for a person."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.cli.screen import Screen, Text, grid
from devenv.core.balance.hiding import percent
from devenv.core.balance.measured import Balance, FailureResult, KeptOut, PatternResult
from devenv.core.balance.verdict import Judgement
from devenv.core.kubernetes.routing import Route
from devenv.verbs.balance.usecase import Measured

_STYLES = {"holds": ("✓", "bold green"), "lost": ("✗", "bold red"), "inconclusive": ("?", "bold yellow")}
_SUMMARY = ("new", "new+image", "kept", "kept+image", "browser", "users", "load-test")


def show_routes(screen: Screen, routes: Sequence[Route]) -> None:
    """What a cluster does with Services and Ingresses, and the policy that is its model."""
    for route in routes:
        what = f"modelled by the policy {route.policy}" if route.policy else "not modelled"
        screen.show(Text.assemble((f"{route.name}: {what}", "bold" if route.policy else "bold yellow")))
        screen.paragraphs([f"{route.because} ({route.place})", *(f"- {each}" for each in route.differs)])
    if any(route.policy for route in routes):
        screen.show(
            Text("A model: no cluster was asked. `devenv route POLICY` sets it on a running stack.", "dim")
        )


def show_balance(screen: Screen, balance: Balance, judgement: Judgement) -> None:
    """One balancer: the patterns, the changes, the failures, what hides the loss, the verdict."""
    screen.show("", Text(f"{balance.title}, {balance.pods} pods", "bold"), "")
    table = grid("clients", "sessions lost", "exact", "other pod than before", "requests per pod", "failed")
    for result in balance.patterns:
        table.add_row(
            result.name,
            Text(percent(result.share), "red" if result.lost else "green"),
            f"{100 * result.exact.value:.3g} %" if result.exact else "",
            f"{100 * result.alternation:.0f} %, run {result.longest_run}"
            if result.alternation is not None
            else "",
            _per_pod(result),
            str(result.failed or ""),
        )
    screen.show(table, "")
    if balance.changes:
        changes = grid("between create and verify", "sessions lost", "failed")
        for change in balance.changes:
            changes.add_row(str(change.change), percent(change.share), str(change.failed or ""))
        screen.show(changes, "")
    if balance.failures:
        _show_failures(screen, balance.failures, balance.kept_out)
    if balance.decided_by:
        screen.show(Text("The lines that decide", "bold"))
        screen.paragraphs([f"- {line}" for line in balance.decided_by])
        screen.show("")
    for hiding in judgement.hiding:
        hides = f" ({', '.join(hiding.hides)})" if hiding.hides else ""
        screen.show(Text(f"What hides lost sessions: {hiding.cause}{hides}", "bold yellow"))
        screen.paragraphs([hiding.text, *(f"- {line}" for line in hiding.evidence)])
        screen.show("")
    for gap in balance.gaps:
        screen.show(Text(f"not measured: {gap}", "yellow"))
    mark, style = _STYLES[judgement.verdict]
    screen.show(Text(f"{mark} {balance.target}: {judgement.text}", style))
    for missing in judgement.missing:
        screen.show(f"  not known: {missing}")


def _per_pod(result: PatternResult) -> str:
    return " / ".join(str(count) for count in (result.by_pod or {}).values())


def _show_failures(screen: Screen, failures: Sequence[FailureResult], kept_out: Sequence[KeptOut]) -> None:
    table = grid("a pod", "request", "connections", "pods that got it = answer × count", "twice", "slowest")
    for each in failures:
        table.add_row(
            str(each.failure),
            each.method,
            "reused" if each.reused else "new",
            each.summary,
            Text(str(each.twice), "red") if each.twice else "0",
            f"{1000 * each.slowest:.0f} ms",
        )
    screen.show(table, "")
    table = grid("a pod that once", "is kept out for")
    for kept in kept_out:
        table.add_row(str(kept.failure), kept.text)
    screen.show(table, "")


def show_summary(screen: Screen, measured: Sequence[Measured]) -> None:
    """A row for each target."""
    table = grid("sessions lost, %", *_SUMMARY, "")
    for each in measured:
        shares = {result.name: result.share for result in each.balance.patterns if result.sessions}
        cells = [f"{100 * shares[name].value:.3g}" if name in shares else "" for name in _SUMMARY]
        mark, style = _STYLES[each.judgement.verdict]
        table.add_row(each.balance.target, *cells, Text(f"{mark} {each.judgement.verdict}", style))
    screen.show("", table)
