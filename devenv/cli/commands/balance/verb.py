"""balance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.commands.balance.output import show_balance, show_routes, show_summary
from devenv.cli.grouped import grouped
from devenv.cli.options import BackendName, CommandContext, Common, balancers
from devenv.core.balance.patterns import PATTERNS
from devenv.core.balance.verdict import Judgement, exit_code_of, judge
from devenv.core.kubernetes.routing import Route, routes
from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.core.model.vocabulary import MAX_PODS
from devenv.core.routing import POLICIES
from devenv.harness.config.manifests import manifest_documents
from devenv.verbs.balance.plots import write_plot
from devenv.verbs.balance.report import write_report
from devenv.verbs.balance.targets import Target, target_of, targets_of
from devenv.verbs.balance.usecase import SESSIONS, ClientKind, Measured, Plan, known_patterns, measure

_PATTERNS = ", ".join(pattern.name for pattern in PATTERNS)


def completions(incomplete: str) -> list[str]:
    """Completions of a target: policies of the proxy, balancers with their policies."""
    return [*(name for name in POLICIES if name.startswith(incomplete)), *balancers(incomplete)]


@grouped
def balance(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            autocompletion=completions,
            help="A balancer with its setting, nginx:ip_hash,workers=2, or a policy of the proxy, random. "
            "[default: round-robin]",
            show_default=False,
        ),
    ] = None,
    pods: Annotated[int, typer.Option("--pods", min=2, max=MAX_PODS - 1, metavar="N", help="Pods.")] = 2,
    sessions: Annotated[
        int, typer.Option("-n", "--sessions", min=20, max=10_000, metavar="N", help="Of each pattern.")
    ] = SESSIONS,
    pattern: Annotated[
        list[str] | None,
        typer.Option("--pattern", metavar="NAME", help=f"Only this pattern; repeat. {_PATTERNS}."),
    ] = None,
    client: Annotated[
        list[ClientKind] | None,
        typer.Option("--client", help="Only these clients; repeat.", show_default=False),
    ] = None,
    no_changes: Annotated[
        bool, typer.Option("--no-changes", help="Without pods that restart, are added or removed.")
    ] = False,
    no_failures: Annotated[bool, typer.Option("--no-failures", help="Without pods that fail.")] = False,
    k8s: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            metavar="FILE",
            help="Kubernetes manifests, or a folder of them: what kube-proxy and ingress-nginx do with their "
            "Services and Ingresses, as policies of the proxy, which are a model; repeat.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also write a self-contained report.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also draw the shares: .png or .svg.")
    ] = None,
    *,
    common: Common,
) -> None:
    """Measure whether a load balancer with a setting loses sessions, for which clients, and what hides it.

    Each target stands in front of small pods that keep sessions in memory, on 127.0.0.1. Exit 0: no session
    was lost in any pattern. 1: sessions were lost. 3: none was, but what was measured could hide it. 4: the
    balancer is not there or does not start.
    """
    at = common.context()
    if common.backend is BackendName.COMPOSE:
        raise UsageProblem(
            "--backend compose: balance measures programs and the proxy on this machine, not containers",
            hint="leave --backend out",
        )
    for option, path in (("--html", html), ("--plot", plot)):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageProblem(f"{option} {path}: there is no folder {path.absolute().parent}")
    plan = Plan(
        clients=frozenset(client or ClientKind),
        pods=pods,
        sessions=sessions,
        patterns=known_patterns(pattern or ()),
        with_changes=not no_changes,
        with_failures=not no_failures,
        seed=at.settings.seed,
    )
    in_cluster = _routes(k8s or ())
    chosen = targets_of(in_cluster, at.settings.seed)
    names = targets or ([] if in_cluster else ["round-robin"])
    chosen += [target_of(text, pods, at.settings.seed) for text in names]
    show_routes(at.screen, in_cluster)
    if not chosen:
        raise Inconclusive("none of these Services and Ingresses has a model: nothing was measured")
    measured = _measured(at, chosen, plan)
    if len(measured) > 1:
        show_summary(at.screen, measured)
    if html is not None:
        write_report(html, measured, at.settings.seed)
    if plot is not None:
        write_plot(plot, [each.balance for each in measured])
    code = exit_code_of([each.judgement for each in measured])
    if code == 0 and not all(route.policy for route in in_cluster):
        code = Inconclusive.exit_code
    results = [{**each.balance.to_json(), **each.judgement.to_json()} for each in measured]
    at.screen.result(
        {
            "seed": at.settings.seed,
            "sessions": sessions,
            "kubernetes": [route.to_json() for route in in_cluster],
            "results": results,
            "exit_code": code,
        }
    )
    if code:
        raise typer.Exit(code)


def _routes(paths: Sequence[Path]) -> tuple[Route, ...]:
    """The Services and Ingresses of manifests. Raises UsageProblem where there is none."""
    found = routes(manifest_documents(paths))
    if paths and not found:
        raise UsageProblem(
            f"--k8s {', '.join(map(str, paths))}: no Service with a selector, and no Ingress",
            hint="give the files that have them, or their folder",
        )
    return found


def _measured(at: CommandContext, targets: Sequence[Target], plan: Plan) -> list[Measured]:
    """All targets, one after the other; each is shown when it is done."""
    measured = []
    for target in targets:
        with at.screen.working(target.name) as progress:
            balance = measure(target, plan, progress)
        judgement: Judgement = judge(balance)
        measured.append(Measured(balance, judgement))
        show_balance(at.screen, balance, judgement)
    return measured
