"""What the choice of pods hid or did: each remark from a trace that shows it, none from one that does not."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devenv.core.balancers.own_file import own_file
from devenv.core.diagnosis.choices import remarks_on_choices
from devenv.core.diagnosis.stories import join
from devenv.core.model.events import Exchange, ExchangeOutcome, StackEvent

from .conftest import NOT_FOUND, PASSED, A, B, Trace

ANSWERED, BROKEN = ExchangeOutcome.ANSWERED, ExchangeOutcome.BROKEN_ANSWER


def remarks_of(trace: Trace, policy: str = "round-robin", since: float = float("-inf")) -> tuple[str, ...]:
    """The remarks on a trace whose requests were all sent under ``policy``."""
    events = [replace(each, policy=policy) if isinstance(each, Exchange) else each for each in trace.events]
    exchanges = [each for each in events if isinstance(each, Exchange)]
    return remarks_on_choices(exchanges, join(events), since)


def other(trace: Trace, pod: str, method: str = "GET", path: str = "/images/1.png", **fields: Any) -> None:
    """A request of its own that is about no session."""
    number = 1 + sum(isinstance(each, Exchange) for each in trace.events) + 100
    known = {
        "request_id": f"o{number}",
        "client": "127.0.0.1:9",
        "status": 200,
        "outcome": ANSWERED,
        **fields,
    }
    trace.events.append(
        Exchange(
            seq=number,
            method=method,
            path=path,
            policy="",
            pod=pod,
            started=trace.tick(),
            duration_ms=0.5,
            **known,
        )
    )


def in_memory(trace: Trace) -> str:
    trace.pods(USE_REDIS="false")
    return trace.create(A)


def test_a_session_that_turns_found_is_said_to_be_found_by_parity(trace: Trace) -> None:
    challenge = in_memory(trace)
    other(trace, B)
    trace.verify(A, challenge, PASSED)
    (sentence,) = remarks_of(trace)
    assert "found by parity alone: round-robin" in sentence
    assert "1 request (#102 GET /images/1.png) between #1 and #2" in sentence
    assert "`devenv route cookie-sticky`" in sentence
    (sentence,) = remarks_of(trace, "nginx:round_robin")
    assert "ip_hash" in sentence
    assert remarks_of(trace, since=trace.now + 1) == ()


@pytest.mark.parametrize(
    "policy", ["random", "haproxy:first", "nginx:random", "nginx,workers=2", "own.conf", ""]
)
def test_no_parity_where_the_pods_take_no_turns(trace: Trace, policy: str) -> None:
    challenge = in_memory(trace)
    other(trace, B)
    trace.verify(A, challenge, PASSED)
    assert remarks_of(trace, policy) == ()


def test_no_parity_with_sessions_in_redis_nor_where_the_order_was_another(trace: Trace) -> None:
    trace.pods(USE_REDIS="true")
    challenge = trace.create(A, in_redis=True)
    other(trace, B)
    trace.verify(A, challenge, PASSED)
    assert remarks_of(trace) == ()
    another = Trace()
    challenge = in_memory(another)
    for pod in (A, B):
        other(another, pod)
    another.verify(A, challenge, PASSED)
    assert remarks_of(another) == ()


def test_a_kept_connection_found_the_session(trace: Trace) -> None:
    challenge = in_memory(trace)
    trace.verify(A, challenge, PASSED)
    other(trace, B)
    for policy in ("per-connection", "haproxy:tcp-roundrobin", "nginx:stream"):
        (sentence,) = remarks_of(trace, policy)
        assert "#1 and #2 came on one kept connection (127.0.0.1:1)" in sentence
    assert not any("kept connection" in each for each in remarks_of(trace, "source-hash"))
    new = Trace()
    challenge = in_memory(new)
    new.verify(A, challenge, PASSED, client="127.0.0.1:2")
    assert remarks_of(new, "per-connection") == ()


def test_a_cookie_that_did_not_come_back(trace: Trace) -> None:
    challenge = in_memory(trace)
    other(trace, A)
    trace.verify(B, challenge, NOT_FOUND)
    (sentence,) = remarks_of(trace, "cookie-sticky")
    assert "the trace does not tell" in sentence  # that the pod was up then shows only afterwards
    other(trace, A)
    for policy in ("cookie-sticky", "haproxy:cookie", "traefik:sticky_cookie"):
        (sentence,) = remarks_of(trace, policy)
        assert "the client did not send back the cookie that names the pod. Change" in sentence
    assert remarks_of(trace, "round-robin") == ()


def test_a_cookie_is_not_blamed_for_a_restart(trace: Trace) -> None:
    challenge = in_memory(trace)
    trace.restart(A, USE_REDIS="false")
    trace.verify(B, challenge, NOT_FOUND)
    assert remarks_of(trace, "cookie-sticky") == ()


def kept_out(requests: int, back: bool = True) -> Trace:
    trace = Trace()
    trace.pods(USE_REDIS="false")
    other(trace, A, "POST", "/x", status=502, outcome=BROKEN, error="it closed")
    for _ in range(requests):
        other(trace, B)
    if back:
        other(trace, A)
    return trace


def test_a_pod_that_was_kept_out() -> None:
    (sentence,) = remarks_of(kept_out(40), "nginx:round_robin")
    assert "got none of the next 40 requests" in sentence
    assert "max_fails" in sentence
    (sentence,) = remarks_of(kept_out(40, back=False), "caddy:random")
    assert "to the end of the trace" in sentence
    assert "fail_duration" in sentence


@pytest.mark.parametrize(
    ("requests", "policy"),
    [
        (1, "nginx:round_robin"),
        (20, "caddy:random"),
        (40, "nginx:ip_hash"),
        (40, "round-robin"),
        (40, "own.conf"),
    ],
)
def test_no_pod_kept_out_where_chance_or_the_policy_explains_it(requests: int, policy: str) -> None:
    assert remarks_of(kept_out(requests), policy) == ()


def test_a_pod_that_restarted_was_not_kept_out() -> None:
    trace = kept_out(40, back=False)
    trace.restart(A)
    for _ in range(3):
        other(trace, B)
    assert remarks_of(trace, "nginx:round_robin") == ()


def twice(**second: Any) -> Trace:
    trace = Trace()
    trace.pods(USE_REDIS="false")
    body = {"request_body": '{"challenge_id": "c1"}', "request_id": "same"}
    other(trace, A, "POST", "/x", **{**body, "status": 502, "outcome": BROKEN, "error": "it closed"})
    other(trace, B, "POST", "/x", **{**body, **second})
    return trace


@pytest.mark.parametrize(
    ("policy", "who", "change"),
    [
        ("envoy:round_robin,retry_on=reset", "with its retry_on, sent it again", "retry_on"),
        (
            "nginx:round_robin,proxy_next_upstream=non_idempotent",
            "with its proxy_next_upstream",
            "non_idempotent",
        ),
        ("haproxy:roundrobin,retry-on=all-retryable-errors", "with its retry-on", "conn-failure"),
        ("haproxy:roundrobin,retry-on=empty-response", "with its retry-on", "conn-failure"),
        ("haproxy:roundrobin", "Its client sent it again", "send no POST again"),
        ("haproxy:roundrobin,retry-on=conn-failure", "Its client sent it again", "send no POST again"),
        ("nginx:round_robin,proxy_next_upstream=off", "Its client sent it again", "send no POST again"),
        ("envoy:round_robin,retry_on=connect-failure", "Its client sent it again", "send no POST again"),
        ("round-robin", "Its client sent it again", "send no POST again"),
        ("own.conf", "Its client, or the balancer, sent it again", "send no POST again"),
    ],
)
def test_a_post_that_was_delivered_twice(policy: str, who: str, change: str) -> None:
    (sentence,) = remarks_of(twice(), policy)
    assert (
        "delivered twice: #101 to captcha-api-a, which gave no answer, and #102 to captcha-api-b" in sentence
    )
    assert who in sentence
    assert change in sentence
    (sentence,) = remarks_of(twice(request_id="other"), policy)  # on the same connection, at once
    assert who in sentence


@pytest.mark.parametrize(
    "second",
    [
        {"request_id": "other", "client": "127.0.0.1:77"},
        {"request_body": '{"challenge_id": "c2"}'},
    ],
)
def test_another_request_is_no_second_delivery(second: dict[str, Any]) -> None:
    trace = twice(**second)
    other(trace, B, client="127.0.0.1:78")
    assert remarks_of(trace) == ()


@pytest.mark.parametrize(("option", "count"), [("", 0), (",proxy_next_upstream=non_idempotent", 1)])
def test_without_a_body_only_a_balancer_that_sends_again_tells(option: str, count: int) -> None:
    again = twice(request_id="other")
    events = [
        replace(each, request_body=None) if isinstance(each, Exchange) else each for each in again.events
    ]
    again.events[:] = events
    matches = [each for each in remarks_of(again, f"nginx:round_robin{option}") if "twice" in each]
    assert len(matches) == count


def test_the_same_in_many_cases_counts_once(trace: Trace) -> None:
    trace.pods(USE_REDIS="false")
    for number in range(30):
        challenge = trace.create(A, f"{number:02}" * 16)
        other(trace, B)
        trace.verify(A, challenge, PASSED)
        other(trace, B)
    (sentence,) = remarks_of(trace)
    assert sentence.endswith("The same in 20 or more further cases.")


OWN = Path(__file__).parents[1] / "balancers" / "own"


def behind_file(trace: Trace, name: str) -> tuple[str, ...]:
    """The remarks on a trace whose requests were sent behind a balancer with this file of a team."""
    file = own_file(Path(name).name, (OWN / name).read_text(encoding="utf-8"))
    rules = json.dumps(file.rules.to_json())
    trace.events.insert(0, StackEvent(0.0, "balancer_file", None, {"rules": rules}))
    return remarks_of(trace, f"{file.product}:own-file")


@pytest.mark.parametrize(
    ("name", "directive", "remedy"),
    [
        (
            "nginx_non_idempotent.conf",
            "nginx with `upstream captcha_api` without a method (nginx_non_idempotent.conf, line 4)",
            "`sticky cookie srv;` in the upstream (nginx 1.29.6 and newer), in "
            "nginx_non_idempotent.conf, line 4",
        ),
        (
            "haproxy_redispatch.cfg",
            "haproxy with `balance roundrobin` (haproxy_redispatch.cfg, line 28)",
            "in haproxy_redispatch.cfg, line 27",
        ),
        ("envoy/envoy.yaml", "envoy with `lb_policy: ROUND_ROBIN` (envoy.yaml, line 38)", "line 35"),
        ("Caddyfile", "caddy with `lb_policy round_robin` (Caddyfile, line 11)", "line 10"),
    ],
)
def test_parity_names_the_line_of_the_teams_file(
    trace: Trace, name: str, directive: str, remedy: str
) -> None:
    challenge = in_memory(trace)
    other(trace, B)
    trace.verify(A, challenge, PASSED)
    (sentence,) = behind_file(trace, name)
    assert f"found by parity alone: {directive} gives the 2 pods their turns" in sentence
    assert remedy in sentence


def test_an_address_and_a_cookie_name_the_line_of_the_teams_file(trace: Trace) -> None:
    challenge = in_memory(trace)
    trace.verify(A, challenge, PASSED)
    other(trace, B)
    again = deepcopy(trace)
    (sentence,) = behind_file(trace, "nginx_ip_hash.conf")
    assert "nginx with `ip_hash;` (nginx_ip_hash.conf, line 5) chooses it by the client's address" in sentence
    (sentence,) = behind_file(again, "nginx_sticky.conf")
    assert (
        "nginx with `sticky cookie route expires=1h path=/;` (nginx_sticky.conf, line 5) gives clients"
        in sentence
    )
    lost = Trace()
    challenge = in_memory(lost)
    lost.verify(B, challenge, NOT_FOUND)
    (sentence,) = behind_file(lost, "traefik/traefik.yml")
    assert "traefik with `sticky.cookie of captcha` (traefik.yml, line 14) sent #2" in sentence


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (
            "nginx_non_idempotent.conf",
            "nginx, with its `proxy_next_upstream error timeout http_502 non_idempotent;` "
            "(nginx_non_idempotent.conf, line 13), sent it again",
        ),
        (
            "envoy/envoy.yaml",
            "envoy, with its `retry_on: reset,connect-failure` (envoy.yaml, line 29), sent it again",
        ),
        ("haproxy_redispatch.cfg", "Its client sent it again"),
    ],
)
def test_a_second_delivery_names_the_line_of_the_teams_file(trace: Trace, name: str, change: str) -> None:
    trace.pods(USE_REDIS="false")
    other(trace, A, "POST", "/a", outcome=BROKEN, status=502, error="closed", request_id="same")
    other(trace, B, "POST", "/a", request_id="same")
    (sentence,) = behind_file(trace, name)
    assert change in sentence


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("nginx_ip_hash.conf", ""),  # by the address: a pod without requests is no pod kept out
        (
            "nginx_non_idempotent.conf",
            "`max_fails` and `fail_timeout` of the server (default: one failure, 10 s; 0: never); not set in "
            "nginx_non_idempotent.conf, line 4.",
        ),
        ("Caddyfile", "`fail_duration 10s` (Caddyfile, line 13)."),
        ("haproxy_redispatch.cfg", "`check inter 2s` (haproxy_redispatch.cfg, lines 29, 30)."),
    ],
)
def test_a_pod_kept_out_names_the_line_of_the_teams_file(trace: Trace, name: str, decides: str) -> None:
    trace.pods(USE_REDIS="false")
    other(trace, A, outcome=BROKEN, status=502, error="closed")
    for _ in range(20):
        other(trace, B)
    sentences = behind_file(trace, name)
    assert [sentence.partition("What decides it: ")[2] for sentence in sentences] == [decides] * bool(decides)


def test_a_file_whose_choice_is_not_known_is_said_to_be_so(trace: Trace) -> None:
    challenge = in_memory(trace)
    other(trace, B)
    trace.verify(A, challenge, PASSED)
    (sentence,) = behind_file(trace, "nginx_cookie.conf")
    assert sentence.startswith(
        "how nginx chooses a pod with nginx_cookie.conf is not known here (line 37: `hash $cookie_session_id "
        "consistent;` has no model)"
    )
    redis = Trace()
    redis.pods(USE_REDIS="true")
    redis.verify(A, redis.create(A, in_redis=True), PASSED)
    assert behind_file(redis, "nginx_cookie.conf") == ()
