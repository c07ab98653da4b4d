"""What kept a client on its pod, or lost it: each remark from a trace that shows it, none from others."""

from __future__ import annotations

import pytest

from devenv.core.model.events import ExchangeOutcome

from .conftest import NOT_FOUND, PASSED, A, B, Trace
from .test_choices import in_memory, other, remarks_of


@pytest.mark.parametrize(
    ("policy", "directive"),
    [
        ("nginx:ip_hash", "`ip_hash;` in the upstream"),
        ("haproxy:source", "`balance source` in the backend"),
        ("envoy:ring_hash-source_ip", "a `hash_policy` of `source_ip`"),
        ("caddy:ip_hash", "`lb_policy ip_hash`"),
    ],
)
def test_one_address_that_decides_is_said_to_be_why_it_was_found(
    trace: Trace, policy: str, directive: str
) -> None:
    challenge = in_memory(trace)
    other(trace, A)
    trace.verify(A, challenge, PASSED)
    (sentence,) = remarks_of(trace, policy)
    assert f"{policy} chooses it by the client's address, and both came from 127.0.0.1" in sentence
    assert f"what decides it: {directive}" in sentence
    assert "Of the 3 requests from there all met captcha-api-a. No request came from another" in sentence


@pytest.mark.parametrize("policy", ["source-hash", "traefik:hrw"])
def test_no_address_is_named_where_the_trace_does_not_have_it(trace: Trace, policy: str) -> None:
    """Traefik does not tell, and the proxy may have taken X-Forwarded-For."""
    challenge = in_memory(trace)
    other(trace, B)
    trace.verify(A, challenge, PASSED)
    (sentence,) = remarks_of(trace, policy)
    assert "the client's address, which the trace does not have" in sentence
    assert "127.0.0.1" not in sentence
    assert "Of the 3 requests under it 2 met captcha-api-a." in sentence
    trace.verify(B, challenge, NOT_FOUND, client="127.0.0.9:1")
    assert not any("sent #3" in each for each in remarks_of(trace, policy))


@pytest.mark.parametrize("policy", ["round-robin", "nginx:random", "haproxy:cookie", "nginx:own-file", ""])
def test_the_address_is_not_named_under_other_policies(trace: Trace, policy: str) -> None:
    challenge = in_memory(trace)
    other(trace, B, client="127.0.0.1:5")
    other(trace, A, client="127.0.0.1:5")
    trace.verify(A, challenge, PASSED)
    assert not any("client's address" in each for each in remarks_of(trace, policy))


def test_nor_with_sessions_in_redis(trace: Trace) -> None:
    trace.pods(USE_REDIS="true")
    trace.verify(A, trace.create(A, in_redis=True), PASSED)
    assert remarks_of(trace, "nginx:ip_hash") == ()


def test_clients_of_other_addresses_are_counted(trace: Trace) -> None:
    challenge = in_memory(trace)
    other(trace, B, client="10.9.0.1:4")
    trace.verify(A, challenge, PASSED)
    (sentence,) = remarks_of(trace, "haproxy:source")
    assert "There were 2 addresses, whose requests met 2 pods." in sentence


def test_an_address_that_changed_lost_the_session(trace: Trace) -> None:
    challenge = in_memory(trace)
    trace.verify(B, challenge, NOT_FOUND, client="127.0.9.7:2")
    for policy in ("nginx:ip_hash", "caddy:ip_hash"):
        (sentence,) = remarks_of(trace, policy)
        assert f"{policy} sent #2 to captcha-api-b, though captcha-api-a had created" in sentence
        assert "the client's address was 127.0.0.1 then and 127.0.9.7 now" in sentence
    assert remarks_of(trace, "round-robin") == ()


def test_nginx_hashes_three_numbers_of_four(trace: Trace) -> None:
    """Two addresses of one network are one to ip_hash: something else brought the request to another pod."""
    challenge = in_memory(trace)
    trace.verify(B, challenge, NOT_FOUND, client="127.0.0.7:2")
    assert remarks_of(trace, "nginx:ip_hash") == ()
    (sentence,) = remarks_of(trace, "haproxy:source")
    assert "127.0.0.1 then and 127.0.0.7 now" in sentence


def test_the_same_address_is_lost_where_its_pod_had_failed(trace: Trace) -> None:
    challenge = in_memory(trace)
    other(trace, A, "POST", "/x", status=502, outcome=ExchangeOutcome.BROKEN_ANSWER, error="it closed")
    trace.verify(B, challenge, NOT_FOUND)
    (sentence,) = [each for each in remarks_of(trace, "nginx:ip_hash") if "sent #2" in each]
    assert "captcha-api-a had failed before (#102: it closed)" in sentence
    trace.restart(A, USE_REDIS="false")
    again = trace.create(A, "c2" * 16)
    trace.restart(A, USE_REDIS="false")
    trace.verify(B, again, NOT_FOUND, client="127.0.9.7:2")
    assert not any("sent #4" in each for each in remarks_of(trace, "nginx:ip_hash"))


def test_a_cookie_that_came_back_found_the_session(trace: Trace) -> None:
    """Shown where it would have been the other pod's turn, and nowhere else."""
    challenge = in_memory(trace)
    trace.verify(A, challenge, PASSED)
    for policy in ("cookie-sticky", "haproxy:cookie", "traefik:sticky_cookie"):
        (sentence,) = remarks_of(trace, policy)
        assert "was found because the client sent back the cookie that names captcha-api-a" in sentence
    assert remarks_of(trace, "caddy:cookie") == ()  # without a cookie it draws
    other(trace, B, status=502, outcome=ExchangeOutcome.NO_ANSWER)
    assert not any("cookie that names" in each for each in remarks_of(trace, "haproxy:cookie"))
    between = Trace()
    challenge = in_memory(between)
    other(between, B)
    between.verify(A, challenge, PASSED)
    assert not any("cookie that names" in each for each in remarks_of(between, "haproxy:cookie"))


@pytest.mark.parametrize(
    "policy", ["haproxy:first", "caddy:first", "caddy:random_choose", "traefik:leasttime"]
)
def test_one_pod_that_gets_all_requests_says_nothing_of_sessions(trace: Trace, policy: str) -> None:
    challenge = in_memory(trace)
    other(trace, A)
    trace.verify(A, challenge, PASSED)
    (sentence,) = remarks_of(trace, policy)
    assert "one pod gets all requests" in sentence
    assert "all 3 requests under it met captcha-api-a" in sentence
    other(trace, B)
    assert remarks_of(trace, policy) == ()
