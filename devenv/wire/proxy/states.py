"""The states of the proxy's machines, and which may follow which.

A machine goes on by ``state = TRANSITIONS[state][next]``, and the table raises where ``next`` may not follow,
so that a fault shows where it is made. Integers, as this happens several times for each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TypeVar


class ExchangeState(IntEnum):
    """One exchange, from its request's head to the last byte of its response."""

    CHOOSING = 0
    """No pod has it: the first is being chosen, or another one after a pod could not be reached."""
    CONNECTING = 1
    """A pod was chosen; a connection to it is being made."""
    AWAITING_RESPONSE = 2
    """The head was sent to the pod, and the body as far as it has come; no final response head is there."""
    RESPONDING = 3
    """The response's head was sent to the client; its body is being passed on."""
    ENDED = 4
    """Recorded; nothing may happen to it any more. After 101 a ``Tunnel`` has its connections."""


class TunnelState(IntEnum):
    """One tunnel, after the protocol was switched."""

    OPEN = 0
    HALF_CLOSED = 1
    """One side sends no more."""
    ENDED = 2
    """Both sides have closed, or a connection was lost."""


class ClientState(IntEnum):
    """One client's connection."""

    IDLE = 0
    """Between two requests."""
    RECEIVING_HEAD = 1
    """The beginning of a request's head has come."""
    EXCHANGE = 2
    """An exchange is under way; later requests wait."""
    TUNNEL = 3
    """The exchange has switched protocols."""
    LINGERING = 4
    """The last answer was written and our side is closed; what the client still sends is dropped."""
    CLOSED = 5
    """Closed, or closing once what was written has gone out."""


class UpstreamState(IntEnum):
    """One connection to a pod."""

    OPENING = 0
    """Connected, and not yet used."""
    IDLE = 1
    """Kept for the next request."""
    BUSY = 2
    """It carries an exchange."""
    CLOSED = 3
    """Closed, or closing once what was written has gone out."""


class IllegalTransition(Exception):
    """A machine was asked to do what its table does not allow: a fault of the proxy itself."""

    def __init__(self, before: IntEnum, after: IntEnum) -> None:
        super().__init__(f"{type(before).__name__}: {before.name} is never followed by {after.name}")
        self.before = before
        self.after = after


_S = TypeVar("_S", bound=IntEnum)


class Followers(dict[_S, _S]):
    """The states that may follow ``before``, each by itself; any other raises IllegalTransition."""

    def __init__(self, before: _S, *after: _S) -> None:
        super().__init__({state: state for state in after})
        self._before = before

    def __missing__(self, after: _S) -> _S:
        raise IllegalTransition(self._before, after)


def _table(rows: Mapping[_S, tuple[_S, ...]]) -> dict[_S, Followers[_S]]:
    return {before: Followers(before, *after) for before, after in rows.items()}


EXCHANGE_TRANSITIONS = _table(
    {
        ExchangeState.CHOOSING: (
            ExchangeState.CONNECTING,
            ExchangeState.AWAITING_RESPONSE,
            ExchangeState.ENDED,
        ),
        ExchangeState.CONNECTING: (
            ExchangeState.CHOOSING,
            ExchangeState.AWAITING_RESPONSE,
            ExchangeState.ENDED,
        ),
        ExchangeState.AWAITING_RESPONSE: (
            ExchangeState.CONNECTING,
            ExchangeState.RESPONDING,
            ExchangeState.ENDED,
        ),
        ExchangeState.RESPONDING: (ExchangeState.ENDED,),
        ExchangeState.ENDED: (),
    }
)

TUNNEL_TRANSITIONS = _table(
    {
        TunnelState.OPEN: (TunnelState.HALF_CLOSED, TunnelState.ENDED),
        TunnelState.HALF_CLOSED: (TunnelState.ENDED,),
        TunnelState.ENDED: (),
    }
)

CLIENT_TRANSITIONS = _table(
    {
        ClientState.IDLE: (
            ClientState.RECEIVING_HEAD,
            ClientState.EXCHANGE,
            ClientState.LINGERING,
            ClientState.CLOSED,
        ),
        ClientState.RECEIVING_HEAD: (ClientState.EXCHANGE, ClientState.LINGERING, ClientState.CLOSED),
        ClientState.EXCHANGE: (
            ClientState.IDLE,
            ClientState.TUNNEL,
            ClientState.LINGERING,
            ClientState.CLOSED,
        ),
        ClientState.TUNNEL: (ClientState.CLOSED,),
        ClientState.LINGERING: (ClientState.CLOSED,),
        ClientState.CLOSED: (),
    }
)

UPSTREAM_TRANSITIONS = _table(
    {
        UpstreamState.OPENING: (UpstreamState.IDLE, UpstreamState.BUSY, UpstreamState.CLOSED),
        UpstreamState.IDLE: (UpstreamState.BUSY, UpstreamState.CLOSED),
        UpstreamState.BUSY: (UpstreamState.IDLE, UpstreamState.CLOSED),
        UpstreamState.CLOSED: (),
    }
)
