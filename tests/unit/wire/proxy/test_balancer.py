from __future__ import annotations

from random import Random

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.routing import RequestFacts
from devenv.wire.http.heads import parse_request_head
from devenv.wire.proxy.balancer import Balancer, request_facts

A, B, C = "captcha-api-a", "captcha-api-b", "captcha-api-c"
FACTS = RequestFacts("127.0.0.1", 1)


def balancer(policy: str = "round-robin", *pods: str) -> Balancer:
    made = Balancer(policy, Random(0))
    made.set_pods(pods or (A, B, C))
    return made


def chosen(made: Balancer, unreachable: tuple[str, ...] = ()) -> str | None:
    choice = made.choose(FACTS, unreachable)
    return None if choice is None else choice.pod


def test_it_asks_the_policy_among_the_pods_that_are_up() -> None:
    made = balancer()
    assert [chosen(made) for _ in range(4)] == [A, B, C, A]
    made.alive = (A, C)
    assert [chosen(made) for _ in range(3)] == [C, A, C]


def test_pods_that_seem_down_are_tried_when_the_others_are_used_up() -> None:
    made = balancer()
    made.alive = (A,)
    assert chosen(made) == A
    assert {chosen(made, (A,)), chosen(made, (A,))} == {B, C}
    assert chosen(made, (A, B)) == C
    assert chosen(made, (A, B, C)) is None
    made.alive = ()
    assert chosen(made) in (A, B, C)


def test_without_pods_there_is_nothing_to_choose() -> None:
    made = Balancer("round-robin", Random(0))
    made.set_pods(())
    assert chosen(made) is None


def test_other_pods_keep_their_counts_and_start_the_policy_anew() -> None:
    made = balancer()
    chosen(made)
    made.in_flight[A] = 2
    made.set_pods((B, "captcha-api-d"))
    assert made.in_flight == {A: 2, B: 0, C: 0, "captcha-api-d": 0}
    assert (made.pods, made.alive, chosen(made)) == ((B, "captcha-api-d"), (B, "captcha-api-d"), B)


def test_an_unknown_policy_or_pod_changes_nothing() -> None:
    made = balancer("pinned:b")
    for text in ("fastest", "pinned:z"):
        with pytest.raises(UsageProblem):
            made.set_policy(text)
    with pytest.raises(UsageProblem):
        made.set_pods((A,))
    assert (made.policy_text, made.pods, made.policy.pin) == (f"pinned:{B}", (A, B, C), B)
    made.set_policy("random")
    assert (made.policy_text, made.policy.pin) == ("random", None)


@pytest.mark.parametrize(("pin", "pod"), [("b", B), ("B", B), (B, B), ("z", None), ("", None)])
def test_a_pin_names_a_pod_in_full_or_by_its_letter(pin: str, pod: str | None) -> None:
    assert balancer().named(pin) == pod


@pytest.mark.parametrize(
    ("fields", "client", "cookie"),
    [
        ("", "127.0.0.1", None),
        ("X-Forwarded-For: 10.0.0.1 , 10.0.0.2\r\n", "10.0.0.1", None),
        ("Cookie: a=b; devenv_pod=captcha-api-b\r\n", "127.0.0.1", B),
    ],
)
def test_what_a_policy_may_know_of_a_request(fields: str, client: str, cookie: str | None) -> None:
    parsed = parse_request_head(f"GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n".encode())
    assert parsed is not None
    facts = request_facts(parsed[0], FACTS._replace(previous=A))
    assert (facts.client, facts.cookie, facts.connection, facts.previous) == (client, cookie, 1, A)
