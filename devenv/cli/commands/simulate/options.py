"""The options of ``simulate`` that describe the setting, one for each field."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from devenv.cli.options import balancers
from devenv.core.simulation.balancers import NAMES


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=text, show_default=False)


def policies(incomplete: str) -> list[str]:
    """Completions of a policy's or model's name."""
    return [name for name in NAMES if name.startswith(incomplete)]


Text = str | None


@dataclass(frozen=True, slots=True)
class SettingFlags:
    """All fields, as text; None where not given."""

    pods: Annotated[Text, _option("pods", "N", "Pods, up to 1000.")] = None
    workers: Annotated[Text, _option("workers", "N", "Processes in each pod.")] = None
    upstream: Annotated[
        Text, _option("upstream", "kept|new", "The balancer's connections to pods [default: kept].")
    ] = None
    accepts: Annotated[
        Text,
        _option("accepts", "N,N,…", "Connections that each process of a pod accepts [default: all as many]."),
    ] = None
    policy: Annotated[
        Text,
        typer.Option(
            "--policy",
            metavar="P",
            show_default=False,
            help="A policy of the proxy, or a model of a balancer: nginx, haproxy, …",
            autocompletion=policies,
        ),
    ] = None
    balancer: Annotated[
        Text,
        typer.Option(
            "--balancer",
            metavar="NAME[:POLICY]",
            show_default=False,
            help="A balancer with its own policy's name, as of up: nginx:ip_hash. In place of --policy.",
            autocompletion=balancers,
        ),
    ] = None
    keep_alive: Annotated[
        Text, _option("keep-alive", "S|never", "Idle client connections close after it; 0: one a request.")
    ] = None
    new_connections: Annotated[
        Text, _option("new-connections", "SHARE", "Look-ups that open a new connection nevertheless.")
    ] = None
    redis_pods: Annotated[
        Text, _option("redis-pods", "N|all", "This many pods keep sessions in Redis, the others in memory.")
    ] = None
    rule: Annotated[
        Text, _option("rule", "flag|mark|cohort", "Where pods with different flags look [default: flag].")
    ] = None
    strategy: Annotated[Text, _option("strategy", "S", "The store on Redis: atomic, guide, …")] = None
    ttl: Annotated[Text, _option("ttl", "S", "How long a session lives [default: 60s].")] = None
    think: Annotated[
        Text,
        _option(
            "think",
            "D",
            "Thinking time: 8s (a mean), fixed:8s, uniform:2s-20s, lognormal:8s:0.6 [default: 8s].",
        ),
    ] = None
    lookups: Annotated[Text, _option("lookups", "K", "Requests after the first of a session.")] = None
    rate: Annotated[Text, _option("rate", "R", "Sessions opened per second [default: 10].")] = None
    window: Annotated[
        Text, _option("window", "S", "Sessions are opened in a window so long, in which the events lie.")
    ] = None
    crash_every: Annotated[
        Text, _option("crash-every", "S", "Mean time between two restarts of one pod; 0: none.")
    ] = None
    rolling: Annotated[
        Text,
        _option("rolling", "K=V,…", "Rolling restart: start=60s,step=10s,down=2s,to=redis (each optional)."),
    ] = None
    resize: Annotated[Text, _option("resize", "K=V,…", "Pods added or removed: at=60s,pods=4.")] = None
    outage: Annotated[
        Text,
        _option("outage", "K=V,…", "Redis away: start=60s,length=10s,forgets=2s (or all); several with ;."),
    ] = None
    redis_latency: Annotated[Text, _option("redis-latency", "S", "Mean round trip [default: 0.5ms].")] = None
    redis_timeout: Annotated[Text, _option("redis-timeout", "S", "Until a pod answers 503.")] = None
    service_time: Annotated[
        Text, _option("service-time", "S", "A pod's own work on a request [default: 5ms].")
    ] = None
    retries: Annotated[Text, _option("retries", "N", "Clients send again after a 503, so often.")] = None
    retry_after: Annotated[Text, _option("retry-after", "S", "… after this time [default: 1s].")] = None
    double_clicks: Annotated[
        Text, _option("double-clicks", "SHARE", "Right answers that are sent twice at once.")
    ] = None
    double_click_gap: Annotated[
        Text, _option("double-click-gap", "S", "Between the two [default: 100ms].")
    ] = None
    types: Annotated[
        Text, _option("types", "K=V,…", "Captchas: abstract=0.5,imagegrid=0.3,handwriting=0.2.")
    ] = None

    def texts(self) -> dict[str, str]:
        """The fields that were given, by their names."""
        given = {field.name.replace("_", "-"): getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RunFlags:
    """What is done with the setting."""

    sessions: Annotated[
        int, typer.Option(min=1, metavar="N", help="Sessions, at most, for each setting.")
    ] = 1_000_000
    precision: Annotated[
        str, typer.Option(metavar="SHARE", help="Stop when the share is known to ± this, such as 0.1%.")
    ] = ""
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="F=V,V", help="Every value of a field: pods=2..32, policy=random,nginx. Repeat."
        ),
    ] = None
    compare: Annotated[
        list[str] | None,
        typer.Option(metavar="F=V", help="Compare with the setting that has this value too. Repeat."),
    ] = None
    target: Annotated[
        str, typer.Option(metavar="SHARE", help="Say the smallest change that loses no more than this.")
    ] = ""
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Thinking times of a HAR file or an access log.")
    ] = None
    engine: Annotated[
        str, typer.Option(metavar="E", help="auto, vector, events; dask or ray for a sweep on a cluster.")
    ] = "auto"
    cluster: Annotated[str, typer.Option(metavar="ADDRESS", help="Of the Dask or Ray cluster.")] = ""
    against_real: Annotated[
        bool, typer.Option("--against-real", help="Play the setting on a fresh stack too, and compare.")
    ] = False
    pairs: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Sessions with --against-real.")
    ] = 2000
    plot: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also draw it: .png or .svg.")
    ] = None
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Also write a self-contained report.")
    ] = None
