from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import pod_names
from devenv.core.routing import POLICIES, Choice, Policy, RequestFacts, parse_policy

PODS = pod_names(3)
A, B, C = PODS
SPELLINGS = {"weighted": "weighted:a=3,b=1", "pinned": "pinned:b", "cohort": "cohort:a=off,b=on,c=on"}
ALL = [SPELLINGS.get(name, name) for name in POLICIES]


def choose(
    policy: Policy,
    candidates: Sequence[str] = PODS,
    *,
    client: str = "10.0.0.1",
    previous: str | None = None,
    cookie: str | None = None,
    in_flight: dict[str, int] | None = None,
    rng: Random | None = None,
) -> Choice:
    facts = RequestFacts(client, 1, previous, cookie)
    return policy.choose(facts, candidates, in_flight or {}, rng or Random(0))


def letters(policy: Policy, count: int, candidates: Sequence[str] = PODS, rng: Random | None = None) -> str:
    generator = rng or Random(0)
    return "".join(choose(policy, candidates, rng=generator).pod[-1] for _ in range(count))


def test_round_robin_is_exact() -> None:
    assert letters(parse_policy("round-robin", PODS), 7) == "abcabca"


def test_round_robin_goes_on_where_it_was_when_a_pod_is_away() -> None:
    policy = parse_policy("round-robin", PODS)
    assert letters(policy, 1) == "a"
    assert letters(policy, 3, (A, C)) == "cac"
    assert letters(policy, 3) == "abc"


def test_random_is_the_same_for_the_same_seed_and_reaches_every_pod() -> None:
    first = letters(parse_policy("random", PODS), 300, rng=Random(7))
    assert first == letters(parse_policy("random", PODS), 300, rng=Random(7))
    assert first != letters(parse_policy("random", PODS), 300, rng=Random(8))
    assert min(Counter(first).values()) > 70 and set(first) == {"a", "b", "c"}


def test_least_in_flight_takes_the_least_busy_and_equals_in_turn() -> None:
    policy = parse_policy("least-in-flight", PODS)
    assert choose(policy, in_flight={A: 2, B: 1, C: 3}).pod == B
    assert choose(policy, (A, C), in_flight={A: 2, B: 0, C: 3}).pod == A
    assert letters(parse_policy("least-in-flight", PODS), 4) == "abca"


@given(st.lists(st.ip_addresses().map(str), min_size=1, max_size=30), st.sampled_from(PODS))
def test_source_hash_moves_only_the_clients_of_a_pod_that_went(clients: list[str], gone: str) -> None:
    policy = parse_policy("source-hash", PODS)
    rest = tuple(pod for pod in PODS if pod != gone)
    for client in clients:
        home = choose(policy, client=client).pod
        assert choose(policy, client=client).pod == home
        moved = choose(policy, rest, client=client).pod
        assert moved == home or home == gone


def test_source_hash_is_the_same_in_every_process_and_spreads() -> None:
    policy = parse_policy("source-hash", PODS)
    spread = Counter(choose(policy, client=f"10.0.{i}.{j}").pod for i in range(20) for j in range(20))
    assert min(spread.values()) > 100
    # pinned: a change here sends everybody's clients elsewhere
    assert [choose(policy, client=f"10.0.0.{i}").pod[-1] for i in range(1, 9)] == list("cccacbcb")


def test_cookie_sticky_sets_the_cookie_once_and_follows_it() -> None:
    policy = parse_policy("cookie-sticky", PODS)
    first = choose(policy)
    assert first == (A, A)
    assert choose(policy, cookie=A) == (A, None)
    assert choose(policy, cookie=C) == (C, None)
    assert choose(policy) == (B, B), "sticky requests use up no turn"
    assert choose(policy, (B, C), cookie=A) == (C, C), "its pod is dead"
    assert choose(policy, cookie="nonsense") == (A, A)


def test_per_connection_keeps_the_pod_while_it_lives() -> None:
    policy = parse_policy("per-connection", PODS)
    assert policy.keeps_connection
    assert all(choose(policy, previous=B, rng=Random(seed)).pod == B for seed in range(20))
    assert {choose(policy, (A, C), previous=B, rng=Random(seed)).pod for seed in range(20)} == {A, C}
    assert {choose(policy, rng=Random(seed)).pod for seed in range(20)} == set(PODS)


def test_weighted_is_smooth_as_in_nginx() -> None:
    # the example of nginx's commit 52327e0627f4
    assert letters(parse_policy("weighted:a=5,b=1,c=1", PODS), 7) == "aabacaa"
    assert letters(parse_policy("weighted:a=3,b=1", PODS[:2]), 8, PODS[:2]) == "aabaaaba"


def test_weight_0_is_used_only_where_nothing_else_is_alive() -> None:
    policy = parse_policy("weighted:a=0,b=1,c=1", PODS)
    assert letters(policy, 4) == "bcbc"
    assert letters(policy, 2, (A,)) == "aa"


@given(
    st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any),
)
def test_weighted_gives_every_pod_its_share_in_each_cycle(weights: list[int]) -> None:
    text = "weighted:" + ",".join(f"{pod}={weight}" for pod, weight in zip(PODS, weights, strict=True))
    counted = Counter(letters(parse_policy(text, PODS), sum(weights)))
    assert [counted[letter] for letter in "abc"] == weights


def test_pinned_stays_when_its_pod_is_dead() -> None:
    policy = parse_policy("pinned:b", PODS)
    assert policy.pin == B
    assert choose(policy, (A, C)).pod == B


def test_cohort_keeps_a_client_with_the_group_of_its_first_pod() -> None:
    policy, rng = parse_policy("cohort:a=off,b=on,c=on", PODS), Random(1)
    first = choose(policy, rng=rng)
    assert first.set_cookie == ("off" if first.pod == A else "on")
    assert {choose(policy, cookie="on", rng=rng) for _ in range(50)} == {Choice(B), Choice(C)}
    assert {choose(policy, cookie="off", rng=rng) for _ in range(50)} == {Choice(A)}
    assert choose(policy, (B,), cookie="off", rng=rng) == Choice(B, "on"), "none of its group is left"


def test_cohort_can_give_new_sessions_to_one_group_alone() -> None:
    policy, rng = parse_policy("cohort:a=off,b=on,c=on,new=on", PODS), Random(1)
    assert {choose(policy, rng=rng) for _ in range(50)} == {Choice(B, "on"), Choice(C, "on")}
    assert choose(policy, cookie="off", rng=rng) == Choice(A)
    assert choose(policy, (A,), rng=rng) == Choice(A, "off")


@pytest.mark.parametrize("text", ALL)
def test_the_text_form_round_trips(text: str) -> None:
    policy = parse_policy(text, PODS)
    again = parse_policy(policy.text, PODS)
    assert again.text == policy.text
    assert letters(policy, 20, rng=Random(3)) == letters(again, 20, rng=Random(3))


@pytest.mark.parametrize("text", ALL)
@given(data=st.data())
def test_only_candidates_are_chosen(text: str, data: st.DataObject) -> None:
    policy = parse_policy(text, PODS)
    for seed in range(10):
        candidates = data.draw(st.lists(st.sampled_from(PODS), min_size=1, unique=True).map(sorted))
        chosen = choose(
            policy,
            candidates,
            previous=data.draw(st.sampled_from([None, *PODS])),
            cookie=data.draw(st.sampled_from([None, *PODS])),
            rng=Random(seed),
        ).pod
        assert chosen in candidates or chosen == policy.pin


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("fastest", "unknown policy 'fastest'", ", ".join(POLICIES)),
        ("", "unknown policy ''", "round-robin"),
        ("random:a", "policy random takes no argument", "write random"),
        ("pinned", "policy pinned needs a pod", "pinned:captcha-api-a"),
        ("pinned:z", "unknown pod 'z'", "captcha-api-a, captcha-api-b, captcha-api-c"),
        ("weighted", "policy weighted needs weights", "weighted:a=3,b=1"),
        ("weighted:a=3,z=1", "unknown pod 'z'", "captcha-api-a"),
        ("weighted:a", "weight 'a' is not POD=WHOLE NUMBER", "weighted:a=3,b=1"),
        ("weighted:a=-1", "weight 'a=-1'", "weighted:a=3,b=1"),
        ("weighted:a=²", "weight 'a=²'", "weighted:a=3,b=1"),
        ("weighted:a=1,A=2", "captcha-api-a has two weights", ""),
        ("weighted:a=0,b=0,c=0", "at least one pod needs a weight above 0", ""),
        ("weighted:a=99999999", "above 1000000", ""),
        ("cohort", "policy cohort names no group for captcha-api-a", "cohort:a=off,b=on"),
        ("cohort:a=off,b=", "cohort 'b=' is not POD=GROUP", "cohort:a=off,b=on"),
        ("cohort:a=off,b=on", "names no group for captcha-api-c", "cohort:a=off,b=on"),
        ("cohort:a=off,a=on,b=on,c=on", "captcha-api-a has two groups", ""),
        ("cohort:a=off,b=on,c=on,new=x", "no pod is in the group 'x'", ""),
    ],
)
def test_a_wrong_text_says_what_is_wrong_and_what_there_is(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_policy(text, PODS)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def crossing_share(text: str, *, keep_alive: bool) -> float:
    """The share of 1,000 create→verify pairs whose verify meets another pod than its create."""
    pods = pod_names(5)
    policy, rng = parse_policy(text, pods), Random(1)
    previous: str | None = None
    crossed = 0
    for _ in range(1000):
        pair = []
        for _ in range(2):
            facts = RequestFacts("10.0.0.1", 1, previous if keep_alive else None, None)
            pair.append(policy.choose(facts, pods, {}, rng).pod)
            previous = pair[-1]
        crossed += pair[0] != pair[1]
    return crossed / 1000


@pytest.mark.parametrize(
    ("text", "keep_alive", "share"),
    [
        ("random", True, 0.8),
        ("source-hash", True, 0.0),
        ("pinned:c", False, 0.0),
        ("per-connection", True, 0.0),
        ("per-connection", False, 0.8),
        ("round-robin", True, 1.0),
    ],
)
def test_how_often_a_verify_meets_another_of_five_pods(text: str, keep_alive: bool, share: float) -> None:
    assert abs(crossing_share(text, keep_alive=keep_alive) - share) <= (0.04 if 0 < share < 1 else 0)
