"""Looks at the pods' /metrics again and again; each look and the one before it give the monitoring points."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import POD_HEADER
from devenv.core.telemetry.monitoring import Page, Points, points
from devenv.stack.loopback import local_client

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """The pages of the pods that answered."""

    time: float
    """By the monotonic clock."""
    texts: dict[str, str]
    """By pod, as they came."""

    @property
    def pages(self) -> dict[str, Page]:
        """The samples of each pod."""
        return {pod: read_page(text) for pod, text in self.texts.items()}


def look(http: httpx.Client, pods: tuple[str, ...], clock: Callable[[], float]) -> Look:
    """Ask every pod for its metrics, each by a pinned request through the proxy."""
    texts = {}
    for pod in pods:
        try:
            answer = http.get("/metrics", headers={POD_HEADER: pod})
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EnvironmentProblem(f"no stack answers at {http.base_url}", hint="devenv status") from error
        except httpx.TransportError:
            continue
        if answer.status_code == 200:
            texts[pod] = answer.text
    return Look(clock(), texts)


def watch(
    status: StackStatus,
    interval: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Points]:
    """The points of each ``interval`` seconds, without end.

    Raises UsageProblem for a user-provided service, whose metrics are not known.
    """
    if status.spec.service is not None:
        raise UsageProblem(
            f"{status.spec.service.title} has metrics of its own, which devenv does not know",
            hint="watch reads the captcha service's /metrics",
        )
    pods = status.spec.pod_names
    with local_client(status.endpoints.pinned, _SECONDS) as http:
        before = look(http, pods, clock)
        while True:
            sleep(interval)
            now = look(http, pods, clock)
            yield points(before.pages, now.pages, max(now.time - before.time, 1e-6), pods)
            before = now


def read_page(text: str) -> Page:
    """The samples of a page in Prometheus' text format."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
