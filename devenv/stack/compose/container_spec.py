"""The stack that was asked for, read back from its containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from devenv.core.model.topology import PodStatus, Ports, StackSpec
from devenv.core.model.vocabulary import MAX_PODS, pod_names
from devenv.stack import environment
from devenv.stack.compose import compose_balancer, compose_file, compose_redis, docker_engine
from devenv.stack.own_service import service_from_text

if TYPE_CHECKING:
    from docker.models.containers import Container


def ports_of(containers: Mapping[str, Container]) -> Ports:
    """The ports of this machine that the parts are published on."""
    published = dict(compose_file.PUBLISHED)
    if compose_balancer.SERVICE in containers:
        published["traffic"] = (compose_balancer.SERVICE, compose_balancer.PORT)
    given = {
        field: docker_engine.host_port(containers[service], port)
        for field, (service, port) in published.items()
    }
    return Ports(**{field.name: given.get(field.name, 0) for field in fields(Ports)})


def settings_of(container: Container) -> dict[str, str]:
    """The service's variables that the pod was created with."""
    environment = docker_engine.environment(container)
    image = docker_engine.image_environment(container)
    return {name: value for name, value in environment.items() if image.get(name) != value}


def spec_of(containers: Mapping[str, Container]) -> StackSpec:
    """The spec of a stack whose parts are all there; its policy is that of the start of the proxy."""
    edge = docker_engine.environment(containers["proxy"])
    pods = [pod for pod in pod_names(MAX_PODS) if pod in containers]
    settings = {pod: settings_of(containers[pod]) for pod in pods}
    workers = [_workers(containers[pod]) for pod in settings]
    env, pod_env = environment.shared_and_own(settings)
    spec = StackSpec(
        policy=edge.get("DEVENV_POLICY", "round-robin"),
        balancer=compose_balancer.setting_of(containers),
        env=env,
        pod_env=pod_env,
        ports=ports_of(containers),
        workers=max(workers, default=1),
        seed=int(edge.get("DEVENV_SEED", "1") or "1"),
        gate=bool(edge.get("DEVENV_REDIS")),
        redis_mode=compose_redis.mode_of(containers),
        service=service_from_text(edge.get("DEVENV_SERVICE", "")),
    ).with_pods(pods)
    return environment.with_settings(spec, {})


def _workers(pod: Container) -> int:
    command = pod.attrs["Config"]["Cmd"] or []
    return int(command[command.index("--workers") + 1]) if "--workers" in command else 1


def pod_status(pod: str, container: Container) -> PodStatus:
    """One pod as it is now."""
    state = docker_engine.state(container)
    return PodStatus(
        name=pod,
        state={"running": "running", "starting": "starting", "unhealthy": "running"}.get(state, "stopped"),
        settings=environment.public(settings_of(container)),
        pid=container.attrs["State"].get("Pid") or None,
    )
