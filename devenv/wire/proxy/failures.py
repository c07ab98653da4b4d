"""Why the proxy answers in a pod's stead."""

from __future__ import annotations

import socket
from enum import Enum
from typing import NamedTuple

from devenv.core.model.events import ExchangeOutcome


class Failure(Enum):
    """What went wrong between the proxy and the pods: the status that the client is sent, and the outcome."""

    NO_POD = 503, ExchangeOutcome.NO_POD
    """None of the pods could be reached."""
    CONNECTION_FAILED = 502, ExchangeOutcome.NO_CONNECTION
    """The only pod that the request could go to refused the connection, or has no address."""
    CONNECTION_TIMEOUT = 504, ExchangeOutcome.NO_CONNECTION
    """It did not accept the connection in time."""
    NO_ANSWER = 504, ExchangeOutcome.NO_ANSWER
    """The pod has the request and sent no response in time."""
    BROKEN_ANSWER = 502, ExchangeOutcome.BROKEN_ANSWER
    """The pod ended the connection before a response, or sent no valid HTTP."""

    def __init__(self, status: int, outcome: ExchangeOutcome) -> None:
        self.status = status
        self.outcome = outcome


class ConnectFailure(NamedTuple):
    """A connection to a pod that could not be made."""

    kind: Failure
    """CONNECTION_FAILED or CONNECTION_TIMEOUT."""
    reason: str
    """Why, in few words."""


def connect_failure(error: OSError | TimeoutError, seconds: float) -> ConnectFailure:
    """The failure that ``error`` stands for, of an attempt to connect with a limit of ``seconds``."""
    if isinstance(error, TimeoutError):
        return ConnectFailure(Failure.CONNECTION_TIMEOUT, f"no connection within {seconds:g} s")
    if isinstance(error, ConnectionRefusedError):
        return ConnectFailure(Failure.CONNECTION_FAILED, "connection refused")
    if isinstance(error, socket.gaierror):
        return ConnectFailure(Failure.CONNECTION_FAILED, "its host name does not resolve")
    reason = error.strerror or str(error) or type(error).__name__
    return ConnectFailure(Failure.CONNECTION_FAILED, reason)
