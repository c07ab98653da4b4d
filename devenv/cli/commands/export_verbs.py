"""export: k8s, and what ``export_monitoring`` has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.commands.export_monitoring import argo, flagd, flagger, grafana, prometheus
from devenv.cli.grouped import grouped
from devenv.cli.options import CommandContext, Common, StoreOption, store
from devenv.cli.screen import Text
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

for command in (prometheus, grafana, argo, flagger, flagd):
    app.command()(command)

MOST_REPLICAS = 1000


@app.callback()
def root() -> None:
    """What there is to export stands below."""


@dataclass(frozen=True, slots=True)
class ManifestFlags:
    """What the service's manifests say."""

    name: Annotated[str, typer.Option(help="The service's name.")] = "captcha-api"
    image: Annotated[str, typer.Option(help="Its image.")] = "captcha-api:latest"
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port it listens on.")] = 8000
    replicas: Annotated[int, typer.Option(min=1, max=MOST_REPLICAS)] = 2
    namespace: Annotated[str | None, typer.Option(help="Default: none is named.")] = None
    canary: Annotated[
        int, typer.Option(min=0, max=MOST_REPLICAS, metavar="N", help="N more pods with USE_REDIS=true.")
    ] = 0
    one_service: Annotated[
        bool, typer.Option("--one-service", help="Canary and others behind one Service, as the guide has it.")
    ] = False
    ready: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Asked for readiness [default: /ready; of your own service /]."),
    ] = None
    live: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Asked for liveness [default: /health; of your own service /]."),
    ] = None
    variables: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Also into the ConfigMap.")
    ] = None

    def check(self) -> None:
        """Raise UsageProblem for options that need another one."""
        if self.one_service and not self.canary:
            raise UsageProblem("--one-service says where the canary stands", hint="give --canary N too")


@dataclass(frozen=True, slots=True)
class RedisFlags:
    """The Redis outside of the cluster that pods use, or one as a part of the manifests."""

    redis_host: Annotated[
        str | None, typer.Option(help="A Redis outside; without it, one as a StatefulSet.")
    ] = None
    redis_port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 6379
    redis_tls: Annotated[bool, typer.Option("--redis-tls", help="It speaks TLS.")] = False
    redis_ca: Annotated[
        str | None,
        typer.Option(metavar="CONFIGMAP", help="Its authority's certificate: ca.pem of this ConfigMap."),
    ] = None
    redis_password: Annotated[
        bool, typer.Option("--redis-password", help="It asks for a password: REDIS_PASSWORD of the Secret.")
    ] = False

    def url(self, name: str) -> str:
        """Where the pods of the service ``name`` reach Redis."""
        scheme = "rediss" if self.redis_tls else "redis"
        return f"{scheme}://{self.redis_host or f'{name}-redis'}:{self.redis_port}"

    def outside(self) -> RedisAt | None:
        """The Redis that was named. Raises UsageProblem for options about a Redis that was not named."""
        if self.redis_host is None:
            if self.redis_tls or self.redis_ca or self.redis_password or self.redis_port != 6379:
                raise UsageProblem(
                    "--redis-port, --redis-tls, --redis-ca and --redis-password are about --redis-host"
                )
            return None
        if self.redis_ca and not self.redis_tls:
            raise UsageProblem("--redis-ca is about TLS", hint="give --redis-tls too")
        return RedisAt(
            self.redis_host, self.redis_port, self.redis_tls, self.redis_password, self.redis_ca or ""
        )


@dataclass(frozen=True, slots=True)
class StackManifestFlags:
    """Whether the whole stack is exported, and its images."""

    stack: Annotated[
        bool, typer.Option("--stack", help="This whole stack instead: proxy, gate, pods, mock ML, Redis.")
    ] = False
    pods: Annotated[int | None, typer.Option(min=1, max=MAX_PODS, help="With --stack.")] = None
    registry: Annotated[str, typer.Option(help="With --stack: before the images' names.")] = ""
    tag: Annotated[str, typer.Option(help="With --stack: the images' tag.")] = "latest"


@app.command()
@grouped
def k8s(
    *,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, metavar="DIR", help="A file for each object; else standard output."),
    ] = None,
    manifest: ManifestFlags,
    use_redis: Annotated[bool | None, typer.Option("--use-redis/--no-use-redis")] = None,
    strategy: StoreOption = None,
    redis: RedisFlags,
    whole: StackManifestFlags,
    common: Common,
) -> None:
    """Kubernetes manifests of your service, after the migration guide, or of this stack.

    Secrets are referred to, never written. The ConfigMap is <name>-config.
    """
    context = common.context(use_redis=use_redis, strategy=store(strategy), pods=whole.pods)
    where = redis.url(manifest.name)
    variables = exporting.variables(
        context.settings if not whole.stack else replace(context.settings, service=None),
        manifest.variables or (),
        where,
    )
    manifest.check()
    outside = redis.outside()
    if whole.stack:
        stack = StackOptions(
            pods=context.settings.pods,
            policy=context.settings.policy,
            seed=context.settings.seed,
            namespace=manifest.namespace,
            registry=whole.registry,
            tag=whole.tag,
            variables=variables,
            ports=context.settings.ports,
        )
        _deliver(context, stack_manifests(stack), exporting.stack_notes(stack), out)
        return
    service = context.settings.service
    probed = next(iter(service.ready), "/") if service is not None else None
    options = ServiceOptions(
        name=manifest.name,
        image=manifest.image,
        port=manifest.port,
        replicas=manifest.replicas,
        namespace=manifest.namespace,
        variables=variables,
        redis_at=outside,
        canary=manifest.canary,
        shared=manifest.one_service,
        on=exporting.switch_on(service, where),
        ready=manifest.ready or probed or "/ready",
        live=manifest.live or probed or "/health",
    )
    _deliver(context, service_manifests(options), exporting.service_notes(options, service), out)


def _deliver(context: CommandContext, manifests: list[Manifest], notes: list[str], out: Path | None) -> None:
    files = exporting.write(manifests, notes, out) if out is not None else []
    context.screen.result(exporting.as_json(manifests, files))
    if out is None:
        context.screen.output(to_yaml(manifests, notes))
        return
    context.screen.show(*(str(path) for path in files), "")
    context.screen.show(*(Text(note) for note in notes))
    context.screen.show("", Text(f"then: kubectl apply -f {out}", "bold"))
