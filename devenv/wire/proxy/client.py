"""The clients' connections: requests in, in order, one exchange at a time; bytes come from a transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devenv.core.model.events import ExchangeOutcome
from devenv.core.routing import RequestFacts
from devenv.wire.http.bodies import Body, Malformed
from devenv.wire.http.heads import RequestHead, parse_request_head
from devenv.wire.proxy.answers import error_response
from devenv.wire.proxy.ends import Transport
from devenv.wire.proxy.exchanges import ExchangeRecord
from devenv.wire.proxy.open_exchange import OpenExchange
from devenv.wire.proxy.shared import Shared
from devenv.wire.proxy.sockets import half_close, reset
from devenv.wire.proxy.states import CLIENT_TRANSITIONS, ClientState
from devenv.wire.proxy.tunnel import Tunnel

TURNS = 16
"""Requests, or pieces of a body, that one connection may take before others have their turn."""

# not by way of the class: an enum's attributes are slow to read
_IDLE, _RECEIVING_HEAD, _EXCHANGE, _TUNNEL, _LINGERING, _CLOSED = ClientState


class ClientRegistry:
    """The clients' connections that are open, by number, in the order in which they came."""

    def __init__(self) -> None:
        self.by_number: dict[int, ClientConnection] = {}
        self.accepted = 0
        """How many there have been."""
        self.when_empty: Callable[[], None] | None = None
        """Called each time that the last one has gone."""

    def add(self, client: ClientConnection) -> int:
        """A client has connected; its number, from 1."""
        self.accepted += 1
        self.by_number[self.accepted] = client
        return self.accepted

    def forget(self, number: int) -> None:
        """A client's connection is gone."""
        self.by_number.pop(number, None)
        if not self.by_number and self.when_empty is not None:
            self.when_empty()


class ClientConnection:
    """One client's TCP connection; see ``ClientState``. Has the methods of ``asyncio.Protocol``.

    Requests that come while an exchange is under way (pipelining, RFC 9112 §9.3.2) wait in ``_waiting``,
    bounded, so that answers leave in order.
    """

    __slots__ = (
        "_abort_reason",
        "_advancing",
        "_exchange",
        "_linger_until",
        "_paused_at",
        "_reading_paused",
        "_registry",
        "_shared",
        "_since",
        "_tunnel",
        "_turn_over",
        "_waiting",
        "_write_paused",
        "closed_at",
        "ending",
        "facts",
        "forwarded",
        "number",
        "peer",
        "peer_host",
        "state",
        "transport",
        "write",
    )

    transport: Transport
    write: Callable[[bytes], None]

    def __init__(self, shared: Shared, registry: ClientRegistry) -> None:
        self._shared = shared
        self._registry = registry
        self.state: ClientState = _IDLE
        self.ending = False
        self.closed_at: float | None = None
        self._exchange: OpenExchange | None = None
        self._tunnel: Tunnel | None = None
        self._waiting = b""
        self._advancing = False
        self._abort_reason: str | None = None
        """Why the proxy reset the connection; None where it did not."""
        self._reading_paused = False
        self._turn_over = False
        """Others have their turn; reading rests, and ``_waiting`` goes on after them."""
        self._write_paused = False
        self._linger_until = 0.0
        self._paused_at = 0.0
        self._since = shared.clock()

    # -- from the transport

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        self.transport = transport
        self.write = transport.write
        transport.set_write_buffer_limits(high=self._shared.limits.buffer)
        peer = transport.get_extra_info("peername") or ("unknown", 0)
        self.peer_host = str(peer[0]).encode()
        self.peer = f"{peer[0]}:{peer[1]}"
        self.forwarded = b"\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: http\r\n\r\n" % self.peer_host
        self.number = self._registry.add(self)
        self.facts = RequestFacts(str(peer[0]), self.number)

    def data_received(self, data: bytes) -> None:
        """Bytes of requests, or of the tunnel; after the last answer they are thrown away."""
        if self.state is _LINGERING:
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
        if self._tunnel is not None:
            self._tunnel.client_half_closed()
            return True
        self.closed_at = self._shared.clock()
        exchange = self._exchange
        if exchange is None:
            # without anything to answer connection_lost follows
            return self._write_paused and bool(self._waiting)
        return exchange.request_received

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed by either side."""
        self._registry.forget(self.number)
        exchange, tunnel = self._exchange, self._tunnel
        self._close()
        if self._abort_reason is None and self.closed_at is None:
            self.closed_at = self._shared.clock()
        if exchange is not None:
            exchange.client_gone(self._abort_reason)
        elif tunnel is not None:
            tunnel.client_gone()

    def pause_writing(self) -> None:
        """The client reads more slowly than the pod sends."""
        self._write_paused = True
        self._paused_at = self._shared.clock()
        under_way = self._exchange or self._tunnel
        if under_way is not None:
            under_way.client_write_paused()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._write_paused = False
        under_way = self._exchange or self._tunnel
        if under_way is not None:
            under_way.client_write_resumed()
        elif self._waiting:
            self._continue()
            self._end_if_spent()

    # -- requests

    def _advance(self, data: bytes, *, fresh: bool) -> None:
        """Take requests out of ``data``, as far as the exchange under way allows.

        ``fresh``: none of it has been waited for yet.
        """
        turns = 0
        while data:
            if turns == TURNS:
                self._end_turn(data)
                return
            turns += 1
            exchange = self._exchange
            if exchange is None:
                if self._tunnel is not None:
                    self._tunnel.from_client(data)
                    return
                if self.ending:
                    return
                if self._write_paused:
                    self._hold(data)
                    return
                rest = self._begin(data, fresh=fresh)
                if rest is None:
                    return
                data = rest
                fresh = True
            elif not exchange.request_received:
                data = self._body_data(exchange, data)
            else:
                self._hold(data)
                return
            if self.state is _LINGERING:
                return

    def _begin(self, data: bytes, *, fresh: bool) -> bytes | None:
        """Start the exchange whose head begins ``data``; what is behind the request, None for nothing."""
        try:
            parsed = parse_request_head(data)
            if parsed is None:
                self._waiting = data
                if fresh:
                    self._since = self._shared.clock()
                if self.state is _IDLE:
                    self.state = CLIENT_TRANSITIONS[self.state][_RECEIVING_HEAD]
                return None
            head, end = parsed
            body, position = None, end
            if head.chunked or head.content_length:
                body = head.body()
                assert body is not None
                end = body.feed(data, position)
        except Malformed as error:
            self._refuse(error)
            return None
        self.state = CLIENT_TRANSITIONS[self.state][_EXCHANGE]
        self._exchange = exchange = self.open_exchange_of(head, body)
        exchange.start(data[position:end] if body is not None else b"")
        return None if end == len(data) else data[end:]

    def open_exchange_of(self, head: RequestHead, body: Body | None) -> OpenExchange:
        """The exchange of a request whose head is there."""
        return OpenExchange(self, self._shared, head, body)

    def _body_data(self, exchange: OpenExchange, data: bytes) -> bytes:
        """Pass on what belongs to the body; the rest."""
        try:
            end = exchange.feed_body(data)
        except Malformed as error:
            exchange.broken_body(error)
            return b""
        exchange.send_body(data[:end])
        return data[end:]

    def _hold(self, data: bytes) -> None:
        self._waiting = data
        if len(data) > self._shared.limits.buffer:
            self.pause_reading()

    def _end_turn(self, data: bytes) -> None:
        """Let others have their turn before ``data`` is looked at."""
        self._waiting = data
        if self._turn_over or self.transport.is_closing():
            return
        self._turn_over = True
        if not self._reading_paused:
            self.transport.pause_reading()
        self._shared.later(self._take_turn)

    def _take_turn(self) -> None:
        self._turn_over = False
        if self.transport.is_closing():
            return
        if not self._reading_paused:
            self.transport.resume_reading()
        if self.state is not _LINGERING:
            data, self._waiting = self._waiting, b""
            self._advance(data, fresh=True)
            self._end_if_spent()

    def _continue(self) -> None:
        data, self._waiting = self._waiting, b""
        self.resume_reading()
        self._advancing = True
        self._advance(data, fresh=True)
        self._advancing = False

    def _refuse(self, error: Malformed) -> None:
        """Answer what is no request that we take, then stop listening to this client."""
        shared = self._shared
        request_id = shared.new_request_id()
        self.write(
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
        shared.log.add(
            ExchangeRecord(
                request_id,
                self.peer,
                b"",
                b"",
                shared.balancer.policy_text,
                None,
                error.status,
                self._since + shared.epoch_minus_clock,
                shared.clock() - self._since,
                ExchangeOutcome.REFUSED,
                error.detail,
            )
        )
        self._end()

    def open_exchange(self, now: float) -> ExchangeRecord | None:
        """The exchange under way as it is at ``now`` (a reading of the clock); a tunnel is none."""
        exchange = self._exchange
        return None if exchange is None else exchange.record(ExchangeOutcome.OPEN, None, now)

    # -- from the exchange

    def exchange_ended(self, now: float, *, close: bool) -> None:
        """See ``ClientEnd``."""
        self._exchange = None
        if close:
            self._end()
            return
        self.state = CLIENT_TRANSITIONS[self.state][_IDLE]
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

    def start_tunnel(self, tunnel: Tunnel) -> None:
        """See ``ExchangeClient``; what waited belongs to the pod."""
        self.state = CLIENT_TRANSITIONS[self.state][_TUNNEL]
        self._exchange, self._tunnel = None, tunnel
        data, self._waiting = self._waiting, b""
        self.resume_reading()
        self._advance(data, fresh=True)

    def pause_reading(self) -> None:
        """See ``ClientEnd``."""
        if not self._reading_paused and not self.transport.is_closing():
            self._reading_paused = True
            if not self._turn_over:
                self.transport.pause_reading()

    def resume_reading(self) -> None:
        """See ``ClientEnd``."""
        if self._reading_paused and not self.transport.is_closing():
            self._reading_paused = False
            if not self._turn_over:
                self.transport.resume_reading()

    def half_close(self) -> None:
        """See ``ClientEnd``."""
        half_close(self.transport)

    def close_after_flush(self) -> None:
        """See ``ClientEnd``."""
        self._close()
        self.transport.close()

    def break_off(self) -> None:
        """See ``ClientEnd``."""
        self._close()
        reset(self.transport)

    # -- ends

    def _end_if_spent(self) -> None:
        """After the last answer to a client that sends no more, or when the proxy closes."""
        if self.state is _IDLE or self.state is _RECEIVING_HEAD:
            spent = self.ending or self.closed_at is not None
            if spent and not (self._waiting and self._write_paused):
                self._end()

    def _end(self) -> None:
        """Close so that the client can read the last answer even if it is still sending.

        Closing with unread bytes in the socket resets the connection and may destroy the answer, so the
        sending side is shut down and what comes is read and dropped for a while (RFC 9112 §9.6).
        """
        self.ending = True
        self._waiting = b""
        if self.closed_at is not None or not self.transport.can_write_eof():
            self._close()
            self.transport.close()
            return
        self.state = CLIENT_TRANSITIONS[self.state][_LINGERING]
        self._linger_until = self._shared.clock() + self._shared.limits.linger
        self.resume_reading()
        half_close(self.transport)

    def _close(self) -> None:
        """No exchange and no tunnel is served any more."""
        self._exchange = self._tunnel = None
        self.ending = True
        if self.state is not _CLOSED:
            self.state = CLIENT_TRANSITIONS[self.state][_CLOSED]

    def check(self, now: float) -> None:
        """Enforce the time limits; called now and then."""
        limits, state = self._shared.limits, self.state
        if state is _CLOSED:
            return
        if state is _LINGERING:
            if now > self._linger_until:
                self.transport.abort()
        elif self._write_paused:
            if now - self._paused_at > limits.client:
                self.abort(f"the client read nothing for {limits.client:g} s")
        elif self._exchange is not None:
            self._exchange.check(now)
        elif state is _RECEIVING_HEAD:
            if now - self._since > limits.client:
                self._refuse(Malformed(f"no whole request within {limits.client:g} s", 408))
        elif state is _IDLE and now - self._since > limits.keepalive:
            self._close()
            self.transport.close()

    def abort(self, reason: str) -> None:
        """Reset the connection, with whatever is under way."""
        self._abort_reason = reason
        self.transport.abort()

    def shut_down(self) -> None:
        """The proxy is closing: end when idle, or after the answer under way."""
        self.ending = True
        if self.state is _IDLE or self.state is _RECEIVING_HEAD:
            self._close()
            self.transport.close()
