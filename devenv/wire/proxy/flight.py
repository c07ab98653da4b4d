"""One request on its way: choose a pod, send it once, relay the answer, account for it.

What may be sent again (RFC 9110 §9.2.2): anything while no byte of it went out, that is when the connection
could not be made; GET and HEAD also when a kept-alive connection turned out to be closed. A POST never.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING

from devenv.core.model.events import ExchangeOutcome
from devenv.core.model.vocabulary import resolve_pod
from devenv.core.routing import AFFINITY_COOKIE, RequestFacts
from devenv.wire.proxy.answers import error_response
from devenv.wire.proxy.bodies import Body, ChunkedBody, CloseBody, Malformed
from devenv.wire.proxy.exchanges import ExchangeRecord
from devenv.wire.proxy.heads import RequestHead, ResponseHead, parse_response_head
from devenv.wire.proxy.json_bodies import bounded, collect
from devenv.wire.proxy.sockets import half_close
from devenv.wire.proxy.upstream import Pod, UpstreamConnection, reason_of

if TYPE_CHECKING:
    from devenv.wire.proxy.client import ClientConnection
    from devenv.wire.proxy.traffic import Traffic

CLIENT_CLOSED = 499
"""Logged where the client went away before the answer, as nginx does."""

_SAFE_TO_REPEAT = (b"GET", b"HEAD")


class Flight:
    """A request, from its head to the last byte of its response.

    ``status`` is 0 until a response head went to the client. ``done``: nothing may happen to it any more.
    """

    # Defaults on the class and no slots: a request on the usual way sets only a few of these.
    pod: Pod | None = None
    connection: UpstreamConnection | None = None
    status = 0
    done = False
    tunnelling = False
    _pin: str | None = None
    _tried: dict[str, str] | None = None
    _set_cookie: str | None = None
    _pending = 0
    _partial = b""
    _response_body: Body | None = None
    _rechunk = False
    _repeated = False
    _reusable = False
    _close = False
    _tunnel_ends = 0
    # the JSON bodies as far as they came, for the log
    _sent: bytes | None = b""
    _answer: bytes | None = b""
    _answered: ResponseHead | None = None

    def __init__(self, client: ClientConnection, head: RequestHead, body: Body | None) -> None:
        self.client = client
        self.traffic: Traffic = client.traffic
        self.head = head
        self._body = body
        self._clock = self._progress = perf_counter()

    # -- towards the pod

    @property
    def request_done(self) -> bool:
        """Whether the whole request was received from the client."""
        return self._body is None or self._body.done

    def launch(self, first: bytes) -> None:
        """Choose a pod and send the head and ``first``, the part of the body that is there already."""
        traffic, head, client = self.traffic, self.head, self.client
        self._request_id = head.request_id or traffic.new_request_id()
        self._policy = traffic.policy_text
        if head.pin is None:
            self._pin = traffic.policy.pin
        else:
            self._pin = resolve_pod(head.pin, tuple(traffic.pods))
            if self._pin is None:
                pods = ", ".join(traffic.pods)
                self.fail(400, f"X-Devenv-Pod: unknown pod {head.pin!r}; pods: {pods}", None, "unknown pod")
                return
            self._policy = f"pinned:{self._pin}"
        if head.forwarded_for is None and head.forwarded_proto is None:
            forwarded = client.forwarded
        else:
            forwarded = head.forwarded(client.peer_bytes)
        self._outgoing = head.outgoing + self._request_id + forwarded + first
        if first:
            self._collect_sent(first)
        self._attempt()

    def _attempt(self) -> None:
        """One try at one pod; the pods that could not be reached are not tried again."""
        traffic = self.traffic
        candidates = traffic.alive
        if self._pin is not None:
            name = self._pin
            if self._tried is not None:
                self._no_pod()
                return
        else:
            if self._tried is not None or not candidates:
                candidates = self._untried()
                if not candidates:
                    self._no_pod()
                    return
            client, policy = self.client, traffic.policy
            facts = self._facts() if self.head.facts_vary else client.facts
            name, self._set_cookie = policy.choose(facts, candidates, traffic.in_flight, traffic.rng)
            if policy.keeps_connection:
                client.facts = client.facts._replace(previous=name)
        self.pod = pod = traffic.pods[name]
        traffic.in_flight[name] += 1
        connection = pod.take(self._clock if self._tried is None else perf_counter())
        if connection is None:
            self._connect(pod)
        else:
            self._carry(connection)

    def _untried(self) -> tuple[str, ...]:
        """Pods still to be tried: the alive ones, and when they are used up those that seem dead."""
        tried = self._tried or {}
        alive = tuple(name for name in self.traffic.alive if name not in tried)
        return alive or tuple(name for name in self.traffic.pods if name not in tried)

    def _facts(self) -> RequestFacts:
        """With the affinity cookie, and X-Forwarded-For's first hop as the client's address.

        Anybody can claim any address so; on one machine, where every peer is 127.0.0.1, that is wanted.
        """
        facts = self.client.facts
        chain = self.head.forwarded_for
        client = facts.client if chain is None else chain.partition(b",")[0].strip().decode("latin-1")
        return facts._replace(client=client, cookie=self.head.cookie)

    def _connect(self, pod: Pod) -> None:
        self.traffic.spawn(self._connect_then_carry(pod))

    async def _connect_then_carry(self, pod: Pod) -> None:
        seconds = self.traffic.limits.connect
        try:
            connection = await pod.connect(seconds)
        except (OSError, TimeoutError) as error:
            reason = reason_of(error, seconds)
            self.traffic.mark_down(pod, reason)
            if not self.done:
                self._unreachable(pod, reason)
            return
        self.traffic.mark_up(pod)
        self._progress = perf_counter()
        if self.done:
            connection.release(self._progress)
        else:
            self._carry(connection)

    def _unreachable(self, pod: Pod, reason: str) -> None:
        self.traffic.in_flight[pod.name] -= 1
        self.pod = None
        if self._tried is None:
            self._tried = {}
        self._tried[pod.name] = reason
        self._attempt()

    def _no_pod(self) -> None:
        tried = self._tried or {}
        if self._pin is not None and tried:
            reason = tried[self._pin]
            status = 504 if reason.startswith("no connection within") else 502
            self.fail(status, f"pod {self._pin}: {reason}", self._pin, reason, ExchangeOutcome.NO_CONNECTION)
            return
        reason = ", ".join(f"{pod} ({why})" for pod, why in tried.items()) or "there are no pods"
        self.fail(503, f"no pod can be reached: {reason}", None, reason, ExchangeOutcome.NO_POD)

    def _carry(self, connection: UpstreamConnection) -> None:
        self.connection = connection
        connection.flight = self
        connection.transport.write(self._outgoing)
        if self._pending:
            self._pending = 0
            self.client.resume_reading()
        if self._body is not None:
            self._outgoing = b""

    def feed_body(self, data: bytes) -> int:
        """The position in ``data`` after the request's body; Malformed where its form is broken."""
        return len(data) if self._body is None else self._body.feed(data)

    def _collect_sent(self, data: bytes) -> None:
        body = self._body
        self._sent = collect(self._sent, body.take_payload() if type(body) is ChunkedBody else data)

    def send_body(self, data: bytes) -> None:
        """More of the request's body."""
        self._collect_sent(data)
        connection = self.connection
        if connection is not None:
            self._progress = perf_counter()
            connection.transport.write(data)
            return
        self._outgoing += data
        self._pending += len(data)
        if self._pending > self.traffic.limits.buffer:
            self.client.pause_reading()

    def broken_body(self, error: Malformed) -> None:
        """The request's body has no end that could be found."""
        if self.status:
            self._cut_off(error.detail)
        else:
            self.fail(error.status, error.detail, None, error.detail)

    # -- back to the client

    def from_upstream(self, data: bytes) -> None:
        """Bytes of the response, or of the tunnel."""
        if self.tunnelling:
            self.client.transport.write(data)
            return
        if self.status:
            self._relay(data, 0, b"")
            return
        if self._partial:
            data = self._partial + data
            self._partial = b""
        while True:
            try:
                parsed = parse_response_head(data)
            except Malformed as error:
                self._pod_failed(f"its answer is no HTTP: {error.detail}")
                return
            if parsed is None:
                self._partial = data
                return
            head, end = parsed
            if head.status >= 200:
                self._respond(head, data, end)
                return
            if head.status == 101:
                self._switch(head, data[end:])
                return
            if self.head.minor == 1:
                self.client.transport.write(data[:end])
            data = data[end:]

    def _respond(self, head: ResponseHead, data: bytes, end: int) -> None:
        """Send the head, and what of the body came with it, in one write."""
        request, client, pod = self.head, self.client, self.pod
        assert pod is not None
        self.status = status = head.status
        self._answered = head
        out = head.outgoing
        self._close = close = not request.keep_alive or client.ending or not self.request_done
        # after a 5xx some servers (uvicorn) close without having said so
        self._reusable = head.keep_alive and status < 500
        usual = request.minor == 1 and request.method != b"HEAD" and not head.bodiless
        if usual and head.content_length == len(data) - end and not close and self._set_cookie is None:
            tail = pod.served_by if head.served_by is None else b"X-Request-Id: "
            payload = data[end:]
            client.transport.write(b"%b%b%b\r\n\r\n%b" % (out, tail, self._request_id, payload))
            self._answer = collect(b"", payload)
            self._complete(leftover=False)
            return
        body = head.body(request.method)
        kind = type(body)
        if request.minor == 0 and (kind is ChunkedBody or kind is CloseBody):
            self._close = True
        self._rechunk = kind is CloseBody and request.minor == 1
        self._reusable = self._reusable and kind is not CloseBody
        self._response_body = body
        chunked = request.minor == 1 and (kind is ChunkedBody or kind is CloseBody)
        out += self._rest_of_head(head, pod, chunked=chunked)
        if body is None:
            client.transport.write(out)
            self._complete(leftover=end < len(data))
        else:
            self._relay(data, end, out)

    def _rest_of_head(self, head: ResponseHead, pod: Pod, *, chunked: bool) -> bytes:
        """The fields that depend on the request and on how its connection goes on."""
        parts = []
        if chunked:
            parts.append(b"Transfer-Encoding: chunked\r\n")
        if self._set_cookie is not None:
            cookie = f"Set-Cookie: {AFFINITY_COOKIE}={self._set_cookie}; Path=/; HttpOnly; SameSite=Lax\r\n"
            parts.append(cookie.encode())
        if self._close:
            parts.append(b"Connection: close\r\n")
        elif self.head.minor == 0:
            parts.append(b"Connection: keep-alive\r\n")
        parts.append(pod.served_by if head.served_by is None else b"X-Request-Id: ")
        parts.append(self._request_id + b"\r\n\r\n")
        return b"".join(parts)

    def _relay(self, data: bytes, start: int, prefix: bytes) -> None:
        body = self._response_body
        assert body is not None
        try:
            end = body.feed(data, start)
        except Malformed as error:
            self._cut_off(f"the pod's answer is no HTTP: {error.detail}")
            return
        piece = data[start:end]
        payload = body.take_payload() if type(body) is ChunkedBody else piece
        self._answer = collect(self._answer, payload)
        if self.head.minor == 0:
            piece = payload
        elif self._rechunk and piece:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        if prefix or piece:
            self.client.transport.write(prefix + piece)
        if body.done:
            self._complete(leftover=end < len(data))

    def _switch(self, head: ResponseHead, rest: bytes) -> None:
        """101: from here on bytes are passed both ways as they come, until both sides have closed."""
        connection, client = self.connection, self.client
        if self.head.upgrade is None or connection is None or self.pod is None:
            self._pod_failed("it switched protocols without having been asked")
            return
        self.status = 101
        self.tunnelling = True
        upgrade = head.upgrade or self.head.upgrade
        out = b"%bConnection: Upgrade\r\nUpgrade: %b\r\n" % (head.outgoing, upgrade)
        client.transport.write(out + self._rest_of_head(head, self.pod, chunked=False) + rest)
        self.pod.served += 1
        self._log(ExchangeOutcome.ANSWERED, None, perf_counter())
        client.start_tunnel()

    # -- ends

    def upstream_lost(self, connection: UpstreamConnection, exc: Exception | None) -> None:
        """The pod closed the connection (``exc`` None) or it was reset."""
        self.connection = None
        verb = "closed" if exc is None else "reset"
        if self.tunnelling:
            self._land()
            self.client.close_after_flush()
        elif self.status:
            if type(self._response_body) is CloseBody and exc is None:
                if self._rechunk:
                    self.client.transport.write(b"0\r\n\r\n")
                self._complete(leftover=False)
            else:
                self._cut_off(f"the connection was {verb} in the middle of the answer")
        elif self._partial:
            self._pod_failed(f"the connection was {verb} in the middle of the answer's head")
        elif (
            connection.reused
            and not self._repeated
            and self._body is None
            and self.head.method in _SAFE_TO_REPEAT
            and self.pod is not None
        ):
            self._repeated = True
            self._connect(self.pod)
        else:
            self._pod_failed(f"the connection was {verb} before an answer")

    def upstream_half_closed(self) -> bool:
        """In a tunnel: the pod sends no more, the client still may. Whether to keep the connection open."""
        half_close(self.client.transport)
        self._end_of_one_side()
        return not self.done

    def client_half_closed(self) -> None:
        """In a tunnel: the client sends no more."""
        if self.connection is not None:
            half_close(self.connection.transport)
        self._end_of_one_side()

    def _end_of_one_side(self) -> None:
        self._tunnel_ends += 1
        if self._tunnel_ends < 2:
            return
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close_after_flush()
        self._land()
        self.client.close_after_flush()

    def client_gone(self) -> None:
        """The client's connection is lost: nobody wants the answer."""
        if self.done:
            return
        if not self.tunnelling:
            self.status = self.status or CLIENT_CLOSED
            self._log(ExchangeOutcome.CLIENT_CLOSED, "the client closed the connection", perf_counter())
        self._land()

    def check(self, now: float) -> None:
        """Enforce the time limits; called now and then."""
        if self.status or self.connection is None:
            return
        waited = now - self._progress
        limits = self.traffic.limits
        if self.request_done or self.connection.write_paused:
            if waited > limits.response:
                self._pod_failed(f"no answer within {limits.response:g} s", 504)
        elif waited > limits.client:
            reason = f"the rest of the request did not come within {limits.client:g} s"
            self.fail(408, reason, None, reason)

    def _pod_failed(self, reason: str, status: int = 502) -> None:
        assert self.pod is not None
        self.pod.last_error = reason
        outcome = ExchangeOutcome.BROKEN_ANSWER if status == 502 else ExchangeOutcome.NO_ANSWER
        self.fail(status, f"pod {self.pod.name}: {reason}", self.pod.name, reason, outcome)

    def fail(
        self,
        status: int,
        detail: str,
        pod: str | None,
        reason: str,
        outcome: ExchangeOutcome = ExchangeOutcome.REFUSED,
    ) -> None:
        """Answer in the pod's stead; only before a response head went out."""
        self.status = status
        self._close = not self.head.keep_alive or not self.request_done or self.client.ending
        head_only = self.head.method == b"HEAD"
        self.client.transport.write(
            error_response(
                status,
                detail,
                pod=pod,
                reason=reason,
                request_id=self._request_id,
                close=self._close,
                head_only=head_only,
            )
        )
        now = perf_counter()
        self._log(outcome, reason, now)
        self._land()
        self.client.finished(now, close=self._close)

    def _cut_off(self, reason: str) -> None:
        """The answer cannot be completed: break the client's connection, so that it cannot look complete."""
        if self.pod is not None:
            self.pod.last_error = reason
        self._log(ExchangeOutcome.CUT_OFF, reason, perf_counter())
        self._land()
        self.client.break_off()

    def _complete(self, *, leftover: bool) -> None:
        """The whole answer went to the client."""
        now = perf_counter()
        pod, connection = self.pod, self.connection
        assert pod is not None
        pod.served += 1
        self._log(ExchangeOutcome.ANSWERED, None, now)
        self.done = True
        self.traffic.in_flight[pod.name] -= 1
        if connection is not None:
            self.connection = None
            if self._reusable and not leftover and self.request_done:
                connection.release(now)
            else:
                connection.discard()
        self.client.finished(now, close=self._close)

    def _land(self) -> None:
        """Give back what is held: the count in flight and the connection, if it was not released."""
        self.done = True
        if self.pod is not None:
            self.traffic.in_flight[self.pod.name] -= 1
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.discard()

    def _log(self, outcome: ExchangeOutcome, error: str | None, now: float) -> None:
        self.traffic.log.add(self.record(outcome, error, now))

    def record(self, outcome: ExchangeOutcome, error: str | None, now: float) -> ExchangeRecord:
        """The exchange as it is at ``now`` (a reading of the clock)."""
        client, head, traffic, clock = self.client, self.head, self.traffic, self._clock
        pod = self.pod.name if self.pod is not None else None
        offset = traffic.epoch_minus_clock
        return ExchangeRecord(
            self._request_id,
            client.peer_port,
            head.method,
            head.target,
            self._policy,
            pod,
            self.status,
            clock + offset,
            now - clock,
            outcome,
            error,
            bounded(self._sent),
            bounded(self._answer),
            None if traffic.session_carrier is None else self._session(traffic.session_carrier),
            None if client.closed_at is None else client.closed_at + offset,
        )

    def _session(self, carrier: re.Pattern[bytes]) -> bytes | None:
        """What carries the service's session id said, in the answer or else in the request."""
        heads = (self._answered, self.head)
        found = (carrier.search(head.outgoing) for head in heads if head is not None)
        return next((match[1] for match in found if match is not None), None)
