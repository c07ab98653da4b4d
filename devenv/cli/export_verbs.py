"""export k8s."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from devenv.cli.options import BackendOption, CommandContext, Json, NoColor, Seed, StoreOption, desk, store
from devenv.core.kubernetes import (
    RedisAt,
    ServiceOptions,
    StackOptions,
    service_manifests,
    stack_manifests,
    to_yaml,
)
from devenv.core.kubernetes.parts import Manifest
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import MAX_PODS
from devenv.verbs.export import kubernetes as exporting

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Write down what you have here for somewhere else.",
)

MOST_REPLICAS = 1000


@app.callback()
def root() -> None:
    """What there is to export stands below."""


@app.command()
def k8s(
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, metavar="DIR", help="A file for each object; else standard output."),
    ] = None,
    name: Annotated[str, typer.Option(help="The service's name.")] = "captcha-api",
    image: Annotated[str, typer.Option(help="Its image.")] = "captcha-api:latest",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port it listens on.")] = 8000,
    replicas: Annotated[int, typer.Option(min=1, max=MOST_REPLICAS)] = 2,
    namespace: Annotated[str | None, typer.Option(help="Default: none is named.")] = None,
    use_redis: Annotated[bool | None, typer.Option("--use-redis/--no-use-redis")] = None,
    strategy: StoreOption = None,
    redis_host: Annotated[
        str | None, typer.Option(help="A Redis outside; without it, one as a StatefulSet.")
    ] = None,
    redis_port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 6379,
    redis_tls: Annotated[bool, typer.Option("--redis-tls", help="It speaks TLS.")] = False,
    redis_ca: Annotated[
        str | None,
        typer.Option(metavar="CONFIGMAP", help="Its authority's certificate: ca.pem of this ConfigMap."),
    ] = None,
    redis_password: Annotated[
        bool, typer.Option("--redis-password", help="It asks for a password: REDIS_PASSWORD of the Secret.")
    ] = False,
    canary: Annotated[
        int, typer.Option(min=0, max=MOST_REPLICAS, metavar="N", help="N more pods with USE_REDIS=true.")
    ] = 0,
    one_service: Annotated[
        bool, typer.Option("--one-service", help="Canary and others behind one Service, as the guide has it.")
    ] = False,
    ready: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Asked for readiness [default: /ready; of your own service /]."),
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Asked for liveness [default: /health; of your own service /]."),
    ] = None,
    variables: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Also into the ConfigMap.")
    ] = None,
    stack: Annotated[
        bool, typer.Option("--stack", help="This whole stack instead: proxy, gate, pods, mock ML, Redis.")
    ] = False,
    pods: Annotated[int | None, typer.Option(min=1, max=MAX_PODS, help="With --stack.")] = None,
    registry: Annotated[str, typer.Option(help="With --stack: before the images' names.")] = "",
    tag: Annotated[str, typer.Option(help="With --stack: the images' tag.")] = "latest",
    as_json: Json = False,
    backend: BackendOption = None,
    no_color: NoColor = False,
    seed: Seed = None,
) -> None:
    """Kubernetes manifests of your service, after the migration guide, or of this stack.

    Secrets are referred to, never written. The ConfigMap is <name>-config.
    """
    at = desk(as_json, no_color, backend, seed, use_redis=use_redis, strategy=store(strategy), pods=pods)
    settings = at.settings
    own = settings.service if not stack else None
    settings = settings if not stack else replace(settings, service=None)
    where = f"{'rediss' if redis_tls else 'redis'}://{redis_host or f'{name}-redis'}:{redis_port}"
    its = exporting.variables(settings, variables or (), where)
    if one_service and not canary:
        raise UsageProblem("--one-service says where the canary stands", hint="give --canary N too")
    if redis_host is None and (redis_tls or redis_ca or redis_password or redis_port != 6379):
        raise UsageProblem(
            "--redis-port, --redis-tls, --redis-ca and --redis-password are about --redis-host"
        )
    if redis_ca and not redis_tls:
        raise UsageProblem("--redis-ca is about TLS", hint="give --redis-tls too")
    if stack:
        everything = StackOptions(
            pods=settings.pods,
            policy=settings.policy,
            seed=settings.seed,
            namespace=namespace,
            registry=registry,
            tag=tag,
            variables=its,
            ports=settings.ports,
        )
        _deliver(at, stack_manifests(everything), exporting.stack_notes(everything), out)
        return
    outside = None
    if redis_host is not None:
        outside = RedisAt(redis_host, redis_port, redis_tls, redis_password, redis_ca or "")
    options = ServiceOptions(
        name=name,
        image=image,
        port=port,
        replicas=replicas,
        namespace=namespace,
        variables=its,
        redis_at=outside,
        canary=canary,
        shared=one_service,
        on=exporting.switch_on(own, where),
        ready=ready or ("/ready" if own is None else next(iter(own.ready), "/")),
        live=live or ("/health" if own is None else next(iter(own.ready), "/")),
    )
    _deliver(at, service_manifests(options), exporting.service_notes(options, own), out)


def _deliver(at: CommandContext, manifests: list[Manifest], notes: list[str], out: Path | None) -> None:
    files = exporting.write(manifests, notes, out) if out is not None else []
    at.screen.result(exporting.as_json(manifests, files))
    if at.screen.as_json:
        return
    if out is None:
        typer.echo(to_yaml(manifests, notes), nl=False)
        return
    at.screen.show(*(str(path) for path in files), "")
    at.screen.show(*(Text(note) for note in notes))
    at.screen.show("", Text(f"then: kubectl apply -f {out}", "bold"))
