"""export prometheus, grafana, argo, flagger, flagd."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common, write_file
from devenv.cli.screen import Text
from devenv.core.rollout.progressive import Target
from devenv.verbs.export.monitoring import (
    DEFAULT_TARGETS,
    grafana_text,
    prometheus_files,
    rollout_files,
    write_files,
)
from devenv.verbs.rollout.plans import load_plan


@grouped
def prometheus(
    out: Annotated[
        Path, typer.Option(file_okay=False, metavar="DIR", help="Where the three files go.")
    ] = Path("prometheus"),
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="A pod to scrape; repeatable [default: those of compose]."),
    ] = None,
    *,
    common: Common,
) -> None:
    """Prometheus: scrape configuration, recording and alert rules, and promtool's tests of the rules.

    The tests play metrics that were recorded on real pods: a good run and one with the flag on one pod alone.
    """
    context = common.context()
    paths = write_files(prometheus_files(tuple(target or DEFAULT_TARGETS)), out)
    context.screen.result({"files": [str(path) for path in paths]})
    context.screen.show(*(str(path) for path in paths))
    context.screen.show(Text(f"then: cd {out} && promtool test rules captcha.rules.test.yml", "bold"))


@grouped
def grafana(
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Default: standard output.")
    ] = None,
    *,
    common: Common,
) -> None:
    """A Grafana dashboard of the monitoring points: classic JSON, the data source as a variable."""
    context = common.context()
    text = grafana_text()
    if out is not None:
        write_file("--out", out, text)
    context.screen.result(
        {"file": None if out is None else str(out), "dashboard": text if out is None else None}
    )
    if out is None:
        context.screen.output(text)
    else:
        context.screen.show(str(out))


@dataclass(frozen=True, slots=True)
class TargetFlags:
    """Where a plan is to run."""

    name: Annotated[str, typer.Option(help="The Deployment and its Service; the job in Prometheus.")] = (
        "captcha-api"
    )
    port: Annotated[int, typer.Option(min=1, max=65535, help="The Service's port.")] = 8000
    prometheus: Annotated[str, typer.Option("--prometheus", metavar="URL", help="Prometheus.")] = (
        "http://prometheus.monitoring:9090"
    )
    out: Annotated[Path, typer.Option(file_okay=False, metavar="DIR", help="Where the file goes.")] = Path()

    @property
    def target(self) -> Target:
        """The same, for the manifests."""
        return Target(self.name, self.port, self.prometheus)


PlanWord = Annotated[str, typer.Argument(metavar="[PLAN]", help="A plan of devenv rollout.")]


@grouped
def argo(plan: PlanWord = "births", *, flags: TargetFlags, common: Common) -> None:
    """Argo Rollouts: a plan as a Rollout, with an AnalysisTemplate that counts "Challenge not found"."""
    _rollout("argo", plan, flags, common)


@grouped
def flagger(plan: PlanWord = "births", *, flags: TargetFlags, common: Common) -> None:
    """Flagger: a plan as a Canary, with a MetricTemplate that counts "Challenge not found"."""
    _rollout("flagger", plan, flags, common)


@grouped
def flagd(plan: PlanWord = "births", *, flags: TargetFlags, common: Common) -> None:
    """OpenFeature: a flag file for flagd, with the flag on for the plan's first share of pods."""
    _rollout("flagd", plan, flags, common)


def _rollout(tool: str, word: str, flags: TargetFlags, common: Common) -> None:
    context = common.context()
    made, _ = load_plan(word)
    paths = write_files(rollout_files(tool, made, flags.target), flags.out)
    context.screen.result({"files": [str(path) for path in paths]})
    context.screen.show(*(str(path) for path in paths))
