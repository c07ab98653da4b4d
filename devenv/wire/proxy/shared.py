"""What all connections of one proxy share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from devenv.wire.http.heads import RequestHead, ResponseHead
from devenv.wire.proxy.balancer import Balancer
from devenv.wire.proxy.ends import ConnectionWaiter, Timer
from devenv.wire.proxy.exchanges import ExchangeLog
from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.upstream import Pod


class PodConnector(Protocol):
    """Who makes connections to pods."""

    def connect(self, pod: Pod, waiter: ConnectionWaiter) -> None:
        """Make a connection to ``pod`` and tell ``waiter`` of it, never before this returns."""


class PodTable(Protocol):
    """The pods by name."""

    @property
    def by_name(self) -> Mapping[str, Pod]:
        """Every pod that may be chosen."""


class Shared:
    """Changed only from the event loop's thread."""

    def __init__(
        self,
        balancer: Balancer,
        pods: PodTable,
        connector: PodConnector,
        log: ExchangeLog,
        limits: Limits,
        *,
        clock: Callable[[], float],
        later: Callable[[Callable[[], object]], object],
        call_later: Callable[[float, Callable[[], object]], Timer],
        request_prefix: bytes,
        session_carrier: str = "",
    ) -> None:
        self.balancer = balancer
        self.pods = pods
        self.connector = connector
        self.log = log
        self.limits = limits
        self.clock = clock
        """Seconds, from any beginning; never goes back."""
        self.later = later
        """Has something called after what other connections wait for."""
        self.call_later = call_later
        """Has something called after that many seconds."""
        self.epoch_minus_clock = 0.0
        """Added to a reading of the clock gives seconds since the epoch; brought up to date now and then."""
        self.session_carrier = _carrier(session_carrier) if session_carrier else None
        """Finds the service's session id in a head; None where no header or cookie carries one."""
        self._request_prefix = request_prefix
        self._requests = 0

    def sessions(
        self, response: ResponseHead | None, request: RequestHead
    ) -> tuple[bytes | None, bytes | None]:
        """The value that carries the service's session id, in the request or else in the response; and the
        response's, where the request has another.
        """
        sent, given = self._session(request), self._session(response)
        return (given, None) if sent is None else (sent, None if given == sent else given)

    def _session(self, head: RequestHead | ResponseHead | None) -> bytes | None:
        if self.session_carrier is None or head is None:
            return None
        match = self.session_carrier.search(head.outgoing)
        return None if match is None else match[1]

    def new_request_id(self) -> bytes:
        """The prefix and 16 hexadecimal digits, never the same again."""
        self._requests += 1
        return b"%b%016x" % (self._request_prefix, self._requests)


def _carrier(name: str) -> re.Pattern[bytes]:
    """Finds the value of a header, or with ``Cookie:name`` of a cookie, in a head that the proxy sends."""
    header, _, cookie = name.encode().partition(b":")
    if not cookie:
        return re.compile(rb"\r\n%b:[ \t]*([^\r\n]*)" % re.escape(header), re.IGNORECASE)
    line = rb"\r\n(?i:set-)?(?i:cookie):(?:[^\r\n]*;)?[ \t]*"
    return re.compile(line + re.escape(cookie) + rb"=([^;\r\n]+)")
