"""What all connections of one proxy share: pods, policy, limits, counters and the log."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Coroutine, Sequence
from random import Random
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from devenv.core.model.errors import UsageProblem
from devenv.core.routing import parse_policy
from devenv.wire.proxy.exchanges import ExchangeLog
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.upstream import Pod, Upstream, reason_of

if TYPE_CHECKING:
    from devenv.wire.proxy.client import ClientConnection


class Traffic:
    """The shared state; changed only from the event loop's thread."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        policy: str,
        *,
        seed: int,
        capacity: int,
        limits: Limits,
        session_carrier: str = "",
    ) -> None:
        self.limits = limits
        self.session_carrier = _carrier(session_carrier) if session_carrier else None
        self.log = ExchangeLog(capacity)
        self.rng = Random(seed)
        self.tasks: set[asyncio.Task[Any]] = set()
        self.pods: dict[str, Pod] = {}
        self.alive: tuple[str, ...] = ()
        self.in_flight: dict[str, int] = {}
        self.connections = 0
        self.clients: dict[int, ClientConnection] = {}
        self.drained: asyncio.Event | None = None
        self.epoch_minus_clock = time() - perf_counter()
        """Added to a reading of the clock gives seconds since the epoch; brought up to date now and then."""
        self._requests = 0
        # unique across restarts; no security hangs on it
        self._request_prefix = os.urandom(8).hex().encode()
        self._policy_text = policy
        self.set_upstreams(upstreams)

    def set_upstreams(self, upstreams: Sequence[Upstream]) -> None:
        """Replace the pods. Requests on their way end where they are; the policy starts anew.

        Raises UsageProblem for two pods of one name, or where the policy names a pod that would be gone.
        """
        names = [upstream.name for upstream in upstreams]
        if len(set(names)) < len(names):
            raise UsageProblem("two pods have the same name", hint="pods: " + ", ".join(names))
        policy = parse_policy(self._policy_text, names)
        pods: dict[str, Pod] = {}
        for upstream in upstreams:
            present = self.pods.get(upstream.name)
            if present is not None and present.upstream == upstream:
                pods[upstream.name] = present
            else:
                pods[upstream.name] = Pod(upstream, self.limits.upstream_idle, self.limits.buffer)
        for name, pod in self.pods.items():
            if pods.get(name) is not pod:
                pod.retired = True
                pod.drop_idle()
        self.pods = pods
        self.in_flight = {name: self.in_flight.get(name, 0) for name in {**self.in_flight, **pods}}
        self.policy = policy
        self.policy_text = policy.text
        self.refresh_alive()

    def set_policy(self, text: str) -> None:
        """Use another policy from the next request on; UsageProblem for an unknown policy or pod."""
        self.policy = parse_policy(text, tuple(self.pods))
        self.policy_text = self._policy_text = self.policy.text

    def refresh_alive(self) -> None:
        """Recompute the candidates after a pod went up or down."""
        self.alive = tuple(name for name, pod in self.pods.items() if pod.up)

    def mark_down(self, pod: Pod, reason: str) -> None:
        """A connection could not be made: skip the pod until a probe reaches it."""
        pod.last_error = reason
        pod.drop_idle()
        if pod.up:
            pod.up = False
            self.refresh_alive()
        if not pod.probing and not pod.retired:
            pod.probing = True
            self.spawn(self._probe_until_up(pod))

    async def _probe_until_up(self, pod: Pod) -> None:
        try:
            while not pod.up and not pod.retired:
                await asyncio.sleep(self.limits.probe)
                await self.probe(pod)
        finally:
            pod.probing = False

    async def probe(self, pod: Pod) -> None:
        """Try to connect; no request is sent, so no policy's turn is used up."""
        try:
            connection = await pod.connect(self.limits.connect)
        except (OSError, TimeoutError) as error:
            self.mark_down(pod, reason_of(error, self.limits.connect))
        else:
            connection.discard()
            self.mark_up(pod)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; cancelled when the proxy closes."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def mark_up(self, pod: Pod) -> None:
        """A connection was made."""
        if not pod.up:
            pod.up = True
            self.refresh_alive()

    def forget(self, client: ClientConnection) -> None:
        """A client's connection is gone."""
        self.clients.pop(client.number, None)
        if self.drained is not None and not self.clients:
            self.drained.set()

    def new_request_id(self) -> bytes:
        """32 hexadecimal digits, never the same again."""
        self._requests += 1
        return b"%b%016x" % (self._request_prefix, self._requests)


def _carrier(name: str) -> re.Pattern[bytes]:
    """Finds what a header, or with ``Cookie:name`` a cookie, says in a head that the proxy sends."""
    header, _, cookie = name.encode().partition(b":")
    if not cookie:
        return re.compile(rb"\r\n%b:[ \t]*([^\r\n]*)" % re.escape(header), re.IGNORECASE)
    line = rb"\r\n(?i:set-)?(?i:cookie):(?:[^\r\n]*;)?[ \t]*"
    return re.compile(line + re.escape(cookie) + rb"=([^;\r\n]+)")
