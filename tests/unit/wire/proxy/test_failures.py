from __future__ import annotations

import socket

import pytest

from devenv.core.model.events import ExchangeOutcome
from devenv.wire.proxy.failures import ConnectFailure, Failure, connect_failure


def test_each_failure_has_its_status_and_outcome() -> None:
    assert {failure.name: (failure.status, failure.outcome) for failure in Failure} == {
        "NO_POD": (503, ExchangeOutcome.NO_POD),
        "CONNECTION_FAILED": (502, ExchangeOutcome.NO_CONNECTION),
        "CONNECTION_TIMEOUT": (504, ExchangeOutcome.NO_CONNECTION),
        "NO_ANSWER": (504, ExchangeOutcome.NO_ANSWER),
        "BROKEN_ANSWER": (502, ExchangeOutcome.BROKEN_ANSWER),
    }


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), ConnectFailure(Failure.CONNECTION_TIMEOUT, "no connection within 0.5 s")),
        (ConnectionRefusedError(111, "x"), ConnectFailure(Failure.CONNECTION_FAILED, "connection refused")),
        (
            socket.gaierror(-2, "x"),
            ConnectFailure(Failure.CONNECTION_FAILED, "its host name does not resolve"),
        ),
        (OSError(101, "Network is down"), ConnectFailure(Failure.CONNECTION_FAILED, "Network is down")),
        (OSError("several"), ConnectFailure(Failure.CONNECTION_FAILED, "several")),
        (OSError(), ConnectFailure(Failure.CONNECTION_FAILED, "OSError")),
        # a refusal whose text speaks of time is a refusal: the kind is typed, not read out of a text
        (
            OSError(1, "no connection within reach"),
            ConnectFailure(Failure.CONNECTION_FAILED, "no connection within reach"),
        ),
    ],
)
def test_an_error_of_connecting_is_told_by_its_type(error: OSError, failure: ConnectFailure) -> None:
    assert connect_failure(error, 0.5) == failure
