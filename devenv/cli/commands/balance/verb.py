"""balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from devenv.verbs.balance.captcha_stack import measure_with_captcha_pods
from devenv.verbs.balance.plots import write_plot
from devenv.verbs.balance.report import write_report
from devenv.verbs.balance.targets import Target, target_of, targets_of
from devenv.verbs.balance.usecase import SESSIONS, ClientKind, Measured, Plan, known_patterns, measure

_PATTERNS = ", ".join(pattern.name for pattern in PATTERNS)


def completions(incomplete: str) -> list[str]:
    """Completions of a target: policies of the proxy, balancers with their policies."""
    return [*(name for name in POLICIES if name.startswith(incomplete)), *balancers(incomplete)]


@dataclass(frozen=True, slots=True)
class PlanFlags:
    """What is measured."""

    pods: Annotated[int, typer.Option("--pods", min=2, max=MAX_PODS - 1, metavar="N", help="Pods.")] = 2
    sessions: Annotated[
        int, typer.Option("-n", "--sessions", min=20, max=10_000, metavar="N", help="Of each pattern.")
    ] = SESSIONS
    pattern: Annotated[
        list[str] | None,
        typer.Option("--pattern", metavar="NAME", help=f"Only this pattern; repeat. {_PATTERNS}."),
    ] = None
    client: Annotated[
        list[ClientKind] | None,
        typer.Option("--client", help="Only these clients; repeat.", show_default=False),
    ] = None
    no_changes: Annotated[
        bool, typer.Option("--no-changes", help="Without pods that restart, are added or removed.")
    ] = False
    no_failures: Annotated[bool, typer.Option("--no-failures", help="Without pods that fail.")] = False
    path: Annotated[
        str,
        typer.Option(
            metavar="/PREFIX",
            help="Requests ask for paths below this one, where your own file forwards only some.",
            show_default=False,
        ),
    ] = ""
    host: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Requests ask for this host, where your own file forwards only some.",
            show_default=False,
        ),
    ] = ""

    @property
    def prefix(self) -> str:
        """The path without a slash at its end. Raises UsageProblem where it does not begin with one."""
        if self.path and (not self.path.startswith("/") or "?" in self.path or " " in self.path):
            raise UsageProblem(f"--path {self.path!r}: it is no path such as /api")
        return self.path.rstrip("/")

    def plan(self, seed: int) -> Plan:
        """As the use case takes it. Raises UsageProblem for an unknown pattern."""
        return Plan(
            clients=frozenset(self.client or ClientKind),
            pods=self.pods,
            sessions=self.sessions,
            patterns=known_patterns(self.pattern or ()),
            with_changes=not self.no_changes,
            with_failures=not self.no_failures,
            seed=seed,
        )


@dataclass(frozen=True, slots=True)
class ReportFlags:
    """What is written beside the output."""

    html: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also write a self-contained report.")
    ] = None
    plot: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also draw the shares: .png or .svg.")
    ] = None

    def check(self) -> None:
        """Raises UsageProblem where a file cannot be written, before anything is measured."""
        for option, path in (("--html", self.html), ("--plot", self.plot)):
            if path is not None and not path.absolute().parent.is_dir():
                raise UsageProblem(f"{option} {path}: there is no folder {path.absolute().parent}")

    def write(self, measured: Sequence[Measured], seed: int) -> None:
        """Write what was asked for."""
        if self.html is not None:
            write_report(self.html, measured, seed)
        if self.plot is not None:
            write_plot(self.plot, [each.balance for each in measured])


@grouped
def balance(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            autocompletion=completions,
            help="A balancer with its setting, nginx:ip_hash,workers=2, a policy of the proxy, random, or a "
            "configuration file of your own. [default: round-robin]",
            show_default=False,
        ),
    ] = None,
    k8s: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            metavar="FILE",
            help="Kubernetes manifests, or a folder of them: what kube-proxy and ingress-nginx do with their "
            "Services and Ingresses, as policies of the proxy, which are a model; repeat.",
        ),
    ] = None,
    captcha_pods: Annotated[
        bool,
        typer.Option(
            "--captcha-pods",
            help="In front of captcha-api's own pods, in place of small ones: the patterns alone. "
            "--backend compose does this too, in containers.",
        ),
    ] = False,
    *,
    what: PlanFlags,
    reports: ReportFlags,
    common: Common,
) -> None:
    """Measure whether a load balancer with a setting loses sessions, for which clients, and what hides it.

    Each target stands in front of small pods that keep sessions in memory, on 127.0.0.1. Exit 0: no session
    was lost in any pattern. 1: sessions were lost. 3: none was, but what was measured could hide it. 4: the
    balancer is not there or does not start.
    """
    context = common.context()
    reports.check()
    seed = context.settings.seed
    plan = what.plan(seed)
    in_containers = common.backend is BackendName.COMPOSE
    in_cluster = _routes(k8s or ())
    chosen = targets_of(in_cluster, seed)
    names = targets or ([] if in_cluster else ["round-robin"])
    chosen += [
        target_of(text, plan.pods, seed, here=not in_containers, prefix=what.prefix, host=what.host)
        for text in names
    ]
    for target in chosen:
        for change in target.changes:
            context.screen.note(f"{target.name.partition(':')[2]}: {change.text}")
    show_routes(context.screen, in_cluster)
    if not chosen:
        raise Inconclusive("none of these Services and Ingresses has a model: nothing was measured")
    measured = _measured(context, chosen, plan, captcha_pods=captcha_pods or in_containers)
    if len(measured) > 1:
        show_summary(context.screen, measured)
    reports.write(measured, seed)
    code = exit_code_of([each.judgement for each in measured])
    if code == 0 and not all(route.policy for route in in_cluster):
        code = Inconclusive.exit_code
    context.screen.result(
        {
            "seed": seed,
            "sessions": plan.sessions,
            "kubernetes": [route.to_json() for route in in_cluster],
            "results": [
                {
                    **each.balance.to_json(),
                    **each.judgement.to_json(),
                    "balancer_changes": [change._asdict() for change in target.changes],
                }
                for target, each in zip(chosen, measured, strict=True)
            ],
            "exit_code": code,
        }
    )
    if code:
        raise typer.Exit(code)


def _routes(paths: Sequence[Path]) -> tuple[Route, ...]:
    """The Services and Ingresses of manifests. Raises UsageProblem where there is none."""
    routing = routes(manifest_documents(paths))
    if paths and not routing:
        raise UsageProblem(
            f"--k8s {', '.join(map(str, paths))}: no Service with a selector, and no Ingress",
            hint="give the files that have them, or their folder",
        )
    return routing


def _measured(
    context: CommandContext, targets: Sequence[Target], plan: Plan, *, captcha_pods: bool
) -> list[Measured]:
    """All targets, one after the other; each is shown when it is done."""
    measured = []
    for target in targets:
        with context.screen.working(target.name) as progress:
            if captcha_pods:
                balance = measure_with_captcha_pods(target, plan, context.settings, progress)
            else:
                balance = measure(target, plan, progress)
        judgement: Judgement = judge(balance)
        measured.append(Measured(balance, judgement))
        show_balance(context.screen, balance, judgement)
    return measured
