from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.events import ExchangeOutcome
from devenv.wire.proxy.exchanges import ExchangeLog, ExchangeRecord


def filled(capacity: int, count: int) -> ExchangeLog:
    log = ExchangeLog(capacity)
    for number in range(1, count + 1):
        log.add(
            ExchangeRecord(
                request_id=b"id%d" % number,
                client="127.0.0.1:1",
                method=b"GET",
                target=b"/",
                policy="random",
                pod=None,
                status=200,
                started=1.0,
                seconds=0.5,
                outcome=ExchangeOutcome.ANSWERED,
            )
        )
    return log


@given(st.integers(1, 20), st.integers(0, 50), st.integers(0, 60), st.none() | st.integers(0, 30))
def test_since_gives_what_is_held_above_the_number_in_order(
    capacity: int, count: int, since: int, limit: int | None
) -> None:
    held = list(range(max(1, count - capacity + 1), count + 1))
    expected = [number for number in held if number > since][:limit]
    result = filled(capacity, count).since(since, limit)
    assert [one.seq for one in result] == expected
    assert [one.request_id for one in result] == [f"id{number}" for number in expected]


def test_an_exchange_is_whole() -> None:
    log = ExchangeLog(5)
    log.add(
        ExchangeRecord(
            request_id=b"r1",
            client="127.0.0.1:9",
            method=b"POST",
            target=b"/a?b=\xe9",
            policy="pinned:x",
            pod="x",
            status=502,
            started=12.5,
            seconds=0.0015,
            outcome=ExchangeOutcome.BROKEN_ANSWER,
            error="reset",
            sent='{"a": "값"}'.encode(),
            answer=b"{broken",
            session=b"",
            client_closed=12.501,
        )
    )
    (one,) = log.since(0)
    assert one.to_json() == {
        "kind": "exchange",
        "seq": 1,
        "request_id": "r1",
        "client": "127.0.0.1:9",
        "method": "POST",
        "path": "/a?b=é",
        "policy": "pinned:x",
        "pod": "x",
        "status": 502,
        "started": 12.5,
        "duration_ms": 1.5,
        "error": "reset",
        "request_body": '{"a": "값"}',
        "response_body": "{broken",
        "session": "",
        "outcome": "broken-answer",
        "client_closed": 12.501,
    }
