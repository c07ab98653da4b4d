"""export prometheus, export grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common, write_file
from devenv.cli.screen import Text
from devenv.verbs.export.monitoring import DEFAULT_TARGETS, grafana_text, prometheus_files, write_files


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
    at = common.context()
    paths = write_files(prometheus_files(tuple(target or DEFAULT_TARGETS)), out)
    at.screen.result({"files": [str(path) for path in paths]})
    at.screen.show(*(str(path) for path in paths))
    at.screen.show(Text(f"then: cd {out} && promtool test rules captcha.rules.test.yml", "bold"))


@grouped
def grafana(
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Default: standard output.")
    ] = None,
    *,
    common: Common,
) -> None:
    """A Grafana dashboard of the monitoring points: classic JSON, the data source as a variable."""
    at = common.context()
    text = grafana_text()
    if out is not None:
        write_file("--out", out, text)
    at.screen.result({"file": None if out is None else str(out), "dashboard": text if out is None else None})
    if out is None:
        at.screen.output(text)
    else:
        at.screen.show(str(out))
