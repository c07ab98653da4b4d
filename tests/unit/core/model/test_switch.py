from __future__ import annotations

import pytest

from devenv.core.model.switch import USUAL, Switch, names_address, state_of

BACKEND = Switch.of({"SESSION_BACKEND": "redis"}, {"SESSION_BACKEND": "memory"})


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        (BACKEND, "SESSION_BACKEND=redis, not SESSION_BACKEND=memory: SESSION_BACKEND"),
        (Switch.of({"REDIS": "{redis_url}"}, {}), "REDIS=redis://HOST:PORT/0, not no REDIS: REDIS"),
        (
            Switch.of({"REDIS": "{redis_host}:{redis_port}"}, {"REDIS": ""}),
            'REDIS=HOST:PORT, not REDIS="": REDIS',
        ),
        (Switch.of({}, {"IN_MEMORY": "1"}), "no IN_MEMORY, not IN_MEMORY=1: IN_MEMORY"),
        (Switch.of({"A": "1", "B": "2"}, {"A": "0"}), "A=1 B=2, not A=0: A and B"),
        (Switch.of({}, {}), "sessions in Redis, not nothing in Redis: settings"),
        (USUAL, "USE_REDIS=true, not USE_REDIS=false: USE_REDIS"),
    ],
)
def test_a_text_about_use_redis_in_words_of_another_switch(switch: Switch, words: str) -> None:
    assert switch.renamed("USE_REDIS=true, not USE_REDIS=false: USE_REDIS") == words


def test_longer_names_and_other_values_stay() -> None:
    assert BACKEND.renamed("USE_REDIS_CLUSTER=true") == "USE_REDIS_CLUSTER=true"
    assert USUAL.usual
    assert not BACKEND.usual
    assert Switch.of({"USE_REDIS": "true"}, {"USE_REDIS": "false"}) == USUAL


ADDRESS, TWO = ({"CACHE_URL": "redis://a:1/0"}, {"CACHE_URL": ""}), ({"A": "1", "B": "redis"}, {"A": "0"})

PAIR = ({"CACHE_URL": "a:1"}, {"CACHE_URL": ""})


@pytest.mark.parametrize(
    ("switch", "variables", "state"),
    [
        (ADDRESS, {"CACHE_URL": "redis://a:1/0"}, True),
        (ADDRESS, {"CACHE_URL": ""}, False),
        (ADDRESS, {}, False),
        (ADDRESS, {"CACHE_URL": "redis://b:2/0"}, True),
        (ADDRESS, {"CACHE_URL": "rediss://b:2/0"}, True),
        (ADDRESS, {"CACHE_URL": "rediscache://b:2/0"}, True),
        (ADDRESS, {"CACHE_URL": "unix:///run/redis.sock"}, True),
        (ADDRESS, {"CACHE_URL": "locmemcache://"}, None),
        (ADDRESS, {"CACHE_URL": "memory"}, None),
        (PAIR, {"CACHE_URL": "b:2"}, True),
        (PAIR, {"CACHE_URL": "memory"}, None),
        (PAIR, {"CACHE_URL": "locmemcache://"}, None),
        (TWO, {"A": "1", "B": "Redis"}, True),
        (TWO, {"A": "0"}, False),
        (TWO, {"A": "1"}, None),
        (TWO, {"A": "1", "B": "file"}, None),
    ],
)
def test_how_a_switch_stands(
    switch: tuple[dict[str, str], dict[str, str]], variables: dict[str, str], state: bool | None
) -> None:
    assert state_of(*switch, variables, ["CACHE_URL"]) is state


@pytest.mark.parametrize(
    ("value", "address"),
    [("{redis_url}", True), ("{redis_host}", True), ("redis://h:1", True), ("redis", False), ("", False)],
)
def test_which_values_carry_an_address(value: str, address: bool) -> None:
    assert names_address(value) is address
