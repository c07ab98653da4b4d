"""The clients' connections: requests in, in order, one at a time on its way."""

from __future__ import annotations

import asyncio
from time import perf_counter, time
from typing import Any

from devenv.core.model.events import ExchangeOutcome
from devenv.core.routing import RequestFacts
from devenv.wire.proxy.answers import error_response
from devenv.wire.proxy.bodies import Malformed
from devenv.wire.proxy.exchanges import ExchangeRecord
from devenv.wire.proxy.flight import Flight
from devenv.wire.proxy.heads import parse_request_head
from devenv.wire.proxy.sockets import half_close, reset
from devenv.wire.proxy.traffic import Traffic


class ClientConnection(asyncio.Protocol):
    """One client's TCP connection.

    Requests that come while another is on its way (pipelining, RFC 9112 §9.3.2) wait in ``_waiting``,
    bounded, so that answers leave in order. ``ending``: no further request is taken. ``closed_at``: the
    reading of the clock when the client closed its side.
    """

    __slots__ = (
        "_advancing",
        "_flight",
        "_linger_until",
        "_paused_at",
        "_reading_paused",
        "_since",
        "_waiting",
        "_write_paused",
        "closed_at",
        "ending",
        "facts",
        "forwarded",
        "number",
        "peer_bytes",
        "peer_port",
        "traffic",
        "transport",
    )

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.transport: Any = None
        self.ending = False
        self._flight: Flight | None = None
        self._waiting = b""
        self._advancing = False
        self.closed_at: float | None = None
        self._reading_paused = False
        self._write_paused = False
        self._linger_until: float | None = None
        self._paused_at = 0.0
        self._since = perf_counter()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self.transport = transport
        self.transport.set_write_buffer_limits(high=self.traffic.limits.buffer)
        peer = transport.get_extra_info("peername") or ("unknown", 0)
        self.peer_bytes = str(peer[0]).encode()
        self.peer_port = f"{peer[0]}:{peer[1]}"
        self.forwarded = b"\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: http\r\n\r\n" % self.peer_bytes
        self.traffic.connections += 1
        self.number = self.traffic.connections
        self.facts = RequestFacts(str(peer[0]), self.number)
        self.traffic.clients[self.number] = self

    def data_received(self, data: bytes) -> None:
        """Bytes of requests, or of the tunnel; after an error they are thrown away."""
        if self._linger_until is not None:
            return
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
            self._advance(data, fresh=False)
        else:
            self._advance(data, fresh=True)

    def eof_received(self) -> bool:
        """The client sends no more. Answers to what it has sent still go out.

        A client that has closed altogether looks the same until it is written to, so its request runs on.
        """
        flight = self._flight
        if flight is not None and flight.tunnelling:
            flight.client_half_closed()
            return True
        self.closed_at = perf_counter()
        if flight is None:
            # without anything to answer connection_lost follows
            return self._write_paused and bool(self._waiting)
        return flight.request_done

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by either side."""
        self.traffic.forget(self)
        self.ending = True
        flight, self._flight = self._flight, None
        if flight is not None:
            if self.closed_at is None:
                self.closed_at = perf_counter()
            flight.client_gone()

    def pause_writing(self) -> None:
        """The client reads more slowly than the pod sends."""
        self._write_paused = True
        self._paused_at = perf_counter()
        flight = self._flight
        if flight is not None and flight.connection is not None:
            flight.connection.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._write_paused = False
        flight = self._flight
        if flight is not None:
            if flight.connection is not None:
                flight.connection.resume_reading()
        elif self._waiting:
            self._continue()
            self._end_if_spent()

    # -- requests

    def _advance(self, data: bytes, *, fresh: bool) -> None:
        """Take requests out of ``data``, as far as the one on its way allows.

        ``fresh``: none of it has been waited for yet.
        """
        while data:
            flight = self._flight
            if flight is None:
                if self.ending:
                    return
                if self._write_paused:
                    self._hold(data)
                    return
                try:
                    parsed = parse_request_head(data)
                    if parsed is None:
                        self._waiting = data
                        if fresh:
                            self._since = perf_counter()
                        return
                    head, end = parsed
                    body, position = None, end
                    if head.chunked or head.content_length:
                        body = head.body()
                        assert body is not None
                        end = body.feed(data, position)
                except Malformed as error:
                    self._refuse(error)
                    return
                self._flight = flight = Flight(self, head, body)
                flight.launch(data[position:end] if body is not None else b"")
                if end == len(data):
                    return
                data = data[end:]
                fresh = True
            elif flight.tunnelling and flight.connection is not None:
                flight.connection.transport.write(data)
                return
            elif not flight.request_done:
                data = self._body_data(flight, data)
            else:
                self._hold(data)
                return
            if self._linger_until is not None:
                return

    def _body_data(self, flight: Flight, data: bytes) -> bytes:
        """Pass on what belongs to the body; the rest."""
        try:
            end = flight.feed_body(data)
        except Malformed as error:
            flight.broken_body(error)
            return b""
        flight.send_body(data[:end])
        return data[end:]

    def _hold(self, data: bytes) -> None:
        self._waiting = data
        if len(data) > self.traffic.limits.buffer:
            self.pause_reading()

    def _continue(self) -> None:
        data, self._waiting = self._waiting, b""
        self.resume_reading()
        self._advancing = True
        self._advance(data, fresh=True)
        self._advancing = False

    def finished(self, now: float, *, close: bool) -> None:
        """The flight's answer is complete; on to the next request, or the end."""
        self._flight = None
        if close:
            self._end()
            return
        self._since = now
        if self._advancing:
            return
        if self._waiting:
            if not self._write_paused:
                self._continue()
        elif self._reading_paused:
            self.resume_reading()
        if self.ending or self.closed_at is not None:
            self._end_if_spent()

    def _end_if_spent(self) -> None:
        """After the last answer to a client that sends no more, or when the proxy closes."""
        if (
            self._flight is None
            and (self.ending or self.closed_at is not None)
            and not (self._waiting and self._write_paused)
        ):
            self._end()

    def start_tunnel(self) -> None:
        """The flight has switched protocols: what waited belongs to the other side."""
        data, self._waiting = self._waiting, b""
        self.resume_reading()
        self._advance(data, fresh=True)

    def _refuse(self, error: Malformed) -> None:
        """Answer what is no request that we take, then stop listening to this client."""
        request_id = self.traffic.new_request_id()
        self.transport.write(
            error_response(
                error.status,
                error.detail,
                pod=None,
                reason=error.detail,
                request_id=request_id,
                close=True,
                head_only=False,
            )
        )
        seconds = perf_counter() - self._since
        policy = self.traffic.policy_text
        self.traffic.log.add(
            ExchangeRecord(
                request_id,
                self.peer_port,
                b"",
                b"",
                policy,
                None,
                error.status,
                time() - seconds,
                seconds,
                ExchangeOutcome.REFUSED,
                error.detail,
            )
        )
        self._end()

    def open_exchange(self, now: float) -> ExchangeRecord | None:
        """The exchange that is under way at ``now``, if there is one."""
        flight = self._flight
        if flight is None or flight.tunnelling:
            return None
        return flight.record(ExchangeOutcome.OPEN, None, now)

    # -- flow control

    def pause_reading(self) -> None:
        """Take no more bytes from the client for now."""
        if not self._reading_paused and not self.transport.is_closing():
            self._reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes again."""
        if self._reading_paused and not self.transport.is_closing():
            self._reading_paused = False
            self.transport.resume_reading()

    # -- ends

    def _end(self) -> None:
        """Close so that the client can read the last answer even if it is still sending.

        Closing with unread bytes in the socket resets the connection and may destroy the answer, so the
        sending side is shut down and what comes is read and dropped for a while (RFC 9112 §9.6).
        """
        self.ending = True
        if self._linger_until is not None:
            return
        self._waiting = b""
        if self.closed_at is not None or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._linger_until = perf_counter() + self.traffic.limits.linger
        self.resume_reading()
        half_close(self.transport)

    def close_after_flush(self) -> None:
        """Close when what was written has gone out."""
        self._flight = None
        self.ending = True
        self.transport.close()

    def break_off(self) -> None:
        """Reset the connection: its answer stays incomplete."""
        self._flight = None
        self.ending = True
        reset(self.transport)

    def check(self, now: float) -> None:
        """Enforce the time limits; called now and then."""
        limits = self.traffic.limits
        if self._linger_until is not None:
            if now > self._linger_until:
                self.transport.abort()
        elif self._write_paused:
            if now - self._paused_at > limits.client:
                self.abort()
        elif self._flight is not None:
            self._flight.check(now)
        elif self._waiting:
            if now - self._since > limits.client:
                self._refuse(Malformed(f"no whole request within {limits.client:g} s", 408))
        elif now - self._since > limits.keepalive:
            self.transport.close()

    def abort(self) -> None:
        """Reset the connection, with whatever is on its way."""
        self.transport.abort()

    def shut_down(self) -> None:
        """The proxy is closing: end when idle, or after the answer on its way."""
        self.ending = True
        if self._flight is None and self._linger_until is None:
            self.transport.close()
