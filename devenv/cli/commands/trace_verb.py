"""trace."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from devenv.cli.grouped import grouped
from devenv.cli.options import Common
from devenv.verbs.operate.select import running_stack
from devenv.verbs.trace.usecase import export_trace


@grouped
def trace(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run (id, its beginning, latest) or a trace.jsonl [default: the running stack].",
        ),
    ] = None,
    otlp: Annotated[
        str,
        typer.Option(
            "--otlp", metavar="URL|FILE", help="A collector (http://127.0.0.1:4318), or a file for the JSON."
        ),
    ] = "trace.otlp.json",
    *,
    common: Common,
) -> None:
    """Write a run as OpenTelemetry spans: proxy, pod, each Redis command, with what the gate held."""
    context = common.context()
    done = export_trace(
        run,
        otlp,
        context.settings.state_dir,
        lambda: running_stack(context.settings.backend, context.settings.state_dir),
        time.time(),
    )
    context.screen.result(done.to_json())
    context.screen.show(f"{done.spans} spans of {done.source}: {done.target}")
