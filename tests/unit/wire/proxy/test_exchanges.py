from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devenv.wire.proxy.exchanges import ExchangeLog


def filled(capacity: int, count: int) -> ExchangeLog:
    log = ExchangeLog(capacity)
    for number in range(1, count + 1):
        log.add(
            (
                b"id%d" % number,
                "127.0.0.1:1",
                b"GET",
                b"/",
                "random",
                None,
                200,
                1.0,
                0.5,
                None,
                None,
                None,
                None,
            )
        )
    return log


@given(st.integers(1, 20), st.integers(0, 50), st.integers(0, 60), st.none() | st.integers(0, 30))
def test_since_gives_what_is_held_above_the_number_in_order(
    capacity: int, count: int, since: int, limit: int | None
) -> None:
    held = list(range(max(1, count - capacity + 1), count + 1))
    expected = [number for number in held if number > since][:limit]
    found = filled(capacity, count).since(since, limit)
    assert [one.seq for one in found] == expected
    assert [one.request_id for one in found] == [f"id{number}" for number in expected]


def test_an_exchange_is_whole() -> None:
    log = ExchangeLog(5)
    bodies = ('{"a": "값"}'.encode(), b"{broken")
    log.add(
        (
            b"r1",
            "127.0.0.1:9",
            b"POST",
            b"/a?b=\xe9",
            "pinned:x",
            "x",
            502,
            12.5,
            0.0015,
            "reset",
            *bodies,
            b"",
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
        "response_body": None,
        "session": "",
    }
