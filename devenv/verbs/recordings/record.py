"""``devenv record``: what goes through the proxy becomes a scenario, on the pods that served it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from devenv.core.model.bodies import answered_fields, content_type_of
from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.events import Exchange, trace_event
from devenv.core.model.presets import CAPTCHA
from devenv.harness.config.settings import Settings
from devenv.harness.runs.trace import mark, trace_since
from devenv.stack.protocol import Progress, Stack
from devenv.verbs.operate.select import fresh_stack, running_stack
from devenv.verbs.recordings.composing import Composed, ImportOptions, compose
from devenv.verbs.recordings.formats.recorded import Recorded, Recording
from devenv.verbs.recordings.import_file import checked

POLL_SECONDS = 0.5
"""The proxy remembers thousands of exchanges: none is lost in between."""
_SHORTENED = re.compile(r"… \(\d+ characters\)")


@contextmanager
def stack_to_record(settings: Settings, progress: Progress) -> Iterator[Stack]:
    """The stack that runs; where a load balancer is asked for that it does not have, one of its own.

    Raises EnvironmentProblem where none runs and no balancer is asked for, or where it does not start.
    """
    spec = settings.stack_spec()
    try:
        stack = running_stack(settings.backend, settings.state_dir)
    except DevenvError:
        if not spec.balancer:
            raise
    else:
        runs = stack.status().spec.balancer
        if spec.balancer in ("", runs):
            yield stack
            return
        progress(f"the stack that runs has {runs or 'no balancer'} in front: another one for this")
    backend = settings.backend or "embedded"
    with fresh_stack(backend, settings.state_dir, spec, progress, cold=settings.cold) as fresh:
        yield fresh


def record(
    stack: Stack,
    seconds: float | None,
    options: ImportOptions,
    progress: Progress,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Composed:
    """Record for this many seconds, or with None until Ctrl-C, and make a scenario of it.

    Raises UsageProblem where nothing came by.
    """
    status = stack.status()
    control = status.endpoints.control
    since, began = mark(control), clock()
    progress(f"recording what goes through {status.endpoints.traffic}")
    try:
        reported = 0
        while seconds is None or clock() - began < seconds:
            sleep(POLL_SECONDS if seconds is None else min(POLL_SECONDS, max(0.0, began + seconds - clock())))
            count = sum(1 for item in trace_since(control, since) if item["kind"] == "exchange")
            if count != reported:
                reported = count
                progress(f"{count} requests")
    except KeyboardInterrupt:
        pass
    exchanges = [
        event
        for item in trace_since(control, since)
        if item["kind"] == "exchange" and isinstance(event := trace_event(item), Exchange)
    ]
    if not exchanges:
        raise UsageProblem(
            "nothing came through the proxy", hint=f"send requests to {status.endpoints.traffic} meanwhile"
        )
    name = f"recording-{datetime.fromtimestamp(began, UTC):%Y%m%dT%H%M%SZ}"
    profile = status.spec.service.profile if status.spec.service is not None else CAPTCHA
    return checked(compose(recording_of(exchanges, name), profile, options))


def recording_of(exchanges: list[Exchange], name: str) -> Recording:
    """Exchanges of the proxy as a recording; those that it answered itself are left out."""
    served = [exchange for exchange in exchanges if exchange.pod is not None]
    notes = []
    if len(served) < len(exchanges):
        notes.append(f"left out as served by no pod: {len(exchanges) - len(served)}")
    if short := sum(1 for item in served if item.request_body and _SHORTENED.search(item.request_body)):
        notes.append(f"long bodies that the proxy shortened, so not what was sent: {short}")
    requests = [
        Recorded(
            number,
            item.method,
            item.path,
            item.started,
            item.duration_ms / 1000,
            {"content-type": content_type_of(item.request_body)} if item.request_body else {},
            item.request_body,
            item.status,
            {"content-type": _answered_type(item.response_body)} if item.response_body else {},
            item.response_body,
            client=item.client,
            pod=item.pod,
        )
        for number, item in enumerate(served, start=1)
    ]
    ordered = tuple(sorted(requests, key=lambda request: request.started or 0.0))
    return Recording(name, "recorded at the proxy", ordered, notes=tuple(notes))


def _answered_type(text: str) -> str:
    return "application/json" if answered_fields(text) or text[:1] in "{[" else "text/plain"
