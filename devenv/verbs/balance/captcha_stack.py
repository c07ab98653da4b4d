"""Measures a balancer in front of captcha-api's own pods: a stack of its own, embedded or in containers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

from devenv.core.balance.measured import Balance
from devenv.core.balance.models import Models, models_of_balancer, models_of_policy
from devenv.core.balancers import OWN_FILE, parse_balancer
from devenv.core.model.topology import StackSpec, StackStatus
from devenv.harness.config.settings import Settings
from devenv.harness.runs.trace import Mark, mark, trace_since
from devenv.verbs.balance.captcha_service import CaptchaService
from devenv.verbs.balance.connection import Place
from devenv.verbs.balance.player import Measurement
from devenv.verbs.balance.targets import Target
from devenv.verbs.balance.usecase import Plan, first_request, play_all
from devenv.verbs.operate.select import fresh_stack

NOT_MEASURED = (
    "pods that change or fail, clients with other addresses: they are measured with small pods, without "
    "--captcha-pods and --backend compose"
)


class RecordedArrivals:
    """Every request that reached a pod since this was made, in order, as the proxy recorded it."""

    def __init__(self, control: str) -> None:
        self._control = control
        self._mark = mark(control)
        self._pods: list[str] = []

    @property
    def pods(self) -> list[str]:
        """Of each request the pod."""
        exchanges = [item for item in trace_since(self._control, self._mark) if "started" in item]
        if exchanges:
            self._mark = Mark(max(item["seq"] for item in exchanges), self._mark.command)
        self._pods += [str(item["pod"]) for item in exchanges if item.get("pod")]
        return self._pods


def stack_measurement(status: StackStatus, sessions: int, seed: int, precision: float = 0.0) -> Measurement:
    """Patterns against the entrance of a running stack, be it a balancer or the proxy itself."""
    url = urlsplit(status.endpoints.traffic)
    return Measurement(
        Place(str(url.hostname), url.port or 80),
        CaptchaService(),
        RecordedArrivals(status.endpoints.control),
        status.spec.pod_names,
        sessions,
        Random(seed),
        _models(status.spec),
        precision=precision,
    )


def _models(spec: StackSpec) -> Models:
    """The models of who chooses; none where several workers of a pod each have sessions of their own."""
    if spec.workers > 1:
        return Models()
    if not spec.balancer:
        return models_of_policy(spec.policy)
    setting = parse_balancer(spec.balancer)
    return Models() if setting.policy == OWN_FILE else models_of_balancer(setting)


def measure_with_captcha_pods(
    target: Target, plan: Plan, settings: Settings, progress: Callable[[str], None]
) -> Balance:
    """Measure ``target`` in front of fresh captcha-api pods with sessions in their memory.

    ``settings`` says the backend and where the stack's files are. Raises as starting a stack does.
    """
    spec = target.in_stack(StackSpec(pods=plan.pods, seed=plan.seed))
    backend = settings.backend or "embedded"
    with fresh_stack(backend, settings.state_dir, spec, progress, cold=settings.cold) as stack:
        status = stack.status()
        version = f" {status.balancer.version}" if status.balancer is not None else ""
        title = f"{status.spec.chooser}{version}, in front of captcha-api ({backend})"
        measurement = stack_measurement(status, plan.sessions, plan.seed, plan.precision)

        async def measured() -> Balance:
            cookie = await first_request(title, measurement)
            results = await play_all(measurement, plan, cookie, progress)
            return Balance(
                target.name,
                title,
                plan.pods,
                tuple(results),
                cookie=cookie,
                gaps=(NOT_MEASURED,),
                decided_by=target.decided_by,
            )

        return asyncio.run(measured())
